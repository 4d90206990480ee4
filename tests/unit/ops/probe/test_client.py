"""The kept connection, against a real server: what comes back is told as it was, and nothing is sent twice."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.probe.client import Address, Client, NoAnswerError, path_of
from plugins.modules import https_traffic
from plugins.modules.https_traffic import Question, send
from sandbox.runtime.certificates import Authority
from tests.support.ops.own_modules import call, environment
from tests.support.ops.served_app import NAME, TOKEN, ServedApp, serving
from tests.support.sandbox import api_only
from tests.support.waiting import HANGS_SECONDS, until

FIRST_PAGE = [Question("/", {})]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApp]:
    with serving(tmp_path / "server") as there:
        yield there


def impatient(client: Client, seconds: float) -> None:
    """Let it wait for so long from now on, on the connection that it has."""
    client.address = client._connection._address = replace(client.address, timeout=seconds)


def closed_by_the_server(client: Client) -> None:
    """Wait until the server's closing has arrived here."""
    sock = client._connection.sock
    assert sock is not None
    assert select.select([sock], [], [], HANGS_SECONDS)[0], "the server did not close it"


def test_a_connection_is_kept(served: ServedApp) -> None:
    with Client(served.address()) as client:
        assert [client.ask("GET", path).status for path in ("/", "/healthz", "/nowhere")] == [200, 200, 404]
        assert client.reconnected == 0
    assert served.application.connections == 1


def test_the_name_asked_for_is_the_url_s_wherever_it_connects(served: ServedApp) -> None:
    with Client(served.address()) as client:
        assert client.ask("GET", "/").release == "1.0.0"
    assert served.application.headers_seen[0]["host"] == NAME


def test_cookies_are_kept_as_a_browser_does(served: ServedApp) -> None:
    served.does.cookies = ["AWSALBTG=blue; Max-Age=60; Path=/", "theme=dark"]
    with Client(served.address()) as client:
        client.ask("GET", "/")
        served.does.cookies = ["theme=light"]
        client.ask("GET", "/")
        client.ask("GET", "/")
    with Client(served.address()) as another:
        another.ask("GET", "/")
    seen = [headers.get("cookie") for headers in served.application.headers_seen]
    assert seen == [None, "AWSALBTG=blue; theme=dark", "AWSALBTG=blue; theme=light", None]


