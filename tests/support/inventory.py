"""All that AWS holds of a stack, as data that can be compared: before and after, here and beside."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Client = Callable[[str], Any]
Held = dict[str, Any]

#: what changes with time, or with every look, and says nothing of what was asked for
VOLATILE = {
    "ResponseMetadata", "CreatedTime", "CreatedDate", "CreateDate", "CreationDate", "LastModifiedDate", "Date", "Owner",
    "LastChangedDate", "LastAccessedDate", "RequestId", "LatestRestorableTime", "events", "updatedAt", "deployments",
    "statistics", "lastEventTimestamp", "RoleLastUsed", "runningTasksCount", "pendingTasksCount", "ETag",
    "StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp",
    "AlarmConfigurationUpdatedTimestamp",
    "NextRotationDate", "storedBytes", "AvailableIpAddressCount",
}  # fmt: skip

#: operations that list everything of an account and region: service, operation, key of the list
LISTS = (
    ("ec2", "describe_vpcs", "Vpcs"),
    ("ec2", "describe_subnets", "Subnets"),
    ("ec2", "describe_internet_gateways", "InternetGateways"),
    ("ec2", "describe_nat_gateways", "NatGateways"),
    ("ec2", "describe_addresses", "Addresses"),
    ("ec2", "describe_route_tables", "RouteTables"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints"),
    ("ec2", "describe_security_groups", "SecurityGroups"),
    ("rds", "describe_db_instances", "DBInstances"),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups"),
    ("elasticache", "describe_replication_groups", "ReplicationGroups"),
    ("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups"),
    ("elbv2", "describe_load_balancers", "LoadBalancers"),
    ("elbv2", "describe_target_groups", "TargetGroups"),
    ("logs", "describe_log_groups", "logGroups"),
    ("secretsmanager", "list_secrets", "SecretList"),
    ("ecr", "describe_repositories", "repositories"),
    ("cloudwatch", "describe_alarms", "MetricAlarms"),
)


def inventory(client: Client, stack: str, zone: str, others: Sequence[str] = ()) -> Held:
    """Everything of the stack by what it is, each a JSON document without what only time changes.

    others: stacks beside it whose names begin like its own.
    """
    client = functools.cache(client)
    ec2 = client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "tag:Stack", "Values": [stack]}])["Vpcs"]
    marks = [
        f'"{stack}"',
        f'"{stack}-',
        f"/{stack}/",
        f"/{stack}-",
        f'/{stack}"',
        f":{stack}",
        *(f'"{v["VpcId"]}"' for v in vpcs),
    ]
    held: Held = {}
    for service, operation, key in LISTS:
        for item in getattr(client(service), operation)()[key]:
            if item.get("State") == "deleted":
                continue  # NAT gateways are shown for a while
            text = json.dumps(plain(item), sort_keys=True)
            if any(mark in text for mark in marks) and not any(other in text for other in others):
                held[f"{operation} {identity(item)}"] = json.loads(text)
    for name, answer in (*of_key(client, stack), *of_roles(client, stack), *of_zone(client, zone)):
        held[name] = plain(answer)
    for name, answer in (*of_buckets(client, stack), *of_balancer(client, held), *of_cluster(client, stack)):
        held[name] = plain(answer)
    parameters = client("rds").describe_db_parameters(DBParameterGroupName=stack, Source="user")["Parameters"]
    held = {name: item for name, item in held.items() if not any(other in name for other in others)}
    return held | {"parameters": {one["ParameterName"]: one.get("ParameterValue") for one in parameters}}


def plain(value: Any) -> Any:
    """JSON of an answer, lists in an order of their own, without the volatile."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list | tuple):
        return sorted((plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def identity(item: Held) -> str:
    """Whatever AWS calls the id, name or ARN of an item."""
    ends = (
        "GatewayId",
        "AllocationId",
        "EndpointId",
        "TableId",
        "GroupId",
        "SubnetId",
        "Arn",
        "ARN",
        "Name",
        "Id",
        "arn",
    )
    return next(str(item[key]) for end in ends for key in item if key.endswith(end) and isinstance(item[key], str))


def of_key(client: Client, stack: str) -> Iterator[tuple[str, Any]]:
    kms = client("kms")
    key = kms.describe_key(KeyId=f"alias/{stack}")["KeyMetadata"]
    yield "key", key
    yield "key policy", json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
    yield "key rotation", kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    yield "key tags", kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]


def of_roles(client: Client, stack: str) -> Iterator[tuple[str, Any]]:
    iam = client("iam")
    for role in iam.list_roles()["Roles"]:
        if (name := str(role["RoleName"])).startswith(f"{stack}-"):
            yield f"role {name}", iam.get_role(RoleName=name)["Role"]
            yield f"role {name} attached", iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                yield f"role {name} {policy}", document


def of_zone(client: Client, zone: str) -> Iterator[tuple[str, Any]]:
    route53, acm = client("route53"), client("acm")
    for found in route53.list_hosted_zones_by_name(DNSName=f"{zone}.")["HostedZones"]:
        if found["Name"] == f"{zone}.":
            yield "zone", found
            yield "records", route53.list_resource_record_sets(HostedZoneId=found["Id"])["ResourceRecordSets"]
            identifier = found["Id"].rpartition("/")[2]
            tags = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=identifier)
            yield "zone tags", tags["ResourceTagSet"]["Tags"]
    for summary in acm.list_certificates()["CertificateSummaryList"]:
        if summary["DomainName"] == zone:
            arn = summary["CertificateArn"]
            yield f"certificate {arn}", summary
            yield f"certificate {arn} tags", acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]


def of_buckets(client: Client, stack: str) -> Iterator[tuple[str, Any]]:
    s3 = client("s3")
    parts = ("policy", "encryption", "versioning", "lifecycle_configuration", "tagging", "ownership_controls")
    for bucket in s3.list_buckets()["Buckets"]:
        if not (name := str(bucket["Name"])).startswith(f"{stack}-"):
            continue
        for call in (*(f"get_bucket_{part}" for part in parts), "get_public_access_block"):
            try:
                yield f"bucket {name} {call}", getattr(s3, call)(Bucket=name)
            except s3.exceptions.ClientError as error:
                yield f"bucket {name} {call}", error.response["Error"]["Code"]


def of_balancer(client: Client, held: Held) -> Iterator[tuple[str, Any]]:
    elb = client("elbv2")
    for name, item in list(held.items()):
        if name.startswith("describe_load_balancers"):
            arn = item["LoadBalancerArn"]
            yield "load balancer attributes", elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
            for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
                yield f"listener {listener['Port']}", listener
                rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
                yield f"rules {listener['Port']}", rules
        if name.startswith("describe_target_groups"):
            arn = item["TargetGroupArn"]
            yield f"{arn} attributes", elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
            yield f"{arn} tags", elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]


def of_cluster(client: Client, stack: str) -> Iterator[tuple[str, Any]]:
    ecs = client("ecs")
    yield "cluster", ecs.describe_clusters(clusters=[stack], include=["SETTINGS", "TAGS"])["clusters"]
    services = ecs.describe_services(cluster=stack, services=[f"{stack}-app"])["services"]
    kept = ("serviceName", "status", "taskDefinition", "desiredCount", "loadBalancers", "networkConfiguration")
    yield "services", [{key: service[key] for key in kept} for service in services]
