"""A real Envoy in front of two tiny real servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from sandbox.runtime.certificates import Authority
from sandbox.runtime.envoy import (
    Cluster,
    Endpoint,
    Envoy,
    FixedResponse,
    Forward,
    HealthCheck,
    HttpListener,
    Match,
    Redirect,
    Route,
    TcpListener,
    Tls,
)
from tests.support import nets
from tests.support.paths import STRANGE
from tests.support.waiting import HANGS_SECONDS, until
from tests.unit.runtime.upstreams import Upstream, upstream

NET = nets.OWN
HOST = "app.campshub360.example"
FRONT = f"{NET}.9.1"
BLUE, GREEN = Endpoint(f"{NET}.9.11", 8000, "10.20.1.11"), Endpoint(f"{NET}.9.12", 8000)
CHECK = HealthCheck("/readyz", interval=0.1, timeout=HANGS_SECONDS, unhealthy_threshold=2)


@dataclass
class Stage:
    """The Envoy under test and what stands behind it."""

    envoy: Envoy
    tls: Tls
    trust: ssl.SSLContext
    blue: Upstream
    green: Upstream
    log: Path

    def serve(self, *routes: Route, clusters: tuple[Cluster, ...] = (), **options: Any) -> None:
        """Serve routes over HTTPS; by default blue and green are clusters of one server each."""
        clusters = clusters or (
            Cluster("blue", (BLUE,), replace(CHECK, user_agent="Checker/1.0")),
            Cluster("green", (GREEN,), CHECK),
        )
        listener = HttpListener("web", FRONT, 8443, routes, self.tls, public_port=443, **options)
        self.envoy.set("test", [listener], clusters)
        until(lambda: self.healthy() >= {one.name for one in clusters})

    def healthy(self) -> set[str]:
        return {
            name
            for name, endpoints in self.envoy.health().items()
            if endpoints and all(one.healthy for one in endpoints.values())
        }

    def get(self, path: str = "/", host: str = HOST, **headers: str) -> tuple[int, dict[str, Any]]:
        status, _, body = self.raw(path, host, **headers)
        return status, json.loads(body) if body.startswith(b"{") else {"text": body.decode()}

    def raw(self, path: str = "/", host: str = HOST, **headers: str) -> tuple[int, dict[str, str], bytes]:
        with socket.create_connection((FRONT, 8443), timeout=HANGS_SECONDS) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = HTTPSConnection(host, context=self.trust)
            connection.sock = self.trust.wrap_socket(plain, server_hostname=HOST)
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, response.read()

    def answers(self, path: str = "/") -> str | None:
        """Return the name of the server that answers; None while none listens."""
        try:
            return str(self.get(path)[1].get("name"))
        except OSError:
            return None


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp(STRANGE)
    authority = Authority(root)
    envoy = Envoy(root, (f"{NET}.9.3", 9901))
    envoy.start()
    with upstream("blue", BLUE.address) as blue, upstream("green", GREEN.address) as green:
        trust = ssl.create_default_context(cafile=str(authority.certificate))
        tls = Tls((authority.issue([HOST, "*.tier1.example"]),))
        yield Stage(envoy, tls, trust, blue, green, root / "log" / "envoy.log")
    envoy.stop()


@pytest.fixture(autouse=True)
def well(stage: Stage) -> Iterator[None]:
    for server in (stage.blue, stage.green):
        server.status = 200
        server.holds.set()
        server.arrived.clear()
        server.release.clear()
    yield
    rejected = [line for line in stage.log.read_text().splitlines() if "rejected" in line]
    assert not rejected, "Envoy refused a configuration"


def weighted(blue: int, green: int) -> Route:
    return Route(Forward((("blue", blue), ("green", green))))


def test_weights_move_the_traffic(stage: Stage) -> None:
    stage.serve(weighted(1, 0))
    until(lambda: stage.answers() == "blue")
    assert {stage.answers() for _ in range(20)} == {"blue"}
    stage.serve(weighted(1, 1))
    until(lambda: stage.answers() == "green")
    counts = Counter(stage.answers() for _ in range(100))
    assert set(counts) == {"blue", "green"}
    assert min(counts.values()) > 20
    stage.serve(weighted(0, 1))
    until(lambda: {stage.answers() for _ in range(10)} == {"green"})


def test_stickiness_beats_weights(stage: Stage) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html"""

    def sticky(blue: int, green: int) -> None:
        stage.serve(Route(Forward((("blue", blue), ("green", green)), sticky_seconds=60, sticky_cookie="AWSALBTG")))

    sticky(1, 0)
    until(lambda: "set-cookie" in stage.raw()[1])
    cookie = stage.raw()[1]["set-cookie"]
    assert cookie.startswith("AWSALBTG=") and "Max-Age=60" in cookie and "blue" not in cookie
    bound = {"Cookie": f"theme=dark; {cookie.partition(';')[0]}; lang=en"}
    sticky(0, 1)
    until(lambda: stage.answers() == "green")
    assert {stage.get(**bound)[1]["name"] for _ in range(10)} == {"blue"}
    assert stage.raw(**bound)[1]["set-cookie"] == cookie
    assert stage.get(Cookie="AWSALBTG=of-another-load-balancer")[1]["name"] == "green"


