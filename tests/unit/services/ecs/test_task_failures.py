"""Unhealthy, interrupted and failing tasks, and what their service does."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import interruptions
from sandbox.runtime import processes
from sandbox.services.ecs.agent.health import Check, HealthTracker
from sandbox.services.ecs.circuit_breaker import threshold
from sandbox.services.ecs.controller import EcsController
from sandbox.services.ecs.launch import pick_provider
from tests.support.sandbox.cluster import REGISTRY, Stack, forget, stack
from tests.support.sandbox.dataplane import MINUTE, eventually, running
from tests.support.waiting import HANGS_SECONDS

SERVE = """\
import signal, sys, time
def end(*_):
    print("ending")
    if sys.argv[1] != "stubborn":
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", sys.argv[1])
while True:
    time.sleep(0.05)
"""
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    forget()
    root = tmp_path_factory.mktemp("ecs") / "sandbox"
    with running(root, EcsController) as stage, stack(stage, tmp_path_factory.mktemp("i")) as made:
        made.image("serve", SERVE)
        yield made


def serve(there: Stack, name: str, definition: str, **options: Any) -> None:
    there.ecs.create_service(
        cluster="stack",
        serviceName=name,
        taskDefinition=definition,
        networkConfiguration=there.network,
        **({"desiredCount": 1, "capacityProviderStrategy": SPOT} | options),
    )


def service(there: Stack, name: str) -> dict[str, Any]:
    return dict(there.ecs.describe_services(cluster="stack", services=[name])["services"][0])


def tasks(there: Stack, name: str) -> list[dict[str, Any]]:
    arns = there.ecs.list_tasks(cluster="stack", serviceName=name)["taskArns"]
    return list(there.ecs.describe_tasks(cluster="stack", tasks=arns)["tasks"]) if arns else []


def running_tasks(there: Stack, name: str, count: int) -> list[dict[str, Any]]:
    def up() -> list[dict[str, Any]] | None:
        found = [task for task in tasks(there, name) if task["lastStatus"] == "RUNNING"]
        return found if len(found) == count else None

    found: list[dict[str, Any]] = eventually(up)
    return found


def test_killed_process_groups_are_replaced(there: Stack) -> None:
    root = there.stage.sandbox.settings.root
    definition = there.define(f"{REGISTRY}/app:serve", family="killed")
    serve(there, "killed", definition, desiredCount=2)
    arns = {task["taskArn"] for task in running_tasks(there, "killed", 2)}
    names = {f"task {arn.rpartition('/')[2]}/app" for arn in arns}
    for record in processes.running(root):
        if record.name in names:
            os.killpg(record.pid, signal.SIGKILL)
    for arn in arns:
        ended = there.reaches(arn, "STOPPED")
        assert (ended["stopCode"], ended["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    successors = {task["taskArn"] for task in running_tasks(there, "killed", 2)}
    assert not successors & arns


# Health checks


def test_checks_are_docker_s() -> None:
    assert Check.of({}) is None
    assert Check.of({"healthCheck": {"command": ["NONE"]}}) is None
    shell = Check.of({"healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost/ || exit 1"]}})
    assert shell == Check(("/bin/sh", "-c", "curl -f http://localhost/ || exit 1"), 30, 5, 3, 0)
    given = {"command": ["CMD", "true"], "interval": 5, "timeout": 2, "retries": 1, "startPeriod": 60}
    assert Check.of({"healthCheck": given}) == Check(("true",), 5, 2, 1, 60)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([False] * 3, "UNHEALTHY"),
        ([False] * 2, "UNKNOWN"),
        ([True], "HEALTHY"),
        ([True, False, False], "HEALTHY"),
        ([True, False, False, False], "UNHEALTHY"),
        ([False, False, False, True], "HEALTHY"),
        ([False, False, True, False, False], "HEALTHY"),
    ],
)
def test_only_failures_in_a_row_count(results: list[bool], expected: str) -> None:
    tracker = HealthTracker(Check(("true",)))
    assert [tracker.record(passed, 10) for passed in results][-1] == expected


def test_failures_while_it_starts_do_not_count_but_success_does() -> None:
    tracker = HealthTracker(Check(("true",), start_period=60, retries=1))
    assert [tracker.record(False, second) for second in (10, 30, 59)] == ["UNKNOWN"] * 3
    assert tracker.record(False, 60) == "UNHEALTHY"
    tracker = HealthTracker(Check(("true",), start_period=60, retries=1))
    assert [tracker.record(passed, 10) for passed in (True, False)] == ["HEALTHY", "UNHEALTHY"]


def hasten(there: Stack, definition: str, **options: float) -> None:
    """Check more often than AWS allows (every 5 s), so that tests are short."""
    backend = there.stage.sandbox.state.backend("ecs", "123456789012", "us-east-1")
    backend.describe_task_definition(definition).containers[0]["healthCheck"] |= options


def test_an_ill_container_makes_its_task_ill_and_its_service_replaces_it(there: Stack) -> None:
    # Well as long as the file is there; in the task's environment, whose HOME is its own.
    check = {"command": ["CMD-SHELL", 'test -e "$HOME/ill" && exit 1 || test "$GREETING" = hello'], "retries": 2}
    definition = there.define(f"{REGISTRY}/app:serve", family="checked", healthCheck=check)
    hasten(there, definition, interval=0.2, timeout=HANGS_SECONDS)
    serve(there, "checked", definition)
    [task] = running_tasks(there, "checked", 1)
    arn = task["taskArn"]
    eventually(lambda: there.task(arn)["healthStatus"] == "HEALTHY")
    assert there.task(arn)["containers"][0]["healthStatus"] == "HEALTHY"
    eventually(lambda: service(there, "checked")["deployments"][0]["rolloutState"] == "COMPLETED")
    home = there.stage.sandbox.settings.root / "tasks" / arn.rpartition("/")[2]
    (home / "ill").touch()
    ill = there.reaches(arn, "STOPPED")
    assert ill["stopCode"] == "ServiceSchedulerInitiated"
    assert ill["stoppedReason"] == "Task failed container health checks"
    [successor] = running_tasks(there, "checked", 1)
    eventually(lambda: there.task(successor["taskArn"])["healthStatus"] == "HEALTHY")


def test_a_check_that_hangs_has_failed_and_leaves_no_process(there: Stack) -> None:
    check = {"command": ["CMD", "sleep", "infinity"], "retries": 1}
    definition = there.define(f"{REGISTRY}/app:serve", family="hangs", healthCheck=check)
    hasten(there, definition, interval=0.1, timeout=0.2)
    arn = there.run(definition, "patient")
    eventually(lambda: there.task(arn)["healthStatus"] == "UNHEALTHY")
    assert there.task(arn)["lastStatus"] == "RUNNING", "nobody replaces a task that belongs to no service"
    there.ecs.stop_task(cluster="stack", task=arn)
    there.reaches(arn, "STOPPED")


# Spot


def place(count: int, strategy: list[dict[str, Any]]) -> list[str]:
    placed: Counter[str | None] = Counter()
    for _ in range(count):
        placed[pick_provider([{"base": 0, "weight": 0} | item for item in strategy], placed)] += 1
    return [f"{name} {number}" for name, number in sorted(placed.items(), key=str)]


def test_base_first_then_weights() -> None:
    tier = [
        {"capacityProvider": "FARGATE", "base": 2, "weight": 0},
        {"capacityProvider": "FARGATE_SPOT", "weight": 1},
    ]
    assert place(3, tier) == ["FARGATE 2", "FARGATE_SPOT 1"]
    assert place(1, tier) == ["FARGATE 1"]
    shares = [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3}]
    assert place(8, shares) == ["FARGATE 2", "FARGATE_SPOT 6"]


def test_a_release_has_the_base_and_weights_of_the_one_before(there: Stack) -> None:
    mixed = [{"capacityProvider": "FARGATE", "base": 2, "weight": 0}, *SPOT]

    def providers() -> list[str]:
        return sorted(task["capacityProviderName"] for task in running_tasks(there, "mixed", 3))

    serve(there, "mixed", there.define(f"{REGISTRY}/app:serve", family="mixed"), desiredCount=3,
          capacityProviderStrategy=mixed)  # fmt: skip
    assert providers() == ["FARGATE", "FARGATE", "FARGATE_SPOT"]
    second = there.define(f"{REGISTRY}/app:serve", family="mixed")
    there.ecs.update_service(cluster="stack", service="mixed", taskDefinition=second)
    eventually(lambda: {task["taskDefinitionArn"] for task in tasks(there, "mixed")} == {second})
    assert providers() == ["FARGATE", "FARGATE", "FARGATE_SPOT"]


def test_an_interrupted_task_is_warned_ended_and_replaced(there: Stack, caplog: pytest.LogCaptureFixture) -> None:
    root = there.stage.sandbox.settings.root
    definition = there.define(f"{REGISTRY}/app:serve", family="spot", command=["stubborn"], stopTimeout=120)
    serve(there, "spot", definition)
    [task] = running_tasks(there, "spot", 1)
    arn = task["taskArn"]
    eventually(lambda: there.said(arn, "spot"))
    with caplog.at_level("INFO", "sandbox.events"):
        interruptions.ask(root, arn.rpartition("/")[2])
        eventually(lambda: there.said(arn, "spot") == ["ready stubborn", "ending"])
        assert there.task(arn)["desiredStatus"] == "STOPPED"
        ended = there.reaches(arn, "STOPPED")
    [event] = [one.message for one in caplog.records if "ECS Task State Change" in one.message]
    told = json.loads(event.partition("Change ")[2])
    assert (told["taskArn"], told["stopCode"]) == (arn, "SpotInterruption")
    assert (told["desiredStatus"], told["lastStatus"]) == ("STOPPED", "RUNNING")
    assert (ended["stopCode"], ended["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert ended["containers"][0]["exitCode"] == 137
    warning = ended["executionStoppedAt"] - ended["stoppingAt"]
    assert warning.total_seconds() >= 2 * MINUTE
    running_tasks(there, "spot", 1)


def test_on_demand_is_never_interrupted(there: Stack) -> None:
    arn = there.run(there.define(f"{REGISTRY}/app:serve", family="demand"), "patient")
    there.reaches(arn, "RUNNING")
    asked = interruptions.ask(there.stage.sandbox.settings.root, arn.rpartition("/")[2])
    eventually(lambda: not asked.exists())
    assert there.task(arn)["desiredStatus"] == "RUNNING"
    there.ecs.stop_task(cluster="stack", task=arn)
    there.reaches(arn, "STOPPED")


# Circuit breaker


@pytest.mark.parametrize(
    ("given", "desired", "expected"),
    [
        (None, 1, 3), (None, 8, 4), (None, 9, 5), (None, 1000, 200),
        ({"type": "COUNT", "value": 7}, 1, 7), ({"type": "UNBOUNDED_PERCENT", "value": 50}, 2, 1),
    ],
)  # fmt: skip
def test_how_many_failures_trip_the_breaker(given: dict[str, Any] | None, desired: int, expected: int) -> None:
    breaker = {"thresholdConfiguration": given} if given else {}
    assert threshold({"deploymentCircuitBreaker": breaker}, desired) == expected


def broken_release(there: Stack, name: str, **breaker: bool) -> dict[str, Any]:
    """Deploy a revision without an image after a good one; return the deployment when it has ended."""
    good = there.define(f"{REGISTRY}/app:serve", family=name)
    configuration = {"deploymentCircuitBreaker": {"enable": True, **breaker}}
    serve(there, name, good, deploymentConfiguration=configuration)
    eventually(lambda: service(there, name)["deployments"][0]["rolloutState"] == "COMPLETED")
    there.ecs.update_service(
        cluster="stack", service=name, taskDefinition=there.define(f"{REGISTRY}/app:none", family=name)
    )
    arn = there.ecs.list_service_deployments(cluster="stack", service=name)["serviceDeployments"][0][
        "serviceDeploymentArn"
    ]

    def over() -> dict[str, Any] | None:
        found = there.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
        return found if found["status"] not in ("PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS") else None

    return dict(eventually(over))


def test_a_release_that_cannot_start_is_rolled_back(there: Stack) -> None:
    deployment = broken_release(there, "back", rollback=True)
    assert deployment["status"] == "ROLLBACK_SUCCESSFUL"
    assert deployment["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert "circuit breaker threshold was exceeded" in deployment["statusReason"]
    now = service(there, "back")
    assert now["taskDefinition"].endswith("back:1")
    assert now["runningCount"] == 1
    assert any("deployment failed: tasks failed to start" in event["message"] for event in now["events"])


def test_without_rollback_it_stops_there_and_the_old_tasks_serve_on(there: Stack) -> None:
    deployment = broken_release(there, "stays", rollback=False)
    assert deployment["status"] == "STOPPED"
    now = service(there, "stays")
    assert now["deployments"][0]["rolloutState"] == "FAILED"
    [task] = running_tasks(there, "stays", 1)
    assert task["taskDefinitionArn"].endswith("stays:1")
