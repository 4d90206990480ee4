#!/usr/bin/python
"""Own module because neither collection knows service deployments, and a release is judged by looking at three services at once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_deployment_info
short_description: How far a deployment has come, how both colours do, and what it asks
description:
  - Looks at a service deployment, at CloudWatch's figures of blue and green since it began, and judges them.
  - Requests of green's first minute with traffic count only if their errors can't be chance.
  - Changes nothing in AWS. Each look is a line in the record.
options:
  service: {description: Service, type: str, required: true}
  cluster: {description: Cluster, type: str, required: true}
  load_balancer: {description: ARN of the load balancer, type: str, required: true}
  deployment: {description: ARN of the service deployment; the latest when empty, type: str, default: ""}
  limits:
    description: What green may do
    type: dict
    default: {}
    suboptions:
      minimum_requests: {description: Requests of green without which nothing is judged, type: int, default: 300}
      error_percent: {description: Share of 5xx that is allowed, type: float, default: 1.0}
      p95_factor: {description: Times blue's p95, type: float, default: 2.0}
      p95_floor_ms: {description: A p95 below this is never too slow, type: float, default: 50.0}
      cpu_percent: {description: CPU of the service, type: float, default: 90.0}
  final: {description: "Whether this is the verdict, and not a look on the way", type: bool, default: false}
  on_inconclusive:
    description: What an inconclusive verdict means
    type: str
    choices: [continue, roll_back]
    default: continue
  sent:
    description: What https_traffic sent to green to judge it
    type: dict
    default: {}
    suboptions:
      sent: {description: Requests, type: int, default: 0}
      requests_failed: {description: Those that failed, type: int, default: 0}
      first_failure: {description: How the first of them failed, type: str, default: ""}
  alarms:
    description: Alarms that are told of while they ring. They take nothing back
    type: list
    elements: str
    default: []
  start_seconds: {description: Seconds in which green must have got up, type: float, default: 600}
  grace_seconds: {description: "The service's health check grace period in seconds, for messages", type: int, default: 0}
  memory: {description: "Memory of a task in MiB, for messages", type: int, default: 0}
  log_group: {description: "Log group of the tasks, for messages", type: str, default: ""}
  minute_seconds: {description: "Seconds of a minute of ECS's and CloudWatch's", type: float, default: 60}
  record: {description: File to which the look is added, type: str, default: ""}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Watch until the deployment asks or ends
  ecs_deployment_info:
    service: campshub360-tier1-app
    cluster: campshub360-tier1
    load_balancer: arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/campshub360-tier1/0123456789abcdef
  register: look
  until: look.stop is truthy
  retries: 360
  delay: 10
"""

RETURN = r"""
stop: {description: "What is to be done: test, enter, judge, stop, ended; null for nothing", type: str, returned: success}
verdict: {description: "outcome (pass, fail, inconclusive, undecided), words and missing requests", type: dict, returned: success}
goes_on: {description: Whether the verdict lets green have more traffic, type: bool, returned: success}
lacks: {description: "What https_traffic is to send for a verdict: count, alongside", type: dict, returned: success}
ringing: {description: Of the alarms, those that ring, type: list, returned: success}
judged: {description: Whether the verdict will not become another by waiting, type: bool, returned: success}
figures: {description: "Of blue and green, and the limits", type: dict, returned: success}
phase: {description: "What changes only when the deployment comes further", type: str, returned: success}
progress: {description: Where it stands, in words, type: str, returned: success}
"""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.ecs import deployments
from ops.aws.errors import failing_with
from ops.release import metrics as traffic
from ops.release.analysis import Limits, Sent, Verdict, concluded, goes_on, judge
from ops.release.deployment import (
    Rollout,
    bake_minutes,
    outcome,
    progress,
    rollout_from,
    seconds_until,
    start,
    stop_of,
)
from ops.release.failed_starts import Settings
from ops.release.sample import Minutes, Sample, sample, threshold
from ops.report import events as record

MOST_TASKS = 100  # that DescribeTasks takes
NO_TRAFFIC = Sample({}, {}, beside=False)


