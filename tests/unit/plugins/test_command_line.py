"""A command line that would end well and have done nothing is refused; every one that does something passes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox.config import CHECKOUT
from tests.support.waiting import HANGS_SECONDS

PROGRAM = str(Path(sys.executable).with_name("ansible-playbook"))
REFUSED = 5
GUARDED = """
- name: First
  hosts: all
  gather_facts: false
  tasks:
    - {name: Guard, ansible.builtin.debug: {msg: guarded}, tags: [always]}
    - {name: Make it, ansible.builtin.debug: {msg: made}, tags: [network]}
    - name: Both
      block:
        - {name: Make more, ansible.builtin.debug: {msg: more}}
      tags: [database, cache]
- name: Second
  hosts: all
  gather_facts: false
  tasks:
    - {name: Guard, ansible.builtin.debug: {msg: guarded}, tags: [always]}
    - {name: Find it, ansible.builtin.debug: {msg: found}, tags: [dns]}
"""
WITHOUT_TAGS = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: Guard, ansible.builtin.debug: {msg: guarded}, tags: [always]}
    - {name: Make it, ansible.builtin.debug: {msg: made}}
"""
UNGUARDED = """
- hosts: localhost
  gather_facts: false
  tasks:
    - {name: Make it, ansible.builtin.debug: {msg: made}}
    - {name: Make more, ansible.builtin.debug: {msg: more}}
"""
TEXTS = {"guarded": GUARDED, "without tags": WITHOUT_TAGS, "unguarded": UNGUARDED}
HERE = ("-i", "here,", "-e", "ansible_connection=local")

Case = tuple[str, dict[str, str], Sequence[str]]
BAD: list[Case] = [
    ("guarded", {"tags": "netwrok"}, ("--tags netwrok", "did you mean network?", "cache, database, dns, network")),
    ("guarded", {"tags": "dns,databse"}, ("--tags databse", "did you mean database?")),
    ("guarded", {"tags": "never"}, ("--tags never selects no task",)),
    ("guarded", {"tags": "untagged"}, ("--tags untagged selects no task",)),
    ("guarded", {"tags": "dns", "skip_tags": "dns"}, ("--tags dns selects no task",)),
    ("without tags", {"tags": "database"}, ("It has no tags: run all of it.",)),
    ("without tags", {"tags": "tagged"}, ("--tags tagged selects no task",)),
    ("guarded", {"skip_tags": "databse"}, ("--skip-tags databse", "did you mean database?")),
    ("guarded", {"skip_tags": "always"}, ("leaves out", "the account")),
    ("guarded", {"skip_tags": "dns,tagged"}, ("leaves out", "the account")),
    ("guarded", {"start_at": "Mkae it"}, ("'Mkae it'", "Make it?")),
    ("guarded", {"start_at": "Find it"}, ("leaves out", "the account")),
]
GOOD: list[tuple[str, dict[str, str]]] = [
    ("guarded", {}),
    ("guarded", {"tags": "all"}),
    ("guarded", {"tags": "network"}),
    ("guarded", {"tags": "dns,cache"}),
    ("guarded", {"tags": "tagged"}),
    ("guarded", {"tags": "always"}),
    ("without tags", {"tags": "untagged"}),
    ("without tags", {"tags": "always"}),
    ("guarded", {"skip_tags": "database"}),
    ("guarded", {"tags": "dns", "skip_tags": "database"}),
    ("guarded", {"skip_tags": "molecule-notest,notest,molecule-idempotence-notest"}),
    ("guarded", {"start_at": "Guard"}),
    ("unguarded", {"start_at": "Make mo*"}),
    ("unguarded", {"tags": "untagged"}),
]


def answers(questions: Sequence[tuple[Path, dict[str, str] | None]]) -> list[list[str]]:
    asked = json.dumps([(str(path), selection) for path, selection in questions])
    command = [sys.executable, "-m", "tests.support.ops.selections"]
    done = subprocess.run(command, cwd=CHECKOUT, input=asked, capture_output=True, text=True, timeout=HANGS_SECONDS)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


def written(folder: Path, name: str) -> Path:
    path = folder / f"{name.replace(' ', '_')}.yml"
    path.write_text(TEXTS[name])
    return path


def test_a_selection_of_nothing_is_objected_to(tmp_path: Path) -> None:
    found = answers([(written(tmp_path, name), selection) for name, selection, _ in BAD])
    for (_, selection, says), refusals in zip(BAD, found, strict=True):
        assert [word for word in says if word not in " ".join(refusals)] == [], f"{selection}: {refusals}"


def test_a_selection_of_something_passes(tmp_path: Path) -> None:
    found = answers([(written(tmp_path, name), selection) for name, selection in GOOD])
    assert [(case, refusals) for case, refusals in zip(GOOD, found, strict=True) if refusals] == []


