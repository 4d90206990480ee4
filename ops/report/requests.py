"""The results of the availability probe, requests.jsonl: requests, failures and p95 of each colour."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.report import json_lines
from ops.report.values import number, number_or_none, text, text_or_none

MOST_BINS = 100
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Request:
    """A request of the probe. The release is that of the answer's header X-Release."""

    t: float
    ms: float | None
    release: str | None
    kind: str
    status: int | None
    error: str | None

    @property
    def failed(self) -> bool:
        return self.error is not None or self.status is None or self.status >= 500


@dataclass(frozen=True)
class Bin:
    """The requests of some seconds."""

    t: float
    requests: int
    failed: int
    p95_ms: float | None


@dataclass(frozen=True)
class Series:
    """All bins of a colour over the whole window, so that a bin without requests shows too."""

    colour: str  # blue, green, both (the same release before and after), other (no answer, or of another release)
    release: str | None
    width: int  # seconds of a bin
    bins: list[Bin]

    @property
    def requests(self) -> int:
        return sum(item.requests for item in self.bins)

    @property
    def failed(self) -> int:
        return sum(item.failed for item in self.bins)


def request_from(line: Mapping[str, Any]) -> Request:
    status = number_or_none(line.get("status"))
    return Request(
        t=number(line["t"]),
        ms=number_or_none(line.get("ms")),
        release=text_or_none(line.get("release")),
        kind=text(line.get("kind")),
        status=None if status is None else int(status),
        error=text_or_none(line.get("error")),
    )


def read(path: Path) -> list[Request | None]:
    """Return the requests of a file, None for a line that can't be read."""
    return json_lines.read(path, request_from)


def p95(values: Sequence[float]) -> float | None:
    """Return the 95th percentile by nearest rank, so a measured value; None without values."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] if values else None


def width_of(seconds: float) -> int:
    """Return the seconds of a bin, so that there are at most 100 bins."""
    return next((width for width in WIDTHS if seconds / width <= MOST_BINS), WIDTHS[-1])


def colour_of(release: str | None, blue: str | None, green: str | None) -> str:
    """Return the colour of an answer, which only its release tells; "both" if both colours have the same release."""
    if release is None or release not in (blue, green):
        return "other"
    if blue == green:
        return "both"
    return "green" if release == green else "blue"


def series(requests: Iterable[Request], blue: str | None, green: str | None, start: float, end: float) -> list[Series]:
    """Return the bins of each colour that answered, blue first."""
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
