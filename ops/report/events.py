"""The event log of a run, events.jsonl: events of the operator's side and observations of the deployment.

A line is on disk the moment it is known, so that a killed run has its event log too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.report import json_lines
from ops.report.values import number, text

OF_EVERY_EVENT = {"kind", "t", "event", "outcome", "message"}


@dataclass(frozen=True)
class Event:
    """An action or a decision of the operator's side."""

    t: float
    event: str
    outcome: str
    message: str
    figures: dict[str, Any]


@dataclass(frozen=True)
class Observation:
    """The deployment at a moment. Shares are percent of the traffic that green has."""

    t: float
    status: str
    stage: str
    share: float
    message: str
    figures: dict[str, Any]  # of blue and green, from CloudWatch

    @property
    def goes_forward(self) -> bool:
        return self.status in ("PENDING", "IN_PROGRESS")


def append(path: str, kind: str, **fields: Any) -> None:
    """Append a line of kind "event" or "observation"; nothing for an empty path."""
    if path:
        json_lines.append(Path(path), {"kind": kind, "t": round(time.time(), 3), **fields})


def lines(path: str) -> Iterator[dict[str, Any]]:
    """Return the lines so far, without one that a kill cut off."""
    return (line for line in json_lines.read(Path(path), dict) if line is not None) if path else iter(())


def event_from(line: Mapping[str, Any]) -> Event:
    figures = {name: value for name, value in line.items() if name not in OF_EVERY_EVENT}
    return Event(number(line["t"]), text(line["event"]), text(line.get("outcome")), text(line.get("message")), figures)


def observation_from(line: Mapping[str, Any]) -> Observation:
    return Observation(
        t=number(line["t"]),
        status=text(line.get("status")),
        stage=text(line.get("stage")),
        share=number(line.get("share") or 0),
        message=text(line.get("message")),
        figures={colour: line[colour] for colour in ("blue", "green") if colour in line},
    )


def read(path: Path) -> list[Event | Observation | None]:
    """Return the events and observations of a file, None for a line that can't be read."""
    return json_lines.read(path, lambda line: (observation_from if line["kind"] == "observation" else event_from)(line))
