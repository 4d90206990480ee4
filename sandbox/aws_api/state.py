"""The state of the emulated account: moto's backends, under one lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from moto.backends import get_backend


class Changes:
    """An event that any number of threads wait for: each waiter sees every change once."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def set(self) -> None:
        """Wake all waiters."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """Wait until something changed after `seen`, or until `timeout` seconds passed.

        Return the value to pass as `seen` next time; begin with 0.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout)
            return self._count


class State:
    """moto's backends.

    lock: held while an API call is handled, and while a controller reads or writes moto's objects; never while it waits
    for a process. changed: set after each mutating call.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = Changes()

    def backends(self, service: str) -> Iterator[tuple[str, str, Any]]:
        """Yield (account, region, backend) of each backend in use; the region of a global service is "aws"."""
        for account, regions in list(get_backend(service).items()):
            for region, backend in list(regions.items()):
                yield account, region, backend

    def backend(self, service: str, account: str, region: str) -> Any:
        """Return the backend of one account and region, created on first use."""
        return get_backend(service)[account][region]
