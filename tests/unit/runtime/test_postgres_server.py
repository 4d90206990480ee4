"""A real PostgreSQL server, as the data plane of RDS runs it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import psycopg.conninfo
import pytest

from sandbox.lifecycle import clear
from sandbox.runtime.certificates import Authority
from sandbox.runtime.network import Network
from sandbox.runtime.postgres.server import Master, Postgres
from sandbox.services.rds.parameters import catalogue
from sandbox.services.rds.servers import PROFILE
from tests.support import nets
from tests.support.paths import STRANGE
from tests.support.waiting import HANGS_SECONDS, until

NAME = "orders.example.us-east-1.rds.amazonaws.com"
MASTER = Master("orders_admin", "correct horse 'battery'", "orders")
ROWS = 100
FORCED = {"rds.force_ssl": "1"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp(STRANGE)
    yield folder
    clear(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def authority(root: Path) -> Authority:
    return Authority(root)


@pytest.fixture(scope="module")
def server(root: Path, authority: Authority) -> Iterator[Postgres]:
    address = Network(root, nets.OWN).address("node/orders")
    server = Postgres(root, "orders", root / "databases/orders", address, authority.issue([NAME], [address]), PROFILE)
    server.create(MASTER, FORCED)
    yield server
    server.stop()


def connect(server: Postgres, **options: str) -> psycopg.Connection:
    login = {"user": MASTER.user, "password": MASTER.password, "dbname": "orders"}
    given = {"host": server.address, "sslmode": "require", "connect_timeout": f"{HANGS_SECONDS:.0f}"}
    conninfo = psycopg.conninfo.make_conninfo("", **{**given, **login, **options})
    return psycopg.connect(conninfo, autocommit=True)


def value(server: Postgres, statement: str) -> object:
    with connect(server) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row and row[0]


def test_the_certificate_proves_name_and_address(server: Postgres, authority: Authority) -> None:
    verified = {"sslmode": "verify-full", "sslrootcert": str(authority.certificate)}
    with connect(server, **verified) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with connect(server, host=NAME, hostaddr=server.address, **verified) as connection:
        assert connection.pgconn.ssl_in_use
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        connect(server, host="else.example", hostaddr=server.address, **verified)


def test_a_stranger_ca_is_not_trusted(server: Postgres, tmp_path: Path) -> None:
    stranger = Authority(tmp_path).certificate
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(server, sslmode="verify-full", sslrootcert=str(stranger))


def test_plain_connections_are_refused_only_when_ssl_is_forced(server: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry.*no encryption"):
        connect(server, sslmode="disable")
    server.configure({"rds.force_ssl": "0"})
    with connect(server, sslmode="disable") as connection:
        assert not connection.pgconn.ssl_in_use
    server.configure(FORCED)
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        connect(server, sslmode="disable")


def test_the_master_is_an_rds_superuser_and_owns_its_database(server: Postgres) -> None:
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'orders'"
    assert value(server, owner) == MASTER.user
    assert value(server, "SELECT pg_has_role('rds_superuser', 'member')") is True
    assert value(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert value(server, "SHOW rds.force_ssl") == "1"


def test_a_changed_password_replaces_the_old_one(server: Postgres) -> None:
    server.set_password(MASTER.user, "another-password")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(server)
    connect(server, password="another-password").close()
    server.set_password(MASTER.user, MASTER.password)
    connect(server).close()


def test_dynamic_parameters_act_at_once_and_static_ones_wait(server: Postgres) -> None:
    changed = {**FORCED, "log_min_duration_statement": "250", "max_connections": "77"}
    assert server.configure(changed) == {"max_connections"}
    assert value(server, "SHOW log_min_duration_statement") == "250ms"
    assert value(server, "SHOW max_connections") != "77"
    server.restart(changed)
    assert value(server, "SHOW max_connections") == "77"
    assert server.configure(FORCED) == {"max_connections"}
    assert value(server, "SHOW log_min_duration_statement") == "-1"


def test_every_parameter_of_the_table_is_the_servers(server: Postgres) -> None:
    # Names with a dot are RDS's own or an extension's.
    known = server.query("SELECT lower(name) FROM pg_settings WHERE context <> 'internal'")
    assert {name for name in catalogue() if "." not in name} <= {name for (name,) in known}


def test_committed_rows_survive_a_killed_server(server: Postgres) -> None:
    connection = connect(server)
    connection.execute("CREATE TABLE seen (id int PRIMARY KEY)")
    connection.execute("INSERT INTO seen SELECT generate_series(1, %s)", (ROWS,))
    connection.execute("BEGIN; INSERT INTO seen VALUES (0)")
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive())
    server.start()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("COMMIT")
    assert value(server, "SELECT count(*) FROM seen") == ROWS


@pytest.mark.parametrize("way", ["removed", "cleared by the next `down`"])
def test_a_killed_server_leaves_nothing_in_the_machine_s_memory(root: Path, tmp_path: Path, way: str) -> None:
    """The kernel has room for 4,096 such segments; after so many kills no PostgreSQL would start on the machine."""
    address = Network(root, nets.OWN).address("node/short")
    server = Postgres(
        tmp_path, "short", tmp_path / "databases/short", address, Authority(tmp_path).issue([NAME], [address]), PROFILE
    )
    server.create(MASTER, FORCED)
    assert list((server.data / "pg_dynshmem").iterdir())  # not in /dev/shm
    segment = (server.data / "postmaster.pid").read_text().splitlines()[6].split()[1]
    assert segment in segments()
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive())
    assert segment in segments()
    if way == "removed":
        server.remove()
    else:
        clear(tmp_path)
    assert segment not in segments()


def segments() -> set[str]:
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()}


def test_a_killed_backend_takes_no_committed_row_with_it(server: Postgres) -> None:
    with connect(server) as before:
        before.execute("CREATE TABLE IF NOT EXISTS seen (id int PRIMARY KEY)")
        before.execute("TRUNCATE seen")
        before.execute("INSERT INTO seen SELECT generate_series(1, %s)", (ROWS,))
    postmaster, connection = server.pid, connect(server)
    connection.execute("BEGIN; INSERT INTO seen VALUES (0)")
    os.kill(connection.info.backend_pid, signal.SIGKILL)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("COMMIT")
    until(server.ready)
    assert value(server, "SELECT count(*) FROM seen") == ROWS
    assert server.pid == postmaster


def test_no_secret_is_seen_in_processes_logs_or_open_files(server: Postgres) -> None:
    secret = (server.folder / "rdsadmin.password").read_text()
    assert MASTER.password not in server.log.read_text()
    assert secret not in server.log.read_text()
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        assert secret.encode() not in _read(line)
    wide = [path for path in server.folder.rglob("*") if path.stat().st_mode & 0o077]
    assert wide == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
