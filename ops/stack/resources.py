"""All that an account holds of a stack, by tag and by name: what is lost with it, and what AWS keeps by design.

A stack's tag decides. Names find what can't be tagged or lost its tag, and what AWS made for the stack by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from ops.aws.errors import unless_missing
from ops.aws.route53 import public_zones
from ops.aws.tags import tags_from
from ops.stack.discovery import Finder, Stack
from ops.stack.naming import aws_name
from ops.stack.ownership import ADOPTED_TAG, TAG, Zone, only_zone

COLOURS = ("blue", "green")
LIFTED = ", and AWS's deletion protection of it is lifted"
# How EC2's commands are called where it doesn't follow from the type of the resource.
EC2_COMMANDS = {
    "elastic-ip": "release-address --allocation-id",
    "natgateway": "delete-nat-gateway --nat-gateway-id",
    "security-group": "delete-security-group --group-id",
    "vpc-endpoint": "delete-vpc-endpoints --vpc-endpoint-ids",
}
# AWS makes the last one by itself:
# docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-reference-performance-logs-ECS.html
LOG_GROUPS = ("/ecs/{}", "/aws/rds/instance/{}/", "/aws/ecs/containerinsights/{}/")
MASTER_OF = "aws:rds:primaryDBInstanceArn"
# Looked up otherwise, gone with what they belong to, or shown by AWS for a while after their end.
NOT_COUNTED = (":ec2:", ":cluster/", ":service/", ":task/", ":listener/", ":listener-rule/")


@dataclass(frozen=True)
class Item:
    """One resource. command: removes it, or has back what AWS keeps.

    holds: what is lost with it; refuses: why it is not removed unasked; kept: why it stays although it was removed.
    """

    kind: str
    name: str
    command: str
    arn: str = ""
    holds: str = ""
    refuses: str = ""
    kept: str = ""


def until(moment: datetime) -> str:
    return f"until {moment:%Y-%m-%d}"


def bears(stack: Stack, name: str, tags: Mapping[str, str]) -> bool:
    """Whether something named so is the stack's: only the tag tells whether `tier1-x` is a stack of its own."""
    named = name == stack.name or name.startswith((f"{stack.name}-", f"{stack.name}/"))
    return named and tags.get(TAG, stack.name) == stack.name


def sweep_ec2(ec2: Any, stack: Stack) -> Iterator[Item]:
    kinds = tagged(ec2, TAG, [stack.name])
    named = tagged(ec2, "Name", [stack.name, f"{stack.name}-*"])
    kinds |= {name: kind for name, kind in named.items() if name not in tagged(ec2, TAG, ["*"], list(named))}
    gateways = [name for name, kind in kinds.items() if kind == "natgateway"]
    for gateway in ec2.describe_nat_gateways(NatGatewayIds=gateways)["NatGateways"] if gateways else []:
        if gateway["State"] == "deleted":  # shown for about an hour after its end
            del kinds[gateway["NatGatewayId"]]
    networks = [name for name, kind in kinds.items() if kind == "vpc"]
    inside = [{"Name": "vpc-id", "Values": networks}]
    for interface in ec2.describe_network_interfaces(Filters=inside)["NetworkInterfaces"] if networks else []:
        kinds[interface["NetworkInterfaceId"]] = "network-interface"  # services make them without tags
    for name, kind in kinds.items():
        command = EC2_COMMANDS.get(kind, f"delete-{kind} --{kind}-id")
        yield Item(kind.replace("-", " "), name, f"aws ec2 {command} {name}")


def tagged(ec2: Any, key: str, values: list[str], ids: Iterable[str] = ()) -> dict[str, str]:
    """Ids of what carries the tag (among these ids, if any are given), and their types."""
    filters = [{"Name": "key", "Values": [key]}, {"Name": "value", "Values": values}]
    filters += [{"Name": "resource-id", "Values": list(ids)}] if ids else []
    pages = ec2.get_paginator("describe_tags").paginate(Filters=filters)
    found = {tag["ResourceId"]: tag["ResourceType"] for page in pages for tag in page["Tags"]}
    return {name: kind for name, kind in found.items() if kind != "security-group-rule"}


def sweep_roles(iam: Any, stack: Stack) -> Iterator[Item]:
    for page in iam.get_paginator("list_roles").paginate():
        for name in (role["RoleName"] for role in page["Roles"] if bears(stack, role["RoleName"], {})):
            if bears(stack, name, tags_from(iam.list_role_tags(RoleName=name)["Tags"])):
                yield Item("IAM role", name, f"aws iam delete-role --role-name {name}")


def sweep_key(kms: Any, stack: Stack) -> Iterator[Item]:
    if answer := unless_missing("NotFoundException", kms.describe_key, KeyId=f"alias/{stack.name}"):
        yield key_item(answer["KeyMetadata"])


