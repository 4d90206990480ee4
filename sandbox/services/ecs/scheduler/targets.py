"""A service's tasks in their target groups: register, deregister, read health.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-healthcheck.html
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from sandbox.aws_api.state import State
from sandbox.aws_api.status import Status
from sandbox.services.ecs.records.tasks import Task
from sandbox.services.elbv2.targets import draining

Target = tuple[str, str, int]


def targets(task: Task) -> list[Target]:
    """Return (target group ARN, address, port) for each load balancer of the task."""
    if task.interface is None:
        return []
    address = task.interface.address
    return [(lb["targetGroupArn"], address, lb["containerPort"]) for lb in task.load_balancers]


def listening(task: Task, address: str) -> bool:
    """Return whether the task accepts connections at its ports, at its loopback address."""
    for _, _, port in targets(task):
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            return False
    return True


def register(state: State, task: Task) -> None:
    """Register the task in its target groups."""
    with state.lock:
        for group, address, port in _groups(state, task):
            group.register([{"Id": address, "Port": port}])


def deregister(state: State, task: Task) -> None:
    """Deregister the task: no new requests; those under way may finish, see `drained`."""
    with state.lock:
        for group, address, _ in _groups(state, task):
            if address in group.targets:
                group.deregister([{"Id": address}])


def drained(state: State, task: Task) -> bool:
    """Return whether the deregistration delay has passed in all of the task's target groups."""
    with state.lock:
        return not any(one["Id"] == address for group, address, _ in _groups(state, task) for one in draining(group))


def health(status: Status, task: Task) -> dict[str, str]:
    """Return the task's state in each of its target groups, by their health checks."""
    found = {target[0]: status.target_health.get(target) for target in targets(task)}
    return {arn: health.state if health else "initial" for arn, health in found.items()}


def _groups(state: State, task: Task) -> Iterator[tuple[Any, str, int]]:
    known = state.backend("elbv2", task.account, task.region).target_groups
    for arn, address, port in targets(task):
        if arn in known:
            yield known[arn], address, port
