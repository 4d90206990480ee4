"""The modules of a release against a local API: what they read of a deployment, and what they tell it."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ops.release.analysis import Analysis, Sent
from ops.release.observation import OPTIONS, Observation, Observer
from ops.release.sample import Figures
from ops.report import events
from plugins.modules import ecs_deployment_action, ecs_deployment_info, run_event
from tests.support.ops.deployments import CANARY, MINUTE, deployed, measured, options, passing, past_its_first_minute
from tests.support.ops.own_modules import call, mutations
from tests.support.sandbox.colours import pause
from tests.support.sandbox.service_deployments import Scene

WHY = "green answers 4.8 % of 312 requests with 5xx"


def info(scene: Scene, **more: Any) -> dict[str, Any]:
    answer = call(ecs_deployment_info.main, **options(scene, **more))
    assert "failed" not in answer, answer
    assert answer["changed"] is False
    return answer


def final(
    scene: Scene, sent: Sent | None = None, on_inconclusive: str = "continue", **more: Any
) -> tuple[Observation, Analysis]:
    """Return an observation, and the analysis that would be answered at a hook."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    observer = Observer(scene.api, {**defaults, **options(scene, **more)})
    deployment = observer.find()
    assert deployment
    found = observer.observe(deployment)
    observer.record(found)
    return found, observer.final(found, sent or Sent(), on_inconclusive)


def answer(arn: str, word: str, **options: Any) -> dict[str, Any]:
    return call(ecs_deployment_action.main, deployment=arn, action=word, message=WHY, **options)


# ecs_deployment_info


def test_before_the_first_release_there_is_nothing_to_see_and_that_is_no_error(scene: Scene, log: str) -> None:
    found = info(scene, event_log=log)
    assert (found["deployment"], found["action"], found["ended"], found["hook"]) == (None, "ended", True, None)
    assert (found["progress"], found["analysis"]["message"]) == ("there is no deployment",) * 2
    assert not Path(log).exists()


def test_a_hook_asks_for_a_smoke_test_and_shows_until_when_it_waits(scene: Scene, log: str) -> None:
    arn = deployed(scene, lifecycleHooks=[pause("POST_TEST_TRAFFIC_SHIFT")])
    found = info(scene, event_log=log)
    assert (found["deployment"], found["action"], found["stage"]) == (arn, "smoke_test", "POST_TEST_TRAFFIC_SHIFT")
    assert (found["ended"], found["succeeded"], found["analysis"]["outcome"]) == (False, False, "undecided")
    (waits,) = scene.describe(arn)["lifecycleHookDetails"]
    assert (found["hook"], datetime.fromisoformat(found["expires"])) == (waits["hookId"], waits["expiresAt"])


def test_every_observation_is_a_line_that_nobody_else_may_read(scene: Scene, log: str) -> None:
    deployed(scene, **CANARY)
    info(scene, event_log=log)
    info(scene, event_log=log)
    first, second = events.lines(log)
    assert (first["kind"], first["stage"], first["share"]) == ("observation", "PRODUCTION_TRAFFIC_SHIFT", 25.0)
    assert first["green"] == {"requests": 0, "errors": 0, "p95_ms": None, "slow": None, "slow_ms": None}
    assert first["alarms"] == []
    assert Path(log).stat().st_mode & 0o777 == 0o600
    assert second["t"] >= first["t"]


def test_without_an_event_log_nothing_is_written_and_no_time_left_is_made_up(scene: Scene, log: str) -> None:
    deployed(scene, **CANARY)
    assert "left" not in info(scene)["progress"]
    assert "left" in info(scene, event_log=log, minute_seconds=1)["progress"]


def test_what_is_left_of_a_bake_counts_from_its_first_observation(scene: Scene, log: str) -> None:
    deployed(scene, **CANARY)
    info(scene, event_log=log)
    (line,) = events.lines(log)
    begun = time.time() - 1000
    Path(log).write_text(json.dumps({**line, "t": begun - 500, "share": 0.0}) + "\n" + json.dumps({**line, "t": begun}))
    with Path(log).open("a") as file:
        file.write("\n")
    info(scene, event_log=log, minute_seconds=1)
    last = list(events.lines(log))[-1]
    assert begun + 1440 - time.time() <= last["seconds_left"] <= 440  # of 1440 minutes of a second each


