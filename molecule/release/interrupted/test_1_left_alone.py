"""What is left of a release when its operator dies, who may release meanwhile, and how one rolls back."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import markupsafe

from tests.support import variants
from tests.support.releases import PATIENT, REPORTS, Push, Releases, sentence
from tests.support.runner import Runner
from tests.support.stack import STACK, Ask, Sandbox
from tests.support.waiting import HANGS_SECONDS, until

BEFORE = "1.0.0"
#: what a person may write, and no template: braces, a quote of each kind, percent, more than ASCII, two lines
WHY = 'students\' "old" grades {{ nothing }} {% if %} 100 % für $HOME \\\nsecond line'


def test_killed_before_its_analysis_it_is_rolled_back_by_ecs(releases: Releases, push: Push, ask: Ask) -> None:
    """Held in SCALE_UP until its operator is dead: nobody else answers the hook that comes then."""
    push("1.2.0-dies", variants.ready_on_demand("1.2.0 has no operator"))
    before, definition = releases.latest["serviceDeploymentArn"], releases.service["taskDefinition"]
    process = releases.begin("1.2.0-dies", **PATIENT, release_pause_minutes=8)
    releases.reached("SCALE_UP", after=before)
    releases.kill(process)
    releases.beat(ask, "1.2.0 has no operator")
    ended = releases.reached("ROLLBACK_SUCCESSFUL", after=before)
    assert "pause hook timed out" in ended["statusReason"]
    assert releases.service["taskDefinition"] == definition
    assert ask("GET", "/readyz").headers["x-release"] == BEFORE
    until(lambda: releases.holder is None, "its lock outlived it")
    assert releases.audit_log[0]["outcome"] == "started"


def test_two_at_once_are_one_too_many_but_provisioning_is_no_hindrance(
    releases: Releases, push: Push, ask: Ask, sandbox: Sandbox
) -> None:
    push("1.2.0", variants.ready_on_demand("1.2.0 may go on"))
    before = releases.latest["serviceDeploymentArn"]
    first = releases.begin("1.2.0", **PATIENT)
    releases.reached("SCALE_UP", after=before)
    calls = len(sandbox.calls())
    second = releases.deploy(BEFORE)
    assert second.code != 0
    said = sentence(second)
    for words in ("user/operator", "Release the application: 1.2.0", "lock_force_reason"):
        assert words in said, second.output
    assert [call for call in sandbox.changes_since(calls) if call.startswith("ecs R")] == []
    meanwhile = releases.play("provision", "--tags", "load_balancer,cluster,security,release")
    assert (meanwhile.code, meanwhile.changed) == (0, 0), meanwhile.output
    releases.beat(ask, "1.2.0 may go on")
    output = releases.finish(first)
    assert first.returncode == 0, output
    assert releases.audit_log[0]["outcome"] == "released"


def test_interrupted_by_a_person_it_frees_the_lock_and_the_next_one_takes_over(
    releases: Releases, push: Push, ask: Ask, runner: Runner
) -> None:
    push("1.3.0", variants.ready_on_demand("1.3.0 may go on"))
    before = releases.latest["serviceDeploymentArn"]
    process = releases.begin("1.3.0", **PATIENT)
    releases.reached("SCALE_UP", after=before)
    releases.kill(process, signal.SIGINT)
    until(lambda: releases.holder is None, "its lock outlived it")
    releases.beat(ask, "1.3.0 may go on")
    texts = {
        "release_allow_breaking_migrations": "no",
        "release_analysis_timeout_seconds": "300",
        "release_bake_minutes": "5",
    }
    played = runner.play("deploy", {"release": "1.3.0", **texts})
    assert played.code == 0, played.output
    assert ask("GET", "/readyz").headers["x-release"] == "1.3.0"


def test_a_rollback_that_a_runner_calls_releases_the_one_before(
    releases: Releases, ask: Ask, sandbox: Sandbox, runner: Runner
) -> None:
    """What migrated is looked at while the rollback goes on: a stopped task is listed for an hour, here a minute."""
    ecs, ran = sandbox.client("ecs"), dict[str, Any]()

    with ThreadPoolExecutor() as pool:
        rollback = pool.submit(runner.play, "rollback", {"release_reason": WHY})

        def over() -> bool:
            for status in ("RUNNING", "STOPPED"):
                arns = ecs.list_tasks(cluster=STACK, family=f"{STACK}-migrate", desiredStatus=status)["taskArns"]
                found = ecs.describe_tasks(cluster=STACK, tasks=arns)["tasks"] if arns else []
                ran.update((one["taskArn"], one) for one in found)
            return rollback.done()

        until(over, every=0.5, longest=6 * HANGS_SECONDS)
    played = rollback.result()
    assert played.code == 0, played.output
    assert ask("GET", "/readyz").headers["x-release"] == "1.2.0"
    assert releases.holder is None
    newest = max(ran.values(), key=lambda task: task["createdAt"])
    assert image(sandbox, newest["taskDefinitionArn"]) == image(sandbox, releases.service["taskDefinition"])


def test_its_reason_is_kept_as_it_was_written_and_a_runner_shows_it(releases: Releases, runner: Runner) -> None:
    assert releases.audit_log[0]["change_reason"] == WHY
    assert releases.report("1.2.0")["change_reason"] == WHY
    assert str(markupsafe.escape(WHY.splitlines()[0])) in (REPORTS / f"{releases.audit_log[0]['run']}.html").read_text()
    shown = runner.play("status", {}, home=None)
    assert shown.code == 0, shown.output
    assert "last release   1.2.0 by operator" in shown.output


def image(sandbox: Sandbox, definition: str) -> str:
    described = sandbox.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
    return str(described["containerDefinitions"][0]["image"])


def test_a_deployment_by_hand_is_reported_and_not_overwritten(releases: Releases, sandbox: Sandbox) -> None:
    ecs = sandbox.client("ecs")
    service = releases.service
    family = service["taskDefinition"].rpartition(":")[0].rpartition("/")[2]
    older = ecs.describe_task_definition(taskDefinition=f"{family}:1")["taskDefinition"]["taskDefinitionArn"]
    alarms = service["deploymentConfiguration"]["alarms"]
    hook = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    held = [hook | {"timeoutConfiguration": {"timeoutInMinutes": 20160, "action": "ROLLBACK"}}]
    quick = {
        "strategy": "BLUE_GREEN",
        "bakeTimeInMinutes": 0,
        "lifecycleHooks": held,
        "alarms": alarms,
    }
    before = releases.latest["serviceDeploymentArn"]
    ecs.update_service(
        cluster=service["clusterArn"],
        service=service["serviceName"],
        taskDefinition=older,
        deploymentConfiguration=quick,
    )
    played = releases.deploy("1.3.0")
    assert played.code != 0
    assert "no release of ours began" in sentence(played), played.output
    mine = releases.reached("POST_SCALE_UP", after=before)
    ecs.continue_service_deployment(
        serviceDeploymentArn=mine["serviceDeploymentArn"], hookId=mine["lifecycleHookDetails"][0]["hookId"]
    )
    releases.reached("SUCCESSFUL", after=before)
    played = releases.deploy("1.3.0")
    assert played.code != 0
    assert "which no release brought" in sentence(played), played.output
    assert releases.service["taskDefinition"] == older
    revision = older.rpartition("/")[2]
    played = releases.deploy("1.3.0", release_replace_unmanaged=revision)
    assert played.code == 0, played.output
