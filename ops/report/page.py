"""Render a report: a frozen dataclass with what the page shows, and a Jinja2 template that extends base.html.j2.

A new kind of report is a subclass of `Page` and a template. The page is one file that loads nothing. Every value in it
is escaped, and a name that the dataclass lacks is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ops.report.chart import Chart, coordinate
from ops.report.values import clean, clock, duration, milliseconds, utc

TEMPLATES = Path(__file__).parent / "templates"
TONES = {"pass": "good", "ok": "good", "fail": "bad", "failed": "bad", "refused": "bad"}


@dataclass(frozen=True)
class Badge:
    label: str
    tone: str  # good, bad or open


@dataclass(frozen=True)
class NextStep:
    """What a person does now, and the command for it if there is one."""

    message: str
    command: str = ""


@dataclass(frozen=True)
class KeyFigure:
    value: str
    label: str
    bad: bool = False


@dataclass(frozen=True)
class LegendEntry:
    colour: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """What every report shows."""

    run: str
    title: str
    badge: Badge
    summary: str  # a sentence without a full stop
    details: Sequence[str]  # in the line below the summary
    next_steps: Sequence[NextStep] = ()
    key_figures: Sequence[KeyFigure] = ()
    legend: Sequence[LegendEntry] = ()
    charts: Sequence[Chart] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    unreadable_lines: int = 0


def tone(outcome: str) -> str:
    """Return how an outcome is shown: good, bad or open."""
    return TONES.get(outcome, "open")


def finalize(value: Any) -> Any:
    """Return a value of a template without control characters."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def environment(*folders: Path) -> Environment:
    """Create the Jinja2 environment. Templates of the given folders may extend and replace ours."""
    created = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = {
        "clock": clock,
        "coordinate": coordinate,
        "duration": duration,
        "milliseconds": milliseconds,
        "tone": tone,
        "utc": utc,
    }
    created.filters.update(filters)
    return created


def render(template: str, page: Page, *folders: Path) -> str:
    """Return the page as HTML."""
    return environment(*folders).get_template(template).render(page=page)


def svg(chart: Chart) -> str:
    """Return one chart alone, as XML."""
    return environment().get_template("chart.svg.j2").render(chart=chart)
