"""A stack's database with its snapshots and groups, and its cache with its subnet group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.aws.errors import unless_missing
from ops.stack.model import Stack
from ops.stack.resources.item import PROTECTION_LIFTED, Item, arns_by_name


def find_database(rds: Any, stack: Stack) -> Iterator[Item]:
    """Yield the database, which is protected."""
    missing = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
    answer = unless_missing(missing, rds.describe_db_instances, DBInstanceIdentifier=stack.name)
    for instance in answer["DBInstances"] if answer else []:
        yield Item(
            "database",
            stack.name,
            f"aws rds delete-db-instance --db-instance-identifier {stack.name}",
            instance["DBInstanceArn"],
            holds=f"{instance['AllocatedStorage']} GB{PROTECTION_LIFTED if instance['DeletionProtection'] else ''}",
            protected="it holds the stack's data",
        )


def find_snapshots(rds: Any, stack: Stack) -> Iterator[Item]:
    """Yield the database's snapshots. AWS deletes the automated ones with the database, and keeps the others."""
    for snapshot in rds.describe_db_snapshots(DBInstanceIdentifier=stack.name)["DBSnapshots"]:
        name, automated = snapshot["DBSnapshotIdentifier"], snapshot["SnapshotType"] == "automated"
        command = f"aws rds delete-db-snapshot --db-snapshot-identifier {name}"
        kept = "" if automated else f"until somebody deletes it: {snapshot['AllocatedStorage']} GB"
        yield Item("snapshot", name, command, snapshot["DBSnapshotArn"], kept=kept)


def find_database_groups(rds: Any, stack: Stack) -> Iterator[Item]:
    """Yield the database's subnet group and its parameter group."""
    fields = ("DBSubnetGroupName", "DBSubnetGroupArn")
    for arn in arns_by_name(rds, "describe_db_subnet_groups", "DBSubnetGroups", fields, stack.name):
        command = f"aws rds delete-db-subnet-group --db-subnet-group-name {stack.name}"
        yield Item("database subnet group", stack.name, command, arn)
    fields = ("DBParameterGroupName", "DBParameterGroupArn")
    for arn in arns_by_name(rds, "describe_db_parameter_groups", "DBParameterGroups", fields, stack.name):
        command = f"aws rds delete-db-parameter-group --db-parameter-group-name {stack.name}"
        yield Item("parameter group", stack.name, command, arn)


def find_cache(elasticache: Any, stack: Stack) -> Iterator[Item]:
    """Yield the cache and its subnet group."""
    fields = ("ReplicationGroupId", "ARN")
    for arn in arns_by_name(elasticache, "describe_replication_groups", "ReplicationGroups", fields, stack.name):
        command = f"aws elasticache delete-replication-group --replication-group-id {stack.name}"
        yield Item("cache", stack.name, command, arn)
    fields = ("CacheSubnetGroupName", "ARN")
    for arn in arns_by_name(elasticache, "describe_cache_subnet_groups", "CacheSubnetGroups", fields, stack.name):
        command = f"aws elasticache delete-cache-subnet-group --cache-subnet-group-name {stack.name}"
        yield Item("cache subnet group", stack.name, command, arn)
