"""A replication group of several nodes through the API: reads, failover, replica counts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.exceptions
from botocore.exceptions import ClientError
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.services.elasticache.controller import ElastiCacheController
from tests.support.sandbox.dataplane import Stage, eventually, running

NAME = "campus"
TOKEN = "first-token-of-16-characters"
FIRST, SECOND, THIRD = (f"{NAME}-00{number}" for number in (1, 2, 3))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running(tmp_path_factory.mktemp("replicas"), ElastiCacheController) as stage:
        elasticache = stage.client("elasticache")
        elasticache.create_cache_subnet_group(
            CacheSubnetGroupName="data", CacheSubnetGroupDescription="data", SubnetIds=[*stage.subnets]
        )
        elasticache.create_replication_group(
            ReplicationGroupId=NAME,
            ReplicationGroupDescription="sessions",
            CacheNodeType="cache.t3.micro",
            NumCacheClusters=2,
            AutomaticFailoverEnabled=True,
            MultiAZEnabled=True,
            CacheSubnetGroupName="data",
            TransitEncryptionEnabled=True,
            AuthToken=TOKEN,
        )
        become(elasticache, "available")
        yield stage


@pytest.fixture(scope="module")
def elasticache(stage: Stage) -> Any:
    return stage.client("elasticache")


def describe(elasticache: Any) -> dict[str, Any]:
    return dict(elasticache.describe_replication_groups(ReplicationGroupId=NAME)["ReplicationGroups"][0])


def become(elasticache: Any, status: str) -> dict[str, Any]:
    return dict(eventually(lambda: (d := describe(elasticache))["Status"] == status and d))


def changed(elasticache: Any) -> dict[str, str]:
    """Return the role of each member after a change, which makes the group `modifying` at once."""
    become(elasticache, "available")
    return roles(elasticache)


def roles(elasticache: Any) -> dict[str, str]:
    members = describe(elasticache)["NodeGroups"][0]["NodeGroupMembers"]
    return {member["CacheClusterId"]: member["CurrentRole"] for member in members}


def login(stage: Stage, endpoint: str) -> Any:
    """Connect to the "Primary" or "Reader" endpoint."""
    place = describe(stage.client("elasticache"))["NodeGroups"][0][f"{endpoint}Endpoint"]
    return redis.Redis(
        stage.sandbox.network.lookup(place["Address"]) or "",
        place["Port"],
        password=TOKEN,
        ssl=True,
        ssl_ca_certs=str(stage.sandbox.authority.certificate),
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
    )


def answer(stage: Stage, endpoint: str, *command: str) -> Any:
    try:
        return login(stage, endpoint).execute_command(*command)
    except redis.RedisError as error:
        return type(error)


def role(stage: Stage, endpoint: str) -> Any:
    found = answer(stage, endpoint, "ROLE")
    return found[0] if isinstance(found, list) else found


def kill(stage: Stage, endpoint: str) -> None:
    os.kill(login(stage, endpoint).info()["process_id"], signal.SIGKILL)


def refused(code: str, call: Any, **parameters: Any) -> None:
    with pytest.raises(ClientError) as failure:
        call(ReplicationGroupId=NAME, **parameters)
    assert failure.value.response["Error"]["Code"] == code


def test_the_reader_endpoint_leads_to_the_replica_in_another_zone(stage: Stage, elasticache: Any) -> None:
    assert roles(elasticache) == {FIRST: "primary", SECOND: "replica"}
    members = describe(elasticache)["NodeGroups"][0]["NodeGroupMembers"]
    assert [one["PreferredAvailabilityZone"] for one in members] == ["us-east-1a", "us-east-1b"]
    login(stage, "Primary").set("session", "alice")
    assert (role(stage, "Primary"), role(stage, "Reader")) == ("master", "slave")
    eventually(lambda: answer(stage, "Reader", "GET", "session") == "alice")
    assert answer(stage, "Reader", "SET", "session", "bob") is redis.exceptions.ReadOnlyError


def test_a_killed_primary_is_failed_over_and_comes_back_as_a_replica(stage: Stage, elasticache: Any) -> None:
    before = describe(elasticache)["NodeGroups"][0]["PrimaryEndpoint"]
    login(stage, "Primary").set("session", "carol")
    login(stage, "Primary").execute_command("WAIT", 1, 0)
    kill(stage, "Primary")
    eventually(lambda: roles(elasticache) == {FIRST: "replica", SECOND: "primary"})
    eventually(lambda: answer(stage, "Primary", "GET", "session") == "carol")
    assert login(stage, "Primary").set("session", "dave")
    eventually(lambda: role(stage, "Reader") == "slave" and answer(stage, "Reader", "GET", "session") == "dave")
    assert describe(elasticache)["NodeGroups"][0]["PrimaryEndpoint"] == before


def test_a_killed_replica_gets_everything_again(stage: Stage, elasticache: Any) -> None:
    login(stage, "Primary").set("session", "erin")
    kill(stage, "Reader")
    eventually(lambda: role(stage, "Reader") == "slave" and answer(stage, "Reader", "GET", "session") == "erin")


def test_failover_can_be_tested(stage: Stage, elasticache: Any) -> None:
    refused("NodeGroupNotFoundFault", elasticache.test_failover, NodeGroupId="0002")
    elasticache.test_failover(ReplicationGroupId=NAME, NodeGroupId="0001")
    assert changed(elasticache) == {FIRST: "primary", SECOND: "replica"}
    eventually(lambda: answer(stage, "Primary", "GET", "session") == "erin")
    events = elasticache.describe_events(SourceIdentifier=NAME, SourceType="replication-group")["Events"]
    assert [event["Message"] for event in events][-2:] == [
        "Test Failover API called for node group 0001",
        f"Failover from primary node {SECOND} to replica node {FIRST} completed",
    ]


def test_replicas_come_and_go(stage: Stage, elasticache: Any) -> None:
    increase, decrease = elasticache.increase_replica_count, elasticache.decrease_replica_count
    now = {"ApplyImmediately": True}
    refused("NoOperationFault", increase, NewReplicaCount=1, **now)
    refused("InvalidParameterValue", increase, NewReplicaCount=2, ApplyImmediately=False)
    refused("InvalidParameterValue", increase, NewReplicaCount=6, **now)
    increase(ReplicationGroupId=NAME, NewReplicaCount=2, **now)
    assert changed(elasticache) == {FIRST: "primary", SECOND: "replica", THIRD: "replica"}
    refused("InvalidParameterCombination", decrease, NewReplicaCount=0, **now)
    refused("InvalidParameterValue", decrease, ReplicasToRemove=[FIRST], **now)
    decrease(ReplicationGroupId=NAME, ReplicasToRemove=[SECOND], **now)
    assert changed(elasticache) == {FIRST: "primary", THIRD: "replica"}
    assert sorted(path.name for path in stage.sandbox.settings.root.glob("caches/*/campus-*")) == [FIRST, THIRD]
    eventually(lambda: answer(stage, "Reader", "GET", "session") == "erin")


def test_without_automatic_failover_the_primary_is_replaced_with_its_data(stage: Stage, elasticache: Any) -> None:
    refused("InvalidParameterCombination", elasticache.modify_replication_group, AutomaticFailoverEnabled=False)
    elasticache.modify_replication_group(
        ReplicationGroupId=NAME, AutomaticFailoverEnabled=False, MultiAZEnabled=False, ApplyImmediately=True
    )
    before = changed(elasticache)
    refused("InvalidReplicationGroupState", elasticache.test_failover, NodeGroupId="0001")
    login(stage, "Primary").set("session", "frank")
    login(stage, "Primary").execute_command("WAIT", 1, 0)
    kill(stage, "Primary")
    eventually(lambda: answer(stage, "Primary", "GET", "session") == "frank" and role(stage, "Primary") == "master")
    assert roles(elasticache) == before
    eventually(lambda: role(stage, "Reader") == "slave")


def test_a_group_of_one_reads_from_its_primary(stage: Stage, elasticache: Any) -> None:
    elasticache.decrease_replica_count(ReplicationGroupId=NAME, NewReplicaCount=0, ApplyImmediately=True)
    assert changed(elasticache) == {FIRST: "primary"}
    eventually(lambda: role(stage, "Reader") == "master")
