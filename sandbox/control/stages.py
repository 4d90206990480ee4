"""Stages of a resource: each status begins some work, lasts a while, and ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from sandbox.control.clock import Clock

Work = Callable[[], None]
Resource = TypeVar("Resource")


@dataclass(frozen=True, slots=True)
class Stage(Generic[Resource]):
    """One status on the way. `begin` returns the work to do in the background, if any.

    `end` is called when the work is done and `minutes` AWS minutes have passed.
    """

    minutes: float
    begin: Callable[[Resource], Work | None]
    end: Callable[[Resource], None]


class Lifecycle(Generic[Resource]):
    """Advance each resource, identified by a key, through its stages; one work at a time for each."""

    def __init__(self, clock: Clock, stages: Mapping[str, Stage[Resource]]) -> None:
        self._clock = clock
        self._stages = stages
        self._entered: dict[str, tuple[str, float]] = {}
        self._running: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="work")

    def advance(self, key: str, status: str, resource: Resource) -> bool:
        """Advance the resource by one step, without waiting; return False if its status is no stage.

        Raises what the work of this resource raised, once.
        """
        if self.busy(key):
            return True
        stage = self._stages.get(status)
        if stage is None:
            self._entered.pop(key, None)
            return False
        entered, until = self._entered.get(key, ("", 0.0))
        if entered != status:
            self._entered[key] = status, time.monotonic() + self._clock.seconds(stage.minutes)
            if work := stage.begin(resource):
                self.run(key, work)
        elif time.monotonic() >= until:
            del self._entered[key]
            stage.end(resource)
        return True

    def busy(self, key: str) -> bool:
        """Return whether work is under way for the resource. Raises what the work raised, once."""
        future = self._running.get(key)
        if future is None:
            return False
        if not future.done():
            return True
        del self._running[key]
        future.result()
        return False

    def run(self, key: str, work: Work) -> None:
        """Run work in the background; only for a resource that is not busy."""
        self._running[key] = self._pool.submit(work)

    def close(self) -> None:
        """Wait for the work that is under way, and start no more."""
        self._pool.shutdown(cancel_futures=True)
