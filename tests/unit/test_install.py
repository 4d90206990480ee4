"""The installation: which Python it takes, what it prints, and that a failure is told whole."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import HANGS_SECONDS

CHECKOUT = Path(__file__).resolve().parents[2]
SYSTEM = ("bash", "cat", "dirname", "env", "grep", "mkdir", "sh", "sleep", "tail", "touch")
PYTHON = """#!/bin/sh
version={version}
case "$*" in
  *ensurepip*) exit {complete} ;;
  *'%d.%d'*) echo "${{version%.*}}" ;;
  *sys.executable*) echo "$version $0" ;;
  *'-m venv'*) [ -n "$VENV_FAILS" ] && echo "no space left" && exit 1
    rm -rf .venv; mkdir -p .venv/bin; cat "$0" >.venv/bin/python; chmod +x .venv/bin/python ;;
  *'-m pip'*) echo "WARNING: Location 'file:///wheels' is ignored"; echo "Collecting one"
    sleep "${{PIP_SECONDS:-0}}"; [ -z "$PIP_FAILS" ] || {{ echo "ERROR: hashes do not match"; exit 1; }} ;;
esac
"""


class Machine:
    """A checkout, and the Pythons that its PATH has."""

    def __init__(self, root: Path) -> None:
        self.root = root / "a checkout's $HOME"
        self.programs = root / "bin"
        self.programs.mkdir()
        for name in (*SYSTEM, "chmod", "rm"):
            found = shutil.which(name, path=os.defpath)
            assert found
            (self.programs / name).symlink_to(found)
        shutil.copytree(CHECKOUT / "tools", self.root / "tools")
        (self.root / "requirements.lock").write_text("one==1\n")

    def python(self, name: str, version: str, complete: bool = True) -> Path:
        return self.program(name, PYTHON.format(version=version, complete=0 if complete else 1))

    def program(self, name: str, script: str) -> Path:
        path = self.programs / name
        path.write_text(script)
        path.chmod(0o755)
        return path

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.programs / "bash", self.root / command[0], *command[1:]],
            cwd=self.root, env={"PATH": str(self.programs), **environment},
            capture_output=True, text=True, timeout=HANGS_SECONDS, check=False,
        )  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def chosen(machine: Machine, *candidates: str) -> str:
    return Path(machine.run("tools/python", *candidates).stdout.strip()).name


def test_the_newest_that_fits_is_taken(machine: Machine) -> None:
    machine.python("python3", "3.11.2")
    assert chosen(machine) == "python3"
    machine.python("python3.12", "3.12.3")
    assert chosen(machine) == "python3.12"
    machine.python("python3.13", "3.13.5")
    assert chosen(machine) == "python3.13"


def test_what_is_named_is_taken_or_refused(machine: Machine) -> None:
    machine.python("python3.13", "3.13.5")
    other = machine.python("of my own", "3.11.9")
    assert chosen(machine, str(other)) == "of my own"
    assert chosen(machine, "python3.12") == ""


def test_what_does_not_fit_is_passed_over_and_told(machine: Machine) -> None:
    machine.program("python3.13", "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    machine.python("python3.12", "3.12.3", complete=False)
    machine.python("python3", "3.14.0")
    refused = machine.run("tools/python")
    assert (refused.returncode, refused.stdout) == (1, "")
    for line in (
        "python3.13: is not there, or does not start",
        "python3.12: is Python 3.12.3, but without its venv module",
        "python3.11: is not there",
        "python3: is Python 3.14.0",
        "Nothing was installed.",
        "make PYTHON=",
    ):
        assert line in refused.stderr
    machine.python("python3.11", "3.11.0")
    assert chosen(machine) == "python3.11"


def test_it_prints_two_lines_and_nothing_of_what_pip_says(machine: Machine) -> None:
    machine.python("python3", "3.12.3")
    done = machine.run("tools/install")
    first, last = done.stderr.splitlines()
    assert "Python 3.12" in first and "minutes" in first
    assert last.startswith("Installed in ")
    assert (machine.root / ".venv/installed").exists()
    assert "WARNING" in (machine.root / ".venv/install.log").read_text()


def test_a_long_installation_says_now_and_then_how_far_it_is(machine: Machine) -> None:
    machine.python("python3", "3.12.3")
    done = machine.run("tools/install", INSTALL_NEWS_SECONDS="1", PIP_SECONDS="1.8")
    news = done.stderr.splitlines()[1:-1]
    assert news and all("packages fetched" in line for line in news)


@pytest.mark.parametrize(("failure", "words"), [("PIP_FAILS", "hashes do not match"), ("VENV_FAILS", "no space left")])
def test_a_failure_shows_what_was_said_and_leaves_no_mark(machine: Machine, failure: str, words: str) -> None:
    machine.python("python3", "3.12.3")
    done = machine.run("tools/install", **{failure: "1"})
    assert done.returncode == 1
    assert words in done.stderr
    assert not (machine.root / ".venv/installed").exists()
    assert machine.run("tools/install").returncode == 0


def test_a_venv_that_fits_is_kept_and_another_is_made_anew(machine: Machine) -> None:
    machine.python("python3.12", "3.12.3")
    machine.run("tools/install")
    mine = machine.root / ".venv/mine"
    mine.touch()
    machine.python("python3.13", "3.13.5")
    machine.run("tools/install")
    assert mine.exists()  # what is there fits, though a newer one has come
    machine.run("tools/install", PYTHON="python3.13")
    assert not mine.exists()
    mine.touch()
    (machine.root / ".venv/bin/python").unlink()  # a system that was upgraded
    machine.run("tools/install")
    assert not mine.exists()
