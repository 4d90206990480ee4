"""Families of cache parameters: their parameters and defaults, compared with the server's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.runtime.network import Network
from sandbox.runtime.processes import end_all
from sandbox.runtime.valkey import Valkey
from sandbox.services.elasticache.families import CATALOGUES, FAMILIES, engine, in_force, parameter_error
from sandbox.services.elasticache.servers import RESTRICTED_COMMANDS
from tests.support import nets


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    root = tmp_path_factory.mktemp("families")
    server = Valkey(
        root,
        "families",
        root / "caches/families",
        Network(root, nets.OWN).address("node/families"),
        RESTRICTED_COMMANDS,
    )
    server.create([], {})
    yield server
    server.stop()
    end_all(root)
    shutil.rmtree(root)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_server_knows_each_parameter_of_a_family_and_keeps_its_default(server: Valkey, family: str) -> None:
    told = in_force(family, {}, "cache.t3.micro")
    server.remove()
    server.create([], told)
    held: Any = server.client().config_get("*")
    assert {name: held.get(name) for name in told} == told


@pytest.mark.parametrize(
    ("name", "family", "other"),
    [
        ("hash-max-ziplist-value", "redis6.x", "redis7"),
        ("zset-max-listpack-value", "redis7", "redis6.x"),
        ("latency-tracking", "valkey7", "redis6.x"),
        ("activerehashing", "redis6.x", "valkey8"),
        ("lazyfree-lazy-expire", "valkey7", "valkey8"),
        ("extended-redis-compatibility", "valkey8", "valkey7"),
    ],
)
def test_a_parameter_of_one_family_is_refused_in_another(name: str, family: str, other: str) -> None:
    default = CATALOGUES[family][name].default
    assert parameter_error(family, name, default) is None
    assert (
        parameter_error(other, name, default) == f"Parameter {name} is invalid or not supported by the family {other}."
    )


@pytest.mark.parametrize(
    ("family", "name", "value", "accepted"),
    [
        ("valkey8", "maxmemory-samples", "64", True),
        ("valkey8", "maxmemory-samples", "65", False),
        ("redis7", "maxmemory-samples", "65", True),
        ("redis7", "slowlog-log-slower-than", "-1", True),
        ("redis7", "timeout", "-1", False),
        ("redis7", "notify-keyspace-events", "KEA", True),
        ("redis7", "maxclients", "1", False),
    ],
)
def test_values_are_held_to_their_bounds(family: str, name: str, value: str, accepted: bool) -> None:
    assert (parameter_error(family, name, value) is None) is accepted


@pytest.mark.parametrize(
    ("name", "version", "family", "commands"),
    [
        ("redis", "7.1", "redis7", "7.0"),
        ("redis", "7", "redis7", "7.0"),
        ("redis", "6.x", "redis6.x", "6.2"),
        ("redis", None, "redis7", "7.0"),
        ("valkey", "8.0", "valkey8", "8.0"),
        ("valkey", None, "valkey8", "8.1"),
    ],
)
def test_a_version_has_a_family_and_the_commands_of_its_time(
    name: str, version: str | None, family: str, commands: str
) -> None:
    found = engine(name, version)
    assert found and (found.family, found.commands) == (family, commands)


def test_there_is_no_engine_of_another_version() -> None:
    assert engine("redis", "8.0") is None
    assert engine("memcached", None) is None
