"""A step of a release: what its modules are told, in which order, and what follows when one fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.release.operator import STEP_OPTIONS, Operator, Result
from ops.report import events

OPTIONS: dict[str, Any] = {
    "service": "t1-app",
    "cluster": "t1",
    "load_balancer": "arn:lb",
    "release": "1.1.0",
    "url": "https://app.example",
    "header_name": "X-Test-Traffic",
    "header_secret": "t1/test",
    "token_secret": "t1/token",
    "tasks": 3,
    "lock": {"state": "checked", "holder_id": "me"},
    "probe": {"state": "verified", "pid": 7, "enabled": True},
}
OBSERVED: dict[str, Any] = {
    "action": None,
    "event": "analysis",
    "message": "why",
    "figures": {"green": 1},
    "missing": 0,
    "deployment": "arn:d",
    "stage": "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "status": "IN_PROGRESS",
    "share": 10.0,
    "hook": "h1",
    "ended": False,
    "succeeded": False,
    "phase": "IN_PROGRESS PRE_PRODUCTION_TRAFFIC_SHIFT 10",
    "progress": "about to move traffic",
}
CHECKS = ["release_step", "deployment_lock", "probe"]


class Modules:
    """Modules that answer what a test says, and what they were told, in order."""

    def __init__(self, observed: dict[str, Any], **answers: Result) -> None:
        self.answers: dict[str, Result] = {
            "release_step": OBSERVED | observed,
            "smoke_test": {"passed": True, "message": "It passed."},
            "https_traffic": {"sent": 300, "requests_failed": 4, "first_failure": "answered 503"},
            "ecs_deployment_action": {"changed": True, "late": False},
            **answers,
        }
        self.told: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, name: str, options: dict[str, Any]) -> Result:
        self.told.append((name, options))
        return self.answers.get(name, {"changed": False})

    def step(self, **options: Any) -> Result:
        return Operator({**OPTIONS, **options}, self).step()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.told]

    def options(self, name: str) -> dict[str, Any]:
        return next(options for module, options in self.told if module == name)


def test_while_nothing_is_to_be_done_nobody_is_told_anything() -> None:
    modules = Modules({})
    assert modules.step() == OBSERVED
    assert modules.names == ["release_step"]


def test_what_aws_does_not_answer_is_tried_again() -> None:
    failed = {"failed": True, "msg": "Could not read the deployment"}
    modules = Modules({}, release_step=failed)
    assert modules.step() == failed
    assert "ended" not in failed


@pytest.mark.parametrize(
    ("action", "word", "says"), [("continue", "CONTINUE", "continues"), ("roll_back", "ROLLBACK", "rolls back")]
)
def test_an_answer_is_given_under_the_lock_while_the_probe_measures(action: str, word: str, says: str) -> None:
    modules = Modules({"action": action})
    found = modules.step(event_log="/events.jsonl")
    assert modules.names == [*CHECKS, "ecs_deployment_action"]
    assert modules.options("deployment_lock") == OPTIONS["lock"]
    assert modules.options("probe") == OPTIONS["probe"]
    told = {"deployment": "arn:d", "hook": "h1", "action": word, "message": "why", "event": "analysis"}
    assert modules.options("ecs_deployment_action") == {
        **told,
        "figures": {"green": 1},
        "event_log": "/events.jsonl",
    }
    assert (found["changed"], found["ended"], found["message"].endswith(": why")) == (True, False, True)
    assert found["phase"] != OBSERVED["phase"], "its line stays to be read"
    assert found["progress"] == f"PRE_PRODUCTION_TRAFFIC_SHIFT: {says}: why"


def test_without_a_hook_a_deployment_is_stopped() -> None:
    modules = Modules({"action": "roll_back", "hook": None})
    modules.step()
    assert modules.options("ecs_deployment_action")["hook"] == ""


def test_an_answer_that_comes_too_late_is_no_end() -> None:
    found = Modules({"action": "continue"}, ecs_deployment_action={"changed": False, "late": True}).step()
    assert (found["changed"], found["ended"]) == (False, False)


@pytest.mark.parametrize("name", ["deployment_lock", "probe", "ecs_deployment_action", "smoke_test", "https_traffic"])
def test_what_fails_ends_the_release_at_once(name: str) -> None:
    """An until loop tries a failed step again unless it says that it is the last one."""
    modules = Modules({"action": "smoke_test"}, **{name: {"failed": True, "msg": f"{name} failed"}})
    found = modules.step()
    assert (found["failed"], found["ended"], found["succeeded"], found["msg"]) == (True, True, False, f"{name} failed")
    assert modules.names[-1] == name, "nothing was done after it"


def test_at_the_end_the_lock_is_verified_and_the_probe_is_not() -> None:
    modules = Modules({"action": "ended", "ended": True, "succeeded": True})
    assert modules.step()["succeeded"] is True
    assert modules.names == CHECKS
    assert modules.options("probe")["enabled"] is False
    lost = Modules({"action": "ended", "ended": True}, deployment_lock={"failed": True, "msg": "not ours any more"})
    assert lost.step()["failed"] is True


def test_the_smoke_test_warms_green_and_is_answered() -> None:
    modules = Modules({"action": "smoke_test", "share": 0.0})
    found = modules.step()
    assert modules.names == [*CHECKS, "smoke_test", "https_traffic", "ecs_deployment_action"]
    asked = {"url": "https://app.example", "connect_to": "", "ca": "", "release": "1.1.0", "token_secret": "t1/token"}
    assert modules.options("smoke_test") == {**asked, "header_name": "X-Test-Traffic", "header_secret": "t1/test"}
    sent = modules.options("https_traffic")
    assert (sent["url"], sent["count"], sent["token_secret"]) == ("https://app.example/", 300, "t1/token")
    answer = modules.options("ecs_deployment_action")
    assert (answer["action"], answer["event"]) == ("CONTINUE", "smoke_test")
    assert "It passed. Of 300 requests to warm its threads 4 failed (1.3 %)." in answer["message"]
    assert found["message"].startswith("continues: It passed.")


def test_a_release_that_breaks_the_contract_is_not_warmed() -> None:
    modules = Modules({"action": "smoke_test"}, smoke_test={"passed": False, "message": "It failed."})
    modules.step()
    assert modules.names == [*CHECKS, "smoke_test", "ecs_deployment_action"]
    assert modules.options("ecs_deployment_action")["action"] == "ROLLBACK"


def test_without_requests_to_warm_it_green_is_answered_as_it_is() -> None:
    modules = Modules({"action": "smoke_test"})
    modules.step(warmup_requests=0)
    assert "https_traffic" not in modules.names


@pytest.mark.parametrize(("share", "alongside"), [(10.0, True), (100.0, False)])
def test_requests_for_an_analysis_are_recorded_and_ecs_is_told_nothing(
    tmp_path: Path, share: float, alongside: bool
) -> None:
    log = str(tmp_path / "events.jsonl")
    modules = Modules({"action": "send_requests", "missing": 120, "share": share})
    found = modules.step(event_log=log)
    assert modules.names == [*CHECKS, "https_traffic"]
    sent = modules.options("https_traffic")
    assert (sent["count"], sent["alongside"], sent["spread"], sent["timeout"]) == (120, alongside, 180.0, 240.0)
    assert "token_secret" not in sent
    (line,) = events.lines(log)
    assert (line["event"], line["hook"], line["sent"], line["requests_failed"]) == ("requests", "h1", 300, 4)
    assert line["outcome"] == "ok", "a failed event is why a release was rolled back"
    assert (found["changed"], found["ended"]) == (False, False)


def test_options_that_are_left_out_have_the_module_s_defaults() -> None:
    operator = Operator(OPTIONS, Modules({}))
    assert operator.pause_seconds == 30 * 60
    assert operator.options.keys() == STEP_OPTIONS.keys()
