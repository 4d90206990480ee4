#!/usr/bin/python
"""Own module because amazon.aws.elb_application_lb drops weights when it compares, so it would undo a release in progress."""

from __future__ import annotations

DOCUMENTATION = r"""
module: listener_rule
short_description: A rule that shares traffic between target groups
description:
  - Creates, updates or deletes a rule of a listener that forwards to weighted target groups, without stickiness.
  - Weights are state; a release moves them. They are set when the rule is made and never put back.
options:
  load_balancer: {description: Name of the load balancer, type: str, required: true}
  port: {description: Port of the listener, type: int, required: true}
  priority: {description: Place among the listener's rules, from 1 to 50000. Names the rule, type: int, required: true}
  path_patterns: {description: Paths for which the rule holds, type: list, elements: str, default: ["/*"]}
  header: {description: Header that a request must carry for the rule to hold, type: str}
  header_secret: {description: Secret whose value the header must have. It is never shown, type: str}
  target_groups: {description: Weight at creation by name of the target group, type: dict, default: {}}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the production rule
  listener_rule:
    load_balancer: campshub360-tier1
    port: 443
    priority: 100
    target_groups: {campshub360-tier1-blue: 1, campshub360-tier1-green: 0}
"""

RETURN = r"""
resource: {description: "The rule, with its arn", type: dict, returned: success}
"""

import hashlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.elb import find_listener, forwarded, group_arn, tags_of
from ops.aws.redaction import remember
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.secrets import TEST_HEADER, MissingSecretError, SecretError, fetch
from ops.aws.tagging import tag_elb
from ops.aws.tags import tags_to
from ops.stack.ownership import TAG, rule_at, rule_belongs


def weights(found: dict[str, int], at_creation: dict[str, int]) -> dict[str, int]:
    """Return the present weights of the desired groups, 0 for a missing one; if all are 0, those of creation."""
    kept = {name: found.get(name, 0) for name in at_creation}
    return kept if any(kept.values()) else at_creation


def paths(conditions: list[State]) -> list[str]:
    """Return the path patterns of a rule."""
    values = [condition["PathPatternConfig"]["Values"] for condition in conditions if "PathPatternConfig" in condition]
    return sorted(values[0]) if values else []


def fingerprint(value: str | None) -> str | None:
    """Return what represents a secret value in states and diffs."""
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}" if value else None


def header(conditions: list[State]) -> tuple[str | None, str | None]:
    """Return name and value of the header that a rule requires."""
    asked = [condition["HttpHeaderConfig"] for condition in conditions if "HttpHeaderConfig" in condition]
    return (asked[0]["HttpHeaderName"], asked[0]["Values"][0]) if asked else (None, None)


def is_sticky(actions: list[State]) -> bool:
    """Return whether an action has stickiness enabled."""
    stickiness = [action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {}) for action in actions]
    return any(setting.get("Enabled", False) for setting in stickiness)


