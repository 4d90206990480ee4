"""ELBv2's data plane: requests through a load balancer, created by boto3, to real servers."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

import pytest
import yaml

from sandbox.config import CHECKOUT
from sandbox.runtime.envoy import Envoy
from sandbox.services.cloudwatch.controller import CloudWatchController
from tests.support.sandbox.balancing import HOST, Balancing, balancing, to, weighted
from tests.support.sandbox.dataplane import eventually
from tests.support.waiting import HANGS_SECONDS
from tests.unit.runtime.upstreams import Upstream, upstream

BLUE, GREEN = "10.20.0.11", "10.20.1.12"
REDIRECT = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}


class Stack:
    """A load balancer with two target groups on one weighted rule, and a server for each."""

    def __init__(self, at: Balancing, servers: ExitStack) -> None:
        self.at = at
        self.balancer = at.balancer("stack")
        self.groups = {name: at.group(name) for name in ("blue", "green")}
        self.listener = listener = at.https(self.balancer, to(self.groups["blue"]))
        action = {"Type": "redirect", "RedirectConfig": REDIRECT}
        at.listener(self.balancer, 80, Protocol="HTTP", DefaultActions=[action])
        (rule,) = at.elb.create_rule(
            ListenerArn=listener,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Priority=100,
            Actions=[self.forward(1, 0)],
        )["Rules"]
        self.rule = rule["RuleArn"]
        self._hurry()
        self.blue = servers.enter_context(upstream("blue", self.locate(BLUE)))
        self.green = servers.enter_context(upstream("green", self.locate(GREEN)))
        self.trust = ssl.create_default_context(cafile=str(at.stage.sandbox.authority.certificate))

    def _hurry(self) -> None:
        """Check more often than AWS allows (5 s), so that tests are short."""
        for name in self.groups:
            with self.group(name) as group:
                group.health_check_interval_seconds = 0.2
                group.healthy_threshold_count = 2

    @contextmanager
    def short_checks(self, name: str) -> Iterator[None]:
        """Limit a group's health checks to half a second as long as the context lasts."""
        with self.group(name) as group:
            group.health_check_timeout_seconds = 0.4
        yield
        with self.group(name) as group:
            group.health_check_timeout_seconds = HANGS_SECONDS

    def group(self, name: str) -> AbstractContextManager[Any]:
        return self.at.record(self.groups[name])

    def locate(self, ip: str) -> str:
        return self.at.stage.sandbox.network.address(f"ip/{self.at.stage.vpc}/{ip}")

    @property
    def address(self) -> str:
        return str(eventually(lambda: self.at.stage.sandbox.network.lookup(self.dns_name)))

    @property
    def dns_name(self) -> str:
        return str(self.balancer["DNSName"])

    def forward(self, blue: int, green: int) -> dict[str, Any]:
        return weighted(blue=(self.groups["blue"], blue), green=(self.groups["green"], green))

    def shift(self, blue: int, green: int) -> None:
        self.at.elb.modify_rule(RuleArn=self.rule, Actions=[self.forward(blue, green)])

    def register(self, name: str, ip: str) -> None:
        target = {"Id": ip, "Port": 8000}
        self.at.elb.register_targets(TargetGroupArn=self.groups[name], Targets=[target])

    def deregister(self, name: str, ip: str) -> None:
        target = {"Id": ip, "Port": 8000}
        self.at.elb.deregister_targets(TargetGroupArn=self.groups[name], Targets=[target])

    def state(self, name: str, ip: str) -> tuple[str, str | None, str | None] | None:
        return self.at.health(self.groups[name]).get(ip)

    def healthy(self, name: str, ip: str) -> bool:
        return self.state(name, ip) == ("healthy", None, None)

    def get(self, path: str = "/") -> tuple[int, dict[str, Any]]:
        with socket.create_connection((self.address, 8443), timeout=HANGS_SECONDS) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = HTTPSConnection(HOST, context=self.trust)
            connection.sock = self.trust.wrap_socket(plain, server_hostname=HOST)
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            return response.status, json.loads(body) if body.startswith(b"{") else {}

    def answers(self) -> str | None:
        return self.get()[1].get("name")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with balancing(tmp_path_factory.mktemp("traffic")) as at, ExitStack() as servers:
        yield Stack(at, servers)


