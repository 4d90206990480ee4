#!/usr/bin/python
"""Own module because community.aws.acm_certificate only imports certificates; it can't request one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: A public certificate from ACM, validated by DNS
description:
  - Requests a certificate for a domain and all names right below it, once. It is found again by these names and the
    C(Stack) tag. Of several, the one that the stack's load balancer has stays, while it is good.
  - AWS issues it when its validation records stand in DNS, and renews it as long as they do.
  - A certificate can't change; with other names another one is requested.
options:
  name: {description: "The domain, such as example.org", type: str, required: true}
  parent_name_servers: {description: "Name servers to which the parent domain must delegate, for the message", type: list, elements: str, default: []}
  tags: {description: Tags; others are removed. Must hold Stack, type: dict, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.ready, resource.wait]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the certificate
  certificate:
    name: tier1.campshub360.example
    tags: {Stack: campshub360-tier1}
"""

RETURN = r"""
resource: {description: "The certificate, with its arn and status", type: dict, returned: success}
"""

import time

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.acm import has_validation_records, own_certificates
from ops.aws.errors import unless_missing
from ops.aws.resource import STATE_OPTION_WITH_READY, WAIT_OPTIONS, Resource, State, run
from ops.aws.tags import tags_to
from ops.stack.naming import load_balancer_name
from ops.stack.ownership import TAG, best_certificate, certificate_names

LISTED_SECONDS = 120


class Certificate(Resource):
    noun = "certificate"
    retryable_errors = ("ResourceInUseException",)  # by a load balancer that is gone

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.acm = module.client("acm")

    @property
    def stack(self) -> str:
        return str(self.params["tags"][TAG])

    def own(self) -> list[State]:
        """Return every certificate of this stack for these names, dead ones too."""
        return own_certificates(self.acm, self.name, self.stack)

    def read(self) -> State | None:
        certificates = self.own()
        if self.params["state"] == "absent":
            return {"arns": [item["arn"] for item in certificates]} if certificates else None
        best = best_certificate(certificates, load_balancer_name(self.stack))
        return dict(best) if best else None

    def desired(self, found: State | None) -> State:
        return {"names": sorted(certificate_names(self.name)), "tags": self.params["tags"]}

    def create(self, desired: State) -> None:
        first, *others = certificate_names(self.name)
        answer = self.acm.request_certificate(
            DomainName=first,
            SubjectAlternativeNames=others,
            ValidationMethod="DNS",
            KeyAlgorithm="RSA_2048",
            Tags=tags_to(desired["tags"]),
        )
        self.wait_until_listed(answer["CertificateArn"])

    def wait_until_listed(self, arn: str) -> None:
        """Wait until AWS names the records that dns has to publish, and lists the certificate: whoever looks later finds it.

        Both take some seconds: https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
        """
        deadline = time.monotonic() + LISTED_SECONDS
        while not (self.has_records(arn) and any(item["arn"] == arn for item in self.own())):
            if time.monotonic() > deadline:
                self.fail(
                    f"AWS shows no validation records of {arn} for {self.name} so far. Run the same command again."
                )
            time.sleep(self.params["poll_seconds"])

    def has_records(self, arn: str) -> bool:
        answer = unless_missing("ResourceNotFoundException", self.acm.describe_certificate, CertificateArn=arn)
        return answer is not None and has_validation_records(answer["Certificate"])

    def update(self, found: State, changes: State) -> None:
        arn, desired = found["arn"], changes["tags"]
        self.acm.add_tags_to_certificate(CertificateArn=arn, Tags=tags_to(desired))
        if surplus := {key: value for key, value in found["tags"].items() if key not in desired}:
            self.acm.remove_tags_from_certificate(CertificateArn=arn, Tags=tags_to(surplus))

    def delete(self, found: State) -> None:
        for arn in found["arns"]:
            self.retry(self.acm.delete_certificate, CertificateArn=arn)

    def is_ready(self, found: State) -> bool:
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
