"""The evidence of a release: a page for people and JSON for machines, made from what was written down meanwhile."""

from __future__ import annotations

import json
from dataclasses import asdict

from ops.report.analysis import gates
from ops.report.charts import Window, pictures
from ops.report.facts import Facts, iso
from ops.report.files import Evidence
from ops.report.page import page
from ops.report.requests import series
from ops.report.summary import headline, next_steps, seen
from ops.report.timeline import spans

FORMAT = 1  # of the JSON; a reader of another one should say so


def window_of(facts: Facts, evidence: Evidence) -> Window:
    """From the start that was told to the end that was told; else as far as anything is known."""
    since, until = evidence.since(), evidence.until()
    start = facts.started if facts.started is not None else since if since is not None else facts.finished or 0.0
    end = facts.finished if facts.finished is not None else until if until is not None else start
    end = max(start, end)
    blue = facts.previous_release or only_other(evidence, facts.release)
    found = series(evidence.requests, blue, facts.release, start, end) if end > start else []
    return Window(start, end, spans(evidence, start, end), found)


def only_other(evidence: Evidence, green: str) -> str | None:
    """What served before where no release is written down: the one other that was seen, if it was one."""
    others = {request.release for request in evidence.requests} - {None, green}
    return others.pop() if len(others) == 1 else None


def as_json(facts: Facts, evidence: Evidence, window: Window) -> str:
    requests, failed = seen(facts, evidence)
    said = {
        "format": FORMAT,
        "message": headline(facts, evidence) + ".",
        **asdict(facts),
        "started": iso(window.start),
        "finished": iso(window.end),
        "seconds": round(window.end - window.start, 1),
        "requests": requests,
        "failed": failed,
        "stages": [asdict(span) for span in window.spans],
        "analyses": [dict(item) for item in facts.analyses] or [asdict(gate) for gate in gates(facts, evidence)],
        "events": [asdict(event) for event in evidence.events],
        "outside": [asdict(one) for one in window.series],
        "next_steps": [asdict(step) for step in next_steps(facts, evidence)],
        "unreadable_lines": evidence.unreadable,
    }
    return json.dumps(said, indent=1, default=str) + "\n"


def as_html(facts: Facts, evidence: Evidence, window: Window) -> str:
    return page(facts, evidence, window, gates(facts, evidence), pictures(evidence, window))
