"""ElastiCache through the API: what modules and clients see of a replication group."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.exceptions
from botocore.exceptions import ClientError
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.runtime.valkey import OPERATOR
from sandbox.services.elasticache.controller import ElastiCacheController
from tests.support.sandbox.dataplane import Stage, eventually, running
from tests.support.waiting import HANGS_SECONDS, WAITER_CONFIG

NAME = "campus"
TOKEN = "first-token-of-16-characters"
ORDER = {
    "ReplicationGroupId": NAME,
    "ReplicationGroupDescription": "sessions",
    "Engine": "redis",
    "EngineVersion": "7.1",
    "CacheNodeType": "cache.t3.micro",
    "NumCacheClusters": 1,
    "CacheParameterGroupName": "campus",
    "CacheSubnetGroupName": "data",
    "TransitEncryptionEnabled": True,
    "AtRestEncryptionEnabled": True,
    "AuthToken": TOKEN,
    "SnapshotRetentionLimit": 1,
    "SnapshotWindow": "01:00-02:00",
    "PreferredMaintenanceWindow": "sun:09:00-sun:10:00",
    "AutoMinorVersionUpgrade": True,
    "Tags": [{"Key": "Stack", "Value": "one"}],
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running(tmp_path_factory.mktemp("elasticache"), ElastiCacheController) as stage:
        yield stage


@pytest.fixture(scope="module")
def elasticache(stage: Stage) -> Any:
    return stage.client("elasticache")


@pytest.fixture(scope="module")
def created(stage: Stage, elasticache: Any) -> dict[str, Any]:
    """Create a group and wait until it is available; return CreateReplicationGroup's answer."""
    elasticache.create_cache_subnet_group(
        CacheSubnetGroupName="data",
        CacheSubnetGroupDescription="data",
        SubnetIds=[*stage.subnets],
        Tags=ORDER["Tags"],
    )
    elasticache.create_cache_parameter_group(
        CacheParameterGroupName="campus", CacheParameterGroupFamily="redis7", Description="campus"
    )
    key = stage.client("kms").create_key()["KeyMetadata"]["Arn"]
    answer = elasticache.create_replication_group(**ORDER, KmsKeyId=key, SecurityGroupIds=[stage.security_group])
    become(elasticache, "available")
    return dict(answer["ReplicationGroup"])


def describe(elasticache: Any) -> dict[str, Any]:
    found = elasticache.describe_replication_groups(ReplicationGroupId=NAME)
    return dict(found["ReplicationGroups"][0])


def member(elasticache: Any) -> dict[str, Any]:
    found = elasticache.describe_cache_clusters(CacheClusterId=f"{NAME}-001", ShowCacheNodeInfo=True)
    return dict(found["CacheClusters"][0])


def become(elasticache: Any, status: str) -> dict[str, Any]:
    return dict(eventually(lambda: (d := describe(elasticache))["Status"] == status and d))


def place(stage: Stage, elasticache: Any) -> tuple[str, str, int]:
    endpoint = describe(elasticache)["NodeGroups"][0]["PrimaryEndpoint"]
    address = stage.sandbox.network.lookup(endpoint["Address"])
    assert address
    return endpoint["Address"], address, endpoint["Port"]


def login(stage: Stage, elasticache: Any, token: str | None = TOKEN) -> Any:
    _, address, port = place(stage, elasticache)
    return redis.Redis(
        address,
        port,
        password=token,
        ssl=True,
        ssl_ca_certs=str(stage.sandbox.authority.certificate),
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
    )


def refused(code: str, call: Any, **parameters: Any) -> None:
    with pytest.raises(ClientError) as failure:
        call(**parameters)
    assert failure.value.response["Error"]["Code"] == code


def set_parameter(elasticache: Any, name: str, value: str) -> None:
    elasticache.modify_cache_parameter_group(
        CacheParameterGroupName="campus",
        ParameterNameValues=[{"ParameterName": name, "ParameterValue": value}],
    )


def test_a_new_group_has_no_endpoint_until_it_serves(created: dict[str, Any], elasticache: Any) -> None:
    assert (created["Status"], created["NodeGroups"]) == ("creating", [])
    endpoint = describe(elasticache)["NodeGroups"][0]["PrimaryEndpoint"]
    assert endpoint["Address"].startswith("master.campus.")
    assert endpoint["Address"].endswith(".use1.cache.amazonaws.com")
    assert endpoint["Port"] == 6379


