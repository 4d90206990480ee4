"""Processes: what ends, what must not survive, what is inherited."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.runtime import proc, processes
from sandbox.runtime.processes import Command, end_all, start
from tests.support.waiting import HANGS_SECONDS, until

SLOWLY = 0.05  # seconds, for each line
ORPHAN_MAKER = "sleep infinity & echo $!; wait"
DESERTER_MAKER = "setsid sleep infinity & echo $!; wait"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    end_all(tmp_path)


def shell(root: Path, script: str, **options: object) -> Command:
    return Command(root=root, name="test", argv=["/bin/sh", "-c", script], **options)  # type: ignore[arg-type]


def child_of(command: Command) -> tuple[processes.Process, int]:
    """Start a command whose first line names a child of its own; return the process and the child's id."""
    lines: list[str] = []
    process = start(command, on_line=lines.append)
    until(lambda: lines)
    return process, int(lines[0])


def test_a_descendant_that_can_not_be_ended_yet_holds_the_code_up_and_no_longer(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that waits for a slow disk: without another try nobody would learn that the process leader ended."""
    really, tried = proc.end_all, threading.Event()

    def fails_once(*arguments: Any) -> int:
        if tried.is_set():
            return really(*arguments)
        tried.set()
        raise TimeoutError("processes 1 survive SIGKILL")

    monkeypatch.setattr(proc, "end_all", fails_once)
    monkeypatch.setattr(processes, "RETRY_SECONDS", 0.01)
    assert start(shell(root, "exit 3")).wait(HANGS_SECONDS) == 3
    assert tried.is_set()


def test_exit_code_and_output_arrive_together(root: Path) -> None:
    lines: list[str] = []

    def take_slowly(line: str) -> None:
        threading.Event().wait(SLOWLY)
        lines.append(line)

    log = root / "log" / "test.log"
    process = start(shell(root, "echo out; echo err >&2; exit 3", log=log), on_line=take_slowly)
    assert process.wait(HANGS_SECONDS) == 3
    assert lines == ["out", "err"]
    assert log.read_text() == "out\nerr\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_output_without_listener_goes_to_the_log(root: Path) -> None:
    log = root / "test.log"
    log.write_text("before\n")
    assert start(shell(root, "echo after", log=log)).wait(HANGS_SECONDS) == 0
    assert log.read_text() == "before\nafter\n"


def test_a_listener_that_fails_does_not_stop_the_process(root: Path) -> None:
    def fail(line: str) -> None:
        raise ValueError(line)

    assert (
        start(shell(root, "seq 20000 | fold -w 2000 | paste -sd, | fold -w 4000"), on_line=fail).wait(HANGS_SECONDS)
        == 0
    )


def test_nothing_is_inherited_but_the_marks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAK", "1")
    lines: list[str] = []
    command = Command(root=root, name="env", argv=["env"], env={"GIVEN": "2"})
    start(command, on_line=lines.append).wait(HANGS_SECONDS)
    names = {line.partition("=")[0] for line in lines}
    assert names == {"GIVEN", "SANDBOX_ROOT", "SANDBOX_PROCESS"}
    assert f"SANDBOX_ROOT={root}" in lines


def test_environment_is_not_shown(root: Path) -> None:
    assert "secret" not in repr(shell(root, "true", env={"PASSWORD": "secret"}))


def test_missing_program_names_command_and_program(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match="web: no executable 'no-such-thing'"):
        start(Command(root=root, name="web", argv=["no-such-thing"]))


@pytest.mark.parametrize("script", [ORPHAN_MAKER, DESERTER_MAKER], ids=["group", "own session"])
def test_the_end_of_the_leader_ends_everything(root: Path, script: str) -> None:
    process, child = child_of(shell(root, script))
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(HANGS_SECONDS) == -signal.SIGKILL
    assert proc.entry(child) is None


def test_stop_lets_the_leader_finish(root: Path) -> None:
    process, child = child_of(shell(root, f"trap 'exit 7' TERM; {ORPHAN_MAKER}"))
    assert process.poll() is None
    assert process.stop(grace_seconds=HANGS_SECONDS) == 7
    assert proc.entry(child) is None


def test_stop_kills_when_grace_is_over(root: Path) -> None:
    process, child = child_of(shell(root, "trap '' TERM; sleep infinity & echo $!; wait; sleep infinity"))
    assert process.stop(grace_seconds=0.1) == -signal.SIGKILL
    assert proc.entry(child) is None
    assert process.stop(grace_seconds=0.1) == -signal.SIGKILL


def test_it_outlives_the_thread_that_started_it(root: Path) -> None:
    started: list[processes.Process] = []
    lines: list[str] = []
    command = shell(root, "trap 'echo still here' USR1; echo begun; sleep infinity & while :; do wait; done")
    thread = threading.Thread(target=lambda: started.append(start(command, on_line=lines.append)), daemon=True)
    thread.start()
    thread.join()
    until(lambda: lines == ["begun"])
    os.kill(started[0].pid, signal.SIGUSR1)
    until(lambda: lines == ["begun", "still here"])
    started[0].kill()


SUPERVISOR = """
import signal, sys, time
from pathlib import Path
from sandbox.runtime.processes import Command, start
script = sys.argv[2]
lines = []
process = start(
    Command(root=Path(sys.argv[1]), name="test", argv=["/bin/sh", "-c", script]),
    on_line=lines.append,
)
while not lines:
    time.sleep(0.01)
print(process.pid, lines[0], flush=True)
signal.pause()
"""


def test_kill_of_the_supervisor_and_end_all_leave_nothing(root: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(root), DESERTER_MAKER],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout
    leader, child = map(int, supervisor.stdout.readline().split())
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    until(lambda: proc.entry(leader) is None)
    assert proc.entry(child), "the deserter is what end_all is for"
    assert end_all(root) == 1
    assert proc.entry(child) is None


def test_end_all_finds_who_wiped_its_environment(root: Path) -> None:
    process, child = child_of(shell(root, "exec env -i sh -c 'sleep infinity & echo $!; wait'"))
    assert end_all(root) == 2
    assert process.wait(HANGS_SECONDS) == -signal.SIGKILL
    assert proc.entry(child) is None


def test_end_all_spares_other_sandboxes_and_its_caller(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc.Entry, "carries", lambda self, _: self.pid in (os.getpid(), 1))
    process = start(shell(tmp_path_factory.mktemp("other"), "sleep infinity"))
    assert end_all(root) == 0
    assert process.poll() is None
    monkeypatch.undo()
    process.kill()


def test_end_all_ignores_a_ledger_entry_whose_pid_was_given_to_another(root: Path) -> None:
    bystander = subprocess.Popen(["sleep", "infinity"])
    record = root / "run" / "processes" / str(bystander.pid)
    record.parent.mkdir(parents=True)
    record.write_text("1")
    try:
        assert end_all(root) == 0
        assert not record.exists()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
