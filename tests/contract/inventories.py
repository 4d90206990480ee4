"""Inventories hold only what a role knows, each value in the one place where it takes effect."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from ops.variables.names import nearest, strangers
from ops.variables.types import declared
from tests.contract.files import Yaml, load
from tests.contract.rule import Broken, rule

OVERLAY = "sandbox"
WIRING = "playbooks/group_vars/all/wiring.yml"
# Every stack declares its own account, and the overlay replaces it: that is what the guard compares.
REPLACED = {"stack_account_id"}
# What tier1_lean has instead of tier1: cheaper equivalents, of classes and engine; and a name of its own.
ITS_OWN_NAMES = {"dns_zone_name"}
LEAN = re.compile(r"_(class|node_type|engine|engine_version|parameter_group|family|architecture)$")

SPEC = "roles/x/meta/argument_specs.yml"
DECLARED = "argument_specs: {main: {options: {x_a: {required: true}, x_class: {default: s}}}}"
A = "inventories/tier1/group_vars/all/x.yml"


def tiers(root: Path) -> list[Path]:
    return [path for path in sorted((root / "inventories").glob("*")) if path.is_dir() and path.name != OVERLAY]


def all_variables(inventory: Path) -> dict[str, tuple[Path, object]]:
    """Variables of an inventory's group_vars/all: file and value."""
    return {
        name: (path, value)
        for path in sorted(inventory.glob("group_vars/all/*.yml"))
        for name, value in (load(path) or {}).items()
    }


def narrow_variables(inventory: Path) -> Iterator[tuple[Path, str]]:
    """Variables of hosts and of groups below `all`, which beat every overlay."""
    for path in sorted([*inventory.glob("host_vars/**/*.yml"), *inventory.glob("group_vars/**/*.yml")]):
        if path.parent != inventory / "group_vars/all":
            yield from ((path, name) for name in load(path) or {})
    for path in sorted(inventory.glob("hosts.yml")):
        yield from ((path, name) for name in group_variables(load(path) or {}))


def group_variables(groups: Yaml) -> Iterator[str]:
    for group in groups.values():
        for variables in ((group or {}).get("hosts") or {}).values():
            yield from variables or {}
        yield from (group or {}).get("vars") or {}
        yield from group_variables((group or {}).get("children") or {})


def wired(root: Path) -> Yaml:
    return load(root / WIRING) or {}


@rule(
    Broken("x_aa (x_a?)", {SPEC: DECLARED, A: "x_aa: 1"}),
    Broken("x_aa (x_a?)", {SPEC: DECLARED, "inventories/sandbox/group_vars/all/x.yml": "x_aa: 1"}),
    Broken("x_aa", {SPEC: DECLARED, "inventories/tier1/host_vars/campus.yml": "x_aa: 1"}),
    Broken("x_aa", {SPEC: DECLARED, "inventories/tier1/hosts.yml": "all: {hosts: {campus: {x_aa: 1}}}"}),
    Broken("x_aa", {SPEC: DECLARED, WIRING: "x_aa: 1"}),
    Broken("__x", {SPEC: DECLARED, A: "__x: 1"}),
)
def every_variable_is_known_to_a_role(root: Path) -> Iterator[str]:
    known = declared(root / "roles")
    for inventory in (root / "inventories").glob("*"):
        named = [(path, name) for name, (path, _) in all_variables(inventory).items()]
        for path, name in [*named, *narrow_variables(inventory)]:
            where = path.relative_to(root)
            for stranger in strangers([name], known):
                yield f"{where}: no role knows {stranger}{meant(stranger, known)}"
            if name.startswith("__") and inventory.name != OVERLAY:
                yield f"{where}: {name} is internal, and only the overlay may have such"
    for stranger in strangers(wired(root), known):
        yield f"{WIRING}: no role knows {stranger}{meant(stranger, known)}"


def meant(name: str, known: Collection[str]) -> str:
    return f" ({like}?)" if (like := nearest(name, known)) else ""


