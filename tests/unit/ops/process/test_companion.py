"""Companions: they start with their configuration out of sight, and end with their owner, however that ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.process import companion
from tests.support.waiting import HANGS_SECONDS

SCRIPT = """
import os
from ops.process.companion import Companion, serve

def main(it: Companion) -> None:
    if "refuse" in it.config:
        raise ValueError(it.config["refuse"])
    it.log(f"seen {it.config['word']} {os.environ['SEEN']}")
    it.ready()
    it.wait(None)
    it.log("owner gone" if it.owner_gone else "told to")

serve(main)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / f"companion_{os.getpid()}_{tmp_path.name}.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[bytes]]:
    """Stands for ansible-playbook."""
    process = subprocess.Popen(["sleep", "infinity"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "run" / "companion.log"


def start(script: Path, owner: subprocess.Popen[bytes], log: Path, **config: Any) -> int:
    environment = {"SEEN": "from-environment", "PYTHONPATH": str(script.parent)}
    return companion.start(script.stem, {"word": "from-stdin", **config}, environment, owner.pid, log)


def ended(pid: int, seconds: float = HANGS_SECONDS) -> bool:
    process = os.pidfd_open(pid)
    try:
        return bool(select.select([process], [], [], seconds)[0])
    finally:
        os.close(process)


def test_it_is_ready_with_what_it_was_given_and_shows_none_of_it(
    script: Path, owner: subprocess.Popen[bytes], log: Path
) -> None:
    pid = start(script, owner, log)
    assert "seen from-stdin from-environment" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert b"from-stdin" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert os.getsid(pid) == pid, "Ctrl-C would reach it before the play has ended"
    assert companion.stop(pid)
    assert "told to" in log.read_text()


def test_it_outlives_whoever_started_it_but_not_its_owner(
    script: Path, owner: subprocess.Popen[bytes], log: Path
) -> None:
    """Ansible's workers, in which action plugins run, are gone after their task."""
    starter = os.fork()
    if not starter:
        start(script, owner, log)
        os._exit(0)
    os.waitpid(starter, 0)
    (pid,) = companions(script)
    assert not ended(pid, 0.3)
    owner.send_signal(signal.SIGKILL)
    assert ended(pid)
    assert "owner gone" in log.read_text()


def companions(script: Path) -> list[int]:
    return [
        int(line.parent.name)
        for line in Path("/proc").glob("[0-9]*/cmdline")
        if script.stem.encode() in line.read_bytes().split(b"\0")
    ]


def test_what_keeps_it_from_starting_is_told(script: Path, owner: subprocess.Popen[bytes], log: Path) -> None:
    with pytest.raises(companion.CompanionError, match="did not start: ValueError: no such bucket"):
        start(script, owner, log, refuse="no such\nbucket")
    assert companions(script) == []


def test_one_that_dies_without_a_word_is_told(tmp_path: Path, owner: subprocess.Popen[bytes], log: Path) -> None:
    silent = tmp_path / "silent.py"
    silent.write_text("import sys; sys.exit('broken')")
    with pytest.raises(companion.CompanionError, match=r"said nothing; .*companion\.log may tell why"):
        start(silent, owner, log)
    assert "broken" in log.read_text()


def test_nothing_starts_for_an_owner_that_has_ended(script: Path, owner: subprocess.Popen[bytes], log: Path) -> None:
    owner.kill()
    owner.wait()
    with pytest.raises(companion.CompanionError, match="has ended"):
        start(script, owner, log)


def test_stopping_what_is_no_companion_leaves_it_alone(script: Path, owner: subprocess.Popen[bytes], log: Path) -> None:
    """As when the companion's pid is another process's by now."""
    assert not companion.stop(owner.pid)
    assert owner.poll() is None
    pid = start(script, owner, log)
    assert companion.stop(pid)
    assert not companion.stop(pid)


def test_one_that_does_not_end_is_ended_by_force(tmp_path: Path, owner: subprocess.Popen[bytes], log: Path) -> None:
    stubborn = tmp_path / "stubborn.py"
    stubborn.write_text(SCRIPT.replace("it.wait(None)", "import signal; [signal.pause() for _ in iter(int, 1)]"))
    pid = start(stubborn, owner, log)
    assert companion.stop(pid, patience=0.2)
    assert ended(pid)
    assert "told to" not in log.read_text()
