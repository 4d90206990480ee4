"""`sandbox interrupt`: interrupt a task on Spot capacity, as AWS does."""

from __future__ import annotations

import argparse
import time
from typing import Any

from sandbox import interruptions
from sandbox.cli import CommandError, running
from sandbox.config import Settings

INTERRUPT_SECONDS = 120.0


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Interrupt a task on FARGATE_SPOT: warning and SIGTERM now, SIGKILL at most two AWS minutes later."""
    running.require(settings)
    tasks = _on_spot(running.clients(settings)("ecs"))
    identity = arguments.task.rpartition("/")[2]
    if identity not in tasks:
        known = ", ".join(tasks) or "none"
        raise CommandError(f"no task {identity} runs on FARGATE_SPOT, and AWS interrupts no other. There are: {known}")
    asked = interruptions.ask(settings.root, identity)
    deadline = time.monotonic() + INTERRUPT_SECONDS
    while asked.exists():
        if time.monotonic() > deadline:
            raise CommandError("the sandbox did not do it. See: sandbox logs sandbox")
        time.sleep(0.05)
    most = settings.minute * interruptions.WARNING_MINUTES
    print(f"{tasks[identity]} has its warning: SIGTERM now, SIGKILL after {most:g} s at most")
    return 0


def _on_spot(ecs: Any) -> dict[str, str]:
    """Return the ARNs of the tasks on Spot capacity, by task id."""
    found = {}
    for cluster in ecs.list_clusters()["clusterArns"]:
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster):
            if not page["taskArns"]:
                continue
            for task in ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]:
                if task.get("capacityProviderName") == "FARGATE_SPOT" and task["lastStatus"] == "RUNNING":
                    found[task["taskArn"].rpartition("/")[2]] = task["taskArn"]
    return found