def test_a_check_records_nothing(scene: Scene, log: str) -> None:
    deployed(scene, **CANARY)
    assert call(ecs_deployment_info.main, check=True, **options(scene, event_log=log))["share"] == 25.0
    assert not Path(log).exists()


def test_colours_are_told_apart_by_the_groups_that_ecs_resolved(scene: Scene) -> None:
    deployed(scene, **CANARY)
    past_its_first_minute()
    now = time.time()
    measured(scene, scene.green, requests=400, errors=0, seconds=0.044, slow=4, at=now)
    measured(scene, scene.blue, requests=1200, errors=3, seconds=0.041, at=now)
    found, analysis = final(scene)
    for colour, requests, errors, ms, slow in (("green", 400, 0, 44, 4), ("blue", 1200, 3, 41, 0)):
        figures = Figures(**found.figures[colour])
        assert (figures.requests, figures.errors, figures.slow, figures.slow_ms) == (requests, errors, slow, 82)
        assert figures.p95_ms == pytest.approx(ms)
    assert analysis.outcome == "pass"
    assert info(scene)["action"] is None


def test_green_is_analysed_by_what_it_did_with_its_present_share(scene: Scene, log: str) -> None:
    """Else the analysis of all of the traffic would pass on what the canary had answered."""
    deployed(scene, **CANARY)
    past_its_first_minute()
    measured(scene, scene.green, requests=400, errors=0, seconds=0.044, at=time.time() - 2 * MINUTE)
    measured(scene, scene.blue, requests=1200, errors=3, seconds=0.041, at=time.time() - 2 * MINUTE)
    first, analysis = final(scene, event_log=log)
    assert (first.figures["green"]["requests"], first.figures["blue"]["requests"]) == (0, 1200)
    assert (analysis.outcome, analysis.missing) == ("undecided", 300)
    (line,) = events.lines(log)
    begun = first.deployment.begun.timestamp()
    Path(log).write_text(json.dumps({**line, "share": 10.0, "t": begun}) + "\n")
    assert info(scene, event_log=log)["figures"]["green"]["requests"] == 0
    Path(log).write_text(json.dumps({**line, "t": begun}) + "\n")
    assert final(scene, event_log=log)[1].outcome == "pass"


def test_what_was_reported_passes_as_its_slow_requests_are_of_the_first_minute(scene: Scene, log: str) -> None:
    """317 requests with a p95 of 81 ms, beside blue's 16 to 21: the first ones of cold threads."""
    deployed(scene, **CANARY)
    first = info(scene, event_log=log)
    assert (first["analysis"]["missing"], first["action"]) == (300, None)
    (line,) = events.lines(log)
    measured(scene, scene.green, requests=40, errors=0, seconds=0.0793, slow=30, at=line["t"] + 0.1)
    measured(scene, scene.blue, requests=400, errors=0, seconds=0.018, at=line["t"] + 0.1)
    passing(3 * MINUTE)
    now = time.time()
    measured(scene, scene.green, requests=317, errors=0, seconds=0.018, at=now)
    measured(scene, scene.blue, requests=2800, errors=0, seconds=0.018, at=now)
    found, analysis = final(scene, event_log=log)
    assert (found.figures["green"]["requests"], found.figures["green"]["slow"]) == (317, 0)
    assert analysis.outcome == "pass", analysis.message


def test_a_green_that_is_slower_than_blue_in_the_same_minutes_is_rolled_back(scene: Scene) -> None:
    deployed(scene, **CANARY)
    past_its_first_minute()
    measured(scene, scene.blue, requests=3000, errors=0, seconds=0.018)
    past_its_first_minute()
    now = time.time() // MINUTE * MINUTE
    for at in (now - 2 * MINUTE, now - MINUTE, now):
        measured(scene, scene.green, requests=120, errors=0, seconds=0.018, slow=40, at=at)
        measured(scene, scene.blue, requests=1000, errors=0, seconds=0.018, at=at)
    found = info(scene)
    assert (found["action"], found["analysis"]["outcome"]) == ("roll_back", "fail")
    assert found["analysis"]["message"].startswith(
        "33.3 % of green's 240 requests but for its worst minute took longer than"
    )
    assert "blue has 0.0 % of 2,000 in the same minutes" in found["analysis"]["message"]