def key_item(key: Mapping[str, Any]) -> Item:
    item = Item("key", key["KeyId"], f"aws kms schedule-key-deletion --key-id {key['KeyId']}", key["Arn"])
    if key["KeyState"] != "PendingDeletion":
        return replace(item, holds="what it encrypted can't be read without it")
    command = f"aws kms cancel-key-deletion --key-id {item.name}"
    return replace(item, kept=until(key["DeletionDate"]), command=command)


def sweep_secrets(secretsmanager: Any, stack: Stack) -> Iterator[Item]:
    master = f":{stack.account_id}:db:{stack.name}"
    for page in secretsmanager.get_paginator("list_secrets").paginate(IncludePlannedDeletion=True):
        for secret in page["SecretList"]:
            owner = next((tag["Value"] for tag in secret.get("Tags", []) if tag["Key"] == MASTER_OF), "")
            if not owner.endswith(master) and not bears(stack, secret["Name"], tags_from(secret.get("Tags", []))):
                continue
            # The list may be five minutes old: API_ListSecrets.html
            now = unless_missing("ResourceNotFoundException", secretsmanager.describe_secret, SecretId=secret["ARN"])
            if now is None:
                continue
            name, deleted = secret["Name"], now.get("DeletedDate")
            verb = "restore-secret" if deleted else "delete-secret"
            kept = until(deleted) if deleted else ""
            command = f"aws secretsmanager {verb} --secret-id {name}"
            yield Item("secret", name, command, secret["ARN"], kept=kept)


def sweep_buckets(s3: Any, stack: Stack) -> Iterator[Item]:
    prefix = f"{stack.name}-{stack.account_id}-"
    for name in (bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith(prefix)):
        page = s3.list_object_versions(Bucket=name)
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        size = sum(version.get("Size", 0) for version in versions)
        more = "more than " if page.get("IsTruncated") else ""
        holds = f"{more}{len(versions)} versions of objects, {size / 1e6:.1f} MB" if versions else ""
        yield Item(
            "bucket",
            name,
            f"aws s3 rb --force s3://{name}",
            f"arn:{stack.partition}:s3:::{name}",
            holds,
            refuses=holds and f"it holds {holds}",
        )


def sweep_repository(ecr: Any, stack: Stack) -> Iterator[Item]:
    answer = unless_missing("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=[stack.name])
    for repository in answer["repositories"] if answer else []:
        images = ecr.list_images(repositoryName=stack.name)["imageIds"]
        holds = f"{len(images)} images" if images else ""
        command = f"aws ecr delete-repository --force --repository-name {stack.name}"
        refuses = holds and f"it holds {holds}"
        yield Item("repository", stack.name, command, repository["repositoryArn"], holds, refuses)


def sweep_zone(route53: Any, stack: Stack) -> Iterator[Item]:
    """The stack's own zone, or its mark on an adopted one; of two own ones destroying could take the wrong one."""
    owned = [zone for zone in public_zones(route53, stack.zone_name) if zone.owner(stack.name) != "others"]
    if zone := only_zone(owned, stack.zone_name):
        pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone.id)
        names = {record["Name"] for page in pages for record in page["ResourceRecordSets"]}
        arn = f"arn:{stack.partition}:route53:::hostedzone/{zone.id}"
        yield (adopted_zone if zone.owner(stack.name) == "adopted" else own_zone)(zone, names, arn)


def own_zone(zone: Zone, names: set[str], arn: str) -> Item:
    # The zone's own, the application's, and those by which ACM validates, are ours.
    others = sorted(n for n in names - {zone.name, f"app.{zone.name}"} if not n.startswith("_"))
    return Item(
        "hosted zone",
        zone.name.rstrip("."),
        f"aws route53 delete-hosted-zone --id {zone.id}",
        arn,
        holds=f"{len(names)} names" if len(names) > 1 else "",
        refuses=f"it holds names that this stack did not make: {', '.join(others)}" if others else "",
    )


def adopted_zone(zone: Zone, names: set[str], arn: str) -> Item:
    command = "aws route53 change-tags-for-resource --resource-type hostedzone"
    application = f" and app.{zone.name.rstrip('.')}" if f"app.{zone.name}" in names else ""
    return Item(
        "adopted zone",
        zone.name.rstrip("."),
        f"{command} --resource-id {zone.id} --remove-tag-keys {ADOPTED_TAG}",
        arn,
        holds=f"only the tag {ADOPTED_TAG}{application} go; the zone and all else in it stay",
    )


def sweep_certificates(acm: Any, stack: Stack) -> Iterator[Item]:
    for page in acm.get_paginator("list_certificates").paginate():
        candidates = [one for one in page["CertificateSummaryList"] if one["DomainName"] == stack.zone_name]
        for arn in (one["CertificateArn"] for one in candidates):
            if tags_from(acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]).get(TAG) == stack.name:
                command = f"aws acm delete-certificate --certificate-arn {arn}"
                yield Item("certificate", stack.zone_name, command, arn)


