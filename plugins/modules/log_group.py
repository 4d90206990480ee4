#!/usr/bin/python
"""Own module because amazon.aws.cloudwatchlogs_log_group sets a retention in check mode and deletes the group over a wrong one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_group
short_description: A CloudWatch log group
description:
  - Creates, updates or deletes a log group. Removing it removes its log.
options:
  name: {description: Name, type: str, required: true}
  retention_days: {description: Days that events are kept; one of the numbers that AWS allows, type: int}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the application's log group
  log_group:
    name: /ecs/campshub360-tier1
    retention_days: 30
"""

RETURN = r"""
resource: {description: "The log group, with its arn", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run


class LogGroup(Resource):
    noun = "log group"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.logs = module.client("logs")

    def read(self) -> State | None:
        groups = self.logs.describe_log_groups(logGroupNamePrefix=self.name)["logGroups"]
        mine = [group for group in groups if group["logGroupName"] == self.name]
        if not mine:
            return None
        arn = mine[0]["arn"].removesuffix(":*")
        return {
            "arn": arn,
            "retention_days": mine[0].get("retentionInDays"),
            "tags": self.logs.list_tags_for_resource(resourceArn=arn)["tags"],
        }

    def desired(self, found: State | None) -> State:
        return {"retention_days": self.params["retention_days"], "tags": self.params["tags"]}

    def create(self, desired: State) -> None:
        self.logs.create_log_group(logGroupName=self.name, tags=desired["tags"])
        self.set_retention(desired["retention_days"])

    def update(self, found: State, changes: State) -> None:
        if "retention_days" in changes:
            self.set_retention(changes["retention_days"])
        if "tags" in changes:
            self.logs.tag_resource(resourceArn=found["arn"], tags=changes["tags"])
            if surplus := found["tags"].keys() - changes["tags"].keys():
                self.logs.untag_resource(resourceArn=found["arn"], tagKeys=sorted(surplus))

    def set_retention(self, days: int) -> None:
        self.logs.put_retention_policy(logGroupName=self.name, retentionInDays=days)

    def delete(self, found: State) -> None:
        self.logs.delete_log_group(logGroupName=self.name)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "retention_days": {"type": "int"},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["retention_days"])],
        supports_check_mode=True,
    )
    run(LogGroup(module))


if __name__ == "__main__":
    main()
