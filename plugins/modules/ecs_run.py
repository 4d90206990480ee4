#!/usr/bin/python
"""Own module because community.aws.ecs_task gets wait and exit codes only in a later version than ours."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_run
short_description: Run a command as a one-off Fargate task
description:
  - Runs it, waits until it has stopped, and fails unless its exit code is 0, with the last lines that it wrote.
  - A task that takes longer than I(timeout) is stopped.
options:
  command: {description: Command of the container, type: list, elements: str, required: true}
  cluster: {description: Cluster, type: str, required: true}
  task_definition: {description: Family or ARN, type: str, required: true}
  subnets: {description: Subnets of the task, type: list, elements: str, required: true}
  security_groups: {description: Security groups of the task, type: list, elements: str, required: true}
  assign_public_ip: {description: Whether the task gets a public address, type: bool, default: false}
  log_group: {description: Log group of its output, type: str, required: true}
  timeout: {description: Seconds, type: int, default: 900}
  timeout_help: {description: "What to add to the message after a timeout", type: str, default: ""}
  poll_seconds: {description: Polling interval in seconds, type: float, default: 5}
  says:
    description:
      - Text that its log must show. CloudWatch delivers a log late, so it is polled for a minute.
      - Empty means any line. Without this option, the log of a command that succeeded is read once.
    type: str
  tags: {description: Tags, type: dict, default: {}}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Migrate the database
  ecs_run:
    command: [migrate]
    cluster: campshub360-tier1
    task_definition: campshub360-tier1-migrate
    subnets: [subnet-0a]
    security_groups: [sg-0a]
    log_group: /ecs/campshub360-tier1
"""

RETURN = r"""
task: {description: "arn, exit_code, reason", type: dict, returned: success}
lines: {description: Last lines of its log, type: list, returned: success}
"""

import json
import time
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.exceptions import BotoCoreError, ClientError

from ops.aws.errors import unless_missing
from ops.aws.tags import tags_to

CONTAINER = "app"
LAST_LINES = 20
LOG_SECONDS = 60  # awslogs sends a line within seconds; nothing promises when CloudWatch shows it


STOP_SECONDS = 180  # a container may take 120 s to end after SIGTERM


class LateError(Exception):
    """A task was stopped after its timeout. task: its description then."""

    def __init__(self, task: dict[str, Any]) -> None:
        super().__init__()
        self.task = task


class Run:
    """One task from its start to its exit code."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        self.params = module.params
        self.ecs = module.client("ecs")
        self.logs = module.client("logs")

    def start(self) -> str:
        """Start the task, and return its ARN."""
        network = {
            "subnets": self.params["subnets"],
            "securityGroups": self.params["security_groups"],
            "assignPublicIp": "ENABLED" if self.params["assign_public_ip"] else "DISABLED",
        }
        answer = self.ecs.run_task(
            cluster=self.params["cluster"],
            taskDefinition=self.params["task_definition"],
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
            overrides={"containerOverrides": [{"name": CONTAINER, "command": self.params["command"]}]},
            tags=tags_to(self.params["tags"], "key", "value"),
        )
        if answer["failures"]:
            raise RuntimeError(f"AWS did not start it: {answer['failures'][0].get('reason')}")
        return str(answer["tasks"][0]["taskArn"])

    def wait(self, arn: str) -> dict[str, Any]:
        """Return the task once it has stopped. LateError: it had to be stopped."""
        if task := self.stopped(arn, self.params["timeout"]):
            return task
        self.ecs.stop_task(
            cluster=self.params["cluster"], task=arn, reason=f"took longer than {self.params['timeout']} s"
        )
        raise LateError(self.stopped(arn, STOP_SECONDS) or self.describe(arn) or {})

    def stopped(self, arn: str, seconds: float) -> dict[str, Any] | None:
        """Return the task once it has stopped; None if it has not within so many seconds."""
        deadline = time.monotonic() + seconds
        while (task := self.describe(arn)) is None or task["lastStatus"] != "STOPPED":
            if time.monotonic() > deadline:
                return None
            time.sleep(self.params["poll_seconds"])
        return task

    def describe(self, arn: str) -> dict[str, Any] | None:
        """Return the task; None while ECS, which is eventually consistent, does not list it."""
        tasks: list[dict[str, Any]] = self.ecs.describe_tasks(cluster=self.params["cluster"], tasks=[arn])["tasks"]
        return tasks[0] if tasks else None

    def lines(self, task: dict[str, Any]) -> list[str]:
        """Return the last lines of the task's log; none if it never started."""
        deadline = time.monotonic() + LOG_SECONDS
        says = awaited(task, self.params["says"])
        while not holds(lines := self.shown(task), says) and time.monotonic() < deadline:
            time.sleep(self.params["poll_seconds"])
        return lines

    def shown(self, task: dict[str, Any]) -> list[str]:
        """Return the last lines that CloudWatch has. A page may be empty; the last one repeats its token."""
        family = task["taskDefinitionArn"].rpartition("/")[2].partition(":")[0]
        request: dict[str, Any] = {
            "logGroupName": self.params["log_group"],
            "logStreamName": f"{family}/{CONTAINER}/{task['taskArn'].rpartition('/')[2]}",
            "startTime": int(task["createdAt"].timestamp() * 1000),  # makes empty pages rarer
            "limit": LAST_LINES,
            "startFromHead": False,
        }
        lines: list[str] = []
        while page := unless_missing("ResourceNotFoundException", self.logs.get_log_events, **request):
            lines = [event["message"] for event in page["events"]] + lines
            if len(lines) >= LAST_LINES or page["nextBackwardToken"] == request.get("nextToken"):
                break
            request["nextToken"] = page["nextBackwardToken"]
        return lines[-LAST_LINES:]


