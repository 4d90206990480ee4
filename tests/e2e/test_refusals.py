"""What a person gets wrong stops before anything is touched, with what, why and the cure in its message."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from subprocess import run

import pytest

from sandbox.config import CHECKOUT
from tests.support.stack import BIN, INVENTORIES, RELEASE, STACK, Played, Sandbox


@dataclass(frozen=True, slots=True)
class Refusal:
    """A playbook, called wrongly, and what its message must hold: what is wrong, and what to do."""

    playbook: str
    arguments: tuple[str, ...]
    says: tuple[str, ...]


REFUSALS = {
    "a release that nobody pushed": Refusal(
        "deploy", ("-e", "release=9.9.9"), ("no release 9.9.9", RELEASE, "-e release=", "Push the image")
    ),
    "a release that nobody pushed, in a plan": Refusal(
        "deploy", ("-e", "release=9.9.9", "--check"), ("no release 9.9.9", "9.9.9 was not begun", "Push the image")
    ),
    "no release at all, in a plan": Refusal("deploy", ("--check", "--diff"), ("No release was named", "-e release=")),
    "a way back where there is none": Refusal("rollback", (), ("no release before",)),
    "a part of what has no parts": Refusal(
        "destroy", ("-e", f"confirm={STACK}", "--tags", "databse"), ("--tags databse selects no task",)
    ),
    "a misspelt part": Refusal("provision", ("--tags", "netwrok"), ("did you mean network?",)),
    "an empty name": Refusal("destroy", ("-e", "confirm="), ("did not name it", f"-e confirm={STACK}")),
    "no release at all": Refusal("deploy", (), ("No release was named", "-e release=")),
    "another stack's name": Refusal(
        "destroy", ("-e", "confirm=campshub360-tier2"), ("campshub360-tier2", f"-e confirm={STACK}")
    ),
    "no stack's name": Refusal("destroy", (), ("did not name it", f"-e confirm={STACK}")),
    "all that is not allowed to be deleted, at once": Refusal(
        "destroy",
        (
            *("-e", f"confirm={STACK}", "-e", "storage_force_destroy=false"),
            *("-e", "database_deletion_protection=true", "-e", "load_balancer_deletion_protection=true"),
        ),
        (
            "holds the stack's data. If it may go: -e database_deletion_protection=false",
            "-e load_balancer_deletion_protection=false",
            *(f"The bucket {STACK}-123456789012-static", "The repository", "-e storage_force_destroy=true"),
        ),
    ),
    "a misspelt variable by -e": Refusal(
        "provision",
        ("-e", "databse_class=db.t3.large"),
        ("databse_class", "did you mean database_", "argument_specs"),
    ),
    "a misspelt variable at a deploy": Refusal(
        "deploy",
        ("-e", "release=1.0.0", "-e", "release_desired_counts=4"),
        ("release_desired_counts ", "did you mean release_desired_count?"),
    ),
    "a domain that AWS would spell otherwise": Refusal(
        "provision",
        ("-e", "dns_zone_name=Tier1.CampsHub360.Example."),
        ("'Tier1.CampsHub360.Example.'", "dns_zone_name: tier1.campshub360.example"),
    ),
    "values of other types, all at once": Refusal(
        "deploy",
        (
            *(
                "-e",
                "release=1.0.0",
                "-e",
                "release_desired_count=three",
                "-e",
                "release_allow_breaking_migrations=ture",
            ),
            "-e",
            '{"release_replace_unmanaged": 1.10}',
        ),
        (
            "release_desired_count: 'three' is no whole number",
            "-e release_desired_count=3",
            "release_allow_breaking_migrations: 'ture' is neither true nor false",
            "release_replace_unmanaged: 1.1 is a number, and this is a text",
        ),
    ),
    "braces in a reason, which are a text": Refusal(
        "deploy",
        ("-e", json.dumps({"release": "9.9.9", "release_reason": "fix {{ nothing }} {% if %} 100% 'ü' \"\n\\"})),
        ("no release 9.9.9", "-e release=", "9.9.9 was not begun"),
    ),
    "another account than declared": Refusal(
        "provision",
        ("-e", "stack_account_id=999988887777"),
        ("999988887777", "123456789012", "stack_account_id", "credentials"),
    ),
}


def message(played: Played) -> str:
    """The output as one line, however it was wrapped."""
    return re.sub(r"\s+", " ", played.output)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_refused_before_anything_is_touched(sandbox: Sandbox, refusal: Refusal) -> None:
    before = len(sandbox.calls())
    played = sandbox.play(refusal.playbook, *refusal.arguments)
    assert played.code != 0, played.output
    assert [words for words in refusal.says if words not in message(played)] == [], played.output
    assert "Nothing was touched" in message(played)
    assert sandbox.changes_since(before) == []
    assert played.changed == 0


def test_a_plan_of_destroying_shows_what_goes_and_touches_nothing(sandbox: Sandbox) -> None:
    before = len(sandbox.calls())
    played = sandbox.play("destroy", "--check", "-e", f"confirm={STACK}")
    assert played.code == 0, played.output
    assert sandbox.changes_since(before) == []
    for words in (f"database {STACK}: 20 GB", "3 running tasks", "versions of objects", "AWS then keeps each secret"):
        assert words in message(played), played.output


def test_a_misspelt_variable_in_an_inventory_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "hosts.yml").write_text("all: {}\n")
    (tmp_path / "group_vars/all/cache.yml").write_text("cache_nodetype: cache.t4g.micro\n")
    before = len(sandbox.calls())
    played = sandbox.play("provision", inventories=(*INVENTORIES, str(tmp_path)))
    assert played.code != 0
    assert "cache_nodetype" in message(played)
    assert "Nothing was touched" in message(played)
    assert sandbox.changes_since(before) == []


def test_aws_that_does_not_answer_is_said_with_the_cure(sandbox: Sandbox, tmp_path: Path) -> None:
    nowhere = {"SANDBOX_DIR": str(tmp_path), "SANDBOX_NET": "127.254"}
    played = sandbox.play("provision", environment=nowhere)
    assert played.code != 0
    assert "127.254.0.1" in message(played)
    assert "make up" in message(played)


def test_a_failing_migration_stops_the_release_before_any_task_of_it_runs(
    sandbox: Sandbox, definition: str, tmp_path: Path
) -> None:
    broken = tmp_path / "app"
    shutil.copytree(CHECKOUT / "sandbox/app", broken, ignore=shutil.ignore_patterns("__pycache__"))
    (broken / "campus/migrations/0002_broken.py").write_text(
        "from django.db import migrations\n\n\n"
        "class Migration(migrations.Migration):\n"
        "    dependencies = [('campus', '0001_initial')]\n"
        "    compatible = True\n"
        "    operations = [migrations.RunSQL('SELECT no_such_column FROM campus_student')]\n"
    )
    build = [str(BIN / "sandbox"), "image", "build", str(broken), "--tag", "1.1.0"]
    run(build, cwd=CHECKOUT, check=True, capture_output=True)
    before = len(sandbox.calls())
    played = sandbox.play("deploy", "-e", "release=1.1.0")
    assert played.code != 0
    assert "`migrate` failed: it ended with exit code 1" in message(played)
    assert "no_such_column" in message(played)
    assert "ecs UpdateService" not in sandbox.changes_since(before)
    service = sandbox.client("ecs").describe_services(cluster=STACK, services=[f"{STACK}-app"])["services"][0]
    assert service["taskDefinition"] == definition
    assert {deployment["status"] for deployment in service["deployments"]} == {"PRIMARY"}
