"""Whether the new release may have more traffic: figures of both colours in, a verdict and a sentence out (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# While a bake is watched, the same figures are looked at a hundred times: chance may be blamed once in so many looks.
CHANCE = 1e-4


@dataclass(frozen=True)
class Figures:
    """What a colour did: requests whose outcome is known, those that failed, response times in milliseconds.

    p90_ms: needed only while it is not final, see `slower`.
    """

    requests: int
    errors: int
    p95_ms: float | None
    p90_ms: float | None = None


@dataclass(frozen=True)
class Limits:
    """minimum_requests: what green must have answered. p95_floor_ms: below it, latency never fails."""

    minimum_requests: int = 300
    error_percent: float = 1.0
    p95_factor: float = 2.0
    p95_floor_ms: float = 50.0
    cpu_percent: float = 90.0


@dataclass(frozen=True)
class Verdict:
    """words: a sentence for a tired person. missing: requests that green still lacks."""

    outcome: Literal["pass", "fail", "undecided"]
    words: str
    missing: int = 0


def judge(blue: Figures, green: Figures, cpu: float | None, limits: Limits, final: bool) -> Verdict:
    """Final: by the figures as they are, if there are enough of them. Before: fails only what can't be chance, and
    a pass means so far."""
    missing = max(0, limits.minimum_requests - green.requests)
    if reason := next(surely_wrong(blue, green, limits), None):
        return Verdict("fail", reason, missing)
    if missing:
        return Verdict("undecided", lacking(green, limits, missing), missing)
    if reason := next(wrong(blue, green, cpu, limits), None):
        return Verdict("fail", reason) if final else Verdict("undecided", f"Not sure yet: {reason}")
    if green.p95_ms is None:
        return Verdict("undecided", f"CloudWatch has no response times yet of green's {green.requests:,} requests")
    return Verdict("pass", good(blue, green, cpu))


def surely_wrong(blue: Figures, green: Figures, limits: Limits) -> Iterator[str]:
    known = share(blue) if blue.requests >= limits.minimum_requests else 0.0  # of two requests, one is not a half
    allowed = max(limits.error_percent / 100, known)
    if at_least(green.errors, green.requests, allowed) < CHANCE:
        yield too_many_errors(blue, green, limits)
    # The p95 of 300 requests may in truth be anything from p91 to p98, and the p90 can't pass for it: so green is
    # surely slower when nine in ten of its requests don't do what blue does with nineteen in twenty.
    if green.requests >= limits.minimum_requests and slower(blue, green.p90_ms, limits):
        yield too_slow(blue, green, limits)


def wrong(blue: Figures, green: Figures, cpu: float | None, limits: Limits) -> Iterator[str]:
    if share(green) > limits.error_percent / 100:
        yield too_many_errors(blue, green, limits)
    if slower(blue, green.p95_ms, limits):
        yield too_slow(blue, green, limits)
    if cpu is not None and cpu > limits.cpu_percent:
        yield f"the service uses {cpu:.0f} % of its CPU; {limits.cpu_percent:g} % is allowed"


def slower(blue: Figures, milliseconds: float | None, limits: Limits) -> bool:
    if milliseconds is None or blue.p95_ms is None:
        return False
    return milliseconds > max(limits.p95_factor * blue.p95_ms, limits.p95_floor_ms)


def share(figures: Figures) -> float:
    return figures.errors / figures.requests if figures.requests else 0.0


def at_least(errors: int, requests: int, allowed: float) -> float:
    """The chance of so many errors or more if each request failed with the allowed probability: the exact binomial
    tail. (A Wilson interval would already be sure after one error in one request.)"""
    if errors <= requests * allowed or allowed >= 1:
        return 1.0
    if allowed <= 0:
        return 0.0
    odds = allowed / (1 - allowed)
    term = math.exp(
        math.lgamma(requests + 1)
        - math.lgamma(errors + 1)
        - math.lgamma(requests - errors + 1)
        + errors * math.log(allowed)
        + (requests - errors) * math.log1p(-allowed)
    )
    total = 0.0
    for count in range(errors, requests + 1):  # terms fall from here on: errors is beyond the mean
        total += term
        if term < total * 1e-12:
            break
        term *= (requests - count) / (count + 1) * odds
    return min(1.0, total)


# Words


def lacking(green: Figures, limits: Limits, missing: int) -> str:
    return (
        f"not enough requests to judge: green has answered {green.requests:,} of the {limits.minimum_requests:,} that "
        f"it takes, {missing:,} are missing"
    )


def too_many_errors(blue: Figures, green: Figures, limits: Limits) -> str:
    words = f"green answers {failed(green)} with 5xx; {limits.error_percent:g} % is allowed and blue has {rate(blue)}"
    return f"{words}, so look beyond the release too" if share(blue) > limits.error_percent / 100 else words


def too_slow(blue: Figures, green: Figures, limits: Limits) -> str:
    allowed = max(limits.p95_factor * (blue.p95_ms or 0), limits.p95_floor_ms)
    return (
        f"green's p95 is {ms(green.p95_ms)} over {green.requests:,} requests; {ms(allowed)} is allowed and blue has "
        f"{ms(blue.p95_ms)}"
    )


def good(blue: Figures, green: Figures, cpu: float | None) -> str:
    load = "the service's CPU is not known yet" if cpu is None else f"the service uses {cpu:.0f} % of its CPU"
    compared = f"blue's is {ms(blue.p95_ms)}" if blue.p95_ms is not None else "blue had no requests to compare with"
    return f"green answers {failed(green)} with 5xx, its p95 is {ms(green.p95_ms)}, {compared}; {load}"


def failed(figures: Figures) -> str:
    return f"{percent(figures)} of {figures.requests:,} requests"


def rate(figures: Figures) -> str:
    return f"{percent(figures)} of {figures.requests:,}" if figures.requests else "had no requests"


def percent(figures: Figures) -> str:
    value = 100 * share(figures)
    return f"{value:.2g} %" if 0 < value < 0.1 else f"{value:.1f} %"  # a few errors among many are not 0.0 %


def ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f} ms"
