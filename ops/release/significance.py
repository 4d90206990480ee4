"""Whether green's share of bad requests can be chance (pure).

It can't only if neither of these is chance:

- that it is above what is allowed, by the exact binomial tail (Clopper and Pearson, Biometrika 26, 1934);
- that it is above blue's in the same minutes, by Chernoff's bound on the hypergeometric law that holds where a minute
  treats both colours alike (Hoeffding, Journal of the American Statistical Association 58, 1963, theorems 1 and 4).

The greater of both is the chance that is told: a test that needs both errs no oftener than either alone (Berger,
Technometrics 24, 1982).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple


class Pair(NamedTuple):
    """Requests of both colours in a minute, and how many of them were bad."""

    green_bad: float
    green: int
    blue_bad: float
    blue: int


def share(pairs: Sequence[Pair], colour: Literal["green", "blue"] = "green") -> float:
    """Return the share of bad ones among a colour's requests."""
    requests = total(pairs, colour)
    return bad(pairs, colour) / requests if requests else 0.0


def total(pairs: Sequence[Pair], colour: Literal["green", "blue"] = "green") -> int:
    return sum(pair.green if colour == "green" else pair.blue for pair in pairs)


def bad(pairs: Sequence[Pair], colour: Literal["green", "blue"] = "green") -> float:
    return sum(pair.green_bad if colour == "green" else pair.blue_bad for pair in pairs)


def chance_of(pairs: Sequence[Pair], allowed: float) -> float:
    """Return how often, at most, green would have as many bad requests, were it no worse than is allowed, or than blue.

    Where blue has no requests at all, only what is allowed counts.
    """
    beyond = at_least(round(bad(pairs)), total(pairs), allowed)
    return max(beyond, as_many(pairs)) if total(pairs, "blue") else beyond


def at_least(count: int, requests: int, allowed: float) -> float:
    """Return the chance of so many bad ones or more if each request is one with the allowed probability.

    The exact binomial tail: a Wilson interval would already be sure after one error in one request.
    """
    if count <= requests * allowed or allowed >= 1:
        return 1.0
    if allowed <= 0:
        return 0.0
    odds = allowed / (1 - allowed)
    term = math.exp(
        math.lgamma(requests + 1)
        - math.lgamma(count + 1)
        - math.lgamma(requests - count + 1)
        + count * math.log(allowed)
        + (requests - count) * math.log1p(-allowed)
    )
    tail = 0.0
    for more in range(count, requests + 1):  # terms fall from here on: the count is beyond the mean
        tail += term
        if term < tail * 1e-12:
            break
        term *= (requests - more) / (more + 1) * odds
    return min(1.0, tail)


def as_many(pairs: Sequence[Pair]) -> float:
    """Bound the chance that so many of the bad requests, or more, are green's if each minute treats both alike.

    The bad ones of a minute then fall on green by its share of the requests. Chernoff's bound is the least value of
    E exp(tilt (X - found)) over all tilts > 0; that of a hypergeometric X is no greater than of a binomial one.
    """
    drawn = [
        (pair.green_bad + pair.blue_bad, pair.green / (pair.green + pair.blue))
        for pair in pairs
        if pair.green + pair.blue
    ]
    found = bad(pairs)

    def expected(tilt: float) -> float:
        return sum(count * part / (part + (1 - part) * math.exp(-tilt)) for count, part in drawn)

    if found <= expected(0.0):
        return 1.0
    low, high = 0.0, 60.0  # at 60, all of them are green's but for one in 10^26
    for _ in range(60):
        tilt = (low + high) / 2
        low, high = (tilt, high) if expected(tilt) < found else (low, tilt)
    logarithm = sum(count * math.log1p(part * math.expm1(high)) for count, part in drawn) - high * found
    return min(1.0, math.exp(logarithm))
