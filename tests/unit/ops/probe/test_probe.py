"""The probe against a real application: a steady rate, every failure seen, every write looked for."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from ops.probe.client import Address, Client
from ops.probe.heartbeat import Beats, read_back
from ops.probe.probe import Load, Probe, planned_requests
from ops.probe.results import Log, Request, Summary, requests_in, summarise
from plugins.modules.probe import refusal
from tests.support.ops.served_app import TOKEN, ServedApp, serving
from tests.support.waiting import until

RUN = "20261125T113000Z-1.0.0"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApp]:
    with serving(tmp_path / "server") as there:
        yield there


def probed(served: ServedApp, record: Path, count: int, known: tuple[str, ...] = (TOKEN,)) -> Summary:
    """What a probe of so many requests tells."""
    log, left = Log(record), iter(range(count))

    def over(seconds: float) -> bool:
        time.sleep(seconds)
        return next(left, None) is None

    Probe(Load(served.address(), RUN, rate=100), known, log).run(over)
    log.close()
    with Client(served.address()) as client:
        return summarise(requests_in(record), read_back(client, RUN, known))


def test_what_works_is_seen_to_work(served: ServedApp, tmp_path: Path) -> None:
    seen = probed(served, tmp_path / "requests.jsonl", 100)
    assert (seen.requests, seen.failed, seen.refused, seen.first_failure) == (100, 0, 0, None)
    assert (seen.writes.sent, seen.writes.acknowledged, seen.writes.found) == (33, 33, 33)
    assert (seen.writes.lost, seen.writes.doubled) == (0, 0)
    assert list(seen.by_release) == ["1.0.0"]
    assert seen.by_release["1.0.0"].requests == 100
    assert seen.message.endswith("none failed; all 33 acknowledged writes were found again.")
    assert served.application.connections < 100, "connections are kept"


def test_a_lost_and_a_doubled_write_are_found(served: ServedApp, tmp_path: Path) -> None:
    served.does.forgets = {5}
    served.does.repeats = {7, 8}
    seen = probed(served, tmp_path / "requests.jsonl", 100)
    assert seen.failed == 0
    assert (seen.writes.acknowledged, seen.writes.found, seen.writes.lost, seen.writes.doubled) == (33, 32, 1, 2)
    assert "of 33 acknowledged writes 1 are lost, 2 doubled" in seen.message


def test_the_last_write_is_missed_too(served: ServedApp, tmp_path: Path) -> None:
    served.does.forgets = {1, 33}
    assert probed(served, tmp_path / "requests.jsonl", 100).writes.lost == 2


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ({"statuses": {"/": 500}}, "answered 500 instead of 200"),
        ({"statuses": {"/": 404}}, "answered 404 instead of 200"),
        ({"hang_up": {"/"}}, "closed without an answer"),
    ],
)
def test_whatever_is_no_right_answer_is_a_failure(
    served: ServedApp, tmp_path: Path, trouble: dict[str, object], told: str
) -> None:
    for name, value in trouble.items():
        setattr(served.does, name, value)
    record = tmp_path / "requests.jsonl"
    seen = probed(served, record, 30)
    reads = [request for request in requests_in(record) if request.kind == "read"]
    assert (len(reads), seen.failed, seen.writes.lost) == (21, 11, 0)  # every other read is of the heartbeats
    assert seen.first_failure and told in seen.first_failure and seen.first_failure.startswith("a read at ")
    assert "11 failed" in seen.message


def test_what_comes_too_late_is_a_failure(served: ServedApp, tmp_path: Path) -> None:
    """All of it is held back: on a busy machine, what is not held back may be late too."""
    served.does.slow = {"/"}
    record, done = tmp_path / "requests.jsonl", iter([False] * 10)
    load = Load(served.address(timeout=0.4), RUN, rate=100, write_percent=0, read_back=False)
    Probe(load, (TOKEN,), Log(record)).run(lambda _: next(done, True))
    assert {request.error for request in requests_in(record)} == {"no answer within 0.4 s"}
    assert summarise(requests_in(record), None).failed == 10


def test_a_write_without_an_answer_is_not_called_lost(served: ServedApp, tmp_path: Path) -> None:
    served.does.hang_up = {"/api/heartbeat"}
    record = tmp_path / "requests.jsonl"
    log = Log(record)
    done = iter([False] * 10)
    Probe(Load(served.address(), RUN, rate=100, write_percent=100), (TOKEN,), log).run(lambda _: next(done, True))
    served.does.hang_up = set()
    with Client(served.address()) as client:
        seen = summarise(requests_in(record), read_back(client, RUN, (TOKEN,)))
    assert (seen.failed, seen.writes.acknowledged, seen.writes.found, seen.writes.lost) == (10, 0, 10, 0)


def test_a_slow_answer_delays_no_other(served: ServedApp, tmp_path: Path) -> None:
    """All are sent before the first of them is answered."""
    served.does.slow = {"/"}
    sent = iter(range(40))

    def over(seconds: float) -> bool:
        if next(sent, None) is not None:
            return False
        until(lambda: len(served.application.headers_seen) == 40, "one waits for another's answer")
        served.does.let_go.set()
        return True

    record = tmp_path / "requests.jsonl"
    Probe(Load(served.address(), RUN, rate=100), (TOKEN,), Log(record)).run(over)
    assert len(requests_in(record)) == 40


def test_two_tokens_in_use_are_no_failure(served: ServedApp, tmp_path: Path) -> None:
    """Tasks of the release before know only the token before; either refuses the other's."""
    served.does.tokens = {"the-token-before"}
    seen = probed(served, tmp_path / "both.jsonl", 40, known=(TOKEN, "the-token-before"))
    assert (seen.failed, seen.refused, seen.writes.acknowledged, seen.writes.lost) == (0, 0, 13, 0)
    served.does.tokens = {"neither"}
    record, done = tmp_path / "neither.jsonl", iter([False] * 10)
    load = Load(served.address(), RUN, rate=100, write_percent=100)
    Probe(load, (TOKEN, "the-token-before"), Log(record)).run(lambda _: next(done, True))
    refused = summarise(requests_in(record), None, "401")
    assert (refused.failed, refused.refused, refused.writes.acknowledged) == (0, 10, 0)
    assert "10 heartbeats were refused" in refused.message


