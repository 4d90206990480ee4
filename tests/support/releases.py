"""How tests release, and look at what came of it: from outside, in AWS, and in the report that the release left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sandbox.config import CHECKOUT
from tests.support import stuck, variants
from tests.support.stack import BIN, INVENTORIES, STACK, Ask, Played, Sandbox
from tests.support.waiting import until

SERVICE = f"{STACK}-app"
REPORTS = CHECKOUT / "reports/deploy"
#: the tier's course, with shorter waits
QUICK = (*INVENTORIES, "molecule/release/quick")

#: What holds a release in SCALE_UP as long as a test likes, together with `variants.ready_on_demand`.
PATIENT = {"release_health_check_grace_seconds": 3000, "release_startup_timeout_seconds": 3600}
#: A person who sees nothing happen presses Ctrl-C again.
AGAIN_SECONDS = 20.0

Push = Callable[[str, variants.Variant], None]


def words(tag: str, **options: Any) -> tuple[str, ...]:
    return ("-e", f"release={tag}", "-e", json.dumps(options))


@dataclass(frozen=True, slots=True)
class Releases:
    """A stack's releases."""

    sandbox: Sandbox
    inventories: Sequence[str] = QUICK

    def deploy(self, tag: str, *more: str, **options: Any) -> Played:
        return self.play("deploy", *words(tag, **options), *more)

    def play(self, playbook: str, *words: str) -> Played:
        return self.sandbox.play(playbook, *words, inventories=self.inventories)

    def begin(self, tag: str, **options: Any) -> stuck.Talking:
        """A release in the background, in a process group of its own."""
        command = [str(BIN / "ansible-playbook"), *(f"--inventory={one}" for one in self.inventories)]
        return stuck.Talking(
            [*command, "playbooks/deploy.yml", *words(tag, **options)],
            cwd=CHECKOUT,
            env=os.environ | stuck.TELLING,
            start_new_session=True,
        )

    def finish(self, process: stuck.Talking) -> str:
        """Wait for a release that was begun; what it wrote."""
        return process.output()

    def beat(self, ask: Ask, probe: str) -> None:
        """Write a heartbeat of that probe, which a variant waits for."""
        token = self.sandbox.client("secretsmanager").get_secret_value(SecretId=f"{STACK}/heartbeat-token")
        bearer = {"Authorization": f"Bearer {token['SecretString']}"}
        said = ask("POST", "/api/heartbeat", {"probe": probe, "sequence": 1}, bearer)
        assert said.status in (200, 201), json.dumps(said.body)

    def kill(self, process: stuck.Talking, number: signal.Signals = signal.SIGKILL) -> None:
        """End ansible-playbook. A person presses Ctrl-C again where once was not enough: its queue's lock may hang."""
        until(lambda: _signalled(process, number), f"{signal.Signals(number).name} does not end it")

    @property
    def service(self) -> dict[str, Any]:
        ecs = self.sandbox.client("ecs")
        return dict(ecs.describe_services(cluster=STACK, services=[SERVICE])["services"][0])

    @property
    def latest(self) -> dict[str, Any]:
        """The newest service deployment, as AWS describes it."""
        ecs = self.sandbox.client("ecs")
        listed = ecs.list_service_deployments(cluster=STACK, service=SERVICE)["serviceDeployments"]
        newest = max(listed, key=lambda one: one["createdAt"])["serviceDeploymentArn"]
        return dict(ecs.describe_service_deployments(serviceDeploymentArns=[newest])["serviceDeployments"][0])

    def reached(self, *stages: str, after: str = "") -> dict[str, Any]:
        """The newest deployment, not `after`, as soon as it is at one of these stages or has one of these statuses."""

        def look() -> dict[str, Any] | None:
            found = self.latest
            there = {found.get("lifecycleStage"), found["status"]} & set(stages)
            return found if there and found["serviceDeploymentArn"] != after else None

        return until(look, lambda: f"the deployment did not reach {' or '.join(stages)}: {self.latest}", every=0.1)

    @property
    def rule(self) -> dict[str, Any]:
        """The production rule."""
        elb = self.sandbox.client("elbv2")
        balancer = elb.describe_load_balancers(Names=[STACK])["LoadBalancers"][0]["LoadBalancerArn"]
        listeners = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        listener = next(one["ListenerArn"] for one in listeners if one["Port"] == 443)
        rules = elb.describe_rules(ListenerArn=listener)["Rules"]
        return dict(next(one for one in rules if one["Priority"] == "100"))

    @property
    def weights(self) -> dict[str, int]:
        """The production rule's, by colour."""
        groups = self.rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return {re.split("[-/]", group["TargetGroupArn"])[-2]: group["Weight"] for group in groups}

    @property
    def holder(self) -> Mapping[str, Any] | None:
        """Who holds the stack's lock."""
        s3 = self.sandbox.client("s3")
        try:
            answer = s3.get_object(Bucket=self.bucket, Key="locks/stack.json")
        except s3.exceptions.NoSuchKey:
            return None
        body: Mapping[str, Any] = json.loads(answer["Body"].read())
        return body

    @property
    def bucket(self) -> str:
        return f"{STACK}-{self.sandbox.settings.account_id}-reports"

    @property
    def audit_log(self) -> list[dict[str, Any]]:
        """Return the entry of every release, the newest first."""
        s3 = self.sandbox.client("s3")
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=self.bucket, Prefix="audit-log/").get("Contents", [])]
        return [json.loads(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()) for key in sorted(keys)[::-1]]

    def report(self, tag: str) -> dict[str, Any]:
        """Return the report of the newest run of that tag."""
        run = next(entry["run"] for entry in self.audit_log if entry["release"] == tag)  # other stacks write there too
        assert (REPORTS / f"{run}.html").exists()
        found: dict[str, Any] = json.loads((REPORTS / f"{run}.json").read_text())
        return found


def _signalled(process: stuck.Talking, number: int) -> bool:
    if process.poll() is None:
        os.killpg(process.pid, number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(AGAIN_SECONDS)
    return process.poll() is not None


def sentence(played: Played) -> str:
    """The output as one line, however it was wrapped."""
    return re.sub(r"\s+", " ", played.output)
