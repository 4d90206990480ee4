"""ELBv2's API: what boto3 sees of load balancers, listeners, rules and target groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.sandbox.balancing import HOST, POLICY, Balancing, balancing, to, weighted
from tests.support.sandbox.dataplane import eventually

pytestmark = pytest.mark.filterwarnings("ignore:.*does not match an error shape")


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancing]:
    with balancing(tmp_path_factory.mktemp("elbv2")) as found:
        yield found


@pytest.fixture(scope="module")
def balancer(at: Balancing) -> dict[str, Any]:
    return at.balancer("campus")


@pytest.fixture(scope="module")
def group(at: Balancing) -> str:
    return at.group("blue")


@pytest.fixture(scope="module")
def other(at: Balancing) -> str:
    return at.group("green")


@pytest.fixture(scope="module")
def listener(at: Balancing, balancer: dict[str, Any], group: str) -> str:
    return at.https(balancer, to(group))


def refused(code: str, call: Any, /, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def attributes(answer: dict[str, Any]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in answer["Attributes"]}


def test_a_load_balancer_is_named_and_becomes_active(at: Balancing, balancer: dict[str, Any]) -> None:
    assert balancer["State"]["Code"] == "provisioning"
    assert balancer["Scheme"] == "internet-facing"
    assert balancer["CanonicalHostedZoneId"] == "Z35SXDOTRQ7X7K"
    assert re.fullmatch(r"campus-\d{10}\.us-east-1\.elb\.amazonaws\.com", balancer["DNSName"])

    def state() -> str:
        found = at.elb.describe_load_balancers(Names=["campus"])["LoadBalancers"][0]
        return str(found["State"]["Code"])

    eventually(lambda: state() == "active")
    assert at.stage.sandbox.network.lookup(balancer["DNSName"])


def test_made_again_it_is_the_same_or_refused(at: Balancing, balancer: dict[str, Any]) -> None:
    assert at.balancer("campus")["LoadBalancerArn"] == balancer["LoadBalancerArn"]
    refused("DuplicateLoadBalancerName", at.balancer, name="campus", Scheme="internal")
    refused("ValidationError", at.balancer, name="narrow", Subnets=[at.stage.subnets[0]])
    assert "network" in refused("NotEmulated", at.balancer, name="fast", Type="network")


def test_attributes_of_a_load_balancer(at: Balancing, balancer: dict[str, Any]) -> None:
    arn = balancer["LoadBalancerArn"]
    found = attributes(at.elb.describe_load_balancer_attributes(LoadBalancerArn=arn))
    assert found["idle_timeout.timeout_seconds"] == "60"
    assert found["routing.http2.enabled"] == "true"
    desired = [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}]
    at.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=desired)
    found = attributes(at.elb.describe_load_balancer_attributes(LoadBalancerArn=arn))
    assert found["idle_timeout.timeout_seconds"] == "30"


def test_deletion_protection_and_what_goes_with_a_load_balancer(at: Balancing) -> None:
    balancer = at.balancer("guarded", Scheme="internal")
    assert balancer["DNSName"].startswith("internal-guarded-")
    arn = balancer["LoadBalancerArn"]
    group = at.group("guarded")
    certificate = at.certificate_of(at.https(balancer, to(group)))
    assert at.users(certificate)
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    at.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])
    refused("OperationNotPermitted", at.elb.delete_load_balancer, LoadBalancerArn=arn)
    refused("ResourceInUse", at.elb.delete_target_group, TargetGroupArn=group)
    protection["Value"] = "false"
    at.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])
    at.elb.delete_load_balancer(LoadBalancerArn=arn)
    at.elb.delete_target_group(TargetGroupArn=group)
    eventually(lambda: not at.stage.sandbox.network.lookup(balancer["DNSName"]))
    eventually(lambda: at.users(certificate) == [])
    at.stage.client("acm").delete_certificate(CertificateArn=certificate)


def test_a_load_balancer_that_is_gone_holds_on_to_its_network_and_certificate_for_a_while(at: Balancing) -> None:
    ec2, acm = at.stage.client("ec2"), at.stage.client("acm")
    group = ec2.create_security_group(GroupName="lb", Description="lb", VpcId=at.stage.vpc)["GroupId"]
    mine = [{"Name": "group-id", "Values": [group]}]

    def interfaces() -> list[dict[str, Any]]:
        return list(ec2.describe_network_interfaces(Filters=mine)["NetworkInterfaces"])

    balancer = at.balancer("leaving", SecurityGroups=[group])
    certificate = at.certificate_of(at.https(balancer, to(at.group("leaving"))))
    eventually(lambda: len(interfaces()) == 2)
    assert {one["SubnetId"] for one in interfaces()} == set(at.stage.subnets)
    assert {one["Description"] for one in interfaces()} == {
        f"ELB {balancer['LoadBalancerArn'].partition(':loadbalancer/')[2]}"
    }
    at.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    refused("LoadBalancerNotFound", at.elb.describe_load_balancers, Names=["leaving"])
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
    refused("DependencyViolation", ec2.delete_subnet, SubnetId=at.stage.subnets[0])
    refused("ResourceInUseException", acm.delete_certificate, CertificateArn=certificate)
    eventually(lambda: not interfaces())
    ec2.delete_security_group(GroupId=group)
    eventually(lambda: not at.users(certificate))
    acm.delete_certificate(CertificateArn=certificate)


def test_interfaces_follow_a_load_balancer_to_other_groups(at: Balancing) -> None:
    ec2 = at.stage.client("ec2")
    group = ec2.create_security_group(GroupName="other", Description="other", VpcId=at.stage.vpc)["GroupId"]
    arn = at.balancer("moving")["LoadBalancerArn"]
    at.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[group])
    mine = [{"Name": "group-id", "Values": [group]}]
    eventually(lambda: len(ec2.describe_network_interfaces(Filters=mine)["NetworkInterfaces"]) == 2)


def test_a_listener_as_described(at: Balancing, balancer: dict[str, Any], group: str, listener: str) -> None:
    (found,) = at.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (found["Port"], found["Protocol"], found["SslPolicy"]) == (443, "HTTPS", POLICY)
    (action,) = found["DefaultActions"]
    assert action["TargetGroupArn"] == group
    assert action["ForwardConfig"] == {
        "TargetGroups": [{"TargetGroupArn": group, "Weight": 1}],
        "TargetGroupStickinessConfig": {"Enabled": False},
    }
    (described,) = at.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert described["LoadBalancerArns"] == [balancer["LoadBalancerArn"]]


def test_a_redirect_has_its_defaults_and_http_no_policy(at: Balancing, balancer: dict[str, Any]) -> None:
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    action = {"Type": "redirect", "RedirectConfig": redirect}
    arn = at.listener(balancer, 80, Protocol="HTTP", DefaultActions=[action])
    (found,) = at.elb.describe_listeners(ListenerArns=[arn])["Listeners"]
    assert "SslPolicy" not in found
    assert found["DefaultActions"][0]["RedirectConfig"] == redirect | {
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
    }
    refused(
        "DuplicateListener",
        at.listener,
        balancer=balancer,
        port=80,
        Protocol="HTTP",
        DefaultActions=[action],
    )
    refused("DuplicateListener", at.elb.modify_listener, ListenerArn=arn, Port=443)
    assert at.elb.modify_listener(ListenerArn=arn, Port=81)["Listeners"][0]["Port"] == 81
    secured = at.elb.modify_listener(
        ListenerArn=arn, Protocol="HTTPS", Certificates=[{"CertificateArn": at.certificate()}]
    )["Listeners"][0]
    assert secured["SslPolicy"] == "ELBSecurityPolicy-2016-08"
    at.elb.delete_listener(ListenerArn=arn)


def test_https_wants_an_issued_certificate_and_a_policy(at: Balancing, balancer: dict[str, Any], group: str) -> None:
    def create(certificate: str | None, policy: str = POLICY) -> None:
        certificates = [{"CertificateArn": certificate}] if certificate else []
        at.listener(
            balancer,
            8443,
            Protocol="HTTPS",
            Certificates=certificates,
            SslPolicy=policy,
            DefaultActions=[to(group)],
        )

    refused("ValidationError", create, certificate=None)
    refused("UnsupportedCertificate", create, certificate=at.certificate(issued=False))
    refused("SSLPolicyNotFound", create, certificate=at.certificate(), policy="Strict")
    absent = "arn:aws:acm:us-east-1:123456789012:certificate/absent"
    refused("CertificateNotFound", create, certificate=absent)


def test_a_certificate_is_in_use_while_a_listener_has_it(at: Balancing) -> None:
    balancer, group = at.balancer("certified"), at.group("certified")
    listener = at.https(balancer, to(group))
    first, second = at.certificate_of(listener), at.certificate()
    assert at.users(first)
    at.elb.modify_listener(ListenerArn=listener, Certificates=[{"CertificateArn": second}])
    assert not at.users(first)
    assert at.users(second)
    at.elb.delete_listener(ListenerArn=listener)
    assert not at.users(second)


def test_a_weighted_rule_goes_round(at: Balancing, listener: str, group: str, other: str) -> None:
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
    request = {"ListenerArn": listener, "Conditions": [condition], "Priority": 100}
    action = weighted(blue=(group, 1), green=(other, 0))
    (rule,) = at.elb.create_rule(**request, Actions=[action])["Rules"]
    assert rule["Priority"] == "100"
    assert rule["Conditions"] == [condition | {"Values": ["/*"]}]
    (found,) = rule["Actions"]
    assert "TargetGroupArn" not in found
    assert found["ForwardConfig"]["TargetGroups"] == action["ForwardConfig"]["TargetGroups"]

    shifted = weighted(blue=(group, 0), green=(other, 1))
    at.elb.modify_rule(RuleArn=rule["RuleArn"], Actions=[shifted])
    (rule,) = at.elb.describe_rules(RuleArns=[rule["RuleArn"]])["Rules"]
    groups = rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
    assert [one["Weight"] for one in groups] == [0, 1]
    assert rule["Conditions"] == [condition | {"Values": ["/*"]}]
    refused("PriorityInUse", at.elb.create_rule, **request, Actions=[action])

    request["Priority"] = 5
    (first,) = at.elb.create_rule(**request, Actions=[to(group)])["Rules"]
    rules = at.elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [one["Priority"] for one in rules] == ["5", "100", "default"]
    at.elb.delete_rule(RuleArn=first["RuleArn"])
    refused("RuleNotFound", at.elb.delete_rule, RuleArn=first["RuleArn"])
    refused("OperationNotPermitted", at.elb.delete_rule, RuleArn=rules[-1]["RuleArn"])


@pytest.mark.parametrize("weight", [-1, 1000])
def test_weights_have_limits(at: Balancing, listener: str, group: str, other: str, weight: int) -> None:
    condition = {"Field": "host-header", "Values": [HOST]}
    action = weighted(blue=(group, 1), green=(other, weight))
    refused(
        "ValidationError",
        at.elb.create_rule,
        ListenerArn=listener,
        Conditions=[condition],
        Priority=7,
        Actions=[action],
    )


@pytest.mark.parametrize("seconds", [None, 0, 604801])
def test_a_group_binds_its_clients_for_a_week_at_most(
    at: Balancing, listener: str, group: str, other: str, seconds: int | None
) -> None:
    rule = {"ListenerArn": listener, "Conditions": [{"Field": "host-header", "Values": [HOST]}], "Priority": 7}
    action = weighted(blue=(group, 1), green=(other, 1))
    desired: dict[str, Any] = {"Enabled": True}
    action["ForwardConfig"]["TargetGroupStickinessConfig"] = desired
    if seconds is not None:
        desired["DurationSeconds"] = seconds
    refused("ValidationError", at.elb.create_rule, **rule, Actions=[action])
    desired["DurationSeconds"] = 604800
    (made,) = at.elb.create_rule(**rule, Actions=[action])["Rules"]
    assert made["Actions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"] == desired
    at.elb.delete_rule(RuleArn=made["RuleArn"])


def test_what_is_not_emulated_is_said(at: Balancing, listener: str, group: str) -> None:
    source = {"Field": "source-ip", "SourceIpConfig": {"Values": ["192.0.2.0/24"]}}
    request = {"ListenerArn": listener, "Priority": 8, "Actions": [to(group)]}
    assert "source-ip" in refused("NotEmulated", at.elb.create_rule, **request, Conditions=[source])
    assert "instance" in refused("NotEmulated", at.group, name="old", TargetType="instance")
    sticky = {"Key": "stickiness.enabled", "Value": "true"}
    refused(
        "NotEmulated",
        at.elb.modify_target_group_attributes,
        TargetGroupArn=group,
        Attributes=[sticky],
    )


def test_attributes_of_a_target_group(at: Balancing, group: str) -> None:
    found = attributes(at.elb.describe_target_group_attributes(TargetGroupArn=group))
    assert found["deregistration_delay.timeout_seconds"] == "300"
    assert found["stickiness.enabled"] == "false"

    def modify(key: str, value: str) -> dict[str, str]:
        desired = [{"Key": key, "Value": value}]
        answer = at.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=desired)
        return attributes(answer)

    delay = "deregistration_delay.timeout_seconds"
    assert modify(delay, "3600") == found | {delay: "3600"}
    refused("ValidationError", modify, key=delay, value="3601")
    refused("ValidationError", modify, key="no.such.key", value="1")


def test_a_health_check_is_changed(at: Balancing, group: str) -> None:
    at.elb.modify_target_group(
        TargetGroupArn=group,
        HealthCheckPath="/healthz",
        HealthyThresholdCount=3,
        Matcher={"HttpCode": "200-299"},
    )
    (found,) = at.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert found["HealthCheckPath"] == "/healthz"
    assert found["HealthyThresholdCount"] == 3
    assert found["Matcher"] == {"HttpCode": "200-299"}
    assert (found["HealthCheckEnabled"], found["ProtocolVersion"]) == (True, "HTTP1")


def test_a_target_nobody_sends_to_is_unused(at: Balancing) -> None:
    group, target = at.group("idle"), {"Id": "10.20.0.9", "Port": 8000}
    at.elb.register_targets(TargetGroupArn=group, Targets=[target])
    state, reason, _ = at.health(group)["10.20.0.9"]
    assert (state, reason) == ("unused", "Target.NotInUse")
    at.elb.deregister_targets(TargetGroupArn=group, Targets=[target])
    assert at.health(group) == {}
    (found,) = at.elb.describe_target_health(TargetGroupArn=group, Targets=[target])["TargetHealthDescriptions"]
    assert found["TargetHealth"]["Reason"] == "Target.NotRegistered"
    assert found["HealthCheckPort"] == "8000"
    refused("InvalidTarget", at.elb.deregister_targets, TargetGroupArn=group, Targets=[target])
