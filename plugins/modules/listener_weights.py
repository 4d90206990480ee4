#!/usr/bin/python
"""Own module because listener_rule never touches weights, which are state, and elb_application_lb drops them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: listener_weights
short_description: Set how a listener rule shares traffic, by hand
description: For emergencies. Refuses to send traffic to a target group without a healthy target, or nowhere at all.
options:
  rule: {description: ARN of the rule, type: str, required: true}
  weights: {description: "Weight, 0 to 999, by ARN of the target group", type: dict, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Set the weights to blue alone
  listener_weights:
    rule: arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/campshub360-tier1/0a/0b/0c
    weights:
      arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/campshub360-tier1-blue/0a: 100
      arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/campshub360-tier1-green/0b: 0
"""

RETURN = r"""
resource: {description: The rule's weights by name of the target group, type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.elb import forwarded, group_name
from ops.aws.errors import unless_missing
from ops.aws.resource import Resource, State, run


class Weights(Resource):
    noun = "listener rule"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.elb = module.client("elbv2")

    @property
    def name(self) -> str:
        return str(self.params["rule"]).rpartition("listener-rule/")[2]

    def read(self) -> State | None:
        answer = unless_missing("RuleNotFound", self.elb.describe_rules, RuleArns=[self.params["rule"]])
        return {"weights": forwarded(answer["Rules"][0]["Actions"])} if answer else None

    def desired(self, found: State | None) -> State:
        return {"weights": {group_name(arn): int(weight) for arn, weight in self.params["weights"].items()}}

    def create(self, desired: State) -> None:
        self.fail(f"There is no rule {self.name}. Run playbooks/provision.yml --tags load_balancer.")

    def refusal(self, found: State, changes: State) -> str | None:
        if not any(changes["weights"].values()):
            return f"These weights send nobody anywhere: the rule {self.name} would answer every request with 503. Give one."
        if not found["weights"].keys() & changes["weights"].keys():
            return (
                f"The rule {self.name} forwards to {', '.join(sorted(found['weights'])) or 'no target group'}, none of which "
                "is the stack's: others made it. Nothing was touched. Run playbooks/provision.yml --tags load_balancer."
            )
        for arn, weight in self.params["weights"].items():
            targets = self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            if int(weight) and not any(target["TargetHealth"]["State"] == "healthy" for target in targets):
                return (
                    f"{group_name(arn)} has no healthy target, so its share of the traffic would fail. Nothing was touched. "
                    "Look: playbooks/status.yml"
                )
        return None

    def update(self, found: State, changes: State) -> None:
        groups = [{"TargetGroupArn": arn, "Weight": int(weight)} for arn, weight in self.params["weights"].items()]
        forward = {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": False}}
        self.elb.modify_rule(RuleArn=self.params["rule"], Actions=[{"Type": "forward", "ForwardConfig": forward}])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"rule": {"required": True}, "weights": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    run(Weights(module))


if __name__ == "__main__":
    main()