def test_a_certificate_of_another_name_or_authority_is_not_trusted(served: ServedApp, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").certificate
    for address in (
        Address("https://other.campus.example", served.connect_to, served.ca),
        Address(served.url, served.connect_to, str(other)),
        Address(served.url, served.connect_to),
    ):
        with Client(address) as client, pytest.raises(NoAnswerError, match="certificate is not trusted"):
            client.ask("GET", "/")


def test_a_connection_closed_while_idle_is_opened_again_before_anything_is_sent(served: ServedApp) -> None:
    served.does.close_after = True
    with Client(served.address()) as client:
        for _ in range(3):
            assert client.ask("GET", "/").status == 200
            closed_by_the_server(client)
        assert client.reconnected == 2
    assert len(served.application.headers_seen) == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_an_answer_is_an_error_and_is_not_sent_again(served: ServedApp, method: str) -> None:
    path = "/api/heartbeat" if method == "POST" else "/"
    body = {"probe": "a", "sequence": 1} if method == "POST" else None
    with Client(served.address()) as client:
        assert client.ask("GET", "/healthz").status == 200
        served.does.hang_up = {path}
        with pytest.raises(NoAnswerError, match="closed without an answer"):
            client.ask(method, path, body)
        served.does.hang_up = set()
        assert client.ask("GET", "/healthz").status == 200
        assert client.reconnected == 0
    assert [seen["path"] for seen in served.application.headers_seen] == ["/healthz", path, "/healthz"]


def test_half_an_answer_is_none(served: ServedApp) -> None:
    served.does.half = {"/"}
    with Client(served.address()) as client, pytest.raises(NoAnswerError, match="broke off"):
        client.ask("GET", "/")


def test_a_late_answer_is_none(served: ServedApp) -> None:
    """Any other answer may take as long as it likes: the machine may be busy."""
    served.does.slow = {"/"}
    with Client(served.address()) as client:
        assert client.ask("GET", "/healthz").status == 200
        impatient(client, 0.2)
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.2 s"):
            client.ask("GET", "/")
        impatient(client, HANGS_SECONDS)
        served.does.let_go.set()
        assert client.ask("GET", "/healthz").status == 200, "the late answer must not be taken for the next one's"


def test_who_does_not_listen_refuses(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        address = Address("https://a.example", f"127.0.0.1:{port}")
        with Client(address) as client, pytest.raises(NoAnswerError, match="refused"):
            client.ask("GET", "/")


@pytest.mark.parametrize(
    ("url", "connect_to"), [("http://a.example", ""), ("https://", ""), ("https://a", "b"), ("https://a", "b:c")]
)
def test_what_is_no_address_is_said_at_once(url: str, connect_to: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Address(url, connect_to)


def test_parts_of_an_address() -> None:
    assert Address("https://a.example").destination == ("a.example", 443)
    assert Address("https://a.example:8443").destination == ("a.example", 8443)
    assert Address("https://a.example", "[::1]:8443").destination == ("::1", 8443)
    assert path_of("https://a.example/b?c=d") == "/b?c=d"
    assert path_of("https://a.example") == "/"


def test_traffic_is_sent_as_often_as_asked_and_failures_are_counted(served: ServedApp) -> None:
    assert send(served.address(), [Question("/", {"X-Test": "a"})], 50, 4, 30).sent == 50
    assert len(served.application.headers_seen) == 50
    assert {seen["x-test"] for seen in served.application.headers_seen} == {"a"}
    assert served.application.connections == 4
    served.does.statuses = {"/": 503}
    failed = send(served.address(), FIRST_PAGE, 10, 2, 30)
    assert (failed.sent, failed.failures) == (10, ("answered 503",) * 10)
    served.does.statuses = {"/": 404}
    assert not send(served.address(), FIRST_PAGE, 10, 2, 30).failures, "a 404 is an answer"


def test_traffic_is_spread_and_as_much_goes_to_what_serves_beside_it(served: ServedApp) -> None:
    begun = time.monotonic()
    sent = send(served.address(), [Question("/", {"X-Test": "a"})], 20, 4, 30, spread=1.0, alongside=True)
    assert time.monotonic() - begun >= 0.95, "the last of twenty goes after nineteen parts of the second"
    marked = ["x-test" in seen for seen in served.application.headers_seen]
    assert (sent.sent, marked.count(True), marked.count(False)) == (20, 20, 20)
    assert True in marked[:10] and False in marked[:10], "in the same moments"


def test_what_fails_beside_it_does_not_count(served: ServedApp) -> None:
    served.does.statuses = {"/": 503}
    assert len(send(served.address(), FIRST_PAGE, 5, 1, 30, alongside=True).failures) == 5


def test_traffic_tells_how_much_of_it_failed_and_how(served: ServedApp) -> None:
    served.does.statuses = {"/": 503}
    place: dict[str, Any] = {"url": served.url, "connect_to": served.connect_to, "ca": served.ca}
    said = call(https_traffic.main, count=10, region="us-east-1", **place)
    assert (said["sent"], said["requests_failed"], said["first_failure"]) == (10, 10, "answered 503")


def test_traffic_that_warms_asks_the_database_every_other_time(served: ServedApp, tmp_path: Path) -> None:
    with api_only.serving(tmp_path / "api") as api, environment(api):
        api.client("secretsmanager").create_secret(Name="test", SecretString="marked-as-a-test")
        api.client("secretsmanager").create_secret(Name="token", SecretString=TOKEN)
        place: dict[str, Any] = {"url": f"{served.url}/", "connect_to": served.connect_to, "ca": served.ca}
        secret: dict[str, Any] = {"header_name": "X-Test", "header_secret": "test", "token_secret": "token"}
        said = call(https_traffic.main, count=20, concurrency=4, region="us-east-1", **place, **secret)
    assert (said["sent"], said["requests_failed"]) == (20, 0)
    seen = served.application.headers_seen
    assert sorted(one["path"] for one in seen) == ["/"] * 10 + ["/api/heartbeat"] * 10
    assert {one["x-test"] for one in seen} == {"marked-as-a-test"}
    assert {one["path"] for one in seen if "authorization" in one} == {"/api/heartbeat"}, "the page is for anybody"


def test_traffic_ends_when_its_time_is_over(served: ServedApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way by then is awaited, and nothing more is sent."""
    served.does.slow, now = {"/"}, [0.0]
    monkeypatch.setattr(https_traffic, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=lambda _: None))
    with ThreadPoolExecutor() as pool:
        sent = pool.submit(send, served.address(), FIRST_PAGE, 5000, 2, 1.0)
        until(lambda: len(served.application.headers_seen) == 2)
        now[0] = 1.0
        served.does.let_go.set()
        assert sent.result().sent == 2


@pytest.mark.parametrize("value", ["a\nb", "a\n", "a\r\nX-Other: b", "a\0b", "a\x7f", "a€", "\n", "a\r"])
def test_a_header_that_can_t_be_sent_is_named_and_not_quoted(served: ServedApp, value: str) -> None:
    with Client(served.address()) as client:
        with pytest.raises(NoAnswerError) as refused:
            client.ask("GET", "/", headers={"X-Kept": "yes", "X-Odd": value})
        assert client.ask("GET", "/").status == 200
    assert str(refused.value) == "the header X-Odd can't be sent: it holds a character that HTTP does not allow there"
    assert len(served.application.headers_seen) == 1


@pytest.mark.parametrize("value", ["a", "a b", "a\tb", "", "%0a", "\\n", "'\"`$", "{{ x }}", "é", "a" * 8000])
def test_a_header_that_can_be_sent_is(served: ServedApp, value: str) -> None:
    with Client(served.address()) as client:
        assert client.ask("GET", "/", headers={"X-Odd": value}).status == 200
    assert served.application.headers_seen[0]["x-odd"] == value
