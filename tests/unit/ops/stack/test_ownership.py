"""Modules beside look-alikes: what others made is not changed, and a refusal names all ids and the cure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.client import BaseClient

from ops.aws.acm import own_certificates
from plugins.modules import (
    certificate,
    dns_records,
    hosted_zone,
    listener,
    listener_rule,
    listener_weights,
    nat_gateway,
    route_table,
    stack_info,
)
from tests.support.ops.own_modules import call
from tests.support.sandbox.account import client, empty

STACK = "t1"
DOMAIN = "t1.example"
TAGS = {"Stack": STACK, "CostCenter": "4711"}
THEIRS = {"CostCenter": "0815", "Name": "company"}
ALIAS = {"dns_name": "t1-1.us-east-1.elb.amazonaws.com", "hosted_zone_id": "Z35SXDOTRQ7X7K"}
APP = {"name": f"app.{DOMAIN}", "type": "A"}
DNSSEC = {"EnableHostedZoneDNSSEC", "DisableHostedZoneDNSSEC"}


class Account:
    """An empty account, and what our modules asked it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def make_client(self, service: str, **_: object) -> Any:
        """Return the one client of all tests: a module would load botocore's models anew for each."""
        return client(service)

    def mutations(self) -> list[str]:
        return [name for name in self.calls if not name.startswith(("Describe", "Get", "List"))]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    account = Account()
    original = BaseClient._make_api_call  # no public place sees every call

    def noted(self: Any, name: str, request: Any) -> Any:
        account.calls.append(name)
        return original(self, name, request)

    monkeypatch.setattr(AnsibleAWSModule, "client", account.make_client)
    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with empty():
        yield account


class Zones:
    """Hosted zones of the account, and our modules on them."""

    def __init__(self, api: Account) -> None:
        self.api, self.route53 = api, client("route53")

    def create(self, reference: str = "theirs", comment: str = "theirs", **tags: str) -> str:
        made = self.route53.create_hosted_zone(
            Name=DOMAIN, CallerReference=reference, HostedZoneConfig={"Comment": comment, "PrivateZone": False}
        )
        identifier = str(made["HostedZone"]["Id"]).rpartition("/")[2]
        if tags:
            pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
            self.route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=identifier, AddTags=pairs)
        return identifier

    def record(self, zone: str, name: str, kind: str = "CNAME", value: str = "elsewhere.example.") -> None:
        record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
        self.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    def module(self, **options: Any) -> dict[str, Any]:
        names = [APP["name"]]
        return call(hosted_zone.main, **{"name": DOMAIN, "stack": STACK, "names": names, "tags": TAGS, **options})

    def records(self, **options: Any) -> dict[str, Any]:
        record = {**APP, "alias": ALIAS}
        return call(dns_records.main, **{"zone": DOMAIN, "stack": STACK, "records": [record], **options})

    def names(self, zone: str) -> set[str]:
        records = self.route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {record["Name"] for record in records if record["Type"] not in ("NS", "SOA")}

    def tags(self, zone: str) -> dict[str, str]:
        answer = self.route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone)
        return {pair["Key"]: pair["Value"] for pair in answer["ResourceTagSet"]["Tags"]}

    def comment(self, zone: str) -> str:
        return str(self.route53.get_hosted_zone(Id=zone)["HostedZone"]["Config"]["Comment"])

    def all(self) -> list[str]:
        return [str(zone["Id"]).rpartition("/")[2] for zone in self.route53.list_hosted_zones()["HostedZones"]]


@pytest.fixture
def zones(api: Account) -> Zones:
    return Zones(api)


def refused(answer: dict[str, Any], *words: str) -> None:
    assert answer.get("failed"), answer
    assert [word for word in words if word not in answer["msg"]] == [], answer["msg"]
    assert (
        "Nothing was touched" in answer["msg"] or "was not touched" in answer["msg"] or "None of them" in answer["msg"]
    )


# The zone


