"""The files of a run are read line by line, and what a kill left half written is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.report import events
from ops.report.events import Event, Observation
from ops.report.requests import Request
from ops.report.run_files import RunFiles, read
from tests.support.ops.releases import BEGIN, RELEASED


def test_what_a_kill_left_half_written_is_left_out_and_counted(tmp_path: Path) -> None:
    folder = RELEASED.write(tmp_path)
    whole = read(folder)
    for name in ("events", "requests"):
        path = folder / f"{name}.jsonl"
        path.write_bytes(path.read_bytes()[:-9])
    cut = read(folder)
    assert (whole.unreadable_lines, cut.unreadable_lines) == (0, 2)
    assert len(cut.requests) == len(whole.requests) - 1
    assert len(cut.events) == len(whole.events) - 1


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "1",
        "{}",
        '{"t": "soon"}',
        '{"t": NaN}',
        '{"t": 1, "ms": "fast"}',
        '{"t": true}',
        '{"t": 1, "status": Infinity}',
        "[" * 100_000,
    ],
)
def test_lines_that_are_no_request_are_counted_and_left_out(line: str, tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").write_text(f'{line}\n{{"t": 1, "ms": 2, "release": null, "status": 200}}\n')
    files = read(tmp_path)
    assert (len(files.requests), files.unreadable_lines) == (1, 1)


@pytest.mark.parametrize(
    "line",
    [
        '{"t": 1, "event": "x"}',
        '{"kind": "event", "t": 1}',
        '{"kind": "event", "event": "x"}',
        '{"kind": "observation"}',
        '{"kind": "observation", "t": 1, "share": "all"}',
    ],
)
def test_lines_that_are_no_event_are_counted_and_left_out(line: str, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(line + "\n")
    assert read(tmp_path) == RunFiles(unreadable_lines=1)


def test_an_event_and_an_observation_are_told_by_their_kind(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events.append(
        str(path), "observation", status="IN_PROGRESS", stage="BAKE_TIME", share=5, message="m", blue={"a": 1}
    )
    events.append(str(path), "event", event="analysis", outcome="ok", message="m", green={"b": 2}, name="canary")
    (observation,), (event,) = read(tmp_path).observations, read(tmp_path).events
    assert observation == Observation(observation.t, "IN_PROGRESS", "BAKE_TIME", 5.0, "m", {"blue": {"a": 1}})
    assert event == Event(event.t, "analysis", "ok", "m", {"green": {"b": 2}, "name": "canary"})
    assert path.stat().st_mode & 0o777 == 0o600


def test_only_a_deployment_in_progress_goes_forward() -> None:
    def forward(status: str) -> bool:
        return Observation(0, status, "", 0, "", {}).goes_forward

    assert [forward(status) for status in ("PENDING", "IN_PROGRESS")] == [True, True]
    assert not any(forward(status) for status in ("SUCCESSFUL", "STOP_REQUESTED", "ROLLBACK_IN_PROGRESS", ""))


def test_lines_of_the_event_log_are_read_back_without_a_half_one(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "events.jsonl")
    events.append("", "event", event="nowhere")
    events.append(path, "event", event="end", message="one", when=Path("x"))
    with Path(path).open("a") as file:
        file.write('{"kind": "event", "mess')
    assert [(line["message"], line["when"]) for line in events.lines(path)] == [("one", "x")]
    assert list(events.lines("")) == list(events.lines(path + ".not")) == []


def test_without_files_there_is_nothing(tmp_path: Path) -> None:
    files = read(tmp_path / "never written")
    assert files == RunFiles()
    assert (files.since(), files.until(), files.observed_before(1e12)) == (None, None, False)


def test_everything_is_in_the_order_of_time(tmp_path: Path) -> None:
    folder = RELEASED.write(tmp_path)
    whole = read(folder)
    for name in ("events", "requests"):
        path = folder / f"{name}.jsonl"
        path.write_text("".join(f"{line}\n" for line in reversed(path.read_text().splitlines())))
    assert read(folder) == whole
    assert (whole.since(), whole.until()) == (BEGIN + 4, BEGIN + 189.99)
    first = whole.observations[0].t
    assert (whole.observed_before(first), whole.observed_before(first + 0.1)) == (False, True)


def test_a_request_fails_by_its_error_its_silence_or_a_5xx(tmp_path: Path) -> None:
    def failed(**fields: object) -> bool:
        (tmp_path / "requests.jsonl").write_text(json.dumps({"t": 1, **fields}) + "\n")
        (request,) = read(tmp_path).requests
        assert isinstance(request, Request)
        return request.failed

    assert [failed(status=status) for status in (200, 404, 499, 500, 503)] == [False, False, False, True, True]
    assert (failed(), failed(status=200, error="another release"), failed(status=200, error="")) == (True, True, True)
