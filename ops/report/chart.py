"""A chart over the time of a run: its data, and where they are drawn. The drawing is templates/chart.svg.j2."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.report.values import clock

Point = tuple[float, float]  # epoch seconds, value

WIDTH = 960
LEFT, RIGHT = 52, 12
LABELS = 24  # height of the row of band labels
BELOW = 22  # room for the labels of time
LETTER = 6.3  # average width of a label's letter
SIGN = 15  # least distance between two signs that can be read
STEPS_OF_TIME = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)


@dataclass(frozen=True)
class Band:
    """A time span behind the data. The kind is its class in page.css."""

    start: float
    end: float
    label: str
    kind: str


@dataclass(frozen=True)
class Line:
    """Values over time; the line breaks where there is none."""

    colour: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True)
class Bar:
    start: float
    end: float
    bottom: float
    top: float
    colour: str
    label: str


@dataclass(frozen=True)
class Mark:
    """An event."""

    t: float
    message: str
    good: bool


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Data in seconds and values; methods return coordinates."""

    title: str
    explanation: str
    start: float
    end: float
    ticks: Sequence[float]  # of the values, from 0; the last one is the top
    unit: str = ""
    plot_height: int = 120
    bands: Sequence[Band] = ()
    label_bands: bool = False
    steps: Line | None = None  # each value holds until the next one
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    marks: Sequence[Mark] = ()
    note: str = ""

    left = LEFT
    right = WIDTH - RIGHT
    width = WIDTH

    @property
    def top(self) -> int:
        return LABELS + 6 if self.label_bands else 8

    @property
    def bottom(self) -> int:
        return self.top + self.plot_height

    @property
    def height(self) -> int:
        return self.bottom + BELOW

    @property
    def seconds(self) -> float:
        return max(self.end - self.start, 1)

    def x(self, t: float) -> float:
        inside = min(max(t - self.start, 0), self.seconds)
        return self.left + inside / self.seconds * (self.right - self.left)

    def y(self, value: float) -> float:
        most = self.ticks[-1]
        return self.bottom - min(value, most) / most * self.plot_height

    def time_ticks(self) -> list[Point]:
        """Return x and the seconds since the start, at most ten steps of a round length."""
        step = next((step for step in STEPS_OF_TIME if self.seconds / step <= 10), STEPS_OF_TIME[-1])
        return [(self.x(self.start + n * step), n * step) for n in range(int(self.seconds // step) + 1)]

    def label_fits(self, band: Band) -> bool:
        return len(band.label) * LETTER + 8 <= self.x(band.end) - self.x(band.start)

    def stretches(self, line: Line) -> list[list[Point]]:
        """Return the coordinates of each unbroken part of a line."""
        return [[(self.x(t), self.y(value)) for t, value in part] for part in unbroken(line.points)]

    def step_corners(self) -> list[Point]:
        """Return the coordinates at which a value of `steps` begins."""
        points = self.steps.points if self.steps else ()
        return [(self.x(t), self.y(value)) for t, value in points if value is not None]

    def signs(self) -> list[tuple[Mark, bool]]:
        """Return the marks, and whether each has room for its sign; the table of events has them all."""
        signed, found = -math.inf, []
        for mark in self.marks:
            room = self.x(mark.t) - signed >= SIGN
            signed = self.x(mark.t) if room else signed
            found.append((mark, room))
        return found

    def clock(self, t: float) -> str:
        return clock(t - self.start)


def coordinate(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def ticks(most: float, count: int = 4) -> list[float]:
    """Return round numbers from 0 to at least the given one."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / count
    unit = 10 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough * 0.999)
    return [n * step for n in range(math.ceil(most / step - 1e-9) + 1)]


def unbroken(points: Iterable[tuple[float, float | None]]) -> list[list[Point]]:
    """Return the points in parts, split where a value is None."""
    parts: list[list[Point]] = [[]]
    for t, value in points:
        if value is None:
            parts.append([])
        else:
            parts[-1].append((t, value))
    return [part for part in parts if part]