@pytest.mark.parametrize(("word", "says"), [("continue", "continues"), ("roll_back", "rolls back")])
def test_what_cannot_be_told_apart_waits_for_more_and_then_for_a_person_s_word(
    scene: Scene, word: str, says: str
) -> None:
    deployed(scene, **CANARY)
    past_its_first_minute()
    now = time.time()
    for colour, requests in ((scene.green, 400), (scene.blue, 1200)):
        measured(scene, colour, requests=requests, errors=requests // 20, seconds=0.044, at=now)
    _, analysis = final(scene, on_inconclusive=word)
    assert analysis.outcome == "inconclusive"
    assert f"By release_on_inconclusive={word} it {says}" in analysis.message


def test_alarms_are_told_of_and_roll_nothing_back(scene: Scene, log: str) -> None:
    scene.alarm("ALARM")
    quiet = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "Period": 60}
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Statistic": "Sum"}
    scene.cloudwatch.put_metric_alarm(AlarmName="silent", **metric, **quiet)
    deployed(scene, **CANARY)
    past_its_first_minute()
    now = time.time()
    measured(scene, scene.green, requests=400, errors=0, seconds=0.044, at=now)
    measured(scene, scene.blue, requests=1200, errors=0, seconds=0.041, at=now)
    found, analysis = final(scene, alarms=["errors", "silent"])
    assert (analysis.outcome, found.alarms) == ("pass", ["errors"])
    assert analysis.message.endswith("Alarms in the state ALARM meanwhile, which roll nothing back: errors")


def test_what_was_sent_and_failed_counts_though_cloudwatch_knows_nothing_of_it(scene: Scene) -> None:
    deployed(scene, **CANARY)
    _, analysis = final(scene, Sent(300, 300, "answered 503"))
    assert analysis.outcome == "fail"
    assert "100.0 % of the 300 requests that were sent to analyse it" in analysis.message


def test_what_surely_goes_wrong_is_to_be_rolled_back_even_in_its_first_minute(scene: Scene) -> None:
    deployed(scene, **CANARY)
    measured(scene, scene.green, requests=400, errors=100, seconds=0.044)
    passing(1)
    found = info(scene, minute_seconds=60)
    assert (found["action"], found["analysis"]["outcome"]) == ("roll_back", "fail")
    assert "25.0 % of 400 requests" in found["analysis"]["message"]
    assert "its first minute does not count" in found["progress"]


def test_a_green_that_does_not_start_is_to_be_rolled_back(scene: Scene) -> None:
    scene.create()
    scene.settle()
    scene.deploy()
    scene.look(stable=2)
    assert info(scene)["analysis"]["message"] == "green is starting"
    late = info(scene, startup_timeout_seconds=0)
    assert (late["action"], late["stage"]) == ("roll_back", "SCALE_UP")


def test_thresholds_count(scene: Scene) -> None:
    deployed(scene, **CANARY)
    past_its_first_minute()
    measured(scene, scene.green, requests=40, errors=0, seconds=0.044)
    assert info(scene)["analysis"]["missing"] == 260
    assert info(scene, thresholds={"minimum_requests": 30})["analysis"]["outcome"] == "pass"


def test_the_end_is_seen_and_the_latest_deployment_is_the_newest(scene: Scene) -> None:
    first = scene.create()
    scene.settle()
    second = scene.deploy()
    scene.look(stable=2)
    scene.look(stable=2, primary=2)
    scene.settle()
    found = info(scene)
    assert (found["deployment"], found["action"], found["succeeded"]) == (second, "ended", True)
    assert info(scene, deployment=first)["deployment"] == first


# ecs_deployment_action


