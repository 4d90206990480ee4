"""Every place that reads a secret, every way in which it fails, every odd value: no piece of it is in any output."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.client
import pytest
from ansible.module_utils.testing import patch_module_args  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from ops.probe.client import Client
from ops.probe.results import Log, Request
from plugins.modules import cache_group, https_traffic, listener_rule, probe, secret, smoke_test
from sandbox.runtime.certificates import Authority
from tests.support.ops.canaries import BINARY, SENDABLE, TEXTS, TOKENS, leaks
from tests.support.ops.own_modules import environment
from tests.support.ops.served_app import TOKEN, ServedApp, serving
from tests.support.sandbox import api_only

HEADER = "a-good-value-for-the-header"
CANARIES: dict[str, str | bytes] = {**TEXTS, "bytes": BINARY}
#: For the failures that come once a value was sent, or was found to be none that can be.
SAMPLE = ("plain", "quotes", "braces", "json", "4 KB", "backslash", "newline", "beyond Latin-1", "bytes")
Main = Callable[[], None]


@dataclass(frozen=True)
class World:
    """Secrets in an API, and an application that is asked with them."""

    api: api_only.LocalApi
    secrets: Any
    served: ServedApp
    folder: Path

    def put(self, name: str, value: str | bytes) -> str:
        """Keep a value as the secret's present one; its name."""
        kind = {"SecretBinary": value} if isinstance(value, bytes) else {"SecretString": value}
        self.secrets.put_secret_value(SecretId=name, **kind)
        return name

    def options(self, **more: Any) -> dict[str, Any]:
        return {"url": self.served.url, "connect_to": self.served.connect_to, "ca": self.served.ca, **more}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[api_only.LocalApi]:
    with api_only.serving(tmp_path_factory.mktemp("canaries") / "sandbox") as local, environment(local):
        for name in ("t/header", "t/token", "t/auth"):
            local.client("secretsmanager").create_secret(Name=name, SecretString=HEADER)
        yield local


@pytest.fixture
def world(api: api_only.LocalApi, tmp_path: Path) -> Iterator[World]:
    with serving(tmp_path / "server") as served:
        yield World(api, api.client("secretsmanager"), served, tmp_path)


def output(main: Main, options: dict[str, Any]) -> str:
    """All that a module writes, an exception that it lets through included: Ansible prints that too."""
    out, err = io.StringIO(), io.StringIO()
    given = patch_module_args({**options, "_ansible_diff": True, "_ansible_verbosity": 3})
    with given, redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit:
            pass
        except Exception:
            err.write(traceback.format_exc())
    return out.getvalue() + err.getvalue()