def test_a_zone_is_made_repaired_and_deleted_without_a_look_at_dnssec(zones: Zones) -> None:
    assert zones.module(check=True)["changed"]
    assert zones.all() == []
    made = zones.module()["resource"]
    assert (made["owner"], made["comment"], made["tags"]) == ("own", STACK, TAGS)
    assert not zones.module()["changed"]
    zones.route53.update_hosted_zone_comment(Id=made["id"], Comment="somebody's")
    owner = [{"Key": "Owner", "Value": "somebody"}]
    zones.route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=made["id"], AddTags=owner)
    assert zones.module()["changes"] == ["comment", "tags"]
    assert (zones.comment(made["id"]), zones.tags(made["id"])) == (STACK, TAGS)
    assert zones.module(state="absent")["changed"]
    assert zones.all() == [] and not zones.module(state="absent")["changed"]
    assert not DNSSEC & set(zones.api.mutations())


def test_more_tags_than_one_call_takes_are_put_in_several(zones: Zones) -> None:
    many = {**TAGS, **{f"tag-{number:02}": "x" for number in range(23)}}
    made = zones.module(tags=many)["resource"]
    assert zones.tags(made["id"]) == many
    zones.module()
    assert zones.tags(made["id"]) == TAGS


def test_a_zone_whose_tags_were_lost_or_never_put_is_still_ours(zones: Zones) -> None:
    """A run that dies between the two calls leaves a zone without tags."""
    made = zones.module()["resource"]["id"]
    zones.route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=made, RemoveTagKeys=list(TAGS))
    assert zones.module()["changes"] == ["tags"]
    assert zones.tags(made) == TAGS


@pytest.mark.parametrize("tags", [{}, THEIRS], ids=["without tags", "with theirs"])
@pytest.mark.parametrize("check", [True, False])
def test_a_zone_that_others_made_is_not_adopted_unasked(zones: Zones, tags: dict[str, str], check: bool) -> None:
    zone = zones.create(**tags)
    before = zones.api.mutations()
    refused(zones.module(check=check), zone, "-e dns_adopt_zone=true", f"Key=Stack,Value={STACK}")
    refused(zones.records(check=check), zone, "-e dns_adopt_zone=true")
    assert zones.api.mutations() == before


def test_an_adopted_zone_keeps_what_others_gave_it_and_outlives_the_stack(zones: Zones) -> None:
    zone = zones.create(**THEIRS)
    for name in ("www", "_acme", "mail"):
        zones.record(zone, f"{name}.{DOMAIN}")
    assert zones.module(adopt=True, check=True)["changed"]
    assert zones.records(adopt=True, check=True)["changed"], "a plan of adopting is whole"
    refused(zones.records(adopt=True), zone)  # the word alone leaves no mark
    assert zones.tags(zone) == THEIRS
    assert zones.module(adopt=True)["resource"]["owner"] == "adopted"
    assert (zones.comment(zone), zones.tags(zone)) == ("theirs", {**THEIRS, "AdoptedBy": STACK})
    assert not zones.module()["changed"], "the word is needed once"
    zones.records()
    proof = {"name": f"_a.{DOMAIN}", "type": "CNAME", "value": "_b.acm-validations.aws."}
    zones.records(records=[proof])
    there = {f"{name}.{DOMAIN}." for name in ("www", "_acme", "mail", "app", "_a")}
    assert zones.names(zone) == there
    zones.records(state="absent", records=[APP], force=True)
    zones.module(state="absent")
    assert zones.names(zone) == there - {f"app.{DOMAIN}."}
    assert (zones.all(), zones.comment(zone), zones.tags(zone)) == ([zone], "theirs", THEIRS)
    assert not zones.module(state="absent")["changed"], "a second destroy finds nothing"
    assert not zones.records(state="absent", records=[APP], force=True)["changed"]


def test_an_adopted_zone_that_somebody_tagged_as_ours_is_not_deleted_either(zones: Zones) -> None:
    zone = zones.create(AdoptedBy=STACK, Stack=STACK)
    for _ in range(2):
        zones.module(state="absent")
        assert (zones.all(), zones.tags(zone)) == ([zone], {})


@pytest.mark.parametrize(("kind", "value"), [("A", "192.0.2.1"), ("CNAME", "elsewhere.example.")])
def test_a_zone_where_the_application_s_name_is_taken_is_not_adopted(zones: Zones, kind: str, value: str) -> None:
    zone = zones.create()
    zones.record(zone, f"APP.{DOMAIN}", kind, value)
    refused(zones.module(adopt=True), zone, f"app.{DOMAIN}", "dns_zone_name")
    assert zones.tags(zone) == {}


