"""What exists of a stack, found by its tag and by its names: one small function a service.

Each gives the parts of `StackFound` that exist; the schema's placeholders stand for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ops.aws.acm import own_certificates
from ops.aws.elb import tags_of
from ops.aws.errors import unless_missing
from ops.aws.route53 import name_servers, public_zones
from ops.aws.tags import tags_from
from ops.release import history
from ops.stack import naming
from ops.stack.finder import Finder, find_all
from ops.stack.model import (
    Cache,
    Certificate,
    Database,
    HostedZone,
    Listeners,
    LoadBalancer,
    Rule,
    Secret,
    SecurityGroups,
    Service,
    Stack,
    StackFound,
    Subnets,
    TargetGroups,
    Vpc,
)
from ops.stack.ownership import (
    PORTS,
    PRIORITIES,
    USABLE,
    best_certificate,
    listener_on,
    own_vpc,
    rule_at,
    rule_belongs,
    target_groups,
)

Answer = Mapping[str, Any]
Parts = dict[str, Any]

TIERS = ("public", "app", "data")
COLOURS = ("blue", "green")
SECURITY_GROUPS = ("app", "cache", "database", "load_balancer")


def find_stack(create_client: Callable[[str], Any], stack: Stack, caller_arn: str, at: str) -> StackFound:
    """Return what exists of the stack.

    create_client: makes a client, given a service's name. at: the present moment, as 20261125T113000Z.
    """
    found: Parts = {}
    for parts in find_all(create_client, FINDERS, stack):
        found |= parts
    return StackFound(stack.account_id, stack.region, stack.partition, caller_arn, at, naming.run_id(at), **found)


def given(**values: Any) -> Parts:
    """Return the values that AWS gave; for the others the schema has its defaults."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def find_network(ec2: Any, stack: Stack) -> Parts:
    """Return the VPC, and the subnets and security groups in it."""
    vpcs = ec2.describe_vpcs(Filters=stack.filters)["Vpcs"]
    subnets = ec2.describe_subnets(Filters=stack.filters)["Subnets"]
    groups = ec2.describe_security_groups(Filters=stack.filters)["SecurityGroups"]
    vpc = own_vpc(vpcs, subnets, stack.name)
    if vpc is None:
        return {}
    inside = [subnet for subnet in subnets if subnet["VpcId"] == vpc]
    ids = {group["GroupName"]: group["GroupId"] for group in groups if group["VpcId"] == vpc}
    by_purpose = {purpose: ids.get(naming.security_group_name(stack.name, purpose)) for purpose in SECURITY_GROUPS}
    return {
        "vpc": Vpc(vpc, ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"]),
        "subnets": Subnets(**given(**{tier: subnets_of(tier, inside) for tier in TIERS})),
        "security_groups": SecurityGroups(**given(**by_purpose)),
    }


def subnets_of(tier: str, subnets: Iterable[Answer]) -> list[str]:
    """Return the ids of a tier's subnets, in the order of their zones."""
    mine = [subnet for subnet in subnets if tags_from(subnet["Tags"]).get("Tier") == tier]
    return [subnet["SubnetId"] for subnet in sorted(mine, key=lambda subnet: str(subnet["AvailabilityZone"]))]


def find_key(kms: Any, stack: Stack) -> Parts:
    """Return the ARN of the KMS key."""
    answer = unless_missing("NotFoundException", kms.describe_key, KeyId=naming.key_alias(stack.name))
    return {"kms_key_arn": answer["KeyMetadata"]["Arn"]} if answer else {}


def find_secrets(secretsmanager: Any, stack: Stack) -> Parts:
    """Return the secrets by their names without the stack's prefix; never a value."""
    prefix = naming.secret_prefix(stack.name)
    pages = secretsmanager.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [prefix]}])
    return {
        "secrets": {
            secret["Name"].removeprefix(prefix): Secret(secret["ARN"], current_version(secret))
            for page in pages
            for listed in page["SecretList"]
            if listed["Name"].startswith(prefix) and (secret := described(secretsmanager, listed["ARN"]))
        }
    }


