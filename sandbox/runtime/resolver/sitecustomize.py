"""Give a Python process an address of its own and the sandbox's host names.

Python imports this in every process whose PYTHONPATH has this folder. SANDBOX_HOSTS is a hosts file, read again when it
changes; SANDBOX_ADDRESS is the process's own address.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

HOSTS = os.environ.get("SANDBOX_HOSTS", "")
ADDRESS = os.environ.get("SANDBOX_ADDRESS", "")
EVERYWHERE = {"", "0.0.0.0"}
# A task has a loopback interface of its own, which its neighbours can't reach.
HERE = {"localhost", "127.0.0.1"}

_names: dict[str, str] = {}
_version: tuple[int, int] | None = None


def _resolve(host: Any) -> Any:
    global _names, _version
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str):
        return host
    if ADDRESS and name in HERE:
        return ADDRESS
    try:
        found = os.stat(HOSTS)  # noqa: PTH116 - pathlib would slow down every Python start
        if _version != (found.st_mtime_ns, found.st_ino):
            with open(HOSTS) as file:  # noqa: PTH123
                _names = {n: a for a, n in (line.split() for line in file)}
            _version = (found.st_mtime_ns, found.st_ino)
    except OSError:
        return host
    return _names.get(name.rstrip(".").lower(), host)


def _resolving(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        return original(_resolve(host), *args, **kwargs)

    return resolve


def _bind(self: socket.socket, address: Any) -> None:
    if self.family == socket.AF_INET and address[0] in EVERYWHERE | HERE:
        address = (ADDRESS, *address[1:])
    _original_bind(self, address)


_original_bind = socket.socket.bind

if HOSTS:
    socket.getaddrinfo = _resolving(socket.getaddrinfo)
    socket.gethostbyname = _resolving(socket.gethostbyname)
if ADDRESS:
    socket.socket.bind = _bind  # type: ignore[method-assign,assignment]
