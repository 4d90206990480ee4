"""The report of a release: a page for people and JSON for machines, made from its facts and its run's files."""

from __future__ import annotations

import json
from dataclasses import asdict

from ops.report.analysis import analysis_steps
from ops.report.facts import Facts
from ops.report.page import render
from ops.report.release_charts import Window
from ops.report.release_page import release_page
from ops.report.requests import series
from ops.report.run_files import RunFiles
from ops.report.summary import next_steps, request_counts, summary
from ops.report.timeline import spans
from ops.report.values import iso

FORMAT = 1  # of the JSON, for its readers


def window_of(facts: Facts, files: RunFiles) -> Window:
    """Return the time from start to finish by the facts, or else by the run's files, and what they hold of it."""
    since, until = files.since(), files.until()
    start = facts.started if facts.started is not None else since if since is not None else facts.finished or 0.0
    end = facts.finished if facts.finished is not None else until if until is not None else start
    end = max(start, end)
    blue = facts.previous_release or only_other(files, facts.release)
    found = series(files.requests, blue, facts.release, start, end) if end > start else []
    return Window(start, end, spans(files, start, end), found)


def only_other(files: RunFiles, green: str) -> str | None:
    """Return the previous release if the facts lack it: the only other one that answered."""
    others = {request.release for request in files.requests} - {None, green}
    return others.pop() if len(others) == 1 else None


def as_json(facts: Facts, files: RunFiles, window: Window) -> str:
    requests, failed = request_counts(facts, files)
    report = {
        "format": FORMAT,
        "message": summary(facts, files) + ".",
        **asdict(facts),
        "started": iso(window.start),
        "finished": iso(window.end),
        "seconds": round(window.end - window.start, 1),
        "requests": requests,
        "failed": failed,
        "stages": [asdict(span) for span in window.spans],
        "analyses": [dict(item) for item in facts.analyses] or [asdict(step) for step in analysis_steps(facts, files)],
        "events": [asdict(event) for event in files.events],
        "series": [asdict(one) for one in window.series],
        "next_steps": [asdict(step) for step in next_steps(facts, files)],
        "unreadable_lines": files.unreadable_lines,
    }
    return json.dumps(report, indent=1, default=str) + "\n"


def as_html(facts: Facts, files: RunFiles, window: Window) -> str:
    return render("release.html.j2", release_page(facts, files, window))
