"""What a release answers where green is judged, as the role's own expressions say it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.template import trust_as_template

from tests.unit.roles.test_release_record import ROLE, said

LACKS = {"outcome": "undecided", "words": "not enough requests to judge"}
PASS = {"goes_on": True, "verdict": {"outcome": "pass", "words": "green answers well"}}
UNSURE = {"goes_on": True, "verdict": {"outcome": "inconclusive", "words": "it can't be told apart"}}
FAIL = {"goes_on": False, "verdict": {"outcome": "fail", "words": "green answers 3 of 300 requests with 5xx"}}


def answered(stop: str, **known: Any) -> tuple[bool, str]:
    """What is answered at a stop, and why."""
    expressions = {key: trust_as_template(str(ROLE["__release_answers"][stop][key])) for key in ("good", "why")}
    known = {"__release_look": {"verdict": LACKS, "figures": {}}, "release_thresholds": {}, **known}
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
    known = {"__release_ready": {"tasks": tasks}, "__release_trial": trial, "release_warmup_requests": each}
    sent = {"count": trust_as_template(ROLE["__release_warmup"]["count"])}
    assert int(said("count", **known, **sent)) == count
    sent = {"concurrency": trust_as_template(ROLE["__release_warmup"]["concurrency"])}
    assert int(said("concurrency", **known, **sent)) == concurrency


@pytest.mark.parametrize(("pause", "minute", "seconds"), [(30, 60.0, 60), (30, 2.0, 15), (1, 60.0, 15)])
def test_warming_leaves_most_of_the_pause_to_others(pause: int, minute: float, seconds: float) -> None:
    timeout = trust_as_template(ROLE["__release_warmup"]["timeout"])
    known = {"release_pause_minutes": pause, "release_minute_seconds": minute}
    assert float(said("timeout", timeout=timeout, **known)) == seconds


@pytest.mark.parametrize("judged", [PASS, UNSURE, FAIL])
def test_what_was_judged_is_answered(judged: dict[str, Any]) -> None:
    """What it means is decided in ops/release/analysis.py."""
    assert answered("judge", __release_judged=judged) == (judged["goes_on"], judged["verdict"]["words"])


@pytest.mark.parametrize(
    ("judged", "why"), [({"msg": "AWS did not answer"}, "AWS did not answer"), ({}, "nobody looked")]
)
def test_without_a_judgement_no_traffic_passes_and_it_is_said_that_nothing_speaks_against_it(
    judged: dict[str, Any], why: str
) -> None:
    words = f"nothing speaks against green, but it could not be judged: {why}"
    assert answered("judge", __release_judged=judged) == (False, words)


@pytest.mark.parametrize(("traffic", "made"), [("generate", 120), ("refuse", 0)])
def test_what_is_lacking_is_made_or_not_as_the_inventory_says(traffic: str, made: int) -> None:
    known = {"__release_look": {"verdict": {**LACKS, "missing": 120}}, "release_analysis_traffic": traffic}
    assert said("__release_lacks", **known) == made


SENT = {"sent": 300, "requests_failed": 4, "first_failure": "answered 503"}


@pytest.mark.parametrize(
    ("sent", "given"),
    [(None, {}), ({"changed": False, "skipped": True}, {}), ({**SENT, "changed": False, "failed": False}, SENT)],
)
def test_what_was_sent_is_judged_with_the_rest(sent: dict[str, Any] | None, given: dict[str, Any]) -> None:
    expression = trust_as_template(ROLE["__release_final"]["sent"])
    known = {} if sent is None else {"__release_sent": sent}
    assert said("given", given=expression, **known) == given


@pytest.mark.parametrize(
    ("known", "target"),
    [
        ({}, "green"),
        ({"__release_found": {"target": "blue"}}, "blue"),
        ({"__release_found": {"target": "green"}, "__release_ready": {"target": "blue"}}, "blue"),
    ],
)
def test_alarms_are_those_of_where_the_release_goes(known: dict[str, Any], target: str) -> None:
    alarms = {"blue": ["t1-blue-worse"], "green": ["t1-green-worse"]}
    expression = trust_as_template(ROLE["__release_service"]["alarms"])
    assert said("alarms", alarms=expression, release_alarms=alarms, **known) == alarms[target]
    assert said("alarms", alarms=expression, release_alarms={}, **known) == []
