"""Discovery never takes one of several look-alikes for the stack's own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from moto.acm.models import acm_backends

from ops.stack.discovery import find_certificate, find_load_balancer, find_network, find_zone
from ops.stack.finder import Finder
from ops.stack.model import Certificate, Listeners, Rule, SecurityGroups, Stack, StackFound, Vpc
from ops.stack.ownership import AmbiguousError
from tests.support.sandbox.account import client, empty

NAME = "tier1"
DOMAIN = "tier1.example"
STACK = Stack(NAME, "123456789012", "us-east-1", "aws", DOMAIN)
TAGS = [{"Key": "Stack", "Value": NAME}]
FOREIGN_TAGS = [{"Key": "Stack", "Value": "tier1-lean"}]


def discovered(service: str, find: Any) -> StackFound:
    """Return the stack as one finder finds it, with placeholders for the rest."""
    parts: dict[str, Any] = Finder(service, find).find(client(service), STACK)
    return StackFound(STACK.account_id, STACK.region, STACK.partition, "", "", "", **parts)


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    with empty():
        yield


class Balancer:
    """The stack's load balancer as the role makes it, with both rules."""

    def __init__(self, name: str = NAME) -> None:
        self.elb, ec2 = client("elbv2"), client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")
            for n, zone in enumerate("ab")
        ]
        ids = [answer["Subnet"]["SubnetId"] for answer in subnets]
        made = self.elb.create_load_balancer(Name=name, Subnets=ids, Tags=TAGS)["LoadBalancers"][0]
        self.arn, self.listener = made["LoadBalancerArn"], ""
        self.blue, self.green = (self.group(f"{name}-{colour}") for colour in ("blue", "green"))

    def group(self, name: str) -> str:
        made = self.elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="ip")
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def listen(self, port: int, certificate: str = "") -> str:
        secure: dict[str, Any] = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": certificate}]}
        made = self.elb.create_listener(
            LoadBalancerArn=self.arn,
            Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.blue}],
            **(secure if certificate else {"Protocol": "HTTP"}),
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def rule(self, priority: int, path: str, *groups: str, header: str = "", tags: Any = ()) -> str:
        conditions: list[dict[str, Any]] = [{"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}]
        if header:
            config = {"HttpHeaderName": header, "Values": ["x"]}
            conditions.append({"Field": "http-header", "HttpHeaderConfig": config})
        targets = [{"TargetGroupArn": group, "Weight": 1} for group in groups]
        made = self.elb.create_rule(
            ListenerArn=self.listener,
            Priority=priority,
            Conditions=conditions,
            Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": targets}}],
            **({"Tags": list(tags)} if tags else {}),
        )
        return str(made["Rules"][0]["RuleArn"])


@pytest.fixture
def balancer() -> Balancer:
    return Balancer()


def issued(domain: str, *others: str, tags: Any = TAGS) -> str:
    """A certificate that AWS has issued."""
    arn = pending(domain, *others, tags=tags)
    acm_backends["123456789012"]["us-east-1"]._certificates[arn].status = "ISSUED"
    return arn


def pending(domain: str, *others: str, tags: Any = TAGS) -> str:
    more = {"SubjectAlternativeNames": list(others), "Tags": list(tags)}
    given = {key: value for key, value in more.items() if value}
    made = client("acm").request_certificate(DomainName=domain, ValidationMethod="DNS", **given)
    return str(made["CertificateArn"])


# The listener and its rules


@pytest.fixture
def serving(balancer: Balancer) -> Balancer:
    balancer.listener = balancer.listen(443, issued(DOMAIN, f"*.{DOMAIN}"))
    return balancer


def test_a_forward_rule_of_others_is_not_the_production_rule(serving: Balancer) -> None:
    production = serving.rule(100, "/*", serving.blue, serving.green, tags=TAGS)
    serving.rule(200, "/legacy/*", serving.group("legacy"))
    found = discovered("elbv2", find_load_balancer)
    assert found.production_rule.arn == production
    assert found.production_rule.weights.keys() == {serving.blue, serving.green}


def test_nor_is_one_that_forwards_to_the_same_target_groups(serving: Balancer) -> None:
    production = serving.rule(100, "/*", serving.blue, serving.green, tags=TAGS)
    serving.rule(7, "/vip/*", serving.blue, tags=TAGS)
    serving.rule(300, "/old/*", serving.blue)
    assert discovered("elbv2", find_load_balancer).production_rule.arn == production


def test_a_rule_of_others_that_asks_for_a_header_is_not_the_test_rule(serving: Balancer) -> None:
    test = serving.rule(50, "/*", serving.blue, serving.green, header="X-Test-Traffic", tags=TAGS)
    serving.rule(60, "/*", serving.group("canary"), header="X-Team")
    found = discovered("elbv2", find_load_balancer)
    assert (found.test_rule.arn, found.production_rule.arn) == (test, Rule().arn)


def test_a_rule_of_others_where_ours_belongs_is_not_ours(serving: Balancer) -> None:
    serving.rule(100, "/*", serving.group("legacy"))
    serving.rule(50, "/*", serving.group("canary"), tags=FOREIGN_TAGS)
    found = discovered("elbv2", find_load_balancer)
    assert (found.test_rule.arn, found.production_rule.arn) == (Rule().arn, Rule().arn)


def test_a_rule_of_ours_that_lost_its_tag_or_its_target_groups_is_still_ours(serving: Balancer) -> None:
    production = serving.rule(100, "/*", serving.green)
    test = serving.rule(50, "/*", serving.group("elsewhere"), tags=TAGS)
    found = discovered("elbv2", find_load_balancer)
    assert (found.test_rule.arn, found.production_rule.arn) == (test, production)


@pytest.mark.parametrize("ports", list(itertools.permutations((443, 8443, 444))), ids=str)
def test_only_the_listener_on_443_is_ours(balancer: Balancer, ports: tuple[int, ...]) -> None:
    certificate = issued(DOMAIN, f"*.{DOMAIN}")
    made = {port: balancer.listen(port, certificate) for port in ports}
    plain = {port: balancer.listen(port) for port in (8080, 80)}
    found = discovered("elbv2", find_load_balancer).listeners
    assert found == Listeners(http=plain[80], https=made[443])


# The certificate


def found_certificate() -> str:
    return discovered("acm", find_certificate).certificate.arn


def test_the_certificate_that_serves_wins_over_a_pending_one_of_the_same_domain(balancer: Balancer) -> None:
    strangers = [pending(DOMAIN), pending(DOMAIN, f"www.{DOMAIN}"), pending(DOMAIN, f"*.{DOMAIN}")]
    good = issued(DOMAIN, f"*.{DOMAIN}")
    balancer.listen(443, good)
    strangers += [pending(DOMAIN), pending(DOMAIN, f"*.{DOMAIN}"), issued(DOMAIN)]
    assert found_certificate() == good, strangers


def test_of_two_good_ones_the_one_that_serves_stays(balancer: Balancer) -> None:
    made = [issued(DOMAIN, f"*.{DOMAIN}") for _ in range(3)]
    for port, arn in zip((443, 8443, 8444), made, strict=True):
        other = balancer if port == 443 else Balancer(f"stranger-{port}")
        other.listen(port, arn)
    assert found_certificate() == made[0]


def test_a_certificate_of_other_names_or_another_stack_is_none(balancer: Balancer) -> None:
    pending(DOMAIN)
    issued(DOMAIN, f"*.{DOMAIN}", f"*.cdn.{DOMAIN}")
    issued(DOMAIN, f"*.{DOMAIN}", tags=FOREIGN_TAGS)
    issued(DOMAIN, f"*.{DOMAIN}", tags=())
    assert found_certificate() == Certificate().arn


def test_without_a_good_one_the_pending_one_of_ours_is_the_one() -> None:
    pending(DOMAIN)
    arn = pending(DOMAIN, f"*.{DOMAIN}")
    found = discovered("acm", find_certificate).certificate
    assert (found.arn, found.status) == (arn, "PENDING_VALIDATION")
    assert [record["type"] for record in found.validation_records] == ["CNAME"]


# The VPC


def vpc(*, tagged: bool) -> str:
    made = client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    if tagged:
        client("ec2").create_tags(Resources=[made], Tags=TAGS)
    return str(made)


def subnet(network: str) -> str:
    made = client("ec2").create_subnet(VpcId=network, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    client("ec2").create_tags(Resources=[made], Tags=[*TAGS, {"Key": "Tier", "Value": "app"}])
    return str(made)


def test_two_vpcs_with_the_stack_s_tag_are_refused_with_both_ids_and_the_cure() -> None:
    first, second = vpc(tagged=True), vpc(tagged=True)
    with pytest.raises(AmbiguousError, match="Nothing was touched") as error:
        discovered("ec2", find_network)
    said = str(error.value)
    assert first in said and second in said
    assert f"aws ec2 delete-tags --resources {second} --tags Key=Stack" in said


def test_subnets_of_two_vpcs_are_never_mixed() -> None:
    mine, theirs = vpc(tagged=False), vpc(tagged=False)
    a, b = subnet(mine), subnet(theirs)
    with pytest.raises(AmbiguousError) as error:
        discovered("ec2", find_network)
    assert all(word in str(error.value) for word in (mine, theirs, a, b))


def test_what_others_tagged_as_ours_in_another_vpc_is_left_out() -> None:
    mine, theirs = vpc(tagged=True), vpc(tagged=False)
    own, _ = subnet(mine), subnet(theirs)
    client("ec2").create_security_group(
        GroupName="tier1-app",
        Description="x",
        VpcId=theirs,
        TagSpecifications=[{"ResourceType": "security-group", "Tags": TAGS}],
    )
    found = discovered("ec2", find_network)
    assert (found.vpc.id, found.subnets.app, found.security_groups) == (mine, [own], SecurityGroups())


def test_a_vpc_that_lost_its_tag_is_known_by_its_subnets() -> None:
    mine = vpc(tagged=False)
    own = subnet(mine)
    found = discovered("ec2", find_network)
    assert (found.vpc, found.subnets.app) == (Vpc(mine, "10.0.0.0/16"), [own])


# The zone


def zone(reference: str, **tags: str) -> str:
    made = client("route53").create_hosted_zone(Name=DOMAIN, CallerReference=reference)["HostedZone"]["Id"]
    identifier = str(made).rpartition("/")[2]
    if tags:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        client("route53").change_tags_for_resource(ResourceType="hostedzone", ResourceId=identifier, AddTags=pairs)
    return identifier


def test_of_two_zones_of_a_name_none_is_taken_and_both_are_named() -> None:
    both = {zone("1", Stack=NAME), zone("2")}
    found = discovered("route53", find_zone).hosted_zone
    assert (set(found.ids), found.owner, found.name_servers) == (both, "", [])


def test_a_private_zone_of_the_same_name_is_no_look_alike() -> None:
    one = zone("1", Stack=NAME)
    private = {"VPCRegion": "us-east-1", "VPCId": vpc(tagged=False)}
    client("route53").create_hosted_zone(
        Name=DOMAIN, CallerReference="2", VPC=private, HostedZoneConfig={"PrivateZone": True}
    )
    assert discovered("route53", find_zone).hosted_zone.ids == [one]
