"""The warm server: runs modules in forks of a Python that has loaded boto3, the collections and AWS's models.

Loading those takes a module half a second of processor time; a fork of this server has them already. Modules share
nothing: each runs in a fresh child that ends with it. The server ends with the ansible-playbook that started it, also
when that is killed.

The connection plugin warm_local starts it as `python -P -m ops.process.warm_server NAME CONTROLLER_PID`, with
{services} as JSON on stdin, and with the roots of modules and collections in PYTHONPATH. It listens on the abstract
Unix socket NAME for peers of the same user.

A request is a length, a JSON header {fqn, params, profile, env, cwd, umask} and two descriptors for stdout and stderr;
the answer is RAN and the exit status, a byte each. If the server could not load what modules need, the answer is FAILED
and the error.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import selectors
import socket
import struct
import sys
import traceback
from collections.abc import Iterator
from typing import Any

RAN, FAILED = b"R", b"F"
#: how long a server that failed to load answers those who connected meanwhile; later ones start another server
FAILED_SECONDS = 2.0
#: the shell's AWS settings, valid or not, are for the modules: service models don't depend on them
NO_SETTINGS = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
PRELOAD = (
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
    "ansible_collections.amazon.aws.plugins.module_utils.modules",
    "ansible_collections.amazon.aws.plugins.module_utils.ec2",
    "ansible_collections.amazon.aws.plugins.module_utils.waiters",
    "boto3",
    "botocore.paginate",
    "botocore.retries.standard",
    "botocore.waiter",
)


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


@contextlib.contextmanager
def without_aws_settings() -> Iterator[None]:
    """Remove AWS settings from the environment for a while."""
    own = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    for name in own:
        del os.environ[name]
    os.environ.update(NO_SETTINGS)
    try:
        yield
    finally:
        for name in NO_SETTINGS:
            del os.environ[name]
        os.environ.update(own)


def preload(services: list[str]) -> None:
    """Import what modules need, and parse the models of these services."""
    for name in PRELOAD:
        importlib.import_module(name)
    import boto3
    import botocore.session
    from botocore.exceptions import UnknownServiceError

    # every module creates a session of its own: with one loader, all sessions share the cache of models
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    session = boto3.session.Session(region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    loader = session._session.get_component("data_loader")
    for service in services:
        session.client(service)  # sends nothing: parses the model
        for kind in ("paginators-1", "waiters-2"):
            with contextlib.suppress(UnknownServiceError):  # not every service has waiters
                loader.load_service_model(service, kind)


def run_module(header: dict[str, Any], out: int, err: int) -> int:
    """Run one module in this (forked) process, and return its exit status."""
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((null, 0), (out, 1), (err, 2)):
        os.dup2(descriptor, target)
    os.chdir(header["cwd"])
    os.umask(header["umask"])
    os.environ.update(header["env"])
    sys.argv = [""]
    from ansible.module_utils._internal._ansiballz import _loader

    try:
        _loader.run_module(
            json_params=header["params"].encode(),
            profile=header["profile"],
            module_fqn=header["fqn"],
            modlib_path="",
            extensions={},
        )
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def receive(connection: socket.socket) -> tuple[dict[str, Any], int, int]:
    """Return a request: its header, and the descriptors for stdout and stderr."""
    size, descriptors, _flags, _address = socket.recv_fds(connection, 8, 2)
    with connection.makefile("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(size, "big")))
    return header, descriptors[0], descriptors[1]


def serve_one(connection: socket.socket) -> None:
    """Run the requested module in this child process, answer, and end the process."""
    status = run_module(*receive(connection))
    atexit._run_exitfuncs()  # modules clean up their temporary folders there
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(RAN + bytes([status & 255]))
    os._exit(0)


def load(settings: dict[str, Any]) -> None:
    """Load what modules need, and keep it out of the garbage collector."""
    with without_aws_settings():
        preload(settings["services"])
    gc.collect()
    gc.freeze()  # keeps the children from copying what they only read


def answer_failed(listener: socket.socket, error: BaseException) -> None:
    """Answer every waiting peer that the server failed to load, and why."""
    traceback.print_exception(error)
    message = f"{type(error).__name__}: {error}".encode()
    listener.settimeout(FAILED_SECONDS)
    with contextlib.suppress(TimeoutError):
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                if peer_uid(connection) == os.geteuid():
                    connection.settimeout(FAILED_SECONDS)
                    receive(connection)  # a peer that is answered before it has sent its request may lose the answer
                    connection.sendall(FAILED + message)


def reap() -> None:
    """Collect the exit statuses of ended children."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main() -> None:
    """Serve until the controller ends."""
    name = sys.argv[1]
    try:
        ended = os.pidfd_open(int(sys.argv[2]))
    except ProcessLookupError:  # it was killed meanwhile
        return
    settings = json.load(sys.stdin)
    os.environ.pop("PYTHONPATH", None)  # it was for this process, not for what modules start
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind("\0" + name)
    except OSError:  # another worker's server was first
        return
    listener.listen(128)  # peers that connect while it loads wait here
    try:
        load(settings)
    except BaseException as error:
        answer_failed(listener, error)
        raise SystemExit(1) from None
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select(timeout=1)}
            reap()
            if ended in ready:
                return
            if listener in ready:
                connection, _ = listener.accept()
                if peer_uid(connection) == os.geteuid() and os.fork() == 0:
                    listener.close()
                    serve_one(connection)
                connection.close()


if __name__ == "__main__":
    main()
