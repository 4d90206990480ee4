"""What a run of deploy.yml is said to have done, by the results of its tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ops.release.outcome import (
    ALREADY,
    DEPLOYING,
    Results,
    alarms_of,
    commit,
    facts,
    failure_reason,
    is_unfinished,
    missing_parts,
    outcome,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OPTIONS = {
    "release": "1.2.0",
    "git_sha": "",
    "operator": "ops",
    "change_reason": "notes",
    "strategy": "CANARY",
    "started": "20261125T113000Z",
}


def entry(number: int, outcome: str) -> dict[str, Any]:
    return {"release": f"1.{number}.0", "task_definition": f"app:{number}", "outcome": outcome}


HISTORY = [entry(3, "rolled back"), entry(2, "started"), entry(1, "released")]
DUE = {"changes": ["task_definition"], "resource": {"deployment": None}}
DEPLOYED = {"changes": ["task_definition"], "resource": {"deployment": "arn:d"}}
NOTHING_DUE: dict[str, Any] = {"changes": []}
FAILED = {"failed": True, "msg": "No.\nMore."}
DONE = {"deployment": "arn:d", "status": "SUCCESSFUL", "succeeded": True, "outcome": "All traffic is on the release."}
BACK = {"deployment": "arn:d", "status": "ROLLBACK_SUCCESSFUL", "succeeded": False, "outcome": "ECS rolled it back."}
STATIC = {"changed": True}
COMMIT = "4c8a1f0e9d7b6a5c3e2f1d0b9a8c7e6f5d4b3a21"


def found(history: list[dict[str, Any]] | None = None, **results: Any) -> dict[str, Any]:
    return facts(Results(**results), OPTIONS, HISTORY if history is None else history, NOW)


@pytest.mark.parametrize(("running", "release"), [("app:2", "1.2.0"), ("app:0", "1.0.0"), ("app:9", ""), (None, "")])
def test_the_release_before_is_what_ran(running: str | None, release: str) -> None:
    history = [*HISTORY, entry(0, "released")]
    assert found(history, preflight={"running": running})["previous_release"] == release


@pytest.mark.parametrize(
    ("running", "outcome", "why"),
    [("app:2", "released", ALREADY), ("app:1", "unchanged", ""), ("app:9", "unchanged", "")],
)
def test_the_same_release_again_completes_an_entry_that_has_no_end(running: str, outcome: str, why: str) -> None:
    said = found(preflight={"running": running}, plan=NOTHING_DUE)
    assert said["outcome"] == outcome
    assert not why or said["failure_reason"] == why


def test_what_changes_something_is_a_release_like_any_other() -> None:
    said = found(preflight={"running": "app:2"}, plan=DUE)
    assert (said["outcome"], said["failure_reason"]) == ("started", "")


def test_before_anything_was_found_nothing_is_known() -> None:
    said = found(failure=FAILED)
    assert (said["outcome"], said["failure_reason"]) == ("refused", "No.")
    assert (said["digest"], said["task_definition"], said["previous_task_definition"]) == ("", "", "")


@pytest.mark.parametrize(
    ("results", "outcome", "why"),
    [
        ({"plan": DUE, "failure": FAILED}, "refused", "No."),
        ({"plan": DUE, "static": STATIC, "failure": FAILED}, "failed", "No."),
        ({"plan": DUE, "static": STATIC}, "started", ""),
        ({"service": FAILED, "static": STATIC, "failure": FAILED}, "failed", "No."),
        ({"service": DEPLOYED, "static": STATIC, "step": DONE}, "released", "All traffic is on the release."),
        ({"service": DEPLOYED, "static": STATIC, "step": BACK}, "rolled back", "ECS rolled it back."),
        (
            {"service": DEPLOYED, "static": STATIC, "step": {"status": "ROLLBACK_FAILED", "outcome": "It ended."}},
            "failed",
            "It ended.",
        ),
        # the step failed, as the lock was lost, and then the deployment was rolled back
        (
            {"service": DEPLOYED, "static": STATIC, "step": FAILED, "rollback": BACK, "failure": FAILED},
            "rolled back",
            "No.",
        ),
        ({"service": DEPLOYED, "static": STATIC, "step": FAILED, "failure": FAILED}, "failed", "No."),
        # all traffic is on it, and the public address does not answer as it should
        ({"service": DEPLOYED, "static": STATIC, "step": DONE, "failure": FAILED}, "failed", "No."),
        # what a dead operator left was rolled back before; it says nothing of this release
        ({"plan": DUE, "static": STATIC, "rollback": BACK, "failure": FAILED}, "failed", "No."),
        ({"service": DEPLOYED, "static": STATIC, "rollback": BACK | {"deployment": "arn:old"}, "step": DONE},
         "released", "All traffic is on the release."),
    ],
)  # fmt: skip
def test_every_end_has_its_outcome_and_its_reason(results: dict[str, Any], outcome: str, why: str) -> None:
    said = found(preflight={"running": "app:1"}, **results)
    assert (said["outcome"], said["failure_reason"]) == (outcome, why)


def test_facts_are_whatever_is_known_by_now() -> None:
    said = found(
        preflight={
            "running": "app:1",
            "digest": "sha256:1",
            "tags": ["1.2.0", COMMIT],
        },
        definition={"resource": {"arn": "app:4"}},
        migrations={"lines": ['{"message": "migration plan", "before": "1", "after": "2", "pending": []}']},
        service=DUE,
    )
    assert said == {
        **OPTIONS,
        "digest": "sha256:1",
        "git_sha": COMMIT,
        "task_definition": "app:4",
        "previous_task_definition": "app:1",
        "previous_release": "1.1.0",
        "schema": {"found": True, "before": "1", "after": "2", "breaking_migrations": []},
        "finished": "2026-11-25T12:00:00Z",
        "outcome": "started",
        "failure_reason": "",
    }


def test_a_commit_that_was_named_is_no_tag_s() -> None:
    assert facts(Results(), OPTIONS | {"git_sha": "abc"}, [], NOW)["git_sha"] == "abc"
    assert (commit(["1.0.0", "f" * 39, "f" * 41]), commit([])) == ("", "")


@pytest.mark.parametrize("change", sorted(DEPLOYING))
def test_a_deployment_is_due_for_what_starts_one(change: str) -> None:
    assert Results(plan={"changes": [change, "tags"]}).due
    assert Results(plan={"skipped": True}, service={"changes": [change]}).due, "once it is updated"
    assert not Results(plan={"changes": ["rollout", "tags", "grace_seconds"]}).due
    assert not Results().due


@pytest.mark.parametrize(
    ("preflight", "rollback", "unfinished"),
    [
        ({}, {}, False),
        ({"unfinished": True}, {}, True),
        ({"orphan": "arn:d"}, {"status": "STOPPED"}, True),
        ({"orphan": "arn:d"}, {"status": "ROLLBACK_SUCCESSFUL"}, False),
        ({"orphan": None}, {"status": "STOPPED"}, False),
    ],
)
def test_a_first_release_that_was_stopped_is_released_anew(
    preflight: dict[str, Any], rollback: dict[str, Any], unfinished: bool
) -> None:
    assert is_unfinished(preflight, rollback) is unfinished


@pytest.mark.parametrize(
    ("preflight", "target"), [({}, "green"), ({"target": "blue"}, "blue"), ({"target": "green"}, "green")]
)
def test_alarms_are_those_of_where_the_release_goes(preflight: dict[str, Any], target: str) -> None:
    alarms = {"blue": ["t1-blue-worse"], "green": ["t1-green-worse"]}
    assert alarms_of(alarms, preflight) == alarms[target]
    assert alarms_of({}, preflight) == []


def test_what_is_missing_is_named() -> None:
    assert missing_parts({"its network": True, "its cluster": False, "its cache": True}) == ["its cluster"]


def test_an_interrupted_run_has_no_reason() -> None:
    assert failure_reason(Results(service=DUE), due=True) == ""
    assert outcome(Results(service=DUE, failure={"msg": ""}), "released") == "refused"
