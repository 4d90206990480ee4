"""How rules see a checkout: its files, its roles and their tasks, its playbooks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Yaml = dict[str, Any]
SECTIONS = ("block", "rescue", "always")


def load(path: Path) -> Any:
    """A YAML file's data; None for a missing or empty one."""
    return yaml.safe_load(path.read_text()) if path.exists() else None


def files(root: Path, *folders: str) -> Iterator[Path]:
    """Files below `folders` (default: all), without what git ignores; in order."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *folders]
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
        candidates = (root / name for name in listed.split("\0") if name)
    else:
        candidates = (path for folder in folders or (".",) for path in (root / folder).rglob("*"))
    yield from sorted(path for path in set(candidates) if path.is_file() and not path.is_symlink())


def texts(root: Path, *folders: str) -> Iterator[tuple[str, str]]:
    """Name and text of every text file below `folders`."""
    for path in files(root, *folders):
        try:
            yield str(path.relative_to(root)), path.read_text()
        except UnicodeDecodeError:
            continue


def lines(root: Path, *folders: str) -> Iterator[tuple[str, str]]:
    """`name:number` and text of every line below `folders`."""
    for name, text in texts(root, *folders):
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{name}:{number}", line


@dataclass(frozen=True, slots=True)
class TasksFile:
    role: str
    path: Path

    @property
    def entry(self) -> str:
        """`wait` for tasks/wait.yml: what `tasks_from` calls it."""
        return self.path.stem

    @property
    def where(self) -> str:
        return f"roles/{self.role}/tasks/{self.path.name}"

    def tasks(self) -> list[Yaml]:
        return list(flat(load(self.path) or []))


@dataclass(frozen=True, slots=True)
class Role:
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def defaults(self) -> Yaml:
        return load(self.path / "defaults/main.yml") or {}

    @property
    def entries(self) -> dict[str, Yaml]:
        """Entry points of the role by name, each with its options."""
        specs = load(self.path / "meta/argument_specs.yml") or {}
        return {name: entry.get("options") or {} for name, entry in specs.get("argument_specs", {}).items()}

    @property
    def options(self) -> dict[str, Yaml]:
        return {name: option for entry in self.entries.values() for name, option in entry.items()}

    def tasks_files(self) -> list[TasksFile]:
        return [TasksFile(self.name, path) for path in sorted(self.path.glob("tasks/*.yml"))]


def roles(root: Path) -> list[Role]:
    return [Role(path) for path in sorted((root / "roles").glob("*")) if path.is_dir()]


def flat(tasks: list[Yaml]) -> Iterator[Yaml]:
    """Every task, those inside blocks too."""
    for task in tasks:
        yield task
        for section in SECTIONS:
            yield from flat(task.get(section) or [])


def playbooks(root: Path) -> list[Path]:
    return sorted((root / "playbooks").glob("*.yml"))


def plays(playbook: Path) -> list[Yaml]:
    data: list[Yaml] = load(playbook) or []
    return data


def imported_playbook(play: Yaml) -> str | None:
    """The playbook that stands in a play's place, if one does."""
    return play.get("ansible.builtin.import_playbook") or play.get("import_playbook")


def play_tasks(play: Yaml) -> list[Yaml]:
    """Every task that stands in the play itself."""
    return [task for section in ("pre_tasks", "tasks", "post_tasks") for task in flat(play.get(section) or [])]


def called_roles(task: Yaml) -> Iterator[tuple[str, str]]:
    """The role and the entry point that a task calls, if it calls one."""
    for verb in ("import_role", "include_role"):
        call = task.get(f"ansible.builtin.{verb}") or task.get(verb)
        if call:
            yield str(call["name"]), str(call.get("tasks_from", "main"))