def described(secretsmanager: Any, arn: str) -> Answer | None:
    """Return a secret as it is now; None if it is gone or about to be deleted.

    The list may be five minutes old, and name a version from before a rotation.
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
    """
    secret = unless_missing("ResourceNotFoundException", secretsmanager.describe_secret, SecretId=arn)
    return None if secret is None or "DeletedDate" in secret else dict(secret)


def current_version(secret: Answer) -> str:
    """Return the id of a secret's current version, empty if it has none."""
    stages = secret.get("VersionIdsToStages", {})
    return next((version for version, names in stages.items() if "AWSCURRENT" in names), "")


def find_zone(route53: Any, stack: Stack) -> Parts:
    """Return the hosted zone. Of several of the name only the ids: who changes a zone refuses then, others go on."""
    zones = public_zones(route53, stack.zone_name)
    ids = [zone.id for zone in zones]
    if len(zones) != 1:
        return {"hosted_zone": HostedZone(ids)}
    return {"hosted_zone": HostedZone(ids, zones[0].owner(stack.name), name_servers(route53, zones[0]))}


def find_certificate(acm: Any, stack: Stack) -> Parts:
    """Return the certificate to use, issued or pending."""
    found = own_certificates(acm, stack.zone_name, stack.name, USABLE)
    best = best_certificate(found, naming.load_balancer_name(stack.name))
    if best is None:
        return {}
    return {"certificate": Certificate(best["arn"], best["status"], best["validation_records"])}


