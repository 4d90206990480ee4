"""Helpers of RDS's tests: create an instance, and inspect it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import psycopg.conninfo
import pytest
from botocore.exceptions import ClientError

from tests.support.sandbox.dataplane import Stage, eventually
from tests.support.waiting import HANGS_SECONDS

NAME = "campus"
ORDER = {
    "DBInstanceIdentifier": NAME,
    "DBInstanceClass": "db.t3.medium",
    "Engine": "postgres",
    "EngineVersion": "17",
    "AllocatedStorage": 20,
    "DBName": "campus",
    "MasterUsername": "campus_admin",
    "ManageMasterUserPassword": True,
    "MultiAZ": True,
    "StorageEncrypted": True,
    "DBSubnetGroupName": "data",
    "DBParameterGroupName": "campus",
    "BackupRetentionPeriod": 7,
    "PreferredBackupWindow": "02:00-03:00",
    "PreferredMaintenanceWindow": "Sun:04:00-Sun:05:00",
    "EnablePerformanceInsights": True,
    "EnableCloudwatchLogsExports": ["postgresql"],
    "CACertificateIdentifier": "rds-ca-rsa2048-g1",
    "CopyTagsToSnapshot": True,
    "DeletionProtection": True,
    "Tags": [{"Key": "Stack", "Value": "one"}],
}


def create(stage: Stage, **changes: Any) -> dict[str, Any]:
    """Create an instance with its groups, wait until it is available, and return CreateDBInstance's answer."""
    rds = stage.client("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=[*stage.subnets])
    rds.create_db_parameter_group(
        DBParameterGroupName="campus", DBParameterGroupFamily="postgres17", Description="campus"
    )
    answer = rds.create_db_instance(**{**ORDER, **changes}, VpcSecurityGroupIds=[stage.security_group])
    become(rds, "available")
    return dict(answer["DBInstance"])


def describe(rds: Any, name: str = NAME) -> dict[str, Any]:
    return dict(rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0])


def become(rds: Any, status: str, name: str = NAME) -> dict[str, Any]:
    seen = eventually(lambda: (d := describe(rds, name))["DBInstanceStatus"] == status and d)
    return dict(seen)


def login(stage: Stage, instance: dict[str, Any], **options: str) -> psycopg.Connection:
    secret = stage.client("secretsmanager").get_secret_value(SecretId=instance["MasterUserSecret"]["SecretArn"])
    master = json.loads(secret["SecretString"])
    endpoint = instance["Endpoint"]
    given = {
        "host": endpoint["Address"],
        "hostaddr": stage.sandbox.network.lookup(endpoint["Address"]),
        "port": endpoint["Port"],
        "user": master["username"],
        "password": master["password"],
        "dbname": "campus",
        "sslmode": "verify-full",
        "sslrootcert": str(stage.sandbox.authority.certificate),
        "connect_timeout": f"{HANGS_SECONDS:.0f}",
    }
    conninfo = psycopg.conninfo.make_conninfo("", **{**given, **options})
    return psycopg.connect(conninfo, autocommit=True)


def show(stage: Stage, rds: Any, name: str) -> str:
    with login(stage, describe(rds)) as connection:
        row = connection.execute(f"SHOW {name}".encode()).fetchone()
    return str(row and row[0])


def refused(code: str, call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as failure:
        call(**parameters)
    assert failure.value.response["Error"]["Code"] == code
    return str(failure.value.response["Error"]["Message"])


def set_parameter(rds: Any, name: str, value: str, method: str = "immediate") -> None:
    one = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
    rds.modify_db_parameter_group(DBParameterGroupName="campus", Parameters=[one])


def in_sync(rds: Any, status: str = "in-sync") -> bool:
    groups = describe(rds)["DBParameterGroups"]
    return bool(groups == [{"DBParameterGroupName": "campus", "ParameterApplyStatus": status}])
