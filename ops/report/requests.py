"""What an outside client saw of a release, second by second: requests, failures and p95 of each colour."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.report.files import Request

MOST_BINS = 100
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Bin:
    t: float
    requests: int
    failed: int
    p95_ms: float | None


@dataclass(frozen=True)
class Series:
    """A colour's bins, all those of the window, so that silence is seen as silence."""

    colour: str  # blue, green, both (one release before and after), or other (no answer, or of no known release)
    release: str | None
    width: int  # seconds of a bin
    bins: list[Bin]

    @property
    def requests(self) -> int:
        return sum(item.requests for item in self.bins)

    @property
    def failed(self) -> int:
        return sum(item.failed for item in self.bins)


def p95(values: Sequence[float]) -> float | None:
    """By nearest rank: a figure that was measured, never one between two."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] if values else None


def width_of(seconds: float) -> int:
    return next((width for width in WIDTHS if seconds / width <= MOST_BINS), WIDTHS[-1])


def colour_of(release: str | None, blue: str | None, green: str | None) -> str:
    """From outside a colour is known by its release alone; where both have the same, there is one colour to see."""
    if release is None or release not in (blue, green):
        return "other"
    if blue == green:
        return "both"
    return "green" if release == green else "blue"


def series(requests: Iterable[Request], blue: str | None, green: str | None, start: float, end: float) -> list[Series]:
    """Blue first, and only colours that were seen."""
    width = width_of(end - start)
    count = max(1, math.ceil((end - start) / width))
    sent: dict[str, dict[int, list[Request]]] = defaultdict(lambda: defaultdict(list))
    for request in requests:
        if start <= request.t <= end:
            place = min(int((request.t - start) // width), count - 1)
            sent[colour_of(request.release, blue, green)][place].append(request)
    releases = {"blue": blue, "green": green, "both": green, "other": None}
    return [
        Series(colour, release, width, [bin_of(start + n * width, sent[colour].get(n, [])) for n in range(count)])
        for colour, release in releases.items()
        if colour in sent
    ]


def bin_of(t: float, requests: list[Request]) -> Bin:
    answered = [request.ms for request in requests if request.ms is not None and not request.failed]
    return Bin(t, len(requests), sum(request.failed for request in requests), p95(answered))
