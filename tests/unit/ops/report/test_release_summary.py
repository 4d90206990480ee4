"""A release is told in a sentence, and what to do follows when it did not succeed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.report.events import Observation
from ops.report.facts import facts_from
from ops.report.run_files import RunFiles
from ops.report.summary import counted, next_steps, request_counts, summary
from tests.support.ops.releases import GREEN, RELEASED, ROLLED_BACK, RUN, read_release


def test_a_good_release_is_told_in_a_sentence(tmp_path: Path) -> None:
    facts, files = read_release(RELEASED, tmp_path)
    assert summary(facts, files) == "1.4.0 was released in 3 min 12 s: 17,200 requests seen from outside, none failed"
    assert next_steps(facts, files) == []


def test_a_release_that_was_rolled_back_says_where_and_why(tmp_path: Path) -> None:
    facts, files = read_release(ROLLED_BACK, tmp_path)
    assert summary(facts, files) == (
        "1.4.0 was rolled back at 5 % of the traffic: green answers 4.8 % of 312 requests with 5xx; 1 % is allowed"
    )
    steps = [step.message for step in next_steps(facts, files)]
    assert steps[0] == "Nothing is urgent: at the last observation 1.3.0 had all of the traffic."
    assert any("without a breaking migration" in message for message in steps)


def test_a_breaking_migration_changes_what_to_do(tmp_path: Path) -> None:
    schema = {"before": "1", "after": "2", "breaking_migrations": ["campus.0002_drop"]}
    facts, files = read_release(ROLLED_BACK, tmp_path, schema=schema)
    messages = " ".join(step.message for step in next_steps(facts, files))
    assert "breaking migrations (campus.0002_drop) removed what older releases need" in messages
    assert "without a breaking migration" not in messages


@pytest.mark.parametrize("schema", [{}, {"before": "1", "after": "1"}, {"before": "1"}])
def test_a_schema_that_stayed_needs_no_step(schema: dict[str, str], tmp_path: Path) -> None:
    facts, files = read_release(ROLLED_BACK, tmp_path, schema=schema)
    assert not any("schema" in step.message for step in next_steps(facts, files))


def test_green_with_traffic_is_urgent(tmp_path: Path) -> None:
    facts, files = read_release(RELEASED, tmp_path, outcome="failed", failure_reason="The watcher was killed.")
    assert summary(facts, files) == "1.4.0 was not released: The watcher was killed"
    steps = next_steps(facts, files)
    assert steps[0].message == "Act at once: at the last observation green still had 100 % of the traffic."
    play = "ansible-playbook -i <inventory> -l campshub360-tier1 playbooks/"
    assert [step.command.removeprefix(play) for step in steps[1:]] == [
        "runbook_release_status.yml", "runbook_release_stop.yml", "",
        "aws logs tail /ecs/campshub360-tier1 --since 1h --filter-pattern ERROR", "deploy.yml -e release=<tag>",
    ]  # fmt: skip


@pytest.mark.parametrize(("share", "first"), [(0.5, "Act at once"), (0.0, "Nothing is urgent")])
def test_the_first_step_says_who_serves(share: float, first: str) -> None:
    facts = facts_from(RUN, {"outcome": "failed"})
    files = RunFiles(
        observations=[Observation(0, "IN_PROGRESS", "", 100, "", {}), Observation(1, "", "", share, "", {})]
    )
    assert next_steps(facts, files)[0].message.startswith(first)
    assert next_steps(facts, RunFiles())[0].message == (
        "No traffic was moved: no deployment was observed, the previous release serves as before."
    )


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ("unchanged", "1.4.0 runs already: nothing was changed"),
        ("refused", "1.4.0 was not begun: the image is missing"),
        ("started", "The release of 1.4.0 was started, and how it ended was not recorded"),
        ("failed", "1.4.0 was not released: the image is missing"),
        ("rolled back", "1.4.0 was rolled back: the image is missing"),
        ("released", "1.4.0 was released: no request was sent from outside"),
        ("what?", "1.4.0 was not released: the image is missing"),
    ],
)
def test_every_outcome_has_its_sentence(outcome: str, sentence: str) -> None:
    facts = facts_from(RUN, {"release": GREEN, "outcome": outcome, "failure_reason": "the image is missing."})
    assert summary(facts, RunFiles()) == sentence
    assert (next_steps(facts, RunFiles()) == []) is (outcome in ("released", "unchanged"))


def test_a_reason_that_nobody_gave_is_said_to_be_missing() -> None:
    assert summary(facts_from(RUN, {"release": GREEN, "outcome": "failed"}), RunFiles()) == (
        "1.4.0 was not released: no reason was recorded"
    )


@pytest.mark.parametrize("missing", ["started", "finished"])
def test_without_its_start_or_its_end_it_took_no_known_time(missing: str) -> None:
    given = {"release": GREEN, "outcome": "released", "started": 0, "finished": 60}
    del given[missing]
    assert summary(facts_from(RUN, given), RunFiles()) == "1.4.0 was released: no request was sent from outside"


def test_counts_are_said_as_people_do() -> None:
    assert counted(4212, 17) == "4,212 requests seen from outside, 17 failed"
    assert counted(4212, 1017) == "4,212 requests seen from outside, 1,017 failed"
    assert counted(1, 1) == "1 request seen from outside, all failed"
    assert counted(2, 0) == "2 requests seen from outside, none failed"


def test_without_the_probe_s_own_count_its_file_is_counted(tmp_path: Path) -> None:
    facts, files = read_release(ROLLED_BACK, tmp_path, probe=None)
    assert request_counts(facts, files) == (ROLLED_BACK.probe()["requests"], ROLLED_BACK.probe()["failed"])
    facts, files = read_release(ROLLED_BACK, tmp_path / "other", probe={"requests": 3, "failed": 2})
    assert request_counts(facts, files) == (3, 2)
