"""A service behind two target groups: production traffic by weights, test traffic by a header."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.support.sandbox.balancing import Balancing, weighted
from tests.support.sandbox.cluster import REGISTRY, Stack
from tests.support.sandbox.dataplane import eventually
from tests.support.waiting import HANGS_SECONDS

PROGRAM = """\
import http.server, os, signal, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/slow":
            threading.Event().wait(0.5)
        ill = os.environ["VERSION"] == "ill" and self.path == "/readyz"
        self.send_response(503 if ill else 500 if self.path == "/fail" else 200)
        body = os.environ["VERSION"].encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""
TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "elasticloadbalancing:*", "Resource": "*"}],
}
HEADER = "X-Test-Traffic"
PAUSE_SECONDS = 0.01  # between two requests


class Colours:
    """Shorthand for a service `web` of two tasks, its deployments and its answers."""

    def __init__(self, there: Stack) -> None:
        self.there, self.ecs = there, there.ecs
        self.balancing = Balancing(there.stage)
        self.elb = self.balancing.elb
        self.blue, self.green = self._group("blue"), self._group("green")
        self.balancer = self.balancing.balancer("web")
        both = weighted(blue=(self.blue, 1), green=(self.green, 0))
        self.listener = self.balancing.listener(self.balancer, 80, Protocol="HTTP", DefaultActions=[both])
        header = {"HttpHeaderName": HEADER, "Values": ["yes"]}
        self.test_rule = self._rule(1, {"Field": "http-header", "HttpHeaderConfig": header}, both)
        self.rule = self._rule(2, {"Field": "path-pattern", "Values": ["/*"]}, both)
        iam = there.iam
        role = iam.create_role(RoleName="infrastructure", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        iam.put_role_policy(RoleName="infrastructure", PolicyName="p", PolicyDocument=json.dumps(POLICY))
        self.role = role["Arn"]
        there.image("web", PROGRAM)

    def _group(self, name: str) -> str:
        group = self.balancing.group(name)
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "1"}
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
        return group

    def _rule(self, priority: int, condition: dict[str, Any], action: dict[str, Any]) -> str:
        made = self.elb.create_rule(
            ListenerArn=self.listener, Priority=priority, Conditions=[condition], Actions=[action]
        )
        return str(made["Rules"][0]["RuleArn"])

    @property
    def load_balancers(self) -> list[dict[str, Any]]:
        advanced = {
            "alternateTargetGroupArn": self.green,
            "productionListenerRule": self.rule,
            "testListenerRule": self.test_rule,
            "roleArn": self.role,
        }
        port = {"targetGroupArn": self.blue, "containerName": "app", "containerPort": 8000}
        return [port | {"advancedConfiguration": advanced}]

    def define(self, version: str) -> str:
        variables = [{"name": "VERSION", "value": version}]
        return self.there.define(f"{REGISTRY}/app:web", family="web", environment=variables)

    def create(self, version: str, **configuration: Any) -> None:
        self.ecs.create_service(
            cluster="stack",
            serviceName="web",
            taskDefinition=self.define(version),
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration=self.there.network,
            loadBalancers=self.load_balancers,
            healthCheckGracePeriodSeconds=3600,
            deploymentConfiguration=configuration,
        )

    def deploy(self, version: str, **configuration: Any) -> str:
        """Start a deployment; return its ARN."""
        request = {"deploymentConfiguration": configuration} if configuration else {}
        answer = self.ecs.update_service(cluster="stack", service="web", taskDefinition=self.define(version), **request)
        return str(answer["service"]["currentServiceDeployment"])

    def service(self) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster="stack", services=["web"])["services"][0])

    def deployments(self) -> list[dict[str, Any]]:
        listed = self.ecs.list_service_deployments(cluster="stack", service="web")
        return list(listed["serviceDeployments"])

    def describe(self, arn: str) -> dict[str, Any]:
        found = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])
        return dict(found["serviceDeployments"][0])

    def ends(self, arn: str, status: str) -> dict[str, Any]:
        """Return the deployment when it has ended; fail if it ends in another status."""

        def there() -> dict[str, Any] | None:
            found = self.describe(arn)
            return found if "finishedAt" in found else None

        found: dict[str, Any] = eventually(there)
        assert found["status"] == status, found
        return found

    def pauses(self, arn: str, stage: str) -> str:
        """Return the id of the hook at which the deployment awaits an action."""

        def there() -> str | None:
            found = self.describe(arn)
            assert found["status"] in ("PENDING", "IN_PROGRESS"), found
            waiting = [h["hookId"] for h in found.get("lifecycleHookDetails", ()) if h["status"] == "AWAITING_ACTION"]
            return waiting[0] if waiting and found["lifecycleStage"] == stage else None

        return str(eventually(there))

    def time_out(self, hook: str) -> None:
        """Let the hook time out."""
        state = self.there.stage.sandbox.state
        with state.lock:
            services = (service for _, _, backend in state.backends("ecs") for service in backend.services.values())
            hooks = (one for service in services for rollout in service.rollouts for one in rollout.hooks)
            next(one for one in hooks if one.id == hook).expires_at = datetime.now(UTC)
        state.changed.set()

    def weights(self, rule: str = "") -> tuple[int, int]:
        """Return blue's and green's weights, on the production rule or another."""
        found = self.elb.describe_rules(RuleArns=[rule or self.rule])["Rules"][0]["Actions"][0]
        groups = {one["TargetGroupArn"]: one["Weight"] for one in found["ForwardConfig"]["TargetGroups"]}
        return groups[self.blue], groups[self.green]

    def bind(self, seconds: int) -> None:
        """Make clients that keep cookies stick to their target group."""
        action = self.elb.describe_rules(RuleArns=[self.rule])["Rules"][0]["Actions"][0]
        action["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": seconds}
        self.elb.modify_rule(RuleArn=self.rule, Actions=[action])

    @property
    def bound(self) -> int:
        """Return for how many seconds clients stick."""
        action = self.elb.describe_rules(RuleArns=[self.rule])["Rules"][0]["Actions"][0]
        return int(action["ForwardConfig"]["TargetGroupStickinessConfig"].get("DurationSeconds", 0))

    def connection(self) -> http.client.HTTPConnection:
        address = self.there.stage.sandbox.network.lookup(self.balancer["DNSName"])
        return http.client.HTTPConnection(str(address), 8080, timeout=HANGS_SECONDS)

    def get(self, path: str = "/", **headers: str) -> tuple[int, str]:
        connection = self.connection()
        try:
            return _ask(connection, path, headers)
        finally:
            connection.close()

    def tested(self) -> str:
        """Return the version that test traffic reaches."""
        return self.get(**{HEADER: "yes"})[1]

    @contextmanager
    def load(self, threads: int = 3) -> Iterator[Counter[tuple[int, str]]]:
        """Send requests on kept connections, some of them slow; count (status, version) of the answers."""
        answers: Counter[tuple[int, str]] = Counter()
        stop = threading.Event()

        def ask() -> None:
            connection, count = self.connection(), 0
            while not stop.is_set():
                count += 1
                try:
                    answers[_ask(connection, "/slow" if count % 50 == 0 else "/", {})] += 1
                except (OSError, http.client.HTTPException) as failure:
                    answers[0, repr(failure)] += 1
                    connection.close()
                stop.wait(PAUSE_SECONDS)
            connection.close()

        workers = [threading.Thread(target=ask, daemon=True) for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield answers
        finally:
            stop.set()
            for worker in workers:
                worker.join()


def pause(*stages: str, minutes: int = 20160, action: str = "ROLLBACK") -> dict[str, Any]:
    """Return a PAUSE hook with AWS's longest timeout, so that only the test ends it."""
    timeout = {"timeoutInMinutes": minutes, "action": action}
    return {"targetType": "PAUSE", "lifecycleStages": [*stages], "timeoutConfiguration": timeout}


def _ask(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, str]:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
