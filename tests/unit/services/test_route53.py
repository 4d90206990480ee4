"""Route 53: names in lower case, and targets of aliases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox.api_only import LocalApi, refused

ELB_ZONE = "Z35SXDOTRQ7X7K"


def test_route_53_keeps_names_in_lower_case(api: LocalApi) -> None:
    route53 = api.client("route53")
    zone = route53.create_hosted_zone(Name="Typed.Example", CallerReference="typed")["HostedZone"]
    assert zone["Name"] == "typed.example."
    record = {"Name": "App.Typed.Example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    for action in ("CREATE", "UPSERT", "DELETE"):
        changes = [{"Action": action, "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": changes})
        names = {
            one["Name"] for one in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        }
        assert ("app.typed.example." in names) is (action != "DELETE")
    assert route53.list_hosted_zones_by_name(DNSName="TYPED.example")["HostedZones"][0]["Id"] == zone["Id"]
    route53.delete_hosted_zone(Id=zone["Id"])


def change(name: str, zone: str, target: str, action: str = "UPSERT") -> dict[str, Any]:
    alias = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": False}
    return {"Action": action, "ResourceRecordSet": {"Name": name, "Type": "A", "AliasTarget": alias}}


@pytest.fixture(scope="module")
def zone(api: LocalApi) -> str:
    made = api.client("route53").create_hosted_zone(Name="shop.example", CallerReference="r")
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


@pytest.mark.parametrize(
    ("elsewhere", "target"),
    [
        ("hosted-zone-pending", "load-balancer-pending."),
        (ELB_ZONE, "load-balancer-pending."),
        (ELB_ZONE, "shop-1.eu-west-1.elb.amazonaws.com"),  # another region's
        (ELB_ZONE, "shop.example"),
        ("Z2FDTNDATAQYW2", "shop-1.us-east-1.elb.amazonaws.com"),
        ("Z0000000000NOT", "shop.example"),
        (None, "elsewhere.example"),
    ],
)
def test_an_alias_leads_to_a_name_in_the_zone_that_it_says(
    api: LocalApi, zone: str, elsewhere: str | None, target: str
) -> None:
    route53 = api.client("route53")
    good = change("good.shop.example", ELB_ZONE, "shop-1.us-east-1.elb.amazonaws.com")
    bad = change("app.shop.example", elsewhere or zone, target)
    with refused("InvalidChangeBatch", "does not lie within the target zone"):
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [good, bad]})
    assert not [one for one in records(route53, zone) if one["Type"] == "A"], "a batch is done whole or not at all"


@pytest.mark.parametrize(
    ("elsewhere", "target"),
    [
        (ELB_ZONE, "shop-1.us-east-1.elb.amazonaws.com"),
        (ELB_ZONE, "dualstack.Shop-1.us-east-1.elb.amazonaws.com."),
        ("Z2FDTNDATAQYW2", "d111111abcdef8.cloudfront.net"),
        (None, "blue.shop.example"),
    ],
)
def test_an_alias_may_lead_to_a_load_balancer_a_distribution_or_a_name_of_its_own_zone(
    api: LocalApi, zone: str, elsewhere: str | None, target: str
) -> None:
    route53 = api.client("route53")
    for action in ("UPSERT", "DELETE"):
        changes = [change("app.shop.example", elsewhere or zone, target, action)]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def records(route53: Any, zone: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return found
