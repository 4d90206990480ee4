#!/usr/bin/python
"""Own module because community.aws.elasticache makes single clusters only: no replication group, TLS or AUTH."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cache_group
short_description: An ElastiCache replication group
description:
  - Creates, updates or deletes a replication group without shards, with TLS, AUTH and encryption at rest.
  - Reads the AUTH token from Secrets Manager itself, once, at creation. The token is state; it is never put back.
  - While AWS works on the group it can't be changed, nor all of it read, so then nothing is compared.
  - The number of nodes changes at once, whatever I(apply_immediately) says, since AWS knows no other way. When more is
    to change in the same run, it waits in between.
options:
  name: {description: Identifier, type: str, required: true}
  description: {description: What it is for, type: str, default: Managed by Ansible}
  engine: {description: Engine. Can't change, type: str, choices: [redis, valkey], default: redis}
  engine_version: {description: "Version; 7 means any minor version of 7", type: str}
  node_type: {description: "Class of its nodes, such as cache.t3.micro", type: str}
  nodes: {description: "The primary and its replicas, from 1 to 6", type: int, default: 1}
  parameter_group: {description: Name of the cache parameter group, type: str}
  subnet_group: {description: Name of the cache subnet group. Can't change, type: str}
  security_groups: {description: Ids of the security groups, type: list, elements: str, default: []}
  kms_key_arn: {description: Key that encrypts at rest. Can't change, type: str}
  auth_secret: {description: Name or ARN of the secret whose text is the AUTH token, type: str}
  snapshot_retention_days: {description: Days of daily snapshots; 0 for none, type: int, default: 0}
  maintenance_window: {description: "Weekly window in UTC, as sun:09:00-sun:10:00", type: str}
  minor_upgrades: {description: Whether AWS upgrades minor versions in the window, type: bool, default: true}
  apply_immediately: {description: Whether changes are done now rather than in the window, type: bool, default: false}
  wait_timeout: {description: Seconds to wait at most, type: int, default: 3600}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.ready, resource.tags, resource.wait]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Wait for the cache
  cache_group:
    name: campshub360-tier1
    state: ready
"""

