"""What a release answers where green is judged, as the role's own expressions say it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.roles.test_release_record import said

PASS = {"outcome": "pass", "words": "green answers well"}
LACKS = {"outcome": "undecided", "words": "not enough requests to judge"}
FAIL = {"outcome": "fail", "words": "green answers 3 of 300 requests with 5xx"}


def verdict(judged: dict[str, Any], failed: int, count: int = 300, **limits: float) -> dict[str, Any]:
    sent = {"sent": count, "requests_failed": failed, "first_failure": "answered 503" if failed else ""}
    known = {"__release_judged": {"verdict": judged}, "__release_sent": sent, "release_limits": limits}
    return dict(said("__release_verdict", **known))


@pytest.mark.parametrize("judged", [PASS, LACKS])
def test_green_goes_back_when_too_much_of_what_was_sent_to_judge_it_fails(judged: dict[str, Any]) -> None:
    words = "green fails 1.3 % of the 300 requests that were sent to judge it; 1 % is allowed. The first: answered 503"
    assert verdict(judged, failed=4) == {"outcome": "fail", "words": words}
    assert verdict(judged, failed=3) == judged
    assert verdict(judged, failed=4, error_percent=2) == judged


def test_of_few_requests_one_may_fail() -> None:
    assert verdict(PASS, failed=2, count=10) == PASS
    assert verdict(PASS, failed=3, count=10)["outcome"] == "fail"


def test_the_figures_of_both_colours_say_more() -> None:
    assert verdict(FAIL, failed=300) == FAIL


@pytest.mark.parametrize("sent", [{}, {"__release_sent": {"changed": False, "skipped": True}}])
def test_where_nothing_was_sent_the_figures_alone_count(sent: dict[str, Any]) -> None:
    known = {"__release_judged": {"verdict": PASS}, "release_limits": {}, **sent}
    assert said("__release_refused", **known) is False
    assert said("__release_verdict", **known) == PASS