def test_an_answer_lets_it_continue_and_is_recorded(scene: Scene, log: str) -> None:
    arn = deployed(scene, lifecycleHooks=[pause("POST_TEST_TRAFFIC_SHIFT")])
    hook = info(scene)["hook"]
    assert answer(arn, "CONTINUE", hook=hook, event="smoke_test", event_log=log)["changed"] is True
    scene.look(stable=2, primary=2)
    assert info(scene)["stage"] != "POST_TEST_TRAFFIC_SHIFT"
    (line,) = events.lines(log)
    assert (line["kind"], line["event"], line["outcome"], line["message"]) == ("event", "smoke_test", "ok", WHY)


def test_a_hook_that_is_answered_with_no_rolls_back_and_the_reason_is_ours(scene: Scene, log: str) -> None:
    arn = deployed(scene, lifecycleHooks=[pause("POST_TEST_TRAFFIC_SHIFT")])
    answer(arn, "ROLLBACK", hook=info(scene)["hook"], event="analysis", event_log=log)
    for _ in range(3):
        scene.look(stable=2)
    found = info(scene, event_log=log)
    assert (found["status"], found["action"]) == ("ROLLBACK_SUCCESSFUL", "ended")
    assert found["outcome"] == f"ECS rolled the release back, and the one before has all traffic: {WHY}"
    assert "ContinueServiceDeployment" in info(scene)["outcome"]  # without an event log, AWS's words
    assert next(events.lines(log))["outcome"] == "failed"


def test_without_a_hook_the_deployment_is_stopped(scene: Scene) -> None:
    arn = deployed(scene, **CANARY)
    assert answer(arn, "ROLLBACK")["changed"] is True
    assert scene.describe(arn)["status"] == "ROLLBACK_REQUESTED"
    for _ in range(3):
        scene.look(stable=2)
    assert (scene.describe(arn)["status"], scene.weights()) == ("ROLLBACK_SUCCESSFUL", (100, 0))


@pytest.mark.parametrize("hook", ["", "ecs-pause-0123456789"])
def test_an_answer_that_comes_too_late_changes_nothing_and_is_no_error(scene: Scene, log: str, hook: str) -> None:
    arn = scene.create()
    scene.settle()
    found = answer(arn, "ROLLBACK", hook=hook, event_log=log)
    assert (found["changed"], found["late"]) == (False, True)
    assert next(events.lines(log))["outcome"] == "refused"


def test_a_deployment_that_is_not_there_is_an_error(scene: Scene) -> None:
    arn = scene.create()
    found = answer(arn[:-3] + "zzz", "ROLLBACK")
    assert "Could not tell the deployment to ROLLBACK: ServiceDeploymentNotFoundException" in found["msg"]


def test_nothing_can_continue_that_waits_at_no_hook(scene: Scene) -> None:
    assert "waits at no PAUSE hook" in answer(deployed(scene, **CANARY), "CONTINUE")["msg"]


def test_a_check_tells_nobody_anything(scene: Scene, log: str) -> None:
    arn = deployed(scene, **CANARY)
    before = mutations(scene.api)
    found = call(ecs_deployment_action.main, check=True, deployment=arn, action="ROLLBACK", message=WHY, event_log=log)
    assert (found["changed"], found["diff"]["after"]) == (True, f"ROLLBACK: {WHY}\n")
    assert mutations(scene.api) == before
    assert not Path(log).exists()


# run_event and the event log


def test_an_event_is_a_line(log: str) -> None:
    options: dict[str, Any] = {"event_log": log, "event": "migration", "message": "The schema is at 0007"}
    assert call(run_event.main, **options)["changed"] is False
    call(run_event.main, check=True, **options)
    (line,) = events.lines(log)
    assert (line["event"], line["outcome"], line["message"]) == ("migration", "ok", "The schema is at 0007")


def test_an_event_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file, and no folder")
    options: dict[str, Any] = {"event_log": str(tmp_path / "run" / "events.jsonl"), "event": "end", "message": "over"}
    assert "Could not write the event log" in call(run_event.main, **options)["msg"]


def test_a_line_that_a_kill_cut_off_is_left_out(log: str) -> None:
    events.append(log, "event", event="end", message="one")
    with Path(log).open("a") as file:
        file.write('{"kind": "event", "mes')
    assert [line["message"] for line in events.lines(log)] == ["one"]
    assert list(events.lines("")) == list(events.lines(log + ".not")) == []
