"""The comparison that finds a lying plan finds it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.plans import lies


def change(task: str = "Keep it", item: str | None = None, **diff: Any) -> dict[str, Any]:
    return {"host": "t1", "task": task, "item": item, "diff": diff}


def test_a_plan_may_use_a_word_for_what_is_not_there_yet() -> None:
    plan = [
        change(
            before={},
            after={"vpc_id": "vpc-pending", "port": 1, "subnets": ["a-pending"], "id": None, "pending.x": {"ttl": 3}},
        )
    ]
    run = [change(before={}, after={"vpc_id": "vpc-1", "port": 1, "subnets": ["a", "b"], "id": "x", "given": 2})]
    assert lies(plan, run) == []


@pytest.mark.parametrize(
    ("plan", "run"),
    [
        ([], [change()]),
        ([change()], []),
        ([change(item="a")], [change(item="b")]),
        ([change(after={"port": 1})], [change(after={"port": 2})]),
        ([change(after={"port": 1})], [change(after={})]),
        ([change(before={"port": 1}, after={})], [change(before={"port": 2}, after={})]),
        ([change(after={"ports": [1, 2]})], [change(after={"ports": [1]})]),
        ([change(after={"ports": [1, 1]})], [change(after={"ports": [1, 2]})]),
        ([change(after={"deep": {"port": 1}})], [change(after={"deep": {"port": 2}})]),
    ],
)
def test_a_plan_that_says_other_than_the_run_does_is_found(plan: list[Any], run: list[Any]) -> None:
    assert len(lies(plan, run)) >= 1
