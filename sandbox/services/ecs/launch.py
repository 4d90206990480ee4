"""Create a task, for RunTask or a service: capacity, subnet, containers."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from moto.ec2 import ec2_backends
from moto.ec2.exceptions import InvalidSecurityGroupNotFoundError, InvalidSubnetIdError
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import Cluster, EC2ContainerServiceBackend

from sandbox.services.ecs.records.tasks import Container, Definition, Document, Tags, Task

FARGATE = ("FARGATE", "FARGATE_SPOT")
PLATFORM_VERSION = "1.4.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A task to create: what it runs, and for whom."""

    cluster: Cluster
    definition: Definition
    network: Document
    group: str
    started_by: str = ""
    strategy: list[Document]
    overrides: Document
    tags: Tags
    execute_command: bool = False
    load_balancers: list[Document] = field(default_factory=list)


def launch(backend: EC2ContainerServiceBackend, desired: Launch) -> Task:
    """Create a task in a capacity provider and subnet; it is PROVISIONING, and nothing runs yet."""
    neighbours = [t for t in live_tasks(backend, desired.cluster.name) if t.group == desired.group]
    # What a deployment replaces is no part of its own base and weights.
    peers = Counter(t.capacity_provider for t in neighbours if t.started_by == desired.started_by)
    provider = pick_provider(desired.strategy, peers)
    subnet, zone = _pick_subnet(backend, desired.network, Counter(t.zone for t in neighbours))
    identity = uuid.uuid4().hex
    prefix = f"arn:aws:ecs:{backend.region_name}:{backend.account_id}"
    place = f"{desired.cluster.name}/{identity}"
    task = Task(
        id=identity,
        task_arn=f"{prefix}:task/{place}",
        account=backend.account_id,
        region=backend.region_name,
        cluster_name=desired.cluster.name,
        cluster_arn=desired.cluster.arn,
        definition=desired.definition,
        group=desired.group,
        started_by=desired.started_by,
        launch_type="FARGATE",
        capacity_provider=provider,
        platform_version=PLATFORM_VERSION,
        network=desired.network,
        subnet=subnet,
        zone=zone,
        overrides=desired.overrides,
        tags=desired.tags,
        execute_command=desired.execute_command,
        load_balancers=desired.load_balancers,
        containers=[
            Container(f"{prefix}:container/{place}/{uuid.uuid4()}", definition)
            for definition in _overridden(desired.definition, desired.overrides)
        ],
    )
    tasks: dict[str, Any] = backend.tasks.setdefault(desired.cluster.name, {})
    tasks[task.task_arn] = task
    return task


def all_tasks(backend: EC2ContainerServiceBackend, cluster: str) -> list[Task]:
    """Return all tasks of a cluster that are still visible."""
    tasks: dict[str, Any] = backend.tasks.get(cluster, {})
    return list(tasks.values())


def live_tasks(backend: EC2ContainerServiceBackend, cluster: str) -> list[Task]:
    """Return the tasks of a cluster that are to run."""
    return [task for task in all_tasks(backend, cluster) if task.live]


def check_network(backend: EC2ContainerServiceBackend, definition: Definition, network: Document | None) -> Document:
    """Return the network configuration with AWS's defaults; its subnets and groups must exist.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    """
    if definition.document["networkMode"] != "awsvpc":
        raise NotImplementedError(f"network mode {definition.document['networkMode']}")
    vpc = (network or {}).get("awsvpcConfiguration")
    if not vpc:
        raise InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    if not vpc["subnets"]:
        raise InvalidParameterException("subnets can not be empty.")
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    try:
        subnets = ec2.describe_subnets(subnet_ids=vpc["subnets"])
        groups = vpc.get("securityGroups") or [_default_group(ec2, subnets[0].vpc_id)]
        ec2.describe_security_groups(group_ids=groups)
    except (InvalidSubnetIdError, InvalidSecurityGroupNotFoundError) as error:
        what = "subnet" if isinstance(error, InvalidSubnetIdError) else "security group"
        raise InvalidParameterException(
            f"Error retrieving {what} information: {error.message} (ErrorCode: {error.code})"
        ) from None
    return {"awsvpcConfiguration": {"assignPublicIp": "DISABLED", **vpc, "securityGroups": groups}}


def check_capacity(
    cluster: Cluster, launch_type: str | None, strategy: list[Document] | None
) -> tuple[str | None, list[Document]]:
    """Return launch type or strategy, as requested or by the cluster's default.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
    """
    if launch_type and strategy:
        raise InvalidParameterException(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    if not launch_type:
        strategy = strategy or list(cluster.default_capacity_provider_strategy or ())
    if launch_type not in (None, "FARGATE") or not (launch_type or strategy):
        raise NotImplementedError(f"the launch type {launch_type or 'EC2'}")
    for item in strategy or ():
        if item["capacityProvider"] not in (cluster.capacity_providers or ()):
            raise InvalidParameterException(
                "The specified capacity provider strategy cannot contain a capacity provider that"
                " is not associated with the cluster. Associate the capacity provider with the"
                " cluster and try again."
            )
    complete = [{"base": 0, "weight": 0, **item} for item in strategy or ()]
    if sum(item["base"] > 0 for item in complete) > 1:
        raise InvalidParameterException("Only one capacity provider in a strategy can have a base defined.")
    if len(complete) > 1 and not any(item["weight"] for item in complete):
        raise InvalidParameterException("At least one capacity provider in a strategy must have a weight above 0.")
    return launch_type, complete


def pick_provider(strategy: Iterable[Document], placed: Counter[str | None]) -> str | None:
    """Return the capacity provider of the next task: bases first, then by weight.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-capacity-providers.html
    """
    items = list(strategy)
    for item in items:
        if placed[item["capacityProvider"]] < item["base"]:
            return str(item["capacityProvider"])
    weighted = [item for item in items if item["weight"]]
    if not weighted:
        return str(items[0]["capacityProvider"]) if items else None

    def load(item: Document) -> float:
        beyond = placed[item["capacityProvider"]] - item["base"]
        return float((beyond + 1) / item["weight"])

    return str(min(weighted, key=load)["capacityProvider"])


def _pick_subnet(backend: EC2ContainerServiceBackend, network: Document, zones: Counter[str]) -> tuple[str, str]:
    """Return a subnet in the zone with the fewest tasks of the group.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
    """
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    subnets = ec2.describe_subnets(subnet_ids=network["awsvpcConfiguration"]["subnets"])
    chosen = min(subnets, key=lambda subnet: zones[subnet.availability_zone])
    return str(chosen.id), str(chosen.availability_zone)


def _default_group(ec2: Any, vpc_id: str) -> str:
    return str(ec2.get_security_group_by_name_or_id("default", vpc_id).id)


def _overridden(definition: Definition, overrides: Document) -> list[Document]:
    """Return container definitions with RunTask's overrides applied.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerOverride.html
    """
    given = {o.get("name"): o for o in overrides.get("containerOverrides") or ()}
    for name in given:
        if name not in [container["name"] for container in definition.containers]:
            raise InvalidParameterException(
                f"Override for container named {name} is not a container in the TaskDefinition."
            )
    return [_merged(container, given.get(container["name"], {})) for container in definition.containers]


def _merged(container: Document, override: Document) -> Document:
    variables = {v["name"]: v["value"] for v in container["environment"]}
    variables |= {v["name"]: v["value"] for v in override.get("environment") or ()}
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    return {**container, **override, "environment": environment}
