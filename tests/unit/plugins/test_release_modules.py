"""The modules of a release against a local API: what they see of a deployment, and what they tell it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.release.metrics import suffix
from ops.release.sample import Figures
from ops.report import events as record
from plugins.modules import ecs_deployment_action, ecs_deployment_info, run_event
from sandbox.services.cloudwatch.api import Distribution
from sandbox.services.ecs.deployment import stages as ecs_deployments
from tests.support.ops.deployments import CANARY, deployed
from tests.support.ops.own_modules import call, environment, mutations
from tests.support.sandbox.api_only import serving
from tests.support.sandbox.colours import pause
from tests.support.sandbox.service_deployments import Region, Scene
from tests.support.waiting import until

WHY = "green answers 4.8 % of 312 requests with 5xx"


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    with serving(tmp_path_factory.mktemp("releases") / "sandbox") as api, environment(api):
        yield Region(api)


@pytest.fixture
def scene(region: Region, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(ecs_deployments, "SETTLE", 0.0)
    return Scene(region)


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """The record of a run."""
    return str(tmp_path / "run" / "events.jsonl")


def balancer(scene: Scene) -> str:
    found = scene.elb.describe_load_balancers(Names=[scene.name])["LoadBalancers"][0]
    return str(found["LoadBalancerArn"])


def look(scene: Scene, **options: Any) -> dict[str, Any]:
    service: dict[str, Any] = {"cluster": scene.name, "service": "web", "load_balancer": balancer(scene)}
    answer = call(ecs_deployment_info.main, **{**service, "minute_seconds": MINUTE, **options})
    assert "failed" not in answer, answer
    assert answer["changed"] is False
    return answer


def answer(arn: str, word: str, **options: Any) -> dict[str, Any]:
    return call(ecs_deployment_action.main, deployment=arn, answer=word, why=WHY, **options)


MINUTE = 0.5  # seconds of AWS's


def measured(
    scene: Scene, group: str, requests: int, errors: int, seconds: float, slow: int = 0, at: float = 0
) -> None:
    """What Envoy's counters would have become in CloudWatch, now or at a time. Slow ones take ten times as long."""
    dimensions = (("LoadBalancer", suffix(balancer(scene))), ("TargetGroup", suffix(group)))
    values: dict[str, dict[float, int]] = {
        "RequestCount": {float(requests): 1},
        "HTTPCode_Target_2XX_Count": {float(requests - errors): 1},
        "HTTPCode_Target_5XX_Count": {float(errors): 1},
        "TargetResponseTime": {seconds: requests - slow, **({10 * seconds: slow} if slow else {})},
    }
    backend = scene.api.state.backend("cloudwatch", "123456789012", "us-east-1")
    backend.minute = MINUTE
    moment = datetime.fromtimestamp(at or time.time(), UTC).replace(tzinfo=None)
    for name, found in values.items():
        backend.metric_data.append(Distribution("AWS/ApplicationELB", name, dimensions, moment, "Count", found))


def past_its_first_minute() -> None:
    """Wait until what green answers counts, wherever CloudWatch's minutes begin. Nothing is asked for an empty time."""
    passing(1 + 2 * MINUTE)


def passing(seconds: float) -> None:
    """Let so much time pass as CloudWatch counts it: nothing is asked for an empty time."""
    before = time.time()
    until(lambda: time.time() > before + seconds)


# ecs_deployment_info


def test_before_the_first_release_there_is_nothing_to_see_and_that_is_no_error(scene: Scene, kept: str) -> None:
    found = look(scene, record=kept)
    assert (found["deployment"], found["stop"], found["ended"], found["hook"]) == (None, "ended", True, None)
    assert (found["progress"], found["verdict"]["words"]) == ("there is no deployment",) * 2
    assert not Path(kept).exists()


def test_a_pause_asks_for_a_trial_and_shows_until_when_it_waits(scene: Scene, kept: str) -> None:
    arn = deployed(scene, lifecycleHooks=[pause("POST_TEST_TRAFFIC_SHIFT")])
    found = look(scene, record=kept)
    assert (found["deployment"], found["stop"], found["stage"]) == (arn, "test", "POST_TEST_TRAFFIC_SHIFT")
    assert (found["ended"], found["succeeded"], found["verdict"]["outcome"]) == (False, False, "undecided")
    (waits,) = scene.describe(arn)["lifecycleHookDetails"]
    assert (found["hook"], datetime.fromisoformat(found["expires"])) == (waits["hookId"], waits["expiresAt"])


