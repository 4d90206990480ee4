"""A stack's IAM roles and its KMS key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ops.aws.errors import unless_missing
from ops.aws.tags import tags_from
from ops.stack.model import Stack
from ops.stack.naming import key_alias
from ops.stack.resources.item import Item, belongs, until


def find_roles(iam: Any, stack: Stack) -> Iterator[Item]:
    """Yield the IAM roles."""
    for page in iam.get_paginator("list_roles").paginate():
        for name in (role["RoleName"] for role in page["Roles"] if belongs(stack, role["RoleName"], {})):
            if belongs(stack, name, tags_from(iam.list_role_tags(RoleName=name)["Tags"])):
                yield Item("IAM role", name, f"aws iam delete-role --role-name {name}")


def find_key(kms: Any, stack: Stack) -> Iterator[Item]:
    """Yield the key that has the stack's alias."""
    if answer := unless_missing("NotFoundException", kms.describe_key, KeyId=key_alias(stack.name)):
        yield key_item(answer["KeyMetadata"])


def key_item(key: Mapping[str, Any]) -> Item:
    """Return the item of a KMS key, from its metadata."""
    item = Item("key", key["KeyId"], f"aws kms schedule-key-deletion --key-id {key['KeyId']}", key["Arn"])
    if key["KeyState"] != "PendingDeletion":
        return replace(item, holds="what it encrypted can't be read without it")
    command = f"aws kms cancel-key-deletion --key-id {item.name}"
    return replace(item, kept=until(key["DeletionDate"]), command=command)
