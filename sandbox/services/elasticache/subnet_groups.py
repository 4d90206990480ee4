"""Cache subnet groups: their subnets must exist; changing and deleting them, which moto lacks.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import ec2_backends
from moto.elasticache.exceptions import (
    CacheSubnetGroupAlreadyExists,
    CacheSubnetGroupNotFound,
    ElastiCacheException,
    InvalidSubnet,
)
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from sandbox.aws_api.pages import page
from sandbox.aws_api.patch import operation


@dataclass(slots=True)
class SubnetGroup:
    """A cache subnet group. members: (subnet id, availability zone) of each subnet."""

    cache_subnet_group_name: str
    cache_subnet_group_description: str
    arn: str
    vpc_id: str
    members: list[tuple[str, str]]

    @property
    def subnets(self) -> list[dict[str, Any]]:
        return [
            {
                "SubnetIdentifier": subnet,
                "SubnetAvailabilityZone": {"Name": zone},
                "SupportedNetworkTypes": ["ipv4"],
            }
            for subnet, zone in self.members
        ]

    @property
    def zones(self) -> list[str]:
        """Return the availability zones, in order."""
        return sorted({zone for _, zone in self.members})


def install() -> None:
    """Attach the operations on subnet groups."""
    for patch in (
        create_cache_subnet_group,
        modify_cache_subnet_group,
        delete_cache_subnet_group,
        describe_cache_subnet_groups,
    ):
        operation(ElastiCacheResponse)(patch)


def find(backend: Any, name: str) -> SubnetGroup:
    """Return the subnet group of that name."""
    group = backend.cache_subnet_groups.get(name.lower())
    if group is None:
        raise CacheSubnetGroupNotFound(name)
    assert isinstance(group, SubnetGroup)
    return group


def create_cache_subnet_group(self: ElastiCacheResponse) -> ActionResult:
    """Create a subnet group. API_CreateCacheSubnetGroup.html"""
    backend: Any = self.elasticache_backend
    name = self.params["CacheSubnetGroupName"].lower()
    if name in backend.cache_subnet_groups:
        raise CacheSubnetGroupAlreadyExists(name)
    vpc, members = _members(backend, self.params["SubnetIds"])
    place = f"{backend.region_name}:{backend.account_id}"
    arn = f"arn:aws:elasticache:{place}:subnetgroup:{name}"
    group = SubnetGroup(name, self.params["CacheSubnetGroupDescription"], arn, vpc, members)
    backend.cache_subnet_groups[name] = group
    backend.tagging_service.tag_resource(arn, self.params.get("Tags", []))
    return ActionResult({"CacheSubnetGroup": group})


def modify_cache_subnet_group(self: ElastiCacheResponse) -> ActionResult:
    """Modify a subnet group; refuse to remove a subnet that has a node. API_ModifyCacheSubnetGroup.html"""
    backend = self.elasticache_backend
    group = find(backend, self.params["CacheSubnetGroupName"])
    if subnets := self.params.get("SubnetIds"):
        vpc, members = _members(backend, subnets)
        if lost := _zones_in_use(backend, group) - {zone for _, zone in members}:
            raise ElastiCacheException("SubnetInUse", f"Nodes stand in {', '.join(sorted(lost))}.")
        group.vpc_id, group.members = vpc, members
    if description := self.params.get("CacheSubnetGroupDescription"):
        group.cache_subnet_group_description = description
    return ActionResult({"CacheSubnetGroup": group})


def delete_cache_subnet_group(self: ElastiCacheResponse) -> ActionResult:
    """Delete a subnet group; refuse while a cluster is in it. API_DeleteCacheSubnetGroup.html"""
    backend = self.elasticache_backend
    group = find(backend, self.params["CacheSubnetGroupName"])
    if _zones_in_use(backend, group):
        message = f"Cache subnet group {group.cache_subnet_group_name} is currently in use."
        raise ElastiCacheException("CacheSubnetGroupInUse", message)
    del backend.cache_subnet_groups[group.cache_subnet_group_name]
    return EmptyResult()


def describe_cache_subnet_groups(self: ElastiCacheResponse) -> ActionResult:
    """Describe subnet groups. API_DescribeCacheSubnetGroups.html"""
    backend, name = self.elasticache_backend, self.params.get("CacheSubnetGroupName")
    found = [find(backend, name)] if name else list(backend.cache_subnet_groups.values())
    return page("CacheSubnetGroups", found, self.params)


def _zones_in_use(backend: Any, group: SubnetGroup) -> set[str]:
    users = backend.replication_groups.values()
    return {zone for user in users if user.subnet_group == group.cache_subnet_group_name for zone in user.zones}


def _members(backend: ElastiCacheBackend, ids: list[str]) -> tuple[str, list[tuple[str, str]]]:
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    known = {subnet.id: subnet for subnet in ec2.describe_subnets()}
    for subnet in ids:
        if subnet not in known:
            raise InvalidSubnet(subnet)
    networks = {known[subnet].vpc_id for subnet in ids}
    if len(networks) != 1:
        raise ElastiCacheException("InvalidSubnet", "All subnets must be in the same VPC.")
    return networks.pop(), [(subnet, known[subnet].availability_zone) for subnet in ids]
