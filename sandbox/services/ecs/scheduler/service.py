"""The service scheduler: keep each service's tasks at the counts of its deployments.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from sandbox.control.context import Sandbox
from sandbox.services.ecs.deployment.engine import DeploymentEngine, TaskCounts
from sandbox.services.ecs.launch import Launch, all_tasks, launch
from sandbox.services.ecs.records.services import Deployment, Service
from sandbox.services.ecs.records.tasks import Task, now
from sandbox.services.ecs.scheduler import targets as ecs_targets
from sandbox.services.ecs.scheduler.rolling import Health, Member, Step, complete, step
from sandbox.services.ecs.scheduler.throttle import Throttle
from sandbox.services.ecs.tasks import task_tags

STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
#: how long a task without load balancer has to run before it desired_counts as healthy
SETTLING_MINUTES = 40 / 60


class ServiceScheduler:
    """Decide which tasks start and stop; agents do it. All of it runs under `state.lock`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._throttle = Throttle(sandbox.clock)
        self._engine = DeploymentEngine(sandbox)
        self._steady: dict[str, str] = {}  # service ARN -> what was reached

    def reconcile(self, backend: Any, service: Service) -> None:
        """Bring a service one step closer to its desired tasks."""
        tasks = [t for t in all_tasks(backend, service.cluster_name) if t.group == service.group]
        if service.status == "INACTIVE":
            return
        self._count_failures(service, tasks)
        live = [task for task in tasks if task.live]
        members = [self._member(service, task) for task in live]
        _update_counts(service, tasks)
        desired_counts = self._engine.step(service, _count_by_deployment(tasks, members))
        if desired_counts is None:
            self._roll(backend, service, live, members)
        else:
            for deployment in service.deployments:
                self._keep(backend, service, deployment, live, members, desired_counts.get(deployment.id, 0))
        self._conclude(service, tasks, members)

    def _roll(self, backend: Any, service: Service, live: list[Task], members: list[Member]) -> None:
        """Replace the tasks of other deployments by the primary's, some at a time."""
        configuration = service.settings["deploymentConfiguration"]
        desired = step(
            members,
            desired=service.desired_count,
            minimum_percent=configuration["minimumHealthyPercent"],
            maximum_percent=configuration["maximumPercent"],
        )
        self._apply(backend, service, service.primary, live, desired)

    def _keep(
        self,
        backend: Any,
        service: Service,
        deployment: Deployment,
        live: list[Task],
        members: list[Member],
        count: int,
    ) -> None:
        """Keep the number of tasks of one deployment, whatever the others have."""
        own = [t.id for t in live if t.started_by == deployment.id]
        group = [Member(m.id, True, m.health, m.zone) for m in members if m.id in own]
        desired = step(group, desired=count, minimum_percent=100, maximum_percent=200)
        deployment.desired_count = count
        self._apply(backend, service, deployment, live, desired)

    def _apply(self, backend: Any, service: Service, deployment: Deployment, live: list[Task], change: Step) -> None:
        self._stop(service, [task for task in live if task.id in change.stop])
        failed = deployment.rollout_state == "FAILED"
        if change.start and not failed and self._throttle.allows(deployment.id):
            self._start(backend, service, deployment, change.start)

    def _member(self, service: Service, task: Task) -> Member:
        current = task.started_by == service.primary.id
        return Member(task.id, current, self._health(service, task), task.zone)

    def _health(self, service: Service, task: Task) -> Health:
        if task.last_status != "RUNNING":
            return "starting"
        running = now() - task.moments["startedAt"]
        states = set(ecs_targets.health(self._sandbox.status, task).values())
        if "unhealthy" in states or "UNHEALTHY" in task.checks:
            grace = timedelta(seconds=service.settings["healthCheckGracePeriodSeconds"])
            return "unhealthy" if running >= grace else "starting"
        if not states and not task.checks:
            settled = self._sandbox.clock.seconds(SETTLING_MINUTES)
            return "healthy" if running >= timedelta(seconds=settled) else "starting"
        return "healthy" if states <= {"healthy"} and task.checks <= {"HEALTHY"} else "starting"

    def _start(self, backend: Any, service: Service, deployment: Deployment, count: int) -> None:
        desired = Launch(
            cluster=backend.clusters[service.cluster_name],
            definition=deployment.definition,
            network=deployment.network,
            group=service.group,
            started_by=deployment.id,
            strategy=deployment.strategy,
            overrides={},
            tags=_tags(service, deployment),
            execute_command=service.settings["enableExecuteCommand"],
            load_balancers=deployment.serving,
        )
        started = [launch(backend, desired).id for _ in range(count)]
        service.say(f"has started {count} tasks: {_listed(started)}.")

    def _stop(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            states = ecs_targets.health(self._sandbox.status, task)
            unhealthy = [arn for arn, state in states.items() if state == "unhealthy"]
            reason = f"Scaling activity initiated by (deployment {service.primary.id})"
            if self._health(service, task) == "unhealthy":
                _deployment(service, task).failed += 1
                if unhealthy:
                    service.say(f"(task {task.id}) is unhealthy in (target-group {unhealthy[0]}).")
                    reason = f"Task failed ELB health checks in (target-group {unhealthy[0]})"
                else:
                    service.say(f"(task {task.id}) failed container health checks.")
                    reason = "Task failed container health checks"
            task.stop("ServiceSchedulerInitiated", reason)
            if states:
                service.say("has begun draining connections on 1 tasks.")
        if tasks:
            ids = _listed([task.id for task in tasks])
            service.say(f"has stopped {len(tasks)} running tasks: {ids}.")

    def _count_failures(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            deployment = next((d for d in service.deployments if d.id == task.started_by), None)
            if deployment is None:
                continue
            if task.last_status == "RUNNING":
                self._throttle.started(deployment.id)
            elif task.stop_code == "TaskFailedToStart" and self._throttle.failed(deployment.id, task.id):
                deployment.failed += 1
                service.say(f"(task {task.id}) failed to start: {task.stopped_reason}")
                if self._throttle.struggling(deployment.id):
                    service.say("is unable to consistently start tasks successfully.")

    def _conclude(self, service: Service, tasks: list[Task], members: list[Member]) -> None:
        remaining = Counter(t.started_by for t in tasks if t.last_status != "STOPPED")
        if service.status == "DRAINING" and not remaining:
            service.status, service.deleted_at = "INACTIVE", now()
            service.deployments = [service.primary]
            return
        service.deployments = [d for d in service.deployments if d.status == "PRIMARY" or remaining[d.id]]
        shifting = service.rollout and service.rollout.ongoing and service.rollout.shifting
        if shifting or len(service.deployments) > 1 or not complete(members, service.desired_count):
            self._steady.pop(service.arn, None)
            return
        primary = service.primary
        if primary.rollout_state != "COMPLETED":
            primary.rollout_state, primary.failed, primary.updated_at = "COMPLETED", 0, now()
            service.say(f"(deployment {primary.id}) deployment completed.")
        if self._steady.get(service.arn) != primary.id:
            self._steady[service.arn] = primary.id
            service.say("has reached a steady state.")


def _count_by_deployment(tasks: list[Task], members: list[Member]) -> TaskCounts:
    healthy = {m.id for m in members if m.health == "healthy"}
    return TaskCounts(
        healthy=Counter(t.started_by for t in tasks if t.id in healthy),
        live=Counter(t.started_by for t in tasks if t.live),
        remaining=Counter(t.started_by for t in tasks if t.last_status != "STOPPED"),
    )


def _update_counts(service: Service, tasks: list[Task]) -> None:
    for deployment in service.deployments:
        own = [task for task in tasks if task.live and task.started_by == deployment.id]
        deployment.running = sum(task.last_status == "RUNNING" for task in own)
        deployment.pending = sum(task.last_status in STARTING for task in own)
        if deployment.status != "PRIMARY":
            deployment.desired_count = len(own)


def _deployment(service: Service, task: Task) -> Deployment:
    found = (d for d in service.deployments if d.id == task.started_by)
    return next(found, service.primary)


def _tags(service: Service, deployment: Deployment) -> list[dict[str, str]]:
    """Return the tags of a service's task.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
    """
    managed = {
        "aws:ecs:clusterName": service.cluster_name,
        "aws:ecs:serviceName": service.name,
    }
    propagate = service.settings["propagateTags"]
    return task_tags(
        deployment.definition,
        service.tags if propagate == "SERVICE" else [],
        propagate=propagate,
        managed=managed if service.settings["enableECSManagedTags"] else {},
    )


def _listed(ids: list[str]) -> str:
    return " ".join(f"(task {one})" for one in ids)
