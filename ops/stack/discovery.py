"""How each part of a stack is found: one small function a service, giving plain data, null or empty for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.acm import own_certificates
from ops.aws.elb import tags_of
from ops.aws.errors import unless_missing
from ops.aws.route53 import name_servers, public_zones
from ops.aws.tags import tags_from
from ops.release import history as audit
from ops.stack.naming import aws_name
from ops.stack.ownership import (
    PORTS,
    PRIORITIES,
    TAG,
    USABLE,
    best_certificate,
    listener_on,
    own_vpc,
    rule_at,
    rule_belongs,
    target_groups,
)

Found = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Stack:
    name: str
    account_id: str
    region: str
    partition: str
    zone_name: str

    @property
    def filters(self) -> list[dict[str, Any]]:
        """EC2's filter for what carries the stack's tag."""
        return [{"Name": f"tag:{TAG}", "Values": [self.name]}]


@dataclass(frozen=True)
class Finder(Generic[T]):
    """Asks one service: find(client, stack)."""

    service: str
    find: Callable[[Any, Stack], T]


def find_all(module: AnsibleAWSModule, finders: Iterable[Finder[T]], stack: Stack) -> list[T]:
    """What each finder finds; they ask side by side."""
    finders = list(finders)
    clients = {service: module.client(service) for service in sorted({finder.service for finder in finders})}
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda finder: finder.find(clients[finder.service], stack), finders))


def find_network(ec2: Any, stack: Stack) -> Found:
    vpcs = ec2.describe_vpcs(Filters=stack.filters)["Vpcs"]
    subnets = ec2.describe_subnets(Filters=stack.filters)["Subnets"]
    groups = ec2.describe_security_groups(Filters=stack.filters)["SecurityGroups"]
    vpc = own_vpc(vpcs, subnets, stack.name)
    inside = [subnet for subnet in subnets if subnet["VpcId"] == vpc]
    prefix = f"{stack.name}-"
    return {
        "vpc": {"id": vpc, "cidr": vpc and ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"]},
        "subnets": {tier: subnets_of(tier, inside) for tier in ("public", "app", "data")},
        "security_groups": {
            group["GroupName"].removeprefix(prefix).replace("-", "_"): group["GroupId"]
            for group in groups
            if group["GroupName"].startswith(prefix) and group["VpcId"] == vpc
        },
    }


def subnets_of(tier: str, subnets: list[Found]) -> list[str]:
    mine = [subnet for subnet in subnets if tags_from(subnet["Tags"]).get("Tier") == tier]
    return [subnet["SubnetId"] for subnet in sorted(mine, key=lambda subnet: str(subnet["AvailabilityZone"]))]


def find_key(kms: Any, stack: Stack) -> Found:
    answer = unless_missing("NotFoundException", kms.describe_key, KeyId=f"alias/{stack.name}")
    return {"kms_key_arn": answer["KeyMetadata"]["Arn"] if answer else None}


def find_secrets(secretsmanager: Any, stack: Stack) -> Found:
    prefix = f"{stack.name}/"
    pages = secretsmanager.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [prefix]}])
    return {
        "secrets": {
            secret["Name"].removeprefix(prefix): {"arn": secret["ARN"], "version_id": current_version(secret)}
            for page in pages
            for listed in page["SecretList"]
            if listed["Name"].startswith(prefix) and (secret := described(secretsmanager, listed["ARN"]))
        }
    }


def described(secretsmanager: Any, arn: str) -> Found | None:
    """A secret as it is now: the list may be five minutes old, and name a version from before a rotation.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
    """
    secret = unless_missing("ResourceNotFoundException", secretsmanager.describe_secret, SecretId=arn)
    return None if secret is None or "DeletedDate" in secret else dict(secret)


def current_version(secret: Found) -> str | None:
    stages = secret.get("VersionIdsToStages", {})
    return next((version for version, names in stages.items() if "AWSCURRENT" in names), None)


def find_zone(route53: Any, stack: Stack) -> Found:
    """The zone of the name; where there are several, only their ids: who changes a zone refuses then, others go on."""
    zones = public_zones(route53, stack.zone_name)
    zone = zones[0] if len(zones) == 1 else None
    return {
        "hosted_zone": {
            "id": zone and zone.id,
            "ids": [one.id for one in zones],
            "owner": zone and zone.owner(stack.name),
            "name_servers": name_servers(route53, zone) if zone else [],
        }
    }


def find_certificate(acm: Any, stack: Stack) -> Found:
    found = own_certificates(acm, stack.zone_name, stack.name, USABLE)
    best = best_certificate(found, aws_name(stack.name, "load_balancer")) or {}
    return {
        "certificate": {
            "arn": best.get("arn"),
            "status": best.get("status"),
            "validation_records": best.get("validation_records", []),
        }
    }


def find_repository(ecr: Any, stack: Stack) -> Found:
    answer = unless_missing("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=[stack.name])
    return {"repository_uri": answer["repositories"][0]["repositoryUri"] if answer else None}


def find_database(rds: Any, stack: Stack) -> Found:
    missing = {"DBInstanceNotFound", "DBInstanceNotFoundFault"}
    answer = unless_missing(missing, rds.describe_db_instances, DBInstanceIdentifier=stack.name)
    instance = answer["DBInstances"][0] if answer else {}
    groups = instance.get("DBParameterGroups") or [{}]
    return {
        "database": {
            "arn": instance.get("DBInstanceArn"),
            "status": instance.get("DBInstanceStatus"),
            "parameters": groups[0].get("ParameterApplyStatus"),
            "endpoint": instance.get("Endpoint", {}).get("Address"),
            "port": instance.get("Endpoint", {}).get("Port"),
            "resource_id": instance.get("DbiResourceId"),
            "master_secret_arn": instance.get("MasterUserSecret", {}).get("SecretArn"),
        }
    }


def find_cache(elasticache: Any, stack: Stack) -> Found:
    answer = unless_missing(
        "ReplicationGroupNotFoundFault", elasticache.describe_replication_groups, ReplicationGroupId=stack.name
    )
    group = answer["ReplicationGroups"][0] if answer else {}
    endpoint: Found = next(
        (node["PrimaryEndpoint"] for node in group.get("NodeGroups", []) if "PrimaryEndpoint" in node), {}
    )
    return {
        "cache": {
            "arn": group.get("ARN"),
            "status": group.get("Status"),
            "endpoint": endpoint.get("Address"),
            "port": endpoint.get("Port"),
        }
    }


def find_load_balancer(elb: Any, stack: Stack) -> Found:
    name = aws_name(stack.name, "load_balancer")
    answer = unless_missing("LoadBalancerNotFound", elb.describe_load_balancers, Names=[name])
    balancer = answer["LoadBalancers"][0] if answer else {}
    page = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"] if balancer else []
    listeners = {protocol: (listener_on(page, port) or {}).get("ListenerArn") for protocol, port in PORTS.items()}
    groups = {
        colour: target_group_arn(elb, aws_name(f"{stack.name}-{colour}", "target_group"))
        for colour in ("blue", "green")
    }
    return {
        "load_balancer": {
            "arn": balancer.get("LoadBalancerArn"),
            "dns_name": balancer.get("DNSName"),
            "hosted_zone_id": balancer.get("CanonicalHostedZoneId"),
            "state": balancer.get("State", {}).get("Code"),
        },
        "listeners": listeners,
        **own_rules(elb, listeners["https"], set(groups.values()), stack.name),
        "target_groups": groups,
    }


def own_rules(elb: Any, listener_arn: str | None, groups: set[str | None], stack: str) -> Found:
    """The production rule and the test rule, by where the stack puts them."""
    rules = elb.describe_rules(ListenerArn=listener_arn)["Rules"] if listener_arn else []
    return {
        f"{name}_rule": rule_state(elb, rule_at(rules, priority), groups, stack)
        for name, priority in PRIORITIES.items()
    }


def rule_state(elb: Any, rule: Mapping[str, Any] | None, groups: set[str | None], stack: str) -> Found:
    if rule is None or not rule_belongs(stack, bool(target_groups(rule) & groups), tags_of(elb, rule["RuleArn"])):
        return {"arn": None, "weights": {}}
    forwards = [action["ForwardConfig"] for action in rule["Actions"] if "ForwardConfig" in action]
    return {
        "arn": rule["RuleArn"],
        "weights": {
            group["TargetGroupArn"]: group.get("Weight", 1) for config in forwards for group in config["TargetGroups"]
        },
    }


def target_group_arn(elb: Any, name: str) -> str | None:
    answer = unless_missing("TargetGroupNotFound", elb.describe_target_groups, Names=[name])
    return answer["TargetGroups"][0]["TargetGroupArn"] if answer else None


def find_cluster(ecs: Any, stack: Stack) -> Found:
    clusters = ecs.describe_clusters(clusters=[stack.name])["clusters"]
    active = [cluster for cluster in clusters if cluster["status"] == "ACTIVE"]
    if not active:
        return {"cluster_arn": None, "service": None}
    services = ecs.describe_services(cluster=stack.name, services=[f"{stack.name}-app"])["services"]
    running = [service for service in services if service["status"] == "ACTIVE"]
    service = {**service_state(running[0]), **running_release(ecs, running[0])} if running else None
    return {"cluster_arn": active[0]["clusterArn"], "service": service}


def running_release(ecs: Any, service: Found) -> Found:
    """The image and the tag that a service's task definition names."""
    answer = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    container = answer["containerDefinitions"][0]
    environment = {pair["name"]: pair["value"] for pair in container.get("environment", [])}
    return {"image": container["image"], "release": environment.get("APP_RELEASE")}


def service_state(service: Found) -> Found:
    return {
        "arn": service["serviceArn"],
        "task_definition": service["taskDefinition"],
        "desired": service["desiredCount"],
        "running": service["runningCount"],
        "pending": service["pendingCount"],
        "rollout": next((d.get("rolloutState") for d in service["deployments"] if d["status"] == "PRIMARY"), None),
    }


def find_audit(s3: Any, stack: Stack) -> Found:
    """What was released lately, newest first."""
    bucket = aws_name(f"{stack.name}-{stack.account_id}-reports", "bucket")
    return {"audit": audit.latest(s3, bucket, stack.account_id)}


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
    Finder("s3", find_audit),
)
