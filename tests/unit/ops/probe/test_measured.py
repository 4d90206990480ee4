"""When a run counts as measured from outside, and when it does not."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ops.probe.measured import longest_silence, not_measured
from ops.report.facts import facts_from
from ops.report.release_report import as_html, window_of
from ops.report.run_files import RunFiles
from ops.report.summary import summary
from plugins.modules import probe
from tests.support.ops.own_modules import call

STEADY = [float(second) for second in range(100)]


@pytest.mark.parametrize(
    ("sent", "until"),
    [
        (STEADY, 100.0),
        (STEADY[::10], 100.0),  # the lowest rate
        (STEADY, 129.0),  # the last are awaited, and a busy machine comes late
        (list(reversed(STEADY)), 100.0),
        ([0.0], 5.0),
    ],
)
def test_steady_requests_are_a_measurement(sent: list[float], until: float) -> None:
    assert not_measured(sent, until, ended_early=False) == ""


@pytest.mark.parametrize(
    ("sent", "until", "ended_early", "words"),
    [
        ([0.0, 0.1], 240.0, True, "the availability probe ended by itself 0.1 s after its first request"),
        (STEADY, 100.0, True, "the availability probe ended by itself 99.0 s after its first request"),
        ([], 100.0, False, "the availability probe sent no request"),
        ([], 100.0, True, "the availability probe sent no request"),
        ([*STEADY, 150.0], 151.0, False, "the availability probe sent no request for 51 s"),  # a laptop that slept
        ([0.0, 0.1], 240.0, False, "the availability probe sent no request for 240 s"),  # it was stopped, not ended
    ],
)
def test_a_probe_that_ended_or_fell_silent_is_none(
    sent: list[float], until: float, ended_early: bool, words: str
) -> None:
    assert not_measured(sent, until, ended_early) == words


def test_a_slow_answer_is_no_silence() -> None:
    assert longest_silence(STEADY, 135.0) == 36.0
    assert not_measured(STEADY, 135.0, ended_early=False, patience=10.0) == ""


def test_the_report_says_in_its_first_sentence_and_its_figures_that_nothing_was_measured() -> None:
    found = {
        "release": "1.0.0",
        "outcome": "released",
        "started": 0,
        "finished": 60,
        "probe": {"requests": 2, "failed": 0, "not_measured": "the availability probe ended by itself"},
    }
    facts, files = facts_from("run", found), RunFiles()
    assert summary(facts, files) == (
        "1.0.0 was released in 1 min: not measured from outside, since the availability probe ended by itself"
    )
    shown = as_html(facts, files, window_of(facts, files))
    assert "<b>Not measured</b>" in shown
    assert "none failed" not in shown


def record(path: Path, moments: list[float]) -> None:
    common: dict[str, Any] = {"ms": 1.0, "release": "1", "kind": "read", "status": 200, "error": None}
    path.write_text("".join(json.dumps({"t": at, **common}) + "\n" for at in moments))


@pytest.mark.parametrize(
    ("changed", "fails"),
    [
        ({}, False),
        ({"ended_early": True}, True),
        ({"ended_early": True, "enabled": False}, False),  # nobody demands it
        ({"ended_early": True, "pid": 0}, False),  # nothing was started, as before the first release
        ({"ended_early": True, "check": True}, False),
        ({"stale": True}, True),
    ],
)
def test_a_release_that_nobody_measures_does_not_go_on(changed: dict[str, Any], fails: bool, tmp_path: Path) -> None:
    given, now, path = dict(changed), time.time(), tmp_path / "requests.jsonl"
    record(path, [now - 300] if given.pop("stale", False) else [now - 1, now])
    options = {"state": "verified", "url": "https://a.example", "results": str(path), "name": "n", "token_secret": "s"}
    answer = call(probe.main, check=given.pop("check", False), **options | {"pid": 7} | given)
    assert answer.get("failed", False) is fails
    if fails:
        assert "does not measure this release any more" in answer["msg"]
        assert str(path.with_suffix(".log")) in answer["msg"]
