"""What is looked up of an estate: by tag, by name, nothing of a neighbour, and what AWS keeps apart from the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from ansible.module_utils.estate import Estate
from ansible.module_utils.sweep import SWEEPERS, Item, sweep_tags, unnamed

from tests.unit.account import client, empty

ESTATE = Estate("tier1", "123456789012", "us-east-1", "aws", "tier1.example")
NEIGHBOUR = replace(ESTATE, name="tier1-lean", zone_name="lean.example")
TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    with empty():
        yield


def swept(estate: Estate = ESTATE) -> dict[str, Item]:
    """What is found, by kind; of each kind these tests make one."""
    items = [item for finder in SWEEPERS for item in finder.find(client(finder.service), estate)]
    known = {item.arn for item in items}
    more = [unnamed(client("kms"), arn) for arn in sweep_tags(client("resourcegroupstaggingapi"), estate)]
    return {item.kind: item for item in [*items, *(item for item in more if item.arn not in known)]}


def tags(estate: Estate) -> list[dict[str, str]]:
    return [{"Key": "Estate", "Value": estate.name}]


def make_role(name: str, estate: Estate | None) -> None:
    client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=tags(estate) if estate else [])


def test_an_empty_account_holds_nothing() -> None:
    assert swept() == {}


def test_what_lost_its_tag_is_found_by_its_name() -> None:
    make_role("tier1-task", None)
    assert swept()["IAM role"].command == "aws iam delete-role --role-name tier1-task"


def test_a_neighbour_whose_name_begins_alike_is_left_alone() -> None:
    make_role("tier1-lean-task", NEIGHBOUR)
    client("s3").create_bucket(Bucket="tier1-lean-123456789012-media")
    client("secretsmanager").create_secret(Name="tier1-lean/key", SecretString="x", Tags=tags(NEIGHBOUR))
    client("ec2").create_vpc(
        CidrBlock="10.0.0.0/16",
        TagSpecifications=[{"ResourceType": "vpc", "Tags": [*tags(NEIGHBOUR), {"Key": "Name", "Value": "tier1-lean"}]}],
    )
    assert swept() == {}
    assert {"IAM role", "bucket", "secret", "vpc"} <= swept(NEIGHBOUR).keys()


def make_alarm(name: str, estate: Estate | None) -> None:
    client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/ECS",
        MetricName="CPUUtilization",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=90,
        ComparisonOperator="GreaterThanThreshold",
        Tags=tags(estate) if estate else [],
    )


def test_alarms_are_found_by_name_and_a_neighbour_s_are_left_alone() -> None:
    make_alarm("tier1-lean-blue-errors", NEIGHBOUR)
    assert swept() == {}
    assert swept(NEIGHBOUR)["alarm"].name == "tier1-lean-blue-errors"
    make_alarm("tier1-blue-errors", None)
    assert swept()["alarm"].command == "aws cloudwatch delete-alarms --alarm-names tier1-blue-errors"


def test_interfaces_that_nobody_tagged_are_found_in_the_vpc() -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=tags(ESTATE))
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    command = f"aws ec2 delete-network-interface --network-interface-id {interface}"
    assert swept()["network interface"].command == command


def test_a_service_that_nobody_thought_of_is_found_by_its_tag() -> None:
    client("sns").create_topic(Name="whatever", Tags=tags(ESTATE))
    assert swept()["sns resource"].name == "whatever"


def test_what_holds_something_says_how_much_and_refuses() -> None:
    client("s3").create_bucket(Bucket="tier1-123456789012-media")
    assert swept()["bucket"].refuses == ""
    client("s3").put_object(Bucket="tier1-123456789012-media", Key="photo", Body=b"x" * 2_000_000)
    assert swept()["bucket"].refuses == "it holds 1 versions of objects, 2.0 MB"


def test_only_names_that_others_made_keep_a_zone() -> None:
    route53 = client("route53")
    zone = route53.create_hosted_zone(Name="tier1.example", CallerReference="1")["HostedZone"]["Id"]

    def add(name: str) -> None:
        record = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.example"}]}
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    add("app.tier1.example")
    add("_abc.tier1.example")
    assert swept()["hosted zone"].refuses == ""
    add("mail.tier1.example")
    assert "mail.tier1.example" in swept()["hosted zone"].refuses


def test_what_aws_keeps_says_until_when_and_how_to_have_it_back() -> None:
    secrets, kms = client("secretsmanager"), client("kms")
    secrets.create_secret(Name="tier1/key", SecretString="x", Tags=tags(ESTATE))
    secrets.delete_secret(SecretId="tier1/key", RecoveryWindowInDays=7)
    key = kms.create_key(Tags=[{"TagKey": "Estate", "TagValue": "tier1"}])["KeyMetadata"]["KeyId"]
    assert swept()["key"].kept == ""
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    found = swept()
    assert found["secret"].kept.startswith("until 2") and "restore-secret" in found["secret"].command
    assert found["key"].kept.startswith("until 2") and "cancel-key-deletion" in found["key"].command
