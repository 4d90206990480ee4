"""DB subnet groups, where moto checks nothing or loses fields.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from moto.rds.exceptions import DBSubnetGroupNotFoundError, RDSClientError
from moto.rds.models import DBSubnetGroup, RDSBackend

from sandbox.aws_api.patch import behaviour, operation

ZONES = 2


def install() -> None:
    """Attach the patches of subnet groups."""
    behaviour(RDSBackend)(create_subnet_group)
    behaviour(RDSBackend)(delete_subnet_group)
    operation(RDSBackend)(modify_db_subnet_group)


def create_subnet_group(
    original: Any, self: Any, name: str, description: str, subnets: list[Any], *tags: Any
) -> DBSubnetGroup:
    """Create a group with a new name, and with subnets in two zones at least. API_CreateDBSubnetGroup.html"""
    if name in self.subnet_groups:
        message = f"The DB subnet group '{name}' already exists."
        raise RDSClientError("DBSubnetGroupAlreadyExists", message)
    _check(subnets)
    group: DBSubnetGroup = original(name, description, subnets, *tags)
    return group


def modify_db_subnet_group(
    self: RDSBackend, subnet_name: str, description: str | None, subnets: list[Any]
) -> DBSubnetGroup:
    """Modify a group and keep it in its VPC; moto loses that. API_ModifyDBSubnetGroup.html"""
    if subnet_name not in self.subnet_groups:
        raise DBSubnetGroupNotFoundError(subnet_name)
    _check(subnets)
    group = self.subnet_groups[subnet_name]
    group._subnets = subnets
    group.description = description or group.description
    return group


def delete_subnet_group(original: Any, self: Any, name: str) -> DBSubnetGroup:
    """Delete a group; refuse while an instance is in it. API_DeleteDBSubnetGroup.html"""
    group = self.subnet_groups.get(name)
    if group and any(one.db_subnet_group is group for one in self.databases.values()):
        message = f"Cannot delete the subnet group '{name}' because at least one database instance "
        raise RDSClientError("InvalidDBSubnetGroupStateFault", message + "is still using it.")
    deleted: DBSubnetGroup = original(name)
    return deleted


def _check(subnets: list[Any]) -> None:
    if len({subnet.availability_zone for subnet in subnets}) < ZONES:
        raise RDSClientError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            "Add subnets to cover at least 2 AZs.",
        )
