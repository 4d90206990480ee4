"""One observation of a service deployment: what ECS and CloudWatch say of it, and what follows for green."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.aws.ecs import deployments
from ops.release import metrics
from ops.release.analysis import Analysis, Sent, Thresholds, analyse, final_analysis
from ops.release.deployment import (
    ServiceDeployment,
    bake_minutes,
    outcome,
    progress,
    seconds_until,
    service_deployment_from,
    start,
)
from ops.release.failed_starts import Settings as StartSettings
from ops.release.sample import Minutes, Sample, sample, threshold
from ops.report import events

MOST_TASKS = 100  # that DescribeTasks takes
NO_TRAFFIC = Sample({}, {}, beside=False)
THRESHOLDS = {one.name: {"type": str(one.type), "default": one.default} for one in fields(Thresholds)}
#: the options of the modules that observe, besides region and credentials
OPTIONS: dict[str, Any] = {
    "service": {"required": True},
    "cluster": {"required": True},
    "load_balancer": {"required": True},
    "deployment": {"default": ""},
    "thresholds": {"type": "dict", "default": {}, "options": THRESHOLDS},
    "alarms": {"type": "list", "elements": "str", "default": []},
    "startup_timeout_seconds": {"type": "float", "default": 600},
    "grace_seconds": {"type": "int", "default": 0},
    "memory": {"type": "int", "default": 0},
    "log_group": {"default": ""},
    "minute_seconds": {"type": "float", "default": 60},
    "event_log": {"default": ""},
}


@dataclass(frozen=True)
class Observation:
    """A deployment at a moment. alarms: of those that are told of, the ones in the state ALARM.

    unknown: why CloudWatch told nothing, at a hook where green is to be analysed.
    """

    deployment: ServiceDeployment
    sample: Sample
    analysis: Analysis
    warm: bool
    alarms: Sequence[str]
    seconds_left: float | None
    outcome: str
    unknown: str = ""

    @property
    def figures(self) -> dict[str, Any]:
        return {colour: asdict(found) for colour, found in self.sample.figures().items()}

    @property
    def progress(self) -> str:
        return progress(self.deployment, self.sample.figures(), self.seconds_left, self.warm)

    def fields(self) -> dict[str, Any]:
        """Return what modules answer of it."""
        found = self.deployment
        return {
            "deployment": found.arn,
            "status": found.status,
            "stage": found.stage,
            "share": found.share,
            "hook": found.hook,
            "expires": found.expires.isoformat() if found.expires else None,
            "begun": found.begun.isoformat(),
            "ended": found.ended,
            "succeeded": found.succeeded,
            "reason": found.reason,
            "outcome": self.outcome,
            "analysis": asdict(self.analysis),
            "alarms": list(self.alarms),
            "progress": self.progress,
            "phase": f"{found.status} {found.stage} {found.share:g}",
        }


def nothing(deployment: str) -> dict[str, Any]:
    """Return what modules answer where there is no deployment, or AWS does not show yet the one that was named."""
    message = "AWS does not show the deployment yet" if deployment else "there is no deployment"
    return {
        "deployment": deployment or None,
        "status": "",
        "stage": None,
        "share": 0.0,
        "hook": None,
        "expires": None,
        "begun": None,
        "ended": not deployment,
        "succeeded": False,
        "reason": "",
        "outcome": f"{message[0].upper()}{message[1:]}.",
        "analysis": asdict(Analysis("undecided", message)),
        "alarms": [],
        "progress": message,
        "phase": message,
        "figures": {},
    }


class Observer:
    """Observes deployments. aws: what gives clients, as a module does. options: OPTIONS."""

    def __init__(self, aws: Any, options: Mapping[str, Any]) -> None:
        self.options = options
        self.ecs = aws.client("ecs")
        self.cloudwatch = aws.client("cloudwatch")
        self.now = datetime.now(UTC)
        given = options["thresholds"] or {}
        self.thresholds = Thresholds(**{name: value for name, value in given.items() if value is not None})
        self.minute = timedelta(seconds=options["minute_seconds"])
        self.lines = list(events.lines(options["event_log"]))

    def find(self) -> ServiceDeployment | None:
        """Return the deployment that was named, or the newest one; None if AWS shows none."""
        arn = self.options["deployment"] or self.newest()
        if not arn:
            return None
        answer = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])
        return service_deployment_from(answer["serviceDeployments"][0]) if answer["serviceDeployments"] else None

    def newest(self) -> str | None:
        found = deployments(self.ecs, self.options["cluster"], self.options["service"])
        return str(found[0]["serviceDeploymentArn"]) if found else None

    def observe(self, deployment: ServiceDeployment) -> Observation:
        """Return how the deployment does. At a hook, what CloudWatch does not tell is no error: nobody waits for it."""
        try:
            compared, alarms, unknown = self.sample(deployment), self.alarms(deployment), ""
        except (ClientError, BotoCoreError) as error:
            if not (deployment.hook and deployment.share):
                raise
            compared, alarms, unknown = NO_TRAFFIC, [], str(error)
        return Observation(
            deployment,
            compared,
            Analysis("undecided", unknown) if unknown else self.analysis(deployment, compared),
            self.warm(deployment),
            alarms,
            self.seconds_left(deployment),
            outcome(deployment, self.rollback_reason(deployment)),
            unknown,
        )

    def record(self, found: Observation, **more: Any) -> None:
        """Append the observation to the event log."""
        deployment = found.deployment
        events.append(
            self.options["event_log"],
            "observation",
            status=deployment.status,
            stage=deployment.stage,
            share=deployment.share,
            test_share=deployment.test_share,
            seconds_left=found.seconds_left,
            message=found.progress,
            alarms=list(found.alarms),
            **more,
            **found.figures,
        )

    # Figures

    def sample(self, deployment: ServiceDeployment) -> Sample:
        """Return what both colours did. Two requests: the threshold of slow ones follows from blue's p95."""
        if not deployment.share:
            return NO_TRAFFIC
        groups, balancer = self.target_groups(deployment), self.options["load_balancer"]
        found = metrics.minutes(self.cloudwatch, balancer, groups, deployment.begun, self.now)
        first, counted = self.split(deployment, found.get("green", {}))
        compared = sample(found.get("blue", {}), counted, first, deployment.share)
        slow_ms = threshold(compared, self.thresholds.p95_factor, self.thresholds.p95_floor_ms)
        return compared if slow_ms is None else metrics.slow(self.cloudwatch, balancer, groups, compared, slow_ms)

    def target_groups(self, deployment: ServiceDeployment) -> dict[str, str]:
        """Return the ARN of each colour's target group, as ECS resolved them: they alternate."""
        arns = {"green": deployment.green.get("arn"), "blue": (deployment.blue or {}).get("arn")}
        desired = [str(arn) for arn in arns.values() if arn]
        answer = self.ecs.describe_service_revisions(serviceRevisionArns=desired)["serviceRevisions"]
        resolved = {
            revision["serviceRevisionArn"]: revision.get("resolvedConfiguration", {}).get("loadBalancers", [])
            for revision in answer
        }
        balancers = {colour: resolved.get(arn or "", []) for colour, arn in arns.items()}
        return {colour: found[0]["targetGroupArn"] for colour, found in balancers.items() if found}

    def split(self, deployment: ServiceDeployment, green: Minutes) -> tuple[Minutes, Minutes]:
        """Return green's minutes with its present share: those of its first one with traffic, and those that count.

        Of its present share, so that no analysis passes on what an earlier one has seen. In the first it is cold.
        """
        share_begun, whole = self.share_begun(deployment) - self.minute, self.counts_from(deployment)
        present = {at: minute for at, minute in green.items() if at > share_begun}
        first = {at: minute for at, minute in present.items() if at < whole}
        return first, {at: minute for at, minute in present.items() if at >= whole}

    def counts_from(self, deployment: ServiceDeployment) -> datetime:
        """Return where the first minute may begin that counts: a minute after green's first traffic."""
        shares = [line["t"] for line in self.observations(deployment) if line["share"]]
        entered = datetime.fromtimestamp(shares[0], UTC) if shares else self.share_begun(deployment)
        return entered + self.minute

    def warm(self, deployment: ServiceDeployment) -> bool:
        """Return whether a minute that counts has begun, wherever CloudWatch's minutes begin."""
        return self.now >= self.counts_from(deployment) + self.minute

    def share_begun(self, deployment: ServiceDeployment) -> datetime:
        """Return when green was first observed with this share, which AWS does not tell; else the beginning."""
        if not self.options["event_log"]:
            return deployment.begun
        seen = [line["t"] for line in self.observations(deployment) if line["share"] == deployment.share]
        return datetime.fromtimestamp(seen[0], UTC) if seen else self.now

    # Analysis

    def analysis(self, deployment: ServiceDeployment, compared: Sample) -> Analysis:
        """Return how green does so far: before it has traffic, whether it starts."""
        if deployment.share:
            return analyse(compared, None, self.thresholds, final=False)
        elapsed = -(seconds_until(deployment.begun, self.now) or 0)
        settings = StartSettings(*(self.options[name] for name in ("grace_seconds", "memory", "log_group")))
        timeout = float(self.options["startup_timeout_seconds"])
        return start(deployment, self.stopped(deployment), elapsed, timeout, settings)

    def final(self, found: Observation, sent: Sent, on_inconclusive: str) -> Analysis:
        """Return the analysis at a pause hook. sent: what was sent to green for it."""
        analysis = found.analysis if found.unknown else self.analysed(found, sent)
        return final_analysis(analysis, on_inconclusive, found.alarms)

    def analysed(self, found: Observation, sent: Sent) -> Analysis:
        names = (self.options["cluster"], self.options["service"])
        try:
            cpu = metrics.cpu(self.cloudwatch, *names, self.counts_from(found.deployment), self.now)
        except (ClientError, BotoCoreError) as error:
            return Analysis("undecided", str(error))
        return analyse(found.sample, cpu, self.thresholds, final=True, sent=sent)

    def alarms(self, deployment: ServiceDeployment) -> list[str]:
        """Return the alarms in the state ALARM. They watch one colour each, or none: a slow machine raises them too."""
        if not self.options["alarms"] or not deployment.share:
            return []
        answer = self.cloudwatch.describe_alarms(AlarmNames=self.options["alarms"])
        return sorted(alarm["AlarmName"] for alarm in answer["MetricAlarms"] if alarm["StateValue"] == "ALARM")

    def stopped(self, deployment: ServiceDeployment) -> list[dict[str, Any]]:
        """Return the tasks of green that have ended, whatever the reason. ECS shows them for an hour."""
        if deployment.stage != "SCALE_UP":
            return []
        cluster, names = self.options["cluster"], {"serviceName": self.options["service"], "desiredStatus": "STOPPED"}
        arns = self.ecs.list_tasks(cluster=cluster, **names)["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=cluster, tasks=arns[:MOST_TASKS])["tasks"] if arns else []
        revisions = self.ecs.describe_service_revisions(serviceRevisionArns=[deployment.green["arn"]])
        definition = revisions["serviceRevisions"][0]["taskDefinition"]
        return [
            task
            for task in tasks
            if task["taskDefinitionArn"] == definition
            and task["lastStatus"] == "STOPPED"
            and (seconds_until(task["createdAt"], self.now) or 0) >= (seconds_until(deployment.begun, self.now) or 0)
        ]

    # The event log

    def observations(self, deployment: ServiceDeployment) -> list[dict[str, Any]]:
        """Return the earlier observations of this deployment."""
        return [line for line in self.since(deployment) if line["kind"] == "observation"]

    def since(self, deployment: ServiceDeployment) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["t"] >= deployment.begun.timestamp()]

    def seconds_left(self, deployment: ServiceDeployment) -> float | None:
        """Return the seconds until it continues by itself. When a stage began, only its first observation tells."""
        if deployment.hook:
            return seconds_until(deployment.expires, self.now)
        minutes = bake_minutes(deployment)
        if minutes is None or not self.options["event_log"]:
            return None
        stage = (deployment.stage, deployment.share)
        same = [
            line["t"]
            for line in self.lines
            if line["kind"] == "observation" and (line["stage"], line["share"]) == stage
        ]
        begun = same[0] if same else self.now.timestamp()
        return float(max(0.0, begun + minutes * self.options["minute_seconds"] - self.now.timestamp()))

    def rollback_reason(self, deployment: ServiceDeployment) -> str:
        """Return why this run told ECS to roll back, if it did."""
        reasons = [
            str(line["message"])
            for line in self.since(deployment)
            if line["kind"] == "event" and line["outcome"] == "failed"
        ]
        return reasons[-1] if reasons else ""
