"""Budgets of tasks files: short, flat, few conditions, names that read as a story."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.contract.files import Yaml, play_tasks, playbooks, plays, roles
from tests.contract.rule import Broken, rule

MAX_LINES = 100
MAX_CONDITIONAL = 1 / 3
MAX_CONDITIONS = 2
MAX_SET_FACT = 1
# The one result whose name everybody knows: what exists of the stack.
SHARED_RESULT = "stack_found"

MAIN = "roles/x/tasks/main.yml"


def conditions(task: Yaml) -> int:
    """How many conditions a task's `when` joins."""
    when = task.get("when", [])
    parts = when if isinstance(when, list) else [when]
    return sum(1 + len(re.findall(r"\b(?:and|or)\b", str(part))) for part in parts)


@rule(Broken("101 lines", {MAIN: "#\n" * 101}))
def tasks_files_are_short(root: Path) -> Iterator[str]:
    for role in roles(root):
        for file in role.tasks_files():
            if (length := len(file.path.read_text().splitlines())) >= MAX_LINES:
                yield f"{file.where} has {length} lines; {MAX_LINES - 1} are the most"


@rule(
    Broken("1 of 2", {MAIN: "- {name: A, when: b}\n- {name: C}\n"}),
    Broken("1 of 2", {MAIN: "- {name: A, block: [{name: C, when: b}]}\n"}),
)
def few_tasks_have_conditions(root: Path) -> Iterator[str]:
    for role in roles(root):
        tasks = [task for file in role.tasks_files() for task in file.tasks()]
        conditional = [task for task in tasks if "when" in task]
        if len(conditional) > MAX_CONDITIONAL * len(tasks):
            yield f"roles/{role.name}: {len(conditional)} of {len(tasks)} tasks have a condition; decide by data"


@rule(
    Broken("3 conditions", {MAIN: "- {name: A, when: [a, b, c]}\n"}),
    Broken("3 conditions", {MAIN: "- {name: A, when: a and b or c}\n"}),
)
def no_task_has_three_conditions(root: Path) -> Iterator[str]:
    for role in roles(root):
        for file in role.tasks_files():
            for task in file.tasks():
                if (count := conditions(task)) > MAX_CONDITIONS:
                    yield f"{file.where}: `{task.get('name')}` has {count} conditions"


@rule(
    Broken("ignore_errors", {MAIN: "- {name: A, ignore_errors: true}\n"}),
    Broken("{%", {MAIN: "- {name: A, vars: {__x_b: '{% if a %}b{% endif %}'}}\n"}),
    Broken("{%", {"playbooks/x.yml": "- vars: {a: '{% set b = 1 %}'}\n"}),
)
def no_task_hides_errors_or_programs(root: Path) -> Iterator[str]:
    sources = [file.path for role in roles(root) for file in role.tasks_files()]
    for path in [*sources, *playbooks(root)]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for word in ("ignore_errors", "{%"):
                if word in line:
                    yield f"{path.relative_to(root)}:{number} uses {word}"


@rule(Broken("2 set_fact", {MAIN: "- {name: A, set_fact: {b: c}}\n- {name: D, ansible.builtin.set_fact: {e: f}}\n"}))
def hardly_any_fact_is_set(root: Path) -> Iterator[str]:
    for role in roles(root):
        tasks = [task for file in role.tasks_files() for task in file.tasks()]
        facts = [task for task in tasks if {"set_fact", "ansible.builtin.set_fact"} & task.keys()]
        if len(facts) > MAX_SET_FACT:
            yield f"roles/{role.name} has {len(facts)} set_fact tasks; {MAX_SET_FACT} is the most"


@rule(
    Broken("without a name", {MAIN: "- ansible.builtin.debug: {}\n"}),
    Broken("capital", {MAIN: "- name: keep the network\n"}),
    Broken("without a name", {"playbooks/x.yml": "- hosts: all\n"}),
    Broken("without a name", {"playbooks/x.yml": "- name: A\n  tasks: [{ansible.builtin.debug: {}}]\n"}),
)
def every_play_and_task_is_a_sentence(root: Path) -> Iterator[str]:
    named = [(file.where, task) for role in roles(root) for file in role.tasks_files() for task in file.tasks()]
    for path in playbooks(root):
        for play in plays(path):
            where = str(path.relative_to(root))
            named += [(where, play), *((where, task) for task in play_tasks(play))]
    for where, task in named:
        name = str(task.get("name", ""))
        if not name:
            yield f"{where}: a play or task without a name: {sorted(task)}"
        elif name[0].islower():
            yield f"{where}: `{name}` does not begin with a capital"


@rule(
    Broken("Wait | ", {"roles/x/tasks/wait.yml": "- name: Look again\n"}),
    Broken("Restore | ", {"roles/x/tasks/restore_to_time.yml": "- name: Absent | Look\n"}),
)
def tasks_of_other_files_say_their_verb(root: Path) -> Iterator[str]:
    for role in roles(root):
        for file in role.tasks_files():
            prefix = f"{file.entry.partition('_')[0].capitalize()} | "
            for task in file.tasks() if file.entry != "main" else []:
                if not str(task.get("name", "")).lower().startswith(prefix.lower()):
                    yield f"{file.where}: `{task.get('name')}` does not begin with `{prefix}`"


@rule(
    Broken("found", {MAIN: "- {name: A, register: found}\n"}),
    Broken("x_found", {MAIN: "- {name: A, register: x_found}\n"}),
    Broken("thing", {MAIN: "- {name: A, ansible.builtin.set_fact: {thing: 1, cacheable: false}}\n"}),
    Broken("thing", {MAIN: "- {name: A, vars: {thing: 1}}\n"}),
)
def what_a_role_keeps_to_itself_is_called_so(root: Path) -> Iterator[str]:
    for role in roles(root):
        for file in role.tasks_files():
            for task in file.tasks():
                for name in kept(task) - {SHARED_RESULT}:
                    if not name.startswith(f"__{role.name}_"):
                        yield f"{file.where}: {name} is internal: call it __{role.name}_..."


def kept(task: Yaml) -> set[str]:
    """Names of the variables that a task makes."""
    facts = task.get("ansible.builtin.set_fact") or task.get("set_fact") or {}
    names = {*facts, *(task.get("vars") or {})} - {"cacheable"}
    if "register" in task:
        names.add(str(task["register"]))
    if loop_variable := (task.get("loop_control") or {}).get("loop_var"):
        names.add(str(loop_variable))
    return names
