"""`make rehearse` in a checkout that lies where blanks, quotes, percent signs and other letters are in its path."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.config import CHECKOUT

FOLDER = "it's 100% #1 ü, " + "and more " * 12
NET = "127.42"
LONGEST_SECONDS = 900.0
SHEBANG = re.compile(r"#!.*\n")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A copy of this one, with programs of its own."""

    path: Path

    def run(self, *command: str | Path, **environment: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.path.anchor,
            env={**os.environ, "SANDBOX_NET": NET, "SANDBOX_DIR": "", **environment},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def make(self, target: str) -> str:
        """Run a target from another folder."""
        return self.run("make", "--no-print-directory", "-C", self.path, target)

    def paste(self, line: str) -> str:
        return self.run("bash", "-c", line)

    def play(self, playbook: str, *words: str | Path) -> str:
        command = [self.path / ".venv/bin/ansible-playbook", *words, f"playbooks/{playbook}.yml"]
        return self.paste(f"cd {shlex.quote(str(self.path))} && {shlex.join(map(str, command))}")


def install(checkout: Path) -> None:
    """Give it an environment of its own as tools/install does, without fetching what this one has."""
    environment = checkout / ".venv"
    venv.create(environment, with_pip=False, symlinks=True)
    packages = environment / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    (packages / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n{checkout}\n")
    for name in ("ansible-playbook", "sandbox"):
        text = (Path(sys.executable).parent / name).read_text()
        # what pip writes for a path that the kernel can't read in a first line
        launcher = f"#!/bin/sh\n'''exec' \"{environment / 'bin/python'}\" \"$0\" \"$@\"\n' '''\n"
        (environment / "bin" / name).write_text(launcher + SHEBANG.sub("", text, count=1))
        (environment / "bin" / name).chmod(0o755)
    (environment / "installed").touch()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    path = tmp_path_factory.mktemp("where") / FOLDER / "check out"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, path / name, follow_symlinks=False)
    install(path)
    found = Checkout(path)
    yield found
    found.make("down")


def test_it_builds_releases_and_answers(checkout: Checkout, tmp_path: Path) -> None:
    shown = checkout.make("rehearse")
    line = re.search(r"^try it +(curl .*)$", shown, re.MULTILINE)
    assert line, shown
    assert '"status": "ready"' in checkout.paste(f"{line[1]} --silent")
    assert checkout.make("url") == "https://app.tier1.campshub360.example\n"
    for kind, more, answer in (
        ("app", " --silent --fail", "CampsHub360"),
        ("database", " -Atc 'select count(*) from campus_student'", "2000"),
        ("cache", "", "_version"),
    ):
        printed = checkout.run(checkout.path / ".venv/bin/sandbox", "connect", kind)
        pasted = [one for one in printed.splitlines() if one and not one.startswith("#")][-1]
        assert answer in checkout.paste(pasted + more)
    link = tmp_path / "link"
    link.symlink_to(checkout.path)
    assert Checkout(link).make("url") == "https://app.tier1.campshub360.example\n"
    runs = "3 of 3 tasks running"
    assert runs in Checkout(link).play("status", "-i", "inventories/tier1", "-i", "inventories/sandbox")
    copies = [shutil.copytree(checkout.path / "inventories" / name, tmp_path / name) for name in ("tier1", "sandbox")]
    assert runs in checkout.play("status", "-i", copies[0], "-i", copies[1])
