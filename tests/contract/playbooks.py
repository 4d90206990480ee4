"""A playbook says how it is called, guards the account first, and asks before it destroys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.contract.files import called_roles, files, imported_playbook, play_tasks, playbooks, plays
from tests.contract.rule import Broken, rule

GUARD = {"role": "stack", "tags": ["always"]}
PLAY = "# %s\n- name: A\n  hosts: all\n  environment: '{{ stack_environment }}'\n  roles: [%s]\n"
GUARDED = PLAY % ("", "{role: stack, tags: [always]}%s")


@rule(
    Broken("playbooks/x.yml", {"playbooks/x.yml": "- hosts: all\n"}),
    Broken("playbooks/x.yml", {"playbooks/x.yml": "# ansible-playbook -i inventories/tier1 playbooks/y.yml\n"}),
)
def playbooks_begin_with_their_usage(root: Path) -> Iterator[str]:
    for path in playbooks(root):
        comments = [line for line in path.read_text().partition("\n- ")[0].splitlines() if line.startswith("#")]
        if not any(f"ansible-playbook -i inventories/tier1 playbooks/{path.name}" in line for line in comments):
            yield f"playbooks/{path.name} does not say how it is called"


@rule(Broken("playbooks/drills/x.yml", {"playbooks/drills/x.yml": "- hosts: all\n"}))
def playbooks_stand_in_one_flat_folder(root: Path) -> Iterator[str]:
    for path in files(root, "playbooks"):
        inside = path.relative_to(root / "playbooks")
        if inside.parts[0] != "group_vars" and (len(inside.parts) > 1 or path.suffix != ".yml"):
            yield f"playbooks/{inside}: group_vars would not reach it; playbooks are flat"


@rule(
    Broken("guard", {"playbooks/x.yml": PLAY % ("", "network")}),
    Broken("guard", {"playbooks/x.yml": PLAY % ("", "stack")}),
    Broken("environment", {"playbooks/x.yml": "- {name: A, hosts: all, roles: [{role: stack, tags: [always]}]}"}),
    Broken("hosts", {"playbooks/x.yml": GUARDED.replace("all", "localhost") % ""}),
    Broken("imports ../y.yml", {"playbooks/x.yml": "- {name: A, import_playbook: ../y.yml}"}),
    Broken("imports y.yml", {"playbooks/x.yml": "- {name: A, ansible.builtin.import_playbook: y.yml}"}),
)
def every_play_guards_the_account_first(root: Path) -> Iterator[str]:
    """An imported playbook's plays are looked at where they stand."""
    for path in playbooks(root):
        for play in plays(path):
            where = f"playbooks/{path.name}: the play `{play.get('name')}`"
            if imported := imported_playbook(play):
                if root / "playbooks" / imported not in playbooks(root):
                    yield f"{where} imports {imported}, which is none of the playbooks here"
                continue
            if (play.get("roles") or [None])[0] != GUARD or "pre_tasks" in play:
                yield f"{where} does not begin with the guard, {GUARD}"
            if play.get("environment") != "{{ stack_environment }}":
                yield f"{where} has another environment than stack_environment"
            if play.get("hosts") != "all":
                yield f"{where} has hosts of its own; -l picks a stack"


@rule(
    Broken("tag", {"playbooks/x.yml": GUARDED % ", {role: network}"}),
    Broken("tag", {"playbooks/x.yml": GUARDED % ", {role: network, tags: [net]}"}),
)
def a_tag_is_a_role_s_name(root: Path) -> Iterator[str]:
    known = {path.name for path in (root / "roles").glob("*")}
    for path in playbooks(root):
        for play in plays(path):
            for entry in (play.get("roles") or [])[1:]:
                if entry.get("tags") != [entry["role"]]:
                    yield f"playbooks/{path.name}: the role {entry['role']} has not the one tag {entry['role']}"
            for task in play_tasks(play):
                for tag in set(task.get("tags", [])) - known:
                    yield f"playbooks/{path.name}: `{task['name']}` has the tag {tag}, which is no role"


@rule(
    Broken("confirm", {"playbooks/x.yml": "- tasks: [{name: A, import_role: {name: x, tasks_from: absent}}]"}),
    Broken(
        "confirm",
        {
            "playbooks/x.yml": "- tasks:\n  - {import_role: {name: x, tasks_from: absent}}\n"
            "  - {import_role: {name: stack, tasks_from: confirm}}\n"
        },
    ),
)
def nothing_is_destroyed_unasked(root: Path) -> Iterator[str]:
    for path in playbooks(root):
        asked = False
        for name, entry in (call for play in plays(path) for task in play_tasks(play) for call in called_roles(task)):
            asked = asked or (name, entry) == ("stack", "confirm")
            if entry == "absent" and not asked:
                yield f"playbooks/{path.name} removes {name} before it had the stack's name confirmed (stack, confirm)"


@rule(Broken("playbooks/x.yml", {"README.md": "| `provision.yml` | builds |", "playbooks/x.yml": ""}))
def every_playbook_is_in_the_readme(root: Path) -> Iterator[str]:
    readme = root / "README.md"
    table = [line for line in readme.read_text().splitlines() if line.startswith("|")] if readme.exists() else []
    for path in playbooks(root):
        if not any(path.name in row for row in table):
            yield f"playbooks/{path.name} is not in README.md's table of playbooks"


@rule(Broken("docs/runbooks/runbook_x.md", {"playbooks/runbook_x.yml": ""}))
def every_runbook_has_its_page(root: Path) -> Iterator[str]:
    for path in playbooks(root):
        page = root / f"docs/runbooks/{path.stem}.md"
        if path.stem.startswith("runbook_") and not page.exists():
            yield f"playbooks/{path.name} has no page {page.relative_to(root)}"
