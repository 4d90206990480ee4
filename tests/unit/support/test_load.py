"""The load that releases are put under sees what goes wrong, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.probe.probe import Load
from tests.support.load import HELD_PERCENT, WRITE_PERCENT, sending
from tests.support.ops.served_app import TOKEN, ServedApp, serving
from tests.support.waiting import until


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApp]:
    with serving(tmp_path / "server") as there:
        yield there


def load(served: ServedApp) -> Load:
    return Load(
        served.address(),
        "load-1",
        rate=100,
        write_percent=WRITE_PERCENT,
        read_back=False,
        held_percent=HELD_PERCENT,
        held_ms=500,
    )


def test_load_is_steady_kept_and_partly_slow(served: ServedApp, tmp_path: Path) -> None:
    with sending(load(served), (TOKEN,), tmp_path / "requests.jsonl") as there:
        until(lambda: len(there.so_far) >= 200)
    seen = there.seen
    assert (seen.failed, seen.writes.lost, seen.writes.doubled) == (0, 0, 0)
    assert seen.writes.found == seen.writes.sent
    assert seen.writes.sent >= seen.requests // 3
    held = [request for request in there.so_far if request.kind == "write" and request.ms >= 500]
    assert len(held) >= 0.015 * seen.requests
    assert served.application.connections < seen.requests, "connections are kept"


def test_one_failure_and_one_lost_write_are_seen(served: ServedApp, tmp_path: Path) -> None:
    served.does.forgets = {3}
    with sending(load(served), (TOKEN,), tmp_path / "requests.jsonl") as there:
        until(lambda: len(there.so_far) >= 50)
        served.does.hang_up = {"/"}
        until(lambda: any(request.failed for request in there.so_far))
        served.does.hang_up = set()
        until(lambda: there.so_far[-1].status == 200)
    assert there.seen.failed > 0
    assert there.seen.first_failure and "closed without an answer" in there.seen.first_failure
    assert there.seen.writes.lost == 1


def test_a_server_that_is_gone_is_no_silence(served: ServedApp, tmp_path: Path) -> None:
    nowhere = replace(load(served), address=replace(served.address(), connect_to="127.0.0.1:1"))
    record = tmp_path / "requests.jsonl"
    with pytest.raises(Exception, match="refused"), sending(nowhere, (TOKEN,), record) as there:
        until(lambda: len(there.so_far) >= 20)
    assert all(request.error == "the connection was refused" for request in there.so_far)