def test_a_refused_token_is_a_failure_when_it_is_the_only_one(served: ServedApp, tmp_path: Path) -> None:
    served.does.tokens = {"another"}
    record, done = tmp_path / "requests.jsonl", iter([False] * 10)
    load = Load(served.address(), RUN, rate=100, write_percent=100)
    Probe(load, (TOKEN,), Log(record)).run(lambda _: next(done, True))
    assert summarise(requests_in(record), None).failed == 10


def test_what_can_t_be_written_down_ends_the_probe(served: ServedApp) -> None:
    def full(_: Request) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        Probe(Load(served.address(), RUN, rate=100), (TOKEN,), full).run(threading.Event().wait)


def test_requests_come_in_the_desired_shares() -> None:
    load = Load(
        Address("https://a.example"), RUN, write_percent=33, paths=["/", "/readyz"], held_percent=2, held_ms=2000
    )
    first = list(islice(planned_requests(load), 1000))
    writes = [planned for planned in first if planned.sequence is not None]
    assert [planned.sequence for planned in writes] == list(range(1, 331))
    assert sum(planned.held_ms == 2000 for planned in writes) == 20
    reads = [planned.path for planned in first if planned.sequence is None]
    assert reads[:4] == ["/", "/readyz", f"/api/heartbeat?probe={RUN}", "/"]
    only_reads = planned_requests(Load(Address("https://a.example"), RUN, write_percent=0))
    assert not any(planned.sequence for planned in islice(only_reads, 99))


def test_the_record_is_its_owner_s_alone_and_outlives_a_kill(tmp_path: Path) -> None:
    record = tmp_path / "run" / "requests.jsonl"
    record.parent.mkdir()
    record.touch(0o644)
    log = Log(record)
    log(Request(1.5, 12.34, "1.0.0", "write", 201, None, sequence=1))
    log(Request(0.5, 1, None, "read", None, "no answer within 10 s"))
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    first = json.loads(record.read_text().splitlines()[0])
    assert first == {
        "t": 1.5, "ms": 12.3, "release": "1.0.0", "kind": "write", "status": 201, "error": None, "sequence": 1,
    }  # fmt: skip
    with record.open("a") as file:
        file.write('{"t": 2.5, "ms": 1')
    assert [request.t for request in requests_in(record)] == [0.5, 1.5]
    assert requests_in(tmp_path / "nowhere.jsonl") == []


def test_nothing_seen_is_a_summary_too() -> None:
    nothing = summarise([], None).as_dict()
    assert (nothing["requests"], nothing["failed"], nothing["writes"]["lost"]) == (0, 0, 0)
    assert "did not run" in nothing["message"]


def test_writes_that_can_t_be_looked_for_are_not_said_to_be_there() -> None:
    seen = summarise([Request(1, 5, "1.0.0", "write", 201, None, sequence=1)], None, "the connection was refused")
    assert (seen.writes.found, seen.writes.lost, seen.writes.doubled) == (None, None, None)
    assert "could not be looked for: the connection was refused" in seen.message


def test_figures_of_each_release() -> None:
    seen = summarise(
        [
            Request(0, 10, "1.0.0", "read", 200, None),
            Request(1, 500, "1.1.0", "read", 500, "answered 500 instead of 200"),
            Request(2, 20, None, "read", None, "no answer"),
        ],
        Beats(),
    ).as_dict()
    assert seen["by_release"] == {
        "1.0.0": {"requests": 1, "failed": 0, "p95_ms": 10},
        "1.1.0": {"requests": 1, "failed": 1, "p95_ms": 500},
        "unknown": {"requests": 1, "failed": 1, "p95_ms": None},
    }
    assert (seen["seconds"], seen["p95_ms"], seen["first_failure"]) == (
        2.0,
        500,
        "a read at 00:00:01 UTC: answered 500 instead of 200",
    )


def test_rows_in_two_are_doubled() -> None:
    # 1, 2, 2, 4
    beats = Beats(count=4, first=1, last=4, missing=0, gaps=[(3, 3)])
    assert beats.doubled == 1
    assert [beats.holds(sequence) for sequence in range(6)] == [False, True, True, False, True, False]
    assert Beats(count=3, first=1, last=4, missing=1, gaps=[(3, 3)]).doubled == 0


GOOD = {
    "url": "https://a.example",
    "connect_to": "",
    "ca": "",
    "name": RUN,
    "paths": ["/"],
    "rate": 10.0,
    "write_percent": 33.0,
    "timeout_seconds": 10.0,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://a.example"},
        {"connect_to": "nowhere"},
        {"name": "n" * 65},
        {"name": ""},
        {"paths": []},
        {"paths": ["api"]},
        {"rate": 0.0},
        {"rate": 1000.0},
        {"write_percent": 101.0},
        {"timeout_seconds": 0.0},
    ],
)
def test_options_that_can_t_be_are_refused(wrong: dict[str, object]) -> None:
    assert refusal(GOOD) is None
    assert refusal(GOOD | wrong)