def test_every_look_is_a_line_that_nobody_else_may_read(scene: Scene, kept: str) -> None:
    deployed(scene, **CANARY)
    look(scene, record=kept)
    look(scene, record=kept)
    first, second = record.lines(kept)
    assert (first["kind"], first["stage"], first["share"]) == ("look", "PRODUCTION_TRAFFIC_SHIFT", 25.0)
    assert first["green"] == {"requests": 0, "errors": 0, "p95_ms": None, "slow": None, "slow_ms": None}
    assert first["ringing"] == []
    assert Path(kept).stat().st_mode & 0o777 == 0o600
    assert second["t"] >= first["t"]


def test_without_a_record_nothing_is_written_and_no_time_left_is_made_up(scene: Scene, kept: str) -> None:
    deployed(scene, **CANARY)
    assert "left" not in look(scene)["progress"]
    assert "left" in look(scene, record=kept, minute_seconds=1)["progress"]


def test_what_is_left_of_a_bake_counts_from_the_first_look_at_it(scene: Scene, kept: str) -> None:
    deployed(scene, **CANARY)
    look(scene, record=kept)
    (line,) = record.lines(kept)
    begun = time.time() - 1000
    Path(kept).write_text(
        json.dumps({**line, "t": begun - 500, "share": 0.0}) + "\n" + json.dumps({**line, "t": begun})
    )
    with Path(kept).open("a") as file:
        file.write("\n")
    look(scene, record=kept, minute_seconds=1)
    last = list(record.lines(kept))[-1]
    assert begun + 1440 - time.time() <= last["seconds_left"] <= 440  # of 1440 minutes of a second each


def test_a_check_writes_no_record(scene: Scene, kept: str) -> None:
    deployed(scene, **CANARY)
    options = {"cluster": scene.name, "service": "web", "load_balancer": balancer(scene), "record": kept}
    assert call(ecs_deployment_info.main, check=True, **options)["share"] == 25.0
    assert not Path(kept).exists()


def test_colours_are_told_apart_by_the_groups_that_ecs_resolved(scene: Scene) -> None:
    deployed(scene, **CANARY)
    past_its_first_minute()
    now = time.time()
    measured(scene, scene.green, requests=400, errors=0, seconds=0.044, slow=4, at=now)
    measured(scene, scene.blue, requests=1200, errors=3, seconds=0.041, at=now)
    found = look(scene, final=True)
    for colour, requests, errors, ms, slow in (("green", 400, 0, 44, 4), ("blue", 1200, 3, 41, 0)):
        figures = Figures(**found["figures"][colour])
        assert (figures.requests, figures.errors, figures.slow, figures.slow_ms) == (requests, errors, slow, 82)
        assert figures.p95_ms == pytest.approx(ms)
    assert (found["verdict"]["outcome"], found["judged"], found["goes_on"]) == ("pass", True, True)
    assert found["stop"] is None


def test_green_is_judged_by_what_it_did_with_its_present_share(scene: Scene, kept: str) -> None:
    """Else the gate for all of the traffic would pass on what the canary had answered."""
    deployed(scene, **CANARY)
    past_its_first_minute()
    measured(scene, scene.green, requests=400, errors=0, seconds=0.044, at=time.time() - 2 * MINUTE)
    measured(scene, scene.blue, requests=1200, errors=3, seconds=0.041, at=time.time() - 2 * MINUTE)
    first = look(scene, record=kept, final=True)
    assert (first["figures"]["green"]["requests"], first["figures"]["blue"]["requests"]) == (0, 1200)
    assert (first["judged"], first["verdict"]["missing"]) == (False, 300)
    (line,) = record.lines(kept)
    begun = datetime.fromisoformat(first["begun"]).timestamp()
    Path(kept).write_text(json.dumps({**line, "share": 10.0, "t": begun}) + "\n")
    assert look(scene, record=kept)["figures"]["green"]["requests"] == 0
    Path(kept).write_text(json.dumps({**line, "t": begun}) + "\n")
    assert look(scene, record=kept, final=True)["verdict"]["outcome"] == "pass"


def test_what_was_reported_passes_as_its_slow_requests_are_of_the_first_minute(scene: Scene, kept: str) -> None:
    """317 requests with a p95 of 81 ms, beside blue's 16 to 21: the first ones of cold threads."""
    deployed(scene, **CANARY)
    first = look(scene, record=kept)
    assert (first["lacks"], first["stop"]) == ({"count": 300, "alongside": True}, None)
    (line,) = record.lines(kept)
    measured(scene, scene.green, requests=40, errors=0, seconds=0.0793, slow=30, at=line["t"] + 0.1)
    measured(scene, scene.blue, requests=400, errors=0, seconds=0.018, at=line["t"] + 0.1)
    passing(3 * MINUTE)
    now = time.time()
    measured(scene, scene.green, requests=317, errors=0, seconds=0.018, at=now)
    measured(scene, scene.blue, requests=2800, errors=0, seconds=0.018, at=now)
    found = look(scene, record=kept, final=True)
    assert (found["figures"]["green"]["requests"], found["figures"]["green"]["slow"]) == (317, 0)
    assert found["verdict"]["outcome"] == "pass", found["verdict"]["words"]


