"""The toolkit: another kind of report is a dataclass and a template, and no text of it becomes HTML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from ops.report.chart import Band, Chart, Line, Mark
from ops.report.page import Badge, KeyFigure, LegendEntry, NextStep, Page, render, tone
from tests.support.ops import pages
from tests.support.ops.pages import HOSTILE

TEMPLATE = """\
{% extends "base.html.j2" %}
{% block sections %}
<h2>Recovery</h2><p>{{ page.lost_rows }} rows lost, {{ page.recovery_seconds | duration }} of outage</p>
{% endblock %}
"""


@dataclass(frozen=True, kw_only=True)
class DrillPage(Page):
    recovery_seconds: float
    lost_rows: int | str


def drill(words: str = "Failover of the database", lost_rows: int | str = 0) -> DrillPage:
    chart = Chart(
        title=words,
        explanation=words,
        start=0,
        end=60,
        ticks=[0, 1],
        unit=words,
        bands=[Band(0, 60, words, "bake")],
        label_bands=True,
        lines=[Line("blue", [(0, 1.0), (60, 0.0)])],
        marks=[Mark(30, words, False)],
        note=words,
    )
    return DrillPage(
        run=words,
        title=words,
        badge=Badge(words, "good"),
        summary=words,
        details=[words, words],
        next_steps=[NextStep(words, words)],
        key_figures=[KeyFigure(words, words, bad=True)],
        legend=[LegendEntry("blue", words)],
        charts=[chart],
        facts={words: words},
        unreadable_lines=1,
        recovery_seconds=72,
        lost_rows=lost_rows,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "drill.html.j2").write_text(TEMPLATE)
    return tmp_path


def test_another_kind_of_report_is_a_dataclass_and_a_template(folder: Path) -> None:
    page = pages.Page(render("drill.html.j2", drill(), folder))
    assert "Failover of the database." in page.text
    assert "0 rows lost, 1 min 12 s of outage" in page.text
    assert "One line of it could not be read." in page.text
    assert {"style", "svg", "figure", "dl", "ol"} <= set(page.elements)
    assert page.active == []


def test_a_hostile_text_stays_text_wherever_it_stands(folder: Path) -> None:
    rendered = render("drill.html.j2", drill(HOSTILE, HOSTILE), folder)
    page, harmless = pages.Page(rendered), pages.Page(render("drill.html.j2", drill("x", "x"), folder))
    assert page.active == []
    assert page.elements == harmless.elements
    assert [name for name, _ in page.attributes] == [name for name, _ in harmless.attributes]
    assert page.text.count("{{ 7 * 7 }}") == rendered.count("{{ 7 * 7 }}") - 1 > 14, "a value is no template"
    assert "\x00" not in rendered and "\x1b" not in rendered
    assert rendered.count("&lt;script&gt;") >= 18


def test_a_report_with_nothing_in_it_renders() -> None:
    bare = Page(run="r", title="t", badge=Badge("b", "open"), summary="s", details=[])
    page = pages.Page(render("base.html.j2", bare))
    assert "Nothing was observed and nothing was measured, so there is nothing to draw." in page.text
    assert "What to do now" not in page.text
    assert "could not be read" not in page.text


def test_a_name_that_the_dataclass_lacks_is_an_error(folder: Path) -> None:
    (folder / "drill.html.j2").write_text(
        '{% extends "base.html.j2" %}{% block sections %}{{ page.lost }}{% endblock %}'
    )
    with pytest.raises(UndefinedError, match="lost"):
        render("drill.html.j2", drill(), folder)


def test_outcomes_have_a_tone() -> None:
    outcomes = ("pass", "ok", "fail", "failed", "refused", "inconclusive", "")
    assert [tone(outcome) for outcome in outcomes] == ["good", "good", "bad", "bad", "bad", "open", "open"]