@pytest.mark.parametrize("mark", ["Stack", "AdoptedBy"])
def test_a_zone_of_another_stack_is_never_adopted(zones: Zones, mark: str) -> None:
    zone = zones.create(**{mark: "t2"})
    refused(zones.module(adopt=True), zone, "belongs to the stack t2", "dns_zone_name")


@pytest.mark.parametrize("second", [{}, {"Stack": STACK}], ids=["of others", "ours too"])
def test_of_two_zones_none_is_changed_and_both_are_named(zones: Zones, second: dict[str, str]) -> None:
    both = [zones.module()["resource"]["id"], zones.create("2", **second)]
    before = zones.api.mutations()
    for answer in (zones.module(), zones.module(adopt=True), zones.records()):
        refused(answer, *both, f"aws route53 delete-hosted-zone --id {both[1]}", "dig +short NS")
    assert zones.api.mutations() == before


def test_what_others_made_is_left_when_the_stack_goes(zones: Zones) -> None:
    own, other = zones.module()["resource"]["id"], zones.create("2")
    zones.record(other, APP["name"])
    zones.records(state="absent", records=[APP], force=True)
    zones.module(state="absent")
    assert own not in zones.all() and zones.all() == [other]
    assert zones.names(other) == {f"app.{DOMAIN}."}


# The certificate


