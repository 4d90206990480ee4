"""Listener rules of a service, as its deployments use and change them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb-resources-for-blue-green.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from sandbox.aws_api.state import State
from sandbox.services.ecs.agent.permissions import denied, trusts
from sandbox.services.ecs.deployment.stages import weights
from sandbox.services.ecs.load_balancers import find_rule, forwarded
from sandbox.services.ecs.records.deployments import ServiceDeployment
from sandbox.services.ecs.records.services import Service
from sandbox.services.ecs.records.tasks import Document

INVALID = "Service deployment rolled back because of invalid networking configuration"
Traffic = Literal["production", "test"]


class _NetworkingError(Exception):
    """A load balancer can't shift traffic; the message becomes the deployment's statusReason."""


def prepare(state: State, service: Service, rollout: ServiceDeployment, *, reconcile: bool) -> str | None:
    """Give the new revision the idle target group; return an error message if there is none.

    reconcile: a stopped deployment may have left both groups in use; the rules are repaired first.
    """
    elb = state.backend("elbv2", service.account, service.region)
    try:
        rollout.target.serving = [
            {**lb, "targetGroupArn": _green(state, elb, lb, rollout, reconcile=reconcile)}
            if lb.get("advancedConfiguration")
            else lb
            for lb in rollout.target.load_balancers
        ]
    except _NetworkingError as problem:
        return str(problem)
    return None


def shift(state: State, service: Service, rollout: ServiceDeployment, traffic: Traffic, share: float) -> None:
    """Send a percentage of the traffic to green, and the rest to blue."""
    elb = state.backend("elbv2", service.account, service.region)
    green_weight, blue_weight = weights(share)
    for rule, green, blue in _rules(rollout, traffic):
        groups = [
            {"TargetGroupArn": green, "Weight": green_weight},
            {"TargetGroupArn": blue, "Weight": blue_weight},
        ]
        (action,) = find_rule(elb, rule).actions
        config = {
            **action.data["ForwardConfig"],  # it moves weights; whom the rule binds to a group is not its matter
            "TargetGroups": sorted(groups, key=lambda group: str(group["TargetGroupArn"])),
        }
        elb.modify_rule(rule_arn=rule, conditions=[], actions=[{"Type": "forward", "ForwardConfig": config}])
    state.changed.set()


def _rules(rollout: ServiceDeployment, traffic: Traffic) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, green's target group, blue's) for each load balancer that has a rule for that traffic."""
    name = f"{traffic}ListenerRule"
    for desired, serving in zip(rollout.target.load_balancers, rollout.target.serving, strict=True):
        advanced = desired.get("advancedConfiguration") or {}
        if advanced.get(name):
            green = serving["targetGroupArn"]
            (blue,) = {desired["targetGroupArn"], advanced["alternateTargetGroupArn"]} - {green}
            yield advanced[name], green, blue


def _green(state: State, elb: Any, lb: Document, rollout: ServiceDeployment, *, reconcile: bool) -> str:
    advanced = lb["advancedConfiguration"]
    _check_role(state, advanced["roleArn"], advanced["productionListenerRule"])
    production = find_rule(elb, advanced["productionListenerRule"])
    if production is None:
        raise _NetworkingError(f"{INVALID}. The listener rule {advanced['productionListenerRule']} does not exist.")
    _check_actions(elb, production)
    pair = (lb["targetGroupArn"], advanced["alternateTargetGroupArn"])
    _check_groups(production, find_rule(elb, advanced.get("testListenerRule") or ""), pair)
    serving = [arn for arn, weight in forwarded(production).items() if weight]
    if len(serving) != 1 and not reconcile:
        raise _NetworkingError(
            f"{INVALID}. productionListenerRule {production.arn} should have exactly one target group serving traffic"
            f" but found {len(serving)} target groups which are serving traffic"
        )
    if rollout.source is None:
        return str(serving[0])
    used = {one.get("targetGroupArn") for one in rollout.source.serving}
    blue = next((arn for arn in pair if arn in used), serving[0])
    return str(pair[1] if blue == pair[0] else pair[0])


def _check_role(state: State, role: str, rule: str) -> None:
    if not trusts(state, role, "ecs.amazonaws.com") or denied(state, role, "elasticloadbalancing:ModifyRule", rule):
        raise _NetworkingError(
            f"{INVALID}. ECS was unable to manage the ELB resources due to missing permissions on ECS Infrastructure"
            f" Role '{role}'."
        )


def _check_actions(elb: Any, rule: Any) -> None:
    """Refuse a rule with any action but forward."""
    listeners = (one for balancer in elb.load_balancers.values() for one in balancer.listeners.values())
    listener = next(one for one in listeners if rule.arn in one.rules)
    kinds = {action.type for one in listener.rules.values() for action in one.actions} - {"forward"}
    if kinds:
        raise _NetworkingError(
            f"{INVALID}. Listener {listener.arn} has rules with actions other than forward: {', '.join(sorted(kinds))}."
        )


def _check_groups(production: Any, test: Any, pair: tuple[str, str]) -> None:
    known = forwarded(production)
    for arn in pair:
        if arn not in known and arn not in forwarded(test):
            raise _NetworkingError(
                f"{INVALID}: Target group {arn} is not associated with either productionListenerRule or"
                " testListenerRule."
            )
        if arn not in known:
            raise _NetworkingError(f"{INVALID}: Target group {arn} is not associated with productionListenerRule.")
    for arn in known.keys() - set(pair):
        raise _NetworkingError(
            f"{INVALID}. Production listener rule is forwarding traffic to unexpected target group {arn}. Expected"
            f" traffic to be forwarded to either targetGroupArn: {pair[0]} or alternateTargetGroupArn: {pair[1]}"
        )
