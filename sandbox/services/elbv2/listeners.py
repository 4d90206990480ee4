"""Listeners and rules: checked as AWS checks them, returned with AWS's defaults.

Pages named API_*.html are those of https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from moto.acm.models import acm_backends
from moto.elbv2.exceptions import (
    DuplicateListenerError,
    ELBClientError,
    RuleNotFoundError,
    ValidationError,
)
from moto.elbv2.models import (
    ELBv2Backend,
    FakeAction,
    FakeListener,
    FakeListenerRule,
    FakeRule,
)
from moto.elbv2.ssl_policies import SSL_POLICIES

from sandbox.aws_api.patch import behaviour
from sandbox.services.elbv2.errors import not_emulated

Document = dict[str, Any]

DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"
MAX_WEIGHT, MAX_GROUPS = 999, 5
MAX_STICKY_SECONDS = 604800
_REDIRECT = {
    "Protocol": "#{protocol}",
    "Host": "#{host}",
    "Port": "#{port}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
_PLAIN_FIELDS = {"path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig"}


def install() -> None:
    """Attach the patches of listeners and rules."""
    for patch in (
        create_listener,
        modify_listener,
        create_rule,
        modify_rule,
        delete_rule,
    ):
        behaviour(ELBv2Backend)(patch)
    FakeListener.rules = property(rules)


def create_listener(
    original: Callable[..., FakeListener],
    self: ELBv2Backend,
    load_balancer_arn: str,
    protocol: str,
    port: int,
    ssl_policy: str | None,
    certificate: str | None,
    actions: list[Document],
    **options: Any,
) -> FakeListener:
    """Create a listener: each port once; HTTPS needs an issued certificate, and only HTTPS has a policy.

    API_CreateListener.html
    """
    balancer = self.load_balancers.get(load_balancer_arn)
    _require_free_port(balancer.listeners if balancer else {}, port)
    if protocol == "HTTPS":
        _require_policy(ssl_policy)
        if not certificate:
            raise ValidationError("A certificate must be specified for HTTPS listeners")
        _require_issued(self, certificate)
    else:
        ssl_policy = certificate = None
    return original(
        load_balancer_arn=load_balancer_arn,
        protocol=protocol,
        port=port,
        ssl_policy=ssl_policy,
        certificate=certificate,
        actions=[_complete_action(one) for one in actions],
        **options,
    )


def modify_listener(
    original: Callable[..., FakeListener],
    self: ELBv2Backend,
    arn: str,
    port: int | None,
    protocol: str | None,
    ssl_policy: str | None,
    certificates: list[Document],
    actions: list[Document],
) -> FakeListener:
    """Modify a listener, with the same checks; HTTP keeps neither certificate nor policy. API_ModifyListener.html"""
    listener = self.describe_listeners(None, [arn])[0]
    balancer = self.load_balancers[listener.load_balancer_arn]
    if port is not None:
        others = {key: one for key, one in balancer.listeners.items() if key != arn}
        _require_free_port(others, port)
    for certificate in certificates:
        _require_issued(self, certificate["CertificateArn"])
    actions = [_complete_action(one) for one in actions]
    self._validate_actions([FakeAction(one) for one in actions])
    original(arn, port, protocol, ssl_policy, certificates, actions)
    if listener.protocol == "HTTPS":
        listener.ssl_policy = listener.ssl_policy or DEFAULT_POLICY
    else:
        listener.ssl_policy = listener.certificate = None
        listener.certificates = []
    return listener


def create_rule(
    original: Callable[..., FakeListenerRule],
    self: ELBv2Backend,
    listener_arn: str,
    conditions: list[Document],
    actions: list[Document],
    **options: Any,
) -> FakeListenerRule:
    """Create a rule; its conditions are returned in both spellings. API_CreateRule.html"""
    _require_emulated(conditions)
    rule = original(
        listener_arn=listener_arn,
        conditions=conditions,
        actions=[_complete_action(one) for one in actions],
        **options,
    )
    rule.conditions = [_complete_condition(one) for one in conditions]
    return rule


def modify_rule(
    original: Callable[..., FakeRule],
    self: ELBv2Backend,
    rule_arn: str,
    conditions: list[Document],
    actions: list[Document],
) -> FakeRule:
    """Modify a rule; fields that are not given stay as they are. API_ModifyRule.html"""
    _require_emulated(conditions)
    completed = [_complete_action(one) for one in actions]
    rule = original(rule_arn=rule_arn, conditions=conditions, actions=completed)
    if conditions:
        rule.conditions = [_complete_condition(one) for one in conditions]
    return rule


def delete_rule(original: Callable[[str], None], self: ELBv2Backend, arn: str) -> None:
    """Delete a rule; refuse a missing one and the default rule. API_DeleteRule.html"""
    rule = next(
        (
            rule
            for balancer in self.load_balancers.values()
            for listener in balancer.listeners.values()
            for rule in listener.rules.values()
            if rule.arn == arn
        ),
        None,
    )
    if rule is None:
        raise RuleNotFoundError("One or more rules not found")
    if rule.is_default:
        raise ELBClientError("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")
    original(arn)


def rules(self: FakeListener) -> dict[str, FakeRule]:
    """Return the rules by priority, the default one last. API_DescribeRules.html"""
    ordered = sorted(self._non_default_rules.values(), key=lambda rule: int(rule.priority))
    return OrderedDict((rule.arn, rule) for rule in [*ordered, self._default_rule[0]])


def _complete_action(data: Document) -> Document:
    """Return an action with AWS's defaults. API_Action.html"""
    match data.get("Type"):
        case "forward":
            return _complete_forward(data)
        case "redirect":
            redirect = _REDIRECT | data["RedirectConfig"]
            _require_emulated_redirect(redirect)
            return {**data, "RedirectConfig": redirect}
        case "fixed-response" | None:
            return data
        case other:
            raise not_emulated(f"actions of type {other}")


