"""Operations on replicas: their number, TestFailover, and events.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from moto.core.responses import ActionResult
from moto.elasticache.exceptions import ElastiCacheException, ReplicationGroupNotFound
from moto.elasticache.responses import ElastiCacheResponse

from sandbox.aws_api.pages import page
from sandbox.aws_api.patch import operation
from sandbox.services.elasticache import subnet_groups as elasticache_subnet_groups
from sandbox.services.elasticache.replication_group import ReplicationGroup

MOST = 5  # replicas of a group
NODE_GROUP = "0001"


def install() -> None:
    """Attach the operations on replicas."""
    for patch in (increase_replica_count, decrease_replica_count, test_failover, describe_events):
        operation(ElastiCacheResponse)(patch)


def find(backend: Any, name: str) -> ReplicationGroup:
    """Return the group of that name."""
    group = backend.replication_groups.get(name.lower())
    if group is None:
        raise ReplicationGroupNotFound(name)
    assert isinstance(group, ReplicationGroup)
    return group


def available(backend: Any, name: str) -> ReplicationGroup:
    """Return the group of that name; refuse if it is not available."""
    group = find(backend, name)
    if group.status != "available":
        raise _state(f"Replication group {group.id} is not in available state: {group.status}.")
    return group


def combination(message: str) -> ElastiCacheException:
    return ElastiCacheException("InvalidParameterCombination", message)


def increase_replica_count(self: ElastiCacheResponse) -> ActionResult:
    """Add members in the zones that have the fewest. API_IncreaseReplicaCount.html"""
    group = _to_change(self)
    count = self.params.get("NewReplicaCount", 0)
    _check_count(group, count)
    if not len(group.members) <= count <= MOST:
        message = f"NewReplicaCount must be greater than the current {len(group.members) - 1}, and at most {MOST}."
        raise ElastiCacheException("InvalidParameterValue", message)
    zones = elasticache_subnet_groups.find(self.elasticache_backend, group.subnet_group).zones
    while len(group.members) <= count:
        taken = Counter(group.members.values())
        number = 1 + max(int(member[-3:]) for member in group.members)
        group.members[f"{group.id}-{number:03}"] = min(zones, key=lambda zone: taken[zone])
    group.status = "modifying"
    return ActionResult({"ReplicationGroup": group.as_replication_group()})


def decrease_replica_count(self: ElastiCacheResponse) -> ActionResult:
    """Remove members; automatic failover needs at least one replica. API_DecreaseReplicaCount.html"""
    group = _to_change(self)
    replicas = [member for member in group.members if member != group.primary]
    named = self.params.get("ReplicasToRemove", [])
    count = self.params.get("NewReplicaCount", len(replicas) - len(named))
    _check_count(group, count)
    leaving = named or replicas[count:]
    if not set(leaving) <= set(replicas) or not 0 <= count < len(replicas) or len(replicas) - len(leaving) != count:
        message = f"{group.id} has the replicas {', '.join(replicas)}, which {count} and {leaving} don't fit."
        raise ElastiCacheException("InvalidParameterValue", message)
    if group.automatic_failover and count == 0:
        raise combination("Automatic failover needs at least one replica: disable it first.")
    for member in leaving:
        del group.members[member]
    group.status = "modifying"
    return ActionResult({"ReplicationGroup": group.as_replication_group()})


def test_failover(self: ElastiCacheResponse) -> ActionResult:
    """End the primary, so that a replica takes over. API_TestFailover.html"""
    group = available(self.elasticache_backend, self.params["ReplicationGroupId"])
    if self.params["NodeGroupId"] != NODE_GROUP:
        message = f"Node group {self.params['NodeGroupId']} not found."
        raise ElastiCacheException("NodeGroupNotFoundFault", message)
    if not group.automatic_failover:
        raise _state(f"Replication group {group.id} does not have automatic failover enabled.")
    group.tell(None, f"Test Failover API called for node group {NODE_GROUP}")
    group.failover_requested, group.status = True, "modifying"
    return ActionResult({"ReplicationGroup": group.as_replication_group()})


def describe_events(self: ElastiCacheResponse) -> ActionResult:
    """Describe events of existing groups. API_DescribeEvents.html"""
    kind, source = self.params.get("SourceType"), self.params.get("SourceIdentifier")
    if source and not kind:
        raise combination("SourceIdentifier needs SourceType.")
    groups: Any = self.elasticache_backend.replication_groups.values()
    every = sorted((event for group in groups for event in group.events), key=lambda event: event.date)
    found = [e for e in every if kind in (None, e.source_type) and source in (None, e.source_identifier)]
    return page("Events", found, self.params)


def _to_change(response: ElastiCacheResponse) -> ReplicationGroup:
    group = available(response.elasticache_backend, response.params["ReplicationGroupId"])
    if "ReplicaConfiguration" in response.params:
        raise NotImplementedError(f"{response._get_action()} with ReplicaConfiguration")
    if not response.params["ApplyImmediately"]:
        raise ElastiCacheException("InvalidParameterValue", "ApplyImmediately=False is not currently supported.")
    return group


def _check_count(group: ReplicationGroup, count: int) -> None:
    if count == len(group.members) - 1:
        raise ElastiCacheException("NoOperationFault", f"{group.id} has {count} replicas already.")


def _state(message: str) -> ElastiCacheException:
    return ElastiCacheException("InvalidReplicationGroupState", message)
