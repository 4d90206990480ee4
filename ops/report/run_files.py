"""The files of one run in its folder: the event log and the results of the availability probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ops.report import events, requests
from ops.report.events import Event, Observation
from ops.report.requests import Request


@dataclass(frozen=True)
class RunFiles:
    """The contents of a run's files, each in the order of time."""

    events: list[Event] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    unreadable_lines: int = 0

    def moments(self) -> list[float]:
        return [item.t for items in (self.events, self.observations, self.requests) for item in items]

    def since(self) -> float | None:
        """Return the first moment of which anything is known."""
        return min(self.moments(), default=None)

    def until(self) -> float | None:
        """Return the last moment of which anything is known."""
        return max(self.moments(), default=None)

    def observed_before(self, t: float) -> bool:
        return bool(self.observations) and self.observations[0].t < t


def read(folder: Path) -> RunFiles:
    """Read a run's folder. A run that was refused early has no files; a killed one has lines that can't be read."""
    logged = events.read(folder / "events.jsonl")
    sent = requests.read(folder / "requests.jsonl")
    return RunFiles(
        events=sorted((item for item in logged if isinstance(item, Event)), key=lambda item: item.t),
        observations=sorted((item for item in logged if isinstance(item, Observation)), key=lambda item: item.t),
        requests=sorted((item for item in sent if item), key=lambda item: item.t),
        unreadable_lines=sum(item is None for item in [*logged, *sent]),
    )
