"""Security groups: their VPC, the descriptions of rules, and deletion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox.api_only import LocalApi, refused


def test_a_security_group_needs_a_vpc_that_is_there(api: LocalApi) -> None:
    ec2 = api.client("ec2")
    with refused("InvalidVpcID.NotFound"):
        ec2.create_security_group(GroupName="g", Description="d", VpcId="vpc-pending")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    assert ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]


def test_rules_between_groups_keep_their_description(api: LocalApi) -> None:
    ec2 = api.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    front, back = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("front", "back")
    )

    def rule(description: str) -> list[dict[str, Any]]:
        pair = {"GroupId": front, "Description": description}
        return [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [pair]}]

    ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=rule("from the front"))
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=rule("in other words"))
    assert ec2.update_security_group_rule_descriptions_ingress(GroupId=back, IpPermissions=rule("anew"))["Return"]
    group = ec2.describe_security_groups(GroupIds=[back])["SecurityGroups"][0]
    assert [one["Description"] for one in group["IpPermissions"][0]["UserIdGroupPairs"]] == ["anew"]
    ec2.revoke_security_group_ingress(GroupId=back, IpPermissions=rule("whatever"))
    assert ec2.describe_security_groups(GroupIds=[back])["SecurityGroups"][0]["IpPermissions"] == []


@pytest.mark.parametrize(
    ("text", "fits"),
    [("AWS services: images, secrets (all)", True), ("AWS's own services", False), ("ä", False), ("x" * 256, False)],
)
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_a_rule_is_described_in_the_letters_that_aws_allows(
    api: LocalApi, direction: str, text: str, fits: bool
) -> None:
    ec2 = api.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    ends = {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": text}]}
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **ends}
    authorize = getattr(ec2, f"authorize_security_group_{direction}")
    if fits:
        authorize(GroupId=group, IpPermissions=[rule])
    else:
        with refused("InvalidParameterValue"):
            authorize(GroupId=group, IpPermissions=[rule])


def test_a_group_that_another_s_rule_names_is_not_deleted(api: LocalApi) -> None:
    ec2 = api.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    one, other = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("one", "other")
    )
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": one}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=one)
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=one)
