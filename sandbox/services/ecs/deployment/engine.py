"""The deployment engine: carry out service deployments, as `stages` decides.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.control.context import Sandbox
from sandbox.services.ecs import circuit_breaker
from sandbox.services.ecs.deployment import traffic as ecs_traffic
from sandbox.services.ecs.deployment.stages import (
    Observation,
    PlannedStage,
    RollBack,
    decide,
    plan_rollback,
    plan_stages,
)
from sandbox.services.ecs.deployment_configuration import timeout_of
from sandbox.services.ecs.deployment_events import deployment_changed, hook_changed
from sandbox.services.ecs.records.deployments import Hook, Rollback, ServiceDeployment, expiry, revision_arn
from sandbox.services.ecs.records.services import Deployment, Service
from sandbox.services.ecs.records.tasks import now

TRIPPED = "the circuit breaker threshold was exceeded."
NO_CANDIDATE = "No rollback candidate was found to run the rollback."

log = logging.getLogger("sandbox")


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Number of tasks by deployment id: healthy ones, ones that are to run, ones that have not stopped."""

    healthy: Counter[str]
    live: Counter[str]
    remaining: Counter[str]


class DeploymentEngine:
    """Carry out the services' deployments. All of it runs under `state.lock`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._plans: dict[str, tuple[PlannedStage, ...]] = {}
        self._healthy: dict[str, int] = {}  # by rollout, while it replaces task by task

    def step(self, service: Service, counts: TaskCounts) -> Mapping[str, int] | None:
        """Advance the service's deployment by one step.

        Returns how many tasks each of its revisions shall have; None: replace task by task.
        """
        for past in service.rollouts[:-1]:
            if past.ongoing:
                past.enter("STOPPED")
        rollout = service.rollout
        if rollout is None or service.status != "ACTIVE":
            if rollout and rollout.ongoing:
                rollout.enter("STOPPED", "Service deployment stopped because the service was deleted.")
            return None
        if not rollout.shifting:
            if rollout.ongoing:
                self._follow_rolling(service, rollout, counts)
            return None
        if rollout.ongoing:
            self._shift(service, rollout, counts)
        return self._desired(service, rollout, counts)

    def roll_back(self, service: Service, rollout: ServiceDeployment, reason: str) -> None:
        """Roll back to the previous revision, or stop if there is none."""
        source, target = rollout.source, rollout.target
        target.rollout_state = "FAILED"
        deployment_changed(service, target.id, "FAILED", reason)
        for hook in rollout.hooks:
            if hook.status == "AWAITING_ACTION":
                hook.status = "FAILED"
        if source is None:
            rollout.enter("STOPPED", f"{reason} {NO_CANDIDATE}")
            return
        target.status, source.status = "ACTIVE", "PRIMARY"
        source.rollout_state, source.desired_count, source.updated_at = "IN_PROGRESS", service.desired_count, now()
        service.deployments = [source, *(d for d in service.deployments if d is not source)]
        rollout.enter("ROLLBACK_IN_PROGRESS", reason)
        rollout.rollback = Rollback(reason=reason, revision_arn=revision_arn(service.arn, source))
        deployment_changed(service, source.id, "IN_PROGRESS", f"ECS deployment rolled back: {reason}")
        if rollout.shifting and rollout.stage_index is None:
            self._finish(service, rollout)  # nothing was touched, so nothing has to be put back
        elif rollout.shifting and rollout.stage_index is not None:
            drained = not self._plans[rollout.id][rollout.stage_index].blue
            self._plans[rollout.id] = plan_rollback(drained=drained)
            self._enter(service, rollout, 0)

    # Traffic from one target group to the other

    def _shift(self, service: Service, rollout: ServiceDeployment, counts: TaskCounts) -> None:
        if rollout.status == "PENDING":
            self._begin(service, rollout, counts)
        match rollout.status:
            case "STOP_REQUESTED":
                rollout.enter("STOPPED")
            case "ROLLBACK_REQUESTED":
                self.roll_back(service, rollout, rollout.reason or "")
            case "IN_PROGRESS" if self._alarmed(service, rollout):
                return
            case _:
                while rollout.ongoing and self._advance(service, rollout, counts):
                    pass

    def _begin(self, service: Service, rollout: ServiceDeployment, counts: TaskCounts) -> None:
        known = (rollout.source, rollout.target)
        stale = any(counts.remaining[d.id] for d in service.deployments if d not in known)
        reconcile = stale and rollout.source is not None
        error = ecs_traffic.prepare(self._sandbox.state, service, rollout, reconcile=reconcile)
        self._start(service, rollout)
        if error:
            self.roll_back(service, rollout, error)
            return
        self._plans[rollout.id] = plan_stages(
            rollout.configuration, self._sandbox.clock.seconds, first=rollout.source is None, reconcile=reconcile
        )
        self._enter(service, rollout, 0)

    def _advance(self, service: Service, rollout: ServiceDeployment, counts: TaskCounts) -> bool:
        """Decide about the present stage; return whether the next one was entered."""
        stages, index = self._plans[rollout.id], rollout.stage_index or 0
        decision = decide(stages[index], self._observe(service, rollout, counts), self._sandbox.clock.seconds)
        if isinstance(decision, RollBack):
            self.roll_back(service, rollout, decision.reason)
            return False
        if decision == "stay":
            return False
        if index + 1 < len(stages):
            self._enter(service, rollout, index + 1)
            return True
        self._finish(service, rollout)
        return False

    def _enter(self, service: Service, rollout: ServiceDeployment, index: int) -> None:
        planned = self._plans[rollout.id][index]
        rollout.stage_index, rollout.stage = index, planned.stage
        rollout.stage_entered_at = rollout.updated_at = now()
        if planned.production is not None:
            ecs_traffic.shift(self._sandbox.state, service, rollout, "production", planned.production)
            rollout.production = planned.production
        if planned.test is not None:
            ecs_traffic.shift(self._sandbox.state, service, rollout, "test", planned.test)
            rollout.test = planned.test
        log.info("%s: %s, %g %% of production traffic", rollout.arn, planned.stage, rollout.production)
        if rollout.status != "IN_PROGRESS":
            return
        for configured in rollout.configuration.get("lifecycleHooks") or ():
            if planned.stage in configured["lifecycleStages"]:
                minutes, action = timeout_of(configured)
                hook = Hook(planned.stage, index, expiry(self._sandbox.clock.seconds(minutes)), action)
                rollout.hooks.append(hook)
                hook_changed(service, rollout, hook)

    def _observe(self, service: Service, rollout: ServiceDeployment, counts: TaskCounts) -> Observation:
        hooks = [
            hook
            for hook in rollout.hooks
            if hook.stage_index == rollout.stage_index and rollout.status == "IN_PROGRESS"
        ]
        for hook in hooks:
            if hook.status == "AWAITING_ACTION" and now() >= hook.expires_at:
                hook.status = "TIMED_OUT"
                hook_changed(service, rollout, hook)
        desired = self._desired(service, rollout, counts)
        source, count = rollout.source, service.desired_count
        return Observation(
            seconds=(now() - rollout.stage_entered_at).total_seconds(),
            green_healthy=counts.healthy[rollout.target.id] >= count,
            blue_healthy=source is None or counts.healthy[source.id] >= count,
            others_gone=not any(counts.remaining[d.id] for d in service.deployments if not desired.get(d.id)),
            hooks=[(hook.status, hook.timeout_action) for hook in hooks],
            alarms=rollout.alarms.triggered if rollout.status == "IN_PROGRESS" else (),
        )

    def _desired(self, service: Service, rollout: ServiceDeployment, counts: TaskCounts) -> dict[str, int]:
        source, target, count = rollout.source, rollout.target, service.desired_count
        stages = self._plans.get(rollout.id)
        if rollout.status == "SUCCESSFUL":
            return {target.id: count}
        if stages is None or rollout.status == "ROLLBACK_SUCCESSFUL":
            return {source.id: count} if source else {}
        planned = stages[rollout.stage_index or 0]
        desired = {d.id: counts.live[d.id] for d in service.deployments} if planned.stale else {}
        desired[target.id] = count if planned.green else 0
        if source:
            desired[source.id] = count if planned.blue else 0
        return desired

    # Task by task

    def _follow_rolling(self, service: Service, rollout: ServiceDeployment, counts: TaskCounts) -> None:
        """Update the deployment's status from the rolling scheduler and the circuit breaker."""
        target = rollout.target
        settled = len(service.deployments) == 1 and service.primary.rollout_state == "COMPLETED"
        match rollout.status:
            case "PENDING":
                self._start(service, rollout)
            case "STOP_REQUESTED":
                rollout.enter("STOPPED")
            case "ROLLBACK_REQUESTED":
                self.roll_back(service, rollout, rollout.reason or "")
            case "ROLLBACK_IN_PROGRESS" if settled:
                rollout.enter("ROLLBACK_SUCCESSFUL")
            case "IN_PROGRESS" if self._alarmed(service, rollout):
                return
            case "IN_PROGRESS" if self._trip_breaker(service, rollout, counts):
                return
            case "IN_PROGRESS" if rollout.alarms.triggered:
                self.roll_back(service, rollout, _alarm_reason(rollout.alarms.triggered))
            case "IN_PROGRESS" if settled and service.primary is target:
                if rollout.stage != "BAKE_TIME":
                    rollout.stage, rollout.stage_entered_at = "BAKE_TIME", now()
                baked = self._sandbox.clock.seconds(rollout.configuration["bakeTimeInMinutes"])
                if (now() - rollout.stage_entered_at).total_seconds() >= baked:
                    self._finish(service, rollout)

    def _trip_breaker(self, service: Service, rollout: ServiceDeployment, counts: TaskCounts) -> bool:
        """Return whether the circuit breaker ended the deployment, with a rollback if one is configured.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
        """
        configuration, target = rollout.configuration, rollout.target
        if not circuit_breaker.enabled(configuration):
            return False
        breaker, healthy = configuration["deploymentCircuitBreaker"], counts.healthy[target.id]
        if healthy > self._healthy.get(rollout.id, 0) and breaker.get("resetOnHealthyTask", True):
            target.failed = 0
        self._healthy[rollout.id] = healthy
        if target.failed < circuit_breaker.threshold(configuration, service.desired_count):
            return False
        rollout.tripped = True
        service.say(f"(deployment {target.id}) deployment failed: tasks failed to start.")
        if breaker.get("rollback"):
            self.roll_back(service, rollout, f"Service deployment rolled back because {TRIPPED}")
            return True
        target.rollout_state = "FAILED"
        rollout.enter("STOPPED", f"Service deployment stopped because {TRIPPED}")
        deployment_changed(service, target.id, "FAILED", rollout.reason or "")
        return True

    # Both

    def _start(self, service: Service, rollout: ServiceDeployment) -> None:
        rollout.enter("IN_PROGRESS")
        rollout.started_at = now()
        rollout.alarms.ignored = bool(self._firing(service, rollout))
        deployment_changed(
            service, rollout.target.id, "IN_PROGRESS", f"ECS deployment {rollout.target.id} in progress."
        )

    def _finish(self, service: Service, rollout: ServiceDeployment) -> None:
        back = rollout.status == "ROLLBACK_IN_PROGRESS"
        deployment = (rollout.source or rollout.target) if back else rollout.target
        rollout.enter("ROLLBACK_SUCCESSFUL" if back else "SUCCESSFUL")
        self._complete(service, deployment)

    def _complete(self, service: Service, deployment: Deployment) -> None:
        service.stable = deployment
        if deployment.rollout_state != "COMPLETED":
            deployment.rollout_state, deployment.failed, deployment.updated_at = "COMPLETED", 0, now()
            service.say(f"(deployment {deployment.id}) deployment completed.")
        deployment_changed(service, deployment.id, "COMPLETED", f"ECS deployment {deployment.id} completed.")

    def _alarmed(self, service: Service, rollout: ServiceDeployment) -> bool:
        """Record the alarms in ALARM; return whether they stopped the deployment, as without rollback."""
        if rollout.alarms.active:
            rollout.alarms.triggered = rollout.alarms.triggered or self._firing(service, rollout)
        if not rollout.alarms.triggered or rollout.alarms.rollback or rollout.stage == "CLEAN_UP":
            return False
        reason = _alarm_reason(rollout.alarms.triggered)
        rollout.enter("STOPPED", reason)
        deployment_changed(service, rollout.target.id, "FAILED", reason)
        return True

    def _firing(self, service: Service, rollout: ServiceDeployment) -> list[str]:
        known = self._sandbox.state.backend("cloudwatch", service.account, service.region).alarms
        return [name for name in rollout.alarms.names if name in known and known[name].state_value == "ALARM"]


def _alarm_reason(alarms: list[str]) -> str:
    return f"Service deployment rolled back because of CloudWatch alarms: {', '.join(alarms)}."