def test_what_the_target_is_told(stage: Stage) -> None:
    stage.serve(weighted(1, 0))
    until(lambda: stage.answers() == "blue")
    _, sent_back, _ = stage.raw()
    assert not [name for name in sent_back if name.startswith("x-envoy")]
    _, answer = stage.get("/path?query=1", **{"X-Forwarded-For": "192.0.2.7"})
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert answer["path"] == "/path?query=1"
    assert headers["host"] == HOST
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-port"] == "443"
    assert headers["x-forwarded-for"].startswith("192.0.2.7,")
    assert not [name for name in headers if name.startswith("x-envoy")]


def test_rules_in_order(stage: Stage) -> None:
    stage.serve(
        Route(FixedResponse(403, "no", "text/html"), Match(paths=("/admin/*",))),
        Route(Redirect(host="new.example", path="/moved/{path}"), Match(paths=("/old/*",))),
        Route(Forward((("green", 1),)), Match(hosts=("*.tier1.example",))),
        weighted(1, 0),
    )
    until(lambda: stage.raw("/admin/x")[0] == 403)
    _, headers, body = stage.raw("/admin/x")
    assert (headers["content-type"], body) == ("text/html", b"no")
    status, headers, _ = stage.raw("/old/page?a=1")
    assert (status, headers["location"]) == (301, "https://new.example/moved/old/page?a=1")
    assert stage.get(host="x.tier1.example")[1]["name"] == "green"
    assert stage.answers() == "blue"


def test_plain_http_is_redirected(stage: Stage) -> None:
    address = f"{NET}.9.2"
    routes = (Route(Redirect(scheme="https", port=443)),)
    listener = HttpListener("plain", address, 8080, routes, public_port=80)
    stage.envoy.set("redirect", [listener])

    def location() -> str | None:
        connection = HTTPConnection(address, 8080, timeout=HANGS_SECONDS)
        try:
            connection.request("GET", "/a?b=1", headers={"Host": HOST})
            return connection.getresponse().getheader("location")
        except ConnectionError:
            return None
        finally:
            connection.close()

    until(location)
    assert location() == f"https://{HOST}:443/a?b=1"
    stage.envoy.set("redirect")
    until(lambda: location() is None)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_below_1_2_is_refused(stage: Stage) -> None:
    stage.serve(weighted(1, 0))
    until(lambda: stage.answers() == "blue")
    stage.trust.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    stage.trust.set_ciphers("ALL:@SECLEVEL=0")
    try:
        stage.trust.maximum_version = ssl.TLSVersion.TLSv1_2
        assert stage.answers() == "blue"
        stage.trust.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            stage.raw()
    finally:
        stage.trust.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED


def test_an_unhealthy_endpoint_gets_nothing_until_it_recovers(stage: Stage) -> None:
    both = Cluster("both", (BLUE, GREEN), CHECK)
    stage.serve(Route(Forward((("both", 1),))), clusters=(both,))
    until(lambda: {stage.answers() for _ in range(10)} == {"blue", "green"})
    stage.blue.status = 500
    until(lambda: not stage.envoy.health()["both"][BLUE.address, 8000].healthy)
    assert {stage.answers() for _ in range(10)} == {"green"}
    stage.blue.status = 200
    until(lambda: stage.envoy.health()["both"][BLUE.address, 8000].healthy)
    until(lambda: {stage.answers() for _ in range(10)} == {"blue", "green"})


@pytest.mark.parametrize(("fail_open", "expected"), [(True, 500), (False, 503)])
def test_no_healthy_endpoint(stage: Stage, fail_open: bool, expected: int) -> None:
    one = Cluster(f"open-{fail_open}", (BLUE,), CHECK, fail_open=fail_open)
    stage.serve(Route(Forward(((one.name, 1),))), clusters=(one,))
    until(lambda: stage.answers() == "blue")
    stage.blue.status = 500
    until(lambda: not stage.envoy.health()[one.name][BLUE.address, 8000].healthy)
    assert stage.raw()[0] == expected