def awaited(task: dict[str, Any], says: str | None) -> str | None:
    """Return the text that the log must show: any line of a task that failed, none of one that never started."""
    code = task["containers"][0].get("exitCode")
    return says if code == 0 else None if code is None else ""


def holds(lines: list[str], says: str | None) -> bool:
    """Return whether a line holds the text; None is no text."""
    return says is None or any(says in line for line in lines)


def failure(task: dict[str, Any]) -> str | None:
    """Return why the task failed, as a message; None if it did not."""
    container = task["containers"][0]
    if container.get("exitCode") == 0:
        return None
    if "exitCode" in container:
        return f"it ended with exit code {container['exitCode']}"
    return str(container.get("reason") or task.get("stoppedReason") or "it stopped for no reason that AWS knows")


def last_words(lines: list[str]) -> str:
    """Return the last JSON line's detail, else its message; empty if no line is JSON."""
    for line in reversed(lines):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and (words := said.get("detail") or said.get("message")):
            return str(words).strip().splitlines()[0]
    return ""


def told(command: str, why: str, lines: list[str], help_: str = "") -> str:
    """Return what to tell of a task that failed: why in the first line, then what it wrote last."""
    said = f": {words}" if (words := last_words(lines)) else ""
    helped = f" {help_}" if help_ else ""
    wrote = "\n".join(["Its last lines:", *lines]) if lines else "It wrote nothing."
    return f"The one-off task `{command}` failed: {why}{said}.{helped}\n{wrote}"


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "command": {"type": "list", "elements": "str", "required": True},
            "cluster": {"required": True},
            "task_definition": {"required": True},
            "subnets": {"type": "list", "elements": "str", "required": True},
            "security_groups": {"type": "list", "elements": "str", "required": True},
            "assign_public_ip": {"type": "bool", "default": False},
            "log_group": {"required": True},
            "timeout": {"type": "int", "default": 900},
            "timeout_help": {"default": ""},
            "poll_seconds": {"type": "float", "default": 5},
            "says": {},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    command = " ".join(module.params["command"])
    if module.check_mode:
        module.exit_json(changed=True, task={}, lines=[], diff={"before": "", "after": f"one-off task: {command}\n"})
    run, help_ = Run(module), ""
    try:
        try:
            task = run.wait(run.start())
            why = failure(task)
        except LateError as error:
            task, help_ = error.task, module.params["timeout_help"]
            why = f"it took longer than {module.params['timeout']} s and was stopped"
        lines = run.lines(task) if task else []
    except (BotoCoreError, ClientError, RuntimeError) as error:
        module.fail_json(msg=f"The one-off task `{command}` failed: {error}.")
    if why:
        module.fail_json(msg=told(command, why, lines, help_), lines=lines)
    module.exit_json(changed=True, task={"arn": task["taskArn"], "exit_code": 0}, lines=lines)


if __name__ == "__main__":
    main()
