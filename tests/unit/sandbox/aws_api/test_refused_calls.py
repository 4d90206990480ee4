"""What AWS refuses because something named in it isn't there; and a refused call changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.sandbox.api_only import LocalApi, serving

ELB_ZONE = "Z35SXDOTRQ7X7K"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("api") / "sandbox") as local:
        yield local


def refused(code: str, words: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{words}")


def test_a_security_group_needs_a_vpc_that_is_there(api: LocalApi) -> None:
    ec2 = api.client("ec2")
    with refused("InvalidVpcID.NotFound"):
        ec2.create_security_group(GroupName="g", Description="d", VpcId="vpc-pending")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    assert ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]


def change(name: str, zone: str, target: str, action: str = "UPSERT") -> dict[str, Any]:
    alias = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": False}
    return {"Action": action, "ResourceRecordSet": {"Name": name, "Type": "A", "AliasTarget": alias}}


@pytest.fixture(scope="module")
def zone(api: LocalApi) -> str:
    made = api.client("route53").create_hosted_zone(Name="shop.example", CallerReference="r")
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


@pytest.mark.parametrize(
    ("elsewhere", "target"),
    [
        ("hosted-zone-pending", "load-balancer-pending."),
        (ELB_ZONE, "load-balancer-pending."),
        (ELB_ZONE, "shop-1.eu-west-1.elb.amazonaws.com"),  # another region's
        (ELB_ZONE, "shop.example"),
        ("Z2FDTNDATAQYW2", "shop-1.us-east-1.elb.amazonaws.com"),
        ("Z0000000000NOT", "shop.example"),
        (None, "elsewhere.example"),
    ],
)
def test_an_alias_leads_to_a_name_in_the_zone_that_it_says(
    api: LocalApi, zone: str, elsewhere: str | None, target: str
) -> None:
    route53 = api.client("route53")
    good = change("good.shop.example", ELB_ZONE, "shop-1.us-east-1.elb.amazonaws.com")
    bad = change("app.shop.example", elsewhere or zone, target)
    with refused("InvalidChangeBatch", "does not lie within the target zone"):
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [good, bad]})
    assert not [one for one in records(route53, zone) if one["Type"] == "A"], "a batch is done whole or not at all"


@pytest.mark.parametrize(
    ("elsewhere", "target"),
    [
        (ELB_ZONE, "shop-1.us-east-1.elb.amazonaws.com"),
        (ELB_ZONE, "dualstack.Shop-1.us-east-1.elb.amazonaws.com."),
        ("Z2FDTNDATAQYW2", "d111111abcdef8.cloudfront.net"),
        (None, "blue.shop.example"),
    ],
)
def test_an_alias_may_lead_to_a_load_balancer_a_distribution_or_a_name_of_its_own_zone(
    api: LocalApi, zone: str, elsewhere: str | None, target: str
) -> None:
    route53 = api.client("route53")
    for action in ("UPSERT", "DELETE"):
        changes = [change("app.shop.example", elsewhere or zone, target, action)]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def records(route53: Any, zone: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return found


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
