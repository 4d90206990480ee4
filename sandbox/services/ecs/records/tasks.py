"""Records of task definitions and tasks, kept in moto's ECS backends.

moto's own classes drop half of what AWS returns, so these take their places in its dictionaries. `describe` returns the
shapes Task, Container and TaskDefinition. Controllers write statuses into the same objects. All of them are guarded by
`state.lock`. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]
Tags = list[dict[str, str]]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Definition:
    """A revision of a task definition. `document`: what was registered, with AWS's defaults."""

    arn: str
    family: str
    revision: int
    document: Document
    tags: Tags
    registered_by: str
    status: str = "ACTIVE"
    registered_at: datetime = field(default_factory=now)
    deregistered_at: datetime | None = None

    @property
    def containers(self) -> list[Document]:
        found: list[Document] = self.document["containerDefinitions"]
        return found

    def describe(self) -> Document:
        return present(
            **self.document,
            taskDefinitionArn=self.arn,
            family=self.family,
            revision=self.revision,
            status=self.status,
            registeredAt=self.registered_at,
            registeredBy=self.registered_by,
            deregisteredAt=self.deregistered_at,
        )


@dataclass(slots=True)
class Container:
    """A container of a task. `definition` includes the task's overrides."""

    arn: str
    definition: Document
    last_status: str = "PENDING"
    exit_code: int | None = None
    reason: str | None = None
    image_digest: str | None = None
    runtime_id: str | None = None
    health: str = "UNKNOWN"

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def essential(self) -> bool:
        return bool(self.definition.get("essential", True))


@dataclass(slots=True)
class Interface:
    """The network interface of a task in awsvpc mode."""

    attachment_id: str
    id: str
    address: str
    mac: str
    dns_name: str
    status: str = "ATTACHED"


@dataclass(slots=True, kw_only=True)
class Task:
    """A task. A service's task has its deployment's id in `started_by`."""

    id: str
    task_arn: str
    account: str
    region: str
    cluster_name: str
    cluster_arn: str
    definition: Definition
    group: str
    started_by: str
    launch_type: str
    capacity_provider: str | None
    platform_version: str
    network: Document
    subnet: str
    zone: str
    overrides: Document
    tags: Tags
    execute_command: bool
    load_balancers: list[Document]
    containers: list[Container] = field(default_factory=list)
    interface: Interface | None = None
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    version: int = 1
    stop_code: str | None = None
    stopped_reason: str | None = None
    created_at: datetime = field(default_factory=now)
    moments: dict[str, datetime] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return self.task_arn

    @property
    def live(self) -> bool:
        """Return whether the task is to run, and is not known to have ended."""
        return self.desired_status == "RUNNING"

    @property
    def checks(self) -> set[str]:
        """Return the health of the essential containers that have a health check."""
        return {c.health for c in self.containers if c.essential and c.definition.get("healthCheck")}

    @property
    def health(self) -> str:
        """Return the worst health of the essential containers.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
        """
        found = {c.health for c in self.containers if c.essential}
        return next((one for one in ("UNHEALTHY", "UNKNOWN") if one in found), "HEALTHY")

    def setting(self, name: str) -> str | None:
        """Return a task-level setting (taskRoleArn, cpu, ...): the override, else the definition's."""
        return self.overrides.get(name) or self.definition.document.get(name)

    def moment(self, name: str) -> None:
        """Record the first time of an event: startedAt, stoppingAt, ..."""
        self.moments.setdefault(name, now())

    def enter(self, status: str) -> None:
        """Go to the next status of the lifecycle.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
        """
        self.last_status = status
        self.version += 1

    def stop(self, code: str, reason: str) -> None:
        """Request the end of the task; the first reason is kept."""
        if self.live:
            self.desired_status, self.stop_code, self.stopped_reason = "STOPPED", code, reason
            self.moment("stoppingAt")
            self.version += 1

    def describe(self) -> Document:
        document = self.definition.document
        return present(
            taskArn=self.task_arn,
            clusterArn=self.cluster_arn,
            taskDefinitionArn=self.definition.arn,
            attachments=[self._attachment()],
            attributes=[{"name": "ecs.cpu-architecture", "value": _architecture(document)}],
            availabilityZone=self.zone,
            capacityProviderName=self.capacity_provider,
            connectivity="CONNECTED" if "connectivityAt" in self.moments else None,
            containers=[self._container(container) for container in self.containers],
            cpu=self.setting("cpu"),
            memory=self.setting("memory"),
            createdAt=self.created_at,
            desiredStatus=self.desired_status,
            lastStatus=self.last_status,
            enableExecuteCommand=self.execute_command,
            group=self.group,
            healthStatus=self.health,
            inferenceAccelerators=[],
            launchType=self.launch_type,
            overrides={"inferenceAcceleratorOverrides": [], "containerOverrides": []} | self.overrides,
            platformVersion=self.platform_version,
            platformFamily="Linux",
            startedBy=self.started_by or None,
            stopCode=self.stop_code,
            stoppedReason=self.stopped_reason,
            tags=self.tags,
            version=self.version,
            ephemeralStorage=self.setting("ephemeralStorage") or {"sizeInGiB": 20},
            **self.moments,
        )

    def _attachment(self) -> Document:
        details = {"subnetId": self.subnet}
        status = "PRECREATED"
        identity = self.id
        if self.interface:
            identity, status = self.interface.attachment_id, self.interface.status
            details |= {
                "networkInterfaceId": self.interface.id,
                "macAddress": self.interface.mac,
                "privateDnsName": self.interface.dns_name,
                "privateIPv4Address": self.interface.address,
            }
        return {
            "id": identity,
            "type": "ElasticNetworkInterface",
            "status": status,
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }

    def _container(self, container: Container) -> Document:
        definition = container.definition
        interfaces = (
            [
                {
                    "attachmentId": self.interface.attachment_id,
                    "privateIpv4Address": self.interface.address,
                }
            ]
            if self.interface
            else []
        )
        return present(
            containerArn=container.arn,
            taskArn=self.task_arn,
            name=container.name,
            image=definition["image"],
            imageDigest=container.image_digest,
            runtimeId=container.runtime_id,
            lastStatus=container.last_status,
            exitCode=container.exit_code,
            reason=container.reason,
            networkBindings=[],
            networkInterfaces=interfaces,
            healthStatus=container.health,
            cpu=str(definition.get("cpu", 0)),
            memory=_text(definition.get("memory")),
            memoryReservation=_text(definition.get("memoryReservation")),
        )


def present(**fields: Any) -> Document:
    """Return the fields that have a value: AWS omits what is not set."""
    return {name: value for name, value in fields.items() if value is not None}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _architecture(document: Document) -> str:
    found = (document.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64")
    return str(found).lower()
