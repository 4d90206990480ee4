"""Which names count as misspelt, at their bounds."""

from __future__ import annotations

import pytest

from ops.variables.names import begins_like_a_role, distance, is_slip, strangers


@pytest.mark.parametrize(
    ("one", "other", "letters"),
    [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1), ("abc", "ab", 1), ("ca", "abc", 3)],
)
def test_distance(one: str, other: str, letters: int) -> None:
    assert distance(one, other) == distance(other, one) == letters


@pytest.mark.parametrize(
    ("name", "known", "slip"),
    [
        ("cache_nod", "cache_node", True),
        ("cache_n", "cache_node", False),
        ("cache_no", "cache_node", True),  # ten letters: two
        ("cach_nod", "cache_nod", True),
        ("cch_nod", "cache_nod", False),  # nine letters: one
    ],
)
def test_a_short_name_allows_one_letter_and_a_long_one_two(name: str, known: str, slip: bool) -> None:
    assert is_slip(name, known) is slip


@pytest.mark.parametrize(
    ("name", "role", "begins"),
    [
        ("stack_name", "stack", True),
        ("slack_name", "stack", False),  # too short a role
        ("datebase_name", "database", True),
        ("databases_name", "database", False),  # a plural
        ("database", "database", False),
        ("load_balancer_x", "load_balancer", True),
    ],
)
def test_a_name_that_begins_like_a_role(name: str, role: str, begins: bool) -> None:
    assert begins_like_a_role(name, [role]) is begins


def test_ansible_s_own_and_internal_names_are_no_strangers() -> None:
    assert strangers(["ansible_x", "__x", "stack_found", "omit", "b", "a", "known"], {"known"}) == ["a", "b"]
