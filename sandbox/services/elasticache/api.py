"""ElastiCache replication groups. The controller moves them from status to status.

They replace moto's, which forget most of their fields. Shards, snapshots and user groups are refused. Pages named
API_*.html are those of https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.elasticache.exceptions import (
    CacheClusterNotFound,
    ElastiCacheException,
    ReplicationGroupAlreadyExists,
)
from moto.elasticache.responses import ElastiCacheResponse
from moto.kms.models import kms_backends

from sandbox.aws_api.pages import page
from sandbox.aws_api.patch import operation
from sandbox.services.elasticache import parameters as elasticache_parameters
from sandbox.services.elasticache import replicas as elasticache_replicas
from sandbox.services.elasticache import subnet_groups as elasticache_subnet_groups
from sandbox.services.elasticache import tags as elasticache_tags
from sandbox.services.elasticache.families import ENGINES, Engine, engine
from sandbox.services.elasticache.replicas import available, combination, find
from sandbox.services.elasticache.replication_group import ReplicationGroup

#: Parameters that do what they say here; others are refused.
CREATE = {
    *("ReplicationGroupId", "ReplicationGroupDescription", "AutomaticFailoverEnabled"),
    *("MultiAZEnabled", "NumCacheClusters", "PreferredCacheClusterAZs", "CacheNodeType"),
    *("Engine", "EngineVersion", "CacheParameterGroupName", "CacheSubnetGroupName"),
    *("SecurityGroupIds", "Tags", "PreferredMaintenanceWindow", "Port", "SnapshotWindow"),
    *("AutoMinorVersionUpgrade", "SnapshotRetentionLimit", "AuthToken", "KmsKeyId"),
    *("TransitEncryptionEnabled", "AtRestEncryptionEnabled", "TransitEncryptionMode"),
}
#: Parameters of ModifyReplicationGroup that act at once, and where their value goes.
IMMEDIATE = {
    "ReplicationGroupDescription": "description",
    "AutomaticFailoverEnabled": "automatic_failover",
    "MultiAZEnabled": "multi_az",
    "SecurityGroupIds": "security_groups",
    "PreferredMaintenanceWindow": "maintenance_window",
    "CacheParameterGroupName": "parameter_group",
    "AutoMinorVersionUpgrade": "minor_upgrades",
    "SnapshotRetentionLimit": "snapshot_retention",
    "SnapshotWindow": "snapshot_window",
}
DEFERRED = {"CacheNodeType": "node_type", "EngineVersion": "engine_version"}
HANDLED = {"ReplicationGroupId", "ApplyImmediately", "AuthToken", "AuthTokenUpdateStrategy"}
IDENTIFIER = re.compile(r"[a-z](?:-?[a-z0-9]){0,39}")
TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")
NODES = range(1, 7)


def install() -> None:
    """Attach ElastiCache's patches."""
    elasticache_parameters.install()
    elasticache_subnet_groups.install()
    elasticache_tags.install()
    elasticache_replicas.install()
    for patch in (
        create_replication_group,
        describe_replication_groups,
        modify_replication_group,
        delete_replication_group,
        describe_cache_clusters,
        describe_cache_engine_versions,
    ):
        operation(ElastiCacheResponse)(patch)
    for name in ("create_cache_cluster", "create_snapshot", "create_user", "delete_cache_cluster"):
        setattr(ElastiCacheResponse, name, _not_emulated)


def create_replication_group(self: ElastiCacheResponse) -> ActionResult:
    """Create a replication group. API_CreateReplicationGroup.html"""
    backend, given = self.elasticache_backend, self.params
    _refuse_unknown("CreateReplicationGroup", set(given) - CREATE)
    name = given["ReplicationGroupId"].lower()
    if name in backend.replication_groups:
        raise ReplicationGroupAlreadyExists(name)
    if not IDENTIFIER.fullmatch(name):
        raise ElastiCacheException("InvalidParameterValue", f"Invalid identifier: {name}")
    group = _new(backend, name, given)
    _check_failover(group.automatic_failover, group.multi_az, len(group.members))
    backend.replication_groups[name] = group
    backend.tagging_service.tag_resource(group.arn, given.get("Tags", []))
    return ActionResult({"ReplicationGroup": group.as_replication_group()})


def describe_replication_groups(self: ElastiCacheResponse) -> ActionResult:
    """Describe replication groups. API_DescribeReplicationGroups.html"""
    name, every = self.params.get("ReplicationGroupId"), self.elasticache_backend.replication_groups
    found = [find(self.elasticache_backend, name)] if name else list(every.values())
    return page("ReplicationGroups", [one.as_replication_group() for one in found], self.params)