def test_a_certificate_is_requested_once_although_aws_lists_it_late(
    api: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ListCertificates lags: who looks next would find none, and request another."""
    late: Iterator[list[dict[str, Any]]] = iter([[], [], []])

    def listed(*given: Any) -> list[dict[str, Any]]:
        nothing = next(late, None)
        return own_certificates(*given) if nothing is None else nothing

    monkeypatch.setattr("plugins.modules.certificate.own_certificates", listed)
    options: dict[str, Any] = {"name": DOMAIN, "tags": TAGS, "poll_seconds": 0.01}
    made = call(certificate.main, **options)
    assert made["resource"]["status"] == "PENDING_VALIDATION", "the module ends when AWS lists it"
    assert not call(certificate.main, **options)["changed"]
    assert len(client("acm").list_certificates()["CertificateSummaryList"]) == 1


def test_a_pending_look_alike_with_other_names_is_not_ours(api: Account) -> None:
    acm = client("acm")
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    other = acm.request_certificate(DomainName=DOMAIN, ValidationMethod="DNS", Tags=tags)["CertificateArn"]
    made = call(certificate.main, name=DOMAIN, tags=TAGS, poll_seconds=0.01)
    assert made["changed"] and made["resource"]["arn"] != other
    assert made["resource"]["names"] == [f"*.{DOMAIN}", DOMAIN]
    call(certificate.main, name=DOMAIN, tags=TAGS, state="absent", poll_seconds=0.01)
    assert [one["CertificateArn"] for one in acm.list_certificates()["CertificateSummaryList"]] == [other]


# The listener and its rules


class Balancer:
    """A load balancer with a plain listener, which serves rules as well as another."""

    def __init__(self, api: Account) -> None:
        self.elb, ec2 = client("elbv2"), client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
            for n, zone in enumerate("ab")
        ]
        ids = [subnet["SubnetId"] for subnet in subnets]
        self.arn = self.elb.create_load_balancer(Name=STACK, Subnets=ids)["LoadBalancers"][0]["LoadBalancerArn"]
        groups = (f"{STACK}-blue", f"{STACK}-green", "legacy")
        self.groups = {
            name: self.elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")[
                "TargetGroups"
            ][0]["TargetGroupArn"]
            for name in groups
        }
        call(listener.main, load_balancer=STACK, port=80, forward_to=f"{STACK}-blue", tags=TAGS)
        self.listener = self.elb.describe_listeners(LoadBalancerArn=self.arn)["Listeners"][0]["ListenerArn"]

    def legacy(self, priority: int) -> str:
        """A forward rule of others."""
        made = self.elb.create_rule(
            ListenerArn=self.listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/legacy/*"]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": self.groups["legacy"]}],
        )
        return str(made["Rules"][0]["RuleArn"])

    def module(self, priority: int, **options: Any) -> dict[str, Any]:
        groups = {f"{STACK}-blue": 1, f"{STACK}-green": 0}
        given = {"load_balancer": STACK, "port": 80, "priority": priority, "target_groups": groups, "tags": TAGS}
        return call(listener_rule.main, **{**given, **options})


@pytest.fixture
def balancer(api: Account) -> Balancer:
    return Balancer(api)


def test_rules_beside_those_of_others_are_kept_and_theirs_left_alone(api: Account, balancer: Balancer) -> None:
    others = {balancer.legacy(priority) for priority in (10, 200)}
    made = balancer.module(100)["resource"]["arn"]
    assert not balancer.module(100)["changed"]
    balancer.module(100, state="absent")
    left = {rule["RuleArn"] for rule in balancer.elb.describe_rules(ListenerArn=balancer.listener)["Rules"]}
    assert others < left and made not in left


@pytest.mark.parametrize("check", [True, False])
def test_a_rule_of_others_just_where_ours_belongs_is_not_overwritten(
    api: Account, balancer: Balancer, check: bool
) -> None:
    arn = balancer.legacy(100)
    before = api.mutations()
    refused(balancer.module(100, check=check), arn, "set-rule-priorities", "Priority=40")
    assert not balancer.module(100, state="absent", target_groups={})["changed"]
    assert api.mutations() == before


def test_a_rule_of_ours_that_somebody_changed_is_repaired(api: Account, balancer: Balancer) -> None:
    arn = balancer.module(100)["resource"]["arn"]
    legacy = [{"Type": "forward", "TargetGroupArn": balancer.groups["legacy"]}]
    balancer.elb.modify_rule(RuleArn=arn, Actions=legacy)
    assert balancer.module(100)["changes"] == ["target_groups"]
    balancer.elb.remove_tags(ResourceArns=[arn], TagKeys=list(TAGS))
    assert balancer.module(100)["changes"] == ["tags"]


def test_weights_are_never_put_on_a_rule_of_others(api: Account, balancer: Balancer) -> None:
    arn = balancer.legacy(200)
    blue, green = (balancer.groups[f"{STACK}-{colour}"] for colour in ("blue", "green"))
    before = api.mutations()
    refused(call(listener_weights.main, rule=arn, weights={blue: 100, green: 0}), "legacy", "others made it")
    assert api.mutations() == before


# The network


@pytest.mark.parametrize("kind", ["route table", "NAT gateway"])
def test_of_two_with_our_name_in_our_vpc_none_is_changed(api: Account, kind: str) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    main, options = {
        "route table": (route_table.main, {}),
        "NAT gateway": (nat_gateway.main, {"subnet_id": subnet}),
    }[kind]
    given = {"name": "t1-public", "vpc_id": vpc, "tags": TAGS, **options}
    made = call(main, **given)["resource"]["id"]
    assert not call(main, **given)["changed"]
    ids = [made, copied(ec2, kind, vpc, subnet)]
    before = api.mutations()
    refused(call(main, **given), *ids, f"aws ec2 delete-tags --resources {ids[1]} --tags Key=Name")
    assert api.mutations() == before


def copied(ec2: Any, kind: str, vpc: str, subnet: str) -> str:
    """One of others with the same name."""
    if kind == "route table":
        other = str(ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"])
    else:
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        other = str(ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"])
    ec2.create_tags(Resources=[other], Tags=[{"Key": "Name", "Value": "t1-public"}])
    return other


# The domain


@pytest.mark.parametrize(
    "typed", ["T1.Example", f"{DOMAIN}.", f" {DOMAIN}", f"{DOMAIN} ", f"\t{DOMAIN.upper()}.\n"], ids=repr
)
def test_a_domain_that_aws_would_spell_otherwise_is_refused_with_the_right_spelling(api: Account, typed: str) -> None:
    answer = call(stack_info.main, name=STACK, account_id="123456789012", zone_name=typed)
    refused(answer, repr(typed), f"dns_zone_name: {DOMAIN}")
    assert api.calls == [], "not even AWS was asked"
