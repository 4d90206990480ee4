"""Releases for longer, the bad ones whose badness takes time, and operators that die: with requests from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox.config import CHECKOUT
from sandbox.runtime import processes
from tests.support import variants
from tests.support.load import UnderLoad, under_load
from tests.support.releases import SERVICE, Push, Releases, sentence
from tests.support.stack import BIN, STACK, Sandbox
from tests.support.waiting import HANGS_SECONDS, until

MINIMUM = 30_000
RATE = 110.0  # a little more, so that a hundred arrive


@pytest.fixture(scope="module")
def releases(sandbox: Sandbox, push: Push) -> Iterator[Releases]:
    found = Releases(sandbox)
    provisioned = found.play("provision")
    assert provisioned.code == 0, provisioned.output
    push("1.0.0", variants.good())
    released = found.deploy("1.0.0")
    assert released.code == 0, released.output
    yield found
    destroyed = found.play("destroy", "-e", "confirm=campshub360-tier1")
    assert destroyed.code == 0, destroyed.output


def test_five_releases_in_a_row_fail_no_request(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path
) -> None:
    with under_load(sandbox, tmp_path / "requests.jsonl", rate=RATE) as load:
        for number in range(1, 6):
            push(f"1.{number}.0", variants.good())
            played = releases.deploy(f"1.{number}.0")
            assert played.code == 0, played.output
        until(lambda: len(load.so_far) >= MINIMUM, longest=2 * HANGS_SECONDS)
    seen = load.seen
    print(f"\n{seen.message}")
    assert seen.requests >= MINIMUM
    moments = [one.t for one in load.so_far]
    assert seen.requests / (max(moments) - min(moments)) >= 100, "the load was slower than it claims"
    assert seen.writes.sent >= seen.requests / 3
    assert sum(one.ms >= 2000 for one in load.so_far) > seen.requests / 200, "none took two seconds"
    assert seen.by_release.keys() == {f"1.{number}.0" for number in range(6)}
    assert (seen.failed, seen.writes.lost, seen.writes.doubled) == (0, 0, 0), seen


def test_the_harness_sees_tasks_that_are_stopped_without_draining(
    releases: Releases, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The negative control of all that found no failure."""
    with under_load(sandbox, tmp_path / "requests.jsonl") as load:
        until(lambda: len(load.so_far) > 300)
        tasks = serving(sandbox)
        for record in processes.running(sandbox.settings.root):
            if any(task in record.name for task in tasks):
                kill_all(record.pid)
        until(lambda: len(load.so_far) > 2000)
    assert load.seen.failed > 0, load.seen


