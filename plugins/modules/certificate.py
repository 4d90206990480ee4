#!/usr/bin/python
"""Own module because community.aws.acm_certificate only imports certificates; it can't request one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: A public certificate from ACM, validated by DNS
description:
  - Requests a certificate once. It is found again by its names and the C(Estate) tag.
  - AWS issues it when its validation records stand in DNS, and renews it as long as they do.
  - A certificate can't change; with other names another one is requested.
options:
  name: {description: Its first name, such as example.org, type: str, required: true}
  alternative_names: {description: Further names, type: list, elements: str, default: []}
  parent_name_servers: {description: "Name servers to which the parent domain must delegate, for the message", type: list, elements: str, default: []}
  tags: {description: Tags; others are removed. Must hold Estate, type: dict, required: true}
  state: {description: "Whether it exists, or is issued", type: str, choices: [present, absent, ready], default: present}
  wait: {description: Whether to wait until it is issued or gone, type: bool, default: false}
  wait_timeout: {description: Seconds to wait at most, type: int, default: 600}
  poll_seconds: {description: Seconds between two looks, type: float, default: 10}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Request the certificate
  certificate:
    name: tier1.campshub360.example
    alternative_names: ["*.tier1.campshub360.example"]
    tags: {Estate: campshub360-tier1}
"""

RETURN = r"""
resource: {description: "The certificate, with its arn and status", type: dict, returned: success}
"""

import time

from ansible.module_utils.aws_resource import (
    STATE_OPTION_WITH_READY,
    WAIT_OPTIONS,
    Resource,
    State,
    run,
    tags_from,
    tags_to,
)
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

SECONDS_FOR_RECORDS = 120
ALIVE = ("ISSUED", "PENDING_VALIDATION")  # in the order in which we prefer them


def best(certificates: list[State]) -> State | None:
    """The certificate to use: an issued one before a pending one; a failed one never."""
    alive = [certificate for certificate in certificates if certificate["status"] in ALIVE]
    return min(alive, key=lambda certificate: ALIVE.index(certificate["status"]), default=None)


def has_validation_records(certificate: State) -> bool:
    options = certificate.get("DomainValidationOptions", [])
    return bool(options) and all("ResourceRecord" in option for option in options)


class Certificate(Resource):
    noun = "certificate"
    not_yet = ("ResourceInUseException",)  # by a load balancer that is gone

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.acm = module.client("acm")

    @property
    def names(self) -> set[str]:
        return {self.name, *self.params["alternative_names"]}

    def ours(self) -> list[State]:
        """Every certificate of this estate for these names, dead ones too."""
        pages = self.acm.get_paginator("list_certificates").paginate(Includes={"keyTypes": ["RSA_2048"]})
        summaries = [summary for page in pages for summary in page["CertificateSummaryList"]]
        found = [self.describe(item["CertificateArn"]) for item in summaries if item["DomainName"] == self.name]
        estate = self.params["tags"]["Estate"]
        return [item for item in found if item["names"] == self.names and item["tags"].get("Estate") == estate]

    def describe(self, arn: str) -> State:
        certificate = self.acm.describe_certificate(CertificateArn=arn)["Certificate"]
        return {
            "arn": arn,
            "status": certificate["Status"],
            "failure": certificate.get("FailureReason", ""),
            "names": {certificate["DomainName"], *certificate.get("SubjectAlternativeNames", [])},
            "tags": tags_from(self.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]),
        }

    def read(self) -> State | None:
        certificates = self.ours()
        if self.params["state"] == "absent":
            found = {"arns": [item["arn"] for item in certificates]} if certificates else None
        else:
            found = best(certificates)
        return found and {**found, "names": sorted(self.names)}

    def wanted(self, found: State | None) -> State:
        return {"names": sorted(self.names), "tags": self.params["tags"]}

    def create(self, wanted: State) -> None:
        alternative = {"SubjectAlternativeNames": self.params["alternative_names"]}
        answer = self.acm.request_certificate(
            DomainName=self.name,
            ValidationMethod="DNS",
            KeyAlgorithm="RSA_2048",
            Tags=tags_to(wanted["tags"]),
            **(alternative if self.params["alternative_names"] else {}),
        )
        self.await_validation_records(answer["CertificateArn"])

    def await_validation_records(self, arn: str) -> None:
        """AWS needs some seconds to name the records that dns has to publish."""
        deadline = time.monotonic() + SECONDS_FOR_RECORDS
        while not has_validation_records(self.acm.describe_certificate(CertificateArn=arn)["Certificate"]):
            if time.monotonic() > deadline:
                self.fail(f"AWS named no validation records for {self.name} so far. Run the same command again.")
            time.sleep(self.params["poll_seconds"])

    def update(self, found: State, changes: State) -> None:
        arn, wanted = found["arn"], changes["tags"]
        self.acm.add_tags_to_certificate(CertificateArn=arn, Tags=tags_to(wanted))
        if surplus := {key: value for key, value in found["tags"].items() if key not in wanted}:
            self.acm.remove_tags_from_certificate(CertificateArn=arn, Tags=tags_to(surplus))

    def delete(self, found: State) -> None:
        for arn in found["arns"]:
            self.patiently(self.acm.delete_certificate, CertificateArn=arn)

    def settled(self, found: State) -> bool:
        return bool(found["status"] == "ISSUED")

    def hint(self, found: State | None) -> str:
        servers = ", ".join(self.params["parent_name_servers"]) or "(the hosted zone has none yet)"
        return (
            "AWS issues it when it can look up the validation records from the internet. The domain above "
            f"{self.name} must delegate it: put NS records for {self.name} there, with {servers}. "
            "Then run the same command again; it goes on waiting."
        )


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "alternative_names": {"type": "list", "elements": "str", "default": []},
            "parent_name_servers": {"type": "list", "elements": "str", "default": []},
            "tags": {"type": "dict", "required": True},
            **STATE_OPTION_WITH_READY,
            **WAIT_OPTIONS,
        },
        supports_check_mode=True,
    )
    run(Certificate(module))


if __name__ == "__main__":
    main()