def test_a_check_that_takes_too_long_says_so(stage: Stage) -> None:
    slow = Cluster("slow", (BLUE,), replace(CHECK, timeout=0.2))
    stage.serve(Route(Forward((("slow", 1),))), clusters=(slow,))
    stage.blue.holds.clear()
    until(lambda: stage.envoy.health()["slow"][BLUE.address, 8000].timed_out)


def test_nobody_there_is_a_bad_gateway(stage: Stage) -> None:
    nobody = Cluster("nobody", (Endpoint(f"{NET}.9.99", 8000),))
    stage.serve(Route(Forward((("nobody", 1),))), clusters=(nobody,))
    until(lambda: stage.raw()[0] == 502)
    stage.envoy.set("test")


def test_draining_lets_requests_finish(stage: Stage) -> None:
    def cluster(*endpoints: Endpoint) -> Cluster:
        return Cluster("both", endpoints, CHECK)

    stage.serve(Route(Forward((("both", 1),))), clusters=(cluster(BLUE),))
    until(lambda: stage.answers() == "blue")
    answers: list[str | None] = []
    inflight = threading.Thread(target=lambda: answers.append(stage.answers("/slow")), daemon=True)
    inflight.start()
    assert stage.blue.arrived.wait(HANGS_SECONDS)
    stage.serve(Route(Forward((("both", 1),))), clusters=(cluster(GREEN),))
    until(lambda: {stage.answers() for _ in range(10)} == {"green"})
    assert not answers
    stage.blue.release.set()
    inflight.join(HANGS_SECONDS)
    assert answers == ["blue"]


def test_a_silent_target_times_out(stage: Stage) -> None:
    stage.serve(weighted(1, 0), idle_timeout=0.3)
    until(lambda: stage.answers() == "blue")
    before = stage.envoy.statistics()["web"].silent
    assert stage.raw("/slow")[0] == 504
    assert stage.envoy.statistics()["web"].silent == before + 1


def test_tcp_passes_through_or_terminates_tls(stage: Stage) -> None:
    listeners = [
        TcpListener("pass", f"{NET}.9.4", 5432, "tcp"),
        TcpListener("terminate", f"{NET}.9.4", 6379, "tcp", stage.tls),
    ]
    stage.envoy.set("tcp", listeners, [Cluster("tcp", (BLUE,))])

    def status(port: int, *, tls: bool) -> int | None:
        try:
            with socket.create_connection((f"{NET}.9.4", port), timeout=HANGS_SECONDS) as plain:
                connection = HTTPConnection(HOST)
                connection.sock = stage.trust.wrap_socket(plain, server_hostname=HOST) if tls else plain
                connection.request("GET", "/")
                return connection.getresponse().status
        except OSError:
            return None

    until(lambda: status(5432, tls=False) == 200)
    until(lambda: status(6379, tls=True) == 200)
    stage.envoy.set("tcp")


def test_statistics_a_cluster(stage: Stage) -> None:
    counted = Cluster("counted", (BLUE,))
    stage.serve(Route(Forward((("counted", 1),))), clusters=(counted,))
    until(lambda: stage.answers() == "blue")
    before = stage.envoy.statistics()["counted"]
    stage.get()
    stage.blue.status = 503
    stage.get()
    after = stage.envoy.statistics()["counted"]
    assert after.requests - before.requests == 2
    assert after.responses_5xx - before.responses_5xx == 1
    assert after.completed - before.completed == 2
    until(lambda: sum(stage.envoy.statistics()["counted"].times.values()) == after.completed)


def test_it_comes_back_with_the_same_configuration(stage: Stage) -> None:
    stage.serve(weighted(0, 1))
    until(lambda: stage.answers() == "green")
    killed = stage.envoy.pid
    assert killed
    os.kill(killed, signal.SIGKILL)
    until(lambda: stage.envoy.pid not in (killed, None))
    until(lambda: stage.answers() == "green")


def test_names_belong_to_one_owner(stage: Stage) -> None:
    stage.envoy.set("one", clusters=[Cluster("shared")])
    with pytest.raises(ValueError, match="two: names used twice in Envoy: shared"):
        stage.envoy.set("two", clusters=[Cluster("shared")])
    stage.envoy.set("one")
