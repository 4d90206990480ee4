"""RDS through the API: what amazon.aws modules and psql see of a DB instance."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sandbox.services.rds.controller import RdsController
from tests.support.sandbox.databases import (
    NAME,
    ORDER,
    become,
    create,
    describe,
    in_sync,
    login,
    refused,
    set_parameter,
    show,
)
from tests.support.sandbox.dataplane import Stage, eventually, running
from tests.support.waiting import WAITER_CONFIG


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running(tmp_path_factory.mktemp("rds"), RdsController) as stage:
        yield stage


@pytest.fixture(scope="module")
def rds(stage: Stage) -> Any:
    return stage.client("rds")


@pytest.fixture(scope="module")
def created(stage: Stage) -> dict[str, Any]:
    return create(stage)


def test_a_new_instance_has_no_endpoint_until_it_serves(created: dict[str, Any], rds: Any) -> None:
    assert created["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in created
    endpoint = describe(rds)["Endpoint"]
    assert endpoint["Address"].startswith("campus.c")
    assert endpoint["Address"].endswith(".us-east-1.rds.amazonaws.com")
    assert endpoint["Port"] == 5432


def test_what_was_ordered_comes_back(created: dict[str, Any], rds: Any, stage: Stage) -> None:
    found = describe(rds)
    same = ("MultiAZ", "StorageEncrypted", "BackupRetentionPeriod", "PreferredBackupWindow")
    assert {name: found[name] for name in same} == {name: ORDER[name] for name in same}
    assert found["PreferredMaintenanceWindow"] == "sun:04:00-sun:05:00"
    assert found["EngineVersion"].startswith("17.")
    assert (found["StorageType"], found["Iops"], found["StorageThroughput"]) == ("gp3", 3000, 125)
    assert found["KmsKeyId"].startswith("arn:aws:kms:us-east-1:123456789012:key/")
    assert found["PerformanceInsightsKMSKeyId"].startswith("arn:aws:kms:")
    assert found["PerformanceInsightsRetentionPeriod"] == 7
    assert found["EnabledCloudwatchLogsExports"] == ["postgresql"]
    assert {found["AvailabilityZone"], found["SecondaryAvailabilityZone"]} == {
        "us-east-1a",
        "us-east-1b",
    }
    assert found["VpcSecurityGroups"][0]["VpcSecurityGroupId"] == stage.security_group
    assert found["TagList"] == ORDER["Tags"]
    assert found["PendingModifiedValues"] == {}
    assert found["LicenseModel"] == "postgresql-license"


def test_rds_manages_the_masters_password(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    managed = describe(rds)["MasterUserSecret"]
    assert managed["SecretStatus"] == "active"
    assert managed["KmsKeyId"].startswith("arn:aws:kms:")
    secret = stage.client("secretsmanager").describe_secret(SecretId=managed["SecretArn"])
    assert secret["Name"].startswith("rds!db-")
    assert {tag["Key"]: tag["Value"] for tag in secret["Tags"]} == {
        "aws:rds:primaryDBInstanceArn": created["DBInstanceArn"],
        "aws:secretsmanager:owningService": "rds",
    }
    login(stage, describe(rds)).close()


def test_a_rotated_password_is_the_servers(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    secrets = stage.client("secretsmanager")
    arn = describe(rds)["MasterUserSecret"]["SecretArn"]
    before = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    rds.modify_db_instance(DBInstanceIdentifier=NAME, RotateMasterUserPassword=True, ApplyImmediately=True)
    eventually(lambda: _logs_in(stage, rds))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(stage, describe(rds), password=before["password"])


def _logs_in(stage: Stage, rds: Any) -> bool:
    try:
        login(stage, describe(rds)).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_endpoint_demands_tls_as_long_as_force_ssl_says(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        login(stage, describe(rds), sslmode="disable")
    set_parameter(rds, "rds.force_ssl", "0")
    eventually(lambda: in_sync(rds))
    login(stage, describe(rds), sslmode="disable").close()
    set_parameter(rds, "rds.force_ssl", "1")
    eventually(lambda: in_sync(rds))
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        login(stage, describe(rds), sslmode="disable")


def test_parameters_are_kept_and_told_apart(created: dict[str, Any], rds: Any) -> None:
    set_parameter(rds, "log_min_duration_statement", "250")
    pages = rds.get_paginator("describe_db_parameters")
    every = pages.paginate(DBParameterGroupName="campus").build_full_result()["Parameters"]
    by_name = {one["ParameterName"]: one for one in every}
    assert by_name["log_min_duration_statement"]["ParameterValue"] == "250"
    assert by_name["log_min_duration_statement"]["Source"] == "user"
    assert by_name["shared_buffers"]["ApplyType"] == "static"
    assert by_name["shared_buffers"]["Source"] == "engine-default"
    own = rds.describe_db_parameters(DBParameterGroupName="campus", Source="user")["Parameters"]
    assert "shared_buffers" not in {one["ParameterName"] for one in own}


def test_static_parameters_wait_for_a_reboot_and_dynamic_ones_do_not(
    created: dict[str, Any], stage: Stage, rds: Any
) -> None:
    set_parameter(rds, "log_lock_waits", "1")
    eventually(lambda: in_sync(rds))
    assert show(stage, rds, "log_lock_waits") == "on"
    set_parameter(rds, "max_connections", "77", "pending-reboot")
    set_parameter(rds, "log_lock_waits", "0", "pending-reboot")
    eventually(lambda: in_sync(rds, "pending-reboot"))
    assert show(stage, rds, "max_connections") == "450"  # 4 GiB / 9531392
    assert show(stage, rds, "log_lock_waits") == "on"
    answer = rds.reboot_db_instance(DBInstanceIdentifier=NAME)
    assert answer["DBInstance"]["DBInstanceStatus"] == "rebooting"
    become(rds, "available")
    eventually(lambda: in_sync(rds))
    assert show(stage, rds, "max_connections") == "77"
    assert show(stage, rds, "log_lock_waits") == "off"


def test_a_killed_node_recovers_behind_the_same_endpoint(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    with login(stage, describe(rds)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 10)")
    zone = describe(rds)["AvailabilityZone"]
    log = next(stage.sandbox.settings.root.glob(f"databases/*/{zone}/data/postmaster.pid"))
    os.kill(int(log.read_text().splitlines()[0]), signal.SIGKILL)

    def rows() -> object:
        try:
            with login(stage, describe(rds)) as connection:
                return connection.execute("SELECT count(*) FROM kept").fetchone()
        except psycopg.OperationalError:
            return None

    assert eventually(rows) == (10,)
    assert describe(rds)["AvailabilityZone"] == zone


def test_changes_wait_unless_they_are_to_act_at_once(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=NAME, AllocatedStorage=30, BackupRetentionPeriod=14)
    found = describe(rds)
    assert (found["AllocatedStorage"], found["BackupRetentionPeriod"]) == (20, 14)
    assert found["PendingModifiedValues"] == {"AllocatedStorage": 30}
    with stage.still():
        rds.modify_db_instance(DBInstanceIdentifier=NAME, DBInstanceClass="db.t3.large", ApplyImmediately=True)
        assert describe(rds)["DBInstanceStatus"] == "modifying"
        refused("InvalidDBInstanceState", rds.modify_db_instance, DBInstanceIdentifier=NAME)
    found = become(rds, "available")
    assert (found["AllocatedStorage"], found["DBInstanceClass"]) == (30, "db.t3.large")
    assert found["PendingModifiedValues"] == {}


def test_a_stopped_instance_can_be_started(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    rds.stop_db_instance(DBInstanceIdentifier=NAME)
    stopped = become(rds, "stopped")
    with pytest.raises(psycopg.OperationalError):
        login(stage, stopped)
    rds.start_db_instance(DBInstanceIdentifier=NAME)
    login(stage, become(rds, "available")).close()


def test_what_aws_refuses_is_refused(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    new = {**ORDER, "DBInstanceIdentifier": "other"}
    refused("DBInstanceAlreadyExists", rds.create_db_instance, **ORDER)
    plain = {**new, "ManageMasterUserPassword": False}
    refused("InvalidParameterValue", rds.create_db_instance, **plain, MasterUserPassword="sh@rt")
    gone = {**new, "DBParameterGroupName": "gone"}
    refused("DBParameterGroupNotFound", rds.create_db_instance, **gone)
    gone = {**new, "DBSubnetGroupName": "gone"}
    refused("DBSubnetGroupNotFoundFault", rds.create_db_instance, **gone)
    gone = {**new, "KmsKeyId": "alias/gone"}
    refused("KMSKeyNotAccessibleFault", rds.create_db_instance, **gone)
    old = {**new, "EngineVersion": "9.6"}
    refused("InvalidParameterCombination", rds.create_db_instance, **old)
    refused("NotEmulated", rds.create_db_instance, **new, Timezone="UTC")
    refused("DBParameterGroupNotFound", rds.describe_db_parameters, DBParameterGroupName="gone")
    refused("DBParameterGroupNotFound", rds.describe_db_parameter_groups, DBParameterGroupName="gone")
    refused("InvalidDBParameterGroupState", rds.delete_db_parameter_group, DBParameterGroupName="campus")
    refused("InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, DBSubnetGroupName="data")
    refused(
        "DBSubnetGroupDoesNotCoverEnoughAZs",
        rds.modify_db_subnet_group,
        DBSubnetGroupName="data",
        SubnetIds=[stage.subnets[0]],
    )
    for name, value, method, code in (
        ("max_connections", "50", "immediate", "InvalidParameterCombination"),
        ("log_min_duration_statement", "soon", "immediate", "InvalidParameterValue"),
        ("no_such_thing", "1", "immediate", "InvalidParameterValue"),
        ("fsync", "0", "immediate", "InvalidParameterValue"),
        ("shared_preload_libraries", "pgaudit", "pending-reboot", "InvalidParameterValue"),
    ):
        one = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
        refused(
            code,
            rds.modify_db_parameter_group,
            DBParameterGroupName="campus",
            Parameters=[one],
        )


def test_a_changed_subnet_group_stays(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    rds.modify_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="new", SubnetIds=[*stage.subnets])
    found = rds.describe_db_subnet_groups(DBSubnetGroupName="data")["DBSubnetGroups"]
    assert found[0]["DBSubnetGroupDescription"] == "new"


def test_versions_are_listed(stage: Stage, rds: Any) -> None:
    versions = rds.describe_db_engine_versions(Engine="postgres", DefaultOnly=True)
    assert [v["DBParameterGroupFamily"] for v in versions["DBEngineVersions"]] == ["postgres17"]


def test_what_is_deleted_leaves_nothing(created: dict[str, Any], stage: Stage, rds: Any) -> None:
    delete = rds.delete_db_instance
    refused("InvalidParameterCombination", delete, DBInstanceIdentifier=NAME)
    rds.modify_db_instance(DBInstanceIdentifier=NAME, DeletionProtection=False)
    refused("InvalidParameterCombination", delete, DBInstanceIdentifier=NAME)
    found = describe(rds)
    taken = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"][0]["DBSnapshotIdentifier"]
    refused("InvalidDBSnapshotState", rds.delete_db_snapshot, DBSnapshotIdentifier=taken)
    rds.create_db_snapshot(DBInstanceIdentifier=NAME, DBSnapshotIdentifier="Taken")
    assert become(rds, "available") and describe(rds)["DBInstanceStatus"] == "available"
    refused("DBSnapshotAlreadyExists", delete, DBInstanceIdentifier=NAME, FinalDBSnapshotIdentifier="taken")
    rds.delete_db_snapshot(DBSnapshotIdentifier="taken")
    answer = delete(DBInstanceIdentifier=NAME, FinalDBSnapshotIdentifier="last")
    assert answer["DBInstance"]["DBInstanceStatus"] == "deleting"
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier=NAME, WaiterConfig=WAITER_CONFIG)
    root, network = stage.sandbox.settings.root, stage.sandbox.network
    assert list((root / "databases").iterdir()) == []
    assert network.lookup(found["Endpoint"]["Address"]) is None
    refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier=NAME)
    (kept,) = rds.describe_db_snapshots()["DBSnapshots"]  # automated ones went with the instance
    assert (kept["DBSnapshotIdentifier"], kept["Status"], kept["PercentProgress"]) == ("last", "available", 100)
    assert kept["TagList"] == ORDER["Tags"]
    (backup,) = (root / "snapshots").iterdir()
    assert (backup / "data" / "PG_VERSION").read_text() == "17\n"
    rds.delete_db_snapshot(DBSnapshotIdentifier="last")
    eventually(lambda: not backup.exists())
    refused("DBSnapshotNotFound", rds.describe_db_snapshots, DBSnapshotIdentifier="last")
    refused(
        "ResourceNotFoundException",
        stage.client("secretsmanager").describe_secret,
        SecretId=found["MasterUserSecret"]["SecretArn"],
    )
