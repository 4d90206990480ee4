"""The probe as a companion of a play: reads its token itself, says when it is ready, and ends with its owner."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.heartbeat import read_back, tokens
from ansible.module_utils.https import Client
from ansible.module_utils.probing import requests_in, summarise

from plugins.action.probe import PROBER
from plugins.plugin_utils.companion import CompanionError, runs, start, stop
from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET
from tests.unit.plugins.outside import TOKEN, Outside, serving
from tests.unit.sandbox import api_only

SECRET = "campus/heartbeat-token"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[api_only.LocalApi]:
    with api_only.serving(tmp_path_factory.mktemp("api") / "root") as local:
        local.client("secretsmanager").create_secret(Name=SECRET, SecretString=TOKEN)
        yield local


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    with serving(tmp_path / "server") as there:
        yield there


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[bytes]]:
    """Stands for ansible-playbook."""
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def environment(api: api_only.LocalApi) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": api.settings.api_url,
        "AWS_CA_BUNDLE": str(api.authority.certificate),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET,
        "AWS_MAX_ATTEMPTS": "1",
    }


def config(outside: Outside, record: Path, **changed: Any) -> dict[str, Any]:
    return {
        "url": outside.url,
        "connect_to": outside.connect_to,
        "ca": outside.ca,
        "record": str(record),
        "name": "run-1",
        "token_secret": SECRET,
        "rate": 50,
        "write_percent": 33,
        "paths": ["/"],
        "timeout_seconds": 5,
    } | changed


def until_requests(record: Path, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(requests_in(record)) < count:
        assert time.monotonic() < deadline, "the probe sends nothing"
        time.sleep(0.02)


def test_it_runs_until_it_is_stopped_and_its_writes_are_found(
    api: api_only.LocalApi, outside: Outside, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    record = tmp_path / "run" / "requests.jsonl"
    outside.does.slow = {"/": 0.2}  # so that something is under way when it is stopped
    pid = start(PROBER, config(outside, record), environment(api), owner.pid, record.with_suffix(".log"))
    words = Path(f"/proc/{pid}/cmdline").read_text() + record.with_suffix(".log").read_text()
    until_requests(record, 40)
    assert stop(pid)
    sent = len(outside.application.headers_seen)
    with Client(outside.address()) as client:
        known = tokens(api.client("secretsmanager"), SECRET)
        seen = summarise(requests_in(record), read_back(client, "run-1", known))
    assert known == (TOKEN,)
    assert seen.requests == sent, "each request that was sent is told of"
    assert (seen.failed, seen.writes.lost, seen.writes.doubled) == (0, 0, 0)
    assert seen.writes.acknowledged == seen.writes.found != 0
    assert TOKEN not in words + record.read_text() + record.with_suffix(".log").read_text()
    assert not stop(pid), "it has ended"


def test_it_ends_with_its_owner(
    api: api_only.LocalApi, outside: Outside, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    record = tmp_path / "requests.jsonl"
    pid = start(PROBER, config(outside, record), environment(api), owner.pid, record.with_suffix(".log"))
    until_requests(record, 5)
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 20
    while "ended, its play" not in record.with_suffix(".log").read_text():
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.05)
    assert os.waitpid(pid, 0)[1] == 0
    assert len(outside.application.headers_seen) == len(requests_in(record))


def test_without_its_token_it_does_not_start(
    api: api_only.LocalApi, outside: Outside, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    wanted = config(outside, tmp_path / "requests.jsonl", token_secret="campus/nowhere")
    with pytest.raises(CompanionError, match="ResourceNotFoundException"):
        start(PROBER, wanted, environment(api), owner.pid, tmp_path / "requests.log")
    assert outside.application.headers_seen == []


def test_the_token_before_is_known_while_a_new_one_is_brought_in(api: api_only.LocalApi) -> None:
    secrets = api.client("secretsmanager")
    secrets.create_secret(Name="campus/rotated", SecretString="old")
    secrets.put_secret_value(SecretId="campus/rotated", SecretString="new")
    assert tokens(secrets, "campus/rotated") == ("new", "old")


def test_a_probe_that_was_killed_is_seen_not_to_run(
    api: api_only.LocalApi, outside: Outside, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    record = tmp_path / "requests.jsonl"
    pid = start(PROBER, config(outside, record), environment(api), owner.pid, tmp_path / "log")
    assert runs(pid)
    ended = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([ended], [], [])
    os.close(ended)
    assert not runs(pid)
    assert not stop(pid)
