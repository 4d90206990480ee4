"""Loopback addresses by name, and host names that the sandbox's processes resolve."""

from __future__ import annotations

import json
import os
import threading
from itertools import chain
from pathlib import Path

RESOLVER = Path(__file__).parent / "resolver"
FIRST, LAST = 256, 65_534  # net.1.0 to net.255.254: net.0.* is for the sandbox itself


class Network:
    """Allocate addresses of 127.0.0.0/8 and publish host names for them, both under root."""

    def __init__(self, root: Path, net: str) -> None:
        self.hosts = root / "hosts"
        self._net = net
        self._file = root / "addresses.json"
        self._lock = threading.RLock()
        self._numbers: dict[str, int] = _read_json(self._file)
        self._names: dict[str, str] = read_hosts(self.hosts)
        self._last = max(self._numbers.values(), default=FIRST)
        if not self.hosts.exists():  # a second reader must not undo what the first publishes
            self._tell(self._names)

    def address(self, name: str) -> str:
        """Return the address of a name; allocated once, the same from then on."""
        with self._lock:
            if name not in self._numbers:
                number = self._free()
                self._keep({**self._numbers, name: number})
                self._last = number
            high, low = divmod(self._numbers[name], 256)
            return f"{self._net}.{high}.{low}"

    def release(self, name: str) -> None:
        """Free the address of a name; another name may get it, though not soon."""
        with self._lock:
            if name in self._numbers:
                self._keep({known: number for known, number in self._numbers.items() if known != name})

    def publish(self, hostname: str, address: str) -> None:
        """Make the sandbox's processes resolve a host name to an address."""
        with self._lock:
            if self._names.get(hostname.lower()) != address:
                self._tell({**self._names, hostname.lower(): address})

    def withdraw(self, hostname: str) -> None:
        """Remove a published host name."""
        with self._lock:
            if hostname.lower() in self._names:
                self._tell({known: address for known, address in self._names.items() if known != hostname.lower()})

    def lookup(self, hostname: str) -> str | None:
        """Return the address published for a host name, or None."""
        with self._lock:
            return self._names.get(hostname.lower())

    def names(self) -> dict[str, str]:
        """Return all published host names with their addresses."""
        with self._lock:
            return dict(self._names)

    def environment(self, address: str) -> dict[str, str]:
        """Return variables that make a Python process use an address and resolve published names."""
        return {
            "PYTHONPATH": str(RESOLVER),
            "SANDBOX_ADDRESS": address,
            "SANDBOX_HOSTS": str(self.hosts),
        }

    def _free(self) -> int:
        taken = set(self._numbers.values())
        # Onwards from the last one, so that an address rests before it means something else.
        onwards = chain(range(self._last + 1, LAST + 1), range(FIRST + 1, self._last + 1))
        for number in onwards:
            if number not in taken:
                return number
        raise RuntimeError(f"No loopback address is left in {self._net}.0.0/16: sandbox down")

    # On disk first: what a full disk did not take is not known, and so it is tried again.

    def _keep(self, numbers: dict[str, int]) -> None:
        _write(self._file, json.dumps(numbers, indent=1))
        self._numbers = numbers

    def _tell(self, names: dict[str, str]) -> None:
        _write(self.hosts, "".join(f"{a} {name}\n" for name, a in sorted(names.items())))
        self._names = names


def read_hosts(path: Path) -> dict[str, str]:
    """Return names and addresses of a hosts file; none if there is no file."""
    if not path.exists():
        return {}
    lines = (line.split() for line in path.read_text().splitlines())
    return {name: address for address, name in lines}


def _read_json(path: Path) -> dict[str, int]:
    content: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    return content


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    beside.replace(path)
