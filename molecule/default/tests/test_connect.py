"""The lines that `sandbox connect` prints work when pasted, and only over TLS and with the right secret."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.config import CHECKOUT
from sandbox.runtime.network import read_hosts
from tests.support.stack import NAME, STACK, Sandbox
from tests.support.waiting import HANGS_SECONDS


@pytest.fixture
def line(host: Any) -> Any:
    """The printed line for an application, database or cache that holds a word."""

    def find(what: str, word: str) -> str:
        printed = host.run(f"cd {CHECKOUT} && sandbox connect {what}")
        assert printed.rc == 0, printed.stderr
        lines: list[str] = printed.stdout.splitlines()
        return next(text for text in lines if word in text and not text.startswith("#"))

    return find


def bash(host: Any, command: str) -> Any:
    return host.run("bash -c " + shlex.quote(command))


def test_curl_reaches_the_application(host: Any, line: Any) -> None:
    answer = bash(
        host, f"{line('app', f'https://{NAME}')} --silent --fail --output /dev/null --write-out '%{{http_code}}'"
    )
    assert answer.stdout == "200", answer.stderr


def test_psql_reads_what_was_seeded(host: Any, line: Any) -> None:
    answer = bash(host, f"{line('database', 'verify-full')} -Atc 'select count(*) from campus_student'")
    assert answer.stdout.strip() == "2000", answer.stderr


def test_the_server_of_the_database_demands_tls(host: Any, line: Any) -> None:
    plain = line("database", "verify-full").replace("sslmode=verify-full", "sslmode=disable")
    answer = bash(host, f"{plain} -Atc 'select 1'")
    assert answer.rc != 0
    assert "no encryption" in answer.stderr


def test_another_certificate_is_not_trusted(host: Any, line: Any, root: Path) -> None:
    other = next((root / "certificates").glob("*.pem"))
    distrustful = line("database", "verify-full").replace(f"sslrootcert={root}/ca.pem", f"sslrootcert={other}")
    answer = bash(host, f"{distrustful} -Atc 'select 1'")
    assert answer.rc != 0
    assert "certificate verify failed" in answer.stderr


def test_parameters_of_the_group_are_those_of_the_server(host: Any, line: Any) -> None:
    assert bash(host, f"{line('database', 'verify-full')} -Atc 'show rds.force_ssl'").stdout.strip() in ("1", "on")


def test_redis_answers_who_knows_the_token(host: Any, line: Any) -> None:
    answer = bash(host, line("cache", "rediss"))
    assert "redis_version" in answer.stdout, answer.stderr


@pytest.mark.parametrize("token", ["guess", None], ids=["a wrong token", "no token"])
def test_redis_refuses(sandbox: Sandbox, root: Path, ca: Path, token: str | None) -> None:
    groups = sandbox.client("elasticache").describe_replication_groups(ReplicationGroupId=STACK)
    endpoint = groups["ReplicationGroups"][0]["NodeGroups"][0]["PrimaryEndpoint"]
    address = read_hosts(root / "hosts")[endpoint["Address"]]
    server = {"host": address, "port": endpoint["Port"], "password": token, "retry": Retry(NoBackoff(), 0)}
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(**server, ssl=True, ssl_ca_certs=str(ca), ssl_check_hostname=False).ping()
    with pytest.raises(redis.ConnectionError):
        redis.Redis(**server, socket_timeout=HANGS_SECONDS).ping()
