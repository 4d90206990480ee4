"""Where a rollback leads, by what the audit log has."""

from __future__ import annotations

from typing import Any

import pytest

from ops.release.rollback import entry_of, rollback_target


def entry(number: int, outcome: str = "released", **more: Any) -> dict[str, Any]:
    return {
        "run": f"2026112{number}T100000Z-1.{number}.0",
        "release": f"1.{number}.0",
        "digest": f"sha256:{number}",
        "task_definition": running(number),
        "outcome": outcome,
        "breaking_migrations": [],
        **more,
    }


def running(number: int) -> str:
    return f"arn:aws:ecs:us-east-1:123456789012:task-definition/t1-app:{number}"


GONE: dict[str, Any] = {"breaking_migrations": ["campus.0007_gone (RemoveField)"]}


def test_back_leads_to_the_release_before() -> None:
    assert rollback_target([entry(3), entry(2), entry(1)], running(3)) == {"release": "1.2.0", "refusal": ""}


@pytest.mark.parametrize("outcome", ["failed", "rolled back", "started", "unchanged", "refused"])
def test_back_never_leads_to_what_did_not_end_well(outcome: str) -> None:
    assert rollback_target([entry(3), entry(2, outcome), entry(1)], running(3))["release"] == "1.1.0"
    assert rollback_target([entry(4, outcome), entry(3), entry(1)], running(3))["release"] == "1.1.0"


@pytest.mark.parametrize("outcome", ["started", "failed"])
def test_what_runs_counts_however_its_entry_says_that_it_ended(outcome: str) -> None:
    history = [entry(3, outcome), entry(2), entry(1)]
    assert entry_of(history, running(3)) == history[0]
    assert rollback_target(history, running(3)) == {"release": "1.2.0", "refusal": ""}
    assert rollback_target(history, running(3), "1.2.0") == {"release": "1.2.0", "refusal": ""}
    assert rollback_target(history[:2], running(3)) == {"release": "1.2.0", "refusal": ""}


def test_back_never_leads_to_the_release_from_which_one_came_back() -> None:
    history = [entry(2), entry(3), entry(2)]
    refusal = rollback_target(history, running(2))["refusal"]
    assert "1.2.0 runs since a rollback from 1.3.0" in refusal
    assert "playbooks/rollback.yml -e release=<tag>" in refusal
    assert rollback_target(history, running(2), "1.3.0") == {"release": "1.3.0", "refusal": ""}
    assert rollback_target([*history, entry(1)], running(2)) == {"release": "1.1.0", "refusal": ""}


def test_a_rollback_that_nobody_saw_end_is_one_too() -> None:
    """After a change of settings: its task definition is another one."""
    back = entry(2, "started", task_definition=running(4))
    assert rollback_target([back, entry(3), entry(2), entry(1)], running(4))["release"] == "1.1.0"
    assert "since a rollback from 1.3.0" in rollback_target([back, entry(3), entry(2)], running(4))["refusal"]


def test_after_two_rollbacks_neither_release_is_the_one_before() -> None:
    history = [entry(2), entry(4), entry(2), entry(3), entry(2), entry(1)]
    assert rollback_target(history, running(2))["release"] == "1.1.0"


def test_after_a_rollback_and_a_fix_back_leads_to_what_was_gone_back_to() -> None:
    assert rollback_target([entry(4), entry(2), entry(3), entry(2)], running(4))["release"] == "1.2.0"


def test_a_rollback_that_was_itself_rolled_back_leaves_its_release_the_one_before() -> None:
    assert rollback_target([entry(2, "rolled back"), entry(3), entry(2), entry(1)], running(3))["release"] == "1.2.0"


def test_interrupted_and_killed_ones_in_between_change_nothing() -> None:
    """The history of molecule's test_a_rollback_releases_the_one_before."""
    crash = entry(5, "rolled back", release="2.0.0-crash")
    history = [entry(3), entry(3, "started"), entry(2), entry(2, "started"), crash, entry(1), entry(0)]
    assert rollback_target(history, running(3)) == {"release": "1.2.0", "refusal": ""}


