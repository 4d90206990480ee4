"""The four charts of a release over the same time: green's share, requests a second, failures, p95."""

from __future__ import annotations

from dataclasses import dataclass

from ops.report.chart import Band, Bar, Chart, Line, Mark, ticks
from ops.report.requests import Bin, Series
from ops.report.run_files import RunFiles
from ops.report.timeline import Span, shares

MARKED = ("analysis", "smoke_test", "continue", "rollback")


@dataclass(frozen=True)
class Window:
    """The time, stages and requests that all charts share."""

    start: float
    end: float
    spans: list[Span]
    series: list[Series]

    @property
    def bands(self) -> list[Band]:
        return [Band(span.start, span.end, span.label, span.kind) for span in self.spans]


def release_charts(files: RunFiles, window: Window) -> list[Chart]:
    """Return the charts for which there is something to draw."""
    stages = [share_chart(files, window)] if window.spans else []
    return [*stages, rate_chart(window), failure_chart(window), latency_chart(window)] if window.series else stages


def marks(files: RunFiles) -> list[Mark]:
    return [
        Mark(event.t, event.message or event.event, event.outcome == "ok" and event.event != "rollback")
        for event in files.events
        if event.event in MARKED
    ]


def share_chart(files: RunFiles, window: Window) -> Chart:
    return Chart(
        title="Stages, and green's share of the traffic",
        explanation="Time is minutes and seconds since the start. \N{CHECK MARK} and \N{MULTIPLICATION X} are tests "
        "and analysis steps.",
        start=window.start,
        end=window.end,
        ticks=[0, 25, 50, 75, 100],
        unit=" %",
        plot_height=130,
        bands=window.bands,
        label_bands=True,
        steps=Line("green", shares(files)),
        marks=marks(files),
    )


def rate_chart(window: Window) -> Chart:
    # a bin without requests is a gap, not a line along the bottom
    lines = [Line(one.colour, [(middle(one, bin_), rate(one, bin_)) for bin_ in one.bins]) for one in window.series]
    return Chart(
        title="Requests a second",
        explanation="As sent by the availability probe, by the release that answered.",
        start=window.start,
        end=window.end,
        ticks=ticks(highest(lines)),
        bands=window.bands,
        lines=lines,
    )


def failure_chart(window: Window) -> Chart:
    width = window.series[0].width
    bars = failure_bars(window)
    most = max((bar.top for bar in bars), default=0)
    return Chart(
        title="Failed requests " + ("each second" if width == 1 else f"in each {width} s"),
        explanation="No answer, a wrong one, or a 5xx, by the release that answered.",
        start=window.start,
        end=window.end,
        ticks=[0.0, 1.0] if most <= 1 else [tick for tick in ticks(most) if tick == int(tick)],
        plot_height=70,
        bands=window.bands,
        bars=bars,
        note="" if bars else "none",
    )


def latency_chart(window: Window) -> Chart:
    answered = [one for one in window.series if one.colour != "other"]
    lines = [Line(one.colour, [(middle(one, bin_), bin_.p95_ms) for bin_ in one.bins]) for one in answered]
    return Chart(
        title="p95 of answers",
        explanation="Nineteen of twenty answers came faster, network included.",
        start=window.start,
        end=window.end,
        ticks=ticks(highest(lines)),
        unit=" ms",
        bands=window.bands,
        lines=lines,
    )


def middle(series: Series, bin_: Bin) -> float:
    return bin_.t + series.width / 2


def rate(series: Series, bin_: Bin) -> float | None:
    return bin_.requests / series.width or None


def highest(lines: list[Line]) -> float:
    return max((value or 0 for line in lines for _, value in line.points), default=0)


def failure_bars(window: Window) -> list[Bar]:
    """Return the failures of each bin, the colours stacked."""
    bars: list[Bar] = []
    for column in zip(*(one.bins for one in window.series), strict=True):
        bottom = 0.0
        for series, bin_ in zip(window.series, column, strict=True):
            if bin_.failed:
                label = f"{bin_.failed:,} of {bin_.requests:,} failed"
                bars.append(Bar(bin_.t, bin_.t + series.width, bottom, bottom + bin_.failed, series.colour, label))
            bottom += bin_.failed
    return bars
