"""A real primary and its standby: what a failover keeps, and what it would lose without synchrony."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sandbox.lifecycle import clear
from sandbox.runtime.certificates import Authority
from sandbox.runtime.network import Network
from sandbox.runtime.postgres import pair as postgres_pair
from sandbox.runtime.postgres.pair import Pair
from sandbox.runtime.postgres.server import Master, Postgres, PostgresError
from sandbox.services.rds.servers import PROFILE
from tests.support import nets
from tests.support.paths import STRANGE
from tests.support.waiting import until

MASTER = Master("orders_admin", "a password of some length", "orders")
PARAMETERS = {"rds.force_ssl": "1"}
WRITERS = 3


class Site:
    """Create servers by name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._network = Network(root, nets.OWN)
        self._authority = Authority(root)

    def server(self, name: str) -> Postgres:
        address = self._network.address(name)
        identity = self._authority.issue(["orders.example"], [address])
        return Postgres(self.root, name, self.root / "databases" / name, address, identity, PROFILE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp(STRANGE)
    yield Site(root)
    clear(root)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def servers(site: Site) -> Iterator[Pair]:
    pair = Pair(site.server("a"))
    pair.primary.create(MASTER, PARAMETERS)
    with connect(pair.primary) as connection:
        connection.execute("CREATE TABLE rows (writer int, number int)")
    yield pair
    pair.remove()


@pytest.fixture
def pair(servers: Pair, site: Site) -> Pair:
    """Return a synchronous pair without rows, whatever the test before did to it."""
    if not servers.synchronous:
        servers.attach(site.server("b" if servers.primary.label == "a" else "a"), PARAMETERS)
    with connect(servers.primary) as connection:
        connection.execute("TRUNCATE rows")
    return servers


class Writers:
    """Insert rows in several threads, and remember which were acknowledged."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self.acknowledged: list[tuple[int, int]] = []
        self._threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(WRITERS)]
        for thread in self._threads:
            thread.start()

    def _write(self, writer: int) -> None:
        number = 0
        try:
            with connect(self._server) as connection:
                while True:
                    connection.execute("INSERT INTO rows VALUES (%s, %s)", (writer, number))
                    self.acknowledged.append((writer, number))
                    number += 1
        except psycopg.OperationalError:
            return

    def reach(self, rows: int) -> None:
        until(lambda: len(self.acknowledged) >= rows)

    def lost(self, server: Postgres) -> set[tuple[int, int]]:
        """Return the acknowledged rows that `server` lacks; the old primary has ended by now."""
        for thread in self._threads:
            thread.join()
        with connect(server) as connection:
            return set(self.acknowledged) - set(connection.execute("SELECT writer, number FROM rows").fetchall())


def connect(server: Postgres) -> psycopg.Connection:
    return psycopg.connect(
        host=server.address,
        user=MASTER.user,
        password=MASTER.password,
        dbname="orders",
        sslmode="require",
        autocommit=True,
    )


def children(server: Postgres) -> Iterator[tuple[int, str]]:
    """Yield the server's processes and their titles."""
    folder = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    for pid in folder.read_text().split():
        yield int(pid), Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def freeze(server: Postgres) -> None:
    """Stop its walreceiver, whose connection stays open."""
    (receiver,) = (pid for pid, title in children(server) if "walreceiver" in title)
    os.kill(receiver, signal.SIGSTOP)


def test_a_failover_loses_no_acknowledged_row_and_the_next_one_neither(pair: Pair, site: Site) -> None:
    for rows in (100, 200):
        old, writers = pair.primary, Writers(pair.primary)
        writers.reach(rows)
        old.kill()
        shutil.rmtree(old.data)
        assert not old.intact()
        pair.fail_over(PARAMETERS)
        assert writers.lost(pair.primary) == set()
        assert pair.standby is None
        pair.attach(site.server(old.label), PARAMETERS)
        assert pair.synchronous
    assert [row[0] for row in pair.primary.query("SELECT count(*) FROM pg_stat_replication")] == [1]


def test_an_asynchronous_standby_would_lose_rows(pair: Pair) -> None:
    """The negative control of the test above: it can see a loss."""
    assert pair.standby
    pair.primary.require(None)
    until(lambda: pair.primary.query("SHOW synchronous_standby_names") == [("",)])
    freeze(pair.standby)
    writers = Writers(pair.primary)
    writers.reach(100)
    pair.fail_over(PARAMETERS)
    assert len(writers.lost(pair.primary)) >= 100


def test_writes_wait_for_a_silent_standby_until_the_primary_goes_on_alone(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pair.standby
    assert not pair.standby_lost()
    freeze(pair.standby)
    writers = Writers(pair.primary)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    until(lambda: pair.primary.query(waiting) == [(WRITERS,)])
    assert writers.acknowledged == []
    monkeypatch.setattr(postgres_pair, "SILENCE", 1.5)
    until(pair.standby_lost)
    pair.detach()
    writers.reach(WRITERS)
    with pytest.raises(PostgresError, match="no standby"):  # it lacks rows that were acknowledged since
        pair.fail_over(PARAMETERS)
    pair.primary.kill()
    pair.primary.start()
    assert writers.lost(pair.primary) == set()


def test_a_standby_serves_nobody_and_follows_parameters(pair: Pair, site: Site) -> None:
    assert pair.standby
    with pytest.raises(psycopg.OperationalError, match="Hot standby mode is disabled"):
        connect(pair.standby)
    fewer = {**PARAMETERS, "max_connections": "33"}  # than its primary's, which no hot standby could bear
    pair.restart(fewer)
    assert pair.primary.query("SHOW max_connections") == [("33",)]
    pair.fail_over({**PARAMETERS, "max_connections": "44"})
    assert pair.primary.query("SHOW max_connections") == [("44",)]


def test_a_backup_of_a_running_server_starts_elsewhere(pair: Pair, site: Site) -> None:
    with connect(pair.primary) as connection:
        connection.execute("INSERT INTO rows SELECT 0, generate_series(1, 10)")
    copy = site.server("copy")
    pair.primary.back_up(copy.folder)
    assert list(copy.folder.parent.glob("*.part")) == []
    pair.stop()  # the copy still has its address
    copy.address = pair.primary.address
    copy.start()
    with connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM rows").fetchone() == (10,)
    copy.remove()
    pair.primary.start()