def _complete_forward(data: Document) -> Document:
    """Return one target group in both spellings, several in ForwardConfig alone."""
    config = data.get("ForwardConfig") or {"TargetGroups": [{"TargetGroupArn": data["TargetGroupArn"]}]}
    groups = [{"Weight": 1, **group} for group in config["TargetGroups"]]
    stickiness = {"Enabled": False, **(config.get("TargetGroupStickinessConfig") or {})}
    _require_duration(stickiness)
    if not 1 <= len(groups) <= MAX_GROUPS:
        raise ValidationError(f"A forward action names 1 to {MAX_GROUPS} target groups")
    for group in groups:
        if not 0 <= int(group["Weight"]) <= MAX_WEIGHT:
            raise ValidationError(f"The weight '{group['Weight']}' must be between 0 and {MAX_WEIGHT} inclusive")
    completed = {key: value for key, value in data.items() if key != "TargetGroupArn"}
    if len(groups) == 1:
        completed["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    forward = {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness}
    return {**completed, "ForwardConfig": forward}


def _require_duration(stickiness: Document) -> None:
    """Refuse a stickiness duration that AWS would refuse.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupStickinessConfig.html
    """
    if stickiness["Enabled"] and not 1 <= int(stickiness.get("DurationSeconds") or 0) <= MAX_STICKY_SECONDS:
        raise ValidationError(
            f"Target group stickiness duration must be between 1 and {MAX_STICKY_SECONDS} seconds inclusive"
        )


def _complete_condition(condition: Document) -> Document:
    config = _PLAIN_FIELDS.get(condition["Field"])
    if config is None:
        return condition
    values = condition.get("Values") or condition[config]["Values"]
    return {**condition, "Values": values, config: {"Values": values}}


def _require_emulated(conditions: list[Document]) -> None:
    for condition in conditions:
        if condition["Field"] == "source-ip":
            raise not_emulated("rules by source-ip")
        if any("RegexValues" in value for value in condition.values() if isinstance(value, dict)):
            raise not_emulated("rules by regular expression")


def _require_emulated_redirect(redirect: Document) -> None:
    for key, kept in (("Host", "#{host}"), ("Port", "#{port}"), ("Query", "#{query}")):
        if redirect[key] != kept and ("#{" in redirect[key] or (key == "Query" and redirect[key])):
            raise not_emulated(f"{redirect[key]!r} as {key} of a redirect")
    if "#{" in redirect["Path"].replace("#{path}", ""):
        raise not_emulated(f"{redirect['Path']!r} as Path of a redirect")


def _require_free_port(listeners: dict[str, FakeListener], port: int) -> None:
    if any(int(listener.port) == int(port) for listener in listeners.values()):
        raise DuplicateListenerError("A listener already exists on this port for this load balancer")


def _require_policy(name: str | None) -> None:
    if name not in SSL_POLICIES:
        raise ELBClientError("SSLPolicyNotFound", f"SSL policy '{name}' not found")


def _require_issued(backend: ELBv2Backend, arn: str) -> None:
    if not backend._certificate_exists(arn):
        raise ELBClientError("CertificateNotFound", f"Certificate '{arn}' not found")
    certificates = acm_backends[backend.account_id][backend.region_name]._certificates
    if arn not in certificates:
        raise not_emulated("certificates from elsewhere than ACM")
    if certificates[arn].status != "ISSUED":
        raise ELBClientError(
            "UnsupportedCertificate",
            f"The certificate '{arn}' must have a fully-qualified domain name, a supported "
            "signature, and a supported key size.",
        )
