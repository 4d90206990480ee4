"""Isolation of failures: a resource that can't be reconciled does not stop the reconciliation of the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("sandbox")


class Isolation:
    """Log the failure of a resource once, and again if it fails after a success."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    @contextmanager
    def isolate(self, resource: str) -> Iterator[None]:
        """Log an exception of the block instead of raising it."""
        try:
            yield
        except Exception:
            if resource not in self._failing:
                log.exception("%s can't be reconciled, and is tried again", resource)
            self._failing.add(resource)
        else:
            self._failing.discard(resource)