@pytest.fixture
def both(stack: Stack) -> Stack:
    """Return the stack with both servers registered and healthy, and all traffic to blue."""
    for server in (stack.blue, stack.green):
        restore(server)
    stack.register("blue", BLUE)
    stack.register("green", GREEN)
    stack.shift(1, 0)
    eventually(lambda: stack.healthy("blue", BLUE) and stack.healthy("green", GREEN))
    eventually(lambda: stack.answers() == "blue")
    return stack


def restore(server: Upstream) -> None:
    server.status = 200
    server.holds.set()
    server.arrived.clear()
    server.release.clear()


def test_weights_move_the_traffic(both: Stack) -> None:
    assert {both.answers() for _ in range(20)} == {"blue"}
    both.shift(0, 1)
    eventually(lambda: both.answers() == "green")
    assert {both.answers() for _ in range(20)} == {"green"}


def test_plain_http_is_redirected(stack: Stack) -> None:
    connection = HTTPConnection(stack.address, 8080, timeout=HANGS_SECONDS)
    connection.request("GET", "/fees?term=1", headers={"Host": HOST})
    response = connection.getresponse()
    assert response.status == 301
    assert response.getheader("Location") == f"https://{HOST}:443/fees?term=1"
    assert response.getheader("Server") == "awselb/2.0"
    connection.close()


def test_health_says_why(both: Stack) -> None:
    both.blue.status = 500
    mismatch = "Health checks failed with these codes: [500]"
    expected = ("unhealthy", "Target.ResponseCodeMismatch", mismatch)
    eventually(lambda: both.state("blue", BLUE) == expected)
    assert both.get()[0] == 500, "with no healthy target the group fails open"
    both.blue.status = 200
    eventually(lambda: both.healthy("blue", BLUE))
    with both.short_checks("blue"):
        both.blue.holds.clear()
        eventually(lambda: (both.state("blue", BLUE) or ())[1:2] == ("Target.Timeout",))
        both.blue.holds.set()
    eventually(lambda: both.healthy("blue", BLUE))


def test_a_target_that_boots_is_given_time(stack: Stack) -> None:
    """Until as many checks have failed as make it unhealthy: none of the first does."""
    with stack.group("green") as group:
        group.unhealthy_threshold_count = 10**6
    stack.register("green", "10.20.1.99")
    initial = ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
    eventually(lambda: stack.state("green", "10.20.1.99") == initial)
    with stack.group("green") as group:
        group.unhealthy_threshold_count = 5
    observed = []

    def failed() -> bool:
        observed.append(stack.state("green", "10.20.1.99"))
        return observed[-1] == ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")

    eventually(failed)
    assert {state for state, *_ in filter(None, observed)} <= {"initial", "unhealthy"}
    stack.deregister("green", "10.20.1.99")


def test_a_new_target_needs_one_good_check_whatever_failed_before(stack: Stack) -> None:
    group, ip = stack.at.group("slow", HealthyThresholdCount=10, HealthCheckIntervalSeconds=300), "10.20.1.98"
    stack.groups["slow"] = group
    stack.at.elb.create_rule(
        ListenerArn=stack.listener,
        Conditions=[{"Field": "path-pattern", "Values": ["/slow/*"]}],
        Priority=50,
        Actions=[to(group)],
    )
    with upstream("slow", stack.locate(ip)) as server:
        server.status = 503
        stack.register("slow", ip)
        eventually(lambda: server.asked)  # Envoy's first check has failed
        server.status = 200
        eventually(lambda: stack.healthy("slow", ip))  # ten checks more would take the better part of an hour
    stack.deregister("slow", ip)


def test_a_deregistered_target_drains(both: Stack) -> None:
    both.at.elb.modify_target_group_attributes(
        TargetGroupArn=both.groups["blue"],
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "3600"}],
    )
    answers: list[Any] = []
    inflight = threading.Thread(target=lambda: answers.append(both.get("/slow")[1]["name"]), daemon=True)
    inflight.start()
    assert both.blue.arrived.wait(HANGS_SECONDS)
    both.deregister("blue", BLUE)
    draining = "Target deregistration is in progress"
    assert both.state("blue", BLUE) == ("draining", "Target.DeregistrationInProgress", draining)
    eventually(lambda: both.get()[0] == 503)
    with both.group("blue") as group:
        group.deregistered_targets[BLUE]["Until"] = 0.0  # the delay is over
    eventually(lambda: both.state("blue", BLUE) is None)
    assert not answers
    both.blue.release.set()
    inflight.join(HANGS_SECONDS)
    assert answers == ["blue"]


