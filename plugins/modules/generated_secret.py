#!/usr/bin/python
"""Own module because community.aws.secretsmanager_secret wants the value from Ansible; ours lets nobody see it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: generated_secret
short_description: A secret of Secrets Manager with a generated value
description:
  - Makes a secret whose value AWS generates, or repairs or removes it. One that is scheduled for deletion is restored.
  - The value is state. It's generated once, never changed, and never returned; nor does it pass through Ansible.
options:
  name: {description: Name, type: str, required: true}
  description: {description: What the secret is for, type: str, default: ""}
  kms_key_id: {description: "Key that encrypts it, by id, ARN or alias", type: str}
  secret_string_template:
    description: Fields of a JSON value, to which the generated one is added. Without it the value is plain text.
    type: dict
  generate_string_key: {description: Name of the generated field of a JSON value, type: str}
  password_length: {description: Characters to generate, type: int, default: 50}
  exclude_characters: {description: Characters never generated, type: str, default: ""}
  exclude_punctuation: {description: Whether to generate letters and digits only, type: bool, default: false}
  recovery_window_days:
    description: Days that a removed secret can still be restored, 7 to 30; 0 removes it at once.
    type: int
    default: 30
  tags: {description: Tags; others are removed, type: dict, default: {}}
  state: {description: Whether it exists, type: str, choices: [present, absent], default: present}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Keep the application's database login
  generated_secret:
    name: campshub360-tier1/database-app
    kms_key_id: alias/campshub360-tier1
    secret_string_template: {username: campshub360_app}
    generate_string_key: password
    exclude_punctuation: true
"""

RETURN = r"""
resource: {description: "The secret, with its arn and without its value", type: dict, returned: success}
"""

import json
from typing import Any

from ansible.module_utils.aws_resource import (
    STATE_OPTION,
    TAGS_OPTION,
    Resource,
    State,
    run,
    tags_from,
    tags_to,
    unless_missing,
)
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule


def password_request(params: State) -> State:
    """What GetRandomPassword is asked for."""
    return {
        "PasswordLength": params["password_length"],
        "ExcludeCharacters": params["exclude_characters"],
        "ExcludePunctuation": params["exclude_punctuation"],
    }


def secret_string(params: State, password: str) -> str:
    """The value: the password itself, or a JSON object that holds it."""
    if params["generate_string_key"] is None:
        return password
    return json.dumps({**(params["secret_string_template"] or {}), params["generate_string_key"]: password})


class GeneratedSecret(Resource):
    noun = "secret"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.secrets = module.client("secretsmanager")

    def read(self) -> State | None:
        secret = unless_missing("ResourceNotFoundException", self.secrets.describe_secret, SecretId=self.name)
        if secret is None or self.is_gone(secret):
            return None
        return {
            "arn": secret["ARN"],
            "description": secret.get("Description", ""),
            "kms_key_id": self.same_key(secret.get("KmsKeyId")),
            "deletion_scheduled": "DeletedDate" in secret,
            "tags": tags_from(secret.get("Tags", [])),
        }

    def is_gone(self, secret: dict[str, Any]) -> bool:
        """To who wants it absent, a secret that is scheduled for deletion is."""
        return self.params["state"] == "absent" and "DeletedDate" in secret

    def same_key(self, found: str | None) -> str | None:
        """The key as the options name it, if it's that one: an alias and an ARN can mean the same key."""
        wanted = self.params["kms_key_id"]
        if found is None or wanted is None or found == wanted:
            return found
        kms = self.module.client("kms")
        keys = [unless_missing("NotFoundException", kms.describe_key, KeyId=key) for key in (found, wanted)]
        same = all(keys) and keys[0]["KeyMetadata"]["Arn"] == keys[1]["KeyMetadata"]["Arn"]
        return str(wanted) if same else found

    def wanted(self, found: State | None) -> State:
        return {
            "description": self.params["description"],
            "kms_key_id": self.params["kms_key_id"],
            "deletion_scheduled": False,
            "tags": self.params["tags"],
        }

    def create(self, wanted: State) -> None:
        password = self.secrets.get_random_password(**password_request(self.params))["RandomPassword"]
        self.secrets.create_secret(
            Name=self.name,
            Description=wanted["description"],
            KmsKeyId=wanted["kms_key_id"],
            SecretString=secret_string(self.params, password),
            Tags=tags_to(wanted["tags"]),
        )

    def update(self, found: State, changes: State) -> None:
        if "deletion_scheduled" in changes:
            self.secrets.restore_secret(SecretId=self.name)
        fields = {"description": "Description", "kms_key_id": "KmsKeyId"}
        if request := {aws: changes[ours] for ours, aws in fields.items() if ours in changes}:
            self.secrets.update_secret(SecretId=self.name, **request)
        if "tags" in changes:
            self.secrets.tag_resource(SecretId=self.name, Tags=tags_to(changes["tags"]))
            if surplus := found["tags"].keys() - changes["tags"].keys():
                self.secrets.untag_resource(SecretId=self.name, TagKeys=sorted(surplus))

    def delete(self, found: State) -> None:
        days = self.params["recovery_window_days"]
        window = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        self.secrets.delete_secret(SecretId=self.name, **window)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "description": {"default": ""},
            "kms_key_id": {},
            "secret_string_template": {"type": "dict", "no_log": False},
            "generate_string_key": {"no_log": False},
            "password_length": {"type": "int", "default": 50, "no_log": False},
            "exclude_characters": {"default": ""},
            "exclude_punctuation": {"type": "bool", "default": False},
            "recovery_window_days": {"type": "int", "default": 30},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["kms_key_id"])],
        required_by={"secret_string_template": ["generate_string_key"]},
        supports_check_mode=True,
    )
    run(GeneratedSecret(module))


if __name__ == "__main__":
    main()
