"""What two colours do in some minutes, drawn by chance from what is true of them: the same every time, by its seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ops.release.analysis import Analysis, Thresholds, analyse
from ops.release.sample import Minute, Sample, sample, threshold

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
THRESHOLDS = Thresholds()
Milliseconds = Callable[[random.Random, int], float]  # of a request, in the minute of that number
Drawn = list[tuple[bool, float]]  # whether it failed, and how long it took


def lognormal(p95: float, spread: float = 0.5) -> Milliseconds:
    """Response times whose 95th percentile is that."""
    middle = math.log(p95) - 1.645 * spread
    return lambda chance, _: chance.lognormvariate(middle, spread)


def times(factor: float, normal: Milliseconds) -> Milliseconds:
    return lambda chance, minute: factor * normal(chance, minute)


def some(share: float, slow: Milliseconds, normal: Milliseconds) -> Milliseconds:
    """Slow for that share of the requests: one path of several, or one task of several."""
    return lambda chance, minute: (slow if chance.random() < share else normal)(chance, minute)


def in_minutes(which: set[int], then: Milliseconds, normal: Milliseconds) -> Milliseconds:
    return lambda chance, minute: (then if minute in which else normal)(chance, minute)


NORMAL = lognormal(80)


@dataclass(frozen=True)
class Truth:
    """A release as it is. green, blue: requests a minute. errors: the share of green's that fail, and of blue's."""

    green: int = 60
    blue: int = 180
    minutes: int = 5
    errors: tuple[float, float] = (0.0, 0.0)
    green_ms: Milliseconds = NORMAL
    blue_ms: Milliseconds = NORMAL
    share: float = 10


def drawn(truth: Truth, seed: int, thresholds: Thresholds = THRESHOLDS) -> Sample:
    """What CloudWatch tells of a release that is so."""
    chance = random.Random(seed)

    def colour(requests: int, errors: float, ms: Milliseconds, minutes: range) -> dict[int, Drawn]:
        return {n: [(chance.random() < errors, ms(chance, n)) for _ in range(requests)] for n in minutes}

    green = colour(truth.green, truth.errors[0], truth.green_ms, range(truth.minutes))
    before = range(-truth.minutes, 0) if truth.share >= 100 else range(truth.minutes)
    blue = colour(truth.blue, truth.errors[1], truth.blue_ms, before)
    compared = sample(counted(blue), counted(green), {}, truth.share)
    slow_ms = threshold(compared, thresholds.p95_factor, thresholds.p95_floor_ms)
    if slow_ms is None:
        return compared
    return replace(compared, blue=counted(blue, slow_ms), green=counted(green, slow_ms), slow_ms=slow_ms)


def counted(found: dict[int, Drawn], slow_ms: float = 0.0) -> dict[datetime, Minute]:
    return {NOON + timedelta(minutes=number): minute_of(requests, slow_ms) for number, requests in found.items()}


def minute_of(requests: Drawn, slow_ms: float) -> Minute:
    times = sorted(ms for _, ms in requests)
    p95 = times[math.ceil(0.95 * len(times)) - 1] if times else None
    errors = sum(failed for failed, _ in requests)
    return Minute(len(requests), errors, len(requests), p95, sum(ms > slow_ms for ms in times))


def analyses(truth: Truth, releases: int, final: bool = True, thresholds: Thresholds = THRESHOLDS) -> list[Analysis]:
    return [analyse(drawn(truth, seed, thresholds), 40.0, thresholds, final) for seed in range(releases)]


def part(truth: Truth, releases: int, outcome: str, final: bool = True) -> float:
    """The share of such releases that have that outcome."""
    return sum(analysis.outcome == outcome for analysis in analyses(truth, releases, final)) / releases
