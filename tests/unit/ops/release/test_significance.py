"""Chances: exact ones against the sums of their terms, bounds against the chances that they bound."""

from __future__ import annotations

from math import comb

import pytest

from ops.release.significance import Pair, as_many, at_least, chance_of, share, total


def chance_of_errors(errors: int, requests: int, share: float) -> float:
    return comb(requests, errors) * share**errors * (1 - share) ** (requests - errors)


@pytest.mark.parametrize(("errors", "requests"), [(1, 1), (3, 20), (12, 300), (40, 300)])
def test_the_tail_is_the_sum_of_its_terms(errors: int, requests: int) -> None:
    exact = sum(chance_of_errors(count, requests, 0.01) for count in range(errors, requests + 1))
    assert at_least(errors, requests, 0.01) == pytest.approx(exact, rel=1e-9)


def test_the_tail_of_many_requests_is_quick_and_finite() -> None:
    assert at_least(20_000, 1_000_000, 0.01) == pytest.approx(0, abs=1e-12)
    assert at_least(10_001, 1_000_000, 0.01) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("requests", [1, 2, 3, 10, 100, 300, 900])
@pytest.mark.parametrize(("level", "allowed"), [(1e-4, 0.01), (0.01, 0.01), (0.01, 0.05)])
def test_what_is_allowed_is_blamed_no_oftener_than_the_level_says(requests: int, level: float, allowed: float) -> None:
    blamed = (n for n in range(requests + 1) if at_least(n, requests, allowed) < level)
    assert sum(chance_of_errors(n, requests, allowed) for n in blamed) <= level


def hypergeometric(pair: Pair) -> float:
    """The chance that so many of the bad ones of a minute, or more, are green's."""
    bad, requests = round(pair.green_bad + pair.blue_bad), pair.green + pair.blue
    most = min(bad, pair.green)
    ways = sum(comb(pair.green, n) * comb(pair.blue, bad - n) for n in range(round(pair.green_bad), most + 1))
    return ways / comb(requests, bad)


@pytest.mark.parametrize(
    "pair",
    [Pair(15, 300, 0, 300), Pair(15, 300, 5, 300), Pair(6, 30, 2, 270), Pair(3, 300, 20, 2700), Pair(40, 300, 90, 900)],
)
def test_the_bound_is_above_the_chance_and_not_far(pair: Pair) -> None:
    exact, bound = hypergeometric(pair), as_many([pair])
    assert exact <= bound <= max(40 * exact, 1e-12)


def test_where_all_bad_ones_are_green_s_the_bound_is_a_power() -> None:
    assert as_many([Pair(10, 100, 0, 900)]) == pytest.approx(1e-10, rel=1e-6)


def test_minutes_are_compared_each_with_itself() -> None:
    """Added up, green's 12 % would be three times blue's 4 %; it only had more requests when all was slow."""
    minutes = [Pair(30, 150, 30, 150), Pair(0, 100, 0, 600)]
    assert as_many([Pair(30, 250, 30, 750)]) < 0.001
    assert as_many(minutes) == 1.0


@pytest.mark.parametrize(
    ("pairs", "chance"),
    [
        ([], 1.0),
        ([Pair(0, 300, 0, 900)], 1.0),
        ([Pair(15, 300, 45, 900)], 1.0),  # more than is allowed, and no more than blue
        ([Pair(3, 300, 0, 9000)], 1.0),  # more than blue, and no more than is allowed
    ],
)
def test_both_must_speak_against_it(pairs: list[Pair], chance: float) -> None:
    assert chance_of(pairs, 0.01) == chance


def test_without_blue_only_what_is_allowed_counts() -> None:
    assert chance_of([Pair(15, 300, 0, 0)], 0.01) == at_least(15, 300, 0.01)


def test_many_minutes_of_many_requests_are_quick() -> None:
    day = [Pair(5000, 60_000, 5000, 60_000)] * 1440
    assert as_many(day) == 1.0
    assert (share(day), total(day, "blue")) == (5000 / 60_000, 1440 * 60_000)
