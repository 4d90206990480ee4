"""The smoke test of an application that keeps its contract, and of one that breaks each promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.release.smoke_test import Check, SmokeTest, is_cold, stylesheet, summary
from tests.support.ops.served_app import TOKEN, ServedApp, serving

MARKED = {"X-Test-Traffic": "a-secret"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApp]:
    with serving(tmp_path / "server") as there:
        yield there


def failed(served: ServedApp, release: str = "1.0.0", token: str = TOKEN) -> dict[str, str]:
    """The checks that failed, and what they say."""
    checks = SmokeTest(served.address(), release, MARKED, token).checks()
    assert len(checks) == 8
    return {check.check: check.message for check in checks if not check.passed and not check.warning}


def test_who_keeps_the_contract_passes(served: ServedApp) -> None:
    checks = SmokeTest(served.address(), "1.0.0", MARKED, TOKEN).checks()
    assert all(check.passed for check in checks), checks
    assert summary(checks, "1.0.0") == "Release 1.0.0 passed the smoke test: 8 of 8 checks."
    assert all(check.ms > 0 for check in checks)
    seen = served.application.headers_seen
    assert {one["path"] for one in seen} > {"/static/a.css", "/healthz", "/readyz", "/api/heartbeat"}
    assert all(one["x-test-traffic"] == "a-secret" for one in seen), "without it another release would be tested"


@pytest.mark.parametrize(
    ("trouble", "check", "words"),
    [
        ({"statuses": {"/healthz": 500}}, "alive", "GET /healthz answers 500 instead of 200"),
        ({"statuses": {"/readyz": 503}}, "ready", "GET /readyz answers 503"),
        ({"bodies": {"/readyz": b'{"status": "starting"}'}}, "ready", "says 'starting'"),
        ({"bodies": {"/readyz": b'{"status": "ready", "cache": "away"}'}}, "ready", "its cache is away"),
        ({"bodies": {"/readyz": b"yes"}}, "ready", "says None"),
        ({"statuses": {"/": 500}}, "first page", "GET / answers 500"),
        ({"statuses": {"/static/a.css": 404}}, "first page", "answers 404 instead of 200: https://app."),
        ({"bodies": {"/": b'<link rel="stylesheet" href="http://b.example/a.css">'}}, "first page", "can't be had"),
        ({"forgets": {1}}, "heartbeat read back", "is not found again"),
        ({"statuses": {"/api/students": 500}}, "API without a login", "GET /api/students answers 500 instead of 401"),
        ({"statuses": {"/api/students": 200}}, "API without a login", "answers 200 instead of 401"),
        ({"tokens": {TOKEN, ""}}, "heartbeat without a token", "answers 201 instead of 401"),
        ({"hang_up": {"/healthz"}}, "alive", "GET /healthz: the connection was closed without an answer"),
    ],
)
def test_a_broken_promise_is_named_and_the_others_are_kept(
    served: ServedApp, trouble: dict[str, object], check: str, words: str
) -> None:
    for name, value in trouble.items():
        setattr(served.does, name, value)
    found = failed(served)
    assert list(found) == [check], found
    assert words in found[check]


@pytest.mark.parametrize("path", ["/", "/api/heartbeat"])
def test_what_is_cold_is_a_warning_and_fails_nothing(served: ServedApp, path: str) -> None:
    """A machine with other work is cold, too, and what is cold is warmed before it has traffic."""
    served.does.cold, served.does.first = {path: 0.7}, 12
    checks = SmokeTest(served.address(), "1.0.0", MARKED, TOKEN).checks()
    assert [check.check for check in checks if check.warning] == ["warm"]
    said = summary(checks, "1.0.0")
    assert said.startswith("Release 1.0.0 passed the smoke test: 7 of 8 checks. Warning: /readyz says ready before it")
    assert "its first requests take 7" in said
    served.does.statuses = {"/healthz": 500}
    checks = SmokeTest(served.address(), "1.0.0", MARKED, TOKEN).checks()
    assert summary(checks, "1.0.0").startswith("Release 1.0.0 failed the smoke test: 1 of 8 checks, first `alive`")


def test_a_wrong_token_fails_both_ways(served: ServedApp) -> None:
    assert list(failed(served, token="another")) == ["heartbeat written", "heartbeat read back"]


def test_answers_of_another_release_prove_nothing(served: ServedApp) -> None:
    found = failed(served, release="1.1.0")
    assert len(found) == 8
    assert found["alive"] == "GET /healthz was answered by release 1.0.0 instead of 1.1.0"


@pytest.mark.parametrize(
    "trouble",
    [
        {"lasting": {"/": 0.3, "/api/heartbeat": 0.1}},  # always, not only at first
        {"cold": {"/": 0.7}, "first": 5},  # a few of the first ones: a machine that had something else to do
        {"cold": {"/": 0.1}, "first": 12},  # so little may be anything
        {"statuses": {"/healthz": 500}},  # another promise, which says nothing of this one
    ],
)
def test_what_is_slow_for_another_reason_is_not_cold(served: ServedApp, trouble: dict[str, object]) -> None:
    for name, value in trouble.items():
        setattr(served.does, name, value)
    checks = SmokeTest(served.address(), "1.0.0", MARKED, TOKEN).checks()
    assert [check.message for check in checks if check.warning] == []


@pytest.mark.parametrize(
    ("first", "later", "cold"),
    [
        (20, [15, 18, 16], False),
        (199, [5, 5, 5], False),  # below what any stall of a machine explains
        (700, [15, 18, 16], True),
        (700, [150, 240, 160], False),  # on a busy machine each round is slow
        (1500, [150, 240, 160], True),
        (550, [62, 98, 70], True),  # seen of a good image with 50 processes beside it: so it is a warning
        (700, [20, 500, 20], False),  # one later round stood still as long, so the first one may have, too
    ],
)
def test_first_requests_are_cold_beside_the_slowest_of_later_ones(first: float, later: list[float], cold: bool) -> None:
    assert is_cold(first, later) is cold


def test_what_fails_first_is_said_in_one_sentence() -> None:
    checks = [
        Check("a", True, "", 1),
        Check("b", False, "GET /b answers 500 instead of 200", 1),
        Check("c", False, "", 1),
    ]
    assert summary(checks, "1.1.0") == (
        "Release 1.1.0 failed the smoke test: 2 of 3 checks, first `b`: GET /b answers 500 instead of 200."
    )


def test_the_style_sheet_of_a_page() -> None:
    assert stylesheet(b"<p>none</p>") is None
    assert stylesheet(b"<link rel='icon' href='/i'><LINK href='/a.css?b=1&amp;c=2' rel=stylesheet>") == "/a.css?b=1&c=2"


def test_the_mark_of_test_traffic_goes_nowhere_else(served: ServedApp, tmp_path: Path) -> None:
    with serving(tmp_path / "bucket") as bucket:
        port = bucket.application.server_address[1]
        page = f'<link rel="stylesheet" href="https://127.0.0.1:{port}/static/a.css">'
        served.does.bodies = {"/": page.encode()}
        # its certificate is of another authority: it is asked, and not trusted
        assert "certificate is not trusted" in failed(served)["first page"]
        assert bucket.application.headers_seen == []