class Minutes:
    """CloudWatch's minutes, each as long as the test needs."""

    def __init__(self, stack: Stack, patch: pytest.MonkeyPatch) -> None:
        self.balancer = stack.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]
        self.cloudwatch = stack.at.stage.client("cloudwatch")
        for _, _, backend in stack.at.stage.sandbox.state.backends("cloudwatch"):
            backend.metric_data = []
        self._controller = CloudWatchController(stack.at.stage.sandbox)
        patch.setattr(self._controller, "_now", lambda: self._controller._minute + 1)
        self.ends()

    def ends(self) -> None:
        self._controller.reconcile()

    def metrics(self, group: str = "") -> set[str]:
        """Return the metrics of the load balancer, or of one of its groups; without response times, which come late."""
        filters = [{"Name": "LoadBalancer", "Value": self.balancer}]
        filters += [{"Name": "TargetGroup", "Value": group.rpartition(":")[2]}] if group else []
        found = self.cloudwatch.list_metrics(Namespace="AWS/ApplicationELB", Dimensions=filters)["Metrics"]
        names = {one["MetricName"] for one in found if len(one["Dimensions"]) == len(filters)}
        return names - {"TargetResponseTime"}

    def watch(self, name: str) -> None:
        """Create an alarm as the role `monitoring` does."""
        role = CHECKOUT / "roles/monitoring"
        options = yaml.safe_load((role / "defaults/main.yml").read_text())
        queries = yaml.safe_load((role / "vars/main.yml").read_text())[f"__monitoring_{name}"]
        for query in queries:
            query["MetricStat"]["Metric"]["Dimensions"] = [{"Name": "LoadBalancer", "Value": self.balancer}]
        self.cloudwatch.put_metric_alarm(
            AlarmName=name,
            Metrics=queries,
            ComparisonOperator="GreaterThanThreshold",
            Threshold=options[f"monitoring_{name}"],
            EvaluationPeriods=options["monitoring_periods"],
            DatapointsToAlarm=options["monitoring_datapoints"],
            TreatMissingData="notBreaching",
        )

    def state(self, name: str) -> str:
        return str(self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


def test_without_a_target_no_group_has_metrics_and_the_alarm_rings(
    both: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.deregister("blue", BLUE)
    eventually(lambda: both.get()[0] == 503)
    minutes = Minutes(both, monkeypatch)
    minutes.watch("unserved")
    minutes.ends()
    assert minutes.state("unserved") == "OK"
    for _ in range(2):
        assert {both.get()[0] for _ in range(6)} == {503}
        minutes.ends()
    assert minutes.metrics() == {"HTTPCode_ELB_503_Count", "HTTPCode_ELB_5XX_Count"}
    assert minutes.metrics(both.groups["blue"]) == {"HealthyHostCount", "UnHealthyHostCount"}
    assert minutes.state("unserved") == "ALARM"


def test_a_target_that_nobody_listens_at_is_a_request_without_an_answer(
    both: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.deregister("blue", BLUE)
    both.register("blue", "10.20.1.97")
    eventually(lambda: both.get()[0] == 502)
    minutes = Minutes(both, monkeypatch)
    assert both.get()[0] == 502
    minutes.ends()
    asked = {"RequestCount", "TargetConnectionErrorCount"}
    assert minutes.metrics() == {"HTTPCode_ELB_502_Count", "HTTPCode_ELB_5XX_Count", *asked}
    assert minutes.metrics(both.groups["blue"]) == {"HealthyHostCount", "UnHealthyHostCount", *asked}
    both.deregister("blue", "10.20.1.97")


def test_targets_keep_their_health_while_envoy_is_down(both: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: Envoy) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(Envoy, "health", silent)
    both.at.stage.sandbox.state.changed.set()
    assert {both.state("blue", BLUE) for _ in range(5)} == {("healthy", None, None)}


def test_deleted_nobody_listens(stack: Stack) -> None:
    address = stack.address
    stack.at.elb.delete_load_balancer(LoadBalancerArn=stack.balancer["LoadBalancerArn"])

    def refused() -> bool:
        try:
            socket.create_connection((address, 8443), timeout=HANGS_SECONDS).close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(refused)
    assert stack.state("blue", BLUE) in (
        None,
        (
            "unused",
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        ),
    )
