#!/usr/bin/python
"""Own module because community.aws.elb_target_group_info gives target health only group by group, and fails on none."""

from __future__ import annotations

DOCUMENTATION = r"""
module: target_health_info
short_description: Health of a load balancer's targets
options:
  target_groups: {description: "Names of our choice, each with an ARN or null", type: dict, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Find the health of both target groups
  target_health_info:
    target_groups: {blue: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/blue/0123456789abcdef"}
"""

RETURN = r"""
health: {description: "For each name: how many targets are in each state", type: dict, returned: success}
"""

from collections import Counter

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with, unless_missing


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"target_groups": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    elb = module.client("elbv2")
    health = {}
    with failing_with(module, "Could not ask for the health of the tasks"):
        for name, arn in module.params["target_groups"].items():
            answer = (
                unless_missing("TargetGroupNotFound", elb.describe_target_health, TargetGroupArn=arn) if arn else None
            )
            targets = answer["TargetHealthDescriptions"] if answer else []
            health[name] = dict(Counter(target["TargetHealth"]["State"] for target in targets))
    module.exit_json(changed=False, health=health)


if __name__ == "__main__":
    main()