def test_a_green_that_is_slower_than_blue_in_the_same_minutes_goes_back(scene: Scene) -> None:
    deployed(scene, **CANARY)
    past_its_first_minute()
    measured(scene, scene.blue, requests=3000, errors=0, seconds=0.018)
    past_its_first_minute()
    now = time.time() // MINUTE * MINUTE
    for at in (now - 2 * MINUTE, now - MINUTE, now):
        measured(scene, scene.green, requests=120, errors=0, seconds=0.018, slow=40, at=at)
        measured(scene, scene.blue, requests=1000, errors=0, seconds=0.018, at=at)
    found = look(scene)
    assert (found["stop"], found["verdict"]["outcome"]) == ("stop", "fail")
    assert found["verdict"]["words"].startswith(
        "33.3 % of green's 240 requests but for its worst minute took longer than"
    )
    assert "blue has 0.0 % of 2,000 in the same minutes" in found["verdict"]["words"]


@pytest.mark.parametrize(("word", "goes_on"), [("continue", True), ("roll_back", False)])
def test_what_cannot_be_told_apart_waits_for_more_and_then_for_a_person_s_word(
    scene: Scene, word: str, goes_on: bool
) -> None:
    deployed(scene, **CANARY)
    past_its_first_minute()
    now = time.time()
    for colour, requests in ((scene.green, 400), (scene.blue, 1200)):
        measured(scene, colour, requests=requests, errors=requests // 20, seconds=0.044, at=now)
    found = look(scene, final=True, on_inconclusive=word)
    assert (found["verdict"]["outcome"], found["judged"], found["goes_on"]) == ("inconclusive", False, goes_on)
    assert f"By release_on_inconclusive={word} it goes {'on' if goes_on else 'back'}" in found["verdict"]["words"]


def test_alarms_that_ring_are_told_of_and_take_nothing_back(scene: Scene, kept: str) -> None:
    scene.alarm("ALARM")
    quiet = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "Period": 60}
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Statistic": "Sum"}
    scene.cloudwatch.put_metric_alarm(AlarmName="silent", **metric, **quiet)
    deployed(scene, **CANARY)
    past_its_first_minute()
    now = time.time()
    measured(scene, scene.green, requests=400, errors=0, seconds=0.044, at=now)
    measured(scene, scene.blue, requests=1200, errors=0, seconds=0.041, at=now)
    found = look(scene, final=True, alarms=["errors", "silent"])
    assert (found["verdict"]["outcome"], found["ringing"]) == ("pass", ["errors"])
    assert found["verdict"]["words"].endswith("Alarms that ring meanwhile, and take nothing back: errors")


def test_what_was_sent_and_failed_counts_though_cloudwatch_knows_nothing_of_it(scene: Scene) -> None:
    deployed(scene, **CANARY)
    sent = {"sent": 300, "requests_failed": 300, "first_failure": "answered 503"}
    found = look(scene, final=True, sent=sent)
    assert (found["verdict"]["outcome"], found["judged"], found["goes_on"]) == ("fail", True, False)
    assert "100.0 % of the 300 requests that were sent to judge it" in found["verdict"]["words"]


def test_what_surely_goes_wrong_is_to_be_stopped_even_in_its_first_minute(scene: Scene) -> None:
    deployed(scene, **CANARY)
    measured(scene, scene.green, requests=400, errors=100, seconds=0.044)
    passing(1)
    found = look(scene, minute_seconds=60)
    assert (found["stop"], found["verdict"]["outcome"]) == ("stop", "fail")
    assert "25.0 % of 400 requests" in found["verdict"]["words"]
    assert "its first minute does not count" in found["progress"]


def test_a_green_that_does_not_get_up_is_to_be_stopped(scene: Scene) -> None:
    scene.create()
    scene.settle()
    scene.deploy()
    scene.look(stable=2)
    assert look(scene)["verdict"]["words"] == "green is starting"
    late = look(scene, start_seconds=0)
    assert (late["stop"], late["judged"], late["stage"]) == ("stop", True, "SCALE_UP")


def test_limits_count(scene: Scene) -> None:
    deployed(scene, **CANARY)
    past_its_first_minute()
    measured(scene, scene.green, requests=40, errors=0, seconds=0.044)
    assert look(scene)["verdict"]["missing"] == 260
    assert look(scene, limits={"minimum_requests": 30})["verdict"]["outcome"] == "pass"


