"""The delay before ECS starts tasks again that repeatedly failed to start.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sandbox.control.clock import Clock

FIRST_MINUTES = 1 / 6
LONGEST_MINUTES = 27
STRUGGLING = 3


@dataclass(slots=True)
class _Record:
    seen: set[str] = field(default_factory=set)
    count: int = 0
    not_before: float = 0.0


class Throttle:
    """Count failed starts of each deployment; a task that reaches RUNNING resets the count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[str, _Record] = {}

    def allows(self, deployment: str) -> bool:
        record = self._records.get(deployment)
        return record is None or time.monotonic() >= record.not_before

    def started(self, deployment: str) -> None:
        """Record that a task of the deployment runs."""
        record = self._records.get(deployment)
        if record:
            record.count, record.not_before = 0, 0.0

    def failed(self, deployment: str, task: str) -> bool:
        """Record that a task did not start. Returns False if that was known."""
        record = self._records.setdefault(deployment, _Record())
        if task in record.seen:
            return False
        record.seen.add(task)
        record.count += 1
        minutes = min(FIRST_MINUTES * 2 ** (record.count - 1), LONGEST_MINUTES)
        record.not_before = time.monotonic() + self._clock.seconds(minutes)
        return True

    def struggling(self, deployment: str) -> bool:
        """Return whether it failed often enough for a service event."""
        return self._records[deployment].count >= STRUGGLING
