"""The analysis steps of a release for a person: figures of both colours, thresholds, outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.report.facts import Facts
from ops.report.run_files import RunFiles
from ops.report.values import moment, text

THRESHOLDS = {
    "minimum_requests": "at least {} requests",
    "error_percent": "{} % errors",
    "p95_factor": "{} times blue's p95",
    "p95_floor_ms": "p95 below {} ms passes",
    "cpu_percent": "{} % CPU",
}


@dataclass(frozen=True)
class AnalysisStep:
    t: float | None
    name: str
    outcome: str
    blue: str
    green: str
    thresholds: str
    message: str


def figures(colour: Any) -> str:
    """Return the figures of a colour as `2 of 312 failed (0.6 %), p95 41 ms, 4 above 82 ms`."""
    if not isinstance(colour, Mapping):
        return "-"
    requests, errors, p95 = int(colour.get("requests") or 0), int(colour.get("errors") or 0), colour.get("p95_ms")
    share = f" ({100 * errors / requests:.1f} %)" if requests and errors else ""
    latency = f", p95 {p95:,.0f} ms" if isinstance(p95, int | float) else ""
    slow, slow_ms = colour.get("slow"), colour.get("slow_ms")
    above = f", {slow:,} above {slow_ms:,.0f} ms" if isinstance(slow, int) and isinstance(slow_ms, int | float) else ""
    return f"{errors:,} of {requests:,} failed{share}{latency}{above}"


def thresholds(given: Any) -> str:
    if not isinstance(given, Mapping):
        return text(given, "-")
    known = {name: given[name] for name in THRESHOLDS if isinstance(given.get(name), int | float)}
    return ", ".join(THRESHOLDS[name].format(f"{value:,g}") for name, value in known.items()) or "-"


def step_from(given: Mapping[str, Any]) -> AnalysisStep:
    return AnalysisStep(
        t=moment(given.get("t")),
        name=text(given.get("name") or given.get("stage"), "analysis"),
        outcome=text(given.get("outcome"), "-"),
        blue=figures(given.get("blue")),
        green=figures(given.get("green")),
        thresholds=thresholds(given.get("thresholds")),
        message=text(given.get("message")),
    )


def observed_at(files: RunFiles, t: float) -> dict[str, Any]:
    """Return the figures of the last observation before an analysis step that has none of its own."""
    before = [observation for observation in files.observations if observation.t <= t]
    return {**before[-1].figures, "name": f"at {before[-1].share:g} %"} if before else {}


def analysis_steps(facts: Facts, files: RunFiles) -> list[AnalysisStep]:
    """Return the steps of the facts, or those of the event log if the release was cut short before."""
    logged = [
        {
            **observed_at(files, event.t),
            **event.figures,
            "t": event.t,
            "outcome": event.outcome,
            "message": event.message,
        }
        for event in files.events
        if event.event == "analysis"
    ]
    return [step_from(item) for item in facts.analyses or logged if isinstance(item, Mapping)]
