"""A real Redis server, as the data plane of ElastiCache runs it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.runtime.network import Network
from sandbox.runtime.processes import sweep
from sandbox.runtime.redis import PORT, Redis
from tests import nets
from tests.waiting import until

TOKEN = "first-token-of-16-characters"
PARAMETERS = {"maxmemory-policy": "allkeys-lru"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    root = tmp_path_factory.mktemp("sandbox")
    address = Network(root, nets.OWN).address("node/sessions")
    server = Redis(root, "sessions", root / "caches/sessions", address)
    server.create([TOKEN], PARAMETERS)
    yield server
    server.stop()
    sweep(root)
    shutil.rmtree(root)


def client(server: Redis, token: str | None = TOKEN) -> Any:
    once = Retry(NoBackoff(), 0)  # by default a refused AUTH is tried for seconds
    return redis.Redis(server.address, PORT, password=token, decode_responses=True, retry=once)


def test_auth_is_demanded(server: Redis) -> None:
    assert client(server).ping()
    with pytest.raises(redis.AuthenticationError):
        client(server, "another-token-of-16-characters").ping()
    with pytest.raises(redis.AuthenticationError):
        client(server, None).ping()


def test_clients_may_not_reconfigure_the_server(server: Redis) -> None:
    for command in ("CONFIG GET maxmemory", "SHUTDOWN", "REPLICAOF NO ONE", "ACL DELUSER default"):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client(server).execute_command(*command.split())
    assert client(server).set("still", "writable")


def test_tokens_and_parameters_change_without_losing_data(server: Redis) -> None:
    client(server).set("kept", "yes")
    server.configure([TOKEN, "second-token-of-16-chars"], {"maxmemory-policy": "volatile-ttl"})
    assert client(server, "second-token-of-16-chars").get("kept") == "yes"
    assert client(server).get("kept") == "yes"
    assert server.client().config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-ttl"}
    server.configure(["second-token-of-16-chars"], PARAMETERS)
    with pytest.raises(redis.AuthenticationError):
        client(server).ping()
    server.configure([TOKEN], PARAMETERS)


def test_a_killed_node_comes_back_empty_with_its_configuration(server: Redis) -> None:
    client(server).set("session", "alice")
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive())
    server.start()
    assert client(server).get("session") is None
    assert server.client().config_get("maxmemory-policy") == PARAMETERS
    with pytest.raises(redis.AuthenticationError):
        client(server, None).ping()


def test_a_replica_has_it_all_refuses_writes_and_can_take_over(server: Redis) -> None:
    client(server).set("session", "alice")
    address = Network(server.root, nets.OWN).address("node/replica")
    replica = Redis(server.root, "replica", server.folder.with_name("replica"), address)
    replica.create([TOKEN], PARAMETERS, server)
    assert client(replica).get("session") == "alice"
    with pytest.raises(redis.exceptions.ReadOnlyError):
        client(replica).set("session", "bob")
    replica.kill()
    replica.start()  # empty, but for what the primary gives it
    assert client(replica).get("session") == "alice"
    replica.promote()
    client(replica).set("session", "bob")
    server.follow(replica)
    until(lambda: client(server).get("session") == "bob")
    server.promote()
    replica.remove()


def test_no_secret_is_seen_in_processes_or_open_files(server: Redis) -> None:
    command = Path(f"/proc/{server.pid}/cmdline").read_bytes()
    assert TOKEN.encode() not in command
    assert TOKEN not in (server.folder / "redis.conf").read_text()
    assert TOKEN not in server.log.read_text()
    assert [path for path in server.folder.rglob("*") if path.stat().st_mode & 0o077] == []