class Look:
    """One look at a deployment."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        self.module = module
        self.params: dict[str, Any] = module.params
        self.ecs = module.client("ecs")
        self.cloudwatch = module.client("cloudwatch")
        self.now = datetime.now(UTC)
        self.limits = Limits(**{key: value for key, value in self.params["limits"].items() if value is not None})
        self.minute = timedelta(seconds=self.params["minute_seconds"])

    def deployment(self) -> Rollout | None:
        arn = self.params["deployment"] or self.latest()
        if not arn:
            return None
        answer = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])
        return rollout_from(answer["serviceDeployments"][0]) if answer["serviceDeployments"] else None

    def latest(self) -> str | None:
        """The newest one."""
        found = deployments(self.ecs, self.params["cluster"], self.params["service"])
        return str(found[0]["serviceDeploymentArn"]) if found else None

    def target_groups(self, rollout: Rollout) -> dict[str, str]:
        """By colour, as ECS resolved them: they alternate."""
        arns = {"green": rollout.green.get("arn"), "blue": (rollout.blue or {}).get("arn")}
        desired = [str(arn) for arn in arns.values() if arn]
        answer = self.ecs.describe_service_revisions(serviceRevisionArns=desired)["serviceRevisions"]
        resolved = {
            revision["serviceRevisionArn"]: revision.get("resolvedConfiguration", {}).get("loadBalancers", [])
            for revision in answer
        }
        balancers = {colour: resolved.get(arn or "", []) for colour, arn in arns.items()}
        return {colour: found[0]["targetGroupArn"] for colour, found in balancers.items() if found}

    def sample(self, rollout: Rollout) -> Sample:
        """What both colours did. Two questions: the threshold of slow requests follows from blue's p95."""
        if not rollout.share:
            return NO_TRAFFIC
        groups, balancer = self.target_groups(rollout), self.params["load_balancer"]
        found = traffic.minutes(self.cloudwatch, balancer, groups, rollout.begun, self.now)
        first, counted = self.split(rollout, found.get("green", {}))
        compared = sample(found.get("blue", {}), counted, first, rollout.share)
        slow_ms = threshold(compared, self.limits.p95_factor, self.limits.p95_floor_ms)
        return compared if slow_ms is None else traffic.slow(self.cloudwatch, balancer, groups, compared, slow_ms)

    def split(self, rollout: Rollout, green: Minutes) -> tuple[Minutes, Minutes]:
        """Green's minutes with its present share, so that no gate passes on what an earlier one has seen: those of its
        first minute with traffic, when it is cold, and those that count."""
        share_begun, whole = self.share_begun(rollout) - self.minute, self.counts_from(rollout)
        present = {at: minute for at, minute in green.items() if at > share_begun}
        first = {at: minute for at, minute in present.items() if at < whole}
        return first, {at: minute for at, minute in present.items() if at >= whole}

    def counts_from(self, rollout: Rollout) -> datetime:
        """Where the first minute may begin that counts: a minute after green's first traffic."""
        shares = [line["t"] for line in self.looks(rollout) if line["share"]]
        entered = datetime.fromtimestamp(shares[0], UTC) if shares else self.share_begun(rollout)
        return entered + self.minute

    def warm(self, rollout: Rollout) -> bool:
        """Whether a minute that counts has begun, wherever CloudWatch's minutes begin."""
        return self.now >= self.counts_from(rollout) + self.minute

    def share_begun(self, rollout: Rollout) -> datetime:
        """When the first look saw green with this share: AWS does not tell. Without a record, the release's beginning."""
        if not self.params["record"]:
            return rollout.begun
        seen = [line["t"] for line in self.looks(rollout) if line["share"] == rollout.share]
        return datetime.fromtimestamp(seen[0], UTC) if seen else self.now

    def looks(self, rollout: Rollout) -> list[dict[str, Any]]:
        """Earlier looks at this deployment."""
        lines = record.lines(self.params["record"])
        return [line for line in lines if line["kind"] == "look" and line["t"] >= rollout.begun.timestamp()]

    def verdict(self, rollout: Rollout, compared: Sample, ringing: list[str]) -> Verdict:
        if not rollout.share:
            elapsed = -(seconds_until(rollout.begun, self.now) or 0)
            settings = Settings(*(self.params[name] for name in ("grace_seconds", "memory", "log_group")))
            return start(rollout, self.stopped(rollout), elapsed, self.params["start_seconds"], settings)
        final, sent = self.params["final"], self.params["sent"]
        names = (self.params["cluster"], self.params["service"])
        cpu = traffic.cpu(self.cloudwatch, *names, self.counts_from(rollout), self.now) if final else None
        given = Sent(sent.get("sent") or 0, sent.get("requests_failed") or 0, sent.get("first_failure") or "")
        found = judge(compared, cpu, self.limits, final, given)
        return concluded(found, self.params["on_inconclusive"], ringing) if final else found

    def ringing(self, rollout: Rollout) -> list[str]:
        """Alarms that ring. They look at one colour each, or at none: a slow machine rings them too."""
        if not self.params["alarms"] or not rollout.share:
            return []
        answer = self.cloudwatch.describe_alarms(AlarmNames=self.params["alarms"])
        return sorted(alarm["AlarmName"] for alarm in answer["MetricAlarms"] if alarm["StateValue"] == "ALARM")

    def stopped(self, rollout: Rollout) -> list[dict[str, Any]]:
        """Return the tasks of green that have ended, whatever the reason. ECS shows them for an hour."""
        if rollout.stage != "SCALE_UP":
            return []
        cluster, names = self.params["cluster"], {"serviceName": self.params["service"], "desiredStatus": "STOPPED"}
        arns = self.ecs.list_tasks(cluster=cluster, **names)["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=cluster, tasks=arns[:MOST_TASKS])["tasks"] if arns else []
        revisions = self.ecs.describe_service_revisions(serviceRevisionArns=[rollout.green["arn"]])["serviceRevisions"]
        definition = revisions[0]["taskDefinition"]
        return [
            task
            for task in tasks
            if task["taskDefinitionArn"] == definition
            and task["lastStatus"] == "STOPPED"
            and (seconds_until(task["createdAt"], self.now) or 0) >= (seconds_until(rollout.begun, self.now) or 0)
        ]

    def left(self, rollout: Rollout) -> float | None:
        """Seconds until it goes on by itself. A stage's beginning is known from the first look at it alone."""
        if rollout.hook:
            return seconds_until(rollout.expires, self.now)
        minutes = bake_minutes(rollout)
        if minutes is None or not self.params["record"]:
            return None
        same = [
            line["t"]
            for line in record.lines(self.params["record"])
            if line["kind"] == "look" and (line["stage"], line["share"]) == (rollout.stage, rollout.share)
        ]
        begun = same[0] if same else self.now.timestamp()
        return float(max(0.0, begun + minutes * self.params["minute_seconds"] - self.now.timestamp()))

    def taken_back_for(self, rollout: Rollout) -> str:
        """Why this run told ECS to go back, if it did."""
        reasons = [
            str(line["words"])
            for line in record.lines(self.params["record"])
            if line["kind"] == "event" and line["outcome"] == "failed" and line["t"] >= rollout.begun.timestamp()
        ]
        return reasons[-1] if reasons else ""


def nothing(module: AnsibleAWSModule) -> None:
    """There is no deployment; or AWS does not show yet the one that was asked for."""
    asked = bool(module.params["deployment"])
    words = "AWS does not show the deployment yet" if asked else "there is no deployment"
    module.exit_json(
        changed=False,
        deployment=module.params["deployment"] or None,
        stop=None if asked else "ended",
        status="",
        stage=None,
        hook=None,
        ended=not asked,
        succeeded=False,
        outcome=f"{words[0].upper()}{words[1:]}.",
        verdict=asdict(Verdict("undecided", words)),
        goes_on=False,
        lacks={"count": 0, "alongside": False},
        ringing=[],
        judged=not asked,
        progress=words,
        phase=words,
        figures={},
    )


def main() -> None:
    limits = {
        "minimum_requests": {"type": "int", "default": 300},
        "error_percent": {"type": "float", "default": 1.0},
        "p95_factor": {"type": "float", "default": 2.0},
        "p95_floor_ms": {"type": "float", "default": 50.0},
        "cpu_percent": {"type": "float", "default": 90.0},
    }
    sent = {
        "sent": {"type": "int", "default": 0},
        "requests_failed": {"type": "int", "default": 0},
        "first_failure": {"default": ""},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "service": {"required": True},
            "cluster": {"required": True},
            "load_balancer": {"required": True},
            "deployment": {"default": ""},
            "limits": {"type": "dict", "default": {}, "options": limits},
            "final": {"type": "bool", "default": False},
            "on_inconclusive": {"choices": ["continue", "roll_back"], "default": "continue"},
            "sent": {"type": "dict", "default": {}, "options": sent},
            "alarms": {"type": "list", "elements": "str", "default": []},
            "start_seconds": {"type": "float", "default": 600},
            "grace_seconds": {"type": "int", "default": 0},
            "memory": {"type": "int", "default": 0},
            "log_group": {"default": ""},
            "minute_seconds": {"type": "float", "default": 60},
            "record": {"default": ""},
        },
        supports_check_mode=True,
    )
    look = Look(module)
    with failing_with(module, f"Could not look at the deployment of {module.params['service']}"):
        rollout = look.deployment()
        if rollout is None:
            nothing(module)
            return
        compared = look.sample(rollout)
        ringing = look.ringing(rollout)
        verdict = look.verdict(rollout, compared, ringing)
        warm = look.warm(rollout)
    left = look.left(rollout)
    figures = compared.figures()
    words = progress(rollout, figures, left, warm)
    colours = {colour: asdict(found) for colour, found in figures.items()}
    if not module.check_mode:
        record.append(
            module.params["record"],
            "look",
            status=rollout.status,
            stage=rollout.stage,
            share=rollout.share,
            test_share=rollout.test_share,
            seconds_left=left,
            words=words,
            ringing=ringing,
            **colours,
        )
    module.exit_json(
        changed=False,
        deployment=rollout.arn,
        stop=stop_of(rollout, verdict, warm),
        status=rollout.status,
        stage=rollout.stage,
        share=rollout.share,
        hook=rollout.hook,
        expires=rollout.expires.isoformat() if rollout.expires else None,
        begun=rollout.begun.isoformat(),
        ended=rollout.ended,
        succeeded=rollout.succeeded,
        reason=rollout.reason,
        outcome=outcome(rollout, look.taken_back_for(rollout)),
        verdict=asdict(verdict),
        goes_on=goes_on(verdict, module.params["on_inconclusive"]),
        lacks={"count": verdict.missing, "alongside": rollout.share < 100},
        ringing=ringing,
        judged=verdict.outcome in ("pass", "fail") or not rollout.ahead,
        progress=words,
        phase=f"{rollout.status} {rollout.stage} {rollout.share:g}",
        figures={**colours, "limits": module.params["limits"]},
    )


if __name__ == "__main__":
    main()
