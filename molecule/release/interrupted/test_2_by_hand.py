"""What a person on call does by hand: look, continue for an operator that died, roll back, and fix the weights."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import variants
from tests.support.load import under_load
from tests.support.releases import PATIENT, Push, Releases, sentence
from tests.support.stack import STACK, Ask, Played, Sandbox
from tests.support.waiting import until

BEFORE, TAG = "1.3.0", "1.4.0"
NAMED = ("-e", f"confirm={STACK}")


def because(why: str) -> tuple[str, ...]:
    return "-e", json.dumps({"release_reason": why})


def waits(releases: Releases) -> bool:
    return any(hook["status"] == "AWAITING_ACTION" for hook in releases.latest.get("lifecycleHookDetails", ()))


def refused(played: Played, *words: str) -> None:
    assert played.code != 0, played.output
    assert [one for one in (*words, "Nothing was touched") if one not in sentence(played)] == [], played.output


def test_a_person_continues_in_the_place_of_an_operator_that_died_and_then_rolls_back(
    releases: Releases, push: Push, ask: Ask, sandbox: Sandbox, tmp_path: Path
) -> None:
    push(TAG, variants.ready_on_demand("1.4.0 is stepped by a person"))
    before, definition = releases.latest["serviceDeploymentArn"], releases.service["taskDefinition"]
    process = releases.begin(TAG, **PATIENT, release_pause_minutes=1440, release_bake_minutes=1440)
    releases.reached("SCALE_UP", after=before)
    releases.kill(process)
    releases.beat(ask, "1.4.0 is stepped by a person")
    until(lambda: waits(releases))
    until(lambda: releases.holder is None, "its lock outlived it")
    shown = sentence(releases.play("runbook_release_status"))
    for words in ("waits for an answer until", f"runbook_release_continue.yml -e confirm={STACK}", "Nobody holds it"):
        assert words in shown
    refused(releases.play("runbook_release_continue", *because("it is good")), "did not name it")
    shares = ("-e", json.dumps({"release_traffic_weights": {"blue": 0, "green": 100}}))
    refused(releases.play("runbook_shift_traffic", *NAMED, *shares, *because("now")), "A release is being made")
    with under_load(sandbox, tmp_path / "requests.jsonl", rate=30) as load:
        answered = 0
        while releases.latest.get("lifecycleStage") != "BAKE_TIME":
            until(lambda: waits(releases) or releases.latest.get("lifecycleStage") == "BAKE_TIME")
            if waits(releases):
                played = releases.play("runbook_release_continue", *NAMED, *because("its figures are good"))
                assert (played.code, played.changed) == (0, 1), played.output
                answered += 1
        assert answered == 4
        assert {ask("GET", "/readyz").headers["x-release"] for _ in range(10)} == {TAG}
        played = releases.play("rollback", *because("students see old grades"))
    assert played.code == 0, played.output
    assert releases.latest["status"] == "ROLLBACK_SUCCESSFUL"
    assert releases.service["taskDefinition"] == definition
    assert {ask("GET", "/readyz").headers["x-release"] for _ in range(10)} == {BEFORE}
    assert load.seen.by_release.keys() == {BEFORE, TAG}
    assert (load.seen.failed, load.seen.writes.lost, load.seen.writes.doubled) == (0, 0, 0), load.seen


def test_a_person_fixes_weights_that_lead_nowhere(releases: Releases, ask: Ask, sandbox: Sandbox) -> None:
    right = releases.weights
    live, empty = sorted(right, key=lambda colour: -right[colour])
    actions = releases.rule["Actions"]
    for group in actions[0]["ForwardConfig"]["TargetGroups"]:
        group["Weight"] = 50
    sandbox.client("elbv2").modify_rule(RuleArn=releases.rule["RuleArn"], Actions=actions)
    wrong = ("-e", json.dumps({"release_traffic_weights": {live: 0, empty: 100}}))
    refused(releases.play("runbook_shift_traffic", *NAMED, *wrong, *because("half of it fails")), "no healthy target")
    fix = ("-e", json.dumps({"release_traffic_weights": {live: 100, empty: 0}}))
    refused(releases.play("runbook_shift_traffic", *NAMED, *fix), "Say why")
    played = releases.play("runbook_shift_traffic", *NAMED, *fix, *because("half of it fails"))
    assert (played.code, played.changed) == (0, 1), played.output
    assert releases.weights == right
    until(lambda: {ask("GET", "/readyz").status for _ in range(20)} == {200})
    assert releases.holder is None
