"""Values are read whatever is given, and written as people write them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ops.report.values import clean, clock, duration, iso, milliseconds, moment, number, text, utc, whole
from tests.support.ops.releases import BEGIN

NO_MOMENTS: list[Any] = [None, "", "soon", True, []]
NO_NUMBERS: list[Any] = [None, "1", True, math.nan, math.inf, [], "<script>"]


def test_moments_are_read_in_every_form_that_is_written() -> None:
    forms = [BEGIN, str(BEGIN), "2026-11-25T11:30:00Z", "20261125T113000Z", "2026-11-25T12:30:00+01:00"]
    assert {moment(form) for form in forms} == {BEGIN}
    assert moment("2026-11-25T11:30:00") == BEGIN, "without a zone it is UTC"
    assert [moment(none) for none in NO_MOMENTS] == [None] * len(NO_MOMENTS)


def test_moments_are_written_for_machines_and_for_people() -> None:
    assert (iso(BEGIN), utc(BEGIN)) == ("2026-11-25T11:30:00Z", "2026-11-25 11:30:00 UTC")
    assert (iso(None), utc(None)) == (None, "unknown")
    assert (iso(0), utc(0)) == ("1970-01-01T00:00:00Z", "1970-01-01 00:00:00 UTC")


def test_durations_are_written_as_people_do() -> None:
    assert [duration(seconds) for seconds in (-3, 0.4, 59.4, 59.6, 60, 61, 192, 3599, 3600, 3660, 7260)] == [
        "0 s", "0 s", "59 s", "1 min", "1 min", "1 min 1 s", "3 min 12 s", "59 min 59 s", "1 h", "1 h 1 min",
        "2 h 1 min",
    ]  # fmt: skip
    assert [clock(seconds) for seconds in (0, 5, 59.6, 65, 3599, 3600, 3725)] == [
        "0:00", "0:05", "1:00", "1:05", "59:59", "1:00:00", "1:02:05",
    ]  # fmt: skip


def test_text_has_no_control_characters_and_an_end() -> None:
    assert text("a\x00b\x1b[31m\x7f\ud800\ufffe") == "a\ufffdb\ufffd[31m\ufffd\ufffd\ufffd"
    assert clean("line\n\tnext\r") == "line\n\tnext\r"
    assert (len(text("x" * 2001)), len(text("x" * 1999))) == (2000, 1999)
    assert (text(None, "-"), text("", "-"), text(0, "-"), text(False), text([1])) == ("-", "-", "0", "False", "[1]")


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_counts_as_none(value: Any) -> None:
    assert whole(value) == 0
    with pytest.raises(ValueError, match="is no number"):
        number(value)


def test_numbers() -> None:
    assert (number(3), number(-2.5), whole(3.9), whole(0)) == (3.0, -2.5, 3, 0)
    assert [milliseconds(value) for value in (1234.5, 0, None, "fast")] == ["1,234 ms", "0 ms", "-", "-"]
