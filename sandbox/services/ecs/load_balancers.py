"""A service's load balancers: what ECS requires of them, and their rules.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.elbv2.models import elbv2_backends

from sandbox.services.ecs.records.tasks import Definition, Document

REQUIRED = ("alternateTargetGroupArn", "productionListenerRule", "roleArn")


def check_load_balancers(
    backend: EC2ContainerServiceBackend, definition: Definition, load_balancers: list[Document], strategy: str
) -> None:
    """Refuse load balancers without a target group in use, or with a port that no container has."""
    elb = elbv2_backends[backend.account_id][backend.region_name]
    for item in load_balancers:
        _check_group(elb, item.get("targetGroupArn"))
        _check_port(definition, item["containerName"], item["containerPort"])
    for arn, count in Counter(item.get("targetGroupArn") for item in load_balancers).items():
        if count > 1:
            raise InvalidParameterException(f"Duplicate targetGroupArn found: {arn}")
    advanced = [item["advancedConfiguration"] for item in load_balancers if item.get("advancedConfiguration")]
    if len(advanced) not in (0, len(load_balancers)):
        raise InvalidParameterException(
            "Either all or none of the provided loadBalancers must have advancedConfiguration defined"
        )
    if load_balancers and not advanced and strategy != "ROLLING":
        raise InvalidParameterException(
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"
        )
    for item in load_balancers:
        if item.get("advancedConfiguration"):
            _check_advanced(elb, item["targetGroupArn"], item["advancedConfiguration"])


def find_rule(elb: Any, arn: str) -> Any:
    """Return the listener rule of that ARN, or None."""
    listeners = (one for balancer in elb.load_balancers.values() for one in balancer.listeners.values())
    return next((listener.rules[arn] for listener in listeners if arn in listener.rules), None)


def forwarded(rule: Any) -> dict[str, int]:
    """Return target group ARN -> weight of a rule's forward action; empty for other actions."""
    return {
        group["TargetGroupArn"]: int(group["Weight"])
        for action in (rule.actions if rule else ())
        if action.type == "forward"
        for group in action.data["ForwardConfig"]["TargetGroups"]
    }


def _check_group(elb: Any, arn: str | None) -> None:
    group = elb.target_groups.get(arn or "")
    if group is None:
        raise InvalidParameterException(f"Unable to assume the service linked role or find the target group {arn}.")
    if group.target_type != "ip":
        raise InvalidParameterException(
            f"The provided target group {arn} has target type {group.target_type}, which is"
            " incompatible with the awsvpc network mode specified in the task definition."
        )
    if not group.load_balancer_arns:
        raise InvalidParameterException(
            f"The target group with targetGroupArn {arn} does not have an associated load balancer."
        )


def _check_advanced(elb: Any, group: str, advanced: Document) -> None:
    for name in REQUIRED:
        if not advanced.get(name):
            raise InvalidParameterException(f"{name} is required in advancedConfiguration.")
    alternate, production = advanced["alternateTargetGroupArn"], advanced["productionListenerRule"]
    test = advanced.get("testListenerRule")
    if alternate == group:
        raise InvalidParameterException(f"Duplicate targetGroupArn found: {group}")
    _check_group(elb, alternate)
    for name, rule in (("productionListenerRule", production), ("testListenerRule", test)):
        if rule and ":listener-rule/app/" not in rule:
            raise InvalidParameterException(
                f"{name} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {rule}"
            )
        if rule and find_rule(elb, rule) is None:
            raise InvalidParameterException(f"The {name} {rule} does not exist.")
    if production == test:
        raise InvalidParameterException(
            f"The following rules cannot be used as both production and test listener rules: {production}"
        )
    if not test and not {group, alternate} <= forwarded(find_rule(elb, production)).keys():
        raise InvalidParameterException(
            "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated"
            " with both targetGroup and alternateTargetGroup"
        )


def _check_port(definition: Definition, name: str, port: int) -> None:
    container = next((c for c in definition.containers if c["name"] == name), None)
    if container is None:
        raise InvalidParameterException(f"The container {name} does not exist in the task definition.")
    if port not in [mapping["containerPort"] for mapping in container["portMappings"]]:
        raise InvalidParameterException(f"The container {name} did not have a container port {port} defined.")
