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
    known = {"__release_look": {"verdict": LACKS, "figures": {}}, "release_limits": {}, **known}
    good, why = (said(key, **known, **expressions) for key in ("good", "why"))
    return good, why


@pytest.mark.parametrize("judged", [PASS, UNSURE, FAIL])
def test_what_was_judged_is_answered(judged: dict[str, Any]) -> None:
    """What it means is decided in plugins/module_utils/gate.py."""
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
    known = {"__release_look": {"verdict": {**LACKS, "missing": 120}}, "release_gate_traffic": traffic}
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