def modify_replication_group(self: ElastiCacheResponse) -> ActionResult:
    """Modify a group: node type and version wait for the window or ApplyImmediately, the rest does not.

    API_ModifyReplicationGroup.html
    """
    backend, given = self.elasticache_backend, dict(self.params)
    _refuse_unknown("ModifyReplicationGroup", set(given) - HANDLED - set(IMMEDIATE) - set(DEFERRED))
    group = available(backend, given["ReplicationGroupId"])
    _check_references(backend, given)
    failover = given.get("AutomaticFailoverEnabled", group.automatic_failover)
    _check_failover(failover, given.get("MultiAZEnabled", group.multi_az), len(group.members))
    if "EngineVersion" in given or "CacheParameterGroupName" in given:
        coming = given.get("EngineVersion") or group.pending.get("EngineVersion", group.engine_version)
        chosen = _engine(group.engine, coming)
        _check_family(backend, chosen, given.get("CacheParameterGroupName", group.parameter_group))
        if "EngineVersion" in given:
            given["EngineVersion"] = chosen.version
    if "AuthToken" in given or "AuthTokenUpdateStrategy" in given:
        strategy = given.get("AuthTokenUpdateStrategy", "ROTATE")
        _change_token(group, given.get("AuthToken", ""), strategy)
    for name, attribute in IMMEDIATE.items():
        if name in given:
            setattr(group, attribute, given[name])
    for name, attribute in DEFERRED.items():
        if name in given and given[name] != getattr(group, attribute):
            group.pending[name] = given[name]
    if given.get("ApplyImmediately"):
        group.apply_now, group.status = True, "modifying"
    return ActionResult({"ReplicationGroup": group.as_replication_group()})


def delete_replication_group(self: ElastiCacheResponse) -> ActionResult:
    """Delete a replication group. API_DeleteReplicationGroup.html"""
    _refuse_unknown("DeleteReplicationGroup", set(self.params) - {"ReplicationGroupId"})
    group = find(self.elasticache_backend, self.params["ReplicationGroupId"])
    if group.status == "deleting":
        message = f"Replication group {group.id} is already being deleted."
        raise ElastiCacheException("InvalidReplicationGroupState", message)
    group.status = "deleting"
    return ActionResult({"ReplicationGroup": group.as_replication_group()})


def describe_cache_clusters(self: ElastiCacheResponse) -> ActionResult:
    """Describe clusters; members of replication groups are clusters too. API_DescribeCacheClusters.html"""
    name, nodes = self.params.get("CacheClusterId"), bool(self.params.get("ShowCacheNodeInfo"))
    groups: Any = self.elasticache_backend.replication_groups.values()
    members = [(group, member) for group in groups for member in group.members]
    if name and name not in {member for _, member in members}:
        raise CacheClusterNotFound(name)
    if self.params.get("ShowCacheClustersNotInReplicationGroups"):
        members = []
    found = [g.as_cache_cluster(member, nodes) for g, member in members if name in (None, member)]
    return page("CacheClusters", found, self.params)


def describe_cache_engine_versions(self: ElastiCacheResponse) -> ActionResult:
    """Describe the engine versions that the sandbox emulates. API_DescribeCacheEngineVersions.html"""
    desired, version = self.params.get("Engine"), self.params.get("EngineVersion")
    found = [
        {"Engine": name, "EngineVersion": short, "CacheParameterGroupFamily": one.family}
        for (name, short), one in ENGINES.items()
        if desired in (None, name) and version in (None, short)
    ]
    return page("CacheEngineVersions", found, self.params)