def test_every_tag_of_every_playbook_passes_and_no_other() -> None:
    playbooks = sorted((CHECKOUT / "playbooks").glob("*.yml"))
    tags = dict(zip(playbooks, answers([(path, None) for path in playbooks]), strict=True))
    assert {path.stem for path in playbooks if tags[path]} == {"provision"}
    good: list[tuple[Path, dict[str, str]]] = [(path, {}) for path in playbooks]
    good += [(path, {option: tag}) for path in playbooks for tag in tags[path] for option in ("tags", "skip_tags")]
    assert len(good) > 30
    assert [(case, found) for case, found in zip(good, answers(good), strict=True) if found] == []
    assert all(answers([(path, {"tags": "databse"}) for path in playbooks]))


def test_every_tag_that_a_page_or_message_names_is_one() -> None:
    places = [path for folder in ("docs", "roles", "plugins", "playbooks") for path in (CHECKOUT / folder).rglob("*")]
    named: set[tuple[str, str]] = set()
    for path in places:
        if path.suffix in (".md", ".yml", ".py", ".j2"):
            text = re.sub(r'"\s+f?"|\s+', " ", path.read_text())
            named.update(re.findall(r"playbooks/(\w+\.yml)[^|`]{0,80}?--tags (\w+)", text))
    assert len(named) >= 2
    cases = [(CHECKOUT / "playbooks" / playbook, {"tags": tag}) for playbook, tag in sorted(named)]
    assert [(case, found) for case, found in zip(cases, answers(cases), strict=True) if found] == []


def play(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *words],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


REFUSALS: dict[str, tuple[Sequence[str], dict[str, str], str]] = {
    "no inventory": ((), {}, "-i inventories/tier1"),
    "the overlay alone": (("-i", "inventories/sandbox"), {}, "inventories/sandbox brings no host"),
    "a misspelt tag": ((*HERE, "--tags", "netwrok"), {}, "did you mean network?"),
    "another output": ((*HERE, "--tags", "netwrok"), {"ANSIBLE_STDOUT_CALLBACK": "default"}, "did you mean network?"),
    "a misspelt tag of the shell's": (HERE, {"ANSIBLE_RUN_TAGS": "netwrok"}, "did you mean network?"),
    "a misspelt task to start at": ((*HERE, "--start-at-task", "Mkae it"), {}, "did you mean Make it?"),
}


@pytest.mark.parametrize(("words", "environment", "says"), REFUSALS.values(), ids=REFUSALS.keys())
def test_the_run_ends_before_its_first_task(
    tmp_path: Path, words: Sequence[str], environment: dict[str, str], says: str
) -> None:
    done = play(*words, written(tmp_path, "guarded"), **environment)
    assert done.returncode == REFUSED, said(done)
    assert says in said(done)
    assert "Nothing was touched." in said(done)
    assert '"guarded"' not in said(done) and "msg: guarded" not in said(done)


def test_it_is_refused_where_a_runner_looks_for_callbacks_elsewhere() -> None:
    """AWX sets their path and the one for the output to its own: ansible-runner, config/_base.py."""
    runner = {"ANSIBLE_CALLBACK_PLUGINS": "/nowhere", "ANSIBLE_STDOUT_CALLBACK": "default"}
    done = play(*HERE, "--tags", "databse", "playbooks/destroy.yml", **runner)
    assert done.returncode == REFUSED, said(done)
    assert "destroy.yml: --tags databse selects no task. It has no tags: run all of it." in said(done)


@pytest.mark.parametrize("limit", ["nobody", "here,nobody"])
def test_a_limit_that_matches_nothing_is_refused(tmp_path: Path, limit: str) -> None:
    done = play(*HERE, "--limit", limit, written(tmp_path, "guarded"))
    assert done.returncode != 0
    assert "Could not match supplied host pattern" in said(done)
    assert "msg: guarded" not in said(done)


PASSES: dict[str, tuple[str, Sequence[str], str]] = {
    "a tag and a limit": ("guarded", (*HERE, "--tags", "cache", "--limit", "h*"), "msg: more"),
    "no inventory needed": ("unguarded", (), "msg: made"),
    "a list of tasks": ("guarded", ("--tags", "netwrok", "--list-tasks"), "tasks:"),
    "a list of tags": ("guarded", ("--list-tags",), "TASK TAGS: [always, cache, database, network]"),
    "a syntax check": ("guarded", ("--syntax-check",), "playbook:"),
}


@pytest.mark.parametrize(("name", "words", "says"), PASSES.values(), ids=PASSES.keys())
def test_what_does_something_runs(tmp_path: Path, name: str, words: Sequence[str], says: str) -> None:
    done = play(*words, written(tmp_path, name))
    assert done.returncode == 0, said(done)
    assert says in said(done)
