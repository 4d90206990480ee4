"""The module release_step against a local API: what it observes and decides. test_operator.py has what is done then."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.release import metrics
from ops.release.observation import Observer
from ops.report import events
from plugins.modules import release_step
from tests.support.ops.deployments import CANARY, MINUTE, deployed, measured, options, passing, past_its_first_minute
from tests.support.ops.own_modules import call
from tests.support.sandbox.colours import pause
from tests.support.sandbox.service_deployments import Scene
from tests.support.waiting import until

STEP: dict[str, Any] = {
    "release": "2",
    "url": "https://app.example",
    "header_name": "X-Test",
    "header_secret": "t/header",
    "token_secret": "t/token",
    "lock": {},
    "probe": {},
}


def step(scene: Scene, **more: Any) -> dict[str, Any]:
    """Return what is to be done, of which nothing is."""
    answer = call(release_step.main, **options(scene, **STEP, **more))
    assert "failed" not in answer, answer
    return answer


HOOK = "POST_PRODUCTION_TRAFFIC_SHIFT"


def shifted(scene: Scene) -> str:
    """A deployment that waits with all traffic on green."""
    arn = deployed(scene, strategy="BLUE_GREEN", bakeTimeInMinutes=1440, lifecycleHooks=[pause(HOOK)])

    def there() -> bool:
        scene.look(stable=2, primary=2)
        return bool(scene.describe(arn)["lifecycleStage"] == HOOK)

    until(there)
    return arn


def throttled(*_: object) -> None:
    raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "GetMetricData")


def test_before_the_first_minute_is_over_nothing_is_done_at_a_hook(scene: Scene, log: str) -> None:
    shifted(scene)
    found = step(scene, event_log=log, minute_seconds=600)
    assert (found["action"], found["ended"], found["stage"]) == (None, False, HOOK)


def test_an_analysis_that_lacks_requests_gets_them_waits_for_figures_and_is_answered(scene: Scene, log: str) -> None:
    """Each call is one step, and all that it knows of those before is in the event log."""
    shifted(scene)
    assert step(scene, event_log=log)["action"] is None
    past_its_first_minute()
    found = step(scene, event_log=log)
    assert (found["action"], found["missing"], found["share"]) == ("send_requests", 300, 100.0)
    hook = scene.describe(found["deployment"])["lifecycleHookDetails"][0]["hookId"]
    seen = [(line["hook"], line["action"]) for line in events.lines(log)]
    assert (found["hook"], seen) == (hook, [(hook, None), (hook, "analyse")])
    assert step(scene, event_log=log)["action"] == "send_requests", "killed before it was recorded, it is done again"
    counted = {"sent": 300, "requests_failed": 0, "first_failure": ""}
    events.append(log, "event", event="requests", outcome="ok", message="", hook=hook, **counted)
    waiting = step(scene, event_log=log)
    assert (waiting["action"], waiting["analysis"]["outcome"]) == (None, "undecided")
    over = step(scene, event_log=log, analysis_timeout_seconds=0)
    assert (over["action"], over["event"]) == ("roll_back", "analysis")
    assert over["message"].startswith("nothing speaks against green, but it could not be analysed: not enough requests")
    measured(scene, scene.green, requests=400, errors=0, seconds=0.044, at=time.time())
    passing(MINUTE)
    good = step(scene, event_log=log)
    assert (good["action"], good["event"], good["missing"]) == ("continue", "analysis", 0), good["message"]
    assert good["message"].startswith("green answers 0.0 % of 400 requests with 5xx")
    assert good["figures"]["green"]["requests"] == 400


def test_a_hook_whose_figures_nobody_tells_is_answered_once_its_time_is_over(
    scene: Scene, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted(scene)
    step(scene, event_log=log)
    past_its_first_minute()
    monkeypatch.setattr(metrics, "ask", throttled)
    assert step(scene, event_log=log)["action"] is None
    over = step(scene, event_log=log, analysis_timeout_seconds=0)
    assert over["action"] == "roll_back"
    assert "it could not be analysed: An error occurred (Throttling)" in over["message"]


def test_elsewhere_what_aws_does_not_tell_is_a_failure_that_is_tried_again(
    scene: Scene, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(scene, **CANARY)
    monkeypatch.setattr(metrics, "ask", throttled)
    found = call(release_step.main, **options(scene, event_log=log, **STEP))
    assert found["msg"] == "Could not read the deployment of web: Throttling: Rate exceeded (GetMetricData)"
    assert "ended" not in found


def test_a_deployment_that_aws_does_not_show_yet_is_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = deployed(scene, **CANARY)
    monkeypatch.setattr(Observer, "find", lambda _: None)
    found = step(scene, deployment=arn)
    assert (found["action"], found["ended"], found["progress"]) == (None, False, "AWS does not show the deployment yet")


def test_in_check_mode_a_step_is_not_recorded(scene: Scene, log: str) -> None:
    deployed(scene, **CANARY)
    call(release_step.main, check=True, **options(scene, event_log=log, **STEP))
    assert not Path(log).exists()
