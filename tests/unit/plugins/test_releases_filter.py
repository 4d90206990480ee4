"""What a release reads out of what was said before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plugins.filter.releases import migration_plan, way_back

NOTHING: dict[str, Any] = {"found": False, "before": None, "after": None, "contract": []}
EXPAND = {"migration": "campus.0006_notes", "kind": "expand", "operations": ["AddField"]}
CONTRACT = {"migration": "campus.0007_gone", "kind": "contract", "operations": ["RemoveField", "DeleteModel"]}


def said(*pending: dict[str, Any], **more: Any) -> str:
    return json.dumps({"message": "migration plan", "before": "0005", "after": "0007", "pending": pending, **more})


def test_a_plan_is_found_among_other_lines() -> None:
    lines = ["starting", '{"message": "connected"}', said(EXPAND, CONTRACT), '{"message": "bye"}', "{cut off"]
    assert migration_plan(lines) == {
        "found": True,
        "before": "0005",
        "after": "0007",
        "contract": ["campus.0007_gone (RemoveField, DeleteModel)"],
    }


def test_only_what_takes_something_away_is_named() -> None:
    assert migration_plan([said(EXPAND)])["contract"] == []
    assert migration_plan([said()])["contract"] == []
    assert migration_plan([said({**CONTRACT, "operations": []})])["contract"] == ["campus.0007_gone (no operations)"]


def test_the_last_plan_counts() -> None:
    assert migration_plan([said(CONTRACT), said(EXPAND)])["contract"] == []


@pytest.mark.parametrize("lines", [[], ["text"], ["[1]", "3", "null"], ['{"message": "migrated"}']])
def test_without_a_plan_nothing_is_invented_and_nothing_is_known(lines: list[str]) -> None:
    assert migration_plan(lines) == NOTHING


def entry(number: int, outcome: str = "released", **more: Any) -> dict[str, Any]:
    return {
        "run": f"2026112{number}T100000Z-1.{number}.0",
        "release": f"1.{number}.0",
        "digest": f"sha256:{number}",
        "task_definition": f"t1-app:{number}",
        "outcome": outcome,
        "contract": [],
        **more,
    }


def test_back_leads_to_the_release_before() -> None:
    assert way_back([entry(3), entry(2), entry(1)]) == {"release": "1.2.0", "refusal": ""}


@pytest.mark.parametrize("outcome", ["failed", "rolled back", "started", "unchanged", "refused"])
def test_back_never_leads_to_what_did_not_end_well(outcome: str) -> None:
    assert way_back([entry(3), entry(2, outcome), entry(1)])["release"] == "1.1.0"
    assert way_back([entry(4, outcome), entry(3), entry(1)])["release"] == "1.1.0"


def test_the_same_release_again_is_no_way_back() -> None:
    again = entry(3, run="20261124T100000Z-1.3.0")
    assert way_back([again, entry(3), entry(2)])["release"] == "1.2.0"


@pytest.mark.parametrize("named", ["1.1.0", "sha256:1"])
def test_a_release_may_be_named_by_tag_or_digest(named: str) -> None:
    assert way_back([entry(3), entry(2), entry(1)], named) == {"release": "1.1.0", "refusal": ""}


def test_a_release_that_is_not_on_record_is_refused_with_those_that_are() -> None:
    refusal = way_back([entry(3), entry(2), entry(1)], "0.9.0")["refusal"]
    assert "no release 0.9.0 is on record (older ones: 1.2.0, 1.1.0)" in refusal
    assert "playbooks/deploy.yml -e release=" in refusal


@pytest.mark.parametrize("history", [[], [entry(1, "failed")]])
def test_without_a_release_there_is_nothing_to_go_back_to(history: list[dict[str, Any]]) -> None:
    assert way_back(history) == {
        "release": "",
        "refusal": "No release is on record, so there is nothing to go back to.",
    }


def test_the_only_release_has_none_before_it() -> None:
    assert "1.1.0 runs, and no release before it is on record (older ones: none)" in way_back([entry(1)])["refusal"]


@pytest.mark.parametrize("outcome", ["released", "rolled back", "failed", "started"])
def test_a_contract_migration_in_between_closes_the_way_however_its_release_ended(outcome: str) -> None:
    gone = ["campus.0007_gone (RemoveField)"]
    history = [entry(4), entry(3, outcome, contract=gone), entry(2)]
    answer = way_back(history, "1.2.0")
    assert (answer["release"], answer["refusal"].count("campus.0007_gone (RemoveField)")) == ("1.2.0", 1)
    assert "Mend forward instead" in answer["refusal"]


def test_a_contract_migration_that_was_refused_leaves_the_way_open() -> None:
    refused = entry(4, "refused", contract=["campus.0007_gone (RemoveField)"])
    assert way_back([refused, entry(3), entry(2)]) == {"release": "1.2.0", "refusal": ""}


def test_a_contract_migration_that_the_older_release_brought_itself_does_not() -> None:
    assert way_back([entry(3), entry(2, contract=["campus.0007_gone"]), entry(1)]) == {
        "release": "1.2.0",
        "refusal": "",
    }
