"""Variables have one type each, which no expression has to give them, and what is printed to be typed has that type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
from ansible.cli.playbook import PlaybookCLI
from jinja2 import nodes

from ops.variables.types import Option, UntypableError, declarations, typed
from sandbox.cli import _parser
from tests.contract.files import load, playbooks, roles, texts
from tests.contract.roles import Anything, templates
from tests.contract.rule import Broken, rule
from tests.support import printed

CONVERSIONS = {"bool", "int", "float"}
# Why each conversion of a variable as it came may stand: file, and what is converted.
CONVERTED = {
    (
        "roles/stack/templates/status.txt.j2",
        "run.requests",
    ): "an entry of the audit log, whose run may have ended early",
    ("roles/stack/templates/status.txt.j2", "run.failed"): "as above",
}

SPEC = "roles/x/meta/argument_specs.yml"
OWN = "argument_specs: {main: {options: {x_a: {type: int}, x_b: {type: dict, options: {c: {type: bool}}}, x_why: {}}}}"
PAGE = "docs/runbooks/x.md"


@rule(
    Broken("x_a", {SPEC: OWN, "roles/y/meta/argument_specs.yml": "argument_specs: {main: {options: {x_a: {}}}}"}),
    Broken("x_a", {SPEC: "argument_specs: {a: {options: {x_a: {}}}, b: {options: {x_a: {type: bool}}}}"}),
)
def a_name_has_one_type(root: Path) -> Iterator[str]:
    first: dict[str, tuple[str, Option]] = {}
    for where, name, option in declarations(root / "roles"):
        other, same = first.setdefault(name, (where, option))
        if option != same:
            yield f"{name} is {option} for `{where}` and {same} for `{other}`"


@rule(
    Broken("x_a | int", {"roles/x/tasks/main.yml": "- {name: A, b: '{{ x_a | int }}'}"}),
    Broken("x_b.c | bool", {"roles/x/tasks/main.yml": "- {name: A, when: not x_b.c | bool}"}),
    Broken("x_a | float", {"roles/x/vars/main.yml": "__x_d: '{{ 2 * x_a | float }}'"}),
    Broken("x_a | float", {"roles/x/templates/a.j2": "{% if x_a | float > 1 %}b{% endif %}"}),
    Broken("x_a | bool", {"playbooks/group_vars/all/wiring.yml": "y_a: {b: '{{ not (x_a | bool) }}'}"}),
    Broken("x_a | bool", {"playbooks/x.yml": "- {hosts: all, tasks: [{name: A, when: x_a | bool}]}"}),
)
def no_expression_converts_a_variable(root: Path) -> Iterator[str]:
    for where, text in texts(root, "roles", "playbooks"):
        for template in expressions(root / where, text):
            for found in conversions(template):
                name = found.partition(" ")[0]
                if (where, name) not in CONVERTED:
                    yield f"{where}: `{found}`: it has its type already; its role's specification says which"


def expressions(path: Path, text: str) -> Iterator[str]:
    if path.suffix == ".j2":
        yield text
    elif path.suffix == ".yml" and path.parent.name != "meta":
        yield from templates(load(path))


def conversions(template: str) -> Iterator[str]:
    """Every variable, or part of one, that a template converts as it came, as `name.part | int`."""
    environment = jinja2.Environment()
    environment.filters = environment.tests = Anything()
    for node in environment.parse(template).find_all(nodes.Filter):
        if node.name in CONVERSIONS and (name := dotted(node.node)):
            yield f"{name} | {node.name}"


def dotted(node: nodes.Node | None) -> str | None:
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{inner}.{node.attr}" if (inner := dotted(node.node)) else None
        case nodes.Getitem():
            return f"{inner}[...]" if (inner := dotted(node.node)) else None
    return None


@rule(
    Broken("x_c", {SPEC: OWN, PAGE: "Say `-e x_c=true`"}),
    Broken("x_c", {SPEC: OWN, "playbooks/x.yml": "# Otherwise: -e 'x_c=\"...\"'\n"}),
    Broken("'many' is no whole number", {SPEC: OWN, PAGE: "Say `-e x_a=many`"}),
    Broken("x_b", {SPEC: OWN, "plugins/modules/x.py": 'A = f"{a} say -e \'{{\\"x_b\\": {{\\"d\\": true}}}}\'"'}),
    Broken("x_b", {SPEC: OWN, PAGE: "    ansible-playbook playbooks/x.yml \\\n      -e 'x_b={c}'\n"}),
    Broken("two words", {SPEC: OWN, PAGE: "Say `-e 'x_why=two words'`"}),
    Broken("x_a", {SPEC: OWN, "roles/x/tasks/main.yml": "# so\n- fail_msg: >-\n    Say\n    -e\n    x_a=true\n"}),
    Broken(
        "x_c", {SPEC: OWN, "playbooks/group_vars/all/wiring.yml": "stack_deletion_allowed: {a: {option: x_c=true}}"}
    ),
)
def what_is_printed_after_e_is_declared_and_of_its_type(root: Path) -> Iterator[str]:
    known = {name: option for _, name, option in declarations(root / "roles")}
    permissions = (load(root / "playbooks/group_vars/all/wiring.yml") or {}).get("stack_deletion_allowed") or {}
    wired = [printed.Printed("stack_deletion_allowed", kind["option"]) for kind in permissions.values()]
    for said in [*printed.extras(root), *wired]:
        for fault in faults(said.text, known):
            yield f"{said.where} prints -e {said.text}: {fault}"


def faults(given: str, known: dict[str, Option]) -> Iterator[str]:
    """What Ansible or a role would not take of a text after -e."""
    try:
        found = printed.values(given)
    except ValueError as error:
        yield str(error)
        return
    for name, value in found.items():
        if name == "_raw_params":
            yield f"{value} belongs to no variable: two words need both pairs of quotes"
        elif name not in known and not name.startswith(("ansible_", printed.UNKNOWN)) and name != "name":
            yield f"no role declares {name}"
        elif name in known and value != printed.UNKNOWN:
            try:
                typed(value, known[name], name)
            except UntypableError as error:
                yield f"{name}: {error.fault}"


@rule(
    Broken("no playbook playbooks/y.yml", {PAGE: "Run `playbooks/y.yml -e a=b`"}),
    Broken("--chek", {PAGE: "    ansible-playbook playbooks/x.yml --chek\n", "playbooks/x.yml": ""}),
    Broken("tag netwrok", {PAGE: "`playbooks/x.yml --tags netwrok`", "playbooks/x.yml": "", SPEC: OWN}),
    Broken(
        "inventories/tire1", {PAGE: "    ansible-playbook -i inventories/tire1 playbooks/x.yml", "playbooks/x.yml": ""}
    ),
)
def every_printed_playbook_can_be_called_so(root: Path) -> Iterator[str]:
    tags = {role.name for role in roles(root)}
    there = {path.name for path in playbooks(root)}
    parser = PlaybookCLI(["ansible-playbook"])
    parser.init_parser()
    for said in printed.calls(root):
        words = printed.shell_words(said.text.removeprefix("ansible-playbook "))
        try:
            found = parser.parser.parse_args(words)
        except SystemExit:
            yield f"{said.where} prints {said.text}, and ansible-playbook does not know all of these options"
            continue
        for name in {Path(one).name for one in found.args} - there:
            yield f"{said.where} prints {said.text}, and there is no playbook playbooks/{name}"
        for one in found.inventory or []:
            if one != printed.UNKNOWN and not (root / one).exists():
                yield f"{said.where} prints {said.text}, and there is no {one}"
        for tag in {tag for one in found.tags for tag in one.split(",")} - tags - {"all"}:
            yield f"{said.where} prints {said.text}, and there is no tag {tag}"


@rule(
    Broken("make tset", {PAGE: "Run `make tset`", "Makefile": "test: x"}),
    Broken("sandbox upp", {PAGE: "    sandbox upp\n", "Makefile": ""}),
)
def every_printed_target_and_command_is_there(root: Path) -> Iterator[str]:
    known = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE)) if root.exists() else set()
    for said in printed.targets(root):
        if said.text not in known:
            yield f"{said.where} prints make {said.text}, which is no target"
    commands = sandbox_commands()
    for said in printed.sandbox_calls(root):
        if said.text.split()[0] not in commands:
            yield f"{said.where} prints sandbox {said.text}, which is no command"


def sandbox_commands() -> set[str]:
    choices = [action.choices for action in _parser()._actions if action.dest == "command"]
    return {str(name) for one in choices for name in one or ()}
