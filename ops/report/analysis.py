"""The gates of a release as a person reads them: figures of both colours, limits, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.report.facts import Facts, moment, text
from ops.report.files import Evidence


@dataclass(frozen=True)
class Gate:
    t: float | None
    name: str
    outcome: str
    blue: str
    green: str
    limits: str
    words: str


def figures(colour: Any) -> str:
    """`2 of 312 failed (0.6 %), p95 41 ms, 4 above 82 ms`"""
    if not isinstance(colour, Mapping):
        return "-"
    requests, errors, p95 = int(colour.get("requests") or 0), int(colour.get("errors") or 0), colour.get("p95_ms")
    share = f" ({100 * errors / requests:.1f} %)" if requests and errors else ""
    slow = f", p95 {p95:,.0f} ms" if isinstance(p95, int | float) else ""
    beyond, above = colour.get("slow"), colour.get("slow_ms")
    many = f", {beyond:,} above {above:,.0f} ms" if isinstance(beyond, int) and isinstance(above, int | float) else ""
    return f"{errors:,} of {requests:,} failed{share}{slow}{many}"


def limits(given: Any) -> str:
    if not isinstance(given, Mapping):
        return text(given, "-")
    words = {
        "minimum_requests": "at least {} requests",
        "error_percent": "{} % errors",
        "p95_factor": "{} times blue's p95",
        "p95_floor_ms": "p95 below {} ms passes",
        "cpu_percent": "{} % CPU",
    }
    known = [
        form.format(f"{given[name]:,g}") for name, form in words.items() if isinstance(given.get(name), int | float)
    ]
    return ", ".join(known) or "-"


def gate(given: Mapping[str, Any]) -> Gate:
    return Gate(
        t=moment(given.get("t")),
        name=text(given.get("name") or given.get("stage"), "gate"),
        outcome=text(given.get("outcome"), "-"),
        blue=figures(given.get("blue")),
        green=figures(given.get("green")),
        limits=limits(given.get("thresholds")),
        words=text(given.get("message")),
    )


def looked_at(evidence: Evidence, t: float) -> dict[str, Any]:
    """By what a gate judged if it didn't note that itself: the last look before it."""
    before = [look for look in evidence.looks if look.t <= t]
    return {**before[-1].figures, "name": f"at {before[-1].share:g} %"} if before else {}


def gates(facts: Facts, evidence: Evidence) -> list[Gate]:
    """Those that the release handed over, or, when it was cut short before, those that it wrote down."""
    written = [
        {
            **looked_at(evidence, event.t),
            **event.figures,
            "t": event.t,
            "outcome": event.outcome,
            "message": event.words,
        }
        for event in evidence.events
        if event.event == "analysis"
    ]
    return [gate(item) for item in facts.analyses or written if isinstance(item, Mapping)]
