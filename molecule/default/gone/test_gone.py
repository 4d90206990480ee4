"""After destroy.yml nothing of the stack is left: not by its tag, not by its name, not as a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.config import Settings
from sandbox.runtime import processes
from tests.support.stack import STACK, Sandbox

FINAL = f"{STACK}-final-"


def secret_is_going(sandbox: Sandbox, arn: str) -> bool:
    return "DeletedDate" in sandbox.client("secretsmanager").describe_secret(SecretId=arn)


def key_is_going(sandbox: Sandbox, arn: str) -> bool:
    return bool(sandbox.client("kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion")


def gateway_is_gone(sandbox: Sandbox, arn: str) -> bool:
    gateways = sandbox.client("ec2").describe_nat_gateways(NatGatewayIds=[arn.rpartition("/")[2]])["NatGateways"]
    return {gateway["State"] for gateway in gateways} == {"deleted"}


def cluster_is_gone(sandbox: Sandbox, arn: str) -> bool:
    return bool(sandbox.client("ecs").describe_clusters(clusters=[arn])["clusters"][0]["status"] == "INACTIVE")


def service_is_gone(sandbox: Sandbox, arn: str) -> bool:
    services = sandbox.client("ecs").describe_services(cluster=STACK, services=[arn])["services"]
    return {service["status"] for service in services} <= {"INACTIVE"}


def task_is_gone(sandbox: Sandbox, arn: str) -> bool:
    tasks = sandbox.client("ecs").describe_tasks(cluster=STACK, tasks=[arn])["tasks"]
    return {task["lastStatus"] for task in tasks} <= {"STOPPED"}


# What AWS goes on showing for a while, or for good: each with what proves that it is no more than a name.
SHOWN_STILL: dict[str, Callable[[Sandbox, str], bool]] = {
    "secretsmanager:secret": secret_is_going,
    "kms:key": key_is_going,
    "ec2:natgateway": gateway_is_gone,
    "ecs:cluster": cluster_is_gone,
    "ecs:service": service_is_gone,
    "ecs:task": task_is_gone,
    "ecs:task-definition": lambda _sandbox, _arn: True,
    "rds:snapshot": lambda _sandbox, arn: arn.rpartition(":")[2].startswith(FINAL),
}


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(Settings.from_environment())


def test_nothing_carries_the_stack_s_tag(sandbox: Sandbox) -> None:
    pages = sandbox.client("resourcegroupstaggingapi").get_paginator("get_resources")
    found = pages.paginate(TagFilters=[{"Key": "Stack", "Values": [STACK]}])
    arns = [item["ResourceARN"] for page in found for item in page["ResourceTagMappingList"]]
    left = [arn for arn in arns if kind(arn) not in SHOWN_STILL or not SHOWN_STILL[kind(arn)](sandbox, arn)]
    assert not left, "\n".join(left)


def kind(arn: str) -> str:
    """`ecs:task` for arn:aws:ecs:region:account:task/cluster/id."""
    parts = arn.split(":")
    return f"{parts[2]}:{parts[5].partition('/')[0]}"


def test_the_key_s_name_leads_to_a_key_that_goes(sandbox: Sandbox) -> None:
    """It stays until the key is gone, so that a stack that is built again finds the key and keeps it."""
    assert key_is_going(sandbox, f"alias/{STACK}")


# service, operation, where the list stands in its answer, which fields could name the stack
LISTS = [
    ("ec2", "describe_vpcs", "Vpcs", "Tags"),
    ("ec2", "describe_subnets", "Subnets", "Tags"),
    ("ec2", "describe_addresses", "Addresses", "Tags"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupName"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "Description"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("ecr", "describe_repositories", "repositories", "repositoryName"),
    ("route53", "list_hosted_zones", "HostedZones", "Name"),
    ("acm", "list_certificates", "CertificateSummaryList", "DomainName"),
    ("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    ("rds", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName"),
    ("elasticache", "describe_replication_groups", "ReplicationGroups", "ReplicationGroupId"),
    ("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupName"),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName"),
    ("ecs", "list_clusters", "clusterArns", ""),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
]


@pytest.mark.parametrize(("service", "operation", "key", "field"), LISTS, ids=lambda value: str(value))
def test_nothing_is_named_for_the_stack(sandbox: Sandbox, service: str, operation: str, key: str, field: str) -> None:
    items: list[Any] = getattr(sandbox.client(service), operation)()[key]
    named = [item[field] if field else item for item in items if not field or field in item]
    assert [name for name in named if "campshub360" in str(name)] == []


def final_snapshot(sandbox: Sandbox) -> dict[str, Any]:
    [snapshot] = sandbox.client("rds").describe_db_snapshots()["DBSnapshots"]
    return dict(snapshot)


def test_of_the_database_its_last_snapshot_is_left(sandbox: Sandbox) -> None:
    kept = final_snapshot(sandbox)
    assert kept["DBSnapshotIdentifier"].startswith(FINAL)
    assert (kept["Status"], kept["SnapshotType"], kept["Encrypted"]) == ("available", "manual", True)


def test_nothing_runs_but_the_sandbox_itself(sandbox: Sandbox) -> None:
    names = [record.name for record in processes.running(sandbox.settings.root)]
    assert [name for name in names if name != "envoy"] == []


def key(sandbox: Sandbox) -> str:
    return str(sandbox.client("kms").describe_key(KeyId=f"alias/{STACK}")["KeyMetadata"]["Arn"])


def test_destroying_again_changes_nothing_and_says_so(sandbox: Sandbox) -> None:
    before = len(sandbox.calls())
    played = sandbox.play("destroy", "-e", f"confirm={STACK}")
    assert (played.code, played.changed) == (0, 0), played.output
    # amazon.aws.rds_subnet_group deletes without a look, and is told that there is none.
    assert set(sandbox.changes_since(before)) <= {"rds DeleteDBSubnetGroup"}
    assert f"Nothing of {STACK} is there" in played.output
    assert f"{final_snapshot(sandbox)['DBSnapshotIdentifier']} until somebody deletes it" in played.output


def test_what_was_made_behind_the_playbooks_is_left_and_said(sandbox: Sandbox) -> None:
    """A negative control: were the inventory of resources blind, the tests above would pass on anything."""
    sns, iam, role = sandbox.client("sns"), sandbox.client("iam"), f"{STACK}-forgotten"
    topic = sns.create_topic(Name="forgotten", Tags=[{"Key": "Stack", "Value": STACK}])["TopicArn"]
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    played = sandbox.play("destroy", "-e", f"confirm={STACK}", "-e", "stack_deletion_timeout_seconds=0")
    sns.delete_topic(TopicArn=topic)
    iam.delete_role(RoleName=role)
    assert played.code != 0
    assert topic in played.output
    assert f"aws iam delete-role --role-name {role}" in played.output


def test_it_can_be_provisioned_again_right_after_with_the_same_key(sandbox: Sandbox) -> None:
    before = key(sandbox)
    played = sandbox.play("provision")
    assert played.code == 0, played.output
    assert key(sandbox) == before