def _new(backend: Any, name: str, given: dict[str, Any]) -> ReplicationGroup:
    name_of_engine = given.get("Engine", "redis")
    chosen = _engine(name_of_engine, given.get("EngineVersion"))
    given = {"CacheParameterGroupName": f"default.{chosen.family}", **given}
    _check_references(backend, given)
    _check_family(backend, chosen, given["CacheParameterGroupName"])
    if "CacheSubnetGroupName" not in given:
        raise NotImplementedError("CreateReplicationGroup without CacheSubnetGroupName")
    subnets = elasticache_subnet_groups.find(backend, given["CacheSubnetGroupName"])
    nodes = given.get("NumCacheClusters", 1)
    if nodes not in NODES:
        raise ElastiCacheException("InvalidParameterValue", "NumCacheClusters must be 1 to 6.")
    zones = given.get("PreferredCacheClusterAZs") or subnets.zones
    tls, token = bool(given.get("TransitEncryptionEnabled")), given.get("AuthToken")
    if token:
        _check_token(tls, token)
    place = f"{backend.region_name}:{backend.account_id}"
    return ReplicationGroup(
        id=name,
        arn=f"arn:aws:elasticache:{place}:replicationgroup:{name}",
        description=given["ReplicationGroupDescription"],
        engine=name_of_engine,
        engine_version=chosen.version,
        node_type=given["CacheNodeType"],
        members={f"{name}-{number + 1:03}": zones[number % len(zones)] for number in range(nodes)},
        primary=f"{name}-001",
        subnet_group=subnets.cache_subnet_group_name,
        parameter_group=given["CacheParameterGroupName"].lower(),
        security_groups=list(given.get("SecurityGroupIds", [])),
        port=given.get("Port", 6379),
        automatic_failover=bool(given.get("AutomaticFailoverEnabled")),
        multi_az=bool(given.get("MultiAZEnabled")),
        tls=tls,
        at_rest=bool(given.get("AtRestEncryptionEnabled")),
        kms_key=_kms_key(backend, given.get("KmsKeyId")),
        snapshot_retention=given.get("SnapshotRetentionLimit", 0),
        snapshot_window=given.get("SnapshotWindow", "06:30-07:30"),
        maintenance_window=given.get("PreferredMaintenanceWindow", "sun:04:00-sun:05:00"),
        minor_upgrades=given.get("AutoMinorVersionUpgrade", True),
        tokens=[token] if token else [],
        token_changed=dt.datetime.now(dt.UTC) if token else None,
    )


def _change_token(group: ReplicationGroup, token: str, strategy: str) -> None:
    """Change the AUTH token: ROTATE keeps the last one valid beside the new one, SET does not.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
    """
    if strategy == "DELETE":
        group.tokens = []
    else:
        _check_token(group.tls, token)
        group.tokens = [*group.tokens[-1:], token] if strategy == "ROTATE" else [token]
    group.token_changed = dt.datetime.now(dt.UTC)


def _check_token(tls: bool, token: str) -> None:
    if not tls:
        raise combination("AuthToken needs TransitEncryptionEnabled.")
    if not TOKEN.fullmatch(token):
        message = "Invalid AuthToken provided: 16 to 128 letters, digits or !&#$^<>- are permitted."
        raise ElastiCacheException("InvalidParameterValue", message)


def _check_failover(automatic: bool, multi_az: bool, nodes: int) -> None:
    """Refuse failover without a replica, and Multi-AZ without failover. API_CreateReplicationGroup.html"""
    if automatic and nodes == 1:
        raise combination("Automatic failover needs at least one replica.")
    if multi_az and not automatic:
        raise combination("MultiAZEnabled needs AutomaticFailoverEnabled.")


def _check_references(backend: Any, given: dict[str, Any]) -> None:
    if "CacheParameterGroupName" in given:
        elasticache_parameters.find(backend, given["CacheParameterGroupName"])
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    for group in given.get("SecurityGroupIds", []):
        if ec2.get_security_group_from_id(group) is None:
            message = f"Some security groups are not valid: {group}"
            raise ElastiCacheException("InvalidParameterValue", message)


def _kms_key(backend: Any, key: str | None) -> str | None:
    try:
        kms = kms_backends[backend.account_id][backend.region_name]
        return str(kms.describe_key(key).arn) if key else None
    except Exception as error:
        raise ElastiCacheException("InvalidKMSKeyFault", f"KMS key {key} not found") from error


def _engine(name: str, version: str | None) -> Engine:
    if found := engine(name, version):
        return found
    raise ElastiCacheException("InvalidParameterValue", f"Cannot find {name} version {version}")


def _check_family(backend: Any, chosen: Engine, parameter_group: str) -> None:
    """Refuse a parameter group of another family than the engine's.

    https://github.com/hashicorp/terraform-provider-aws/issues/27709
    """
    found = elasticache_parameters.find(backend, parameter_group).cache_parameter_group_family
    if found != chosen.family:
        raise combination(f"Expected a parameter group of family {chosen.family} but found one of family {found}")


def _refuse_unknown(operation: str, names: set[str]) -> None:
    if names:
        raise NotImplementedError(f"{operation} with {', '.join(sorted(names))}")


def _not_emulated(self: ElastiCacheResponse) -> ActionResult:
    raise NotImplementedError(self._get_action())
