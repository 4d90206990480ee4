"""The resource inventory: found by tag and by name, nothing of a neighbour, and what AWS keeps apart from the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ops.stack.discovery import find_secrets
from ops.stack.model import Secret, Stack
from ops.stack.ownership import AmbiguousError
from ops.stack.resources import secrets as secret_items
from ops.stack.resources.inventory import find_resources
from ops.stack.resources.item import Item
from ops.stack.resources.tag_index import TAG_REQUESTS, item_by_tag
from tests.support.sandbox.account import client, empty

STACK = Stack("tier1", "123456789012", "us-east-1", "aws", "tier1.example")
NEIGHBOUR = replace(STACK, name="tier1-lean", zone_name="lean.example")
TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    with empty():
        yield


def found_resources(stack: Stack = STACK) -> dict[str, Item]:
    """Return what is found, by kind; of each kind these tests make one."""
    return {item.kind: item for item in find_resources(client, stack)}


def tags(stack: Stack) -> list[dict[str, str]]:
    return [{"Key": "Stack", "Value": stack.name}]


def make_role(name: str, stack: Stack | None) -> None:
    client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=tags(stack) if stack else [])


def test_an_empty_account_holds_nothing() -> None:
    assert found_resources() == {}


def test_what_lost_its_tag_is_found_by_its_name() -> None:
    make_role("tier1-task", None)
    assert found_resources()["IAM role"].command == "aws iam delete-role --role-name tier1-task"


def test_a_neighbour_whose_name_begins_alike_is_left_alone() -> None:
    make_role("tier1-lean-task", NEIGHBOUR)
    client("s3").create_bucket(Bucket="tier1-lean-123456789012-media")
    client("secretsmanager").create_secret(Name="tier1-lean/key", SecretString="x", Tags=tags(NEIGHBOUR))
    client("ec2").create_vpc(
        CidrBlock="10.0.0.0/16",
        TagSpecifications=[{"ResourceType": "vpc", "Tags": [*tags(NEIGHBOUR), {"Key": "Name", "Value": "tier1-lean"}]}],
    )
    assert found_resources() == {}
    assert {"IAM role", "bucket", "secret", "vpc"} <= found_resources(NEIGHBOUR).keys()


def make_alarm(name: str, stack: Stack | None) -> None:
    client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/ECS",
        MetricName="CPUUtilization",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=90,
        ComparisonOperator="GreaterThanThreshold",
        Tags=tags(stack) if stack else [],
    )


def test_alarms_are_found_by_name_and_a_neighbour_s_are_left_alone() -> None:
    make_alarm("tier1-lean-blue-errors", NEIGHBOUR)
    assert found_resources() == {}
    assert found_resources(NEIGHBOUR)["alarm"].name == "tier1-lean-blue-errors"
    make_alarm("tier1-blue-errors", None)
    assert found_resources()["alarm"].command == "aws cloudwatch delete-alarms --alarm-names tier1-blue-errors"


def test_interfaces_that_nobody_tagged_are_found_in_the_vpc() -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=tags(STACK))
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    command = f"aws ec2 delete-network-interface --network-interface-id {interface}"
    assert found_resources()["network interface"].command == command


def test_a_service_that_nobody_thought_of_is_found_by_its_tag() -> None:
    client("sns").create_topic(Name="whatever", Tags=tags(STACK))
    assert found_resources()["sns resource"].name == "whatever"


ARN = "arn:aws:{}:us-east-1:123456789012:{}"
GONE = {
    "acm": ARN.format("acm", "certificate/0123abcd-0123-4567-89ab-0123456789ab"),
    "cloudwatch": ARN.format("cloudwatch", "alarm:tier1-blue-errors"),
    "ecr": ARN.format("ecr", "repository/tier1"),
    "elasticache": ARN.format("elasticache", "replicationgroup:tier1"),
    "elasticloadbalancing": ARN.format("elasticloadbalancing", "targetgroup/tier1-blue/0123456789abcdef"),
    "kms": ARN.format("kms", "key/0123abcd-0123-4567-89ab-0123456789ab"),
    "logs": ARN.format("logs", "log-group:/ecs/tier1"),
    "rds": ARN.format("rds", "pg:tier1"),
    "route53": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
    "s3": "arn:aws:s3:::tier1-123456789012-media",
    "secretsmanager": ARN.format("secretsmanager", "secret:tier1/key-abcdef"),
}


def test_every_service_that_the_index_may_be_wrong_about_is_asked_itself() -> None:
    assert GONE.keys() == TAG_REQUESTS.keys() | {"kms"}


@pytest.mark.parametrize("arn", GONE.values(), ids=list(GONE))
def test_what_only_a_stale_index_shows_is_gone(arn: str) -> None:
    """AWS's index shows for hours what was deleted: a destroy that went well must not end as failed."""
    assert item_by_tag(client, arn, STACK) is None


def test_what_the_index_shows_and_its_service_confirms_is_left_whatever_its_name() -> None:
    client("s3").create_bucket(Bucket="somebodys")
    client("s3").put_bucket_tagging(Bucket="somebodys", Tagging={"TagSet": tags(STACK)})
    client("acm").request_certificate(DomainName="odd.example", Tags=tags(STACK))
    found = found_resources()
    assert found["s3 resource"].name == "somebodys"
    assert found["acm resource"].name.startswith("certificate/")


