"""Target groups and targets: health from the status that the controller writes; deregistration delay.

Pages named API_*.html are those of https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.exceptions import InvalidTargetError, ValidationError
from moto.elbv2.models import (
    ELBv2Backend,
    FakeHealthStatus,
    FakeTargetGroup,
    elbv2_backends,
)
from moto.elbv2.responses import ELBV2Response

from sandbox.aws_api import status
from sandbox.aws_api.patch import behaviour, operation
from sandbox.aws_api.status import TargetHealth
from sandbox.services.elbv2.errors import not_emulated

Document = dict[str, Any]

DELAY = "deregistration_delay.timeout_seconds"
ATTRIBUTES = {
    DELAY: "300",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
MAX_DELAY = 3600

REGISTERING = TargetHealth("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
NOT_IN_USE = TargetHealth(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
NOT_REGISTERED = TargetHealth("unused", "Target.NotRegistered", "Target is not registered to the target group")
DRAINING = TargetHealth("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")


def install() -> None:
    """Attach the patches of target groups and targets."""
    behaviour(ELBv2Backend)(create_target_group)
    operation(ELBv2Backend)(describe_target_health)
    behaviour(FakeTargetGroup)(register)
    for patch in (deregister, health_for):
        operation(FakeTargetGroup)(patch)
    # moto only ever appends to it.
    FakeTargetGroup.load_balancer_arns = property(load_balancer_arns, lambda self, value: None)
    operation(ELBV2Response)(modify_target_group_attributes)


def create_target_group(
    original: Callable[..., FakeTargetGroup], self: ELBv2Backend, name: str, **desired: Any
) -> FakeTargetGroup:
    """Create a target group with the default attributes of an Application Load Balancer's.

    API_TargetGroupAttribute.html
    """
    for option, emulated in (("target_type", "ip"), ("protocol", "HTTP")):
        if desired.get(option) != emulated:
            raise not_emulated(f"target groups of {option} {desired.get(option)}, only {emulated}")
    group = original(name, **desired)
    group.attributes = dict(ATTRIBUTES)
    return group


def modify_target_group_attributes(self: ELBV2Response) -> ActionResult:
    """Modify known attributes, refuse those that are not emulated; return all attributes.

    API_ModifyTargetGroupAttributes.html, API_TargetGroupAttribute.html
    """
    arn = self._get_param("TargetGroupArn")
    attributes = {one["Key"]: one["Value"] for one in self._get_param("Attributes", [])}
    _check_attributes(attributes)
    # moto refuses the greatest delay.
    checked = {key: value for key, value in attributes.items() if key != DELAY}
    self.elbv2_backend.modify_target_group_attributes(arn, checked)
    group = self.elbv2_backend.target_groups[arn]
    group.attributes.update(attributes)
    return ActionResult({"Attributes": group.attributes})


def _check_attributes(attributes: Document) -> None:
    for key, value in attributes.items():
        if key not in ATTRIBUTES:
            raise ValidationError(f"Target group attribute key '{key}' is not recognized")
        if (key, value) == ("stickiness.enabled", "true"):
            raise not_emulated("stickiness of targets")
        if key == "slow_start.duration_seconds" and value != "0":
            raise not_emulated("slow start")
    delay = attributes.get(DELAY, "0")
    if not delay.isdecimal() or int(delay) > MAX_DELAY:
        raise ValidationError(f"'{DELAY}' value '{delay}' must be between '0-3600' inclusive")


def load_balancer_arns(self: FakeTargetGroup) -> list[str]:
    """Return the load balancers that have a rule which forwards to the group. API_TargetGroup.html"""
    backend = elbv2_backends[self.account_id][self.region_name]
    return [balancer.arn for balancer in backend.load_balancers.values() if self.arn in forwarded_to(balancer)]


def forwarded_to(balancer: Any) -> set[str]:
    """Return the ARNs of the target groups that a load balancer's rules name."""
    return {
        group["TargetGroupArn"]
        for listener in balancer.listeners.values()
        for rule in listener.rules.values()
        for action in rule.actions
        if action.type == "forward"
        for group in action.data["ForwardConfig"]["TargetGroups"]
    }


def register(original: Callable[[list[Document]], None], self: FakeTargetGroup, targets: list[Document]) -> None:
    """Register targets, with ports as numbers; a draining target serves again. API_RegisterTargets.html"""
    for target in targets:
        original([{**target, "Port": int(target.get("Port") or self.port)}])


def deregister(self: FakeTargetGroup, targets: list[Document]) -> None:
    """Deregister targets: they drain for the deregistration delay, in real seconds.

    Without a load balancer there is nothing to drain.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay
    """
    unknown = [target["Id"] for target in targets if target["Id"] not in self.targets]
    if unknown:
        raise InvalidTargetError(f"The following targets are not registered: {', '.join(unknown)}")
    delay = int(self.attributes[DELAY]) if self.load_balancer_arns else 0
    for target in targets:
        gone = self.targets.pop(target["Id"])
        self.deregistered_targets[target["Id"]] = {**gone, "Until": time.monotonic() + delay}


def draining(group: FakeTargetGroup) -> list[Document]:
    """Return the targets whose deregistration delay has not passed."""
    now = time.monotonic()
    return [one for one in group.deregistered_targets.values() if one["Until"] > now]


def describe_target_health(
    self: ELBv2Backend, target_group_arn: str, targets: list[Document]
) -> list[FakeHealthStatus]:
    """Return the health of the given targets, or of all that are registered or drain. API_DescribeTargetHealth.html"""
    group = self.describe_target_groups(None, [target_group_arn], None)[0]
    desired = targets or [*group.targets.values(), *draining(group)]
    return [group.health_for(target, self.ec2_backend) for target in desired]


def health_for(self: FakeTargetGroup, target: Document, ec2_backend: object) -> FakeHealthStatus:
    """Return a target's health as the load balancer sees it. API_TargetHealth.html"""
    identifier = target["Id"]
    known = {one["Id"]: one["Port"] for one in draining(self)}
    known |= {one["Id"]: one["Port"] for one in self.targets.values()}
    port = int(known.get(identifier) or target.get("Port") or self.port)
    health = _health(self, identifier, port)
    check = port if self.health_check_port == "traffic-port" else self.health_check_port
    return FakeHealthStatus(identifier, port, str(check), health.state, health.reason, health.description)


def _health(group: FakeTargetGroup, identifier: str, port: int) -> TargetHealth:
    if identifier not in group.targets:
        drains = any(one["Id"] == identifier for one in draining(group))
        return DRAINING if drains else NOT_REGISTERED
    if not group.load_balancer_arns:
        return NOT_IN_USE
    return status.current.target_health.get((group.arn, identifier, port), REGISTERING)
