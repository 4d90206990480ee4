"""Tasks end with exit codes that AWS shows, and one that dies is replaced while the others serve."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox.runtime import processes
from tests.support.stack import STACK, Ask, Sandbox
from tests.support.waiting import until

Command = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(sandbox: Sandbox, service: Any) -> Command:
    """Runs a one-off task of the release and gives its container, stopped."""
    ecs = sandbox.client("ecs")

    def run(command: str) -> dict[str, Any]:
        overrides = {"containerOverrides": [{"name": "app", "command": [command]}]}
        started = ecs.run_task(
            cluster=STACK,
            taskDefinition=service["taskDefinition"],
            launchType="FARGATE",
            networkConfiguration=service["networkConfiguration"],
            overrides=overrides,
        )["tasks"][0]["taskArn"]

        def stopped() -> dict[str, Any] | None:
            task = ended(sandbox, started)
            return task["containers"][0] if task else None

        return until(stopped, f"{command} did not end")

    return run


def test_verify_ends_well(run: Command) -> None:
    assert run("verify")["exitCode"] == 0


def test_a_command_that_nobody_knows_ends_with_its_own_code(run: Command) -> None:
    assert run("nonsense")["exitCode"] == 2


def test_a_killed_task_is_replaced_and_nobody_sees_it(sandbox: Sandbox, root: Path, ask: Ask) -> None:
    before = serving(sandbox)
    victim = next(record for record in processes.running(root) if any(one in record.name for one in before))
    dead = next(one for one in before if one in victim.name)
    os.kill(victim.pid, signal.SIGKILL)

    # at once: it is listed for an hour, which here is a minute
    stopped = until(lambda: ended(sandbox, dead), "the killed task is still said to run")
    assert stopped["containers"][0]["exitCode"] == 137
    until(lambda: len(serving(sandbox)) == 3, "it was not replaced")
    until(lambda: sandbox.healthy() == 3, "its successor did not become healthy")
    assert [ask("GET", "/readyz").status for _ in range(30)] == [200] * 30
    assert dead not in serving(sandbox)
    until(lambda: not psutil.pid_exists(victim.pid))


def ended(sandbox: Sandbox, task: str) -> dict[str, Any] | None:
    """Return the task when it has stopped, and while it is still listed."""
    found = sandbox.client("ecs").describe_tasks(cluster=STACK, tasks=[task])["tasks"][0]
    return dict(found) if found["lastStatus"] == "STOPPED" else None


def serving(sandbox: Sandbox) -> set[str]:
    """Ids of the service's tasks that run."""
    ecs = sandbox.client("ecs")
    arns = ecs.list_tasks(cluster=STACK, serviceName=f"{STACK}-app", desiredStatus="RUNNING")["taskArns"]
    tasks = ecs.describe_tasks(cluster=STACK, tasks=arns)["tasks"] if arns else []
    return {task["taskArn"].rpartition("/")[2] for task in tasks if task["lastStatus"] == "RUNNING"}
