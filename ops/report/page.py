"""The page of a release: one file that loads nothing, for a person. Every text in it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from ops.report.analysis import Gate
from ops.report.chart import clock
from ops.report.charts import Picture, Window
from ops.report.facts import UNKNOWN, Facts, text
from ops.report.files import Evidence
from ops.report.style import STYLE
from ops.report.summary import Step, duration, headline, next_steps, seen

BADGES = {
    "released": ("good", "\N{CHECK MARK} Released"),
    "unchanged": ("good", "\N{CHECK MARK} Unchanged"),
    "rolled back": ("bad", "\N{LEFTWARDS ARROW WITH HOOK} Taken back"),
    "failed": ("bad", "\N{MULTIPLICATION X} Not released"),
    "started": ("open", "? Not finished"),
}
VERDICTS = {"pass": "good", "ok": "good", "fail": "bad", "failed": "bad", "refused": "bad"}
SIGNS = {"good": "\N{CHECK MARK}", "bad": "\N{MULTIPLICATION X}", "open": "?"}  # told by more than a colour
SEEN_AS = {
    "blue": "blue, what served before",
    "green": "green, the new release",
    "other": "no answer, or of no known release",
}
DOT = " \N{MIDDLE DOT} "
# Nothing may be loaded and no script may run, whatever text gets into the page.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def cell(value: Any, css: str = "") -> str:
    return f"<td{f' class={css}' if css else ''}>{escape(text(value))}</td>"


def verdict(outcome: str) -> str:
    css = VERDICTS.get(outcome, "open")
    return f'<td><span class="verdict {css}">{SIGNS[css]} {escape(text(outcome, "-"))}</span></td>'


def table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """Heads that begin with # are of numbers."""
    said = "".join(
        f"<th class=n>{escape(head[1:])}</th>" if head[0] == "#" else f"<th>{escape(head)}</th>" for head in heads
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{said}</tr></thead><tbody>{body}</tbody></table></div>'


def section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def milliseconds(value: Any) -> str:
    return f"{value:,.0f} ms" if isinstance(value, int | float) else "-"


def at(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if seconds is not None else UNKNOWN


def keys(facts: Facts, evidence: Evidence, window: Window) -> str:
    requests, failed = seen(facts, evidence)
    writes = facts.probe.get("writes") or {}
    lost = int(writes.get("lost") or 0) + int(writes.get("doubled") or 0)
    shown = [
        (duration(window.end - window.start), "from start to end", False),
        (f"{requests:,}", "requests from outside", False) if not facts.not_measured else not_measured(requests),
        (f"{failed:,}", "of them failed", failed > 0),
        (milliseconds(facts.probe.get("p95_ms")), "p95 of all", False),
    ]
    if writes:
        shown.append((f"{lost:,}", f"of {int(writes.get('acknowledged') or 0):,} writes lost or doubled", lost > 0))
    boxes = "".join(
        f'<div class="key{" bad" if bad else ""}"><b>{escape(figure)}</b><span>{escape(words)}</span></div>'
        for figure, words, bad in shown
    )
    return f'<div class="keys">{boxes}</div>'


def not_measured(requests: int) -> tuple[str, str, bool]:
    return "Not measured", f"from outside, but for {requests:,} requests", True


def to_do(steps: Sequence[Step]) -> str:
    if not steps:
        return ""
    items = "".join(
        f"<li>{escape(step.words)}{f'<code>{escape(step.command)}</code>' if step.command else ''}</li>"
        for step in steps
    )
    return f'<section class="next"><h2>What to do now</h2><ol>{items}</ol></section>'


def figure(picture: Picture) -> str:
    caption = f"<figcaption>{escape(picture.title)}<span>{escape(picture.explained)}</span></figcaption>"
    return f'<figure>{caption}<div class="scroll">{picture.svg}</div></figure>'


def legend(window: Window) -> str:
    def words(colour: str, release: str | None) -> str:
        if colour == "both":
            return f"{release}: the release before has the same name, so the outside sees one colour"
        return f"{release}: {SEEN_AS[colour]}" if release else SEEN_AS[colour]

    items = "".join(
        f'<li><i class="{series.colour}"></i>{escape(words(series.colour, series.release))}</li>'
        for series in window.series
    )
    return f'<ul class="legend">{items}</ul>' if items else ""


def charts(window: Window, drawn: Sequence[Picture]) -> str:
    if not drawn:
        return "<p>Nothing was looked at and nothing was asked from outside, so there is nothing to draw.</p>"
    silent = "" if window.series else "<p class=soft>No request was sent from outside.</p>"
    return legend(window) + silent + "".join(figure(picture) for picture in drawn)


def by_release(probe: Mapping[str, Any]) -> str:
    rows = [
        cell(tag)
        + cell(f"{seen_.get('requests', 0):,}", "n")
        + cell(f"{seen_.get('failed', 0):,}", "n")
        + cell(milliseconds(seen_.get("p95_ms")), "n")
        for tag, seen_ in (probe.get("by_release") or {}).items()
    ]
    first = probe.get("first_failure")
    said = f"<p>The first failure: {escape(text(first))}</p>" if first else ""
    if why := text(probe.get("not_measured")):
        said = f"<p class=bad>Not measured: {escape(why)}. The figures below are of the rest.</p>{said}"
    return said + (table(("Release", "#Requests", "#Failed", "#p95"), rows) if rows else "")


def gates_table(gates: Sequence[Gate], start: float) -> str:
    rows = [
        cell(clock(gate.t - start) if gate.t is not None else "-", "n")
        + cell(gate.name)
        + verdict(gate.outcome)
        + cell(gate.blue, "some")
        + cell(gate.green, "some")
        + cell(gate.limits, "some")
        + cell(gate.words, "long")
        for gate in gates
    ]
    return table(("#At", "Gate", "Verdict", "Blue", "Green", "Limits", "In words"), rows) if rows else ""


def stages_table(window: Window) -> str:
    rows = [
        cell(clock(span.start - window.start), "n")
        + cell(span.words)
        + cell(duration(span.seconds), "n")
        + cell(f"{span.share:g} %", "n")
        + f"<td><code class=soft>{escape(text(span.stage))}</code></td>"
        for span in window.spans
    ]
    return table(("#At", "Stage", "#Took", "#Green's share", "Known as"), rows) if rows else ""


def events_table(evidence: Evidence, start: float) -> str:
    rows = [
        cell(clock(event.t - start), "n") + cell(event.event) + verdict(event.outcome) + cell(event.words, "long")
        for event in evidence.events
    ]
    return table(("#At", "Event", "Outcome", "In words"), rows) if rows else ""


def facts_list(facts: Facts) -> str:
    schema = f"{facts.schema_before or UNKNOWN} before, {facts.schema_after or UNKNOWN} after"
    if facts.schema_before and facts.schema_before == facts.schema_after:
        schema = f"{facts.schema_after}, unchanged"
    known = {
        "Release": facts.release,
        "Image digest": facts.digest,
        "Git SHA": facts.git_sha,
        "Task definition": facts.task_definition or UNKNOWN,
        "Release before": facts.previous_release or "none",
        "Task definition before": facts.previous_task_definition or "none",
        "Stack": facts.stack,
        "Operator": facts.operator,
        "Reason": facts.change_reason or "none was given",
        "Strategy": facts.strategy or UNKNOWN,
        "Schema": schema,
        "Contract migrations": ", ".join(facts.breaking_migrations) or "none",
        "Started": at(facts.started),
        "Finished": at(facts.finished),
        "Run": facts.run,
    }
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in known.items())}</dl>"


