"""Where a chart's data are drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ops.report.chart import Band, Bar, Chart, Line, Mark, coordinate, ticks, unbroken
from ops.report.page import svg

SVG = "{http://www.w3.org/2000/svg}"


def chart(**given: Any) -> Chart:
    return Chart(**{"title": "t", "explanation": "e", "start": 0.0, "end": 896.0, "ticks": [0, 50, 100], **given})


def elements(chart: Chart, css: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(svg(chart)).iter() if element.get("class") == css]


def test_axes_end_at_round_numbers_above_the_most() -> None:
    assert ticks(97) == [0, 25, 50, 75, 100]
    assert ticks(100) == [0, 25, 50, 75, 100]
    assert ticks(4) == [0, 1, 2, 3, 4]
    assert ticks(0) == ticks(-1) == [0, 1]
    assert ticks(0.3)[-1] >= 0.3
    assert all(ticks(most)[-1] >= most and len(ticks(most)) <= 6 for most in (1, 3, 7.2, 41, 999, 123456))


def test_a_line_breaks_where_there_is_no_value() -> None:
    assert unbroken([(0, 1.0), (1, None), (2, 3.0), (3, 4.0), (4, None)]) == [[(0, 1.0)], [(2, 3.0), (3, 4.0)]]
    drawn = chart(lines=[Line("green", [(0, 0.0), (1, None), (448, 100.0), (896, 50.0)])])
    assert [dot.get("cx") for dot in elements(drawn, "dot green")] == ["52"]
    assert [line.get("d") for line in elements(drawn, "line green")] == ["M500,8L948,68"]


def test_time_and_values_keep_inside_the_plot() -> None:
    drawn = chart()
    assert [drawn.x(t) for t in (-9, 0, 448, 896, 999)] == [52, 52, 500, 948, 948]
    assert [drawn.y(value) for value in (0, 50, 100, 200)] == [128, 68, 8, 8]
    assert (drawn.width, drawn.height, chart(label_bands=True).height) == (960, 150, 172)


def test_a_chart_of_no_time_at_all_is_still_one() -> None:
    drawn = chart(start=5.0, end=5.0, ticks=[0, 1], lines=[Line("green", [(5.0, 1.0)])])
    ET.fromstring(svg(drawn))
    assert drawn.seconds == 1


@pytest.mark.parametrize(
    ("seconds", "step", "count"), [(1, 1, 2), (10, 1, 11), (11, 2, 6), (192, 30, 7), (7200, 900, 9), (1e6, 86400, 12)]
)
def test_times_are_round(seconds: float, step: int, count: int) -> None:
    found = chart(end=seconds).time_ticks()
    assert [seconds for _, seconds in found] == [n * step for n in range(count)]
    assert [x for x, _ in found] == [chart(end=seconds).x(n * step) for n in range(count)]


def test_a_value_holds_until_the_next_one() -> None:
    drawn = chart(steps=Line("green", [(0, 0.0), (448, 50.0)]))
    (line,), (area,) = elements(drawn, "line green"), elements(drawn, "area green")
    assert line.get("d") == "M52,128H500V68H948"
    assert area.get("d") == "M52,128H500V68H948V128H52Z"
    assert elements(chart(steps=Line("green", [])), "line green") == []


def test_bands_are_labelled_where_the_label_fits() -> None:
    bands = [Band(0, 100, "Green starts", "start"), Band(100, 110, "Smoke test", "test")]
    drawn = chart(bands=bands, label_bands=True)
    assert [(name.text, name.get("x")) for name in elements(drawn, "name")] == [("Green starts", "102")]
    assert [lane.get("width") for css in ("lane start", "lane test") for lane in elements(drawn, css)] == ["99", "9"]
    assert [band.findtext(f"{SVG}title") for band in elements(drawn, "band test")] == ["Smoke test, 10 s"]
    assert elements(chart(bands=bands), "name") == elements(chart(bands=bands), "lane start") == []
    letters = 10 * 6.3 + 8
    assert drawn.label_fits(Band(0, letters + 0.01, "Smoke test", "test"))
    assert not drawn.label_fits(Band(0, letters - 0.01, "Smoke test", "test"))


def test_bars_are_seen_however_short_their_time() -> None:
    bars = [Bar(0, 10, 0, 50, "green", "1 of 2 failed"), Bar(20, 20.1, 50, 100, "blue", "all failed")]
    (wide,), (narrow,) = elements(chart(bars=bars), "bar green"), elements(chart(bars=bars), "bar blue")
    assert [wide.get(name) for name in ("x", "y", "width", "height")] == ["52.5", "68", "9", "60"]
    assert [narrow.get(name) for name in ("x", "y", "width", "height")] == ["72.5", "8", "1.5", "60"]
    assert narrow.findtext(f"{SVG}title") == "0:20: all failed"


def test_marks_that_are_close_have_one_sign_and_all_their_lines() -> None:
    marks = [Mark(0, "one", True), Mark(14.9, "two", False), Mark(15, "three", False)]
    drawn = chart(marks=marks)
    assert [sign for _, sign in drawn.signs()] == [True, False, True]
    assert [sign.text for sign in elements(drawn, "sign")] == ["\N{CHECK MARK}", "\N{MULTIPLICATION X}"]
    lines = [line for line in ET.fromstring(svg(drawn)).iter(f"{SVG}line") if "mark" in str(line.get("class"))]
    assert [line.get("class") for line in lines] == ["mark good", "mark bad", "mark bad"]
    assert [title.text for title in ET.fromstring(svg(drawn)).iter(f"{SVG}title")] == [
        "0:00 one", "0:15 two", "0:15 three",
    ]  # fmt: skip


def test_coordinates_are_short() -> None:
    assert [coordinate(value) for value in (1, 1.04, 1.05, 12.5, -0.5)] == ["1", "1", "1.1", "12.5", "-0.5"]
    assert [tick.text for tick in elements(chart(ticks=[0, 1000], unit=" ms"), "tick y")] == ["0 ms", "1,000 ms"]
    assert [note.text for note in elements(chart(note="none"), "name none")] == ["none"]
