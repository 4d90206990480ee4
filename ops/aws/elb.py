"""Load balancers, listeners and target groups by name instead of ARN, so that check mode works before they exist."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ops.aws.errors import unless_missing
from ops.aws.tags import tags_from
from ops.stack.ownership import listener_on

State = dict[str, Any]


def find_balancer(elb: Any, name: str) -> State | None:
    """Return the load balancer of that name; None if there is none."""
    answer = unless_missing("LoadBalancerNotFound", elb.describe_load_balancers, Names=[name])
    return dict(answer["LoadBalancers"][0]) if answer else None


def find_listener(elb: Any, balancer: str, port: int) -> State | None:
    """Return the listener on that port of the load balancer of that name; None if there is none."""
    found = find_balancer(elb, balancer)
    if found is None:
        return None
    listeners = elb.describe_listeners(LoadBalancerArn=found["LoadBalancerArn"])["Listeners"]
    listener = listener_on(listeners, port)
    return dict(listener) if listener else None


def group_arn(elb: Any, name: str) -> str:
    """Return the ARN of the target group of that name."""
    return str(elb.describe_target_groups(Names=[name])["TargetGroups"][0]["TargetGroupArn"])


def group_name(arn: str) -> str:
    """Return the name in a target group's ARN: arn:...:targetgroup/NAME/ID."""
    return arn.split("/")[1]


def forwarded(actions: Iterable[State]) -> dict[str, int]:
    """Return weights by target group name of the forward action among these; empty if there is none."""
    for action in actions:
        if action["Type"] == "forward":
            groups = action.get("ForwardConfig", {}).get("TargetGroups") or [
                {"TargetGroupArn": action["TargetGroupArn"]}
            ]
            return {group_name(group["TargetGroupArn"]): group.get("Weight", 1) for group in groups}
    return {}


def tags_of(elb: Any, arn: str) -> dict[str, str]:
    """Return the tags of a resource of ELB."""
    return tags_from(elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])
