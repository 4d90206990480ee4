#!/usr/bin/python
"""Own module because community.aws.elb_target_group has no check mode and no diff."""

from __future__ import annotations

DOCUMENTATION = r"""
module: target_group
short_description: A target group of an Application Load Balancer
description:
  - Creates, updates or deletes a target group of type C(ip). Never registers or deregisters targets; ECS does that.
options:
  name: {description: Name, type: str, required: true}
  vpc_id: {description: The VPC of the targets. Can't change, type: str}
  port: {description: Port on which targets listen. Can't change, type: int}
  health_check:
    description: How the load balancer decides that a target is healthy.
    type: dict
    suboptions:
      path: {description: Path asked for, type: str, default: /}
      interval_seconds: {description: From 5 to 300, type: int, default: 30}
      timeout_seconds: {description: From 2 to 120, type: int, default: 5}
      healthy_threshold: {description: From 2 to 10, type: int, default: 5}
      unhealthy_threshold: {description: From 2 to 10, type: int, default: 2}
      success_codes: {description: Such as 200 or 200-299, type: str, default: "200"}
  attributes: {description: Attributes by AWS's own names. Others are left alone, type: dict, default: {}}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create a target group for the blue tasks
  target_group:
    name: campshub360-tier1-blue
    vpc_id: vpc-0123456789abcdef0
    port: 8000
    health_check: {path: /readyz}
    attributes: {deregistration_delay.timeout_seconds: "30"}
"""

RETURN = r"""
resource: {description: "The target group, with its arn", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.elb import tags_of
from ops.aws.errors import unless_missing
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tagging import tag_elb
from ops.aws.tags import aws_texts, tags_to

HEALTH_CHECK = {  # our option -> AWS's name
    "path": "HealthCheckPath",
    "interval_seconds": "HealthCheckIntervalSeconds",
    "timeout_seconds": "HealthCheckTimeoutSeconds",
    "healthy_threshold": "HealthyThresholdCount",
    "unhealthy_threshold": "UnhealthyThresholdCount",
}


def health_check_request(check: State) -> State:
    return {aws: check[ours] for ours, aws in HEALTH_CHECK.items()} | {"Matcher": {"HttpCode": check["success_codes"]}}


def health_check_state(group: State) -> State:
    return {ours: group[aws] for ours, aws in HEALTH_CHECK.items()} | {"success_codes": group["Matcher"]["HttpCode"]}


class TargetGroup(Resource):
    noun = "target group"
    retryable_errors = ("ResourceInUse",)  # by a load balancer that is gone

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.elb = module.client("elbv2")

    def read(self) -> State | None:
        answer = unless_missing("TargetGroupNotFound", self.elb.describe_target_groups, Names=[self.name])
        if answer is None:
            return None
        group = answer["TargetGroups"][0]
        arn = group["TargetGroupArn"]
        attributes = self.elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        return {
            "arn": arn,
            "vpc_id": group["VpcId"],
            "port": group["Port"],
            "health_check": health_check_state(group),
            "attributes": self.managed({pair["Key"]: pair["Value"] for pair in attributes}),
            "tags": tags_of(self.elb, arn),
        }

    def managed(self, attributes: State) -> State:
        return {key: attributes.get(key) for key in self.params["attributes"]}

    def desired(self, found: State | None) -> State:
        return {
            "vpc_id": self.params["vpc_id"],
            "port": self.params["port"],
            "health_check": self.params["health_check"],
            "attributes": aws_texts(self.params["attributes"]),
            "tags": self.params["tags"],
        }

    def create(self, desired: State) -> None:
        answer = self.elb.create_target_group(
            Name=self.name,
            TargetType="ip",
            Protocol="HTTP",
            Port=desired["port"],
            VpcId=desired["vpc_id"],
            Tags=tags_to(desired["tags"]),
            **health_check_request(desired["health_check"]),
        )
        self.set_attributes(answer["TargetGroups"][0]["TargetGroupArn"], desired["attributes"])

    def refusal(self, found: State, changes: State) -> str | None:
        if not (fixed := {"vpc_id", "port"} & changes.keys()):
            return None
        return (
            f"The target group {self.name} can't change its {' and '.join(sorted(fixed))}: AWS fixes them at "
            "creation. Remove it from its listener rule and delete it, then run this again."
        )

    def update(self, found: State, changes: State) -> None:
        arn = found["arn"]
        if "health_check" in changes:
            self.elb.modify_target_group(TargetGroupArn=arn, **health_check_request(changes["health_check"]))
        self.set_attributes(arn, changes.get("attributes", {}))
        if "tags" in changes:
            tag_elb(self.elb, arn, found["tags"], changes["tags"])

    def set_attributes(self, arn: str, attributes: State) -> None:
        if attributes:
            self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=tags_to(attributes))

    def delete(self, found: State) -> None:
        self.retry(self.elb.delete_target_group, TargetGroupArn=found["arn"])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "vpc_id": {},
            "port": {"type": "int"},
            "health_check": {
                "type": "dict",
                "apply_defaults": True,
                "options": {
                    "path": {"default": "/"},
                    "interval_seconds": {"type": "int", "default": 30},
                    "timeout_seconds": {"type": "int", "default": 5},
                    "healthy_threshold": {"type": "int", "default": 5},
                    "unhealthy_threshold": {"type": "int", "default": 2},
                    "success_codes": {"default": "200"},
                },
            },
            "attributes": {"type": "dict", "default": {}},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["vpc_id", "port"])],
        supports_check_mode=True,
    )
    run(TargetGroup(module))


if __name__ == "__main__":
    main()
