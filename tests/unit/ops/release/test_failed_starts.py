"""Which ends of a release's tasks are failed starts, and what is said of the first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.release.failed_starts import Settings, cause, failed_starts

NOW = datetime(2026, 11, 25, 11, 30, tzinfo=UTC)
SETTINGS = Settings(grace_seconds=60, memory=2048, log_group="/ecs/shop")
UNHEALTHY = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/g/1)"


def task(
    code: str | None, reason: str = "", ran: float | None = None, at: float = 0, **container: Any
) -> dict[str, Any]:
    """A stopped task. ran: seconds from its start to its end; at: when it ended, in seconds after NOW."""
    end = NOW + timedelta(seconds=at)
    return {
        "createdAt": NOW - timedelta(seconds=100),
        "stoppingAt": end,
        "stoppedReason": reason,
        "containers": [{"name": "app", **container}],
        **({"stopCode": code} if code else {}),
        **({"startedAt": end - timedelta(seconds=ran)} if ran is not None else {}),
    }


@pytest.mark.parametrize(
    "failed",
    [
        task("TaskFailedToStart", "CannotPullContainerError: gone"),
        task("EssentialContainerExited", "Essential container in task exited", exitCode=1),
        task("ServiceSchedulerInitiated", UNHEALTHY),
        task("ServiceSchedulerInitiated", "Task failed container health checks"),
        task("ServiceSchedulerInitiated", "Service shop-app: task failed container health checks."),
        task(None, "Essential container in task exited"),
    ],
)
def test_what_a_task_does_itself_is_a_failed_start(failed: dict[str, Any]) -> None:
    assert failed_starts([failed]) == [failed]


@pytest.mark.parametrize(
    "ended",
    [
        task("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)"),
        task("SpotInterruption", "Your Spot Task was interrupted."),
        task("UserInitiated", "Task stopped by user"),
        task("TerminationNotice", "Task is being stopped because of a maintenance event"),
        task("InfrastructureHealth", "The infrastructure is impaired"),
    ],
)
def test_what_others_do_to_a_task_is_none(ended: dict[str, Any]) -> None:
    assert failed_starts([ended]) == []


def test_the_first_is_the_one_that_ended_first() -> None:
    late, early = task("TaskFailedToStart", at=9), task("EssentialContainerExited", at=3)
    assert failed_starts([late, early]) == [early, late]


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (
            task("ServiceSchedulerInitiated", UNHEALTHY, ran=61, exitCode=0),
            f"{UNHEALTHY}, 61 s after it started. ECS stops a task whose health checks fail 60 s after its start or "
            "later: an image that starts more slowly needs a longer -e "
            "release_health_check_grace_seconds=<seconds>. Why /readyz did not answer is in /ecs/shop",
        ),
        (
            task("EssentialContainerExited", "Essential container in task exited.", ran=3, exitCode=1),
            "Essential container in task exited (exit code 1), 3 s after it started. What it wrote is in /ecs/shop",
        ),
        (
            task("EssentialContainerExited", ran=9, exitCode=137, reason="OutOfMemoryError: Container killed"),
            "OutOfMemoryError: Container killed (exit code 137), 9 s after it started. It has 2048 MiB; more is "
            "release_memory",
        ),
        (task("TaskFailedToStart", reason=""), "ECS says no reason"),
        (task("TaskFailedToStart", "CannotPullContainerError: gone"), "CannotPullContainerError: gone"),
    ],
)
def test_its_cause_has_a_figure_and_what_helps(ended: dict[str, Any], words: str) -> None:
    assert cause(ended, SETTINGS) == words


def test_a_sidecar_before_the_application_is_not_asked() -> None:
    ended = task("EssentialContainerExited", "Essential container in task exited", exitCode=7)
    ended["containers"].insert(0, {"name": "aws-guardduty-agent", "exitCode": 0})
    assert "(exit code 7)" in cause(ended, SETTINGS)
