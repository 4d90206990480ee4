"""Every role has the same shape, says what it takes, and knows no other role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta

from tests.contract.files import Role, Yaml, called_roles, files, load, play_tasks, playbooks, plays, roles
from tests.contract.rule import Broken, rule

PARTS = ("tasks/main.yml", "meta/argument_specs.yml", "defaults/main.yml", "README.md")
README_LINES = range(25, 41)

# What a person types has no role's name: it reads as a sentence, `-e release=1.0.0 -e confirm=campshub360-tier1`.
TYPED = {"release", "confirm"}
# What every role may read of the stack itself; `stack` declares and defaults these.
COMMON = {"stack_name", "stack_resource_tags", "stack_account_id", "stack_region", "stack_poll_seconds"}

# Keywords whose value is an expression without braces.
EXPRESSIONS = {"when", "until", "that", "failed_when", "changed_when"}

SPEC = "roles/x/meta/argument_specs.yml"
DEFAULTS = "roles/x/defaults/main.yml"
OWN = "argument_specs: {main: {options: {%s}}}"


@rule(Broken("README.md", {"roles/x/tasks/main.yml": "", SPEC: "", DEFAULTS: ""}))
def roles_have_one_shape(root: Path) -> Iterator[str]:
    for role in roles(root):
        for part in PARTS:
            if not (role.path / part).exists():
                yield f"roles/{role.name} has no {part}"


@rule(
    Broken("no specification", {"playbooks/a.yml": "- tasks: [{import_role: {name: x, tasks_from: wait}}]", SPEC: ""}),
    Broken("wait.yml", {"playbooks/a.yml": "- tasks: [{import_role: {name: x, tasks_from: wait.yml}}]", SPEC: ""}),
    Broken("no tasks/main.yml", {SPEC: OWN % ""}),
)
def every_entry_point_is_specified(root: Path) -> Iterator[str]:
    specified = {(role.name, entry) for role in roles(root) for entry in role.entries}
    for role in roles(root):
        for entry in role.entries:
            if not (role.path / f"tasks/{entry}.yml").exists():
                yield f"roles/{role.name} specifies `{entry}` and has no tasks/{entry}.yml"
    for where, name, entry in calls(root):
        if "." in entry:
            yield f"{where} calls {entry} of {name} with its ending: then its specification never runs"
        elif (name, entry) not in specified:
            yield f"{where} calls {entry} of {name}, which has no specification"


def calls(root: Path) -> Iterator[tuple[str, str, str]]:
    """File, role and entry point of every call of a role."""
    for path in playbooks(root):
        for play in plays(path):
            for entry in play.get("roles") or []:
                yield str(path.relative_to(root)), entry["role"] if isinstance(entry, dict) else entry, "main"
            for task in play_tasks(play):
                yield from ((str(path.relative_to(root)), *call) for call in called_roles(task))
    for role in roles(root):
        for file in role.tasks_files():
            for task in file.tasks():
                yield from ((file.where, *call) for call in called_roles(task))


@rule(
    Broken("x_a", {SPEC: OWN % "x_a: {default: 1}", DEFAULTS: "{}"}),
    Broken("x_a", {SPEC: OWN % "x_a: {default: 1}", DEFAULTS: "x_a: 2"}),
    Broken("x_b", {SPEC: OWN % "x_a: {default: 1}", DEFAULTS: "{x_a: 1, x_b: 2}"}),
    Broken("x_a", {SPEC: OWN % "x_a: {required: true}", DEFAULTS: "x_a: 1"}),
    Broken("neither", {SPEC: OWN % "x_a: {type: int}", DEFAULTS: "{}"}),
)
def defaults_are_what_the_specification_says(root: Path) -> Iterator[str]:
    for role in roles(root):
        options, defaults = own_options(role), role.defaults
        for name in sorted(defaults.keys() - options.keys()):
            yield f"roles/{role.name}: defaults set {name}, which no entry point specifies"
        for name, option in options.items():
            if option.get("required"):
                if name in defaults or "default" in option:
                    yield f"roles/{role.name}: {name} is required, and has a default"
            elif "default" not in option:
                yield f"roles/{role.name}: {name} is neither required nor has a default"
            elif name not in defaults:
                yield f"roles/{role.name}: defaults have no {name}, the specification says {option['default']!r}"
            elif defaults[name] != option["default"]:
                yield f"roles/{role.name}: {name} is {defaults[name]!r} in defaults, {option['default']!r} specified"


def own_options(role: Role) -> dict[str, Yaml]:
    return {name: option for name, option in role.options.items() if role.name == "stack" or name not in COMMON}


@rule(
    Broken("port", {SPEC: OWN % "port: {required: true}"}),
    Broken("y_port", {SPEC: OWN % "y_port: {required: true}"}),
    Broken("description", {SPEC: OWN % "x_port: {required: true}"}),
)
def options_carry_their_role_s_name(root: Path) -> Iterator[str]:
    for role in roles(root):
        for name, option in role.options.items():
            if name not in COMMON | TYPED and not name.startswith(f"{role.name}_"):
                yield f"roles/{role.name}: the option {name} does not begin with {role.name}_"
            if not option.get("description"):
                yield f"roles/{role.name}: the option {name} has no description"


@rule(
    Broken("3 lines", {"roles/x/README.md": "# x\n\nText.\n"}),
    Broken("`wait`", {"roles/x/README.md": "# x\n" + "Text.\n" * 30, SPEC: "argument_specs: {wait: {}}"}),
    Broken("# x", {"roles/x/README.md": "# y\n" + "Text.\n" * 30}),
)
def readmes_tell_what_to_call(root: Path) -> Iterator[str]:
    for role in roles(root):
        if not (path := role.path / "README.md").exists():
            continue  # another rule says so
        text = path.read_text()
        if (count := len(text.splitlines())) not in README_LINES:
            yield f"roles/{role.name}/README.md has {count} lines; {README_LINES[0]} to {README_LINES[-1]} are right"
        if text.partition("\n")[0].strip("# `") != role.name:
            yield f"roles/{role.name}/README.md does not begin with `# {role.name}`"
        for entry in role.entries:
            if not re.search(rf"`{entry}`|tasks_from: {entry}\b", text) and role.entries.keys() != {"main"}:
                yield f"roles/{role.name}/README.md does not name the entry point `{entry}`"


@rule(
    Broken("y_port", {"roles/x/tasks/main.yml": "- {name: A, b: '{{ y_port + 1 }}'}", "roles/y/tasks/main.yml": ""}),
    Broken("y_port", {"roles/x/tasks/main.yml": "- {name: A, when: y_port > 1}", "roles/y/tasks/main.yml": ""}),
    Broken("stack_found", {DEFAULTS: "x_vpc: '{{ stack_found.vpc.id }}'", "roles/stack/tasks/main.yml": ""}),
    Broken("calls y", {"roles/x/tasks/main.yml": "- {name: A, include_role: {name: y}}"}),
)
def roles_do_not_know_each_other(root: Path) -> Iterator[str]:
    names = {role.name for role in roles(root)}
    for role in roles(root):
        for file in role.tasks_files():
            for task in file.tasks():
                for called, _ in called_roles(task):
                    if called != role.name:
                        yield f"{file.where}: `{task.get('name')}` calls {called}"
        for path in files(root, f"roles/{role.name}"):
            for variable in sorted(read_variables(path) - COMMON - TYPED - role.options.keys()):
                owner = next((name for name in names if variable.startswith((f"{name}_", f"__{name}_"))), role.name)
                if owner != role.name and not variable.startswith((f"{role.name}_", f"__{role.name}_")):
                    yield f"{path.relative_to(root)} reads {variable}, which belongs to {owner}"


@rule(
    Broken(
        "stack_resource_tags", {"roles/x/tasks/main.yml": "- {name: A, b: '{{ stack_resource_tags }}'}", SPEC: OWN % ""}
    ),
    Broken("stack_region", {SPEC: OWN % "stack_region: {required: true, description: Where}"}),
)
def roles_declare_what_they_read_of_the_stack(root: Path) -> Iterator[str]:
    for role in roles(root):
        read = set().union(*(read_variables(path) for path in files(root, f"roles/{role.name}"))) & COMMON
        declared = role.options.keys() & COMMON
        for name in sorted(read - declared):
            yield f"roles/{role.name} reads {name}, which no entry point specifies"
        if role.name != "stack":
            for name in sorted(declared - read):
                yield f"roles/{role.name} specifies {name}, and reads it nowhere"


def read_variables(path: Path) -> set[str]:
    """Variables that a role's file reads."""
    if path.suffix == ".j2":
        return undeclared(path.read_text())
    if path.suffix == ".yml" and path.parent.name in {"tasks", "defaults", "vars"}:
        return {name for template in templates(load(path)) for name in undeclared(template)}
    return set()


def templates(data: object, *, expression: bool = False) -> Iterator[str]:
    """Every string of a YAML file as a template; what stands in `when` and its like gets its braces."""
    if isinstance(data, str):
        yield f"{{{{ {data} }}}}" if expression else data
    elif isinstance(data, list):
        for item in data:
            yield from templates(item, expression=expression)
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from templates(value, expression=expression or key in EXPRESSIONS)


def undeclared(template: str) -> set[str]:
    environment = jinja2.Environment()
    environment.filters = environment.tests = Anything()  # Ansible's own are no matter here
    return set(jinja2.meta.find_undeclared_variables(environment.parse(template)))


class Anything(dict[str, Any]):
    """Filters and tests of whatever name."""

    def get(self, key: str, default: object = None) -> Any:
        return str
