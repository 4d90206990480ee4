"""Why tasks of a release ended before it had traffic: the failed starts, the first cause, and its cure (pure).

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# A task's own fault. Not its fault: UserInitiated, SpotInterruption, TerminationNotice, InfrastructureHealth.
FAILED = ("TaskFailedToStart", "EssentialContainerExited")
# The scheduler stops what is unhealthy, and what it has too many of; only its words tell them apart.
SCHEDULER, UNHEALTHY = "ServiceSchedulerInitiated", "health checks"
APP = "app"  # our container; a sidecar may stand before it


@dataclass(frozen=True)
class Settings:
    """What a cure names: the service's health check grace period in seconds, the tasks' memory in MiB and log group."""

    grace_seconds: int = 0
    memory: int = 0
    log_group: str = ""


def failed_starts(tasks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the stopped tasks that failed by themselves, the first that ended first.

    Without a stop code, as on records from before ECS had them, a task counts as failed.
    """
    return sorted((task for task in tasks if is_failed(task)), key=ended_at)


def is_failed(task: Mapping[str, Any]) -> bool:
    code = task.get("stopCode")
    if code == SCHEDULER:
        return UNHEALTHY in str(task.get("stoppedReason", ""))
    return code is None or code in FAILED


def ended_at(task: Mapping[str, Any]) -> str:
    return str(task.get("stoppingAt") or task.get("stoppedAt") or task.get("createdAt") or "")


def cause(task: Mapping[str, Any], settings: Settings) -> str:
    """Return why a task ended, as ECS says it, with how long it had run, and the option or command that helps."""
    said = f"{reason(task)}{after(task)}"
    cured = cure(task, settings)
    return f"{said}. {cured}" if cured else said


def reason(task: Mapping[str, Any]) -> str:
    """Return ECS's words for the end of a task, with the exit code of its container."""
    container = app_container(task)
    code, own = container.get("exitCode"), container.get("reason")
    said = str(own or task.get("stoppedReason") or "ECS says no reason").rstrip(".")
    return f"{said} (exit code {code})" if code is not None and not unhealthy(task) else said


def after(task: Mapping[str, Any]) -> str:
    """Return how long the task had run, from its start to when it was told to stop; empty if it never ran."""
    started, ended = task.get("startedAt"), task.get("stoppingAt") or task.get("stoppedAt")
    if not isinstance(started, datetime) or not isinstance(ended, datetime):
        return ""
    return f", {max(0, round((ended - started).total_seconds()))} s after it started"


def cure(task: Mapping[str, Any], settings: Settings) -> str:
    """Return what helps against the end of a task; empty if nothing general does."""
    if unhealthy(task):
        return (
            f"ECS stops a task whose health checks fail {settings.grace_seconds} s after its start or later: an image "
            "that starts more slowly needs a longer -e release_health_check_grace_seconds=<seconds>. Why "
            f"/readyz did not answer is in {settings.log_group}"
        )
    if "OutOfMemory" in reason(task):
        return f"It has {settings.memory} MiB; more is release_memory"
    if app_container(task).get("exitCode") is not None:
        return f"What it wrote is in {settings.log_group}"
    return ""


def unhealthy(task: Mapping[str, Any]) -> bool:
    return task.get("stopCode") == SCHEDULER and is_failed(task)


def app_container(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return our container of a task, else the first: others may be added, as GuardDuty's agent."""
    containers: Sequence[Mapping[str, Any]] = task.get("containers") or [{}]
    return next((one for one in containers if one.get("name") == APP), containers[0])
