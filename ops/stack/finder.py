"""A question to one AWS service about a stack, and many of them asked side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ops.stack.model import Stack

T = TypeVar("T")


@dataclass(frozen=True)
class Finder(Generic[T]):
    """A question to one service: find(client, stack)."""

    service: str
    find: Callable[[Any, Stack], T]


def find_all(create_client: Callable[[str], Any], finders: Iterable[Finder[T]], stack: Stack) -> list[T]:
    """Return each finder's answer, in their order. create_client: makes a client, given a service's name."""
    finders = list(finders)
    clients = {service: create_client(service) for service in sorted({finder.service for finder in finders})}
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda finder: finder.find(clients[finder.service], stack), finders))
