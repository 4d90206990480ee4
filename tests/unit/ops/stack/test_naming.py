"""The names of a stack's resources: within AWS's limits, and never two for one."""

from __future__ import annotations

import itertools

import pytest

from ops.stack.naming import (
    DOMAIN_LIMIT,
    LIMITS,
    STACK_LIMIT,
    aws_cidr,
    domain_refusal,
    run_id,
    shortened,
    stack_name_refusal,
    target_group_name,
)
from ops.stack.ownership import PORTS, PRIORITIES
from plugins.filter.names import FilterModule

LONGEST = "c" * STACK_LIMIT


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
def test_a_name_within_the_limit_stays_as_it_is(kind: str, limit: int) -> None:
    assert shortened("c" * limit, kind) == "c" * limit


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
def test_names_that_differ_only_after_the_cut_stay_different(kind: str, limit: int) -> None:
    long = ["c" * limit + "".join(end) for end in itertools.product("ab1-", repeat=5)]
    short = {shortened(name, kind) for name in long}
    assert len(short) == len(long)
    assert {len(name) for name in short} == {limit}


def test_a_cut_leaves_no_hyphens_in_a_row() -> None:
    assert "--" not in shortened(f"{'c' * 22}-{'d' * 20}", "target_group")


def test_the_same_name_is_always_cut_the_same() -> None:
    assert target_group_name(LONGEST, "blue") == "c" * 23 + "-3454d223"
    assert FilterModule().filters()["target_group_name"](LONGEST, "blue") == "c" * 23 + "-3454d223"


@pytest.mark.parametrize("name", ["campshub360-tier1", "a", "t2", LONGEST])
def test_a_stack_may_be_called(name: str) -> None:
    assert stack_name_refusal(name) is None


@pytest.mark.parametrize(
    "name", ["", "Tier1", "1tier", "tier_1", "tier1-", "tier--1", "tier.1", "internal-tier1", "tier1\n", LONGEST + "c"]
)
def test_a_stack_may_not_be_called(name: str) -> None:
    assert "stack_name" in str(stack_name_refusal(name))


LABEL = "a" * (DOMAIN_LIMIT - len(".example"))


@pytest.mark.parametrize(
    "domain",
    [
        "example.org",
        "t1.example",
        "tier1-lean.campshub360.example",
        "xn--bcher-kva.example",
        "1.2.de",
        f"{LABEL}.example",
    ],
)
def test_a_domain_may_be_typed_as_aws_keeps_it(domain: str) -> None:
    assert domain_refusal(domain) is None


@pytest.mark.parametrize(
    "typed", ["T1.Example", "t1.example.", " t1.example", "t1.example\n", "\tT1.EXAMPLE. "], ids=repr
)
def test_a_domain_that_aws_would_spell_otherwise_names_the_right_spelling(typed: str) -> None:
    said = str(domain_refusal(typed))
    assert repr(typed) in said and said.endswith("dns_zone_name: t1.example") and "Nothing was touched" in said


@pytest.mark.parametrize(
    "typed",
    ["", "example", "t1..example", "-t1.example", "t1-.example", "t_1.example", "b\u00fccher.example", "t1 .example",
     "*.example.org", "https://t1.example", "t1.example:443", "192.0.2.1", f"a{LABEL}.example", f"{'a' * 64}.example"],
)  # fmt: skip
def test_what_is_no_domain_is_refused_without_a_spelling(typed: str) -> None:
    said = str(domain_refusal(typed))
    assert "orrect dns_zone_name" in said and "dns_zone_name: " not in said and "Nothing was touched" in said


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("10.20.0.0/16", "10.20.0.0/16"), ("10.20.0.1/16", "10.20.0.0/16"), ("100.68.0.18/18", "100.68.0.0/18")],
)
def test_an_address_block_is_known_as_aws_keeps_it(typed: str, kept: str) -> None:
    assert aws_cidr(typed) == kept


def test_what_is_no_address_block_says_so() -> None:
    assert aws_cidr("10.20.0.0/33") == "no address block: 10.20.0.0/33"


def test_roles_put_listeners_and_rules_where_finders_look_for_them() -> None:
    filters = FilterModule().filters()
    assert {protocol: filters["listener_port"](protocol) for protocol in PORTS} == PORTS
    assert {purpose: filters["rule_priority"](purpose) for purpose in PRIORITIES} == PRIORITIES


def test_plays_of_one_moment_are_runs_of_their_own_in_the_order_of_time() -> None:
    """Two people, or two machines, may begin in the same second; the second one's report is not the first one's."""
    now, later = ({run_id(at) for _ in range(9)} for at in ("20261129T183631Z", "20261129T183632Z"))
    assert len(now) > 1
    assert max(now) < min(later)
