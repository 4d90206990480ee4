"""The analysis: tables of releases that are good or bad, and how often it errs, by seeded chance."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ops.release.analysis import CHANCE, FINAL, Analysis, Sent, Thresholds, analyse, final_analysis, may_continue, odds
from ops.release.sample import Minute, Sample
from tests.support.ops.minutes import (
    NOON,
    THRESHOLDS,
    Truth,
    analyses,
    drawn,
    in_minutes,
    lognormal,
    part,
    some,
    times,
)


def minutes(*found: Minute) -> dict[object, Minute]:
    return {NOON + timedelta(minutes=number): minute for number, minute in enumerate(found)}


def even(requests: int, errors: int = 0, slow: int = 0, p95: float | None = 20.0, of: int = 1) -> list[Minute]:
    """So many in all, over so many minutes. The rest of a division is in the first."""

    def share(total: int, number: int) -> int:
        return total // of + (total % of if number == 0 else 0)

    return [
        Minute(share(requests, n), share(errors, n), share(requests, n) if p95 else 0, p95, share(slow, n))
        for n in range(of)
    ]


BLUE = even(2104, of=4)


def compared(
    green: list[Minute], blue: list[Minute] | None = None, first: list[Minute] | None = None, beside: bool = True
) -> Sample:
    """first: minutes of green before those that count."""
    early = {NOON - timedelta(minutes=1 + number): minute for number, minute in enumerate(first or [])}
    return Sample(minutes(*(BLUE if blue is None else blue)), minutes(*green), beside, early, slow_ms=82.0)  # type: ignore[arg-type]


def analysed(found: Sample, cpu: float | None = 40.0, final: bool = True, sent: Sent | None = None) -> Analysis:
    return analyse(found, cpu, THRESHOLDS, final, sent)


COLD = [Minute(requests=40, timed=40, p95_ms=793, slow=24)]

GOOD = {
    "as fast as blue": compared(even(312, of=4)),
    "a few errors": compared(even(312, errors=3, of=4)),
    "cold in its first minute": compared(even(317, slow=4, of=4), first=COLD),
    "cold in one minute that counts": compared([*COLD, *even(300, slow=4, of=3)]),
    "one stall": compared([*even(240, of=3), Minute(requests=80, timed=80, p95_ms=900, slow=30)]),
    "a twentieth is slow": compared(even(400, slow=15, of=4)),
    "blue without requests": compared(even(312, of=4), blue=[]),
    "all traffic": compared(even(4000, slow=40, of=4), beside=False),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_ones_pass(name: str) -> None:
    assert analysed(GOOD[name]).outcome == "pass", analysed(GOOD[name]).message
    assert analysed(GOOD[name], final=False).outcome == "pass"


UNSURE = {
    # what was reported: the first requests of cold threads, in all minutes; 22 of 317 may be chance
    "cold threads everywhere": compared(even(317, slow=22, p95=81, of=4), even(2104, slow=10, p95=18, of=4)),
    "both fail": compared(even(400, errors=20, of=4), even(2000, errors=100, of=4)),
    "both are slow": compared(even(400, slow=80, of=4), even(2000, slow=400, of=4)),
    "both are slow, later blue has gone": compared(even(400, slow=80, of=4), even(2000, slow=400, of=4), beside=False),
    "slow, and blue has too few to compare": compared(even(400, slow=80, of=4), even(4, of=4)),
    "1.3 % of errors": compared(even(312, errors=4, of=4)),
}


@pytest.mark.parametrize("name", UNSURE)
@pytest.mark.parametrize("final", [True, False])
def test_what_cannot_be_told_apart_rolls_nothing_back_and_asks_for_more(name: str, final: bool) -> None:
    found = analysed(UNSURE[name], final=final)
    assert (found.outcome, found.missing) == ("inconclusive", THRESHOLDS.minimum_requests), found.message
    assert "it can't be told apart: " in found.message


BAD = {
    "5 % of errors": compared(even(312, errors=16, of=4)),
    "as many where blue is ill too": compared(even(400, errors=80, of=4), even(2000, errors=100, of=4)),
    "10 % of errors in its first minute": compared(even(300, of=4), first=even(200, errors=20)),
    "all of three": compared(even(3, errors=3)),
    "a third is slow": compared(even(300, slow=100, p95=400, of=4)),
    "a tenth is slow, of many": compared(even(1500, slow=150, of=4)),
    "slow from the second minute on": compared([*even(75), *even(225, slow=90, of=3)]),
    "slow in the two minutes there are": compared(even(300, slow=60, of=2)),
    "slow with all traffic": compared(even(4000, slow=800, of=4), beside=False),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_ones_are_rolled_back(name: str) -> None:
    assert analysed(BAD[name]).outcome == "fail", analysed(BAD[name]).message


SURE = [name for name in BAD if name != "5 % of errors"]


@pytest.mark.parametrize("name", SURE)
def test_what_is_certain_is_rolled_back_on_the_way(name: str) -> None:
    assert analysed(BAD[name], final=False).outcome == "fail"


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (compared(even(1, errors=1)), 299),
        (compared([]), 300),
        (compared(even(299, of=4)), 1),
        (compared(even(100, slow=60, p95=700, of=2)), 200),  # slow, but few: cold threads are
        (compared(even(200, of=2), first=even(500)), 100),  # those of the first minute are none of them
        (compared(even(300, p95=None, of=4)), 0),
    ],
)
def test_too_few_or_untimed_requests_are_no_analysis(found: Sample, missing: int) -> None:
    for final in (True, False):
        assert (analysed(found, final=final).outcome, analysed(found, final=final).missing) == ("undecided", missing)


def test_a_saturated_service_may_be_any_colour_s() -> None:
    assert analysed(GOOD["as fast as blue"], cpu=97.0).outcome == "inconclusive"
    assert analysed(GOOD["as fast as blue"], cpu=None).outcome == "pass"


@pytest.mark.parametrize(
    ("sent", "failed", "outcome"),
    [(300, 15, "fail"), (300, 9, "fail"), (300, 4, "pass"), (10, 3, "fail"), (10, 2, "pass"), (0, 0, "pass")],
)
def test_what_was_sent_for_the_analysis_counts_as_users_requests_do(sent: int, failed: int, outcome: str) -> None:
    found = analysed(GOOD["as fast as blue"], sent=Sent(sent, failed, "answered 503"))
    assert found.outcome == outcome
    assert (outcome == "fail") == ("The first: answered 503" in found.message)


def test_a_green_without_targets_is_known_by_what_was_sent_alone() -> None:
    found = analysed(compared([]), sent=Sent(300, 300, "answered 503"))
    assert (found.outcome, "green fails 100.0 % of the 300 requests" in found.message) == ("fail", True)


def test_what_it_means_is_a_person_s_word_only_where_nothing_is_proven() -> None:
    outcomes = ("pass", "inconclusive", "undecided", "fail")
    on, back = ([may_continue(Analysis(one, ""), word) for one in outcomes] for word in ("continue", "roll_back"))  # type: ignore[arg-type]
    assert (on, back) == ([True, True, False, False], [True, False, False, False])
    words = "maybe. By release_on_inconclusive=roll_back it rolls back"
    assert final_analysis(Analysis("inconclusive", "maybe"), "roll_back", []).message == words
    assert final_analysis(Analysis("undecided", "few"), "continue", []).message.startswith(
        "nothing speaks against green, but"
    )


def test_alarms_are_told_of_and_change_nothing() -> None:
    found = final_analysis(Analysis("pass", "good"), "continue", ["t1-blue-latency", "t1-green-latency"])
    assert found.outcome == "pass"
    assert found.message == (
        "good. Alarms in the state ALARM meanwhile, which roll nothing back: t1-blue-latency, t1-green-latency"
    )


def test_it_speaks_in_sentences_with_all_its_numbers() -> None:
    assert analysed(BAD["5 % of errors"]).message == (
        "green answers 5.1 % of 312 requests with 5xx; 1 % is allowed and blue has 0.0 % of 2,104 in the same minutes: "
        "chance, at most once in 1,000,000"
    )
    assert analysed(BAD["a third is slow"]).message == (
        "33.3 % of green's 225 requests but for its worst minute took longer than 82 ms; 5 % may and blue has 0.0 % of "
        "1,578 in the same minutes: chance, at most once in 1,000,000. Green's p95 is 400 ms, blue's 20 ms"
    )
    assert analysed(UNSURE["both fail"]).message.endswith("chance, as likely as not. Look beyond the release too")
    lacking = analysed(compared(even(43)))
    assert "43 of the 300" in lacking.message
    assert "blue had no requests to compare with" in analysed(GOOD["blue without requests"]).message
    assert "0.025 % of 4,000 requests with 5xx" in analysed(compared(even(4000, errors=1, of=4))).message
    assert "15 of them took longer than 82 ms, its p95" in analysed(GOOD["a twentieth is slow"]).message
    assert odds(0.004) == "at most once in 250"


# How often it errs. docs/decisions/005-releases-on-ecs-own-engine.md has these figures.

BASE = lognormal(80)
HEAVY = lognormal(80, spread=1.5)
BUSY = some(0.03, lognormal(2000), BASE)  # a machine that stalls for three requests of a hundred
SLOW_MINUTES = in_minutes({1, 2}, lognormal(800, spread=1.0), BASE)
EQUAL = {
    "even": Truth(),
    "heavy tails": Truth(green_ms=HEAVY, blue_ms=HEAVY),
    "a busy machine": Truth(green_ms=BUSY, blue_ms=BUSY),
    "two slow minutes for both": Truth(green_ms=SLOW_MINUTES, blue_ms=SLOW_MINUTES),
    "hardly any of blue": Truth(blue=15),
    "one cold minute": Truth(green_ms=in_minutes({0}, lognormal(900), BASE)),
    "all traffic": Truth(share=100),
    "half a percent of errors for both": Truth(errors=(0.005, 0.005)),
    "three percent of errors for both": Truth(errors=(0.03, 0.03)),
}


@pytest.mark.parametrize("name", EQUAL)
@pytest.mark.parametrize("final", [True, False])
def test_of_thousands_of_good_releases_hardly_one_is_rolled_back(name: str, final: bool) -> None:
    """2,700 in all."""
    found = analyses(EQUAL[name], releases=150, final=final)
    assert [one.message for one in found if one.outcome == "fail"] == []


THRICE = Truth(green_ms=times(3, BASE))
PATH = some(0.09, times(10, BASE), BASE)
ILL = {
    "p95 three times": THRICE,
    "slow from the second minute on": Truth(green_ms=in_minutes({1, 2, 3, 4}, times(3, BASE), BASE)),
    "one task of three": Truth(green_ms=some(1 / 3, times(10, BASE), BASE)),
    "5 % of errors": Truth(errors=(0.05, 0.0)),
    "one path of twelve, of many": Truth(green=500, green_ms=PATH),
    "three times with all traffic": Truth(green_ms=times(3, BASE), share=100),
}


@pytest.mark.parametrize("name", ILL)
def test_bad_ones_are_rolled_back_and_never_pass(name: str) -> None:
    """At the minimum of requests, but for the path: the rest is inconclusive, and gets more of them."""
    found = [one.outcome for one in analyses(ILL[name], releases=150)]
    assert found.count("fail") >= 0.9 * len(found)
    assert "pass" not in found


def test_one_slow_path_takes_more_requests_than_the_minimum() -> None:
    """The negative control: why there is an outcome between pass and fail."""
    assert part(Truth(green_ms=PATH), 150, "fail") < 0.5
    assert part(Truth(green=240, green_ms=PATH), 150, "fail") > 0.8
    assert part(Truth(green_ms=PATH), 150, "pass") < 0.15


def test_few_requests_find_little() -> None:
    """The negative control: why there is a minimum."""
    few = Thresholds(minimum_requests=50)
    found = analyses(Truth(green=10, errors=(0.05, 0.0)), 150, thresholds=few)
    assert sum(one.outcome == "fail" for one in found) < 0.5 * len(found)


def test_the_rule_before_would_have_taken_good_ones_back() -> None:
    """The negative control of the good ones: a p95 above twice blue's, without asking for chance."""
    cold = EQUAL["one cold minute"]
    found = analyses(cold, 50)
    assert {one.outcome for one in found} == {"pass"}
    p95s = [drawn(cold, seed).figures() for seed in range(50)]
    assert all((one["green"].p95_ms or 0) > THRESHOLDS.p95_factor * (one["blue"].p95_ms or 0) for one in p95s)


def test_a_release_at_the_very_limit_is_rolled_back_no_oftener_than_promised() -> None:
    """A twentieth of its requests is slow, of blue's next to none. Of errors: test_significance.py."""
    limit = Truth(green=120, green_ms=some(0.05, lognormal(2000, spread=0.1), lognormal(20)), blue_ms=lognormal(80))
    assert part(limit, 400, "fail") <= FINAL
    assert part(limit, 400, "fail", final=False) <= CHANCE * 100
