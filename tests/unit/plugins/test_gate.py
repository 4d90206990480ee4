"""The gate's verdicts: a table of cases, and its odds by exact computation instead of chance."""

from __future__ import annotations

from math import comb

import pytest
from ansible.module_utils.gate import CHANCE, Figures, Limits, Verdict, at_least, judge

BLUE = Figures(2104, 0, 41.0)
LIMITS = Limits()


def verdict(green: Figures, blue: Figures = BLUE, cpu: float | None = 40.0, final: bool = True) -> Verdict:
    return judge(blue, green, cpu, LIMITS, final)


@pytest.mark.parametrize(
    ("green", "final", "outcome"),
    [
        (Figures(312, 0, 44.0), True, "pass"),
        (Figures(312, 3, 44.0), True, "pass"),
        (Figures(312, 15, 44.0), True, "fail"),
        (Figures(312, 4, 44.0), True, "fail"),
        (Figures(312, 4, 44.0), False, "undecided"),  # 1.3 % may be chance, so far
        (Figures(312, 30, 44.0), False, "fail"),
        (Figures(3, 3, 44.0), False, "fail"),  # all of them: that is sure without a minimum
        (Figures(1, 1, 44.0), False, "undecided"),
        (Figures(1, 1, 44.0), True, "undecided"),
        (Figures(0, 0, None), True, "undecided"),
        (Figures(0, 0, None), False, "undecided"),
        (Figures(299, 0, 44.0), True, "undecided"),
        (Figures(300, 0, 44.0), True, "pass"),
        (Figures(300, 0, None), True, "undecided"),
        (Figures(300, 0, 123.0), True, "fail"),  # three times blue's
        (Figures(300, 0, 123.0, 60.0), False, "undecided"),
        (Figures(300, 0, 123.0, 100.0), False, "fail"),
        (Figures(200, 0, 123.0, 100.0), False, "undecided"),
    ],
)
def test_verdicts(green: Figures, final: bool, outcome: str) -> None:
    assert verdict(green, final=final).outcome == outcome


def test_latency_below_the_floor_never_fails() -> None:
    blue = Figures(2104, 0, 5.0)
    assert verdict(Figures(400, 0, 49.0), blue).outcome == "pass"
    assert verdict(Figures(400, 0, 51.0), blue).outcome == "fail"


def test_a_saturated_service_fails_at_the_end_and_not_while_green_starts() -> None:
    green = Figures(400, 0, 44.0)
    assert verdict(green, cpu=97.0).outcome == "fail"
    assert verdict(green, cpu=97.0, final=False).outcome == "undecided"
    assert verdict(green, cpu=None).outcome == "pass"


def test_while_blue_is_ill_too_only_a_worse_green_is_surely_wrong() -> None:
    ill = Figures(2000, 100, 41.0)
    assert verdict(Figures(400, 20, 44.0), ill, final=False).outcome == "undecided"
    assert verdict(Figures(400, 80, 44.0), ill, final=False).outcome == "fail"
    assert verdict(Figures(400, 80, 44.0), Figures(2, 1, 41.0), final=False).outcome == "fail"
    assert "look beyond the release" in verdict(Figures(400, 20, 44.0), ill).words


def test_it_speaks_in_sentences() -> None:
    assert verdict(Figures(312, 15, 44.0)).words == (
        "green answers 4.8 % of 312 requests with 5xx; 1 % is allowed and blue has 0.0 % of 2,104"
    )
    assert verdict(Figures(400, 0, 130.0)).words == (
        "green's p95 is 130 ms over 400 requests; 82 ms is allowed and blue has 41 ms"
    )
    lacking = verdict(Figures(43, 0, 44.0))
    assert lacking.missing == 257
    assert "43 of the 300" in lacking.words
    assert "blue had no requests" in verdict(Figures(400, 0, 44.0), Figures(0, 0, None)).words
    assert "0.025 %" in verdict(Figures(4000, 1, 44.0)).words


# Odds


def chance_of(errors: int, requests: int, share: float) -> float:
    return comb(requests, errors) * share**errors * (1 - share) ** (requests - errors)


def detection(requests: int, share: float, final: bool) -> float:
    """The probability that green fails if each of its requests fails with that probability."""
    return sum(
        chance_of(errors, requests, share)
        for errors in range(requests + 1)
        if verdict(Figures(requests, errors, 44.0), final=final).outcome == "fail"
    )


def test_five_percent_of_errors_are_found_at_the_minimum_of_traffic() -> None:
    assert detection(300, 0.05, final=True) > 0.999
    assert detection(100, 0.05, final=True) < 0.5  # the negative control: why there is a minimum


def test_without_errors_it_never_fails() -> None:
    assert detection(300, 0.0, final=True) == detection(300, 0.0, final=False) == 0


def test_a_hundred_looks_rarely_blame_what_is_allowed() -> None:
    for requests in (1, 2, 3, 10, 100, 300, 900):
        assert detection(requests, 0.01, final=False) <= CHANCE
    assert detection(300, 0.01, final=True) > 0.3  # the negative control: the final rule, asked a hundred times


@pytest.mark.parametrize(("errors", "requests"), [(1, 1), (3, 20), (12, 300), (40, 300)])
def test_the_tail_is_the_sum_of_its_terms(errors: int, requests: int) -> None:
    exact = sum(chance_of(count, requests, 0.01) for count in range(errors, requests + 1))
    assert at_least(errors, requests, 0.01) == pytest.approx(exact, rel=1e-9)


def test_the_tail_of_many_requests_is_quick_and_finite() -> None:
    assert at_least(20_000, 1_000_000, 0.01) == pytest.approx(0, abs=1e-12)
    assert at_least(10_001, 1_000_000, 0.01) == pytest.approx(0.5, abs=0.01)
