"""The analysis steps of a release, from its facts or from its event log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ops.report.analysis import analysis_steps, figures, thresholds
from ops.report.facts import facts_from
from tests.support.ops.releases import BEGIN, ROLLED_BACK, RUN, THRESHOLDS, read_release


def test_figures_tell_how_many_failed_and_how_many_were_slow() -> None:
    known = {"requests": 312, "errors": 0, "p95_ms": 44.0, "slow": 4, "slow_ms": 82.0}
    assert figures(known) == "0 of 312 failed, p95 44 ms, 4 above 82 ms"
    assert figures({**known, "slow": None, "slow_ms": None}) == "0 of 312 failed, p95 44 ms"
    assert figures({**known, "slow_ms": None}) == figures({**known, "slow": None}) == "0 of 312 failed, p95 44 ms"
    assert figures({"requests": 2000, "errors": 3}) == "3 of 2,000 failed (0.1 %)"
    assert (figures({}), figures(None), figures("<b>")) == ("0 of 0 failed", "-", "-")


def test_thresholds_in_words() -> None:
    assert thresholds(THRESHOLDS) == (
        "at least 300 requests, 1 % errors, 2 times blue's p95, p95 below 50 ms passes, 90 % CPU"
    )
    assert (thresholds({"error_percent": "x"}), thresholds(None), thresholds("none")) == ("-", "-", "none")


def test_steps_come_from_the_event_log_when_the_facts_have_none(tmp_path: Path) -> None:
    facts, files = read_release(ROLLED_BACK, tmp_path)
    (step,) = analysis_steps(facts, files)
    assert (step.name, step.outcome, step.t) == ("canary", "failed", BEGIN + 112)
    assert step.green == "15 of 312 failed (4.8 %), p95 44 ms"
    assert step.thresholds.startswith("at least 300 requests, 1 % errors")
    assert step.message.startswith("green answers 4.8 %")
    given = analysis_steps(facts_from(RUN, {"analyses": [{"name": "bake", "outcome": "pass"}, "no step"]}), files)
    assert [(step.name, step.outcome, step.t, step.message) for step in given] == [("bake", "pass", None, "")]


def test_a_step_without_figures_has_those_of_the_last_observation(tmp_path: Path) -> None:
    facts, files = read_release(ROLLED_BACK, tmp_path)
    bare = [replace(event, figures={}) for event in files.events]
    found = {"green": {"requests": 300, "errors": 3, "p95_ms": None}}
    observations = [replace(observation, figures=found) for observation in files.observations]
    (step,) = analysis_steps(facts, replace(files, events=bare, observations=observations))
    assert (step.name, step.blue, step.green) == ("at 5 %", "-", "3 of 300 failed (1.0 %)")
    (step,) = analysis_steps(facts, replace(files, events=bare, observations=[]))
    assert (step.name, step.blue, step.green) == ("analysis", "-", "-")
    at_once = [replace(observations[0], t=BEGIN + 112, share=7), replace(observations[0], t=BEGIN + 112.1, share=9)]
    (step,) = analysis_steps(facts, replace(files, events=bare, observations=at_once))
    assert step.name == "at 7 %"
