"""What AWS would remember: moto's backends, under one lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from moto.backends import get_backend


class Changes:
    """A wake-up for any number of waiters: each sees every change once, however many it missed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def set(self) -> None:
        """Wake all waiters."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """Wait until something changed after `seen` or timeout seconds passed; return what to pass
        as `seen` next time (start with 0)."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout)
            return self._count


class State:
    """moto's backends.

    lock: held while an API call is handled, and by a controller while it reads or writes moto's
    objects; never while it waits for a process. changed: set after each mutating call.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = Changes()

    def backends(self, service: str) -> Iterator[tuple[str, str, Any]]:
        """(account, region, backend) of each backend in use; a global service's region is "aws"."""
        for account, regions in list(get_backend(service).items()):
            for region, backend in list(regions.items()):
                yield account, region, backend

    def backend(self, service: str, account: str, region: str) -> Any:
        """The backend of one account and region, made on first use."""
        return get_backend(service)[account][region]