def sweep_database(rds: Any, stack: Stack) -> Iterator[Item]:
    by_name = {"DBInstanceIdentifier": stack.name}
    missing = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
    answer = unless_missing(missing, rds.describe_db_instances, **by_name)
    for instance in answer["DBInstances"] if answer else []:
        yield Item(
            "database",
            stack.name,
            f"aws rds delete-db-instance --db-instance-identifier {stack.name}",
            instance["DBInstanceArn"],
            holds=f"{instance['AllocatedStorage']} GB{LIFTED if instance['DeletionProtection'] else ''}",
            refuses="it holds the stack's data",
        )
    for snapshot in rds.describe_db_snapshots(**by_name)["DBSnapshots"]:
        automated = snapshot["SnapshotType"] == "automated"  # goes with the database
        name = snapshot["DBSnapshotIdentifier"]
        command = f"aws rds delete-db-snapshot --db-snapshot-identifier {name}"
        kept = "" if automated else f"until somebody deletes it: {snapshot['AllocatedStorage']} GB"
        yield Item("snapshot", name, command, snapshot["DBSnapshotArn"], kept=kept)


def sweep_balancer(elb: Any, stack: Stack) -> Iterator[Item]:
    name = aws_name(stack.name, "load_balancer")
    answer = unless_missing("LoadBalancerNotFound", elb.describe_load_balancers, Names=[name])
    for balancer in answer["LoadBalancers"] if answer else []:
        arn = balancer["LoadBalancerArn"]
        command = f"aws elbv2 delete-load-balancer --load-balancer-arn {arn}"
        attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        protected = {"Key": "deletion_protection.enabled", "Value": "true"} in attributes
        holds = f"the way to the application{LIFTED}" if protected else ""
        yield Item("load balancer", name, command, arn, holds, refuses="it is how people reach the application")
    for name in (aws_name(f"{stack.name}-{colour}", "target_group") for colour in COLOURS):
        answer = unless_missing("TargetGroupNotFound", elb.describe_target_groups, Names=[name])
        for arn in (group["TargetGroupArn"] for group in answer["TargetGroups"]) if answer else []:
            yield Item("target group", name, f"aws elbv2 delete-target-group --target-group-arn {arn}", arn)


def sweep_cluster(ecs: Any, stack: Stack) -> Iterator[Item]:
    for cluster in ecs.describe_clusters(clusters=[stack.name])["clusters"]:
        if cluster["status"] != "INACTIVE":
            holds = f"{cluster['runningTasksCount']} running tasks"
            command = f"aws ecs delete-cluster --cluster {stack.name}"
            yield Item("cluster", stack.name, command, cluster["clusterArn"], holds)


def sweep_logs(logs: Any, stack: Stack) -> Iterator[Item]:
    for prefix in (one.format(stack.name) for one in LOG_GROUPS):
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
            for group in page["logGroups"]:
                name = group["logGroupName"]
                if name == prefix or prefix.endswith("/"):
                    holds = f"{group.get('storedBytes', 0) / 1e6:.1f} MB"
                    command = f"aws logs delete-log-group --log-group-name {name}"
                    yield Item("log group", name, command, group["arn"].removesuffix(":*"), holds)


