"""Database and cache: what AWS's answers mean in our options, and back."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest

from ops.aws.rds import database_state, log_exports, request
from ops.aws.resource import same_version
from plugins.modules.cache_group import CacheGroup, cache_state, endpoint, steps
from plugins.modules.cache_group import request as cache_request
from plugins.modules.database_instance import DatabaseInstance
from plugins.modules.database_parameter_group import DatabaseParameterGroup, batches, settings

INSTANCE: dict[str, Any] = {
    "DBInstanceArn": "arn:aws:rds:us-east-1:1:db:t1",
    "DBInstanceStatus": "available",
    "DBInstanceClass": "db.t3.medium",
    "EngineVersion": "17.5",
    "AllocatedStorage": 20,
    "EnabledCloudwatchLogsExports": ["postgresql"],
    "PerformanceInsightsEnabled": False,
    "PerformanceInsightsRetentionPeriod": 7,
    "MasterUserSecret": {"SecretArn": "arn"},
}


def test_what_waits_for_the_window_counts_as_done() -> None:
    waiting = {**INSTANCE, "PendingModifiedValues": {"DBInstanceClass": "db.t3.large"}}
    assert database_state(waiting)["instance_class"] == "db.t3.large"
    assert database_state(INSTANCE)["instance_class"] == "db.t3.medium"


@pytest.mark.parametrize("kind", [DatabaseInstance, CacheGroup])
def test_what_aws_stores_in_lower_case_is_no_difference(kind: type[DatabaseInstance | CacheGroup]) -> None:
    """`Sun:08:00` and `Default.Redis7` would be asked for again in every run."""
    typed = {"maintenance_window": "Sun:08:00-Sun:08:30", "parameter_group": "Default.Redis7", "subnet_group": "T1"}
    params: dict[str, Any] = defaultdict(list, {"nodes": 1, "max_allocated_storage_gb": 0, **typed})
    module: Any = SimpleNamespace(params=params, client=lambda service: None)
    desired = kind(module).desired(None)
    assert {key: desired[key] for key in typed} == {key: value.lower() for key, value in typed.items()}


def test_storage_that_does_not_grow_is_said_by_its_own_size() -> None:
    """Sent as nothing, `no growth` would never come true, and every run would say changed."""
    assert database_state({**INSTANCE, "MaxAllocatedStorage": 100})["max_allocated_storage_gb"] == 100
    assert database_state({**INSTANCE, "MaxAllocatedStorage": 20})["max_allocated_storage_gb"] == 0
    sent: dict[str, Any] = {}
    client = SimpleNamespace(modify_db_instance=lambda **modification: sent.update(modification))
    module: Any = SimpleNamespace(params={"name": "t1", "apply_immediately": True}, client=lambda service: client)
    DatabaseInstance(module).update({"allocated_storage_gb": 40}, {"max_allocated_storage_gb": 0})
    assert sent["MaxAllocatedStorage"] == 40


def test_pending_log_exports_count_as_done() -> None:
    pending = {"PendingCloudwatchLogsExports": {"LogTypesToEnable": ["upgrade"], "LogTypesToDisable": ["postgresql"]}}
    assert log_exports({**INSTANCE, "PendingModifiedValues": pending}) == ["upgrade"]


def test_insights_that_are_off_keep_nothing() -> None:
    assert database_state(INSTANCE)["performance_insights_days"] == 0
    assert request({"performance_insights_days": 0}) == {"EnablePerformanceInsights": False}
    assert request({"performance_insights_days": 7}) == {
        "EnablePerformanceInsights": True,
        "PerformanceInsightsRetentionPeriod": 7,
    }


def test_a_password_that_nobody_manages_is_seen() -> None:
    assert database_state(INSTANCE)["master_secret"]
    assert not database_state({key: INSTANCE[key] for key in INSTANCE if key != "MasterUserSecret"})["master_secret"]


@pytest.mark.parametrize(
    ("desired", "found", "same"),
    [("17", "17.5", True), ("17.5", "17.5", True), ("17.5", "17.6", False), ("1", "17.5", False), ("17", None, False)],
)
def test_a_major_version_holds_for_its_minor_versions(desired: str, found: str | None, same: bool) -> None:
    assert same_version(desired, found) is same


def test_a_static_parameter_waits_for_a_restart_and_a_dynamic_one_does_not() -> None:
    methods = {
        item["ParameterName"]: item["ApplyMethod"]
        for item in settings({"rds.force_ssl": "1", "max_connections": "100"}, dynamic={"rds.force_ssl"})
    }
    assert methods == {"rds.force_ssl": "immediate", "max_connections": "pending-reboot"}


def test_a_parameter_that_is_set_to_its_default_counts_as_set() -> None:
    """AWS says of it that it is the system's: by the user's alone, every run would set it anew."""
    parameters = [
        {"ParameterName": "rds.force_ssl", "ParameterValue": "1", "Source": "system"},
        {"ParameterName": "log_lock_waits", "ParameterValue": "1", "Source": "user"},
        {"ParameterName": "max_connections", "ParameterValue": "77", "Source": "user"},
        {"ParameterName": "work_mem", "ParameterValue": "4096", "Source": "engine-default"},
        {"ParameterName": "log_statement", "Source": "engine-default"},
    ]
    pages = SimpleNamespace(paginate=lambda **request: [{"Parameters": parameters}])
    client = SimpleNamespace(get_paginator=lambda operation: pages)
    desired = {"rds.force_ssl": "1", "log_lock_waits": "1", "log_statement": "ddl"}
    module: Any = SimpleNamespace(params={"name": "t1", "parameters": desired}, client=lambda service: client)
    found = DatabaseParameterGroup(module).parameters()
    assert found == {"rds.force_ssl": "1", "log_lock_waits": "1", "max_connections": "77"}


def test_parameters_go_in_calls_of_at_most_twenty() -> None:
    items = [{"ParameterName": str(number)} for number in range(41)]
    assert [len(batch) for batch in batches(items)] == [20, 20, 1]
    assert [item for batch in batches(items) for item in batch] == items


GROUP: dict[str, Any] = {
    "Description": "Cache",
    "CacheNodeType": "cache.t3.micro",
    "MemberClusters": ["t1-001"],
    "AutomaticFailover": "enabling",
    "TransitEncryptionEnabled": True,
    "AtRestEncryptionEnabled": True,
    "NodeGroups": [{"PrimaryEndpoint": {"Address": "master.t1", "Port": 6379}}],
}
MEMBER: dict[str, Any] = {
    "Engine": "redis",
    "EngineVersion": "7.1.0",
    "CacheParameterGroup": {"CacheParameterGroupName": "default.redis7"},
    "CacheSubnetGroupName": "t1",
    "SecurityGroups": [{"SecurityGroupId": "sg-2"}, {"SecurityGroupId": "sg-1"}],
    "PreferredMaintenanceWindow": "sun:09:00-sun:10:00",
}


def test_a_cache_is_read_from_the_group_and_its_first_member() -> None:
    state = cache_state(GROUP, MEMBER)
    assert (state["nodes"], state["engine_version"], state["security_groups"]) == (1, "7.1.0", ["sg-1", "sg-2"])
    assert state["failover"]
    assert not cache_state({**GROUP, "AutomaticFailover": "disabling"}, MEMBER)["failover"]


def test_a_cache_s_change_that_waits_for_the_window_counts_as_done() -> None:
    """Otherwise each run until then would ask for it again, and say changed."""
    waiting = {**MEMBER, "PendingModifiedValues": {"CacheNodeType": "cache.t3.small", "EngineVersion": "7.2.0"}}
    assert cache_state(GROUP, waiting)["node_type"] == "cache.t3.small"
    assert cache_state(GROUP, waiting)["engine_version"] == "7.2.0"


def test_failover_and_several_zones_are_asked_for_together() -> None:
    assert cache_request({"failover": True, "tags": {}}) == {"AutomaticFailoverEnabled": True, "MultiAZEnabled": True}
    assert cache_request({"node_type": "cache.t3.small"}) == {"CacheNodeType": "cache.t3.small"}


def test_failover_is_switched_while_there_is_a_replica() -> None:
    more = steps({"nodes": 1}, {"nodes": 3, "failover": True}, now=False)
    assert [operation for operation, _ in more] == ["increase_replica_count", "modify_replication_group"]
    assert more[0][1] == {"NewReplicaCount": 2, "ApplyImmediately": True}
    fewer = steps({"nodes": 3}, {"nodes": 1, "failover": False, "description": "one"}, now=True)
    assert [operation for operation, _ in fewer] == ["modify_replication_group", "decrease_replica_count"]
    assert "NumCacheClusters" not in fewer[0][1]
    assert steps({"nodes": 1}, {"tags": {}}, now=True) == []


def test_a_cache_has_an_endpoint_only_once_it_is_up() -> None:
    assert endpoint(GROUP) == "master.t1"
    assert endpoint({"NodeGroups": []}) is None
    assert endpoint({"NodeGroups": [{"NodeGroupId": "0001"}]}) is None
