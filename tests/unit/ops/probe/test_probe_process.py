"""The probe as a companion of a play: reads its token itself, says when it is ready, and ends with its owner."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.aws.secrets import SecretError
from ops.probe.client import Client
from ops.probe.heartbeat import read_back, tokens
from ops.probe.results import requests_in, summarise
from ops.process.companion import CompanionError, runs, start, stop
from plugins.action.probe import PROBE
from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET
from tests.support.ops.canaries import SENDABLE, TEXTS, leaks
from tests.support.ops.served_app import TOKEN, ServedApp, serving
from tests.support.sandbox import api_only
from tests.support.waiting import HANGS_SECONDS, until

SECRET = "campus/heartbeat-token"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[api_only.LocalApi]:
    with api_only.serving(tmp_path_factory.mktemp("api") / "root") as local:
        local.client("secretsmanager").create_secret(Name=SECRET, SecretString=TOKEN)
        yield local


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApp]:
    with serving(tmp_path / "server") as there:
        yield there


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[bytes]]:
    """Stands for ansible-playbook."""
    with subprocess.Popen(["sleep", "infinity"]) as process:
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


def config(served: ServedApp, record: Path, **changed: Any) -> dict[str, Any]:
    return {
        "url": served.url,
        "connect_to": served.connect_to,
        "ca": served.ca,
        "results": str(record),
        "name": "run-1",
        "token_secret": SECRET,
        "rate": 50,
        "write_percent": 33,
        "paths": ["/"],
        "timeout_seconds": HANGS_SECONDS,
    } | changed


def until_requests(record: Path, count: int) -> None:
    until(lambda: len(requests_in(record)) >= count, "the probe sends nothing")


def test_it_runs_until_it_is_stopped_and_its_writes_are_found(
    api: api_only.LocalApi, served: ServedApp, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    record = tmp_path / "run" / "requests.jsonl"
    served.does.slow = {"/"}  # so that something is under way when it is stopped
    pid = start(PROBE, config(served, record), environment(api), owner.pid, record.with_suffix(".log"))
    words = Path(f"/proc/{pid}/cmdline").read_text() + record.with_suffix(".log").read_text()
    until_requests(record, 20)
    letting_go = threading.Timer(0.2, served.does.let_go.set)
    letting_go.start()
    assert stop(pid)
    sent = len(served.application.headers_seen)
    with Client(served.address()) as client:
        known = tokens(api.client("secretsmanager"), SECRET)
        seen = summarise(requests_in(record), read_back(client, "run-1", known))
    assert known == (TOKEN,)
    assert seen.requests == sent, "each request that was sent is told of"
    assert (seen.failed, seen.writes.lost, seen.writes.doubled) == (0, 0, 0)
    assert seen.writes.acknowledged == seen.writes.found != 0
    assert TOKEN not in words + record.read_text() + record.with_suffix(".log").read_text()
    assert not stop(pid), "it has ended"


def test_it_ends_with_its_owner(
    api: api_only.LocalApi, served: ServedApp, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    record = tmp_path / "requests.jsonl"
    pid = start(PROBE, config(served, record), environment(api), owner.pid, record.with_suffix(".log"))
    until_requests(record, 5)
    owner.kill()
    owner.wait()
    until(lambda: "ended, its play" in record.with_suffix(".log").read_text(), "it goes on")
    assert os.waitpid(pid, 0)[1] == 0
    assert len(served.application.headers_seen) == len(requests_in(record))


def test_without_its_token_it_does_not_start(
    api: api_only.LocalApi, served: ServedApp, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    desired = config(served, tmp_path / "requests.jsonl", token_secret="campus/nowhere")
    with pytest.raises(CompanionError, match="did not start: ProbeError: There is no secret campus/nowhere"):
        start(PROBE, desired, environment(api), owner.pid, tmp_path / "requests.log")
    assert served.application.headers_seen == []


def test_the_token_before_is_known_while_a_new_one_is_brought_in(api: api_only.LocalApi) -> None:
    secrets = api.client("secretsmanager")
    secrets.create_secret(Name="campus/rotated", SecretString="the-old-one")
    secrets.put_secret_value(SecretId="campus/rotated", SecretString="the-new-one")
    assert tokens(secrets, "campus/rotated") == ("the-new-one", "the-old-one")


def test_a_token_that_could_not_be_sent_does_not_matter_once_it_is_replaced(api: api_only.LocalApi) -> None:
    secrets = api.client("secretsmanager")
    secrets.create_secret(Name="campus/corrected", SecretString="the-new-one\n")
    with pytest.raises(SecretError, match=r"secret campus/corrected .* ends in a newline"):
        tokens(secrets, "campus/corrected")
    secrets.put_secret_value(SecretId="campus/corrected", SecretString="the-new-one")
    assert tokens(secrets, "campus/corrected") == ("the-new-one",)


@pytest.mark.parametrize("name", ["newline", "header injection", "beyond Latin-1", "null"])
def test_it_does_not_start_with_a_token_that_can_t_be_sent(
    api: api_only.LocalApi, served: ServedApp, owner: subprocess.Popen[bytes], tmp_path: Path, name: str
) -> None:
    value, log = TEXTS[name], tmp_path / "requests.log"
    api.client("secretsmanager").create_secret(Name=f"campus/{name}", SecretString=value)
    desired = config(served, tmp_path / "requests.jsonl", token_secret=f"campus/{name}")
    with pytest.raises(CompanionError, match=f"secret campus/{name} can't be sent") as refused:
        start(PROBE, desired, environment(api), owner.pid, log)
    assert leaks(f"{refused.value}{log.read_text()}", value) == set()


def test_nobody_else_finds_the_token_with_it(
    api: api_only.LocalApi, served: ServedApp, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """Not in its arguments and environment, which /proc shows, nor in a file that others may read; nor if it breaks."""
    value = SENDABLE["quotes"]
    api.client("secretsmanager").create_secret(Name="campus/quotes", SecretString=value)
    served.does.tokens, served.does.release = {value}, value  # an application that answers what it was sent
    record = tmp_path / "run" / "requests.jsonl"
    desired = config(served, record, token_secret="campus/quotes")
    pid = start(PROBE, desired, environment(api), owner.pid, record.with_suffix(".log"))
    until_requests(record, 5)
    of_process = "".join(Path(f"/proc/{pid}/{name}").read_text() for name in ("cmdline", "environ"))
    assert stop(pid)
    written = [path.read_text() for path in record.parent.iterdir()]
    assert leaks("".join([of_process, *written]), value) == set()
    assert {path.stat().st_mode & 0o077 for path in record.parent.iterdir()} == {0}


def test_a_probe_that_was_killed_is_seen_not_to_run(
    api: api_only.LocalApi, served: ServedApp, owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    record = tmp_path / "requests.jsonl"
    pid = start(PROBE, config(served, record), environment(api), owner.pid, tmp_path / "log")
    assert runs(pid)
    ended = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([ended], [], [])
    os.close(ended)
    assert not runs(pid)
    assert not stop(pid)
