"""EC2's DependencyViolation: nothing is deleted that something else still needs.

Pages named API_*.html are those of https://docs.aws.amazon.com/AWSEC2/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import EC2Backend

from sandbox.aws_api.patch import behaviour


def install() -> None:
    """Attach the patches of delete operations."""
    for patch in (_delete_security_group, delete_subnet, detach_internet_gateway):
        behaviour(EC2Backend)(patch)


def _delete_security_group(original: Any, self: EC2Backend, vpc_id: str | None, group_id: str) -> None:
    """Refuse while an interface carries the group, or another group's rule names it. API_DeleteSecurityGroup.html"""
    carried = any(group.id == group_id for eni in self.enis.values() for group in eni.group_set)
    if carried or any(_naming(self, group_id)):
        raise DependencyViolationError(f"resource {group_id} has a dependent object")
    original(vpc_id, group_id)


def delete_subnet(original: Any, self: EC2Backend, subnet_id: str) -> Any:
    """Refuse while an interface is in the subnet. API_DeleteSubnet.html"""
    if any(eni.subnet.id == subnet_id for eni in self.enis.values()):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return original(subnet_id)


def detach_internet_gateway(original: Any, self: EC2Backend, internet_gateway_id: str, vpc_id: str) -> None:
    """Refuse while an interface in the VPC has a public address. API_DetachInternetGateway.html"""
    if any(eni.subnet.vpc_id == vpc_id and eni.public_ip for eni in self.enis.values()):
        raise DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es)."
            " Please unmap those public address(es) before detaching the gateway."
        )
    original(internet_gateway_id, vpc_id)


def _naming(backend: EC2Backend, group_id: str) -> Iterator[str]:
    for groups in backend.groups.values():
        for group in groups.values():
            rules = [*group.ingress_rules, *group.egress_rules]
            if group.id != group_id and any(rule.source_group.get("GroupId") == group_id for rule in rules):
                yield group.id
