"""Pictures of a release as SVG, built as a tree: what is put in as text stays text, and the result is always XML.

Colours are classes, so that the page decides them, for light, dark and paper.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.report.requests import Bin, Series
from ops.report.summary import duration
from ops.report.timeline import Span

WIDTH = 960
LEFT, RIGHT = 52, 12
LANE = 24  # height of the row of stages
BELOW = 22  # room for the labels of time
LETTER = 6.3  # width of a letter of a label, on average
STEPS_OF_TIME = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)


def written(value: float) -> str:
    """A coordinate, short."""
    return f"{value:.1f}".removesuffix(".0")


def ticks(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to at least the most; the last one is the top of the axis."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / count
    unit = 10 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough * 0.999)
    return [n * step for n in range(math.ceil(most / step - 1e-9) + 1)]


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True)
class Mark:
    """Something that happened at a moment."""

    t: float
    words: str
    good: bool


class Chart:
    """A frame over the time of a release, with stages behind, into which figures are drawn."""

    def __init__(
        self,
        title: str,
        start: float,
        end: float,
        tops: Sequence[float],
        *,
        unit: str = "",
        height: int = 120,
        lane: bool = False,
    ) -> None:
        self.start, self.end = start, max(end, start + 1)
        self.top = LANE + 6 if lane else 8
        self.bottom = self.top + height
        self.most = tops[-1]
        self.lane = lane
        box = f"0 0 {WIDTH} {self.bottom + BELOW}"
        self.svg = ET.Element(
            "svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": box, "role": "img", "aria-label": title}
        )
        self.behind = ET.SubElement(self.svg, "g")
        self._axes(tops, unit)

    def x(self, t: float) -> float:
        inside = min(max(t, self.start), self.end)
        return LEFT + (inside - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return self.bottom - min(value, self.most) / self.most * (self.bottom - self.top)

    def put(
        self, tag: str, css: str, words: str = "", parent: ET.Element | None = None, **place: float | str
    ) -> ET.Element:
        attributes = {
            name.replace("_", "-"): written(value) if isinstance(value, float | int) else value
            for name, value in place.items()
        }
        element = ET.SubElement(self.svg if parent is None else parent, tag, {"class": css, **attributes})
        element.text = words or None
        return element

    def hint(self, element: ET.Element, words: str) -> None:
        """What is shown while the pointer rests on it, and read aloud."""
        ET.SubElement(element, "title").text = words

    def _axes(self, tops: Sequence[float], unit: str) -> None:
        for value in tops:
            self.put("line", "grid", x1=LEFT, x2=WIDTH - RIGHT, y1=self.y(value), y2=self.y(value))
            self.put("text", "tick y", f"{value:,g}{unit}", x=LEFT - 7, y=self.y(value) + 4)
        seconds = self.end - self.start
        step = next((step for step in STEPS_OF_TIME if seconds / step <= 10), STEPS_OF_TIME[-1])
        for n in range(int(seconds // step) + 1):
            at = self.x(self.start + n * step)
            self.put("line", "grid", x1=at, x2=at, y1=self.bottom, y2=self.bottom + 4)
            self.put("text", "tick x", clock(n * step), x=at, y=self.bottom + 17)

    def bands(self, spans: Iterable[Span]) -> None:
        """Stages behind the figures; named above them if the chart has a lane and the name fits."""
        for span in spans:
            left, right = self.x(span.start), self.x(span.end)
            hint = f"{span.words}, {duration(span.seconds)}"
            area = self.put(
                "rect",
                f"band {span.kind}",
                "",
                self.behind,
                x=left,
                y=self.top,
                width=right - left,
                height=self.bottom - self.top,
            )
            self.hint(area, hint)
            if not self.lane:
                continue
            label = self.put(
                "rect", f"lane {span.kind}", x=left + 0.5, y=0, width=max(right - left - 1, 0.5), height=LANE - 4
            )
            self.hint(label, hint)
            if len(span.words) * LETTER + 8 <= right - left:
                self.put("text", "name", span.words, x=(left + right) / 2, y=LANE - 10)

    def steps(self, points: Sequence[tuple[float, float]], css: str) -> None:
        """Values that hold until the next one, with the area below them."""
        if not points:
            return
        path = [f"M{written(self.x(points[0][0]))},{written(self.y(points[0][1]))}"]
        for t, value in points[1:]:
            path.append(f"H{written(self.x(t))}V{written(self.y(value))}")
        outline = "".join(path) + f"H{written(self.x(self.end))}"
        first = written(self.x(points[0][0]))
        self.put("path", f"area {css}", d=f"{outline}V{written(self.bottom)}H{first}Z")
        self.put("path", f"line {css}", d=outline)

    def line(self, points: Iterable[tuple[float, float | None]], css: str) -> None:
        """A line that breaks where there is no figure; a figure alone is a dot."""
        for run in unbroken(points):
            if len(run) == 1:
                self.put("circle", f"dot {css}", cx=self.x(run[0][0]), cy=self.y(run[0][1]), r=2)
                continue
            path = "L".join(f"{written(self.x(t))},{written(self.y(value))}" for t, value in run)
            self.put("path", f"line {css}", d=f"M{path}")

    def columns(self, series: Sequence[Series]) -> None:
        """Failures a bin, colours upon each other."""
        for column in zip(*(item.bins for item in series), strict=True):
            below = 0.0
            for colour, item in zip((one.colour for one in series), column, strict=True):
                if not item.failed:
                    continue
                width = self.x(item.t + series[0].width) - self.x(item.t)
                high, low = self.y(below + item.failed), self.y(below)
                bar = self.put(
                    "rect",
                    f"bar {colour}",
                    x=self.x(item.t) + 0.5,
                    y=high,
                    width=max(width - 1, 1.5),
                    height=low - high,
                )
                self.hint(bar, f"{clock(item.t - self.start)}: {item.failed:,} of {item.requests:,} failed")
                below += item.failed

    def marks(self, marks: Iterable[Mark]) -> None:
        """Upright lines with a sign at the top: not told by colour alone."""
        signed = float(-WIDTH)
        for mark in marks:
            at = self.x(mark.t)
            css = "good" if mark.good else "bad"
            group = self.put("g", f"mark {css}")
            self.hint(group, f"{clock(mark.t - self.start)} {mark.words}")
            self.put("line", f"mark {css}", "", group, x1=at, x2=at, y1=self.top, y2=self.bottom)
            if at - signed < 15:
                continue  # signs upon each other can't be read; the table of events has them all
            signed = at
            self.put("circle", f"mark {css}", "", group, cx=at, cy=self.top + 9, r=7)
            self.put(
                "text", "sign", "\N{CHECK MARK}" if mark.good else "\N{MULTIPLICATION X}", group, x=at, y=self.top + 13
            )

    def __str__(self) -> str:
        return ET.tostring(self.svg, encoding="unicode")


def unbroken(points: Iterable[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for t, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((t, value))
    return [run for run in runs if run]


def middles(series: Series, figure: str) -> list[tuple[float, float | None]]:
    """A figure of each bin at the bin's middle: requests a second, or p95."""

    def value(item: Bin) -> float | None:
        return item.requests / series.width if figure == "rate" else item.p95_ms

    return [(item.t + series.width / 2, value(item)) for item in series.bins]
