"""A stack's secrets, and the database's master secret, which RDS makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.aws.errors import unless_missing
from ops.aws.tags import tags_from
from ops.stack.model import Stack
from ops.stack.resources.item import Item, belongs, until

MASTER_OF = "aws:rds:primaryDBInstanceArn"


def find_secrets(secretsmanager: Any, stack: Stack) -> Iterator[Item]:
    """Yield the secrets, those about to be deleted too."""
    for page in secretsmanager.get_paginator("list_secrets").paginate(IncludePlannedDeletion=True):
        for listed in page["SecretList"]:
            tags = tags_from(listed.get("Tags", []))
            if is_master_secret(stack, tags) or belongs(stack, listed["Name"], tags):
                # The list may be five minutes old: API_ListSecrets.html
                now = unless_missing(
                    "ResourceNotFoundException", secretsmanager.describe_secret, SecretId=listed["ARN"]
                )
                if now is not None:
                    yield secret_item(listed["Name"], listed["ARN"], now)


def is_master_secret(stack: Stack, tags: Mapping[str, str]) -> bool:
    """Return whether RDS made a secret for the stack's database."""
    return tags.get(MASTER_OF, "").endswith(f":{stack.account_id}:db:{stack.name}")


def secret_item(name: str, arn: str, secret: Mapping[str, Any]) -> Item:
    """Return the item of a secret, from its description."""
    deleted = secret.get("DeletedDate")
    command = f"aws secretsmanager {'restore-secret' if deleted else 'delete-secret'} --secret-id {name}"
    return Item("secret", name, command, arn, kept=until(deleted) if deleted else "")
