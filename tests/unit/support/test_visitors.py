"""The second client of our tests: it sends what it says, from where it says, and hides no failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.probe.results import Request
from tests.support.ops.served_app import TOKEN, ServedApp, serving
from tests.support.visitors import Traffic, Visitors
from tests.support.waiting import until


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApp]:
    with serving(tmp_path / "server") as there:
        yield there


def seen(served: ServedApp, folder: Path, traffic: Traffic, requests: int = 30) -> list[Request]:
    visitors = Visitors(served.address(), traffic, (TOKEN,), folder / "requests.jsonl")
    thread = threading.Thread(target=visitors.run)
    thread.start()
    until(lambda: len(visitors.so_far) >= requests)
    visitors.over.set()
    thread.join()
    return visitors.so_far


@pytest.mark.parametrize("traffic", [Traffic(100, 4), Traffic(200, 40), Traffic(100, 10, burst=10)])
def test_a_third_are_writes_over_kept_connections(served: ServedApp, tmp_path: Path, traffic: Traffic) -> None:
    found = seen(served, tmp_path, traffic)
    assert [one for one in found if one.failed] == []
    writes = [one for one in found if one.kind == "write"]
    assert abs(len(writes) - len(found) / 3) <= 2
    assert all(one.acknowledged for one in writes)
    (kept,) = served.application.beats.values()
    assert kept == {one.sequence for one in writes}
    assert served.application.connections <= traffic.connections


def test_a_failure_is_one(served: ServedApp, tmp_path: Path) -> None:
    served.does.statuses, served.does.hang_up = {"/": 500}, {"/api/heartbeat"}
    found = seen(served, tmp_path, Traffic(100, 4))
    assert {one.failed for one in found if one.kind == "write"} == {True}
    errors = {str(one.error).partition(" ")[0] for one in found}
    assert errors == {"None", "/", "/api/heartbeat:"}


def test_a_connection_that_was_closed_while_idle_is_no_failure(served: ServedApp, tmp_path: Path) -> None:
    served.does.close_after = True
    found = seen(served, tmp_path, Traffic(20, 4), requests=12)
    assert [one for one in found if one.failed] == []
    assert any(one.reconnected for one in found)
