"""`make rehearse` from any state: nothing there, all of it running, and what a killed sandbox left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import lifecycle
from sandbox.config import CHECKOUT

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Command]:
    """Runs a module of the sandbox's in a place of its own, which is empty."""
    place = {"SANDBOX_DIR": str(tmp_path / "sandbox"), "SANDBOX_NET": "127.40"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **place}, capture_output=True, text=True)

    yield run
    run("sandbox", "down")


def test_it_works_from_any_state(run: Command, tmp_path: Path) -> None:
    for state in ("nothing", "running"):
        done = run("sandbox.rehearse")
        assert done.returncode == 0, f"{state}: {done.stdout}{done.stderr}"
    supervisor = lifecycle.running(tmp_path / "sandbox")
    assert supervisor
    os.kill(supervisor, signal.SIGKILL)
    done = run("sandbox.rehearse")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"(pid {supervisor}) died" in done.stdout
