"""`make rehearse` from any state: nothing there, all of it running, and what was killed in the middle or at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sandbox import lifecycle
from sandbox.config import CHECKOUT
from sandbox.runtime import processes
from tests.support.waiting import until

NET = "127.40"


@dataclass(frozen=True, slots=True)
class Rehearsals:
    """Rehearsals in a place of their own."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SANDBOX_DIR": str(self.root), "SANDBOX_NET": NET}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=CHECKOUT,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def succeed(self) -> str:
        done = self.run("sandbox.rehearse")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill_at(self, stage: str, task: str) -> None:
        """Begin one, and kill it with all that it started, as soon as its output names that task of that stage."""
        with subprocess.Popen(
            [sys.executable, "-m", "sandbox.rehearse"],
            cwd=CHECKOUT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                assert process.stdout
                lines = iter(process.stdout)
                assert any(stage in line for line in lines), f"it never came to {stage}"
                assert any(task in line for line in lines), f"it never came to {task}"
            finally:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def rehearsals(tmp_path: Path) -> Rehearsals:
    return Rehearsals(tmp_path / "sandbox")


def listening() -> set[int]:
    """Ports that anything listens on at the rehearsal's addresses."""
    connections = [one for one in psutil.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    return {one.laddr.port for one in connections if str(one.laddr.ip).startswith(f"{NET}.")}


def test_it_works_from_any_state_and_leaves_nothing(rehearsals: Rehearsals) -> None:
    try:
        rehearsals.kill_at("Provision Tier 1", "database : Start the database")
        rehearsals.kill_at("Release 1.0.0", "release : Update | Create or update the service")
        shown = rehearsals.succeed()
        answers(shown)
        assert rehearsals.run("sandbox", "url").stdout.strip() == "https://app.tier1.campshub360.example"
        rehearsals.succeed()  # all of it running
        supervisor = lifecycle.running(rehearsals.root)
        assert supervisor
        os.kill(supervisor, signal.SIGKILL)
        assert f"(pid {supervisor}) died" in rehearsals.succeed()
        assert listening()
        pids = [one.pid for one in processes.running(rehearsals.root)]
    finally:
        down = rehearsals.run("sandbox", "down")
    assert down.returncode == 0, down.stderr
    until(lambda: not [pid for pid in pids if psutil.pid_exists(pid)])
    assert listening() == set()
    assert {path.name for path in rehearsals.root.iterdir()} <= {"images", "layout", "supervisor.lock"}


def answers(shown: str) -> None:
    """The line that it prints works when it is pasted."""
    command = re.search(r"^try it +(curl .*)$", shown, re.MULTILINE)
    assert command, shown
    pasted = subprocess.run(["bash", "-c", command[1]], capture_output=True, text=True)
    assert pasted.returncode == 0, pasted.stderr
    assert '"status": "ready"' in pasted.stdout, pasted.stdout
