"""Tags as people write them in YAML, and as AWS keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from ops.aws.tags import aws_text, resource_tags, tag_errors


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"CostCenter": 4711}, "4711"),
        ({"Backup": True}, "true"),
        ({"Backup": False}, "false"),
        ({"Owner": "Zoë"}, "Zoë"),
        ({"Owner": ""}, ""),
        ({"url": "https://x.example/a+b=c@d"}, "https://x.example/a+b=c@d"),
        ({"team name": "a b"}, "a b"),
        ({"version": "1.10"}, "1.10"),
        ({"Stack": "shop"}, "shop"),  # as older inventories say it
        ({"k" * 128: "v" * 256}, "v" * 256),
        ({1: 2}, "2"),
    ],
)
def test_what_yaml_gives_becomes_what_aws_shows_again(given: dict[Any, Any], kept: str) -> None:
    assert list(tag_errors(given, "shop")) == []
    assert resource_tags(given, "shop") == {str(next(iter(given))): kept, "Stack": "shop"}


def test_without_any_the_tag_by_which_a_stack_is_found_is_there() -> None:
    assert resource_tags({}, "shop") == {"Stack": "shop"}
    assert len(list(tag_errors({f"k{n}": "" for n in range(47)}, "shop"))) == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Stack": "other"}, "Stack is set by the platform itself"),
        ({"stack": "shop"}, "stack is set by the platform itself"),
        ({"Name": "x"}, "Name is set by the platform"),
        ({"tier": "x"}, "tier is set by the platform"),
        ({"Owner": "a", "OWNER": "b"}, "owner is there in several spellings"),
        ({"aws:owner": "a"}, "begins with aws:"),
        ({"AWS:owner": "a"}, "begins with aws:"),
        ({"": "a"}, "the key ''"),
        ({"k" * 129: "a"}, "has not 1 to 128 letters"),
        ({" k": "a"}, "the key ' k'"),
        ({"k*": "a"}, "the key 'k*'"),
        ({"k": "v" * 257}, "has not up to 256 letters"),
        ({"k": "a\nb"}, "has not up to 256 letters"),
        ({"k": "50 %"}, "has not up to 256 letters"),
        ({"k": 1.1}, "number with a point"),
        ({"k": None}, "is empty"),
        ({"k": ["a"]}, "is no text"),
        ({f"k{n}": "" for n in range(48)}, "48 are more than 47"),
    ],
)
def test_what_some_service_would_refuse_is_refused_first(given: dict[str, Any], words: str) -> None:
    assert words in "; ".join(tag_errors(given, "shop"))


def test_all_errors_are_named_at_once() -> None:
    assert len(list(tag_errors({"Name": "x", "k": None, "aws:a": "b"}, "shop"))) == 3


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (0, "0"), ("True", "True"), (60, "60"), ("", "")])
def test_other_values_are_told_as_aws_tells_them(value: Any, text: str) -> None:
    assert aws_text(value) == text
