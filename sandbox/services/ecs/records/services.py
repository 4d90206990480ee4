"""Records of services and their deployments, in the shapes Service and Deployment.

Guarded by `state.lock`. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.services.ecs.records.deployments import ServiceDeployment, revision_arn
from sandbox.services.ecs.records.tasks import Definition, Document, Tags, now, present


@dataclass(slots=True, kw_only=True)
class Deployment:
    """One revision of a service: what its tasks run, and the state of its rollout.

    `serving`: its load balancers with the target groups that it uses, which alternate.
    """

    definition: Definition
    desired_count: int
    launch_type: str | None
    strategy: list[Document]
    platform_version: str
    network: Document
    load_balancers: list[Document]
    serving: list[Document] = field(default_factory=list)
    id: str = field(default_factory=lambda: f"ecs-svc/{secrets.randbelow(10**19):019d}")
    status: str = "PRIMARY"
    rollout_state: str = "IN_PROGRESS"
    running: int = 0
    pending: int = 0
    failed: int = 0
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    def describe(self) -> Document:
        said = {"COMPLETED": "completed", "IN_PROGRESS": "in progress", "FAILED": "failed"}[self.rollout_state]
        return present(
            id=self.id,
            status=self.status,
            taskDefinition=self.definition.arn,
            desiredCount=self.desired_count,
            pendingCount=self.pending,
            runningCount=self.running,
            failedTasks=self.failed,
            createdAt=self.created_at,
            updatedAt=self.updated_at,
            capacityProviderStrategy=self.strategy or None,
            launchType=None if self.strategy else self.launch_type,
            platformVersion=self.platform_version,
            platformFamily="Linux",
            networkConfiguration=self.network,
            rolloutState=self.rollout_state,
            rolloutStateReason=f"ECS deployment {self.id} {said}.",
        )


@dataclass(slots=True, kw_only=True)
class Service:
    """A service. `settings`: the API's fields that ECS only keeps and returns."""

    name: str
    arn: str
    account: str
    region: str
    cluster_name: str
    cluster_arn: str
    desired_count: int
    settings: Document
    tags: Tags
    deployments: list[Deployment]
    rollouts: list[ServiceDeployment] = field(default_factory=list)
    revisions: list[Deployment] = field(default_factory=list)
    stable: Deployment | None = None  # the revision that was last rolled out to the end
    status: str = "ACTIVE"
    events: list[Document] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    deleted_at: datetime | None = None

    @property
    def physical_resource_id(self) -> str:
        return self.arn

    @property
    def group(self) -> str:
        return f"service:{self.name}"

    @property
    def primary(self) -> Deployment:
        return next(d for d in self.deployments if d.status == "PRIMARY")

    @property
    def rollout(self) -> ServiceDeployment | None:
        """Return the latest service deployment, ongoing or not."""
        return self.rollouts[-1] if self.rollouts else None

    def say(self, message: str) -> None:
        """Add a service event; ECS keeps the latest hundred.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html
        """
        event = {
            "id": str(uuid.uuid4()),
            "createdAt": now(),
            "message": f"(service {self.name}) {message}",
        }
        self.events = [event, *self.events][:100]

    def describe(self) -> Document:
        primary = self.primary
        return present(
            **self.settings,
            serviceArn=self.arn,
            serviceName=self.name,
            clusterArn=self.cluster_arn,
            status=self.status,
            desiredCount=self.desired_count,
            runningCount=sum(d.running for d in self.deployments),
            pendingCount=sum(d.pending for d in self.deployments),
            taskDefinition=primary.definition.arn,
            launchType=None if primary.strategy else primary.launch_type,
            capacityProviderStrategy=primary.strategy or None,
            platformFamily="Linux",
            networkConfiguration=primary.network,
            loadBalancers=primary.load_balancers,
            deployments=[d.describe() for d in self.deployments] if self.status != "INACTIVE" else [],
            roleArn=f"arn:aws:iam::{self.account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
            events=self.events,
            currentServiceDeployment=self.rollout.arn if self.rollout else None,  # ended or not
            currentServiceRevisions=[
                {
                    "arn": revision_arn(self.arn, d),
                    "requestedTaskCount": d.desired_count,
                    "runningTaskCount": d.running,
                    "pendingTaskCount": d.pending,
                }
                for d in self.deployments
            ],
            createdAt=self.created_at,
            placementConstraints=[],
            placementStrategy=[],
            serviceRegistries=[],
            tags=self.tags,
        )