def text_of(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


# The places: each asks the application with the value, as its token or as its header.


def smoke_test_token(world: World, value: str | bytes, **more: Any) -> str:
    secrets = {"header_secret": world.put("t/header", HEADER), "token_secret": world.put("t/token", value)}
    options = world.options(release="1.0.0", header_name="X-Test-Traffic", timeout=2, **secrets)
    return output(smoke_test.main, {**options, **more})


def smoke_test_header(world: World, value: str | bytes, **more: Any) -> str:
    secrets = {"header_secret": world.put("t/header", value), "token_secret": world.put("t/token", TOKEN)}
    options = world.options(release="1.0.0", header_name="X-Test-Traffic", timeout=2, **secrets)
    return output(smoke_test.main, {**options, **more})


def traffic(world: World, value: str | bytes, **more: Any) -> str:
    options = world.options(count=2, concurrency=1, header_name="X-Test-Traffic", timeout=2)
    return output(https_traffic.main, {**options, "header_secret": world.put("t/header", value), **more})


def summarize_results(world: World, value: str | bytes, **more: Any) -> str:
    """The probe's second half: it looks for the writes that its record tells of."""
    record = world.folder / "requests.jsonl"
    Log(record)(Request(1.0, 2.0, "1.0.0", "write", 201, None, 1))
    options = world.options(state="stopped", results=str(record), name="run", timeout_seconds=2)
    return output(probe.main, {**options, "token_secret": world.put("t/token", value), **more})


PLACES = {place.__name__: place for place in (smoke_test_token, smoke_test_header, traffic, summarize_results)}


# The failures: each returns options that the place gets.


def none(world: World, value: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    world.served.does.tokens = {value, TOKEN}
    return {}


def wrong_status(world: World, value: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    world.served.does.statuses = dict.fromkeys(("/", "/healthz", "/readyz", "/api/heartbeat"), 500)
    return {}


def closed_without_an_answer(world: World, value: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    world.served.does.hang_up = {"/", "/healthz", "/api/heartbeat"}
    return {}


def broken_off(world: World, value: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    world.served.does.half = {"/", "/healthz", "/api/heartbeat"}
    return {}


def connection_refused(world: World, value: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return {"connect_to": f"127.0.0.1:{port}"}


def untrusted(world: World, value: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"ca": str(Authority(world.folder / "other").certificate)}


def echoed(world: World, value: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The application answers what it was sent."""
    world.served.does.release = value.strip().encode("latin-1", "ignore").decode("latin-1")
    world.served.does.bodies = {"/readyz": ('{"status": "no ' + repr(value)[1:-1] + '"}').encode(errors="replace")}
    return {}


def crash(world: World, value: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Something breaks that nobody has thought of, with what was sent in its words."""

    def ask(self: Client, method: str, path: str, body: object = None, headers: Any = None) -> None:
        raise RuntimeError(f"{method} {path} with {dict(headers or {})!r} and {value!a}")

    patch.setattr(Client, "ask", ask)
    return {}


FAILURES = (
    none,
    wrong_status,
    closed_without_an_answer,
    broken_off,
    connection_refused,
    untrusted,
    echoed,
    crash,
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_no_output_shows_a_piece_of_the_value(
    world: World, place: str, failure: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {}
    for name in CANARIES if failure in (none, crash) else SAMPLE:
        value = CANARIES[name]
        world.served.does.__init__()  # type: ignore[misc]
        with monkeypatch.context() as patch:
            if found := leaks(PLACES[place](world, value, **failure(world, text_of(value), patch)), text_of(value)):
                shown[name] = found
    assert shown == {}


def test_the_journal_of_calls_holds_none(world: World) -> None:
    for place in PLACES.values():
        place(world, SENDABLE["json"])
    journal = (world.api.settings.root / "api.jsonl").read_text()
    assert journal.count("PutSecretValue") > 3
    assert {name for name, value in CANARIES.items() if leaks(journal, text_of(value))} == set()


def test_a_timeout_shows_none_either(world: World) -> None:
    for value in (SENDABLE["plain"], TEXTS["newline"]):
        world.served.does.slow = {"/api/heartbeat"}
        assert leaks(smoke_test_token(world, value, timeout=0.1), value) == set()
        assert leaks(summarize_results(world, value, timeout_seconds=0.1), value) == set()


@pytest.mark.parametrize("name", [*SENDABLE, *TOKENS])
def test_a_value_that_can_be_sent_arrives_as_it_is(world: World, name: str) -> None:
    value = TEXTS[name]
    world.served.does.tokens = {value}
    assert '"passed": true' in smoke_test_token(world, value)
    if name in SENDABLE:
        assert '"passed": false' in smoke_test_header(world, value), "the token is another one"
        assert {one["x-test-traffic"] for one in world.served.application.headers_seen[-7:]} == {value}


@pytest.mark.parametrize("place", PLACES)
def test_a_value_that_can_t_be_sent_is_refused_by_its_secret_s_name(world: World, place: str) -> None:
    for name, value in CANARIES.items():
        header = place in ("smoke_test_header", "traffic")
        if name in SENDABLE or (name in TOKENS and not header):
            continue
        text = PLACES[place](world, value)
        desired = f"The value of the secret t/{'header' if header else 'token'} can't be"
        assert desired in text, (name, text)
    assert [one for one in world.served.application.headers_seen if one["path"] == "/api/heartbeat"] == []


# The places that hand a value to AWS, whose errors quote what was sent.


def quoting(patch: pytest.MonkeyPatch, *operations: str) -> list[str]:
    """Let AWS refuse these operations with the whole request in its words; passwords that it generated meanwhile."""
    original, generated = botocore.client.BaseClient._make_api_call, list[str]()

    def call(self: Any, operation: str, request: Any) -> Any:
        if operation in operations:
            error = {"Code": "ValidationError", "Message": f"not valid: {request!r} / {request}"}
            raise ClientError({"Error": error}, operation)
        answer = original(self, operation, request)
        if operation == "GetRandomPassword":
            generated.append(answer["RandomPassword"])
        return answer

    patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return generated


def crashing(patch: pytest.MonkeyPatch, *operations: str) -> list[str]:
    original, generated = botocore.client.BaseClient._make_api_call, list[str]()

    def call(self: Any, operation: str, request: Any) -> Any:
        if operation in operations:
            raise TypeError(f"no {operation} of {request!r}")
        answer = original(self, operation, request)
        if operation == "GetRandomPassword":
            generated.append(answer["RandomPassword"])
        return answer

    patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return generated


CACHE = {"name": "canary", "engine_version": "7.1", "node_type": "cache.t3.micro", "parameter_group": "default.redis7"}


@pytest.mark.parametrize("broken", [quoting, crashing])
def test_an_auth_token_is_in_no_error_of_aws(world: World, broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "CreateReplicationGroup")
    for name, value in CANARIES.items():
        text = output(cache_group.main, {**CACHE, "auth_secret": world.put("t/auth", value)})
        assert leaks(text, text_of(value)) == set(), name
        fit = name in ("plain", "number")
        assert ("The value of the secret t/auth can't be" in text) is not fit, (name, text)
        assert ("(CreateReplicationGroup)" in text or "no CreateReplicationGroup" in text) is fit, (name, text)


@pytest.mark.parametrize("broken", [quoting, crashing])
@pytest.mark.parametrize("username", [{}, {"username": "campshub360"}], ids=["text", "JSON"])
def test_a_generated_password_is_in_no_error_of_aws(
    world: World, broken: Any, username: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    generated = broken(monkeypatch, "CreateSecret")
    text = output(secret.main, {"name": "t/new", "kms_key_id": "alias/t", **username})
    (value,) = generated
    assert len(value) == 64
    assert "CreateSecret" in text
    assert leaks(text, value) == set()


@pytest.fixture(scope="module")
def listener(api: api_only.LocalApi) -> str:
    ec2, elb = api.client("ec2"), api.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.31.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.31.{at}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for at, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    name = {"Name": "canaries"}
    options = {"Protocol": "HTTP", "Port": 8000, "TargetType": "ip", "VpcId": vpc}
    group = elb.create_target_group(**name, **options)["TargetGroups"][0]["TargetGroupArn"]
    arn = elb.create_load_balancer(**name, Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    default = [{"Type": "forward", "TargetGroupArn": group}]
    made = elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=default)["Listeners"][0]
    return str(made["ListenerArn"])


@pytest.mark.parametrize("broken", [quoting, crashing])
def test_a_rule_s_header_is_in_no_error_of_aws(
    world: World, listener: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the secret's value nor the one that the rule has from before."""
    elb = world.api.client("elbv2")
    group = elb.describe_target_groups(Names=["canaries"])["TargetGroups"][0]["TargetGroupArn"]
    before = "the-value-that-it-had-before"
    config = {"HttpHeaderName": "X-Test-Traffic", "Values": [before]}
    elb.create_rule(
        ListenerArn=listener,
        Priority=50,
        Conditions=[{"Field": "http-header", "HttpHeaderConfig": config}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    options = {"load_balancer": "canaries", "port": 80, "header": "X-Test-Traffic", "target_groups": {"canaries": 1}}
    broken(monkeypatch, "ModifyRule", "CreateRule")
    for name, value in CANARIES.items():
        secrets = {"header_secret": world.put("t/header", value)}
        for priority in (50, 51):
            text = output(listener_rule.main, {**options, **secrets, "priority": priority})
            assert leaks(text, text_of(value)) | leaks(text, before) == set(), (name, priority)
            fit = name in SENDABLE
            assert ("The value of the secret t/header can't be" in text) is not fit, (name, text)
    monkeypatch.undo()
    with environment(world.api):
        text = output(listener_rule.main, {**options, **secrets, "priority": 50, "state": "absent"})
    assert '"changed": true' in text, "what is to go needs no value"


def test_the_cure_that_a_refusal_prints_cures(world: World) -> None:
    """Run as it is printed, with nothing but the file's name put in."""
    refusal = json.loads(smoke_test_token(world, TEXTS["newline"]))["msg"]
    _, _, cure = refusal.partition("without its last newline: ")
    (world.folder / "FILE").write_text(f"{TOKEN}\n\n")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = {**os.environ, "PATH": programs, "AWS_DEFAULT_REGION": os.environ["AWS_REGION"]}
    subprocess.run(cure, shell=True, check=True, cwd=world.folder, env=shell)
    assert world.secrets.get_secret_value(SecretId="t/token")["SecretString"] == TOKEN