def test_what_was_ordered_comes_back(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    group, cluster = describe(elasticache), member(elasticache)
    for name in ("CacheNodeType", "SnapshotRetentionLimit", "TransitEncryptionEnabled"):
        assert group[name] == cluster[name] == ORDER[name]
    assert group["MemberClusters"] == ["campus-001"]
    assert group["KmsKeyId"].startswith("arn:aws:kms:")
    assert (group["AtRestEncryptionEnabled"], group["AuthTokenEnabled"]) == (True, True)
    assert (group["AutomaticFailover"], group["MultiAZ"]) == ("disabled", "disabled")
    assert cluster["EngineVersion"] == "7.1.0"
    assert cluster["CacheParameterGroup"]["CacheParameterGroupName"] == "campus"
    assert cluster["PreferredMaintenanceWindow"] == ORDER["PreferredMaintenanceWindow"]
    assert cluster["SecurityGroups"] == [{"SecurityGroupId": stage.security_group, "Status": "active"}]
    assert cluster["CacheNodes"][0]["CustomerAvailabilityZone"] == "us-east-1a"


def test_tls_and_auth_are_demanded(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    assert login(stage, elasticache).ping()
    for token in ("another-token-of-16-characters", None):
        with pytest.raises(redis.AuthenticationError):
            login(stage, elasticache, token).ping()
    _, address, port = place(stage, elasticache)
    with pytest.raises(redis.ConnectionError):
        redis.Redis(address, port, password=TOKEN, retry=Retry(NoBackoff(), 0)).ping()


def test_the_certificate_is_the_endpoints_and_old_tls_is_refused(
    created: dict[str, Any], stage: Stage, elasticache: Any
) -> None:
    name, address, port = place(stage, elasticache)
    trust = ssl.create_default_context(cafile=str(stage.sandbox.authority.certificate))
    assert _handshake(trust, name, address, port) in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(trust, "else.example", address, port)
    trust.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        trust.minimum_version = ssl.TLSVersion.TLSv1
        trust.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)version|protocol"):
        _handshake(trust, name, address, port)


def _handshake(trust: ssl.SSLContext, name: str, address: str, port: int) -> str | None:
    with (
        socket.create_connection((address, port), HANGS_SECONDS) as plain,
        trust.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.version()


def test_tokens_are_rotated_and_set(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    login(stage, elasticache).set("kept", "yes")
    change = {"ReplicationGroupId": NAME, "ApplyImmediately": True}
    second = "second-token-of-16-chars"
    elasticache.modify_replication_group(**change, AuthToken=second, AuthTokenUpdateStrategy="ROTATE")
    become(elasticache, "available")
    eventually(lambda: _accepts(stage, elasticache, second))
    assert _accepts(stage, elasticache, TOKEN)
    elasticache.modify_replication_group(**change, AuthToken=TOKEN, AuthTokenUpdateStrategy="SET")
    become(elasticache, "available")
    eventually(lambda: not _accepts(stage, elasticache, second))
    assert login(stage, elasticache).get("kept") == "yes"


def _accepts(stage: Stage, elasticache: Any, token: str) -> bool:
    try:
        return bool(login(stage, elasticache, token).ping())
    except redis.AuthenticationError:
        return False


def test_parameters_reach_the_server(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    def server(name: str) -> str:
        return str(_operator(stage, created["ARN"]).config_get(name)[name])

    assert server("maxmemory") == str(int(0.5 * 2**30 * 0.75))
    set_parameter(elasticache, "timeout", "60")
    eventually(lambda: server("timeout") == "60")
    user = elasticache.describe_cache_parameters(CacheParameterGroupName="campus", Source="user")
    assert [p["ParameterName"] for p in user["Parameters"]] == ["timeout"]
    assert user["Parameters"][0]["ParameterValue"] == "60"
    elasticache.reset_cache_parameter_group(CacheParameterGroupName="campus", ResetAllParameters=True)
    eventually(lambda: server("timeout") == "0")


def test_a_parameter_that_needs_a_reboot_waits(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    set_parameter(elasticache, "databases", "4")
    eventually(lambda: member(elasticache)["CacheParameterGroup"]["ParameterApplyStatus"] == "pending-reboot")
    assert _operator(stage, created["ARN"]).config_get("databases") == {"databases": "16"}


def _operator(stage: Stage, arn: str) -> Any:
    """Return a connection of the sandbox's own user to the node: clients may not read the configuration."""
    password = next(stage.sandbox.settings.root.glob("caches/*/operator.password")).read_text()
    address = stage.sandbox.network.address(f"cache-node/{arn}/{NAME}-001")
    return redis.Redis(address, username=OPERATOR, password=password, decode_responses=True)


def test_clients_have_the_commands_of_their_engine_version(
    created: dict[str, Any], stage: Stage, elasticache: Any
) -> None:
    assert login(stage, elasticache).execute_command("FUNCTION LIST") == []
    for later in ("HEXPIRE h 1 FIELDS 1 f", "COMMANDLOG LEN slow", "WAITAOF 0 0 0"):  # 9.0, 8.1, 7.2; this is a 7.1
        with pytest.raises(redis.exceptions.NoPermissionError):
            login(stage, elasticache).execute_command(*later.split())


def test_a_killed_node_is_replaced_by_an_empty_one(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    login(stage, elasticache).set("session", "alice")
    os.kill(login(stage, elasticache).info()["process_id"], signal.SIGKILL)

    def answer() -> object:
        try:
            return [login(stage, elasticache).get("session")]
        except redis.RedisError:
            return None

    assert eventually(answer) == [None]


def test_changes_wait_unless_they_are_to_act_at_once(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    elasticache.modify_replication_group(
        ReplicationGroupId=NAME, CacheNodeType="cache.t3.small", SnapshotRetentionLimit=2
    )
    assert describe(elasticache)["CacheNodeType"] == "cache.t3.micro"
    assert describe(elasticache)["SnapshotRetentionLimit"] == 2
    assert member(elasticache)["PendingModifiedValues"] == {"CacheNodeType": "cache.t3.small"}
    with stage.still():
        elasticache.modify_replication_group(ReplicationGroupId=NAME, ApplyImmediately=True)
        assert describe(elasticache)["Status"] == "modifying"
        refused(
            "InvalidReplicationGroupState",
            elasticache.modify_replication_group,
            ReplicationGroupId=NAME,
        )
    assert become(elasticache, "available")["CacheNodeType"] == "cache.t3.small"
    assert member(elasticache)["PendingModifiedValues"] == {}


def test_tags_come_and_go(created: dict[str, Any], elasticache: Any) -> None:
    subnets = elasticache.describe_cache_subnet_groups(CacheSubnetGroupName="data")
    for arn in (created["ARN"], subnets["CacheSubnetGroups"][0]["ARN"]):
        tags = elasticache.list_tags_for_resource(ResourceName=arn)["TagList"]
        assert tags == ORDER["Tags"]
        one = {"Key": "Name", "Value": "n"}
        left = elasticache.add_tags_to_resource(ResourceName=arn, Tags=[one])["TagList"]
        assert one in left
        left = elasticache.remove_tags_from_resource(ResourceName=arn, TagKeys=["Name"])
        assert left["TagList"] == ORDER["Tags"]
    refused("InvalidARN", elasticache.list_tags_for_resource, ResourceName=f"{created['ARN']}-gone")


def test_what_aws_refuses_is_refused(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    create = elasticache.create_replication_group
    new = {**ORDER, "ReplicationGroupId": "other"}
    refused("ReplicationGroupAlreadyExists", create, **ORDER)
    refused("InvalidParameterValue", create, **{**new, "AuthToken": "short"})
    refused("InvalidParameterValue", create, **{**new, "AuthToken": "with a space and @ sign"})
    refused("InvalidParameterCombination", create, **{**new, "TransitEncryptionEnabled": False})
    refused("InvalidParameterCombination", create, **new, AutomaticFailoverEnabled=True)
    refused("CacheSubnetGroupNotFoundFault", create, **{**new, "CacheSubnetGroupName": "gone"})
    refused("CacheParameterGroupNotFound", create, **{**new, "CacheParameterGroupName": "gone"})
    refused("InvalidParameterValue", create, **{**new, "EngineVersion": "5.9"})
    refused("InvalidParameterCombination", create, **{**new, "CacheParameterGroupName": "default.valkey8"})
    refused("InvalidParameterCombination", create, **{**new, "EngineVersion": "6.2"})
    refused(
        "InvalidParameterCombination",
        elasticache.modify_replication_group,
        ReplicationGroupId=NAME,
        CacheParameterGroupName="default.redis6.x",
    )
    refused("NotEmulated", create, **new, NumNodeGroups=2)
    refused(
        "ReplicationGroupNotFoundFault",
        elasticache.describe_replication_groups,
        ReplicationGroupId="gone",
    )
    refused("CacheClusterNotFound", elasticache.describe_cache_clusters, CacheClusterId="gone")
    refused("CacheSubnetGroupInUse", elasticache.delete_cache_subnet_group, CacheSubnetGroupName="data")
    refused(
        "InvalidCacheParameterGroupState",
        elasticache.delete_cache_parameter_group,
        CacheParameterGroupName="campus",
    )
    refused(
        "InvalidSubnet",
        elasticache.create_cache_subnet_group,
        CacheSubnetGroupName="x",
        CacheSubnetGroupDescription="x",
        SubnetIds=["subnet-0"],
    )
    for name, value in (
        ("maxmemory-policy", "sometimes"),
        ("appendonly", "yes"),
        ("no-such", "1"),
        ("timeout", "soon"),
        ("io-threads", "2"),  # the server knows it, ElastiCache doesn't offer it
        ("commandlog-slow-execution-max-len", "64"),  # Valkey 8.1's
        ("extended-redis-compatibility", "no"),  # of the family valkey8
        ("hash-max-ziplist-entries", "64"),  # of the family redis6.x
    ):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            set_parameter(elasticache, name, value)


def test_what_is_deleted_leaves_nothing(created: dict[str, Any], stage: Stage, elasticache: Any) -> None:
    name, _, _ = place(stage, elasticache)
    answer = elasticache.delete_replication_group(ReplicationGroupId=NAME)
    assert answer["ReplicationGroup"]["Status"] == "deleting"
    elasticache.get_waiter("replication_group_deleted").wait(ReplicationGroupId=NAME, WaiterConfig=WAITER_CONFIG)
    assert list((stage.sandbox.settings.root / "caches").iterdir()) == []
    assert stage.sandbox.network.lookup(name) is None
    elasticache.delete_cache_subnet_group(CacheSubnetGroupName="data")
    elasticache.delete_cache_parameter_group(CacheParameterGroupName="campus")