def test_the_same_release_again_is_no_way_back() -> None:
    again = entry(3, run="20261124T100000Z-1.3.0", task_definition=running(4))
    assert rollback_target([again, entry(3), entry(2)], running(4))["release"] == "1.2.0"
    refusal = rollback_target([again, entry(3), entry(2)], running(4), "1.3.0")["refusal"]
    assert "1.3.0 runs already. Name another (older ones: 1.2.0)" in refusal


@pytest.mark.parametrize("named", ["1.1.0", "sha256:1"])
def test_a_release_may_be_named_by_tag_or_digest(named: str) -> None:
    assert rollback_target([entry(3), entry(2), entry(1)], running(3), named) == {"release": "1.1.0", "refusal": ""}


def test_a_release_that_is_not_on_record_is_refused_with_those_that_are() -> None:
    refusal = rollback_target([entry(3), entry(2), entry(1)], running(3), "0.9.0")["refusal"]
    assert "no release 0.9.0 is in the audit log (older ones: 1.2.0, 1.1.0)" in refusal
    assert "playbooks/deploy.yml -e release=" in refusal


def test_from_what_is_on_no_record_the_way_back_must_be_named() -> None:
    history = [entry(2), entry(1)]
    refusal = rollback_target(history, running(9))["refusal"]
    assert "What runs (t1-app:9) is not in the audit log" in refusal
    assert "Name one of 1.2.0, 1.1.0: playbooks/rollback.yml -e release=" in refusal
    assert rollback_target(history, running(9), "1.1.0") == {"release": "1.1.0", "refusal": ""}
    assert (
        "t1-app:9 runs, and no release 0.9.0 is in the audit log"
        in rollback_target(history, running(9), "0.9.0")["refusal"]
    )
    assert rollback_target([entry(2, **GONE), entry(1)], running(9), "1.1.0")["refusal"].count("campus.0007_gone") == 1


@pytest.mark.parametrize("history", [[], [entry(1, "failed")]])
def test_without_a_release_there_is_nothing_to_go_back_to(history: list[dict[str, Any]]) -> None:
    assert rollback_target(history, "nothing-runs-yet") == {
        "release": "",
        "refusal": "No release is in the audit log, so there is nothing to go back to.",
    }
    assert entry_of([entry(1, task_definition="")], "") == {}
    assert entry_of([entry(1)], None) == {}


@pytest.mark.parametrize("outcome", ["released", "failed"])
def test_the_only_release_has_none_before_it(outcome: str) -> None:
    refusal = rollback_target([entry(1, outcome)], running(1))["refusal"]
    assert "1.1.0 runs, and no release before it is in the audit log (older ones: none)" in refusal


@pytest.mark.parametrize("outcome", ["released", "rolled back", "failed", "started"])
def test_a_breaking_migration_in_between_closes_the_way_however_its_release_ended(outcome: str) -> None:
    history = [entry(4), entry(3, outcome, **GONE), entry(2)]
    answer = rollback_target(history, running(4), "1.2.0")
    assert (answer["release"], answer["refusal"].count("campus.0007_gone (RemoveField)")) == ("1.2.0", 1)
    assert "Fix forward instead" in answer["refusal"]


@pytest.mark.parametrize("outcome", ["released", "rolled back", "failed", "started"])
def test_a_breaking_migration_of_what_runs_or_came_after_it_closes_the_way_too(outcome: str) -> None:
    for history in ([entry(3, outcome, **GONE), entry(2)], [entry(4, outcome, **GONE), entry(3), entry(2)]):
        assert "campus.0007_gone" in rollback_target(history, running(3))["refusal"]


def test_a_breaking_migration_of_the_release_that_is_skipped_closes_the_way_too() -> None:
    assert (
        "campus.0007_gone" in rollback_target([entry(2), entry(3, **GONE), entry(2), entry(1)], running(2))["refusal"]
    )


def test_a_breaking_migration_that_was_refused_leaves_the_way_open() -> None:
    refused = entry(4, "refused", **GONE)
    assert rollback_target([refused, entry(3), entry(2)], running(3)) == {"release": "1.2.0", "refusal": ""}


def test_a_breaking_migration_that_the_older_release_brought_itself_does_not() -> None:
    history = [entry(3), entry(2, breaking_migrations=["campus.0007_gone"]), entry(1)]
    assert rollback_target(history, running(3)) == {"release": "1.2.0", "refusal": ""}
