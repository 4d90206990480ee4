"""RDS: a refused CreateDBInstance changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.sandbox.api_only import LocalApi


@pytest.fixture(scope="module")
def subnets(api: LocalApi) -> str:
    ec2, rds = api.client("ec2"), api.client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    made = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.8.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
        for n, zone in enumerate("ab")
    ]
    ids = [one["SubnetId"] for one in made]
    rds.create_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=ids)
    return "g"


@pytest.mark.parametrize(
    "wrong",
    [
        {"EnablePerformanceInsights": True, "PerformanceInsightsKMSKeyId": "no-such-key"},
        {"StorageEncrypted": True, "KmsKeyId": "no-such-key"},
        {"PreferredBackupWindow": "03:00-04:00", "PreferredMaintenanceWindow": "sun:03:30-sun:04:30"},
        {"EngineVersion": "1.0"},
        {"DBParameterGroupName": "missing"},
        {"VpcSecurityGroupIds": ["sg-missing"]},
        {"DBSubnetGroupName": "missing"},
    ],
)
def test_a_refused_database_leaves_no_secret_behind(api: LocalApi, subnets: str, wrong: dict[str, Any]) -> None:
    secrets, rds = api.client("secretsmanager"), api.client("rds")
    asked = {
        "DBInstanceIdentifier": "refused",
        "DBInstanceClass": "db.t3.micro",
        "Engine": "postgres",
        "AllocatedStorage": 20,
        "MasterUsername": "root1",
        "ManageMasterUserPassword": True,
        "DBSubnetGroupName": subnets,
    }
    with pytest.raises(ClientError):
        rds.create_db_instance(**asked | wrong)
    assert secrets.list_secrets()["SecretList"] == []
    assert rds.describe_db_instances()["DBInstances"] == []
