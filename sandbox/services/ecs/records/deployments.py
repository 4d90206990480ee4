"""Records of service deployments, in the shapes ServiceDeployment and ServiceRevision.

Guarded by `state.lock`. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.services.ecs import circuit_breaker
from sandbox.services.ecs.records.tasks import Document, now, present

if TYPE_CHECKING:
    from sandbox.services.ecs.records.services import Deployment, Service

ONGOING = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
_ALPHABET = string.ascii_letters + string.digits + "_-"


@dataclass(slots=True)
class Hook:
    """A PAUSE hook that was reached. stage_index: its stage among the planned ones.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
    """

    stage: str
    stage_index: int
    expires_at: datetime
    timeout_action: str = "ROLLBACK"
    status: str = "AWAITING_ACTION"
    id: str = field(default_factory=lambda: f"ecs-pause-{secrets.token_urlsafe(32)}")

    def describe(self) -> Document:
        return {
            "hookId": self.id,
            "targetType": "PAUSE",
            "status": self.status,
            "expiresAt": self.expires_at,
            "timeoutAction": self.timeout_action,
        }


@dataclass(slots=True, kw_only=True)
class Rollback:
    """A rollback to a revision: its reason and its start."""

    reason: str
    revision_arn: str
    started_at: datetime = field(default_factory=now)


@dataclass(slots=True)
class AlarmWatch:
    """The alarms of a deployment. `ignored`: one was in ALARM already when it began."""

    names: list[str] = field(default_factory=list)
    rollback: bool = False
    ignored: bool = False
    triggered: list[str] = field(default_factory=list)

    @property
    def active(self) -> bool:
        return bool(self.names) and not self.ignored


@dataclass(slots=True, kw_only=True)
class ServiceDeployment:
    """A deployment of `target` in place of `source`. Percentages of traffic are the target's.

    stage_index: the present stage among the planned ones; None before the deployment begins.
    """

    service_arn: str
    cluster_arn: str
    target: Deployment
    source: Deployment | None
    configuration: Document
    alarms: AlarmWatch = field(default_factory=AlarmWatch)
    tripped: bool = False  # the circuit breaker
    id: str = field(default_factory=lambda: "".join(secrets.choice(_ALPHABET) for _ in range(21)))
    status: str = "PENDING"
    reason: str | None = None
    stage: str | None = None
    stage_index: int | None = None
    stage_entered_at: datetime = field(default_factory=now)
    production: float = 0.0
    test: float = 0.0
    hooks: list[Hook] = field(default_factory=list)
    rollback: Rollback | None = None
    created_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    updated_at: datetime = field(default_factory=now)

    @property
    def arn(self) -> str:
        return f"{self.service_arn.replace(':service/', ':service-deployment/')}/{self.id}"

    @property
    def ongoing(self) -> bool:
        return self.status in ONGOING

    @property
    def shifting(self) -> bool:
        """Return whether it moves traffic between two target groups, rather than replace task by task."""
        return bool(self.configuration["strategy"] != "ROLLING")

    def enter(self, status: str, reason: str | None = None) -> None:
        """Change the status; a reason stays until another is given."""
        self.status, self.updated_at = status, now()
        self.reason = reason or self.reason
        if not self.ongoing:
            self.finished_at = self.updated_at
            self.stage = None
            self.hooks = [hook for hook in self.hooks if hook.status != "AWAITING_ACTION"]
        if status == "STOPPED":
            self.stopped_at = self.updated_at

    def hook(self, identity: str) -> Hook | None:
        """Return the hook of that id, if it awaits an action."""
        return next((h for h in self.hooks if h.id == identity and h.status == "AWAITING_ACTION"), None)

    def describe(self) -> Document:
        sources = [self.source] if self.source else []
        return present(
            **self._summary(),
            stoppedAt=self.stopped_at,
            updatedAt=self.updated_at,
            sourceServiceRevisions=[self._revision(one, 100 - self.production, 100 - self.test) for one in sources],
            targetServiceRevision=self._revision(self.target, self.production, self.test),
            lifecycleStage=self.stage,
            lifecycleHookDetails=[hook.describe() for hook in self.hooks],
            deploymentConfiguration=self.configuration,
            rollback=present(
                reason=self.rollback.reason,
                startedAt=self.rollback.started_at,
                serviceRevisionArn=self.rollback.revision_arn,
            )
            if self.rollback
            else None,
            deploymentCircuitBreaker=present(
                status=self._breaker_status(),
                failureCount=self.target.failed,
                threshold=circuit_breaker.threshold(self.configuration, self.target.desired_count),
            ),
            alarms=present(
                status=self._alarm_status(),
                alarmNames=self.alarms.names,
                triggeredAlarmNames=self.alarms.triggered or None,
            ),
        )

    def brief(self) -> Document:
        """Return the deployment as ListServiceDeployments has it."""
        return present(**self._summary(), targetServiceRevisionArn=revision_arn(self.service_arn, self.target))

    def _summary(self) -> Document:
        return present(
            serviceDeploymentArn=self.arn,
            serviceArn=self.service_arn,
            clusterArn=self.cluster_arn,
            createdAt=self.created_at,
            startedAt=self.started_at,
            finishedAt=self.finished_at,
            status=self.status,
            statusReason=self.reason,
        )

    def _revision(self, deployment: Deployment, production: float, test: float) -> Document:
        return present(
            arn=revision_arn(self.service_arn, deployment),
            requestedTaskCount=deployment.desired_count,
            runningTaskCount=deployment.running,
            pendingTaskCount=deployment.pending,
            requestedProductionTrafficWeight=production if self.shifting else None,
            requestedTestTrafficWeight=test if self.shifting else None,
        )

    def _breaker_status(self) -> str:
        if not circuit_breaker.enabled(self.configuration):
            return "DISABLED"
        if self.tripped:
            return "TRIGGERED"
        return "MONITORING" if self.ongoing else "MONITORING_COMPLETE"

    def _alarm_status(self) -> str:
        if not self.alarms.active:
            return "DISABLED"
        if self.alarms.triggered:
            return "TRIGGERED"
        return "MONITORING" if self.ongoing else "MONITORING_COMPLETE"


def begin(service: Service, target: Deployment) -> ServiceDeployment:
    """Record that a deployment of `target` is due; a deployment under way is stopped by it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
    """
    if (current := service.rollout) and current.ongoing:
        current.enter("STOP_REQUESTED", "Service deployment stopped because a new service deployment was started.")
    configuration = service.settings["deploymentConfiguration"]
    alarms = configuration.get("alarms") or {}
    rollout = ServiceDeployment(
        service_arn=service.arn,
        cluster_arn=service.cluster_arn,
        target=target,
        source=service.stable,
        configuration=configuration,
        alarms=AlarmWatch(alarms["alarmNames"], alarms["rollback"]) if alarms.get("enable") else AlarmWatch(),
    )
    service.rollouts.append(rollout)
    service.revisions.append(target)
    return rollout


def revision_arn(service_arn: str, deployment: Deployment) -> str:
    """Return the ARN of a revision, which has the number of its deployment."""
    return f"{service_arn.replace(':service/', ':service-revision/')}/{deployment.id.partition('/')[2]}"


def describe_revision(service: Service, revision: Deployment) -> Document:
    """Describe a revision; `resolvedConfiguration` has the target groups that it serves from."""
    rules = [(lb.get("advancedConfiguration") or {}).get("productionListenerRule") for lb in revision.load_balancers]
    resolved = [
        present(targetGroupArn=lb.get("targetGroupArn"), productionListenerRule=rule)
        for lb, rule in zip(revision.serving, rules, strict=True)
    ]
    return present(
        serviceRevisionArn=revision_arn(service.arn, revision),
        serviceArn=service.arn,
        clusterArn=service.cluster_arn,
        taskDefinition=revision.definition.arn,
        capacityProviderStrategy=revision.strategy or None,
        launchType=None if revision.strategy else revision.launch_type,
        platformVersion=revision.platform_version,
        platformFamily="Linux",
        loadBalancers=revision.load_balancers,
        networkConfiguration=revision.network,
        containerImages=[
            present(containerName=c["name"], image=c["image"], imageDigest=c["image"].partition("@")[2] or None)
            for c in revision.definition.containers
        ],
        guardDutyEnabled=False,
        createdAt=revision.created_at,
        resolvedConfiguration={"loadBalancers": resolved} if resolved else None,
    )


def expiry(seconds: float) -> datetime:
    """Return the time so many real seconds from now."""
    return now() + timedelta(seconds=seconds)
