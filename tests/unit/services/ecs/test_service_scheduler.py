"""Services: real tasks behind a real load balancer, replaced, rolled and drained."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws_api import status
from sandbox.services.ecs.controller import EcsController
from sandbox.services.elbv2.controller import ElbV2Controller
from tests.support.sandbox.balancing import Balancing, to
from tests.support.sandbox.cluster import Stack, forget, stack
from tests.support.sandbox.dataplane import eventually, running
from tests.support.waiting import HANGS_SECONDS

WEB = """\
import http.server, os, signal, sys, threading
ill = False
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        global ill
        ill = ill or self.path == "/sicken"
        self.send_response(503 if ill and self.path == "/readyz" else 200)
        body = f"{os.environ['VERSION']} {os.getpid()}".encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler)
def end(*_):
    print("ending", flush=True)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
server.serve_forever()
"""
DELAY = 1


class Web:
    """A service `web` of two tasks behind a load balancer."""

    def __init__(self, there: Stack) -> None:
        self.there, self.ecs = there, there.ecs
        balancing = Balancing(there.stage)
        self.elb = balancing.elb
        self.group = balancing.group("web")
        self.elb.modify_target_group_attributes(
            TargetGroupArn=self.group,
            Attributes=[
                {"Key": "deregistration_delay.timeout_seconds", "Value": str(DELAY)},
            ],
        )
        self.balancer = balancing.balancer("web")
        balancing.listener(self.balancer, 80, Protocol="HTTP", DefaultActions=[to(self.group)])
        self.balancing = balancing
        there.image("web", WEB)

    @contextmanager
    def draining(self) -> Iterator[None]:
        """Make deregistered targets drain as long as the context lasts."""
        delay = {"Key": "deregistration_delay.timeout_seconds"}
        self.elb.modify_target_group_attributes(TargetGroupArn=self.group, Attributes=[delay | {"Value": "3600"}])
        yield
        self.elb.modify_target_group_attributes(TargetGroupArn=self.group, Attributes=[delay | {"Value": str(DELAY)}])
        with self.balancing.record(self.group) as group:
            for target in group.deregistered_targets.values():
                target["Until"] = 0.0

    def health(self) -> dict[str, str]:
        """Return address -> state."""
        return {host: said[0] for host, said in self.balancing.health(self.group).items()}

    def define(self, version: str) -> str:
        image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:web"
        variables = [{"name": "VERSION", "value": version}]
        return self.there.define(image, family="web", environment=variables, stopTimeout=10)

    def create(self, name: str = "web", **options: Any) -> dict[str, Any]:
        port = {"targetGroupArn": self.group, "containerName": "app", "containerPort": 8000}
        request = {
            "cluster": "stack",
            "serviceName": name,
            "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": self.there.network,
            "loadBalancers": [port],
            "healthCheckGracePeriodSeconds": 3600,  # however long it takes to start
        } | options
        return dict(self.ecs.create_service(**request)["service"])

    def describe(self, name: str = "web") -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster="stack", services=[name])["services"][0])

    def tasks(self, name: str = "web", status: str = "RUNNING") -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster="stack", serviceName=name, desiredStatus=status)
        found = arns["taskArns"]
        if not found:
            return []
        return list(self.ecs.describe_tasks(cluster="stack", tasks=found)["tasks"])

    def steady(self, name: str = "web") -> dict[str, Any]:
        """Return the service when its rollout is complete."""

        def there() -> dict[str, Any] | None:
            service = self.describe(name)
            [*_, last] = deployments = service["deployments"]
            done = len(deployments) == 1 and last["rolloutState"] == "COMPLETED"
            return service if done and service["runningCount"] == service["desiredCount"] else None

        found: dict[str, Any] = eventually(there)
        return found

    def get(self, path: str = "/") -> str:
        address = self.there.stage.sandbox.network.lookup(self.balancer["DNSName"])
        connection = http.client.HTTPConnection(str(address), 8080, timeout=HANGS_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            return answer.read().decode()
        finally:
            connection.close()

    def pids(self) -> set[int]:
        """Return the ids of the processes that answer; none if a request fails, as after a kill."""
        try:
            return {int(self.get().split()[1]) for _ in range(20)}
        except (OSError, AssertionError):
            return set()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    forget()
    root = tmp_path_factory.mktemp("ecs") / "sandbox"
    with (
        running(root, ElbV2Controller, EcsController) as stage,
        stack(stage, tmp_path_factory.mktemp("images")) as there,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(status, "current", stage.sandbox.status)
        made = Web(there)
        made.create(taskDefinition=made.define("one"))
        yield made


@contextmanager
def load(request: Callable[[], str]) -> Iterator[Counter[str]]:
    """Send one request after the other while the block runs; count answers and errors."""
    answers: Counter[str] = Counter()
    stop = threading.Event()

    def repeat() -> None:
        while not stop.is_set():
            try:
                answers[request().split()[0]] += 1
            except (OSError, AssertionError, http.client.HTTPException) as error:
                answers[f"failed: {error!r}"] += 1

    threads = [threading.Thread(target=repeat, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_service_serves(web: Web) -> None:
    service = web.steady()
    assert (service["runningCount"], service["pendingCount"]) == (2, 0)
    tasks = web.tasks()
    assert {task["availabilityZone"] for task in tasks} == {"us-east-1a", "us-east-1b"}
    addresses = {
        interface["privateIpv4Address"] for task in tasks for interface in task["containers"][0]["networkInterfaces"]
    }
    assert web.health() == dict.fromkeys(addresses, "healthy")
    assert web.get().startswith("one ")
    assert "has reached a steady state" in service["events"][0]["message"]
    assert web.ecs.describe_clusters(clusters=["stack"])["clusters"][0]["runningTasksCount"] == 2


def test_a_killed_task_is_replaced(web: Web) -> None:
    web.steady()
    before = {task["taskArn"] for task in web.tasks()}
    eventually(lambda: len(web.pids()) == 2)
    [victim, survivor] = web.pids()
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: len(web.pids() - {victim}) == 2)
    assert survivor in web.pids()
    after = {task["taskArn"] for task in web.tasks()}
    assert len(after) == 2
    [gone] = before - after
    task = web.there.reaches(gone, "STOPPED")
    assert task["containers"][0]["exitCode"] == 137
    assert task["stopCode"] == "EssentialContainerExited"
    web.steady()


def test_a_rollout_drops_nothing(web: Web) -> None:
    before = {task["taskArn"] for task in web.tasks()}
    web.steady()
    with load(web.get) as answers:
        updated = web.ecs.update_service(cluster="stack", service="web", taskDefinition=web.define("two"))["service"]
        assert [d["status"] for d in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
        web.steady()
    assert set(answers) == {"one", "two"}, answers
    assert {web.get().split()[0] for _ in range(10)} == {"two"}
    for arn in before:
        task = web.there.reaches(arn, "STOPPED")
        assert task["stopCode"] == "ServiceSchedulerInitiated"
        assert "Scaling activity initiated by (deployment ecs-svc/" in task["stoppedReason"]
        assert web.there.said(arn, "web") == ["ready", "ending"]


def test_a_task_drains_before_it_is_told_to_end(web: Web) -> None:
    """For as long as the test likes."""
    web.steady()
    arn = web.tasks()[0]["taskArn"]
    with web.draining():
        web.ecs.stop_task(cluster="stack", task=arn)
        task = web.there.reaches(arn, "DEACTIVATING")
        address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
        eventually(lambda: web.health()[address] == "draining")
        assert web.there.said(arn, "web") == ["ready"]
        assert web.there.task(arn)["lastStatus"] == "DEACTIVATING"
    web.there.reaches(arn, "STOPPED")
    assert web.there.said(arn, "web") == ["ready", "ending"]
    assert address not in web.health()
    web.steady()


def test_an_unhealthy_task_is_replaced(web: Web) -> None:
    web.steady()
    before = {task["taskArn"] for task in web.tasks()}
    web.ecs.update_service(cluster="stack", service="web", healthCheckGracePeriodSeconds=0)
    web.get("/sicken")
    eventually(lambda: len({t["taskArn"] for t in web.tasks()} & before) == 1)
    [ill] = before - {task["taskArn"] for task in web.tasks()}
    reason = web.there.task(ill)["stoppedReason"]
    assert reason == f"Task failed ELB health checks in (target-group {web.group})"
    web.ecs.update_service(cluster="stack", service="web", healthCheckGracePeriodSeconds=3600)
    web.steady()


def test_scaling_starts_and_stops(web: Web) -> None:
    web.steady()
    for count in (3, 1, 2):
        answer = web.ecs.update_service(cluster="stack", service="web", desiredCount=count)
        assert len(answer["service"]["deployments"]) == 1
        eventually(lambda count=count: web.describe()["runningCount"] == count)  # type: ignore[misc]
        web.steady()


def test_a_release_that_cannot_start_is_tried_less_and_less_often(web: Web) -> None:
    definition = web.there.define("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:none", family="broken")
    web.create("broken", taskDefinition=definition, desiredCount=1, loadBalancers=[])
    eventually(lambda: web.describe("broken")["deployments"][0]["failedTasks"] >= 3)
    service = web.describe("broken")
    said = " ".join(event["message"] for event in service["events"])
    assert "CannotPullContainerError" in said
    assert "is unable to consistently start tasks successfully" in said
    assert service["runningCount"] == 0
    web.ecs.delete_service(cluster="stack", service="broken", force=True)
    eventually(lambda: web.describe("broken")["status"] == "INACTIVE")


def test_a_deleted_service_drains(web: Web) -> None:
    web.steady()
    with pytest.raises(ClientError, match="scaled above 0"):
        web.ecs.delete_service(cluster="stack", service="web")
    with pytest.raises(ClientError) as refused:
        web.ecs.delete_cluster(cluster="stack")
    assert refused.value.response["Error"]["Code"] == "ClusterContainsServicesException"
    tasks = [task["taskArn"] for task in web.tasks()]
    deleted = web.ecs.delete_service(cluster="stack", service="web", force=True)["service"]
    assert deleted["status"] == "DRAINING"
    eventually(lambda: web.describe()["status"] == "INACTIVE")
    assert web.there.ecs.list_services(cluster="stack")["serviceArns"] == []
    assert {web.there.task(arn)["lastStatus"] for arn in tasks} == {"STOPPED"}
    assert web.health() == {}
    folder: Path = web.there.stage.sandbox.settings.root / "tasks"
    assert list(folder.iterdir()) == []
    with pytest.raises(ClientError) as refused:
        web.ecs.update_service(cluster="stack", service="web", desiredCount=1)
    assert refused.value.response["Error"]["Code"] == "ServiceNotActiveException"
    web.ecs.delete_cluster(cluster="stack")
