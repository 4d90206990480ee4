"""The command lines that pages, headers of playbooks and messages print, as whoever reads them would type them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.parsing.splitter import parse_kv

from tests.contract.files import texts

WHERE = ("README.md", "CONTRIBUTING.md", "docs", "inventories", "playbooks", "roles", "plugins")
#: what stands for a value that the reader knows
PLACEHOLDER = re.compile(r"<[^<>\n]+>|\.\.\.|\{\{.*?\}\}|\bTAG\b|\bFOLDER\b")
#: in Python, `{{` is a brace and `{name}` stands for a value
FILLED = re.compile(r"(?P<open>\{\{)|(?P<close>\}\})|\{[^{}\"\n]+\}|<[^<>\n]+>|\.\.\.")
UNKNOWN = "X"

# `[--check]` may be typed, so it is
OPTIONAL = re.compile(r"\[(?=-)|(?<=[\w'])\](?=\s|$)", re.MULTILINE)
PLAYBOOK = re.compile(r"(?:ansible-playbook[ \w/.<>-]*? )?(?<![\w(/])playbooks/\w+\.yml(?P<rest>.*)")
WORD = r"""(?:'[^']*'|[^\s'"`,;|)\]]+)+"""
TOKEN = re.compile(rf"\s+(?P<token>-{{1,2}}[A-Za-z][a-z-]*(?:(?:\s+|=)(?!-){WORD})?)")
EXTRA = re.compile(r"(?<![\w-])-e\s+(?P<given>'[^']*'|\w+=[^\s'\"`,;|)\]]*)")
MAKE = re.compile(r"(?:^ {4}|`|\$\()make (?P<target>[a-z]+)", re.MULTILINE)
SANDBOX = re.compile(r"(?:^ {4}|`|\$\()sandbox (?P<call>[a-z][^`\n#|)]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Printed:
    """Something that a file tells its reader to type. text: as it stands, placeholders replaced."""

    where: str
    text: str


def plain(text: str, python: bool = False) -> str:
    """Return a file's text with every command on one line: what was continued, folded or joined is put together.

    Escaped quotes become quotes, and placeholders one word.
    """
    text = re.sub(r" \\\n[ #]*", " ", text)  # of a shell
    text = re.sub(r"-e\n\s+", "-e ", text)  # of a folded text
    if python:
        text = re.sub(r'(["\'])\n\s+f?(["\'])', "", text)  # of strings side by side
    text = text.replace('\\"', '"').replace("\\'", "'")
    return FILLED.sub(filled, text) if python else PLACEHOLDER.sub(UNKNOWN, text)


def filled(found: re.Match[str]) -> str:
    return "{" if found["open"] else "}" if found["close"] else UNKNOWN


def extras(root: Path) -> Iterator[Printed]:
    """What stands after each -e, as the shell hands it over."""
    for where, text in told(root):
        for found in EXTRA.finditer(text):
            yield Printed(where, " ".join(shlex.split(found["given"].rstrip("."))))


def calls(root: Path) -> Iterator[Printed]:
    """Every call of a playbook, as `playbooks/x.yml --words`: without what a bare sentence says after it."""
    for where, text in told(root):
        for line in OPTIONAL.sub(" ", text).splitlines():
            for found in PLAYBOOK.finditer(line):
                begins = line[found.start() : found.start("rest")]
                yield Printed(where, begins + "".join(options(found["rest"])))


def options(rest: str) -> Iterator[str]:
    """The options at the beginning of a text."""
    while found := TOKEN.match(rest):
        yield f" {found['token'].rstrip('.:')}"
        rest = rest[found.end() :]


def targets(root: Path) -> Iterator[Printed]:
    """Every target of make."""
    for where, text in told(root):
        yield from (Printed(where, found["target"]) for found in MAKE.finditer(text))


def sandbox_calls(root: Path) -> Iterator[Printed]:
    """Every command of `sandbox`, without its name."""
    for where, text in told(root):
        yield from (Printed(where, found["call"].strip()) for found in SANDBOX.finditer(text))


def told(root: Path) -> Iterator[tuple[str, str]]:
    for where, text in texts(root, *WHERE):
        if not where.endswith((".json", ".lock")):
            yield where, plain(text, python=where.endswith(".py"))


def values(given: str) -> dict[str, Any]:
    """The variables that a text after -e gives."""
    if not given.startswith("{"):
        return dict(parse_kv(given))
    return dict(json.loads(re.sub(rf'(?<!")\b{UNKNOWN}\b(?!")', f'"{UNKNOWN}"', given)))


def shell_words(text: str) -> list[str]:
    """The words that the shell makes of a text."""
    return shlex.split(text)
