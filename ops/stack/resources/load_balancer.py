"""A stack's load balancer and its target groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.aws.errors import unless_missing
from ops.stack.model import Stack
from ops.stack.naming import load_balancer_name, target_group_name
from ops.stack.resources.item import PROTECTION_LIFTED, Item


def find_load_balancer(elb: Any, stack: Stack) -> Iterator[Item]:
    """Yield the load balancer, which is protected."""
    name = load_balancer_name(stack.name)
    answer = unless_missing("LoadBalancerNotFound", elb.describe_load_balancers, Names=[name])
    for balancer in answer["LoadBalancers"] if answer else []:
        arn = balancer["LoadBalancerArn"]
        command = f"aws elbv2 delete-load-balancer --load-balancer-arn {arn}"
        attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        protected = {"Key": "deletion_protection.enabled", "Value": "true"} in attributes
        holds = f"the way to the application{PROTECTION_LIFTED}" if protected else ""
        yield Item("load balancer", name, command, arn, holds, protected="it is how people reach the application")


def find_target_groups(elb: Any, stack: Stack) -> Iterator[Item]:
    """Yield the target groups."""
    for name in (target_group_name(stack.name, colour) for colour in ("blue", "green")):
        answer = unless_missing("TargetGroupNotFound", elb.describe_target_groups, Names=[name])
        for arn in (group["TargetGroupArn"] for group in answer["TargetGroups"]) if answer else []:
            yield Item("target group", name, f"aws elbv2 delete-target-group --target-group-arn {arn}", arn)
