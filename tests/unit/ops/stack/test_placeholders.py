"""Placeholders of a plan never reach AWS; what only looks like one does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ops.stack.placeholders import MISSING, placeholders, refusal
from plugins.test import pending as plugin

ROOT = Path(__file__).resolve().parents[4]
WORDS = re.compile(r"(?<![\w-])([a-z][a-z-]*?)-pending(?!\.txt|-reboot)")


@pytest.mark.parametrize(
    ("arguments", "thing"),
    [
        ({"vpc_id": "vpc-pending"}, "VPC"),
        ({"subnets": ["subnet-pending-a", "subnet-pending-b"]}, "subnet"),
        ({"target_groups": {"blue": "target-group-pending-blue"}}, "target group"),
        ({"records": [{"alias": {"dns_name": "load-balancer-pending."}}]}, "load balancer"),
        ({"records": [{"alias": {"dns_name": "load-balancer-pending"}}]}, "load balancer"),
        ({"secrets": {"TOKEN": "secret-pending:password::"}}, "secret"),
        ({"image": "repository-pending@sha256:0123"}, "image repository"),
        ({"image": "repository-pending:1.0.0"}, "image repository"),
        ({"environment": {"DATABASE_HOST": "database-pending"}}, "database that is available"),
        ({"rules": ({"group_id": "sg-pending"},)}, "security group"),
    ],
)
def test_a_placeholder_anywhere_is_refused_with_what_is_missing_and_the_command(
    arguments: dict[str, Any], thing: str
) -> None:
    said = refusal(arguments, "shop")
    assert said
    assert said.startswith(f"shop has no {thing} yet, which this task needs")
    assert "playbooks/provision.yml without --tags" in said


def test_without_a_release_the_command_that_makes_one_is_named() -> None:
    said = refusal({"service": "service-pending", "task_definition": "task-definition-pending"}, "shop")
    assert said == (
        "shop has no release that runs yet, which this task needs. The task did nothing. "
        "Run playbooks/deploy.yml -e release=<tag>: it creates the service."
    )


@pytest.mark.parametrize(
    ("value", "pending"),
    [
        ("vpc-pending", True),
        (["subnet-pending-a", "subnet-pending-b"], True),
        (["subnet-0123", "subnet-pending-b"], True),
        ("vpc-0123", False),
        (["subnet-0123"], False),
        ("", False),
        ([], False),
    ],
)
def test_what_does_not_exist_is_told_from_what_does(value: Any, pending: bool) -> None:
    assert plugin.TestModule().tests()["pending"](value) is pending


@pytest.mark.parametrize(
    "arguments",
    [
        {"vpc_id": "vpc-0123456789abcdef0"},
        {"tags": {"Status": "vpc-pending"}},
        {"tags": {"Status": "key-pending-rotation"}},
        {"reason": "the certificate-pending alarm fired"},
        {"name": "shop-database-pending"},
        {"name": "cache-pendingly"},
        {"command": ["migrate"], "environment": {"MODE": "pending"}},
        {"apply_method": "pending-reboot"},
        {"count": 3, "wait": True, "nothing": None},
        {},
    ],
)
def test_what_only_looks_like_one_passes(arguments: dict[str, Any]) -> None:
    assert refusal(arguments, "shop") is None


def test_all_that_is_missing_is_named_once() -> None:
    arguments = {"a": "vpc-pending", "b": ["subnet-pending-a", "subnet-pending-b"], "c": "sg-pending"}
    assert list(dict.fromkeys(placeholders(arguments))) == ["vpc", "subnet", "sg"]
    assert (refusal(arguments, "shop") or "").startswith("shop has no VPC, no subnet, no security group yet")


def test_every_placeholder_that_the_project_makes_is_known() -> None:
    """A new one in the schema, in a role or a filter would pass for a value."""
    folders = ("playbooks", "roles", "plugins/filter", "ops/stack")
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".yml", ".py"))
    made = {word for path in paths for word in WORDS.findall(path.read_text()) if path.name != "placeholders.py"}
    assert made == set(MISSING)
