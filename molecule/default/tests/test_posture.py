"""Who may reach what, and how what is kept is kept: said absolutely, not as it happened to be built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.stack import STACK, Sandbox

BUCKETS = ("static", "media", "documents", "backups", "reports")
ANYWHERE = "0.0.0.0/0"


@pytest.fixture(scope="module")
def groups(sandbox: Sandbox) -> dict[str, Mapping[str, Any]]:
    """The stack's security groups, by what they are for."""
    found = sandbox.client("ec2").describe_security_groups(Filters=[{"Name": "tag:Stack", "Values": [STACK]}])
    return {group["GroupName"].removeprefix(f"{STACK}-"): group for group in found["SecurityGroups"]}


def ways(rules: list[dict[str, Any]], groups: Mapping[str, Mapping[str, Any]]) -> set[tuple[int, str]]:
    """Port and other end of each rule: a group by its purpose, or an address block."""
    names = {group["GroupId"]: purpose for purpose, group in groups.items()}
    return {
        (rule["FromPort"] if rule["FromPort"] == rule["ToPort"] else -1, end)
        for rule in rules
        for end in (
            *(names[pair["GroupId"]] for pair in rule.get("UserIdGroupPairs", [])),
            *(block["CidrIp"] for block in rule.get("IpRanges", [])),
            *(block["CidrIpv6"] for block in rule.get("Ipv6Ranges", [])),
        )
    }


IN = {
    "load-balancer": {(80, ANYWHERE), (443, ANYWHERE)},
    "app": {(8000, "load-balancer")},
    "database": {(5432, "app")},
    "cache": {(6379, "app")},
}
OUT: dict[str, set[tuple[int, str]]] = {
    "load-balancer": {(8000, "app")},
    "app": {(5432, "database"), (6379, "cache"), (443, ANYWHERE)},
    "database": set(),
    "cache": set(),
}


@pytest.mark.parametrize("purpose", IN)
def test_only_the_neighbour_is_let_in_and_called(groups: dict[str, Mapping[str, Any]], purpose: str) -> None:
    assert groups.keys() == IN.keys()
    assert ways(groups[purpose]["IpPermissions"], groups) == IN[purpose]
    assert ways(groups[purpose]["IpPermissionsEgress"], groups) == OUT[purpose]


def test_data_has_no_way_out_and_tasks_leave_by_a_nat_gateway(sandbox: Sandbox) -> None:
    ec2 = sandbox.client("ec2")
    mine = [{"Name": "tag:Stack", "Values": [STACK]}]
    tiers = {
        subnet["SubnetId"]: next(tag["Value"] for tag in subnet["Tags"] if tag["Key"] == "Tier")
        for subnet in ec2.describe_subnets(Filters=mine)["Subnets"]
    }
    ways_out: dict[str, set[str]] = {"public": set(), "app": set(), "data": set()}
    led = set()
    for table in ec2.describe_route_tables(Filters=mine)["RouteTables"]:
        for association in table["Associations"]:
            if subnet := association.get("SubnetId"):
                led.add(subnet)
                ways_out[tiers[subnet]] |= {
                    (route.get("NatGatewayId") or route["GatewayId"]).partition("-")[0]
                    for route in table["Routes"]
                    if route.get("DestinationCidrBlock") == ANYWHERE
                }
    assert ways_out == {"public": {"igw"}, "app": {"nat"}, "data": set()}
    assert led == tiers.keys(), "a subnet follows the VPC's own table"


@pytest.mark.parametrize("purpose", BUCKETS)
def test_a_bucket_is_private_versioned_encrypted_and_reached_over_tls_only(sandbox: Sandbox, purpose: str) -> None:
    s3, name = sandbox.client("s3"), f"{STACK}-{sandbox.settings.account_id}-{purpose}"
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True} and len(blocked) == 4
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    algorithms = {rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules}
    assert algorithms == {"AES256" if purpose == "static" else "aws:kms"}
    assert '"aws:SecureTransport": "false"' in s3.get_bucket_policy(Bucket=name)["Policy"]
    owner = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"][0]["ObjectOwnership"]
    assert owner == "BucketOwnerEnforced"


def test_an_image_s_tag_never_moves_and_what_is_pushed_is_scanned(sandbox: Sandbox) -> None:
    (repository,) = sandbox.client("ecr").describe_repositories(repositoryNames=[STACK])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfiguration"]["encryptionType"] == "KMS"


def test_the_key_turns_over_every_year(sandbox: Sandbox) -> None:
    kms = sandbox.client("kms")
    key = kms.describe_key(KeyId=f"alias/{STACK}")["KeyMetadata"]
    assert key["KeyState"] == "Enabled"
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
