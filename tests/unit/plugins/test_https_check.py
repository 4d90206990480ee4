"""The public address, asked until it answers as often in a row as desired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.modules import https_check
from tests.support.ops.outside import Outside, serving
from tests.support.ops.own_modules import call


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    with serving(tmp_path / "server") as there:
        yield there


def ask(outside: Outside, **options: Any) -> dict[str, Any]:
    given = {"url": f"{outside.url}/readyz", "connect_to": outside.connect_to, "ca": str(outside.ca)}
    return call(https_check.main, **{**given, "poll_seconds": 0.01, "timeout": 5, **options})


def asked(outside: Outside) -> int:
    return sum(one["path"] == "/readyz" for one in outside.application.headers_seen)


@pytest.mark.parametrize("times", [1, 3])
def test_it_is_asked_as_often_as_desired_each_time_anew(outside: Outside, times: int) -> None:
    assert ask(outside, consecutive=times)["status"] == 200
    assert (asked(outside), outside.application.connections) == (times, times)


def test_one_bad_answer_among_good_ones_begins_the_count_anew(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after a change some nodes of a load balancer still do as before."""
    wrong = iter([None, None, "it answers 503 instead of 200", None, None, None])
    monkeypatch.setattr(https_check, "mismatch", lambda *_: next(wrong))
    assert ask(outside, consecutive=3)["status"] == 200
    assert asked(outside) == 6


def test_what_does_not_answer_fails_with_the_hint(outside: Outside) -> None:
    outside.does.statuses["/readyz"] = 503
    failed = ask(outside, consecutive=3, timeout=0, hint="This run changed the listener.")
    assert failed["failed"] and "503 instead of 200" in failed["msg"]
    assert failed["msg"].endswith("This run changed the listener.")


def test_another_name_than_the_certificate_s_is_no_answer(outside: Outside) -> None:
    failed = ask(outside, url="https://elsewhere.example/readyz", timeout=0)
    assert "certificate" in failed["msg"]
