"""The public address, asked until it answers as often in a row as desired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.modules import https_check
from tests.support.ops.own_modules import call
from tests.support.ops.served_app import ServedApp, serving


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApp]:
    with serving(tmp_path / "server") as there:
        yield there


def ask(served: ServedApp, **options: Any) -> dict[str, Any]:
    given = {"url": f"{served.url}/readyz", "connect_to": served.connect_to, "ca": str(served.ca)}
    return call(https_check.main, **{**given, "poll_seconds": 0.01, "timeout": 5, **options})


def asked(served: ServedApp) -> int:
    return sum(one["path"] == "/readyz" for one in served.application.headers_seen)


@pytest.mark.parametrize("times", [1, 3])
def test_it_is_asked_as_often_as_desired_each_time_anew(served: ServedApp, times: int) -> None:
    assert ask(served, consecutive=times)["status"] == 200
    assert (asked(served), served.application.connections) == (times, times)


def test_one_bad_answer_among_good_ones_begins_the_count_anew(
    served: ServedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after a change some nodes of a load balancer still do as before."""
    wrong = iter([None, None, "it answers 503 instead of 200", None, None, None])
    monkeypatch.setattr(https_check, "mismatch", lambda *_: next(wrong))
    assert ask(served, consecutive=3)["status"] == 200
    assert asked(served) == 6


def test_what_does_not_answer_fails_with_the_hint(served: ServedApp) -> None:
    served.does.statuses["/readyz"] = 503
    failed = ask(served, consecutive=3, timeout=0, hint="This run changed the listener.")
    assert failed["failed"] and "503 instead of 200" in failed["msg"]
    assert failed["msg"].endswith("This run changed the listener.")


def test_another_name_than_the_certificate_s_is_no_answer(served: ServedApp) -> None:
    failed = ask(served, url="https://elsewhere.example/readyz", timeout=0)
    assert "certificate" in failed["msg"]
