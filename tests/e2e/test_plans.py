"""Plans are true: what --check says of a drifted stack is what a run then does, and it leaves state alone.

The stack is changed behind Ansible's back in every role, checked, repaired and run once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.config import CHECKOUT
from tests.e2e.drift import DRIFT, Client, Stack
from tests.support.inventory import inventory
from tests.support.plans import lies
from tests.support.stack import STACK, Played, Sandbox
from tests.support.waiting import until

ZONE = "tier1.campshub360.example"


@dataclass(frozen=True, slots=True)
class Story:
    """What was there before the drift, what was said and done, and what was there in the end."""

    before: Mapping[str, Any]
    drifted: Mapping[str, Any]
    plan: Played
    asked: list[str]  # mutating calls of the plan
    run: Played
    after: Mapping[str, Any]
    again: Played


def held(sandbox: Sandbox) -> dict[str, Any]:
    return inventory(sandbox.client, STACK, ZONE)


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox) -> Stack:
    return Stack(STACK, ZONE, sandbox.client)


@pytest.fixture(scope="module")
def story(sandbox: Sandbox, stack: Stack) -> Iterator[Story]:
    beside = lookalikes(sandbox.client, stack)
    before = held(sandbox)
    with closing(beside), moved(stack):
        for drift in DRIFT.values():
            drift(stack)
        drifted = held(sandbox)
        calls = len(sandbox.calls())
        plan = sandbox.play("provision", "--check", "--diff")
        asked = sandbox.changes_since(calls)
        run = sandbox.play("provision", "--diff")
        after = held(sandbox)
        again = sandbox.play("provision")
        yield Story(before, drifted, plan, asked, run, after, again)


class lookalikes:  # noqa: N801 reads as what it does
    """What others put beside a stack's own: a rule and a listener, and a pending certificate of the domain.

    They are part of what was there before: the run takes none for the stack's, and changes none.
    """

    def __init__(self, client: Client, stack: Stack) -> None:
        self.elb, self.acm = client("elbv2"), client("acm")
        own = self.elb.describe_listeners(ListenerArns=[stack.listener(443)])["Listeners"][0]
        vpc = self.elb.describe_load_balancers(LoadBalancerArns=[stack.balancer])["LoadBalancers"][0]["VpcId"]
        made = self.elb.create_target_group(Name="legacy", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
        self.group = made["TargetGroups"][0]["TargetGroupArn"]
        forward = {"Type": "forward", "TargetGroupArn": self.group}
        legacy = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/legacy/*"]}}
        rule = self.elb.create_rule(
            ListenerArn=own["ListenerArn"], Priority=200, Conditions=[legacy], Actions=[forward]
        )
        self.rule = rule["Rules"][0]["RuleArn"]
        listener = self.elb.create_listener(
            LoadBalancerArn=stack.balancer,
            Port=8443,
            Protocol="HTTPS",
            Certificates=own["Certificates"],
            DefaultActions=[forward],
        )
        self.listener = listener["Listeners"][0]["ListenerArn"]
        pending = self.acm.request_certificate(
            DomainName=ZONE,
            SubjectAlternativeNames=[f"shop.{ZONE}"],  # for which nobody publishes a record
            ValidationMethod="DNS",
            Tags=[{"Key": "Stack", "Value": STACK}],
        )
        self.certificate = pending["CertificateArn"]

    def close(self) -> None:
        self.elb.delete_listener(ListenerArn=self.listener)
        self.elb.delete_rule(RuleArn=self.rule)
        self.elb.delete_target_group(TargetGroupArn=self.group)
        self.acm.delete_certificate(CertificateArn=self.certificate)


class moved:  # noqa: N801 reads as what it does
    """A stack whose state somebody has moved: a release's weights, the service's size, a secret, the public name."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.secret = f"{STACK}/heartbeat-token"
        self.version = self.current()["VersionId"]
        self.alias = next(record for record in self.records() if "AliasTarget" in record)

    def records(self) -> list[dict[str, Any]]:
        records = self.stack.client("route53").list_resource_record_sets(HostedZoneId=self.stack.zone_id)
        return list(records["ResourceRecordSets"])

    def current(self) -> Any:
        return self.stack.client("secretsmanager").get_secret_value(SecretId=self.secret)

    def __enter__(self) -> None:
        self.set(blue=7, size=2, lead="elsewhere.us-east-1.elb.amazonaws.com.")
        self.stack.client("secretsmanager").put_secret_value(SecretId=self.secret, SecretString="somebody's")

    def __exit__(self, *_: object) -> None:
        # First, and the very version that runs: another would be another release, and tasks read it as they start.
        self.stack.client("secretsmanager").update_secret_version_stage(
            SecretId=self.secret,
            VersionStage="AWSCURRENT",
            RemoveFromVersionId=self.current()["VersionId"],
            MoveToVersionId=self.version,
        )
        self.set(blue=1, size=3, lead=self.alias["AliasTarget"]["DNSName"])
        assert self.current()["VersionId"] == self.version
        until(lambda: self.healthy() == 3, "a task that the others need is missing")

    def healthy(self) -> int:
        group = self.stack.target_group("blue")
        targets = self.stack.client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return sum(target["TargetHealth"]["State"] == "healthy" for target in targets)

    def service(self) -> Any:
        answer = self.stack.client("ecs").describe_services(cluster=STACK, services=[f"{STACK}-app"])
        return answer["services"][0]

    def set(self, blue: int, size: int, lead: str) -> None:
        client = self.stack.client
        weights = [
            {"TargetGroupArn": self.stack.target_group("blue"), "Weight": blue},
            {"TargetGroupArn": self.stack.target_group("green"), "Weight": 0},
        ]
        forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
        client("elbv2").modify_rule(RuleArn=self.stack.rule["RuleArn"], Actions=[forward])
        client("ecs").update_service(cluster=STACK, service=f"{STACK}-app", desiredCount=size)
        record = self.alias | {"AliasTarget": self.alias["AliasTarget"] | {"DNSName": lead}}
        client("route53").change_resource_record_sets(
            HostedZoneId=self.stack.zone_id,
            ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
        )

    def now(self) -> dict[str, Any]:
        groups = self.stack.rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
        alias = next(record for record in self.records() if "AliasTarget" in record)
        return {
            "weights": sorted(group["Weight"] for group in groups),
            "size": self.service()["desiredCount"],
            "secret": self.current()["SecretString"],
            "leads": alias["AliasTarget"]["DNSName"],
        }


