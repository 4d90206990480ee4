"""What a release's own plan of migrations says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.release.migrations import migration_message, migration_plan

NOTHING: dict[str, Any] = {"found": False, "before": None, "after": None, "breaking_migrations": []}
COMPATIBLE = {"migration": "campus.0006_notes", "kind": "compatible", "operations": ["AddField"]}
BREAKING = {"migration": "campus.0007_gone", "kind": "breaking", "operations": ["RemoveField", "DeleteModel"]}


def said(*pending: dict[str, Any], **more: Any) -> str:
    return json.dumps({"message": "migration plan", "before": "0005", "after": "0007", "pending": pending, **more})


def test_a_plan_is_found_among_other_lines() -> None:
    lines = ["starting", '{"message": "connected"}', said(COMPATIBLE, BREAKING), '{"message": "bye"}', "{cut off"]
    assert migration_plan(lines) == {
        "found": True,
        "before": "0005",
        "after": "0007",
        "breaking_migrations": ["campus.0007_gone (RemoveField, DeleteModel)"],
    }


def test_only_what_takes_something_away_is_named() -> None:
    assert migration_plan([said(COMPATIBLE)])["breaking_migrations"] == []
    assert migration_plan([said()])["breaking_migrations"] == []
    assert migration_plan([said({**BREAKING, "operations": []})])["breaking_migrations"] == [
        "campus.0007_gone (no operations)"
    ]


def test_the_last_plan_counts() -> None:
    assert migration_plan([said(BREAKING), said(COMPATIBLE)])["breaking_migrations"] == []


@pytest.mark.parametrize("lines", [[], ["text"], ["[1]", "3", "null"], ['{"message": "migrated"}']])
def test_without_a_plan_nothing_is_invented_and_nothing_is_known(lines: list[str]) -> None:
    assert migration_plan(lines) == NOTHING


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("0005", "0007", "The schema went from 0005 to 0007"),
        (None, "0001", "The schema went from nothing to 0001"),
        ("0005", None, "The schema went from 0005 to what it was"),
    ],
)
def test_the_event_log_says_where_the_schema_is(before: str | None, after: str | None, message: str) -> None:
    assert migration_message({"before": before, "after": after}) == message
