"""Reconcile ECS: an agent for each task, a scheduler for the services."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sandbox import interruptions
from sandbox.control.context import Sandbox
from sandbox.control.isolation import Isolation
from sandbox.services.ecs.agent.task import Agent
from sandbox.services.ecs.records.tasks import Task, now
from sandbox.services.ecs.scheduler.service import ServiceScheduler
from sandbox.services.ecs.services import services_of
from sandbox.services.ecs.task_events import task_changed

#: stopped tasks and deleted services stay visible for about an hour
VISIBLE_MINUTES = 60

log = logging.getLogger("sandbox")


class EcsController:
    """Compare task records with processes, and services with their tasks."""

    name = "ecs"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._scheduler = ServiceScheduler(sandbox)
        self._agents: dict[str, Agent] = {}
        self._isolation = Isolation()

    def reconcile(self) -> None:
        interrupted = interruptions.take(self._sandbox.settings.root)
        with self._sandbox.state.lock:
            for _, _, backend in self._sandbox.state.backends("ecs"):
                for task in _tasks(backend):
                    if task.id in interrupted:
                        _interrupt(task)
                for service in services_of(backend):
                    with self._isolation.isolate(service.arn):
                        self._scheduler.reconcile(backend, service)
                for task in _tasks(backend):
                    with self._isolation.isolate(task.id):
                        self._run_agent(task)
                self._forget(backend)

    def close(self) -> None:
        agents = list(self._agents.values())
        for agent in agents:
            agent.close()
        for agent in agents:
            agent.join()

    def _run_agent(self, task: Task) -> None:
        agent = self._agents.get(task.id)
        if agent is None and task.last_status == "PROVISIONING":
            agent = self._agents[task.id] = Agent(self._sandbox, task)
            agent.start()
        elif agent and not task.live:
            agent.wake()

    def _forget(self, backend: Any) -> None:
        hour = timedelta(seconds=self._sandbox.clock.seconds(VISIBLE_MINUTES))

        def over(moment: datetime | None) -> bool:
            return moment is not None and now() - moment > hour

        for tasks in backend.tasks.values():
            for arn in [a for a, task in tasks.items() if over(task.moments.get("stoppedAt"))]:
                self._agents.pop(tasks.pop(arn).id, None)
        for key in [k for k, s in backend.services.items() if over(s.deleted_at)]:
            del backend.services[key]


def _tasks(backend: Any) -> list[Task]:
    return [task for tasks in backend.tasks.values() for task in tasks.values()]


def _interrupt(task: Task) -> None:
    """Interrupt a task on Spot capacity: send the event to EventBridge and stop the task.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
    """
    if task.capacity_provider == "FARGATE_SPOT" and task.live:
        log.info("task %s: Spot interruption", task.id)
        task.stop("SpotInterruption", "Your Spot Task was interrupted.")
        task_changed(task)
