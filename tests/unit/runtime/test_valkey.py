"""A real Valkey server, as the data plane of ElastiCache runs it."""

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

from sandbox.runtime import valkey
from sandbox.runtime.network import Network
from sandbox.runtime.processes import end_all
from sandbox.runtime.valkey import PORT, Valkey
from sandbox.services.elasticache.servers import RESTRICTED_COMMANDS
from tests.support import nets
from tests.support.waiting import until

TOKEN = "first-token-of-16-characters"
PARAMETERS = {"maxmemory-policy": "allkeys-lru"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    root = tmp_path_factory.mktemp("sandbox")
    address = Network(root, nets.OWN).address("node/sessions")
    server = Valkey(root, "sessions", root / "caches/sessions", address, RESTRICTED_COMMANDS)
    server.create([TOKEN], PARAMETERS)
    yield server
    server.stop()
    end_all(root)
    shutil.rmtree(root)


def test_the_server_is_the_wheels_or_the_one_in_the_folder_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SANDBOX_VALKEY_BINDIR", raising=False)
    assert os.access(valkey.binary(), os.X_OK)
    monkeypatch.setattr(valkey, "find_spec", lambda name: None)
    with pytest.raises(valkey.ValkeyError, match=r"no valkey-server.*SANDBOX_VALKEY_BINDIR"):
        valkey.binary()
    monkeypatch.setenv("SANDBOX_VALKEY_BINDIR", str(tmp_path))
    assert valkey.binary() == tmp_path / "valkey-server"


def client(server: Valkey, token: str | None = TOKEN) -> Any:
    once = Retry(NoBackoff(), 0)  # by default a refused AUTH is tried for seconds
    return redis.Redis(server.address, PORT, password=token, decode_responses=True, retry=once)


def test_auth_is_demanded(server: Valkey) -> None:
    assert client(server).ping()
    with pytest.raises(redis.AuthenticationError):
        client(server, "another-token-of-16-characters").ping()
    with pytest.raises(redis.AuthenticationError):
        client(server, None).ping()


def test_clients_may_not_reconfigure_the_server(server: Valkey) -> None:
    for command in ("CONFIG GET maxmemory", "SHUTDOWN", "REPLICAOF NO ONE", "ACL DELUSER default"):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client(server).execute_command(*command.split())
    assert client(server).set("still", "writable")


@pytest.mark.parametrize(
    ("version", "has", "lacks"),
    [
        ("7.0", "FUNCTION LIST", "WAITAOF 0 0 0"),
        ("7.2", "WAITAOF 0 0 0", "CLIENT CAPA redirect"),
        ("8.0", "CLIENT CAPA redirect", "COMMANDLOG LEN slow"),
        ("8.1", "COMMANDLOG LEN slow", "HEXPIRE h 1 FIELDS 1 f"),
    ],
)
def test_clients_may_not_call_what_their_version_does_not_have_yet(
    server: Valkey, version: str, has: str, lacks: str
) -> None:
    server.configure([TOKEN], PARAMETERS, version)
    for restarted in (False, True):
        if restarted:
            server.kill()
            server.start()
        client(server).execute_command(*has.split())
        with pytest.raises(redis.exceptions.NoPermissionError):
            client(server).execute_command(*lacks.split())
    server.configure([TOKEN], PARAMETERS)
    client(server).execute_command(*lacks.split())


def test_tokens_and_parameters_change_without_losing_data(server: Valkey) -> None:
    client(server).set("kept", "yes")
    server.configure([TOKEN, "second-token-of-16-chars"], {"maxmemory-policy": "volatile-ttl"})
    assert client(server, "second-token-of-16-chars").get("kept") == "yes"
    assert client(server).get("kept") == "yes"
    assert server.client().config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-ttl"}
    server.configure(["second-token-of-16-chars"], PARAMETERS)
    with pytest.raises(redis.AuthenticationError):
        client(server).ping()
    server.configure([TOKEN], PARAMETERS)


def test_a_killed_node_comes_back_empty_with_its_configuration(server: Valkey) -> None:
    client(server).set("session", "alice")
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive())
    server.start()
    assert client(server).get("session") is None
    assert server.client().config_get("maxmemory-policy") == PARAMETERS
    with pytest.raises(redis.AuthenticationError):
        client(server, None).ping()


def test_a_replica_has_it_all_refuses_writes_and_can_take_over(server: Valkey) -> None:
    client(server).set("session", "alice")
    address = Network(server.root, nets.OWN).address("node/replica")
    replica = Valkey(server.root, "replica", server.folder.with_name("replica"), address, RESTRICTED_COMMANDS)
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


@pytest.mark.parametrize("name", ["a blank", "it's", 'a "quote"', "100% #1", "back\\slash", "a[b]*?", "käse", "$HOME"])
def test_any_folder_will_do(server: Valkey, tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    node = Valkey(
        root, "other", root / "caches/other", Network(server.root, nets.OWN).address("node/other"), RESTRICTED_COMMANDS
    )
    try:
        node.create([TOKEN], PARAMETERS)
        assert node.client().config_get("dir") == {"dir": str(node.folder)}
        with pytest.raises(redis.AuthenticationError):
            client(node, None).ping()
    finally:
        node.remove()
        end_all(root)


@pytest.mark.parametrize("value", ["KEl", "lxgE$"])
def test_a_parameter_is_in_force_as_it_was_given(server: Valkey, value: str) -> None:
    server.configure([TOKEN], PARAMETERS | {"notify-keyspace-events": value})
    told = server.client().config_get("notify-keyspace-events")["notify-keyspace-events"]
    assert told and set(told) == set(value)
    server.stop()
    server.start()
    assert server.client().config_get("notify-keyspace-events") == {"notify-keyspace-events": told}
    server.configure([TOKEN], PARAMETERS)


def test_no_secret_is_seen_in_processes_or_open_files(server: Valkey) -> None:
    command = Path(f"/proc/{server.pid}/cmdline").read_bytes()
    assert TOKEN.encode() not in command
    assert TOKEN not in (server.folder / "valkey.conf").read_text()
    assert TOKEN not in server.log.read_text()
    assert [path for path in server.folder.rglob("*") if path.stat().st_mode & 0o077] == []
