"""The awslogs driver: send a container's output to CloudWatch Logs.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from sandbox.aws_api.state import State
from sandbox.services.ecs.agent.failures import cannot_log
from sandbox.services.ecs.agent.permissions import denied
from sandbox.services.ecs.records.tasks import Container, Task

KEPT = 20_000  # lines a stream: a load test must not fill the memory


class LogStream:
    """Take lines at once, and put them into the log stream in batches."""

    def __init__(self, state: State, account: str, region: str, group: str, name: str) -> None:
        self._state = state
        self._place = (account, region, group, name)
        self._lines: deque[dict[str, Any]] = deque()

    def write(self, line: str) -> None:
        self._lines.append({"timestamp": time.time_ns() // 1_000_000, "message": line})

    def flush(self) -> None:
        """Put the lines since the last call into the log stream; drop them if it has been deleted."""
        if not self._lines:
            return
        events = [self._lines.popleft() for _ in range(len(self._lines))]
        account, region, group, name = self._place
        with self._state.lock:
            found = self._state.backend("logs", account, region).groups.get(group)
            stream = found.streams.get(name) if found else None
            if stream:
                stream.put_log_events(events)
                del stream.events[:-KEPT]


def open_stream(state: State, task: Task, container: Container) -> LogStream | None:
    """Return the stream `<prefix>/<container>/<task id>`, created if need be; None without awslogs.

    Raises TaskStartError if the group is missing (unless awslogs-create-group) or the role lacks permission.
    """
    configuration = container.definition.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return None
    options = configuration["options"]
    group, region = options["awslogs-group"], options["awslogs-region"]
    name = f"{options['awslogs-stream-prefix']}/{container.name}/{task.id}"
    role = task.setting("executionRoleArn") or ""
    prefix = f"arn:aws:logs:{region}:{task.account}:log-group:{group}"
    if why := denied(state, role, "logs:CreateLogStream", f"{prefix}:log-stream:{name}"):
        raise cannot_log(why)
    with state.lock:
        backend = state.backend("logs", task.account, region)
        if group not in backend.groups:
            if options.get("awslogs-create-group") != "true":
                raise cannot_log("ResourceNotFoundException: The specified log group does not exist.")
            if why := denied(state, role, "logs:CreateLogGroup", prefix):
                raise cannot_log(why)
            backend.create_log_group(group, {})
        backend.ensure_log_stream(group, name)
    return LogStream(state, task.account, region, group, name)