def test_the_end_is_seen_and_the_latest_deployment_is_the_newest(scene: Scene) -> None:
    first = scene.create()
    scene.settle()
    second = scene.deploy()
    scene.look(stable=2)
    scene.look(stable=2, primary=2)
    scene.settle()
    found = look(scene)
    assert (found["deployment"], found["stop"], found["succeeded"]) == (second, "ended", True)
    assert look(scene, deployment=first)["deployment"] == first


# ecs_deployment_action


def test_an_answer_lets_it_go_on_and_is_recorded(scene: Scene, kept: str) -> None:
    arn = deployed(scene, lifecycleHooks=[pause("POST_TEST_TRAFFIC_SHIFT")])
    hook = look(scene)["hook"]
    assert answer(arn, "CONTINUE", hook=hook, event="smoke", record=kept)["changed"] is True
    scene.look(stable=2, primary=2)
    assert look(scene)["stage"] != "POST_TEST_TRAFFIC_SHIFT"
    (line,) = record.lines(kept)
    assert (line["kind"], line["event"], line["outcome"], line["words"]) == ("event", "smoke", "ok", WHY)


def test_a_hook_that_is_answered_with_no_goes_back_and_the_reason_is_ours(scene: Scene, kept: str) -> None:
    arn = deployed(scene, lifecycleHooks=[pause("POST_TEST_TRAFFIC_SHIFT")])
    answer(arn, "ROLLBACK", hook=look(scene)["hook"], event="gate", record=kept)
    for _ in range(3):
        scene.look(stable=2)
    found = look(scene, record=kept)
    assert (found["status"], found["stop"]) == ("ROLLBACK_SUCCESSFUL", "ended")
    assert found["outcome"] == f"ECS took the release back, and the one before has all traffic: {WHY}"
    assert "ContinueServiceDeployment" in look(scene)["outcome"]  # without a record, AWS's words
    assert next(record.lines(kept))["outcome"] == "failed"


def test_without_a_hook_the_deployment_is_stopped(scene: Scene) -> None:
    arn = deployed(scene, **CANARY)
    assert answer(arn, "ROLLBACK")["changed"] is True
    assert scene.describe(arn)["status"] == "ROLLBACK_REQUESTED"
    for _ in range(3):
        scene.look(stable=2)
    assert (scene.describe(arn)["status"], scene.weights()) == ("ROLLBACK_SUCCESSFUL", (100, 0))


@pytest.mark.parametrize("hook", ["", "ecs-pause-0123456789"])
def test_an_answer_that_comes_too_late_changes_nothing_and_is_no_error(scene: Scene, kept: str, hook: str) -> None:
    arn = scene.create()
    scene.settle()
    found = answer(arn, "ROLLBACK", hook=hook, record=kept)
    assert (found["changed"], found["late"]) == (False, True)
    assert next(record.lines(kept))["outcome"] == "refused"


def test_a_deployment_that_is_not_there_is_an_error(scene: Scene) -> None:
    arn = scene.create()
    found = answer(arn[:-3] + "zzz", "ROLLBACK")
    assert "Could not tell the deployment to ROLLBACK: ServiceDeploymentNotFoundException" in found["msg"]


def test_nothing_can_go_on_that_waits_for_nobody(scene: Scene) -> None:
    assert "waits for nobody" in answer(deployed(scene, **CANARY), "CONTINUE")["msg"]


def test_a_check_tells_nobody_anything(scene: Scene, kept: str) -> None:
    arn = deployed(scene, **CANARY)
    before = mutations(scene.api)
    found = call(ecs_deployment_action.main, check=True, deployment=arn, answer="ROLLBACK", why=WHY, record=kept)
    assert (found["changed"], found["diff"]["after"]) == (True, f"ROLLBACK: {WHY}\n")
    assert mutations(scene.api) == before
    assert not Path(kept).exists()


# run_event and the record


def test_a_note_is_a_line(kept: str) -> None:
    options: dict[str, Any] = {"record": kept, "event": "migration", "words": "The schema is at 0007"}
    assert call(run_event.main, **options)["changed"] is False
    call(run_event.main, check=True, **options)
    (line,) = record.lines(kept)
    assert (line["event"], line["outcome"], line["words"]) == ("migration", "ok", "The schema is at 0007")


def test_a_record_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file, and no folder")
    options: dict[str, Any] = {"record": str(tmp_path / "run" / "events.jsonl"), "event": "end", "words": "over"}
    assert "Could not write the record" in call(run_event.main, **options)["msg"]


def test_a_line_that_a_kill_cut_off_is_left_out(kept: str) -> None:
    record.append(kept, "event", event="end", words="one")
    with Path(kept).open("a") as file:
        file.write('{"kind": "event", "wor')
    assert [line["words"] for line in record.lines(kept)] == ["one"]
    assert list(record.lines("")) == list(record.lines(kept + ".not")) == []
