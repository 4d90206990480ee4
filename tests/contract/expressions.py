"""Budgets of expressions: what is longer than a line of thought is a program, and belongs into Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2

from tests.contract.files import load
from tests.contract.roles import templates
from tests.contract.rule import Broken, Sound, rule

MAX_LENGTH = 160
MAX_DEFAULTS = 2
FOLDERS = (
    "roles/*/vars/**/*.yml",
    "roles/*/tasks/**/*.yml",
    "roles/*/defaults/**/*.yml",
    "playbooks/*.yml",
    "playbooks/group_vars/**/*.yml",
)

VARS = "roles/x/vars/main.yml"
LONG = " + ".join(["x_abcdefgh"] * 13)  # 166 characters
SHORT = " + ".join(["x_abcdefgh"] * 12)  # 153


def expressions(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the file and the text of every expression, on one line each, however many its file gives it."""
    for path in sorted({path for folder in FOLDERS for path in root.glob(folder)}):
        for template in templates(load(path)):
            yield from ((str(path.relative_to(root)), one) for one in inside(template))


def inside(template: str) -> Iterator[str]:
    """Yield what stands between double braces."""
    parts: list[str] | None = None
    for _, kind, value in jinja2.Environment().lex(template):
        if kind == "variable_begin":
            parts = []
        elif kind == "variable_end" and parts is not None:
            yield " ".join("".join(parts).split())
            parts = None
        elif parts is not None:
            parts.append(value)


@rule(
    Broken("166 characters", {VARS: f"__x_a: '{{{{ {LONG} }}}}'"}),
    Broken("166 characters", {"roles/x/defaults/main.yml": f"x_a: {{b: ['{{{{ {LONG} }}}}']}}"}),
    Broken("166 characters", {"roles/x/tasks/main.yml": f"- name: A\n  when: {LONG}\n"}),
    Broken("166 characters", {"playbooks/x.yml": f"- name: A\n  tasks: [{{name: B, until: {LONG}}}]\n"}),
    Broken(
        "166 characters",
        {"playbooks/group_vars/all/wiring.yml": "x_a: >-\n  {{\n  " + LONG.replace(" + ", "\n  + ") + "\n  }}\n"},
    ),
    Sound({VARS: f"__x_a: '{{{{ {SHORT} }}}}'\n__x_b: '{{{{ {SHORT} }}}} and {{{{ {SHORT} }}}}'"}),
    Sound({VARS: "__x_a: >-\n  {{\n  " + SHORT.replace(" + ", "\n            + ") + "\n  }}\n"}),
    Sound({"roles/x/tasks/main.yml": f"- name: A\n  ansible.builtin.assert: {{fail_msg: '{LONG}'}}\n"}),
)
def no_expression_is_a_program(root: Path) -> Iterator[str]:
    for where, text in expressions(root):
        if len(text) > MAX_LENGTH:
            yield f"{where}: an expression of {len(text)} characters, {MAX_LENGTH} are the most: `{text[:60]}...`"


@rule(
    Broken("3 default(", {VARS: "__x_a: \"{{ a | default(b | default(c)) | default('') }}\""}),
    Broken("3 default(", {VARS: "__x_a: >-\n  {{ a | default (1)\n  + b | default(1)\n  + c | default(1) }}\n"}),
    Broken("3 default(", {"roles/x/tasks/main.yml": "- {name: A, when: 'a|default(0) + b|default(0) + c|default(0)'}"}),
    Sound({VARS: '__x_a: "{{ a | default(b | default(c)) }}"\n__x_b: "{{ a | default(1) }}{{ b | default(1) }}"'}),
    Sound({VARS: "__x_a: \"{{ a | default(b) | default('') | regex_replace('default') }}\""}),
)
def no_expression_guesses_thrice(root: Path) -> Iterator[str]:
    """What is found has a schema with placeholders: an expression need not ask for what is not there."""
    for where, text in expressions(root):
        if (count := "".join(text.split()).count("default(")) > MAX_DEFAULTS:
            yield f"{where}: an expression with {count} default(, {MAX_DEFAULTS} are the most: `{text[:60]}...`"