RETURN = r"""
resource: {description: "The replication group, with its arn, status and endpoint", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import unless_missing
from ops.aws.resource import STATE_OPTION_WITH_READY, TAGS_OPTION, WAIT_OPTIONS, Resource, State, run, same_version
from ops.aws.secrets import AUTH_TOKEN, SecretError, fetch
from ops.aws.tagging import tag_by_name
from ops.aws.tags import tags_from, tags_to
from ops.stack.naming import stored

REQUEST = {  # our option -> AWS's name, in CreateReplicationGroup and, unless fixed, in ModifyReplicationGroup
    "description": "ReplicationGroupDescription",
    "engine": "Engine",
    "engine_version": "EngineVersion",
    "node_type": "CacheNodeType",
    "nodes": "NumCacheClusters",
    "parameter_group": "CacheParameterGroupName",
    "subnet_group": "CacheSubnetGroupName",
    "security_groups": "SecurityGroupIds",
    "kms_key_arn": "KmsKeyId",
    "snapshot_retention_days": "SnapshotRetentionLimit",
    "maintenance_window": "PreferredMaintenanceWindow",
    "minor_upgrades": "AutoMinorVersionUpgrade",
    "failover": "AutomaticFailoverEnabled",
    "encrypted_in_transit": "TransitEncryptionEnabled",
    "encrypted_at_rest": "AtRestEncryptionEnabled",
}
FIXED = frozenset({"engine", "subnet_group", "kms_key_arn", "encrypted_in_transit", "encrypted_at_rest"})


def cache_state(group: State, member: State) -> State:
    """Return the state of a replication group and its first member, which alone has some fields.

    What waits for the maintenance window counts as done, so that it is asked for once.
    """
    coming = {"CacheNodeType": group["CacheNodeType"], **member, **member.get("PendingModifiedValues", {})}
    return {
        "description": group["Description"],
        "engine": member.get("Engine", group.get("Engine")),
        "engine_version": coming["EngineVersion"],
        "node_type": coming["CacheNodeType"],
        "nodes": len(group["MemberClusters"]),
        "parameter_group": member["CacheParameterGroup"]["CacheParameterGroupName"],
        "subnet_group": member["CacheSubnetGroupName"],
        "security_groups": sorted(item["SecurityGroupId"] for item in member["SecurityGroups"]),
        "kms_key_arn": group.get("KmsKeyId"),
        "snapshot_retention_days": group.get("SnapshotRetentionLimit", 0),
        "maintenance_window": member["PreferredMaintenanceWindow"],
        "minor_upgrades": group.get("AutoMinorVersionUpgrade", True),
        "failover": group.get("AutomaticFailover") in ("enabled", "enabling"),
        "encrypted_in_transit": group.get("TransitEncryptionEnabled", False),
        "encrypted_at_rest": group.get("AtRestEncryptionEnabled", False),
    }


def request(values: State) -> State:
    """Return values as parameters of an AWS call; automatic failover and Multi-AZ go together."""
    zones = {"MultiAZEnabled": values["failover"]} if "failover" in values else {}
    return {REQUEST[ours]: value for ours, value in values.items() if ours in REQUEST} | zones


def steps(found: State, changes: State, now: bool) -> list[tuple[str, State]]:
    """Return the calls that make these changes, in order, as operation and parameters.

    Failover needs a replica: it is switched on once there is one, and off before the last one goes.
    """
    others = request({key: value for key, value in changes.items() if key != "nodes"})
    modify = [("modify_replication_group", {**others, "ApplyImmediately": now})] if others else []
    if "nodes" not in changes:
        return modify
    count = {"NewReplicaCount": changes["nodes"] - 1, "ApplyImmediately": True}
    if changes["nodes"] > found["nodes"]:
        return [("increase_replica_count", count), *modify]
    return [*modify, ("decrease_replica_count", count)]


def endpoint(group: State) -> str | None:
    """Return the address of the primary endpoint; None while there is none."""
    nodes = group.get("NodeGroups") or [{}]
    return str(nodes[0]["PrimaryEndpoint"]["Address"]) if "PrimaryEndpoint" in nodes[0] else None


class CacheGroup(Resource):
    noun = "cache"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.elasticache = module.client("elasticache")

    def read(self) -> State | None:
        missing = "ReplicationGroupNotFoundFault"
        answer = unless_missing(missing, self.elasticache.describe_replication_groups, ReplicationGroupId=self.name)
        if answer is None:
            return None
        group = answer["ReplicationGroups"][0]
        found = {"arn": group["ARN"], "status": group["Status"], "endpoint": endpoint(group)}
        if group["Status"] != "available":
            return found
        clusters = self.elasticache.describe_cache_clusters(CacheClusterId=group["MemberClusters"][0])
        tags = self.elasticache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"]
        return found | cache_state(group, clusters["CacheClusters"][0]) | {"tags": tags_from(tags)}

    def desired(self, found: State | None) -> State:
        if found and found["status"] != "available":
            return {}
        derived = {
            "security_groups": sorted(self.params["security_groups"]),
            "failover": self.params["nodes"] > 1,
            "encrypted_in_transit": True,
            "encrypted_at_rest": True,
            **{key: stored(self.params[key]) for key in ("parameter_group", "subnet_group", "maintenance_window")},
        }
        desired = {key: self.params[key] for key in (*REQUEST, "tags") if key not in derived} | derived
        if found and same_version(desired["engine_version"], found["engine_version"]):
            desired["engine_version"] = found["engine_version"]
        return desired

    def create(self, desired: State) -> None:
        try:
            token = fetch(self.module.client("secretsmanager"), self.params["auth_secret"], AUTH_TOKEN)
        except SecretError as error:
            self.fail(f"The cache {self.name} was not made. {error}")
        self.elasticache.create_replication_group(
            ReplicationGroupId=self.name,
            AuthToken=token,
            Tags=tags_to(desired["tags"]),
            **request(desired),
        )

    def refusal(self, found: State, changes: State) -> str | None:
        if not (fixed := FIXED & changes.keys()):
            return None
        was = ", ".join(f"{key} {found[key]}" for key in sorted(fixed))
        return (
            f"The cache {self.name} was made with {was}, and that can't change in place. Go back to it in the "
            "inventory; or remove the cache and run this again, since what it holds can be rebuilt."
        )

    def update(self, found: State, changes: State) -> None:
        for operation, parameters in steps(found, changes, self.params["apply_immediately"]):
            self.wait_until_available()
            getattr(self.elasticache, operation)(ReplicationGroupId=self.name, **parameters)
        if "tags" in changes:
            tag_by_name(self.elasticache, found["arn"], found["tags"], changes["tags"])

    def wait_until_available(self) -> None:
        """Wait until the group is available, as each change requires."""
        delay, most = self.params["poll_seconds"], self.params["wait_timeout"]
        waiter = self.elasticache.get_waiter("replication_group_available")
        attempts = {"Delay": delay, "MaxAttempts": max(1, round(most / delay))}
        waiter.wait(ReplicationGroupId=self.name, WaiterConfig=attempts)

    def delete(self, found: State) -> None:
        if found["status"] != "deleting":
            self.elasticache.delete_replication_group(ReplicationGroupId=self.name)

    def is_ready(self, found: State) -> bool:
        if found["status"] in ("create-failed", "deleting"):
            self.fail(
                f"The cache {self.name} is {found['status']} and does not become available by itself. Its events say "
                f"why: aws elasticache describe-events --source-type replication-group --source-identifier {self.name}"
            )
        return bool(found["status"] == "available")


def main() -> None:
    text = {"type": "str"}
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "description": {"default": "Managed by Ansible"},
            "engine": {"choices": ["redis", "valkey"], "default": "redis"},
            "nodes": {"type": "int", "default": 1},
            **dict.fromkeys(("engine_version", "node_type", "parameter_group", "subnet_group"), text),
            **dict.fromkeys(("kms_key_arn", "maintenance_window"), text),
            "auth_secret": {"type": "str", "no_log": False},  # a name; the token itself never passes through Ansible
            "security_groups": {"type": "list", "elements": "str", "default": []},
            "snapshot_retention_days": {"type": "int", "default": 0},
            "minor_upgrades": {"type": "bool", "default": True},
            "apply_immediately": {"type": "bool", "default": False},
            **TAGS_OPTION,
            **STATE_OPTION_WITH_READY,
            **WAIT_OPTIONS,
            "wait_timeout": {"type": "int", "default": 3600},
        },
        required_if=[("state", "present", ["engine_version", "node_type", "parameter_group", "auth_secret"])],
        supports_check_mode=True,
    )
    run(CacheGroup(module))


if __name__ == "__main__":
    main()
