"""What a release answers where green is judged, as the role's own expressions say it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.template import trust_as_template

from tests.unit.roles.test_release_record import ROLE, said

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


def answered(stop: str, **known: Any) -> tuple[bool, str]:
    """What is answered at a stop, and why."""
    expressions = {key: trust_as_template(str(ROLE["__release_answers"][stop][key])) for key in ("good", "why")}
    known = {"__release_look": {"verdict": LACKS, "figures": {}}, "release_limits": {}, **known}
    good, why = (said(key, **known, **expressions) for key in ("good", "why"))
    return good, why


KEPT = {"passed": True, "words": "Release 1.1.0 keeps the contract: 8 of 8 checks passed."}
BROKEN = {"passed": False, "words": "Release 1.1.0 fails 1 of 8 checks, first `warm`: it is cold."}


def warmed(failed: int) -> dict[str, Any]:
    return {"sent": 300, "requests_failed": failed, "first_failure": "answered 503" if failed else ""}


@pytest.mark.parametrize(("failed", "share"), [(0, "0.0 %"), (1, "0.3 %"), (300, "100.0 %")])
def test_what_failed_while_threads_got_warm_is_reported_and_takes_nothing_back(failed: int, share: str) -> None:
    good, why = answered("test", __release_trial=KEPT, __release_warmed=warmed(failed))
    assert good is True
    first = " The first: answered 503." if failed else ""
    assert why == f"{KEPT['words']} Of 300 requests to warm its threads {failed} failed ({share}).{first}"


def test_a_release_that_breaks_the_contract_is_not_warmed() -> None:
    assert answered("test", __release_trial=BROKEN) == (False, BROKEN["words"])


@pytest.mark.parametrize(
    ("tasks", "each", "trial", "count", "concurrency"),
    [
        (3, 100, KEPT, 300, 24),
        (1, 100, KEPT, 100, 8),
        (80, 100, KEPT, 5000, 50),
        (3, 0, KEPT, 0, 24),
        (3, 9, BROKEN, 0, 24),
    ],
)
def test_requests_to_warm_grow_with_the_tasks(
    tasks: int, each: int, trial: dict[str, Any], count: int, concurrency: int
) -> None:
    """A number that somebody typed after -e is a string."""
    known = {"__release_ready": {"tasks": tasks}, "__release_trial": trial, "release_warmup_requests": str(each)}
    sent = {"count": trust_as_template(ROLE["__release_warmup"]["count"])}
    assert int(said("count", **known, **sent)) == count
    sent = {"concurrency": trust_as_template(ROLE["__release_warmup"]["concurrency"])}
    assert int(said("concurrency", **known, **sent)) == concurrency


@pytest.mark.parametrize(("pause", "minute", "seconds"), [("30", "60", 60), ("30", "2", 15), ("1", "60", 15)])
def test_warming_leaves_most_of_the_pause_to_others(pause: str, minute: str, seconds: float) -> None:
    timeout = trust_as_template(ROLE["__release_warmup"]["timeout"])
    known = {"release_pause_minutes": pause, "release_minute_seconds": minute}
    assert float(said("timeout", timeout=timeout, **known)) == seconds


@pytest.mark.parametrize(("judged", "good"), [(PASS, True), (LACKS, False), (FAIL, False)])
def test_only_a_verdict_lets_traffic_pass_and_never_the_lack_of_one(judged: dict[str, Any], good: bool) -> None:
    assert answered("judge", __release_judged={"verdict": judged}) == (good, judged["words"])


def test_without_a_judgement_at_all_no_traffic_passes() -> None:
    assert answered("judge", __release_judged={"msg": "AWS did not answer"}) == (False, "AWS did not answer")


@pytest.mark.parametrize(("traffic", "made"), [("generate", 120), ("refuse", 0)])
def test_what_is_lacking_is_made_or_not_as_the_inventory_says(traffic: str, made: int) -> None:
    known = {"__release_look": {"verdict": {**LACKS, "missing": 120}}, "release_gate_traffic": traffic}
    assert said("__release_lacks", **known) == made


@pytest.mark.parametrize("sent", [{}, {"__release_sent": {"changed": False, "skipped": True}}])
def test_where_nothing_was_sent_the_figures_alone_count(sent: dict[str, Any]) -> None:
    known = {"__release_judged": {"verdict": PASS}, "release_limits": {}, **sent}
    assert said("__release_refused", **known) is False
    assert said("__release_verdict", **known) == PASS
