"""The figures of both colours that can be compared: minutes, and the threshold of a slow request (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ops.release.significance import Pair

SLOW_SHARE = 0.05  # of the requests may take longer than the threshold: what the p95 means
STEADY = 3  # minutes from which on no single one decides
TELLING = 20  # requests without which a minute's p95 says nothing


@dataclass(frozen=True)
class Minute:
    """A minute of a colour. timed: requests with a response time; slow: of these, above the threshold."""

    requests: int = 0
    errors: int = 0
    timed: int = 0
    p95_ms: float | None = None
    slow: float = 0.0


Minutes = Mapping[datetime, Minute]


@dataclass(frozen=True)
class Figures:
    """A colour in all: requests whose outcome is known, those that failed, and those slower than slow_ms."""

    requests: int
    errors: int
    p95_ms: float | None
    slow: int | None = None
    slow_ms: float | None = None


@dataclass(frozen=True)
class Sample:
    """Minutes of both colours that can be compared.

    blue: all since the release began. beside: whether those count that are green's too; else all of them do, as blue
    has no requests any more. first: green's first minutes with requests, when it is cold: of these only errors count,
    and only certain ones. slow_ms: the threshold by which `slow` was counted; None while blue's p95 is not known.
    """

    blue: Minutes
    green: Minutes
    beside: bool
    first: Minutes = field(default_factory=dict)
    slow_ms: float | None = None

    def against(self) -> Minutes:
        """Return blue's minutes that count."""
        return {at: minute for at, minute in self.blue.items() if at in self.green} if self.beside else self.blue

    def figures(self) -> dict[str, Figures]:
        return {"blue": summed(self.against(), self.slow_ms), "green": summed(self.green, self.slow_ms)}


def sample(blue: Minutes, green: Minutes, first: Minutes, share: float) -> Sample:
    """Return both colours' minutes, beside each other as long as blue has requests in the same ones."""
    all_of_green = {**first, **green}
    beside = share < 100 and any(blue[at].requests and all_of_green[at].requests for at in blue.keys() & all_of_green)
    return Sample(blue, green, beside, first)


def threshold(compared: Sample, factor: float, floor_ms: float) -> float | None:
    """Return the whole milliseconds above which a request is slow.

    The same minutes count by the requests that both colours have there. Without such, a slow minute of blue's can't be
    told from a slow machine, so its slowest one stands for it.
    """
    known = {at: minute for at, minute in compared.against().items() if minute.p95_ms is not None and minute.timed}
    if compared.beside:
        p95 = mean_p95((known[at], min(known[at].timed, compared.green[at].timed)) for at in known)
    else:
        telling = [minute.p95_ms or 0.0 for minute in known.values() if minute.timed >= TELLING]
        p95 = max(telling) if telling else mean_p95((minute, minute.timed) for minute in known.values())
    return None if p95 is None else float(math.ceil(max(factor * p95, floor_ms)))


def mean_p95(minutes: Iterable[tuple[Minute, int]]) -> float | None:
    """Return one p95 for several minutes, each with its weight.

    One long period would be exact, but AWS does not say where the periods of a query begin that are longer than a
    minute: it could hold requests from before the release.
    """
    weighed = [(minute.p95_ms, weight) for minute, weight in minutes if minute.p95_ms is not None]
    total = sum(weight for _, weight in weighed)
    return sum(p95 * weight for p95, weight in weighed) / total if total else None


def summed(minutes: Minutes, slow_ms: float | None) -> Figures:
    return Figures(
        requests=sum(minute.requests for minute in minutes.values()),
        errors=sum(minute.errors for minute in minutes.values()),
        p95_ms=mean_p95((minute, minute.timed) for minute in minutes.values()),
        slow=None if slow_ms is None else round(sum(minute.slow for minute in minutes.values())),
        slow_ms=slow_ms,
    )


def error_pairs(compared: Sample, green: Minutes) -> list[Pair]:
    """Return pairs of errors. A minute without blue's requests is compared with all of blue's."""
    alone = {at: one for at, one in green.items() if not compared.blue.get(at, Minute()).requests}
    together = {at: one for at, one in green.items() if at not in alone}
    if not compared.beside or not alone:
        return paired(compared, green, errors_of)
    return [*paired(compared, together, errors_of), *paired(replace(compared, beside=False), alone, errors_of)]


def slow_pairs(compared: Sample) -> list[Pair]:
    """Return pairs of slow requests, without green's worst minute of several: it may be a stall or a restart."""
    green = {at: minute for at, minute in compared.green.items() if minute.timed}
    if len(green) >= STEADY:
        del green[max(green, key=lambda at: green[at].slow - SLOW_SHARE * green[at].timed)]
    return paired(compared, green, lambda minute: (minute.slow, minute.timed))


def errors_of(minute: Minute) -> tuple[float, int]:
    return minute.errors, minute.requests


def paired(compared: Sample, green: Minutes, counts: Callable[[Minute], tuple[float, int]]) -> list[Pair]:
    """Return a pair a minute; one in all where blue's minutes are others. counts: of a minute, the bad ones and all."""
    if compared.beside:
        return [Pair(*counts(green[at]), *counts(compared.blue.get(at, Minute()))) for at in green]
    both = [[counts(minute) for minute in colour.values()] for colour in (green, compared.blue)]
    (green_bad, green_all), (blue_bad, blue_all) = (
        (sum(found for found, _ in colour), sum(requests for _, requests in colour)) for colour in both
    )
    return [Pair(green_bad, green_all, blue_bad, blue_all)]
