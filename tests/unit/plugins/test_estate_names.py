"""The names of an estate's resources: within AWS's limits, and never two for one."""

from __future__ import annotations

import itertools

import pytest
from ansible.module_utils.names import ESTATE_LIMIT, LIMITS, aws_name, objection

from plugins.filter.names import FilterModule

LONGEST = "c" * ESTATE_LIMIT


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
def test_a_name_within_the_limit_stays_as_it_is(kind: str, limit: int) -> None:
    assert aws_name("c" * limit, kind) == "c" * limit


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
def test_names_that_differ_only_after_the_cut_stay_different(kind: str, limit: int) -> None:
    long = ["c" * limit + "".join(end) for end in itertools.product("ab1-", repeat=5)]
    short = {aws_name(name, kind) for name in long}
    assert len(short) == len(long)
    assert {len(name) for name in short} == {limit}


def test_a_cut_leaves_no_hyphens_in_a_row() -> None:
    assert "--" not in aws_name(f"{'c' * 22}-{'d' * 20}", "target_group")


def test_the_same_name_is_always_cut_the_same() -> None:
    assert aws_name(f"{LONGEST}-blue", "target_group") == "c" * 23 + "-3454d223"
    assert FilterModule().filters()["aws_name"](f"{LONGEST}-blue", "target_group") == "c" * 23 + "-3454d223"


@pytest.mark.parametrize("name", ["campshub360-tier1", "a", "t2", LONGEST])
def test_an_estate_may_be_called(name: str) -> None:
    assert objection(name) is None


@pytest.mark.parametrize(
    "name", ["", "Tier1", "1tier", "tier_1", "tier1-", "tier--1", "tier.1", "internal-tier1", "tier1\n", LONGEST + "c"]
)
def test_an_estate_may_not_be_called(name: str) -> None:
    assert "stack_name" in str(objection(name))
