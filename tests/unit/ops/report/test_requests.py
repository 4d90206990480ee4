"""The requests of a run in bins: every one in one bin of one colour."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.report.requests import Request, colour_of, p95, series, width_of
from ops.report.run_files import read
from tests.support.ops.releases import BEGIN, BLUE, GREEN, ROLLED_BACK

OK = Request(100.0, 10.0, BLUE, "read", 200, None)


def test_colours_are_told_by_the_release_alone() -> None:
    assert [colour_of(name, BLUE, GREEN) for name in (BLUE, GREEN, None, "0.1")] == ["blue", "green", "other", "other"]
    assert colour_of(GREEN, GREEN, GREEN) == "both"
    assert colour_of(None, None, GREEN) == "other"


def test_every_request_is_in_one_bin_of_one_colour(tmp_path: Path) -> None:
    files = read(ROLLED_BACK.write(tmp_path))
    found = series(files.requests, BLUE, GREEN, BEGIN, BEGIN + ROLLED_BACK.seconds)
    assert [one.colour for one in found] == ["blue", "green"]
    assert sum(one.requests for one in found) == len(files.requests)
    assert [one.failed for one in found] == [0, ROLLED_BACK.probe()["failed"]]
    assert {len(one.bins) for one in found} == {66}


@pytest.mark.parametrize(
    ("seconds", "width"), [(0, 1), (100, 1), (100.1, 2), (192, 2), (200, 2), (201, 5), (3600, 60), (1e6, 3600)]
)
def test_there_are_at_most_a_hundred_bins(seconds: float, width: int) -> None:
    assert width_of(seconds) == width


def test_the_bounds_of_the_window_belong_to_it_and_what_is_outside_does_not() -> None:
    sent = [replace(OK, t=t) for t in (99.9, 100.0, 100.9, 101.0, 103.5, 103.6)]
    (found,) = series(sent, BLUE, GREEN, 100.0, 103.5)
    assert [bin_.requests for bin_ in found.bins] == [2, 1, 0, 1]
    assert [bin_.t for bin_ in found.bins] == [100.0, 101.0, 102.0, 103.0]
    (found,) = series([replace(OK, t=103.0)], BLUE, GREEN, 100.0, 103.0)
    assert [bin_.requests for bin_ in found.bins] == [0, 0, 1], "the last moment is in the last bin"


def test_a_bin_counts_failures_and_takes_p95_of_good_answers() -> None:
    sent = [OK, replace(OK, ms=20.0), replace(OK, ms=900.0, status=500), replace(OK, ms=None)]
    (found,) = series(sent, BLUE, GREEN, 100.0, 101.0)
    (bin_,) = found.bins
    assert (bin_.requests, bin_.failed, bin_.p95_ms) == (4, 1, 20.0)
    assert (found.release, found.width) == (BLUE, 1)


def test_each_colour_has_its_release() -> None:
    sent = [replace(OK, release=name) for name in (None, GREEN, BLUE)]
    assert [(one.colour, one.release) for one in series(sent, BLUE, GREEN, 100, 101)] == [
        ("blue", BLUE), ("green", GREEN), ("other", None),
    ]  # fmt: skip
    assert [(one.colour, one.release) for one in series(sent, GREEN, GREEN, 100, 101)] == [
        ("both", GREEN), ("other", None),
    ]  # fmt: skip


def test_p95_is_a_measured_figure() -> None:
    assert p95([float(n) for n in range(1, 101)]) == 95.0
    assert p95([float(n) for n in range(20, 0, -1)]) == 19.0
    assert p95([7.0]) == 7.0
    assert p95([]) is None
