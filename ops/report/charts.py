"""The four pictures of a release over the same time: green's share, requests a second, failures, p95."""

from __future__ import annotations

from dataclasses import dataclass

from ops.report.chart import Chart, Mark, middles, ticks
from ops.report.files import Evidence
from ops.report.requests import Series
from ops.report.timeline import Span, shares

MARKED = ("analysis", "smoke_test", "continue", "rollback")


@dataclass(frozen=True)
class Picture:
    title: str
    explained: str
    svg: str


@dataclass(frozen=True)
class Window:
    """What all pictures have in common."""

    start: float
    end: float
    spans: list[Span]
    series: list[Series]


def marks(evidence: Evidence) -> list[Mark]:
    return [
        Mark(event.t, event.words or event.event, event.outcome == "ok" and event.event != "rollback")
        for event in evidence.events
        if event.event in MARKED
    ]


def pictures(evidence: Evidence, window: Window) -> list[Picture]:
    drawn = [share(evidence, window)] if window.spans else []
    return [*drawn, rate(window), failures(window), latency(window)] if window.series else drawn


def share(evidence: Evidence, window: Window) -> Picture:
    title = "Stages, and green's share of the traffic"
    chart = Chart(title, window.start, window.end, [0, 25, 50, 75, 100], unit=" %", height=130, lane=True)
    chart.bands(window.spans)
    chart.steps(shares(evidence), "green")
    chart.marks(marks(evidence))
    return Picture(
        title,
        "Time is minutes and seconds since the start. \N{CHECK MARK} and \N{MULTIPLICATION X} are tests and gates.",
        str(chart),
    )


def rate(window: Window) -> Picture:
    lines = [(series.colour, middles(series, "rate")) for series in window.series]
    most = max((value or 0 for _, points in lines for _, value in points), default=0)
    chart = Chart("Requests a second", window.start, window.end, ticks(most))
    chart.bands(window.spans)
    for colour, points in lines:
        # no requests at all is a gap, not a line along the bottom
        chart.line([(t, value or None) for t, value in points], colour)
    return Picture("Requests a second", "As sent by the probe, by the release that answered.", str(chart))


def failures(window: Window) -> Picture:
    width = window.series[0].width
    columns = [sum(item.failed for item in column) for column in zip(*(one.bins for one in window.series), strict=True)]
    tops = [0.0, 1.0] if max(columns) <= 1 else [top for top in ticks(max(columns)) if top == int(top)]
    title = "Failed requests " + ("each second" if width == 1 else f"in each {width} s")
    chart = Chart(title, window.start, window.end, tops, height=70)
    chart.bands(window.spans)
    chart.columns(window.series)
    if not any(columns):
        chart.put("text", "name none", "none", x=480, y=chart.top + 40)
    return Picture(title, "No answer, a wrong one, or a 5xx, by the release that answered.", str(chart))


def latency(window: Window) -> Picture:
    lines = [(series.colour, middles(series, "p95")) for series in window.series if series.colour != "other"]
    most = max((value or 0 for _, points in lines for _, value in points), default=0)
    chart = Chart("p95", window.start, window.end, ticks(most), unit=" ms")
    chart.bands(window.spans)
    for colour, points in lines:
        chart.line(points, colour)
    return Picture("p95 of answers", "Nineteen of twenty answers came faster, network included.", str(chart))
