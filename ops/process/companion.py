"""Background processes on the controller that accompany one ansible-playbook, and live no longer than it.

An action plugin calls `start` and gets a pid; another one calls `stop`. What runs is a module of this project that
calls `serve(main)`. A companion has a session of its own, so that Ctrl-C reaches the play first; it holds a descriptor
of the play's process, so that it notices its end in whatever way that comes, `kill -9` included, and is not deceived by
a pid that is used again. Its configuration comes on stdin, never in its arguments, which everybody here can read.
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

#: stands in the command line of every companion
COMPANION = "campshub360-companion"
READY = "ready"
START_SECONDS = 120.0  # it hangs: a busy controller takes ten times as long as an idle one
# What a companion has to tidy up after its owner's end, before it is ended by force.
LAST_SECONDS = 60.0


class CompanionError(Exception):
    """A companion did not start; the message says why."""


def start(module: str, config: Mapping[str, Any], environment: Mapping[str, str], owner: int, log: Path) -> int:
    """Start `module` as a companion of the process `owner`; its pid, once it said that it is ready.

    environment: added to this process's own. log: what it says later is appended there, for its user's eyes only.
    """
    try:
        lifeline = os.pidfd_open(owner)
    except ProcessLookupError:
        raise CompanionError(f"{module} was not started: its owner, process {owner}, has ended.") from None
    log.parent.mkdir(parents=True, exist_ok=True)
    words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(words, 0o600)  # it may be older
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, COMPANION, str(lifeline)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            env={**os.environ, **environment},
            pass_fds=(lifeline,),
            start_new_session=True,
        )
    finally:
        os.close(lifeline)
        os.close(words)
    assert process.stdin and process.stdout
    try:
        process.stdin.write(json.dumps(dict(config)).encode())
        process.stdin.close()
    except BrokenPipeError:  # it ended before it read: what it says of that comes below
        pass
    said = _first_line(process.stdout.fileno(), START_SECONDS)
    process.stdout.close()
    if said == READY:
        return process.pid
    process.kill()
    process.wait()
    raise CompanionError(f"{module} did not start: {said or f'it said nothing; {log} may tell why'}.")


def _first_line(descriptor: int, seconds: float) -> str:
    """What comes on a pipe until a line ends, the pipe is closed, or time is up."""
    deadline, line = time.monotonic() + seconds, b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        some = os.read(descriptor, 4096) if readable else b""
        if not some:
            break
        line += some
    return line.decode(errors="replace").strip()


def stop(pid: int, patience: float = LAST_SECONDS + 5) -> bool:
    """Ask a companion to end and wait for it; False if that pid is no companion (any more).

    The descriptor is taken before the look at what the process is, so the signal can't reach one that came after it.
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
    return _is_companion(pid)  # of one that ended and was not waited for, the command line is empty


def _is_companion(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return COMPANION.encode() in words


@dataclass(slots=True)
class Companion:
    """What a companion has at hand.

    config: what `start` was given. ending: a descriptor that is readable as soon as it is time to end (for select or
    asyncio). owner_gone: why it is: True when the owner ended, False when `stop` asked.
    """

    config: dict[str, Any]
    ending: int
    owner_gone: bool = False
    _said: bool = field(default=False, init=False)

    def ready(self) -> None:
        """Let `start` return; from here on, standard output is the log."""
        self._say(READY)

    def wait(self, seconds: float | None) -> bool:
        """Sleep so long, or until it is time to end; whether it is. None: for however long."""
        return bool(select.select([self.ending], [], [], seconds)[0])

    def log(self, words: str) -> None:
        """A line of the log, with the time."""
        print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {words}", file=sys.stderr, flush=True)

    def _say(self, line: str) -> None:
        if not self._said:
            os.write(1, f"{' '.join(line.split())}\n".encode())
            os.dup2(2, 1)  # closes the pipe on which `start` listens
            self._said = True


def serve(main: Callable[[Companion], None]) -> None:
    """Run a module's `main` as a companion; it is to end soon after `wait` returned True.

    What it raises before it was ready is what `start` raises; later it goes to the log, and the companion has failed.
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
    """Tell when the owner has ended, and end what can't bring itself to."""
    select.select([lifeline], [], [])
    companion.owner_gone = True
    os.write(writing, b"o")
    time.sleep(LAST_SECONDS)
    companion.log(f"ended by force: it still ran {LAST_SECONDS:.0f} s after its owner's end")
    os._exit(1)