class ListenerRule(Resource):
    noun = "listener rule"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.elb = module.client("elbv2")
        self.listener: State | None = None
        self.value: str | None = None  # of the header

    @property
    def name(self) -> str:
        return f"{self.params['load_balancer']}:{self.params['port']} #{self.params['priority']}"

    def read(self) -> State | None:
        self.value = self.secret_value()
        self.listener = find_listener(self.elb, self.params["load_balancer"], self.params["port"])
        if self.listener is None:
            return None
        rules = self.elb.describe_rules(ListenerArn=self.listener["ListenerArn"])["Rules"]
        rule = rule_at(rules, self.params["priority"])
        if rule is None:
            return None
        tags = tags_of(self.elb, rule["RuleArn"])
        if not self.belongs(forwarded(rule["Actions"]), tags):
            self.refuse_unless_absent(rule["RuleArn"])
            return None
        name, value = header(rule["Conditions"])
        remember(value or "")  # the secret's value, or one that it had
        return {
            "arn": rule["RuleArn"],
            "path_patterns": paths(rule["Conditions"]),
            "header": name,
            "header_value": fingerprint(value),
            "target_groups": forwarded(rule["Actions"]),
            "sticky": is_sticky(rule["Actions"]),
            "tags": tags,
        }

    def belongs(self, groups: dict[str, int], tags: dict[str, str]) -> bool:
        """Return whether a rule with these target groups and tags is the stack's."""
        own_groups = bool(groups.keys() & self.params["target_groups"].keys())
        return rule_belongs(str(self.params["tags"].get(TAG, "")), own_groups, tags)

    def refuse_unless_absent(self, arn: str) -> None:
        """Fail where a rule of the stack would replace this one of others."""
        if self.params["state"] == "present":
            self.fail(
                f"At the priority {self.params['priority']} of the listener {self.params['load_balancer']}:"
                f"{self.params['port']} stands a rule that others made ({arn}), where one of this stack's "
                "belongs. The rule was not touched. Give it a free priority; below 50 it still comes before the stack's own: aws elbv2 "
                f"set-rule-priorities --rule-priorities RuleArn={arn},Priority=40"
            )

    def secret_value(self) -> str | None:
        """Return the header's value; None if none is needed, or if check mode finds no secret on an empty stack."""
        name = self.params["header_secret"]
        if not name or self.params["state"] == "absent":
            return None
        try:
            return fetch(self.module.client("secretsmanager"), name, TEST_HEADER)
        except MissingSecretError as error:
            if self.module.check_mode:
                return None
            self.fail(f"The rule {self.name} was not touched. {error}")
        except SecretError as error:
            self.fail(f"The rule {self.name} was not touched. {error}")

    def desired(self, found: State | None) -> State:
        at_creation = {name: int(weight) for name, weight in self.params["target_groups"].items()}
        return {
            "path_patterns": sorted(self.params["path_patterns"]),
            "header": self.params["header"],
            "header_value": fingerprint(self.value) or (self.params["header_secret"] and "pending"),
            "target_groups": weights(found["target_groups"], at_creation) if found else at_creation,
            "sticky": False,
            "tags": self.params["tags"],
        }

    def request(self, desired: State) -> State:
        groups = [
            {"TargetGroupArn": group_arn(self.elb, name), "Weight": weight}
            for name, weight in desired["target_groups"].items()
        ]
        forward = {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": False}}
        conditions: list[State] = [{"Field": "path-pattern", "PathPatternConfig": {"Values": desired["path_patterns"]}}]
        if desired["header"]:
            config = {"HttpHeaderName": desired["header"], "Values": [self.value]}
            conditions.append({"Field": "http-header", "HttpHeaderConfig": config})
        return {"Conditions": conditions, "Actions": [{"Type": "forward", "ForwardConfig": forward}]}

    def create(self, desired: State) -> None:
        if self.listener is None:
            self.fail(
                f"The load balancer {self.params['load_balancer']} has no listener on port {self.params['port']} for "
                "this rule. Make the listener first."
            )
        self.elb.create_rule(
            ListenerArn=self.listener["ListenerArn"],
            Priority=self.params["priority"],
            Tags=tags_to(desired["tags"]),
            **self.request(desired),
        )

    def update(self, found: State, changes: State) -> None:
        if changes.keys() - {"tags"}:
            self.elb.modify_rule(RuleArn=found["arn"], **self.request(self.desired(found)))
        if "tags" in changes:
            tag_elb(self.elb, found["arn"], found["tags"], changes["tags"])

    def delete(self, found: State) -> None:
        self.elb.delete_rule(RuleArn=found["arn"])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "load_balancer": {"required": True},
            "port": {"type": "int", "required": True},
            "priority": {"type": "int", "required": True},
            "path_patterns": {"type": "list", "elements": "str", "default": ["/*"]},
            "header": {},
            "header_secret": {"no_log": False},  # its name
            "target_groups": {"type": "dict", "default": {}},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["target_groups"])],
        required_together=[("header", "header_secret")],
        supports_check_mode=True,
    )
    run(ListenerRule(module))


if __name__ == "__main__":
    main()
