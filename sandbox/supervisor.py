"""The daemon: serve the API, run the controllers, end all children at the end.

`sandbox up` starts it and reads its progress from stdout: a line for each stage, then "ready" or "failed REASON". All
else goes to root/log/sandbox.log.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from sandbox import lifecycle
from sandbox.aws_api.credentials import CredentialsServer
from sandbox.aws_api.journal import Journal
from sandbox.aws_api.principals import Principals
from sandbox.aws_api.server import Api
from sandbox.aws_api.state import State
from sandbox.aws_api.status import current
from sandbox.aws_api.transport import HttpsServer
from sandbox.config import Settings
from sandbox.control.clock import Clock
from sandbox.control.context import Sandbox
from sandbox.control.loop import Loop
from sandbox.environment import write
from sandbox.runtime import processes
from sandbox.runtime.certificates import Authority
from sandbox.runtime.envoy import Envoy
from sandbox.runtime.images import Images
from sandbox.runtime.network import Network
from sandbox.services import create_controllers, install

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

log = logging.getLogger("sandbox")


class StartError(RuntimeError):
    """The sandbox can't start; the message says why and names the cure."""


def main(progress: IO[str]) -> int:
    """Run a sandbox until SIGTERM; return 1 if it can't start."""
    settings = Settings.from_environment()
    os.umask(0o077)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        try:
            for stage in _start(settings, stack):
                print("stage", stage, file=progress)
            print("ready", file=progress)
        except Exception as failure:
            if not isinstance(failure, StartError):
                log.exception("start failed")
            with suppress(BrokenPipeError):  # whoever waited has gone, with Ctrl-C perhaps
                print("failed", _reason(failure, settings.root), file=progress)
            return 1
        progress.close()
        stop.wait()
    return 0


def _reason(failure: Exception, root: Path) -> str:
    if isinstance(failure, OSError) and failure.errno in FULL:
        return f"the disk is full, or a quota used up ({failure}). Free some of what holds {root}, or set SANDBOX_DIR"
    return str(failure) or repr(failure)


def _start(settings: Settings, stack: ExitStack) -> Iterator[str]:
    """Start one part after the other and yield each stage; the ExitStack stops them again."""
    root = settings.root
    lock = lifecycle.acquire(root, timeout=1.0)  # `sandbox status` takes it for a moment to look
    if lock is None:
        raise StartError("Another supervisor is starting or running: sandbox status")
    stack.callback(lock.release)
    yield from _clean(root)
    stack.callback(lifecycle.write_pid(root).unlink)
    _log_to(settings.log)
    stack.callback(processes.end_all, root)

    authority = Authority(root)
    state = State()
    yield f"the API at {settings.api_url}" + (f", with faults: {settings.faults}" if settings.faults else "")
    install()
    principals = Principals(settings, state)
    sandbox = Sandbox(
        settings=settings,
        state=state,
        status=current,
        principals=principals,
        network=Network(root, settings.net),
        authority=authority,
        envoy=Envoy(root, settings.envoy_admin),
        clock=Clock(settings.minute),
        images=Images(root),
    )
    _serve(sandbox, stack)
    yield "Envoy, for load balancers and endpoints"
    with _port(*settings.envoy_admin):
        socket.create_server(settings.envoy_admin).close()
    stack.callback(sandbox.envoy.stop)
    sandbox.envoy.start()
    yield "the controllers"
    for controller in create_controllers(sandbox):
        loop = Loop(controller, state.changed)
        stack.callback(loop.stop)
        loop.start()
    write(settings, authority)


def _clean(root: Path) -> Iterator[str]:
    died = root / "supervisor.pid"
    pid = died.read_text() if died.exists() else None
    foreign = lifecycle.foreign(root)
    ended = lifecycle.clear(root)
    lifecycle.write_layout(root)
    if foreign:
        yield "clean: another version of the sandbox left its images here, which have to be built anew"
    if pid:
        yield (
            f"clean: the supervisor of before (pid {pid}) died, and the API's memory with it; "
            f"ended {ended} process(es) that it left"
        )


def _serve(sandbox: Sandbox, stack: ExitStack) -> None:
    settings = sandbox.settings
    journal = Journal(settings.root / "api.jsonl")
    stack.callback(journal.close)
    identity = sandbox.authority.issue(["localhost"], [settings.api_address])
    api = Api(sandbox.state, sandbox.principals, journal, settings.faults)
    with _port(settings.api_address, settings.api_port):
        https = HttpsServer(settings.api_address, settings.api_port, identity, api)
    https.start()
    stack.callback(https.stop)
    with _port(settings.credentials_address, settings.credentials_port):
        credentials = CredentialsServer(settings.credentials_address, settings.credentials_port, sandbox.principals)
    credentials.start()
    stack.callback(credentials.stop)


@contextmanager
def _port(address: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        if failure.errno != errno.EADDRINUSE:
            raise
        raise StartError(
            f"{address}:{port} is taken, by another sandbox perhaps. Stop that one "
            "(`sandbox down` in its checkout), or choose other addresses: SANDBOX_NET=127.37"
        ) from None


def _log_to(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / "sandbox.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(threadName)s %(message)s",
    )


if __name__ == "__main__":
    # moto prints to stdout, so progress keeps the pipe and stdout becomes the log.
    pipe = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    code = main(pipe)
    logging.shutdown()
    os._exit(code)  # all is closed; taking moto's memory apart object by object costs seconds
