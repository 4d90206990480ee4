"""Companions: background processes on the controller that run beside one ansible-playbook, and end with it.

An action plugin calls `start` and gets a pid; later it calls `stop`. A companion is a Python module of this project
that calls `serve(main)`, run as `python -P -m MODULE`. It has a session of its own, so that Ctrl-C reaches the play
first. It holds a pidfd of the play's process, so that it notices its end however that comes, `kill -9` included, and
never mistakes a reused pid for it. Its configuration comes on stdin, never in its arguments, which every user of the
machine can read.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: an argument in the command line of every companion
COMPANION = "campshub360-companion"
READY = "ready"
START_SECONDS = 120.0  # ten times what a busy controller takes
# How long a companion may take after its owner's end before it is killed.
LAST_SECONDS = 60.0


class CompanionError(Exception):
    """A companion did not start; the message says why."""


def start(module: str, config: Mapping[str, Any], environment: Mapping[str, str], owner: int, log: Path) -> int:
    """Start `module` as a companion of the process `owner`, and return its pid once it is ready. Raises CompanionError.

    environment: added to this process's own. log: the file for its output; only its user can read it.
    """
    try:
        lifeline = os.pidfd_open(owner)
    except ProcessLookupError:
        raise CompanionError(f"{module} was not started: its owner, process {owner}, has ended.") from None
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(output, 0o600)  # it may be older
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, COMPANION, str(lifeline)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env={**os.environ, **environment},
            pass_fds=(lifeline,),
            start_new_session=True,
        )
    finally:
        os.close(lifeline)
        os.close(output)
    assert process.stdin and process.stdout
    try:
        process.stdin.write(json.dumps(dict(config)).encode())
        process.stdin.close()
    except BrokenPipeError:  # it ended before it read: its message is read below
        pass
    said = _first_line(process.stdout.fileno(), START_SECONDS)
    process.stdout.close()
    if said == READY:
        return process.pid
    process.kill()
    process.wait()
    raise CompanionError(f"{module} did not start: {said or f'it said nothing; {log} may tell why'}.")


def _first_line(descriptor: int, seconds: float) -> str:
    """Return what comes on a pipe until a line ends, the pipe is closed, or time is up."""
    deadline, line = time.monotonic() + seconds, b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        some = os.read(descriptor, 4096) if readable else b""
        if not some:
            break
        line += some
    return line.decode(errors="replace").strip()


def stop(pid: int, patience: float = LAST_SECONDS + 5) -> bool:
    """Stop a companion and wait for its end; return False if that pid is no companion (any more).

    The pidfd is opened before the process is identified, so that the signal can't reach a later process with that pid.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not _is_companion(pid):
            return False
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if not select.select([process], [], [], patience)[0]:
            signal.pidfd_send_signal(process, signal.SIGKILL)
        return True
    except ProcessLookupError:  # it ended meanwhile
        return False
    finally:
        os.close(process)


def runs(pid: int) -> bool:
    """Return whether that pid is a companion that has not ended."""
    return _is_companion(pid)  # a zombie's command line is empty


def _is_companion(pid: int) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return COMPANION.encode() in arguments


@dataclass(slots=True)
class Companion:
    """The companion's own view of itself.

    config: what `start` was given. ending: a descriptor that is readable as soon as it is time to end (for select or
    asyncio). owner_gone: True if that is because the owner has ended, False if `stop` was called.
    """

    config: dict[str, Any]
    ending: int
    owner_gone: bool = False
    _said: bool = field(default=False, init=False)

    def ready(self) -> None:
        """Make `start` return; from here on, standard output is the log."""
        self._say(READY)

    def wait(self, seconds: float | None) -> bool:
        """Sleep so many seconds (None: without limit) or until it is time to end; return whether it is."""
        return bool(select.select([self.ending], [], [], seconds)[0])

    def log(self, message: str) -> None:
        """Write a line to the log, with the time."""
        print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {message}", file=sys.stderr, flush=True)

    def _say(self, line: str) -> None:
        if not self._said:
            os.write(1, f"{' '.join(line.split())}\n".encode())
            os.dup2(2, 1)  # closes the pipe on which `start` listens
            self._said = True


def serve(main: Callable[[Companion], None]) -> None:
    """Run `main` as a companion; it must return soon after `wait` returned True.

    What it raises before it is ready, `start` raises; later it goes to the log, and the companion fails.
    """
    lifeline = int(sys.argv[2])
    config = json.load(sys.stdin)
    reading, writing = os.pipe()
    companion = Companion(config, reading)
    signal.signal(signal.SIGTERM, lambda *_: os.write(writing, b"s"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watcher = threading.Thread(target=_watch, args=(companion, lifeline, writing), daemon=True)
    watcher.start()
    try:
        main(companion)
    except Exception as error:
        if not companion._said:
            companion._say(f"{type(error).__name__}: {error}")
            raise SystemExit(1) from None
        raise


def _watch(companion: Companion, lifeline: int, writing: int) -> None:
    """Signal the owner's end, and kill the companion if it does not end in time."""
    select.select([lifeline], [], [])
    companion.owner_gone = True
    os.write(writing, b"o")
    time.sleep(LAST_SECONDS)
    companion.log(f"ended by force: it still ran {LAST_SECONDS:.0f} s after its owner's end")
    os._exit(1)
