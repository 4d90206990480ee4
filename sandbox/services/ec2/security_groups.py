"""Security groups: a rule's description is no part of its identity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses.security_groups import SecurityGroups

from sandbox.aws_api.patch import behaviour, operation

DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")


def install() -> None:
    """Attach the patches of security groups."""
    operation(SecurityGroupRule)(__eq__)
    behaviour(EC2Backend)(create_security_group)
    SecurityGroupRule.description = property(description)
    for direction in ("ingress", "egress"):
        answer = _answered(f"update_security_group_rule_descriptions_{direction}")
        behaviour(SecurityGroups)(answer)
        behaviour(EC2Backend)(_described(f"authorize_security_group_{direction}"))


def create_security_group(
    original: Any, self: EC2Backend, name: str, description: str, vpc_id: str | None = None, **more: Any
) -> Any:
    """Refuse a security group in a VPC that doesn't exist.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html,
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidVpcID.NotFound)
    """
    if vpc_id and not more.get("force"):  # moto's own default groups come before their VPC is listed
        self.get_vpc(vpc_id)
    return original(name, description, vpc_id, **more)


def __eq__(self: SecurityGroupRule, other: object) -> bool:  # noqa: N807 - the method it replaces
    """Compare rules without their descriptions: duplicates are found, and a description can be updated.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsIngress.html
    """
    return isinstance(other, SecurityGroupRule) and _identity(self) == _identity(other)


def description(self: SecurityGroupRule) -> str | None:
    """Return a rule's description, whether its other end is a network or a group.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    """
    described: str | None = (self.ip_range or self.source_group).get("Description")
    return described


def _described(name: str) -> Any:
    def authorize(original: Any, self: EC2Backend, *rule: Any, **named: Any) -> Any:
        """Refuse a description with other characters than AWS allows; an apostrophe is not allowed.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html
        """
        for given in (*rule, *named.values()):
            for end in given if isinstance(given, list) else ():
                _check(end)
        return original(*rule, **named)

    authorize.__name__ = name
    return authorize


def _check(end: object) -> None:
    text = end.get("Description") if isinstance(end, Mapping) else None
    if text and not DESCRIPTION.fullmatch(text):
        raise EC2ClientError(
            "InvalidParameterValue",
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: "
            " a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )


def _identity(rule: SecurityGroupRule) -> tuple[Any, ...]:
    ports = () if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    network = rule.ip_range.get("CidrIp"), rule.ip_range.get("CidrIpv6")
    return (rule.ip_protocol, ports, network, rule.source_group.get("GroupId"), rule.prefix_list_id)


def _answered(name: str) -> Any:
    def answer(original: Any, self: SecurityGroups) -> ActionResult:
        """Add `return: true` to the answer.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsEgress.html
        """
        original()
        return ActionResult({"Return": True})

    answer.__name__ = name
    return answer
