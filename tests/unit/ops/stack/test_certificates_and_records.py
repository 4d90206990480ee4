"""Certificates and DNS records: which certificate counts, and when a record is the desired one."""

from __future__ import annotations

from typing import Any

import pytest

from ops.aws.acm import has_validation_records
from ops.stack.ownership import best_certificate
from plugins.modules.dns_records import key, normal, record_set, validates_certificate

ALIAS = {
    "name": "app.tier1.example",
    "type": "A",
    "alias": {"dns_name": "T1-1.us-east-1.elb.amazonaws.com", "hosted_zone_id": "Z35"},
}
CNAME = {"name": "_a.tier1.example.", "type": "CNAME", "ttl": 300, "value": "_b.acm-validations.aws.", "alias": None}


def certificate(arn: str, status: str) -> dict[str, Any]:
    return {"arn": arn, "status": status, "in_use_by": [], "not_after": ""}


@pytest.mark.parametrize(
    ("statuses", "chosen"),
    [
        ([], None),
        (["FAILED", "VALIDATION_TIMED_OUT", "EXPIRED"], None),
        (["PENDING_VALIDATION", "ISSUED"], 1),
        (["FAILED", "PENDING_VALIDATION"], 1),
    ],
)
def test_an_issued_certificate_goes_before_a_pending_one_and_a_dead_one_never_counts(
    statuses: list[str], chosen: int | None
) -> None:
    certificates = [certificate(str(number), status) for number, status in enumerate(statuses)]
    assert best_certificate(certificates, "tier1") == (None if chosen is None else certificates[chosen])


def test_validation_records_are_there_only_when_every_name_has_one() -> None:
    option = {"ResourceRecord": {"Name": "_a"}}
    assert has_validation_records({"DomainValidationOptions": [option, option]})
    assert not has_validation_records({"DomainValidationOptions": [option, {}]})
    assert not has_validation_records({})


def test_an_alias_is_found_unchanged_as_route_53_shows_it() -> None:
    shown = {
        "Name": "app.tier1.example.",
        "Type": "A",
        "ResourceRecords": [],
        "AliasTarget": {
            "HostedZoneId": "Z35",
            "DNSName": "t1-1.us-east-1.elb.amazonaws.com.",
            "EvaluateTargetHealth": False,
        },
    }
    assert normal(shown) == record_set(ALIAS)


def test_a_wildcard_is_found_though_route_53_escapes_its_star() -> None:
    shown = {"Name": "\\052.tier1.example.", "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": "x."}]}
    desired = {"name": "*.Tier1.example", "type": "CNAME", "ttl": 300, "value": "x.", "alias": None}
    assert normal(shown) == record_set(desired)
    assert key("\\052.tier1.example.", "CNAME") == key("*.tier1.example", "CNAME")


def test_only_records_of_certificates_are_taken_for_such() -> None:
    assert validates_certificate(record_set(CNAME))
    assert not validates_certificate(record_set(ALIAS))
    assert not validates_certificate({"ResourceRecords": [{"Value": "acm-validations.aws.example."}]})
