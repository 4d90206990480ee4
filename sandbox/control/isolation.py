"""One resource that can't be looked after keeps no other from it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("sandbox")


class Isolation:
    """Says of each resource once that looking after it fails, and again when it fails after it did not."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    @contextmanager
    def isolate(self, resource: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            if resource not in self._failing:
                log.exception("%s can't be looked after, and is tried again", resource)
            self._failing.add(resource)
        else:
            self._failing.discard(resource)
