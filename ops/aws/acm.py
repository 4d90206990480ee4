"""A stack's certificates in ACM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ops.aws.errors import unless_missing
from ops.aws.tags import tags_from
from ops.stack.ownership import absolute, is_own_certificate

Found = dict[str, Any]


def own_certificates(acm: Any, domain: str, stack: str, statuses: Sequence[str] = ()) -> list[Found]:
    """Return the stack's certificates for its domain and all names right below it; without statuses, dead ones too."""
    domain = absolute(domain).rstrip(".")
    desired: Found = {"CertificateStatuses": list(statuses)} if statuses else {}
    pages = acm.get_paginator("list_certificates").paginate(Includes={"keyTypes": ["RSA_2048"]}, **desired)
    summaries = [summary for page in pages for summary in page["CertificateSummaryList"]]
    found = [described(acm, one["CertificateArn"]) for one in summaries if one["DomainName"].lower() == domain]
    return [one for one in found if one and is_own_certificate(one, domain, stack)]


def described(acm: Any, arn: str) -> Found | None:
    """Return a certificate: arn, status, failure, names, in_use_by, not_after, validation_records, tags.

    None if it is deleted, or so new that it can't be described yet.
    """
    answer = unless_missing("ResourceNotFoundException", acm.describe_certificate, CertificateArn=arn)
    if answer is None:
        return None
    certificate = answer["Certificate"]
    options = certificate.get("DomainValidationOptions", [])
    return {
        "arn": arn,
        "status": certificate["Status"],
        "failure": certificate.get("FailureReason", ""),
        "names": sorted({certificate["DomainName"], *certificate.get("SubjectAlternativeNames", [])}),
        "in_use_by": certificate.get("InUseBy", []),
        "not_after": str(certificate.get("NotAfter", "")),
        "validation_records": validation_records(options),
        "tags": tags_from(acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]),
    }


def has_validation_records(certificate: Found) -> bool:
    """Return whether AWS has named the record of every name."""
    options = certificate.get("DomainValidationOptions", [])
    return bool(options) and all("ResourceRecord" in option for option in options)


def validation_records(options: list[Found]) -> list[Found]:
    """Return the records that AWS asks for; a name and its wildcard share one."""
    records = {record["Name"]: record for option in options if (record := option.get("ResourceRecord"))}
    return [{"name": one["Name"], "type": one["Type"], "value": one["Value"]} for one in records.values()]
