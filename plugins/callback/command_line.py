"""Refuse a command line that would succeed without doing anything, or that skips what must always run."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ansible import context
from ansible.errors import ExitCode
from ansible.playbook.block import Block
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: command_line
    type: aggregate
    short_description: refuse a command line that selects nothing
    description:
      - Ansible itself ends with 0 when no host is matched, and when a tag or the task to start at is misspelt.
      - Tags always include what is tagged C(always); a tag that selects nothing else is refused.
"""

ALWAYS = "always"
#: Ansible's own tags, and those that Molecule skips in every playbook
SKIPPABLE = {"all", "tagged", "untagged", "never", ALWAYS, "notest", "molecule-notest", "molecule-idempotence-notest"}


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a playbook. names: without and with the role's name."""

    names: tuple[str, str]
    tags: frozenset[str]
    task: Any

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def guards(self) -> bool:
        """Return whether it must always run; a validation of arguments has its role's tag too, and need not."""
        return self.tags == {ALWAYS}

    def runs(self, only: Sequence[str], skip: Sequence[str]) -> bool:
        """Return whether Ansible runs it with --tags and --skip-tags."""
        return bool(self.task.evaluate_tags(list(only), list(skip), {}))

    def is_called(self, pattern: str) -> bool:
        """Return whether a pattern of --start-at-task matches one of its names."""
        return any(fnmatch.fnmatch(name, pattern) for name in self.names)


@dataclass(frozen=True, slots=True)
class Selection:
    """The options of the command line that select tasks."""

    tags: tuple[str, ...] = ("all",)
    skip_tags: tuple[str, ...] = ()
    start_at: str | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Selection:
        return cls(
            tuple(arguments.get("tags") or ("all",)),
            tuple(arguments.get("skip_tags") or ()),
            arguments.get("start_at_task"),
        )


def tasks_of(blocks: Iterable[Any]) -> Iterator[Task]:
    """Yield the tasks of blocks, without those that Ansible adds itself."""
    for block in blocks:
        for entry in (*block.block, *block.rescue, *block.always):
            if isinstance(entry, Block):
                yield from tasks_of([entry])
            elif not entry.implicit:
                yield Task((str(entry.name), entry.get_name()), frozenset(map(str, entry.tags)), entry)


def refusals(tasks: Sequence[Task], selection: Selection) -> list[str]:
    """Return why a selection of a playbook's tasks is refused, with the cure, a sentence each."""
    return [
        *misspelt(tasks, selection),
        *unguarded(tasks, selection),
        *(no_start(tasks, selection.start_at) if selection.start_at else ()),
    ]


def misspelt(tasks: Sequence[Task], selection: Selection) -> Iterator[str]:
    """Yield the tags that select nothing."""
    known = sorted({tag for task in tasks for tag in task.tags} - {ALWAYS, "never"})
    strangers = [tag for tag in selection.tags if tag not in ("all", ALWAYS) and not selects(tasks, tag, selection)]
    unskipped = [tag for tag in selection.skip_tags if tag not in {*known, *SKIPPABLE}]
    for option, tags in (("--tags", strangers), ("--skip-tags", unskipped)):
        for tag in tags:
            yield f"{option} {tag} selects no task{likely(tag, known)}."
    if strangers or unskipped:
        yield f"There are the tags {', '.join(known)}." if known else "It has no tags: run all of it."


def selects(tasks: Sequence[Task], tag: str, selection: Selection) -> bool:
    """Return whether a tag selects a task that does not always run."""
    return any(task.runs([tag], selection.skip_tags) for task in tasks if ALWAYS not in task.tags)


def unguarded(tasks: Sequence[Task], selection: Selection) -> Iterator[str]:
    """Yield the refusal if --skip-tags skips a task that must always run."""
    if not all(task.runs(["all"], selection.skip_tags) for task in tasks if task.guards):
        yield (
            f"--skip-tags {','.join(selection.skip_tags)} leaves out what runs always, as the comparison of the "
            "account does. Name single parts."
        )


def no_start(tasks: Sequence[Task], start_at: str) -> Iterator[str]:
    """Yield why a playbook can't start at a task, which is found as Ansible finds it."""
    number = next((number for number, task in enumerate(tasks) if task.is_called(start_at)), None)
    if number is None:
        yield f"--start-at-task finds no task {start_at!r}{likely(start_at, [task.name for task in tasks])}."
    elif any(task.guards for task in tasks[:number]):
        yield (
            "--start-at-task leaves out what runs always, as the comparison of the account does. Run all of it: what "
            "is there stays as it is."
        )


def likely(word: str, known: Sequence[str]) -> str:
    """Return the question whether a similar name was meant; empty if there is none."""
    found = difflib.get_close_matches(word, set(known) - {word}, n=1)
    return f" (did you mean {found[0]}?)" if found else ""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "command_line"

    def __init__(self) -> None:
        super().__init__()
        self.playbook = "The playbook"
        self.begun = False

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self.playbook = Path(str(playbook._file_name or self.playbook)).name
        tasks = [task for play in playbook.get_plays() for task in tasks_of(play.compile())]
        if found := refusals(tasks, Selection.of(context.CLIARGS)):
            self.refuse(" ".join(found))

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self.begun = True

    def v2_playbook_on_no_hosts_matched(self) -> None:
        named = context.CLIARGS.get("inventory") or ()
        brings = f"{', '.join(map(str, named))} brings no host" if named else "no inventory was named"
        self.refuse(f"There is nothing to work on: {brings}. Name the one that does, first: -i inventories/tier1.")

    def refuse(self, why: str) -> NoReturn:
        """End the run, which an exception would not: Ansible makes a warning of one that a callback raises."""
        touched = "Nothing more was touched." if self.begun else "Nothing was touched."
        self._display.error(f"{self.playbook}: {why} {touched}")
        raise SystemExit(ExitCode.INVALID_CLI_OPTION)
