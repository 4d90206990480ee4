"""A circuit breaker: fail at once while a dependency is known to be down.

Without it, a few seconds of connection timeout for each request would occupy all threads as soon as the database fails
over. Then health checks get no answer, and all tasks are replaced because of a failover that lasts a minute.
"""

import threading
import time
from types import TracebackType


class RefusedError(Exception):
    """No attempt was made: the last one failed a moment ago, or another thread is trying again."""


class Breaker:
    """Guard each attempt by `with breaker:`. After a failure one thread at a time tries again."""

    def __init__(self, failures: tuple[type[Exception], ...], pause_seconds: float = 1.0) -> None:
        self._failures = failures
        self._pause = pause_seconds
        self._lock = threading.Lock()
        self._retry_at: float | None = None  # None while all is well

    def __enter__(self) -> None:
        with self._lock:
            if self._retry_at is None:
                return
            if time.monotonic() < self._retry_at:
                raise RefusedError
            self._retry_at = float("inf")  # ours is the attempt that decides

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        failed = isinstance(error, self._failures)
        with self._lock:
            self._retry_at = time.monotonic() + self._pause if failed else None