def test_the_harness_sees_clients_that_are_bound_to_a_group_that_goes(
    releases: Releases, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Another negative control: stickiness, which beats weights. Ours would refuse, so it is deployed by hand."""
    actions = releases.rule["Actions"]
    actions[0]["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 3600}
    sandbox.client("elbv2").modify_rule(RuleArn=releases.rule["RuleArn"], Actions=actions)
    refused = releases.deploy("1.0.0")
    assert refused.code != 0
    assert "binds clients to a target group (stickiness)" in sentence(refused), refused.output
    before, service = releases.latest["serviceDeploymentArn"], releases.service
    with under_load(sandbox, tmp_path / "requests.jsonl") as load:
        until(lambda: len(load.so_far) > 300)
        sandbox.client("ecs").update_service(
            cluster=STACK,
            service=SERVICE,
            forceNewDeployment=True,
            deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": []},
        )
        releases.reached("SUCCESSFUL", after=before)
        sent = len(load.so_far)
        until(lambda: len(load.so_far) > sent + 300)
    assert load.seen.failed > 100, load.seen
    fixed = releases.play("provision")
    assert fixed.code == 0, fixed.output
    assert releases.rule["Actions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"] is False
    assert releases.service["taskDefinition"] == service["taskDefinition"]


def serving(sandbox: Sandbox) -> list[str]:
    """Ids of the service's tasks."""
    arns = sandbox.client("ecs").list_tasks(cluster=STACK, serviceName=SERVICE)["taskArns"]
    return [arn.rpartition("/")[2] for arn in arns]


def kill_all(pid: int) -> None:
    for process in [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]:
        process.kill()


@pytest.mark.parametrize(
    ("strategy", "options"),
    [("LINEAR", {"release_step_percent": 34, "release_step_minutes": 2}), ("BLUE_GREEN", {})],
)
def test_the_other_strategies_release_too(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path, strategy: str, options: dict[str, Any]
) -> None:
    tag = f"2.0.0-{strategy.lower().replace('_', '-')}"
    push(tag, variants.good())
    with under_load(sandbox, tmp_path / "requests.jsonl", rate=30) as load:
        played = releases.deploy(tag, release_strategy=strategy, **options)
    assert played.code == 0, played.output
    assert (load.seen.failed, load.seen.writes.lost) == (0, 0), load.seen


SLOW_ONES: dict[str, tuple[variants.Variant, str, dict[str, Any]]] = {
    "3.0.0-never": (variants.never_ready(), "is not ready after", {"release_startup_timeout_seconds": 40}),
    "3.0.0-slow": (
        variants.slow(milliseconds=400),
        "p95",
        {"release_thresholds": {"p95_floor_ms": 50}, "release_pause_minutes": 240},
    ),
}


@contextmanager
def nobody_notices(releases: Releases, sandbox: Sandbox, record: Path) -> Iterator[UnderLoad]:
    """Whatever happens, no request fails, no write is lost, and in the end one colour has all the traffic."""
    with under_load(sandbox, record, rate=30) as load:
        until(lambda: len(load.so_far) > 30)
        yield load
    assert (load.seen.failed, load.seen.writes.lost, load.seen.writes.doubled) == (0, 0, 0), load.seen
    assert sorted(releases.weights.values()) == [0, 100]


@pytest.mark.parametrize("tag", SLOW_ONES)
def test_what_is_bad_only_in_time_is_rolled_back(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path, tag: str
) -> None:
    variant, says, options = SLOW_ONES[tag]
    before = releases.service["taskDefinition"]
    push(tag, variant)
    with nobody_notices(releases, sandbox, tmp_path / "requests.jsonl"):
        played = releases.deploy(tag, **options)
    assert played.code != 0
    report = releases.report(tag)
    assert report["outcome"] == "rolled back"
    assert says in report["failure_reason"], report["failure_reason"]
    assert releases.service["taskDefinition"] == before


def test_a_migration_that_meets_a_lock_gives_up(releases: Releases, sandbox: Sandbox, push: Push) -> None:
    """Without load: who reads the locked table waits for it, and that is the test's doing."""
    before = releases.service["taskDefinition"]
    push("3.0.0-blocking", variants.blocking_migration())
    with table_locked(sandbox, "campus_student"):
        played = releases.deploy("3.0.0-blocking")
    assert played.code != 0
    assert "gave up after 5s" in releases.report("3.0.0-blocking")["failure_reason"]
    assert releases.service["taskDefinition"] == before


@contextmanager
def table_locked(sandbox: Sandbox, table: str) -> Iterator[None]:
    """Hold a lock on a table in a session of our own, by the line that `sandbox connect` prints."""
    lines = subprocess.run(
        [str(BIN / "sandbox"), "connect"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    command = next(line.strip() for line in lines.splitlines() if "psql" in line)
    with subprocess.Popen(
        ["bash", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as session:
        assert session.stdin and session.stdout
        session.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
        session.stdin.flush()
        assert any("locked" in line for line in session.stdout)
        yield
        session.stdin.write("ROLLBACK;\n")


def test_an_api_that_stands_still_for_twenty_seconds_holds_a_release_up_and_no_more(
    releases: Releases, sandbox: Sandbox, push: Push
) -> None:
    push("4.0.0", variants.good())
    before = releases.latest["serviceDeploymentArn"]
    process = releases.begin("4.0.0")
    releases.reached("PRODUCTION_TRAFFIC_SHIFT", after=before)
    supervisor = int((sandbox.settings.root / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGSTOP)
    threading.Timer(20, os.kill, (supervisor, signal.SIGCONT)).start()
    output = releases.finish(process)
    assert process.returncode == 0, output
    assert releases.report("4.0.0")["outcome"] == "released"


def one_off_tasks(sandbox: Sandbox, calls: int) -> int:
    """How many were started after so many calls."""
    return sandbox.changes_since(calls).count("ecs RunTask")


def migrating(sandbox: Sandbox, calls: int) -> bool:
    """Whether the migration's task runs, or has run: its image is pulled."""
    if one_off_tasks(sandbox, calls) < 3:
        return False
    ecs = sandbox.client("ecs")
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster=STACK, family=f"{STACK}-migrate", desiredStatus=status)["taskArns"]
    ]
    newest = max(ecs.describe_tasks(cluster=STACK, tasks=arns)["tasks"], key=lambda task: task["createdAt"])
    return newest["lastStatus"] not in ("PROVISIONING", "PENDING", "ACTIVATING")


MOMENTS: dict[str, tuple[Callable[[Sandbox, int], bool], str]] = {
    "4.1.0": (lambda sandbox, calls: one_off_tasks(sandbox, calls) == 2, "CannotPullContainerError"),  # by `migrate`
    "4.1.1": (migrating, "There is no release 4.1.1 in the repository"),  # asked again before green starts
}


@pytest.mark.parametrize("tag", MOMENTS)
def test_an_image_that_is_gone_meanwhile_touches_nothing(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path, tag: str
) -> None:
    """One that never was is refused by preflight."""
    reached, says = MOMENTS[tag]
    push(tag, variants.good())
    before, calls = releases.service["taskDefinition"], len(sandbox.calls())
    with nobody_notices(releases, sandbox, tmp_path / "requests.jsonl"):
        process = releases.begin(tag)
        until(lambda: reached(sandbox, calls), "it did not come so far")
        ecr = sandbox.client("ecr")
        images = ecr.describe_images(repositoryName=STACK, imageIds=[{"imageTag": tag}])["imageDetails"]
        ecr.batch_delete_image(repositoryName=STACK, imageIds=[{"imageDigest": images[0]["imageDigest"]}])
        output = releases.finish(process)
    assert process.returncode != 0, output
    report = releases.report(tag)
    assert (report["outcome"], says in report["failure_reason"]) == ("failed", True), report["message"]
    assert releases.service["taskDefinition"] == before
    assert releases.holder is None


def test_an_operator_whose_lock_was_taken_changes_nothing_more(
    releases: Releases, sandbox: Sandbox, push: Push
) -> None:
    """As one whose laptop slept: the stack is another's by now, and so is what is deployed on it."""
    tag = "4.2.0"
    push(tag, variants.good())
    before, calls = releases.latest["serviceDeploymentArn"], len(sandbox.calls())
    process = releases.begin(tag)
    until(lambda: one_off_tasks(sandbox, calls) == 2, "collectstatic did not begin")
    sandbox.client("s3").delete_object(Bucket=releases.bucket, Key="locks/stack.json")
    output = releases.finish(process)
    assert process.returncode != 0, output
    assert "not ours any more" in releases.report(tag)["failure_reason"], releases.report(tag)["failure_reason"]
    assert one_off_tasks(sandbox, calls) == 2, "it migrated"
    assert releases.latest["serviceDeploymentArn"] == before


BACK, DONE = "ROLLBACK_SUCCESSFUL", "SUCCESSFUL"
# Where its operator is killed, and how what it began ends by itself, as DESIGN section 7 and docs/architecture.md say.
# The first three are one-off tasks, before ECS is asked for a deployment.
STAGES: dict[str, int | str] = {
    "PREFLIGHT": 1,
    "UPLOAD": 2,
    "MIGRATION": 3,
    "SCALE_UP": BACK,
    "POST_TEST_TRAFFIC_SHIFT": BACK,
    "PRE_PRODUCTION_TRAFFIC_SHIFT": BACK,
    "PRODUCTION_TRAFFIC_SHIFT": BACK,
    "POST_PRODUCTION_TRAFFIC_SHIFT": BACK,
    "BAKE_TIME": DONE,
    "CLEAN_UP": DONE,
}


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_any_stage_nobody_notices_and_the_next_deploy_needs_no_cleaning(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path, stage: str
) -> None:
    tag, end = f"5.0.0-{stage.lower().replace('_', '-')}", STAGES[stage]
    push(tag, variants.good())
    before, definition, calls = releases.latest, releases.service["taskDefinition"], len(sandbox.calls())
    with nobody_notices(releases, sandbox, tmp_path / "requests.jsonl"):
        process = releases.begin(tag, release_pause_minutes=8)
        if isinstance(end, int):
            until(lambda: one_off_tasks(sandbox, calls) == end, "it did not come so far")
        else:
            releases.reached(stage, after=before["serviceDeploymentArn"])
        releases.kill(process)
        until(lambda: releases.holder is None, "its lease did not run out")
        if isinstance(end, int):
            assert releases.latest["serviceDeploymentArn"] == before["serviceDeploymentArn"]
        else:
            releases.reached(end, after=before["serviceDeploymentArn"])
        assert (releases.service["taskDefinition"] == definition) is (end != DONE)
        played = releases.deploy(tag)
    assert played.code == 0, played.output
    assert releases.latest["status"] == DONE
    assert releases.audit_log[0]["outcome"] == "released"


@pytest.mark.parametrize("stage", ["SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT"])
def test_what_a_dead_operator_left_is_rolled_back_by_the_next_deploy(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path, stage: str
) -> None:
    """It does not wait until the pause has run out."""
    tag = f"5.1.0-{stage.lower().replace('_', '-')}"
    push(tag, variants.good())
    before = releases.latest["serviceDeploymentArn"]
    with nobody_notices(releases, sandbox, tmp_path / "requests.jsonl"):
        process = releases.begin(tag, release_pause_minutes=1000)
        orphan = releases.reached(stage, after=before)["serviceDeploymentArn"]
        releases.kill(process)
        until(lambda: releases.holder is None, "its lease did not run out")
        played = releases.deploy(tag)
    assert played.code == 0, played.output
    ecs = sandbox.client("ecs")
    described = ecs.describe_service_deployments(serviceDeploymentArns=[orphan])["serviceDeployments"][0]
    assert described["status"] == BACK
    assert releases.latest["status"] == DONE


def test_a_person_stops_a_release_and_its_operator_says_so(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path
) -> None:
    tag = "5.2.0"
    push(tag, variants.good())
    before, definition = releases.latest["serviceDeploymentArn"], releases.service["taskDefinition"]
    with nobody_notices(releases, sandbox, tmp_path / "requests.jsonl"):
        process = releases.begin(tag, release_step_minutes=120)
        releases.reached("PRODUCTION_TRAFFIC_SHIFT", after=before)
        shown = releases.play("runbook_force_unlock")
        assert shown.code != 0 and "did not name it" in sentence(shown), shown.output
        assert f"Release the application: {tag}" in sentence(shown), shown.output
        why = json.dumps({"release_reason": "students see old grades"})
        stopped = releases.play("runbook_release_stop", "-e", f"confirm={STACK}", "-e", why)
        output = releases.finish(process)
    assert (stopped.code, stopped.changed) == (0, 1), stopped.output
    assert process.returncode != 0, output
    assert releases.report(tag)["outcome"] == "rolled back"
    assert releases.service["taskDefinition"] == definition
    assert releases.holder is None


def test_a_size_is_a_deployment(releases: Releases, sandbox: Sandbox, tmp_path: Path) -> None:
    before = releases.latest["serviceDeploymentArn"]
    running = next(entry["release"] for entry in releases.audit_log if entry["outcome"] == "released")
    with nobody_notices(releases, sandbox, tmp_path / "requests.jsonl"):
        played = releases.deploy(running, release_cpu=4096, release_memory=8192)
    assert played.code == 0, played.output
    assert releases.latest["serviceDeploymentArn"] != before
    definition = sandbox.client("ecs").describe_task_definition(taskDefinition=releases.service["taskDefinition"])
    assert (definition["taskDefinition"]["cpu"], definition["taskDefinition"]["memory"]) == ("4096", "8192")
