"""What the page of a release shows; templates/release.html.j2 lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.report.analysis import AnalysisStep, analysis_steps
from ops.report.events import Event
from ops.report.facts import Facts
from ops.report.page import Badge, KeyFigure, LegendEntry, Page
from ops.report.release_charts import Window, release_charts
from ops.report.requests import Series
from ops.report.run_files import RunFiles
from ops.report.summary import next_steps, request_counts, summary
from ops.report.timeline import Span
from ops.report.values import UNKNOWN, duration, milliseconds, text, utc, whole

BADGES = {
    "released": Badge("\N{CHECK MARK} Released", "good"),
    "unchanged": Badge("\N{CHECK MARK} Unchanged", "good"),
    "rolled back": Badge("\N{LEFTWARDS ARROW WITH HOOK} Rolled back", "bad"),
    "failed": Badge("\N{MULTIPLICATION X} Not released", "bad"),
    "refused": Badge("\N{MULTIPLICATION X} Refused", "bad"),
    "started": Badge("? Not finished", "open"),
}
COLOURS = {
    "blue": "blue, what served before",
    "green": "green, the new release",
    "other": "no answer, or of no known release",
}


@dataclass(frozen=True)
class ReleaseFigures:
    """What one release answered to the availability probe."""

    release: str
    requests: int
    failed: int
    p95_ms: float | None


@dataclass(frozen=True, kw_only=True)
class ReleasePage(Page):
    start: float
    series: Sequence[Series]
    analysis_steps: Sequence[AnalysisStep]
    not_measured: str  # the reason; empty if it was
    first_failure: str
    releases: Sequence[ReleaseFigures]
    stages: Sequence[Span]
    events: Sequence[Event]


def release_page(facts: Facts, files: RunFiles, window: Window) -> ReleasePage:
    reason = [facts.change_reason] if facts.change_reason else []
    return ReleasePage(
        run=facts.run,
        title=f"{facts.release} on {facts.stack}: {facts.outcome}",
        badge=BADGES[facts.outcome],
        summary=summary(facts, files),
        details=[facts.stack, utc(facts.started), f"by {facts.operator}", *reason],
        next_steps=next_steps(facts, files),
        key_figures=key_figures(facts, files, window),
        legend=[LegendEntry(one.colour, legend_label(one)) for one in window.series],
        charts=release_charts(files, window),
        facts=fact_list(facts),
        unreadable_lines=files.unreadable_lines,
        start=window.start,
        series=window.series,
        analysis_steps=analysis_steps(facts, files),
        not_measured=facts.not_measured,
        first_failure=text(facts.probe.get("first_failure")),
        releases=[figures_of(tag, found) for tag, found in (facts.probe.get("by_release") or {}).items()],
        stages=window.spans,
        events=files.events,
    )


def key_figures(facts: Facts, files: RunFiles, window: Window) -> list[KeyFigure]:
    requests, failed = request_counts(facts, files)
    measured = KeyFigure(f"{requests:,}", "requests from outside")
    if facts.not_measured:
        measured = KeyFigure("Not measured", f"from outside, but for {requests:,} requests", bad=True)
    found = [
        KeyFigure(duration(window.end - window.start), "from start to end"),
        measured,
        KeyFigure(f"{failed:,}", "of them failed", bad=failed > 0),
        KeyFigure(milliseconds(facts.probe.get("p95_ms")), "p95 of all"),
    ]
    if writes := facts.probe.get("writes"):
        lost = whole(writes.get("lost")) + whole(writes.get("doubled"))
        label = f"of {whole(writes.get('acknowledged')):,} writes lost or doubled"
        found.append(KeyFigure(f"{lost:,}", label, bad=lost > 0))
    return found


def legend_label(series: Series) -> str:
    if series.colour == "both":
        return f"{series.release}: the previous release has the same name, so the probe sees one colour"
    label = COLOURS[series.colour]
    return f"{series.release}: {label}" if series.release else label


def figures_of(release: str, found: Mapping[str, object]) -> ReleaseFigures:
    p95_ms = found.get("p95_ms")
    return ReleaseFigures(
        release=text(release),
        requests=whole(found.get("requests")),
        failed=whole(found.get("failed")),
        p95_ms=p95_ms if isinstance(p95_ms, int | float) else None,
    )


def fact_list(facts: Facts) -> dict[str, str]:
    schema = f"{facts.schema_before or UNKNOWN} before, {facts.schema_after or UNKNOWN} after"
    if facts.schema_before and facts.schema_before == facts.schema_after:
        schema = f"{facts.schema_after}, unchanged"
    return {
        "Release": facts.release,
        "Image digest": facts.digest,
        "Git SHA": facts.git_sha,
        "Task definition": facts.task_definition or UNKNOWN,
        "Previous release": facts.previous_release or "none",
        "Previous task definition": facts.previous_task_definition or "none",
        "Stack": facts.stack,
        "Operator": facts.operator,
        "Change reason": facts.change_reason or "none was given",
        "Strategy": facts.strategy or UNKNOWN,
        "Schema": schema,
        "Breaking migrations": ", ".join(facts.breaking_migrations) or "none",
        "Started": utc(facts.started),
        "Finished": utc(facts.finished),
        "Run": facts.run,
    }