def page(facts: Facts, evidence: Evidence, window: Window, gates: Sequence[Gate], drawn: Sequence[Picture]) -> str:
    css, words = BADGES[facts.outcome]
    said = headline(facts, evidence)
    below = [
        facts.stack,
        at(facts.started),
        f"by {facts.operator}",
        *([facts.change_reason] if facts.change_reason else []),
    ]
    unread = (
        f" {evidence.unreadable} lines of it could not be read."
        if evidence.unreadable > 1
        else (" One line of it could not be read." if evidence.unreadable else "")
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(facts.release)} on {escape(facts.stack)}: {escape(facts.outcome)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<span class="badge {css}">{words}</span>
<h1>{escape(said)}.</h1>
<p class="soft">{escape(DOT.join(below))}</p>
</header>
{to_do(next_steps(facts, evidence))}
{keys(facts, evidence, window)}
{section("What happened", charts(window, drawn))}
{section("Gates", gates_table(gates, window.start))}
{section("By release, from outside", by_release(facts.probe))}
{section("Stages", stages_table(window))}
{section("Events", events_table(evidence, window.start))}
{section("Facts", facts_list(facts))}
<footer>Blue is what served before the release, green the new one, whatever their target groups are called. Requests,
failures and p95 in the pictures were measured from outside, by a client of the public address; the gates' figures are
CloudWatch's. All times are UTC. Made from the record of run {escape(facts.run)}.{unread}</footer>
</body>
</html>
"""