@rule(Broken("y_a", {"inventories/tier1/group_vars/all/x.yml": "y_a: 1"}))
def a_tier_s_file_is_named_for_its_role(root: Path) -> Iterator[str]:
    for inventory in tiers(root):
        for name, (path, _) in all_variables(inventory).items():
            if not name.startswith(f"{path.stem}_"):
                yield f"{path.relative_to(root)} holds {name}, which is no option of {path.stem}"


@rule(
    Broken("x_a", {A: "x_a: 1", "inventories/sandbox/group_vars/all/x.yml": "x_a: 2"}),
    Broken(
        "stack_account_id",
        {
            "inventories/tier1/host_vars/campus.yml": "stack_account_id: 1",
            "inventories/sandbox/group_vars/all/x.yml": "stack_account_id: 2",
        },
    ),
    Broken(
        "x_a",
        {
            "inventories/tier1/hosts.yml": "all: {children: {b: {vars: {x_a: 1}}}}",
            "inventories/sandbox/group_vars/all/x.yml": "x_a: 2",
        },
    ),
)
def tiers_leave_the_overlay_s_values_alone(root: Path) -> Iterator[str]:
    overlay = all_variables(root / "inventories" / OVERLAY).keys()
    for inventory in tiers(root):
        for name in sorted(overlay & all_variables(inventory).keys() - REPLACED):
            yield f"inventories/{inventory.name} sets {name}, and so does the overlay: one of them has no effect"
        for path, name in narrow_variables(inventory):
            if name in overlay:
                yield f"{path.relative_to(root)} sets {name}, and so beats the overlay that has to set it"


@rule(
    Broken("x_a", {A: "x_a: 1", WIRING: "x_a: 2"}),
    Broken("x_a", {"inventories/sandbox/group_vars/all/x.yml": "x_a: 1", WIRING: "x_a: 2"}),
    Broken("x_a", {"inventories/tier1/host_vars/campus.yml": "x_a: 1", WIRING: "x_a: 2"}),
)
def what_is_wired_stands_in_no_inventory(root: Path) -> Iterator[str]:
    for inventory in sorted((root / "inventories").glob("*")):
        for name in sorted({*all_variables(inventory), *(name for _, name in narrow_variables(inventory))}):
            if name in wired(root):
                yield f"inventories/{inventory.name} sets {name}, which {WIRING} decides"


@rule(
    Broken("x_a", {A: "{x_a: 1, x_class: l}", "inventories/tier1_lean/group_vars/all/x.yml": "{x_a: 2, x_class: s}"}),
    Broken("x_a", {A: "x_a: 1", "inventories/tier1_lean/group_vars/all/x.yml": "{}"}),
)
def the_lean_tier_differs_in_classes_and_engine_only(root: Path) -> Iterator[str]:
    tier = {name: value for name, (_, value) in all_variables(root / "inventories/tier1").items()}
    lean = {name: value for name, (_, value) in all_variables(root / "inventories/tier1_lean").items()}
    for name in sorted(tier.keys() | lean.keys()):
        if tier.get(name) != lean.get(name) and name not in ITS_OWN_NAMES and not LEAN.search(name):
            yield f"inventories/tier1_lean: {name} differs from tier1, and is neither a class nor an engine"


@rule(
    Broken("x_a", {SPEC: DECLARED, "inventories/tier1/hosts.yml": "all: {}", WIRING: "{}"}),
)
def every_required_option_has_a_value(root: Path) -> Iterator[str]:
    required = required_options(root)
    for inventory in tiers(root):
        given = all_variables(inventory).keys() | wired(root).keys() | load_defaults(root)
        for name in sorted(required - given):
            yield f"inventories/{inventory.name}: nothing gives the required {name}; nor does {WIRING}"


def required_options(root: Path) -> set[str]:
    specs = [load(path) for path in (root / "roles").glob("*/meta/argument_specs.yml")]
    entries = [entry.get("options") or {} for spec in specs for entry in spec["argument_specs"].values()]
    return {name for entry in entries for name, option in entry.items() if option.get("required")}


def load_defaults(root: Path) -> set[str]:
    return {name for path in (root / "roles").glob("*/defaults/main.yml") for name in load(path) or {}}