def test_a_list_of_secrets_that_is_minutes_old_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = client("secretsmanager")
    arn = secrets.create_secret(Name="tier1/key", SecretString="x", Tags=tags(STACK))["ARN"]
    stale = secrets.list_secrets()
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    monkeypatch.setattr(secrets, "get_paginator", lambda _name: SimpleNamespace(paginate=lambda **_: [stale]))
    assert list(secret_items.find_secrets(secrets, STACK)) == []
    assert find_secrets(secrets, STACK) == {"secrets": {}}


def test_the_version_of_a_secret_is_the_present_one_although_the_list_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deploy right after a rotation would pin the old version, and say that nothing changed."""
    secrets = client("secretsmanager")
    arn = secrets.create_secret(Name="tier1/key", SecretString="x", Tags=tags(STACK))["ARN"]
    stale = secrets.list_secrets()
    now = secrets.put_secret_value(SecretId="tier1/key", SecretString="y")["VersionId"]
    monkeypatch.setattr(secrets, "get_paginator", lambda _name: SimpleNamespace(paginate=lambda **_: [stale]))
    assert find_secrets(secrets, STACK)["secrets"] == {"key": Secret(arn, now)}


def test_what_holds_something_says_how_much_and_refuses() -> None:
    client("s3").create_bucket(Bucket="tier1-123456789012-media")
    assert found_resources()["bucket"].protected == ""
    client("s3").put_object(Bucket="tier1-123456789012-media", Key="photo", Body=b"x" * 2_000_000)
    assert found_resources()["bucket"].protected == "it holds 1 versions of objects, 2.0 MB"


@pytest.mark.parametrize("protected", [True, False])
def test_a_protection_that_would_be_lifted_is_shown(protected: bool) -> None:
    """Somebody may have switched it on by hand; who gives it up by an option should see that."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    rds = client("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="tier1", DBSubnetGroupDescription="x", SubnetIds=subnets)
    rds.create_db_instance(
        DBInstanceIdentifier="tier1",
        DBInstanceClass="db.t3.medium",
        Engine="postgres",
        AllocatedStorage=20,
        DBSubnetGroupName="tier1",
        MasterUsername="admin_",
        MasterUserPassword="x" * 16,
        DeletionProtection=protected,
    )
    elb = client("elbv2")
    arn = elb.create_load_balancer(Name="tier1", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    desired = [{"Key": "deletion_protection.enabled", "Value": str(protected).lower()}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=desired)
    found = found_resources()
    assert ("protection of it is lifted" in found["database"].holds) is protected
    assert ("protection of it is lifted" in found["load balancer"].holds) is protected


def test_only_names_that_others_made_keep_a_zone() -> None:
    route53 = client("route53")
    zone = route53.create_hosted_zone(Name="tier1.example", CallerReference="tier1/1")["HostedZone"]["Id"]

    def add(name: str) -> None:
        record = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.example"}]}
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    add("app.tier1.example")
    add("_abc.tier1.example")
    assert found_resources()["hosted zone"].protected == ""
    add("mail.tier1.example")
    assert "mail.tier1.example" in found_resources()["hosted zone"].protected


def zone(reference: str, **marks: str) -> str:
    made = client("route53").create_hosted_zone(Name="tier1.example", CallerReference=reference)["HostedZone"]["Id"]
    identifier = str(made).rpartition("/")[2]
    if marks:
        pairs = [{"Key": key, "Value": value} for key, value in marks.items()]
        client("route53").change_tags_for_resource(ResourceType="hostedzone", ResourceId=identifier, AddTags=pairs)
    return identifier


def test_a_zone_of_others_is_nothing_that_the_stack_has() -> None:
    zone("theirs")
    zone("theirs too", Stack="tier1-lean")
    assert found_resources() == {}


def test_of_an_adopted_zone_only_the_mark_is_the_stack_s() -> None:
    identifier = zone("theirs", AdoptedBy="tier1", Stack="tier1")
    found = found_resources()
    assert found.keys() == {"adopted zone"}
    assert found["adopted zone"].command.endswith(f"--resource-id {identifier} --remove-tag-keys AdoptedBy")
    assert "the zone and all else in it stay" in found["adopted zone"].holds


def test_of_two_own_zones_none_is_chosen_for_deletion() -> None:
    both = [zone("tier1/1"), zone("2", Stack="tier1")]
    with pytest.raises(AmbiguousError) as error:
        found_resources()
    assert all(identifier in str(error.value) for identifier in both)


def test_a_zone_of_others_with_the_same_name_does_not_keep_the_own_one_from_going() -> None:
    zone("theirs")
    own = zone("2", Stack="tier1")
    assert found_resources()["hosted zone"].command == f"aws route53 delete-hosted-zone --id {own}"


def test_what_aws_keeps_says_until_when_and_how_to_have_it_back() -> None:
    secrets, kms = client("secretsmanager"), client("kms")
    secrets.create_secret(Name="tier1/key", SecretString="x", Tags=tags(STACK))
    secrets.delete_secret(SecretId="tier1/key", RecoveryWindowInDays=7)
    key = kms.create_key(Tags=[{"TagKey": "Stack", "TagValue": "tier1"}])["KeyMetadata"]["KeyId"]
    assert found_resources()["key"].kept == ""
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    found = found_resources()
    assert found["secret"].kept.startswith("until 2") and "restore-secret" in found["secret"].command
    assert found["key"].kept.startswith("until 2") and "cancel-key-deletion" in found["key"].command
