#!/usr/bin/python
"""Own module because amazon.aws.iam_policy fails under --check while its role is missing, and never removes what others added."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_role
short_description: An IAM role that an AWS service assumes, and all that it may do
description:
  - Creates, updates or deletes a role whose permissions are one inline policy. Other policies, inline or attached, are removed.
options:
  name: {description: Name, type: str, required: true}
  description: {description: What the role is for, type: str, default: ""}
  assume_role_policy: {description: Policy document that says who may assume it, type: dict}
  policy: {description: Policy document that says what it may do, type: dict}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the application's role
  service_role:
    name: campshub360-tier1-task
    assume_role_policy:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: sts:AssumeRole, Principal: {Service: ecs-tasks.amazonaws.com}}]
    policy:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: s3:GetObject, Resource: "arn:aws:s3:::campshub360-media/*"}]
"""

RETURN = r"""
resource: {description: "The role, with its arn", type: dict, returned: success}
"""

import json

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import unless_missing
from ops.aws.policies import Policy, reworded
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tags import tags_from, tags_to

POLICY_NAME = "permissions"


class ServiceRole(Resource):
    noun = "IAM role"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.iam = module.client("iam")

    def read(self) -> State | None:
        answer = unless_missing("NoSuchEntity", self.iam.get_role, RoleName=self.name)
        if answer is None:
            return None
        role = answer["Role"]
        return {
            "arn": role["Arn"],
            "description": role.get("Description", ""),
            "assume_role_policy": reworded(role["AssumeRolePolicyDocument"], self.params["assume_role_policy"]),
            "policies": self.inline_policies(),
            "attached_policies": self.attached_policies(),
            "tags": tags_from(role.get("Tags", [])),
        }

    def inline_policies(self) -> dict[str, Policy | None]:
        names = self.iam.list_role_policies(RoleName=self.name)["PolicyNames"]
        found = {
            name: self.iam.get_role_policy(RoleName=self.name, PolicyName=name)["PolicyDocument"] for name in names
        }
        if POLICY_NAME in found:
            found[POLICY_NAME] = reworded(found[POLICY_NAME], self.params["policy"])
        return found

    def attached_policies(self) -> list[str]:
        attached = self.iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]
        return sorted(policy["PolicyArn"] for policy in attached)

    def desired(self, found: State | None) -> State:
        return {
            "description": self.params["description"],
            "assume_role_policy": self.params["assume_role_policy"],
            "policies": {POLICY_NAME: self.params["policy"]},
            "attached_policies": [],
            "tags": self.params["tags"],
        }

    def create(self, desired: State) -> None:
        self.iam.create_role(
            RoleName=self.name,
            Description=desired["description"],
            AssumeRolePolicyDocument=json.dumps(desired["assume_role_policy"]),
            Tags=tags_to(desired["tags"]),
        )
        self.put_policies(desired["policies"])

    def update(self, found: State, changes: State) -> None:
        if "description" in changes:
            self.iam.update_role(RoleName=self.name, Description=changes["description"])
        if "assume_role_policy" in changes:
            document = json.dumps(changes["assume_role_policy"])
            self.iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=document)
        if "policies" in changes:
            self.put_policies(changes["policies"])
        self.remove_policies(found["policies"].keys() - {POLICY_NAME}, found["attached_policies"])
        if "tags" in changes:
            self.iam.tag_role(RoleName=self.name, Tags=tags_to(changes["tags"]))
            if surplus := found["tags"].keys() - changes["tags"].keys():
                self.iam.untag_role(RoleName=self.name, TagKeys=sorted(surplus))

    def put_policies(self, policies: dict[str, Policy]) -> None:
        for name, policy in policies.items():
            self.iam.put_role_policy(RoleName=self.name, PolicyName=name, PolicyDocument=json.dumps(policy))

    def remove_policies(self, inline: set[str], attached: list[str]) -> None:
        for name in sorted(inline):
            self.iam.delete_role_policy(RoleName=self.name, PolicyName=name)
        for arn in attached:
            self.iam.detach_role_policy(RoleName=self.name, PolicyArn=arn)

    def delete(self, found: State) -> None:
        self.remove_policies(set(found["policies"]), found["attached_policies"])
        self.iam.delete_role(RoleName=self.name)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "description": {"default": ""},
            "assume_role_policy": {"type": "dict"},
            "policy": {"type": "dict"},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["assume_role_policy", "policy"])],
        supports_check_mode=True,
    )
    run(ServiceRole(module))


if __name__ == "__main__":
    main()