def test_the_plan_says_exactly_what_the_run_does(story: Story) -> None:
    assert (story.plan.code, story.run.code) == (0, 0), story.plan.output + story.run.output
    assert lies(story.plan.changes, story.run.changes) == []


def test_a_plan_asks_only(story: Story) -> None:
    assert story.asked == []


@pytest.mark.parametrize("role", DRIFT)
def test_drift_in_each_role_is_reported(story: Story, role: str) -> None:
    assert [change for change in story.plan.changes if change["task"].startswith(f"{role} : ")]


def test_all_that_drifted_is_as_it_was_but_for_state(story: Story) -> None:
    state = {"records", "services", "rules 443"}
    drifted = {name for name in story.before if story.drifted.get(name) != story.before[name]}
    assert len(drifted - state) >= 2 * len(DRIFT)
    wrong = {name: (story.before[name], story.after.get(name)) for name in drifted - state}
    secrets = {name for name in wrong if name.startswith("list_secrets")}  # whose versions are state
    assert {name: pair for name, pair in wrong.items() if name not in secrets and pair[0] != pair[1]} == {}


def test_state_is_left_as_somebody_moved_it(story: Story, stack: Stack) -> None:
    assert moved(stack).now() == {
        "weights": [0, 7],
        "size": 2,
        "secret": "somebody's",
        "leads": "elsewhere.us-east-1.elb.amazonaws.com.",
    }


def test_the_next_run_changes_nothing(story: Story) -> None:
    assert (story.again.code, story.again.changed) == (0, 0), story.again.output


def test_a_module_that_compares_wrongly_is_found(sandbox: Sandbox, stack: Stack, tmp_path: Path) -> None:
    """The negative control: a copy of a module whose plan says that all is as desired."""
    source = (CHECKOUT / "plugins/modules/target_group.py").read_text()
    head = "    def desired(self, found: State | None) -> State:\n"
    assert head in source
    lying = head + "        if self.module.check_mode and found:\n            return dict(found)\n"
    (tmp_path / "target_group.py").write_text(source.replace(head, lying))
    library = {"ANSIBLE_LIBRARY": f"{tmp_path}:{CHECKOUT / 'plugins/modules'}"}
    stack.client("elbv2").modify_target_group(TargetGroupArn=stack.target_group("green"), HealthCheckPath="/")
    plan = sandbox.play("provision", "--check", "--diff", "--tags", "load_balancer", environment=library)
    run = sandbox.play("provision", "--diff", "--tags", "load_balancer")
    assert (plan.code, run.code) == (0, 0), plan.output + run.output
    assert [lie for lie in lies(plan.changes, run.changes) if "done, not planned" in lie]


def test_what_a_run_changed_on_the_way_of_requests_is_asked_from_outside(sandbox: Sandbox, stack: Stack) -> None:
    """With a name that the certificate does not have, as if the change had put a wrong certificate there."""
    elsewhere = ("-e", "release_url=https://elsewhere.example", "-e", "release_verify_seconds=1")
    idle = sandbox.play("provision", "--tags", "load_balancer", *elsewhere)
    assert (idle.code, idle.changed) == (0, 0), "nothing was changed, so nothing is asked"
    stack.client("elbv2").modify_target_group(TargetGroupArn=stack.target_group("green"), HealthCheckPath="/")
    run = sandbox.play("provision", "--tags", "load_balancer", *elsewhere)
    assert run.code != 0
    said = " ".join(run.output.split())
    assert "elsewhere.example/readyz is not as it should be" in said
    assert "on the way of requests this run changed: target groups." in said
    again = sandbox.play("provision", "--tags", "load_balancer")
    assert (again.code, again.changed) == (0, 0), again.output
