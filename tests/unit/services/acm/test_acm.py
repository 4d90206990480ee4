"""ACM: certificates are issued by DNS validation."""

from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import Any

from cryptography import x509

from sandbox.services.acm.controller import AcmController
from tests.support.sandbox.api_only import LocalApi, refused


class Certificate:
    """A certificate of ACM, and the controller that issues it."""

    def __init__(self, api: LocalApi, *names: str) -> None:
        self.acm, self.route53 = api.client("acm"), api.client("route53")
        parts: Any = SimpleNamespace(state=api.state, authority=api.authority)
        self.controller = AcmController(parts)
        self.arn = self.acm.request_certificate(
            DomainName=names[0], SubjectAlternativeNames=list(names[1:]) or [names[0]], ValidationMethod="DNS"
        )["CertificateArn"]

    def describe(self) -> dict[str, Any]:
        self.controller.reconcile()
        certificate: dict[str, Any] = self.acm.describe_certificate(CertificateArn=self.arn)["Certificate"]
        return certificate

    def records(self) -> dict[str, str]:
        options = self.describe()["DomainValidationOptions"]
        return {one["ResourceRecord"]["Name"]: one["ResourceRecord"]["Value"] for one in options}

    def prove(self, zone: str, records: dict[str, str]) -> None:
        zone_id = self.route53.create_hosted_zone(Name=zone, CallerReference=zone)["HostedZone"]["Id"]
        changes = [
            {
                "Action": "UPSERT",
                "ResourceRecordSet": {"Name": k, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": v}]},
            }
            for k, v in records.items()
        ]
        self.route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def test_a_certificate_is_issued_once_its_record_stands(api: LocalApi) -> None:
    certificate = Certificate(api, "stack.example", "*.stack.example")
    pending = certificate.describe()
    assert (pending["Status"], "IssuedAt" in pending) == ("PENDING_VALIDATION", False)
    with refused("RequestInProgressException"):
        certificate.acm.get_certificate(CertificateArn=certificate.arn)
    records = certificate.records()
    assert len(records) == 1, "a wildcard shares the record of its parent"
    certificate.prove("stack.example", records)
    issued = certificate.describe()
    assert (issued["Status"], issued["KeyAlgorithm"]) == ("ISSUED", "RSA_2048")
    assert issued["SubjectAlternativeNames"] == ["stack.example", "*.stack.example"]


def test_what_acm_issues_the_sandboxs_clients_trust(api: LocalApi) -> None:
    certificate = Certificate(api, "trusted.example")
    certificate.prove("trusted.example", certificate.records())
    certificate.describe()
    got = certificate.acm.get_certificate(CertificateArn=certificate.arn)
    leaf = x509.load_pem_x509_certificate(got["Certificate"].encode())
    issuer = x509.load_pem_x509_certificate(api.authority.certificate.read_bytes())
    leaf.verify_directly_issued_by(issuer)
    assert ssl.PEM_cert_to_DER_cert(got["CertificateChain"]) == ssl.PEM_cert_to_DER_cert(
        api.authority.certificate.read_text()
    )


def test_a_record_of_another_value_or_for_one_name_of_two_proves_nothing(api: LocalApi) -> None:
    certificate = Certificate(api, "one.example", "two.example")
    records = certificate.records()
    one, two = sorted(records, key=lambda name: "two.example" in name)
    certificate.prove("one.example", {one: records[one]})
    certificate.prove("two.example", {two: "_wrong.acm-validations.aws."})
    assert certificate.describe()["Status"] == "PENDING_VALIDATION"
