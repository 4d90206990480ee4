"""A stack's database with its snapshots and groups, and its cache with its subnet group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    arns = arns_by_name(rds, "describe_db_subnet_groups", "DBSubnetGroups", fields, stack.name)
    yield from items("database subnet group", stack.name, "aws rds delete-db-subnet-group --db-subnet-group-name", arns)
    fields = ("DBParameterGroupName", "DBParameterGroupArn")
    arns = arns_by_name(rds, "describe_db_parameter_groups", "DBParameterGroups", fields, stack.name)
    yield from items("parameter group", stack.name, "aws rds delete-db-parameter-group --db-parameter-group-name", arns)


def find_cache(elasticache: Any, stack: Stack) -> Iterator[Item]:
    """Yield the cache and its subnet group."""
    delete = "aws elasticache delete"
    fields = ("ReplicationGroupId", "ARN")
    arns = arns_by_name(elasticache, "describe_replication_groups", "ReplicationGroups", fields, stack.name)
    yield from items("cache", stack.name, f"{delete}-replication-group --replication-group-id", arns)
    fields = ("CacheSubnetGroupName", "ARN")
    arns = arns_by_name(elasticache, "describe_cache_subnet_groups", "CacheSubnetGroups", fields, stack.name)
    yield from items("cache subnet group", stack.name, f"{delete}-cache-subnet-group --cache-subnet-group-name", arns)


def items(kind: str, name: str, delete: str, arns: Iterable[str]) -> Iterator[Item]:
    """Yield an item for each ARN. delete: the command that deletes it, without its name."""
    yield from (Item(kind, name, f"{delete} {name}", arn) for arn in arns)
