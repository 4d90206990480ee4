"""The stages of a release, without a gap, and how far green had come."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from ops.report.events import Event, Observation
from ops.report.run_files import RunFiles, read
from ops.report.timeline import progress_before_rollback, shares, spans
from tests.support.ops.releases import BEGIN, RELEASED, ROLLED_BACK


def observed(t: float, stage: str, share: float = 0, status: str = "IN_PROGRESS") -> Observation:
    return Observation(t, status, stage, share, "", {})


def test_stages_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    files = read(ROLLED_BACK.write(tmp_path))
    found = spans(files, BEGIN, BEGIN + ROLLED_BACK.seconds)
    assert [span.label for span in found] == [
        "Preflight", "Static files", "Migration", "Deployment requested", "Before green starts", "Green starts",
        "Test traffic", "Smoke test", "Before traffic shift", "Bake at 5 %", "Rollback",
    ]  # fmt: skip
    assert (found[0].start, found[-1].end) == (BEGIN, BEGIN + ROLLED_BACK.seconds)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert [span.seconds for span in found[:4]] == [4, 5, 12, 3]


def test_a_release_that_succeeds_ends_with_its_clean_up(tmp_path: Path) -> None:
    found = spans(read(RELEASED.write(tmp_path)), BEGIN, BEGIN + RELEASED.seconds)
    assert [(span.label, span.kind, span.share) for span in found[-5:]] == [
        ("Before traffic shift", "shift", 5), ("Traffic shift", "shift", 100), ("After traffic shift", "shift", 100),
        ("Bake", "bake", 100), ("Clean-up", "start", 100),
    ]  # fmt: skip


def test_only_preparations_before_the_deployment_are_stages() -> None:
    files = RunFiles(
        events=[
            Event(5, "preflight", "ok", "", {}),
            Event(7, "smoke_test", "ok", "", {}),
            Event(30, "static", "ok", "", {}),
        ],
        observations=[observed(10, "SCALE_UP"), observed(20, "SCALE_UP")],
    )
    assert [(span.label, span.start, span.end) for span in spans(files, 0, 40)] == [
        ("Preflight", 0, 5), ("Deployment requested", 5, 10), ("Green starts", 10, 40),
    ]  # fmt: skip
    assert [span.label for span in spans(RunFiles(observations=[observed(0, "SCALE_UP")]), 0, 1)] == ["Green starts"]


@pytest.mark.parametrize(
    ("observation", "label", "kind"),
    [
        (observed(1, "PRODUCTION_TRAFFIC_SHIFT", 0), "Traffic shift", "shift"),
        (observed(1, "PRODUCTION_TRAFFIC_SHIFT", 0.5), "Bake at 0.5 %", "shift"),
        (observed(1, "PRODUCTION_TRAFFIC_SHIFT", 99), "Bake at 99 %", "shift"),
        (observed(1, "PRODUCTION_TRAFFIC_SHIFT", 100), "Traffic shift", "shift"),
        (observed(1, "A_NEW_STAGE"), "A new stage", "start"),
        (observed(1, ""), "Deployment", "start"),
        (observed(1, "CLEAN_UP", 100, "SUCCESSFUL"), "After deployment", "prepare"),
        (observed(1, "", 0, "ROLLBACK_SUCCESSFUL"), "Back on blue", "prepare"),
        (observed(1, "", 0, "ROLLBACK_FAILED"), "Rollback failed", "back"),
        (observed(1, "BAKE_TIME", 100, "STOP_REQUESTED"), "Rollback", "back"),
    ],
)
def test_every_stage_has_its_label(observation: Observation, label: str, kind: str) -> None:
    (span,) = spans(RunFiles(observations=[observation]), 1, 2)
    assert (span.label, span.kind) == (label, kind)
    assert span.stage == (observation.stage or observation.status)


def test_the_last_stage_may_end_after_the_report_does() -> None:
    (span,) = spans(RunFiles(observations=[observed(9, "SCALE_UP")]), 9, 5)
    assert (span.start, span.end) == (9, 9)


def test_shares_are_what_was_observed() -> None:
    assert shares(RunFiles(observations=[observed(1, "", 0), observed(2, "", 5)])) == [(1, 0), (2, 5)]


@pytest.mark.parametrize(
    ("stage", "share", "words"),
    [
        ("BAKE_TIME", 100, "in the bake"),
        ("POST_PRODUCTION_TRAFFIC_SHIFT", 100, "with all of the traffic"),
        ("PRODUCTION_TRAFFIC_SHIFT", 5, "at 5 % of the traffic"),
        ("BAKE_TIME", 99.5, "at 99.5 % of the traffic"),
        ("POST_TEST_TRAFFIC_SHIFT", 0, "on test traffic"),
        ("SCALE_UP", 0, "before it had any traffic"),
    ],
)
def test_how_far_green_had_come(stage: str, share: float, words: str) -> None:
    back = observed(3, "PRODUCTION_TRAFFIC_SHIFT", 50, "ROLLBACK_IN_PROGRESS")
    files = RunFiles(observations=[observed(1, "SCALE_UP"), observed(2, stage, share), back])
    assert progress_before_rollback(files) == words
    assert progress_before_rollback(RunFiles(observations=[back])) is None
