"""The operator of a deployment: observes it, makes sure that it is still its to step, and carries out one action.

Works by modules, which it is given a way to run: (name, options) -> result. A result that failed and says `ended` ends
the release; one without is tried again, as AWS may answer the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ops.release.observation import OPTIONS
from ops.release.step import Answer, analysis_traffic_options, smoke_test_answer, warm_up_options
from ops.report import events

Result = dict[str, Any]
RunModule = Callable[[str, dict[str, Any]], Result]

#: the options of the module release_step, besides region and credentials
STEP_OPTIONS: dict[str, Any] = {
    **OPTIONS,
    "on_inconclusive": {"choices": ["continue", "roll_back"], "default": "continue"},
    "analysis_traffic": {"choices": ["generate", "refuse"], "default": "generate"},
    "analysis_timeout_seconds": {"type": "int", "default": 300},
    "warmup_requests": {"type": "int", "default": 100},
    "tasks": {"type": "int", "default": 1},
    "pause_minutes": {"type": "int", "default": 30},
    "release": {"required": True},
    "url": {"required": True},
    "connect_to": {"default": ""},
    "ca": {"default": ""},
    "header_name": {"required": True},
    "header_secret": {"required": True, "no_log": False},  # names of secrets are none
    "token_secret": {"required": True, "no_log": False},
    "lock": {"type": "dict", "required": True},
    "probe": {"type": "dict", "required": True},
}


class FailedError(Exception):
    """A module failed, and the release does not go on. result: the module's."""

    def __init__(self, result: Result) -> None:
        super().__init__(str(result.get("msg")))
        self.result = result


class Operator:
    """options: those of the module release_step."""

    def __init__(self, options: Mapping[str, Any], run: RunModule) -> None:
        self.options = {name: option.get("default") for name, option in STEP_OPTIONS.items()} | dict(options)
        self.run = run

    def step(self) -> Result:
        """Return what was observed and done: one action, or none."""
        observed = self.run("release_step", dict(self.options))
        if observed.get("failed") or observed["action"] is None:
            return observed
        try:
            self.check(observed)
            return observed if observed["ended"] else self.act(observed)
        except FailedError as error:
            return {**error.result, "failed": True, "ended": True, "succeeded": False}

    def check(self, observed: Result) -> None:
        """Fail unless the stack is still ours, and the availability probe still measures what is released."""
        self.run_or_fail("deployment_lock", dict(self.options["lock"]))
        probe = self.options["probe"]
        self.run_or_fail("probe", {**probe, "enabled": bool(probe.get("enabled")) and not observed["ended"]})

    def act(self, observed: Result) -> Result:
        match observed["action"]:
            case "smoke_test":
                return self.answer(observed, self.smoke_test())
            case "send_requests":
                return self.send_requests(observed)
            case "continue":
                answer = Answer("CONTINUE", observed["event"], observed["message"], observed["figures"])
            case _:
                answer = Answer("ROLLBACK", observed["event"], observed["message"], observed["figures"])
        return self.answer(observed, answer)

    def smoke_test(self) -> Answer:
        """Test green by test traffic, then start every thread of it."""
        names = ("url", "connect_to", "ca", "release", "header_name", "header_secret", "token_secret")
        test = self.run_or_fail("smoke_test", {name: self.options[name] for name in names})
        desired = warm_up_options(self.options["tasks"], self.options["warmup_requests"], self.pause_seconds)
        if not test.get("passed") or not desired["count"]:
            return smoke_test_answer(test)
        return smoke_test_answer(test, self.send({**desired, "token_secret": self.options["token_secret"]}))

    def send_requests(self, observed: Result) -> Result:
        """Send green the requests that its analysis lacks, and record what became of them."""
        alongside, minute = observed["share"] < 100, float(self.options["minute_seconds"])
        desired = analysis_traffic_options(observed["missing"], alongside, minute, self.pause_seconds)
        sent = self.send(desired)
        counted = {name: sent.get(name) for name in ("sent", "requests_failed", "first_failure")}
        message = f"{counted['sent']} requests were sent to green for its analysis, {counted['requests_failed']} failed"
        log = self.options["event_log"]
        events.append(log, "event", event="requests", outcome="ok", message=message, hook=observed["hook"], **counted)
        return self.step_result(observed, message, changed=False)

    def send(self, desired: Mapping[str, Any]) -> Result:
        names = ("connect_to", "ca", "header_name", "header_secret")
        known = {name: self.options[name] for name in names} | {"url": f"{self.options['url']}/"}
        return self.run_or_fail("https_traffic", {**known, **desired})

    def answer(self, observed: Result, answer: Answer) -> Result:
        result = self.run_or_fail(
            "ecs_deployment_action",
            {
                "deployment": observed["deployment"],
                "hook": observed["hook"] or "",
                "action": answer.action,
                "message": answer.message,
                "event": answer.event,
                "figures": dict(answer.figures),
                "event_log": self.options["event_log"],
            },
        )
        said = "continues" if answer.action == "CONTINUE" else "rolls back"
        return self.step_result(observed, f"{said}: {answer.message}", changed=bool(result.get("changed")))

    def step_result(self, observed: Result, message: str, changed: bool) -> Result:
        """Return the result of a step. Its phase is a new one, so that the terminal keeps its line."""
        stage = observed["stage"] or observed["status"]
        line = {"phase": f"{observed['phase']} {observed['action']}", "progress": f"{stage}: {message}"}
        return {**observed, **line, "message": message, "changed": changed}

    def run_or_fail(self, module: str, options: dict[str, Any]) -> Result:
        """Return a module's result; raise FailedError if it failed."""
        result = self.run(module, options)
        if result.get("failed"):
            raise FailedError(result)
        return result

    @property
    def pause_seconds(self) -> float:
        return float(self.options["pause_minutes"]) * float(self.options["minute_seconds"])