def find_repository(ecr: Any, stack: Stack) -> Parts:
    """Return the URI of the image repository."""
    answer = unless_missing("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=[stack.name])
    return {"repository_uri": answer["repositories"][0]["repositoryUri"]} if answer else {}


def find_database(rds: Any, stack: Stack) -> Parts:
    """Return the database; it has no endpoint while AWS creates it."""
    missing = {"DBInstanceNotFound", "DBInstanceNotFoundFault"}
    answer = unless_missing(missing, rds.describe_db_instances, DBInstanceIdentifier=stack.name)
    if answer is None:
        return {}
    instance = answer["DBInstances"][0]
    groups = instance.get("DBParameterGroups") or [{}]
    found = given(
        arn=instance.get("DBInstanceArn"),
        status=instance.get("DBInstanceStatus"),
        parameters=groups[0].get("ParameterApplyStatus"),
        endpoint=instance.get("Endpoint", {}).get("Address"),
        port=instance.get("Endpoint", {}).get("Port"),
        master_secret_arn=instance.get("MasterUserSecret", {}).get("SecretArn"),
    )
    return {"database": Database(**found)}


def find_cache(elasticache: Any, stack: Stack) -> Parts:
    """Return the cache; it has no endpoint while AWS creates it."""
    missing = "ReplicationGroupNotFoundFault"
    answer = unless_missing(missing, elasticache.describe_replication_groups, ReplicationGroupId=stack.name)
    if answer is None:
        return {}
    group = answer["ReplicationGroups"][0]
    endpoints = [node["PrimaryEndpoint"] for node in group.get("NodeGroups", []) if "PrimaryEndpoint" in node]
    endpoint = endpoints[0] if endpoints else {}
    found = given(
        arn=group.get("ARN"),
        status=group.get("Status"),
        endpoint=endpoint.get("Address"),
        port=endpoint.get("Port"),
    )
    return {"cache": Cache(**found)}


def find_load_balancer(elb: Any, stack: Stack) -> Parts:
    """Return the load balancer with its listeners and rules, and the target groups, which may exist without it."""
    groups = {colour: target_group_arn(elb, naming.target_group_name(stack.name, colour)) for colour in COLOURS}
    found: Parts = {"target_groups": TargetGroups(**given(**groups))}
    name = naming.load_balancer_name(stack.name)
    answer = unless_missing("LoadBalancerNotFound", elb.describe_load_balancers, Names=[name])
    if answer is None:
        return found
    balancer = answer["LoadBalancers"][0]
    page = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    listeners = {protocol: (listener_on(page, port) or {}).get("ListenerArn") for protocol, port in PORTS.items()}
    state = given(
        arn=balancer["LoadBalancerArn"],
        dns_name=balancer.get("DNSName"),
        hosted_zone_id=balancer.get("CanonicalHostedZoneId"),
        state=balancer.get("State", {}).get("Code"),
    )
    return {
        **found,
        "load_balancer": LoadBalancer(**state),
        "listeners": Listeners(**given(**listeners)),
        **own_rules(elb, listeners["https"], set(groups.values()), stack.name),
    }


def own_rules(elb: Any, listener_arn: str | None, groups: set[str | None], stack: str) -> Parts:
    """Return the production rule and the test rule, known by where the stack puts them."""
    rules = elb.describe_rules(ListenerArn=listener_arn)["Rules"] if listener_arn else []
    return {
        f"{name}_rule": rule_state(elb, rule_at(rules, priority), groups, stack)
        for name, priority in PRIORITIES.items()
    }


def rule_state(elb: Any, rule: Answer | None, groups: set[str | None], stack: str) -> Rule:
    """Return a rule's ARN and weights if it is the stack's own."""
    if rule is None or not rule_belongs(stack, bool(target_groups(rule) & groups), tags_of(elb, rule["RuleArn"])):
        return Rule()
    forwards = [action["ForwardConfig"] for action in rule["Actions"] if "ForwardConfig" in action]
    weights = {group["TargetGroupArn"]: group.get("Weight", 1) for one in forwards for group in one["TargetGroups"]}
    return Rule(rule["RuleArn"], weights)


def target_group_arn(elb: Any, name: str) -> str | None:
    """Return the ARN of the target group of that name."""
    answer = unless_missing("TargetGroupNotFound", elb.describe_target_groups, Names=[name])
    return answer["TargetGroups"][0]["TargetGroupArn"] if answer else None


def find_cluster(ecs: Any, stack: Stack) -> Parts:
    """Return the cluster and the service that runs on it."""
    clusters = ecs.describe_clusters(clusters=[stack.name])["clusters"]
    active = [cluster for cluster in clusters if cluster["status"] == "ACTIVE"]
    if not active:
        return {}
    name = naming.service_name(stack.name)
    services = ecs.describe_services(cluster=stack.name, services=[name])["services"]
    running = [service for service in services if service["status"] == "ACTIVE"]
    found: Parts = {"service": service_state(ecs, running[0])} if running else {}
    return {"cluster_arn": active[0]["clusterArn"], **found}


def service_state(ecs: Any, service: Answer) -> Service:
    """Return a service with the image and the release that its task definition names."""
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    container = definition["containerDefinitions"][0]
    environment = {pair["name"]: pair["value"] for pair in container.get("environment", [])}
    rollouts = [one.get("rolloutState") for one in service["deployments"] if one["status"] == "PRIMARY"]
    return Service(
        arn=service["serviceArn"],
        task_definition=service["taskDefinition"],
        image=container["image"],
        release=environment.get("APP_RELEASE", ""),
        desired=service["desiredCount"],
        running=service["runningCount"],
        pending=service["pendingCount"],
        rollout=(rollouts and rollouts[0]) or "",
    )


def find_audit_log(s3: Any, stack: Stack) -> Parts:
    """Return the audit log's newest entries, newest first."""
    bucket = naming.bucket_name(stack.name, stack.account_id, "reports")
    return {"audit_log": history.latest(s3, bucket, stack.account_id)}


FINDERS = (
    Finder("ec2", find_network),
    Finder("kms", find_key),
    Finder("secretsmanager", find_secrets),
    Finder("route53", find_zone),
    Finder("acm", find_certificate),
    Finder("ecr", find_repository),
    Finder("rds", find_database),
    Finder("elasticache", find_cache),
    Finder("elbv2", find_load_balancer),
    Finder("ecs", find_cluster),
    Finder("s3", find_audit_log),
)
