"""Checks of a task definition for Fargate, with ECS's messages.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from moto.ecs.exceptions import EcsClientException

from sandbox.services.ecs.records.tasks import Document

#: CPU units -> the memory (MiB) that goes with them
#: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
SIZES: dict[int, range] = {
    256: range(512, 2049, 512),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}
ODD_SIZE = (256, 1536)
LOG_DRIVERS = {"awslogs", "splunk", "awsfirelens"}
AWSLOGS_OPTIONS = ("awslogs-group", "awslogs-region", "awslogs-stream-prefix")
ARCHITECTURES = {"X86_64", "ARM64"}
HEALTH_CHECK_LIMITS = {
    "interval": (5, 300),
    "timeout": (2, 60),
    "retries": (1, 10),
    "startPeriod": (0, 300),
}
LONGEST_STOP_TIMEOUT = 120

Errors = Iterator[str]
Rule = Callable[[Document], Errors]


def check(document: Document) -> None:
    """Raise ClientException with the first error."""
    rules: tuple[Rule, ...] = (_names, _containers, _secrets)
    if "FARGATE" in (document.get("requiresCompatibilities") or ()):
        rules += (_size, _network, _roles, _fargate_containers, _platform)
    for rule in rules:
        for error in rule(document):
            raise EcsClientException(error)


def units(value: str | int | None, word: str, factor: int) -> int | None:
    """Return `1024`, `1 vCPU` or `2GB` as CPU units or MiB; None if it is neither."""
    found = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*({word})?", str(value or ""), re.IGNORECASE)
    return int(float(found[1]) * (factor if found[2] else 1)) if found else None


def _names(document: Document) -> Errors:
    if not re.fullmatch(r"[\w-]{1,255}", document.get("family") or ""):
        yield "Family contains invalid characters. Only letters, numbers, - and _ are allowed."
    names = [container.get("name") for container in document.get("containerDefinitions") or ()]
    if not names:
        yield "Container list cannot be empty."
    if None in names:
        yield "Container.name should not be null or empty."
    if len(set(names)) < len(names):
        yield "The container names must be unique within a task definition."


def _containers(document: Document) -> Errors:
    containers = document["containerDefinitions"]
    for container in containers:
        if not container.get("image"):
            yield "Container.image should not be null or empty."
        if not document.get("memory") and not {"memory", "memoryReservation"} & set(container):
            yield (
                f"Invalid setting for container '{container['name']}'. At least one of 'memory'"
                " or 'memoryReservation' must be specified."
            )
    if not any(container.get("essential", True) for container in containers):
        yield "A task definition must have at least one essential container."


def _secrets(document: Document) -> Errors:
    for container in document["containerDefinitions"]:
        names = [s["name"] for s in container.get("secrets") or ()]
        if names and not document.get("executionRoleArn"):
            yield ("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
        plain = {variable["name"] for variable in container.get("environment") or ()}
        for name in names:
            if name in plain or names.count(name) > 1:
                yield (
                    "The secret name must be unique and not shared with any new or existing"
                    f" environment variables set on the container, such as '{name}'."
                )


def _size(document: Document) -> Errors:
    cpu = units(document.get("cpu"), "vcpu", 1024)
    memory = units(document.get("memory"), "gb", 1024)
    for name, value in (("cpu", cpu), ("memory", memory)):
        if value is None:
            yield f"Fargate requires that '{name}' be defined at the task level."
    if memory not in SIZES.get(cpu or 0, ()) or (cpu, memory) == ODD_SIZE:
        yield (
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."
            " See the Amazon ECS documentation for the valid values."
        )
    containers = document["containerDefinitions"]
    if sum(container.get("cpu") or 0 for container in containers) > (cpu or 0):
        yield "The total CPU of the containers must not exceed the CPU of the task."
    if any((c.get("memory") or c.get("memoryReservation") or 0) > (memory or 0) for c in containers):
        yield "Invalid 'memory' setting for container: it must not exceed the memory of the task."
    storage = (document.get("ephemeralStorage") or {}).get("sizeInGiB", 21)
    if storage not in range(21, 201):
        yield f"The ephemeral storage of {storage} GiB is not between 21 and 200 GiB."


def _network(document: Document) -> Errors:
    if document.get("networkMode", "awsvpc") != "awsvpc":
        yield "Fargate only supports network mode 'awsvpc'."
    for container in document["containerDefinitions"]:
        for mapping in container.get("portMappings") or ():
            if mapping.get("hostPort", mapping["containerPort"]) != mapping["containerPort"]:
                yield ("When networkMode=awsvpc, the host ports and container ports in port mappings must match.")


def _roles(document: Document) -> Errors:
    if document.get("executionRoleArn"):
        return
    for container in document["containerDefinitions"]:
        if ".dkr.ecr." in container["image"]:
            yield ("Fargate requires task definition to have execution role ARN to support ECR images.")
        if (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
            yield ("Fargate requires task definition to have execution role ARN to support log driver awslogs.")


def _fargate_containers(document: Document) -> Errors:
    if document.get("pidMode") not in (None, "task"):
        yield (
            f"Tasks using the Fargate launch type do not support pidMode '{document['pidMode']}'."
            " The supported value for pidMode is 'task'."
        )
    for container in document["containerDefinitions"]:
        name = container["name"]
        if container.get("privileged"):
            yield "Fargate compatible task definitions do not support privileged containers"
        if not 0 <= (container.get("stopTimeout") or 0) <= LONGEST_STOP_TIMEOUT:
            yield (f"Container '{name}': stopTimeout must be between 0 and {LONGEST_STOP_TIMEOUT} seconds on Fargate.")
        yield from _logging(name, container.get("logConfiguration") or {})
        for field, (low, high) in HEALTH_CHECK_LIMITS.items():
            value = (container.get("healthCheck") or {}).get(field, low)
            if not low <= value <= high:
                yield f"Container '{name}': healthCheck {field} must be between {low} and {high}."


def _logging(name: str, configuration: Document) -> Errors:
    driver = configuration.get("logDriver", "awslogs")
    if driver not in LOG_DRIVERS:
        yield f"Container '{name}': Fargate does not support the log driver '{driver}'."
    missing = [o for o in AWSLOGS_OPTIONS if o not in (configuration.get("options") or {})]
    if configuration.get("logDriver") == "awslogs" and missing:
        yield f"Log driver awslogs requires options: {', '.join(missing)}"


def _platform(document: Document) -> Errors:
    platform = document.get("runtimePlatform") or {}
    if platform.get("cpuArchitecture", "X86_64") not in ARCHITECTURES:
        yield f"cpuArchitecture must be one of {sorted(ARCHITECTURES)}."
    if platform.get("operatingSystemFamily", "LINUX") != "LINUX":
        raise NotImplementedError(f"the operating system {platform['operatingSystemFamily']} of tasks")
