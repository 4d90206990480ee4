"""What a release leaves in its folder: lines of JSON, of which a killed process may have left the last half written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ops.report.facts import text

T = TypeVar("T")
OF_AN_EVENT = {"kind", "t", "event", "outcome", "message"}


@dataclass(frozen=True)
class Event:
    """Something that the operator's side did or decided."""

    t: float
    event: str
    outcome: str
    words: str
    figures: dict[str, Any]


@dataclass(frozen=True)
class Look:
    """What the deployment was like at a moment. Shares are percent of the traffic that green has."""

    t: float
    status: str
    stage: str
    share: float
    words: str
    figures: dict[str, Any]  # of blue and green, as CloudWatch had them

    @property
    def goes_forward(self) -> bool:
        return self.status in ("PENDING", "IN_PROGRESS")


@dataclass(frozen=True)
class Request:
    """A request that the probe sent. The release is what the answer's header X-Release says."""

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
class Evidence:
    events: list[Event]
    looks: list[Look]
    requests: list[Request]
    unreadable: int  # lines

    def until(self) -> float | None:
        """The last moment of which anything is known."""
        moments = [item.t for items in (self.events, self.looks, self.requests) for item in items]
        return max(moments, default=None)

    def since(self) -> float | None:
        moments = [item.t for items in (self.events, self.looks, self.requests) for item in items]
        return min(moments, default=None)

    def looks_before(self, t: float) -> bool:
        return bool(self.looks) and self.looks[0].t < t


def number(value: Any) -> float:
    """A finite number; ValueError for everything else, which float() and json would take."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def number_or_none(value: Any) -> float | None:
    return None if value is None else number(value)


def text_or_none(value: Any) -> str | None:
    return None if value is None else text(value)


def event(line: Mapping[str, Any]) -> Event:
    figures = {name: value for name, value in line.items() if name not in OF_AN_EVENT}
    return Event(number(line["t"]), text(line["event"]), text(line.get("outcome")), text(line.get("message")), figures)


def look(line: Mapping[str, Any]) -> Look:
    return Look(
        t=number(line["t"]),
        status=text(line.get("status")),
        stage=text(line.get("stage")),
        share=number(line.get("share") or 0),
        words=text(line.get("message")),
        figures={colour: line[colour] for colour in ("blue", "green") if colour in line},
    )


def request(line: Mapping[str, Any]) -> Request:
    status = number_or_none(line.get("status"))
    return Request(
        t=number(line["t"]),
        ms=number_or_none(line.get("ms")),
        release=text_or_none(line.get("release")),
        kind=text(line.get("kind")),
        status=None if status is None else int(status),
        error=text_or_none(line.get("error")),
    )


def either(line: Mapping[str, Any]) -> Event | Look:
    return look(line) if line["kind"] == "observation" else event(line)


def parsed(written: str, make: Callable[[Mapping[str, Any]], T]) -> Iterator[T | None]:
    """A thing a line, None for a line that can't be read."""
    for line in written.splitlines():
        try:
            yield make(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield None


def contents(path: Path) -> str:
    """A file's text; a release that was refused early has no such file."""
    return path.read_text(errors="replace") if path.exists() else ""


def read(folder: Path) -> Evidence:
    lines = list(parsed(contents(folder / "events.jsonl"), either))
    requests = list(parsed(contents(folder / "requests.jsonl"), request))
    return Evidence(
        events=sorted((item for item in lines if isinstance(item, Event)), key=lambda item: item.t),
        looks=sorted((item for item in lines if isinstance(item, Look)), key=lambda item: item.t),
        requests=sorted((item for item in requests if item), key=lambda item: item.t),
        unreadable=sum(item is None for item in [*lines, *requests]),
    )
