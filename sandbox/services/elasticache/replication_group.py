"""A replication group without shards, as the API describes it and its member clusters.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html
"""

from __future__ import annotations

import datetime as dt
import hashlib
import string
from dataclasses import dataclass, field
from typing import Any

_COMPASS = ("north", "south", "east", "west", "central")


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a group or of a member.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_Event.html
    """

    date: dt.datetime
    source_type: str
    source_identifier: str
    message: str


@dataclass(slots=True, kw_only=True)
class ReplicationGroup:
    """A replication group; its controller changes `status` and opens the endpoint.

    members: ids of the member clusters and their zones; primary: the member that takes writes; failover_requested:
    TestFailover was called; tokens: accepted AUTH tokens, the latest last; pending: changes that wait for the
    maintenance window or are being applied (`apply_now`), by their names in CacheCluster.
    """

    id: str
    arn: str
    description: str
    engine: str
    engine_version: str
    node_type: str
    members: dict[str, str]
    primary: str
    subnet_group: str
    parameter_group: str
    security_groups: list[str]
    port: int
    automatic_failover: bool
    multi_az: bool
    tls: bool
    at_rest: bool
    kms_key: str | None
    snapshot_retention: int
    snapshot_window: str
    maintenance_window: str
    minor_upgrades: bool
    tokens: list[str] = field(repr=False)
    token_changed: dt.datetime | None = None
    created: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    status: str = "creating"
    endpoint_open: bool = False
    apply_now: bool = False
    failover_requested: bool = False
    events: list[Event] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)
    parameter_status: str = "in-sync"

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def zones(self) -> list[str]:
        """Return the availability zones of the members."""
        return list(self.members.values())

    def host(self, role: str) -> str:
        """Return the DNS name of the endpoint "master" or "replica", as AWS shapes it with and without TLS."""
        digest = hashlib.sha256(f"{self.account}/{self.region}".encode()).digest()
        alphabet = string.ascii_lowercase + string.digits
        mark = "".join(alphabet[byte % len(alphabet)] for byte in digest[:6])
        tail = f"{mark}.{_short(self.region)}.cache.amazonaws.com"
        if self.tls:
            return f"{role}.{self.id}.{tail}"
        plain = self.id if role == "master" else f"{self.id}-ro"
        return f"{plain}.{tail.replace('.', '.ng.0001.' if role == 'master' else '.', 1)}"

    def apply_pending(self) -> None:
        """Move pending changes to the present values."""
        self.node_type = self.pending.pop("CacheNodeType", self.node_type)
        self.engine_version = self.pending.pop("EngineVersion", self.engine_version)
        self.apply_now = self.failover_requested = False

    def tell(self, member: str | None, message: str) -> None:
        """Add an event of the group, or of one of its members."""
        kind = "cache-cluster" if member else "replication-group"
        self.events.append(Event(dt.datetime.now(dt.UTC), kind, member or self.id, message))

    def as_replication_group(self) -> dict[str, Any]:
        """Return the group as DescribeReplicationGroups does; endpoints only if there are some."""
        return {
            "ReplicationGroupId": self.id,
            "ARN": self.arn,
            "Description": self.description,
            "Status": self.status,
            "Engine": self.engine,
            "PendingModifiedValues": {},
            "MemberClusters": list(self.members),
            "NodeGroups": [self._node_group()] if self.endpoint_open else [],
            "AutomaticFailover": "enabled" if self.automatic_failover else "disabled",
            "MultiAZ": "enabled" if self.multi_az else "disabled",
            "SnapshotRetentionLimit": self.snapshot_retention,
            "SnapshotWindow": self.snapshot_window,
            "ClusterEnabled": False,
            "ClusterMode": "disabled",
            "CacheNodeType": self.node_type,
            "AuthTokenEnabled": bool(self.tokens),
            "AuthTokenLastModifiedDate": self.token_changed,
            "TransitEncryptionEnabled": self.tls,
            "TransitEncryptionMode": "required" if self.tls else None,
            "AtRestEncryptionEnabled": self.at_rest,
            "KmsKeyId": self.kms_key,
            "ReplicationGroupCreateTime": self.created,
            "AutoMinorVersionUpgrade": self.minor_upgrades,
            "DataTiering": "disabled",
            "NetworkType": "ipv4",
            "IpDiscovery": "ipv4",
        }

    def as_cache_cluster(self, member: str, with_nodes: bool = True) -> dict[str, Any]:
        """Return a member as DescribeCacheClusters does."""
        zone = self.members[member]
        return {
            "CacheClusterId": member,
            "ARN": self.arn.replace("replicationgroup:" + self.id, f"cluster:{member}"),
            "ReplicationGroupId": self.id,
            "CacheClusterStatus": self.status,
            "CacheClusterCreateTime": self.created,
            "CacheNodeType": self.node_type,
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            "NumCacheNodes": 1,
            "PreferredAvailabilityZone": zone,
            "PreferredMaintenanceWindow": self.maintenance_window,
            "PendingModifiedValues": dict(self.pending),
            "CacheParameterGroup": {
                "CacheParameterGroupName": self.parameter_group,
                "ParameterApplyStatus": self.parameter_status,
                "CacheNodeIdsToReboot": [] if self.parameter_status == "in-sync" else ["0001"],
            },
            "CacheSubnetGroupName": self.subnet_group,
            "CacheNodes": [self._node(zone)] if with_nodes else None,
            "AutoMinorVersionUpgrade": self.minor_upgrades,
            "SecurityGroups": [{"SecurityGroupId": group, "Status": "active"} for group in self.security_groups],
            "SnapshotRetentionLimit": self.snapshot_retention,
            "SnapshotWindow": self.snapshot_window,
            "AuthTokenEnabled": bool(self.tokens),
            "AuthTokenLastModifiedDate": self.token_changed,
            "TransitEncryptionEnabled": self.tls,
            "TransitEncryptionMode": "required" if self.tls else None,
            "AtRestEncryptionEnabled": self.at_rest,
            "NetworkType": "ipv4",
            "IpDiscovery": "ipv4",
        }

    def _node_group(self) -> dict[str, Any]:
        return {
            "NodeGroupId": "0001",
            "Status": self.status,
            "PrimaryEndpoint": self._endpoint("master"),
            "ReaderEndpoint": self._endpoint("replica"),
            "NodeGroupMembers": [
                {
                    "CacheClusterId": member,
                    "CacheNodeId": "0001",
                    "PreferredAvailabilityZone": zone,
                    "CurrentRole": "primary" if member == self.primary else "replica",
                }
                for member, zone in self.members.items()
            ],
        }

    def _node(self, zone: str) -> dict[str, Any]:
        return {
            "CacheNodeId": "0001",
            "CacheNodeStatus": self.status,
            "CacheNodeCreateTime": self.created,
            "ParameterGroupStatus": self.parameter_status,
            "CustomerAvailabilityZone": zone,
        }

    def _endpoint(self, role: str) -> dict[str, Any]:
        return {"Address": self.host(role), "Port": self.port}


def _short(region: str) -> str:
    """Return a region's short name: use1 of us-east-1, apse2 of ap-southeast-2."""
    area, *middle, number = region.split("-")
    words = "".join(middle)
    for direction in _COMPASS:
        words = words.replace(direction, direction[0])
    return f"{area}{words}{number}"