def sweep_alarms(cloudwatch: Any, stack: Stack) -> Iterator[Item]:
    for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack.name}-"):
        for alarm in page["MetricAlarms"]:
            name, arn = alarm["AlarmName"], alarm["AlarmArn"]
            if bears(stack, name, tags_from(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"])):
                yield Item("alarm", name, f"aws cloudwatch delete-alarms --alarm-names {name}", arn)


# What has a list in which the stack's own name stands:
# service, operation, where the list is, where names and ARNs are in it, kind, command.
LISTS = (
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName", "DBSubnetGroupArn",
     "database subnet group", "delete-db-subnet-group --db-subnet-group-name"),
    ("rds", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName", "DBParameterGroupArn",
     "parameter group", "delete-db-parameter-group --db-parameter-group-name"),
    ("elasticache", "describe_replication_groups", "ReplicationGroups", "ReplicationGroupId", "ARN",
     "cache", "delete-replication-group --replication-group-id"),
    ("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupName", "ARN",
     "cache subnet group", "delete-cache-subnet-group --cache-subnet-group-name"),
)  # fmt: skip


def listed(
    service: str, operation: str, key: str, name: str, arn: str, kind: str, command: str
) -> Finder[Iterator[Item]]:
    def sweep(client: Any, stack: Stack) -> Iterator[Item]:
        for page in client.get_paginator(operation).paginate():
            for item in page[key]:
                if item[name] == stack.name:
                    yield Item(kind, stack.name, f"aws {service} {command} {stack.name}", item[arn])

    return Finder(service, sweep)


def eager(finder: Finder[Iterator[Item]]) -> Finder[list[Item]]:
    return Finder(finder.service, lambda client, stack: list(finder.find(client, stack)))


SWEEPERS = tuple(
    eager(finder)
    for finder in (
        Finder("ec2", sweep_ec2),
        Finder("iam", sweep_roles),
        Finder("kms", sweep_key),
        Finder("secretsmanager", sweep_secrets),
        Finder("s3", sweep_buckets),
        Finder("ecr", sweep_repository),
        Finder("route53", sweep_zone),
        Finder("acm", sweep_certificates),
        Finder("rds", sweep_database),
        Finder("elbv2", sweep_balancer),
        Finder("ecs", sweep_cluster),
        Finder("logs", sweep_logs),
        Finder("cloudwatch", sweep_alarms),
        *(listed(*one) for one in LISTS),
    )
)


def sweep_tags(tagging: Any, stack: Stack) -> list[str]:
    """ARNs of all that carries the stack's tag, whatever service made it.

    Source: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
    """
    desired = [{"Key": TAG, "Values": [stack.name]}]
    pages = tagging.get_paginator("get_resources").paginate(TagFilters=desired)
    arns = [item["ResourceARN"] for page in pages for item in page["ResourceTagMappingList"]]
    return [arn for arn in arns if not any(word in arn for word in NOT_COUNTED)]


# How the service itself is asked for what the index of tags shows: service of the ARN -> client, operation, request.
# The index shows for hours what is gone: https://github.com/boto/boto3/issues/3341
PROOFS: dict[str, tuple[str, str, Callable[[str, str], dict[str, Any]]]] = {
    "acm": ("acm", "list_tags_for_certificate", lambda arn, name: {"CertificateArn": arn}),
    "cloudwatch": ("cloudwatch", "list_tags_for_resource", lambda arn, name: {"ResourceARN": arn}),
    "ecr": ("ecr", "list_tags_for_resource", lambda arn, name: {"resourceArn": arn}),
    "elasticache": ("elasticache", "list_tags_for_resource", lambda arn, name: {"ResourceName": arn}),
    "elasticloadbalancing": ("elbv2", "describe_tags", lambda arn, name: {"ResourceArns": [arn]}),
    "logs": ("logs", "list_tags_for_resource", lambda arn, name: {"resourceArn": arn}),
    "rds": ("rds", "list_tags_for_resource", lambda arn, name: {"ResourceName": arn}),
    "route53": (
        "route53", "list_tags_for_resource",
        lambda arn, name: {"ResourceType": "hostedzone", "ResourceId": name.partition("/")[2]},
    ),
    "s3": ("s3", "get_bucket_tagging", lambda arn, name: {"Bucket": name}),
    "secretsmanager": ("secretsmanager", "describe_secret", lambda arn, name: {"SecretId": arn}),
}  # fmt: skip
# ElastiCache calls an ARN invalid that leads nowhere: API_ListTagsForResource.html
MISSING = re.compile("NotFound|NoSuch|InvalidARN")


def unnamed(client: Callable[[str], Any], arn: str, stack: Stack) -> Item | None:
    """What only the index of tags told of; None if its service knows of no such thing, or not of that tag.

    client: makes one, by service.
    """
    service, name = arn.split(":")[2], arn.split(":", 5)[5]
    if service == "kms":
        key = unless_missing("NotFoundException", client("kms").describe_key, KeyId=arn)
        return key and key_item(key["KeyMetadata"])
    if ":task-definition/" in arn:
        revision = name.partition("/")[2]
        command = f"aws ecs deregister-task-definition --task-definition {revision}"
        return Item("task definition", revision, command, arn, kept="as history, and costs nothing")
    item = Item(
        f"{service} resource", name, f"aws resourcegroupstaggingapi get-resources --resource-arn-list {arn}", arn
    )
    if service not in PROOFS:
        return item
    where, operation, request = PROOFS[service]
    try:
        answer = getattr(client(where), operation)(**request(arn, name))
    except ClientError as error:
        if MISSING.search(error.response["Error"]["Code"]):
            return None
        raise
    if not carries(answer, stack.name):
        return None
    deleted = answer.get("DeletedDate")
    return replace(item, kept=until(deleted)) if deleted else item


def carries(answer: object, name: str) -> bool:
    """Whether the stack's tag stands in an answer, in whichever of AWS's ways."""
    if isinstance(answer, Mapping):
        pair = answer.get("Key"), answer.get("Value")
        found = answer.get(TAG) == name or pair == (TAG, name)
        return found or any(carries(value, name) for value in answer.values())
    return isinstance(answer, list) and any(carries(one, name) for one in answer)
