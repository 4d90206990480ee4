"""The charts of a release show its shares, its requests, its failures and its p95."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from ops.report.events import Event
from ops.report.page import svg
from ops.report.release_charts import MARKED, Window, failure_bars, failure_chart, marks, rate_chart, release_charts
from ops.report.release_report import window_of
from ops.report.requests import Bin, Series
from ops.report.run_files import RunFiles
from tests.support.ops.releases import RELEASED, ROLLED_BACK, Story, read_release


def column(colour: str, *failed: int, width: int = 2) -> Series:
    return Series(colour, colour, width, [Bin(10 + n * width, 10, count, 5.0) for n, count in enumerate(failed)])


@pytest.mark.parametrize("story", [RELEASED, ROLLED_BACK], ids=["released", "rolled back"])
def test_charts_are_xml(story: Story, tmp_path: Path) -> None:
    facts, files = read_release(story, tmp_path)
    charts = release_charts(files, window_of(facts, files))
    assert [chart.title for chart in charts] == [
        "Stages, and green's share of the traffic", "Requests a second", "Failed requests in each 2 s",
        "p95 of answers",
    ]  # fmt: skip
    for chart in charts:
        assert ET.fromstring(svg(chart)).tag.endswith("svg")
        assert "nan" not in svg(chart).lower()


def test_what_was_not_observed_or_not_measured_is_not_drawn(tmp_path: Path) -> None:
    facts, files = read_release(RELEASED, tmp_path)
    window = window_of(facts, files)
    assert len(release_charts(files, replace(window, series=[]))) == 1
    assert len(release_charts(files, replace(window, spans=[]))) == 3
    assert release_charts(files, replace(window, series=[], spans=[])) == []


def test_failures_of_both_colours_are_stacked() -> None:
    window = Window(10, 14, [], [column("blue", 0, 2), column("green", 1, 3)])
    assert [(bar.start, bar.end, bar.bottom, bar.top, bar.colour) for bar in failure_bars(window)] == [
        (10, 12, 0, 1, "green"), (12, 14, 0, 2, "blue"), (12, 14, 2, 5, "green"),
    ]  # fmt: skip
    chart = failure_chart(window)
    assert (chart.ticks[-1] >= 5, chart.note, chart.bars[0].label) == (True, "", "1 of 10 failed")
    assert all(tick == int(tick) for tick in chart.ticks), "there are no halves of a failure"


def test_no_failures_are_said_to_be_none() -> None:
    chart = failure_chart(Window(10, 12, [], [column("blue", 0, width=1)]))
    assert (chart.title, chart.note, chart.ticks) == ("Failed requests each second", "none", [0.0, 1.0])
    assert failure_chart(Window(10, 12, [], [column("blue", 1)])).ticks == [0.0, 1.0]


def test_a_bin_without_requests_is_a_gap() -> None:
    series = replace(column("blue", 0, 0), bins=[Bin(10, 10, 0, None), Bin(12, 0, 0, None)])
    assert list(rate_chart(Window(10, 14, [], [series])).lines[0].points) == [(11, 5.0), (13, None)]


def test_p95_leaves_out_what_nobody_answered() -> None:
    window = Window(10, 14, [], [column("green", 0), column("other", 1)])
    (*_, chart) = release_charts(RunFiles(), window)
    assert [(line.colour, list(line.points)) for line in chart.lines] == [("green", [(11, 5.0)])]


def test_tests_analysis_steps_and_answers_are_marked() -> None:
    events = [Event(n, event, "ok", "", {}) for n, event in enumerate((*MARKED, "migration"))]
    found = marks(RunFiles(events=[*events, Event(9, "analysis", "failed", "m", {})]))
    assert [(mark.message, mark.good) for mark in found] == [
        ("analysis", True), ("smoke_test", True), ("continue", True), ("rollback", False), ("m", False),
    ]  # fmt: skip
