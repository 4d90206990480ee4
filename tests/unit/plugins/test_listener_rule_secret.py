"""A rule that asks for a secret header: AWS gets the value, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from plugins.modules import listener_rule, listener_weights
from plugins.modules.listener_rule import fingerprint, header
from tests.support.ops.own_modules import call, environment, mutations
from tests.support.sandbox.api_only import LocalApi, serving

VALUE, LATER = "the-value-that-nobody-may-see", "another-that-nobody-may-see"
HEADER = "X-Test-Traffic"


@dataclass(frozen=True)
class Balancer:
    """A load balancer with a listener and two target groups."""

    api: LocalApi
    elb: Any
    name: str
    groups: dict[str, str]  # ARN by name

    def rule(self, *, check: bool = False, secret: str = "t1/test-traffic", **more: Any) -> dict[str, Any]:
        blue, green = self.groups
        options = {
            "load_balancer": self.name,
            "port": 80,
            "priority": 50,
            "header": HEADER,
            "header_secret": secret,
            "tags": {"Stack": "t1"},
            "target_groups": {blue: 1, green: 0},
            **more,
        }
        answer = call(listener_rule.main, check=check, **options)
        shown = json.dumps(answer)
        assert VALUE not in shown
        assert LATER not in shown
        return answer

    def kept(self, arn: str) -> dict[str, Any]:
        return dict(self.elb.describe_rules(RuleArns=[arn])["Rules"][0])

    def asked(self, arn: str) -> tuple[str | None, str | None]:
        return header(self.kept(arn)["Conditions"])

    def weights(self, rule: str, **weights: Any) -> dict[str, Any]:
        arns = dict(zip(("blue", "green"), self.groups.values(), strict=True))
        return call(listener_weights.main, rule=rule, weights={arns[name]: weight for name, weight in weights.items()})


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    with serving(tmp_path_factory.mktemp("rules") / "sandbox") as api, environment(api):
        ec2, elb = api.client("ec2"), api.client("elbv2")
        vpc = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
        blocks = {"us-east-1a": "10.30.0.0/24", "us-east-1b": "10.30.1.0/24"}
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for zone, block in blocks.items()
        ]
        options = {"Protocol": "HTTP", "Port": 8000, "TargetType": "ip", "VpcId": vpc}
        groups = {
            name: elb.create_target_group(Name=name, **options)["TargetGroups"][0]["TargetGroupArn"]
            for name in ("rules-blue", "rules-green")
        }
        arn = elb.create_load_balancer(Name="rules", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        default = {"Type": "forward", "TargetGroupArn": groups["rules-blue"]}
        elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[default])
        api.client("secretsmanager").create_secret(Name="t1/test-traffic", SecretString=VALUE)
        yield Balancer(api, elb, "rules", groups)


@pytest.fixture
def made(balancer: Balancer) -> Iterator[dict[str, Any]]:
    answer = balancer.rule()
    yield answer
    balancer.rule(state="absent")


def test_aws_gets_the_value_and_the_answer_a_fingerprint(balancer: Balancer, made: dict[str, Any]) -> None:
    assert made["changed"] is True
    assert balancer.asked(made["resource"]["arn"]) == (HEADER, VALUE)
    assert made["resource"]["header_value"] == made["diff"]["after"]["header_value"] == fingerprint(VALUE)


def test_the_same_again_changes_nothing(balancer: Balancer, made: dict[str, Any]) -> None:
    assert balancer.rule()["changed"] is False


def test_a_new_value_is_a_difference_that_is_repaired(balancer: Balancer, made: dict[str, Any]) -> None:
    secrets = balancer.api.client("secretsmanager")
    secrets.put_secret_value(SecretId="t1/test-traffic", SecretString=LATER)
    answer = balancer.rule()
    assert answer["changes"] == ["header_value"]
    assert answer["diff"]["before"]["header_value"] == fingerprint(VALUE) != answer["diff"]["after"]["header_value"]
    assert balancer.asked(made["resource"]["arn"]) == (HEADER, LATER)
    secrets.put_secret_value(SecretId="t1/test-traffic", SecretString=VALUE)


def test_a_rule_that_lost_its_header_would_catch_everybody_and_is_repaired(
    balancer: Balancer, made: dict[str, Any]
) -> None:
    arn = made["resource"]["arn"]
    everything = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
    balancer.elb.modify_rule(RuleArn=arn, Conditions=[everything])
    assert balancer.rule()["changes"] == ["header", "header_value"]
    assert balancer.asked(arn) == (HEADER, VALUE)


def test_its_weights_are_state_too(balancer: Balancer, made: dict[str, Any]) -> None:
    arn = made["resource"]["arn"]
    groups = [
        {"TargetGroupArn": group, "Weight": weight}
        for group, weight in zip(balancer.groups.values(), (0, 1), strict=True)
    ]
    balancer.elb.modify_rule(RuleArn=arn, Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}])
    assert balancer.rule()["changed"] is False
    assert balancer.rule(path_patterns=["/api/*"])["resource"]["target_groups"] == {"rules-blue": 0, "rules-green": 1}


def test_a_plan_of_an_empty_stack_knows_no_value_yet(balancer: Balancer) -> None:
    before = len(mutations(balancer.api))
    answer = balancer.rule(check=True, secret="t1/not-there-yet")
    assert answer["diff"]["after"]["header_value"] == "pending"
    assert len(mutations(balancer.api)) == before


def test_without_its_secret_no_rule_is_made(balancer: Balancer) -> None:
    before = len(mutations(balancer.api))
    message = balancer.rule(secret="t1/not-there-yet")["msg"]
    assert "The rule rules:80 #50 was not touched. There is no secret t1/not-there-yet" in message
    assert len(mutations(balancer.api)) == before


def test_what_is_to_go_needs_no_secret(balancer: Balancer) -> None:
    balancer.rule()
    assert balancer.rule(secret="t1/not-there-yet", state="absent")["changed"] is True


@pytest.mark.parametrize("check", [True, False])
def test_a_value_that_others_match_too_is_refused_and_the_rule_stays(
    balancer: Balancer, made: dict[str, Any], check: bool
) -> None:
    """`*` for a header would lead everybody to green: AWS takes it for any characters."""
    secrets = balancer.api.client("secretsmanager")
    for value, why in (("test-traffic-*", "other values too"), (f"{LATER}\n", "newline"), ("a" * 129, "129")):
        secrets.put_secret_value(SecretId="t1/test-traffic", SecretString=value)
        before = len(mutations(balancer.api))
        message = balancer.rule(check=check)["msg"]
        assert "secret t1/test-traffic can't be the header" in message
        assert why in message
        assert len(mutations(balancer.api)) == before
    assert balancer.asked(made["resource"]["arn"]) == (HEADER, VALUE)
    secrets.put_secret_value(SecretId="t1/test-traffic", SecretString=VALUE)


def test_a_header_needs_a_secret_and_a_fingerprint_tells_values_apart(balancer: Balancer) -> None:
    options: dict[str, Any] = {"load_balancer": "rules", "port": 80, "priority": 50, "target_groups": {"rules-blue": 1}}
    assert "header_secret" in call(listener_rule.main, header=HEADER, **options)["msg"]
    assert fingerprint(VALUE) != fingerprint(LATER)
    assert fingerprint(None) is None
    assert header([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]) == (None, None)


# Weights by hand


def test_weights_are_set_by_hand_only_where_something_is_healthy(balancer: Balancer, made: dict[str, Any]) -> None:
    arn = made["resource"]["arn"]
    answer = balancer.weights(arn, blue=0, green=100)
    assert "rules-green has no healthy target" in answer["msg"]
    assert balancer.kept(arn)["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["Weight"] == 1


def test_weights_that_are_so_already_need_no_health(balancer: Balancer, made: dict[str, Any]) -> None:
    assert balancer.weights(made["resource"]["arn"], blue=1, green=0)["changed"] is False


def test_traffic_is_not_sent_nowhere(balancer: Balancer, made: dict[str, Any]) -> None:
    assert "send nobody anywhere" in balancer.weights(made["resource"]["arn"], blue=0, green=0)["msg"]


def test_a_rule_that_is_not_there_has_a_cure(balancer: Balancer, made: dict[str, Any]) -> None:
    assert "Run playbooks/provision.yml" in balancer.weights(made["resource"]["arn"] + "0", blue=1, green=0)["msg"]
