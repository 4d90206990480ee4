"""Health checks of containers: a command beside the container's own, in its environment.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html

Seconds are real ones: how long a program takes to answer does not depend on the sandbox's clock.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from sandbox.aws_api.state import State
from sandbox.runtime import processes
from sandbox.runtime.processes import Command
from sandbox.services.ecs.records.tasks import Container

log = logging.getLogger("sandbox")


@dataclass(frozen=True, slots=True)
class Check:
    """A health check. Times in seconds.

    retries: failures in a row that make a container unhealthy.
    """

    argv: tuple[str, ...]
    interval: float = 30
    timeout: float = 5
    retries: int = 3
    start_period: float = 0

    @classmethod
    def of(cls, definition: dict[str, Any]) -> Check | None:
        """Return the health check of a container definition, if it has one."""
        given = definition.get("healthCheck")
        if not given:
            return None
        kind, *words = given["command"]
        if kind == "NONE":
            return None
        argv = ("/bin/sh", "-c", *words) if kind == "CMD-SHELL" else tuple(words if kind == "CMD" else given["command"])
        options = {"interval": "interval", "timeout": "timeout", "retries": "retries", "startPeriod": "start_period"}
        return cls(argv, **{ours: given[theirs] for theirs, ours in options.items() if given.get(theirs) is not None})


@dataclass(slots=True)
class HealthTracker:
    """Determine the container's health from its checks, in their order."""

    check: Check
    health: str = "UNKNOWN"
    failures: int = 0

    def record(self, passed: bool, since_start: float) -> str:
        """Return the health after a check that ended so many seconds after the container's start."""
        if passed:
            self.health, self.failures = "HEALTHY", 0
        elif self.health != "UNKNOWN" or since_start >= self.check.start_period:
            self.failures += 1
            if self.failures >= self.check.retries:
                self.health = "UNHEALTHY"
        return self.health


class HealthChecker:
    """Check a container until it is closed, and write its health into its record."""

    def __init__(self, state: State, container: Container, check: Check, command: Command) -> None:
        self._state = state
        self._container = container
        self._tracker = HealthTracker(check)
        self._command = dataclasses.replace(command, name=f"{command.name} health check", argv=check.argv)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._command.name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop checking, and end a check that is running."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        begun = time.monotonic()
        while not self._closed.wait(self._tracker.check.interval):
            passed = self._passes()
            if self._closed.is_set():
                return
            health = self._tracker.record(passed, time.monotonic() - begun)
            with self._state.lock:
                changed, self._container.health = health != self._container.health, health
            if changed:
                log.info("%s: %s", self._command.name, health)
                self._state.changed.set()

    def _passes(self) -> bool:
        try:
            process = processes.start(self._command)
        except OSError as error:  # no such program
            log.info("%s: %s", self._command.name, error)
            return False
        deadline = time.monotonic() + self._tracker.check.timeout
        while process.wait(0.05) is None:
            if self._closed.is_set() or time.monotonic() > deadline:
                process.kill()
                return False
        return process.poll() == 0
