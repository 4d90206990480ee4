"""The service scheduler: keeps each service's tasks at what its deployments say.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from sandbox.api.ecs_launch import Launch, all_tasks, launch
from sandbox.api.ecs_records import Task, now
from sandbox.api.ecs_service_records import Deployment, Service
from sandbox.api.ecs_tasks import task_tags
from sandbox.controllers import ecs_targets
from sandbox.controllers.context import Sandbox
from sandbox.controllers.ecs_rolling import Health, Member, complete, step
from sandbox.controllers.ecs_throttle import Throttle

STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
#: how long a task without load balancer has to run before it counts as healthy
SETTLING_MINUTES = 40 / 60


class ServiceScheduler:
    """Decides; agents carry out. Everything here happens under `state.lock`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._throttle = Throttle(sandbox.clock)
        self._steady: dict[str, str] = {}  # service ARN -> what was reached

    def look(self, backend: Any, service: Service) -> None:
        """Bring a service one step further."""
        tasks = [t for t in all_tasks(backend, service.cluster_name) if t.group == service.group]
        if service.status == "INACTIVE":
            return
        self._notice_failures(service, tasks)
        live = [task for task in tasks if task.live]
        members = [self._member(service, task) for task in live]
        configuration = service.settings["deploymentConfiguration"]
        wanted = step(
            members,
            desired=service.desired_count,
            minimum_percent=configuration["minimumHealthyPercent"],
            maximum_percent=configuration["maximumPercent"],
        )
        self._stop(service, [task for task in live if task.id in wanted.stop])
        if wanted.start and self._throttle.allows(service.primary.id):
            self._start(backend, service, wanted.start)
        _count(service, tasks)
        self._conclude(service, tasks, members)

    def _member(self, service: Service, task: Task) -> Member:
        current = task.started_by == service.primary.id
        return Member(task.id, current, self._health(service, task), task.zone)

    def _health(self, service: Service, task: Task) -> Health:
        if task.last_status != "RUNNING":
            return "starting"
        running = now() - task.moments["startedAt"]
        states = ecs_targets.health(self._sandbox.status, task)
        if not states:
            settled = self._sandbox.clock.seconds(SETTLING_MINUTES)
            return "healthy" if running >= timedelta(seconds=settled) else "starting"
        grace = timedelta(seconds=service.settings["healthCheckGracePeriodSeconds"])
        if "unhealthy" in states.values() and running >= grace:
            return "unhealthy"
        return "healthy" if set(states.values()) == {"healthy"} else "starting"

    def _start(self, backend: Any, service: Service, count: int) -> None:
        primary = service.primary
        wanted = Launch(
            cluster=backend.clusters[service.cluster_name],
            definition=primary.definition,
            network=primary.network,
            group=service.group,
            started_by=primary.id,
            strategy=primary.strategy,
            overrides={},
            tags=_tags(service, primary),
            execute_command=service.settings["enableExecuteCommand"],
            load_balancers=primary.load_balancers,
        )
        started = [launch(backend, wanted).id for _ in range(count)]
        service.say(f"has started {count} tasks: {_listed(started)}.")

    def _stop(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            states = ecs_targets.health(self._sandbox.status, task)
            ill = [arn for arn, state in states.items() if state == "unhealthy"]
            if ill and self._health(service, task) == "unhealthy":
                _deployment(service, task).failed += 1
                service.say(f"(task {task.id}) is unhealthy in (target-group {ill[0]}).")
                reason = f"Task failed ELB health checks in (target-group {ill[0]})"
            else:
                reason = f"Scaling activity initiated by (deployment {service.primary.id})"
            task.stop("ServiceSchedulerInitiated", reason)
            if states:
                service.say("has begun draining connections on 1 tasks.")
        if tasks:
            ids = _listed([task.id for task in tasks])
            service.say(f"has stopped {len(tasks)} running tasks: {ids}.")

    def _notice_failures(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            if task.started_by != service.primary.id:
                continue
            if task.last_status == "RUNNING":
                self._throttle.started(service.primary.id)
            elif task.stop_code == "TaskFailedToStart" and self._throttle.failed(
                service.primary.id, task.id
            ):
                service.primary.failed += 1
                service.say(f"(task {task.id}) failed to start: {task.stopped_reason}")
                if self._throttle.struggling(service.primary.id):
                    service.say("is unable to consistently start tasks successfully.")

    def _conclude(self, service: Service, tasks: list[Task], members: list[Member]) -> None:
        remaining = Counter(t.started_by for t in tasks if t.last_status != "STOPPED")
        if service.status == "DRAINING" and not remaining:
            service.status, service.deleted_at = "INACTIVE", now()
            service.deployments = [service.primary]
            return
        service.deployments = [
            d for d in service.deployments if d.status == "PRIMARY" or remaining[d.id]
        ]
        if len(service.deployments) > 1 or not complete(members, service.desired_count):
            self._steady.pop(service.arn, None)
            return
        primary = service.primary
        if primary.rollout_state != "COMPLETED":
            primary.rollout_state, primary.failed, primary.updated_at = "COMPLETED", 0, now()
            service.say(f"(deployment {primary.id}) deployment completed.")
        if self._steady.get(service.arn) != primary.id:
            self._steady[service.arn] = primary.id
            service.say("has reached a steady state.")


def _count(service: Service, tasks: list[Task]) -> None:
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
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html"""
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
