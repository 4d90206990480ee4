#!/usr/bin/python
"""Own module because community.aws.secretsmanager_secret takes the value as an option; here no value passes through Ansible."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: A secret whose value is generated once and never read
description:
  - Creates the secret with a password that Secrets Manager generates. The value is never read, returned or changed
    afterwards; rotation and people own it.
  - Brings back a secret that was scheduled for deletion.
options:
  name: {description: Name, type: str, required: true}
  description: {description: What it is for, type: str, default: ""}
  kms_key_id: {description: Key that encrypts it, type: str}
  length: {description: "Length of the generated password, letters and digits only", type: int, default: 64}
  username: {description: "When given, the value is JSON with username and password, else the password alone", type: str}
  recovery_days: {description: "Days for which a removed secret can be had back, 7 to 30; 0 is at once", type: int, default: 30}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the secret key of Django
  secret:
    name: campshub360-tier1/django-secret-key
    description: Signs sessions
    kms_key_id: alias/campshub360-tier1
"""

RETURN = r"""
resource: {description: "The secret's state, without its value", type: dict, returned: success}
"""

import json

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import unless_missing
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.secrets import generate
from ops.aws.tags import tags_from, tags_to


class Secret(Resource):
    noun = "secret"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.secrets = module.client("secretsmanager")

    def read(self) -> State | None:
        secret = unless_missing("ResourceNotFoundException", self.secrets.describe_secret, SecretId=self.name)
        going = bool(secret and secret.get("DeletedDate"))
        if secret is None or (going and self.params["state"] == "absent"):
            return None
        return {
            "arn": secret["ARN"],
            "description": secret.get("Description", ""),
            "kms_key_id": secret.get("KmsKeyId"),
            "scheduled_for_deletion": going,
            "tags": tags_from(secret.get("Tags", [])),
        }

    def desired(self, found: State | None) -> State:
        return {
            "description": self.params["description"],
            "kms_key_id": self.params["kms_key_id"],
            "scheduled_for_deletion": False,
            "tags": self.params["tags"],
        }

    def create(self, desired: State) -> None:
        self.secrets.create_secret(
            Name=self.name,
            Description=desired["description"],
            KmsKeyId=desired["kms_key_id"],
            SecretString=self.generate(),
            Tags=tags_to(desired["tags"]),
        )

    def generate(self) -> str:
        password = generate(self.secrets, self.params["length"])
        username = self.params["username"]
        return json.dumps({"username": username, "password": password}) if username else password

    def update(self, found: State, changes: State) -> None:
        if "scheduled_for_deletion" in changes:
            self.secrets.restore_secret(SecretId=self.name)
        if changes.keys() & {"description", "kms_key_id"}:
            desired = self.desired(found)
            self.secrets.update_secret(
                SecretId=self.name, Description=desired["description"], KmsKeyId=desired["kms_key_id"]
            )
        if "tags" in changes:
            self.secrets.tag_resource(SecretId=self.name, Tags=tags_to(changes["tags"]))
            if surplus := found["tags"].keys() - changes["tags"].keys():
                self.secrets.untag_resource(SecretId=self.name, TagKeys=sorted(surplus))

    def delete(self, found: State) -> None:
        days = self.params["recovery_days"]
        how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        self.secrets.delete_secret(SecretId=self.name, **how)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "description": {"default": ""},
            "kms_key_id": {},
            "length": {"type": "int", "default": 64},
            "username": {},
            "recovery_days": {"type": "int", "default": 30},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["kms_key_id"])],
        supports_check_mode=True,
    )
    run(Secret(module))


if __name__ == "__main__":
    main()
