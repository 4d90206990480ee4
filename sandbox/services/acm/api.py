"""ACM: a certificate is issued when its DNS validation record exists, and by nothing else.

The ACM controller issues it. Pages named API_*.html are those of https://docs.aws.amazon.com/acm/latest/APIReference/
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from moto.acm.models import AWSCertificateManagerBackend, CertBundle
from moto.acm.responses import AWSCertificateManagerResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.elbv2.models import elbv2_backends

from sandbox.aws_api.patch import behaviour
from sandbox.services.elbv2.api import departed

PENDING = "PENDING_VALIDATION"
ONLY_WHEN_ISSUED = ("IssuedAt", "NotAfter", "NotBefore", "Serial")


class ResourceInUseException(ServiceException):  # type: ignore[misc]  # moto is untyped
    code = "ResourceInUseException"


class RequestInProgressException(ServiceException):  # type: ignore[misc]  # moto is untyped
    code = "RequestInProgressException"


def install() -> None:
    """Attach ACM's patches."""
    behaviour(CertBundle)(check)
    behaviour(CertBundle)(describe)
    behaviour(AWSCertificateManagerBackend)(delete_certificate)
    behaviour(AWSCertificateManagerResponse)(get_certificate)


def names(bundle: CertBundle) -> list[str]:
    """Return the certificate's domain name, then its other names."""
    return [bundle.common_name, *sorted(set(bundle.sans) - {bundle.common_name})]


def validation_record(bundle: CertBundle, name: str) -> tuple[str, str]:
    """Return name and value of the CNAME that proves a domain: one for each account and domain.

    A wildcard shares its parent's. https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    domain = name.removeprefix("*.")
    account = bundle.arn.split(":")[4]
    left, right = (hashlib.md5(f"{side}/{account}/{domain}".encode()).hexdigest() for side in ("name", "value"))
    return f"_{left}.{domain}.", f"_{right}.sandboxed.acm-validations.aws."


def check(original: Callable[[], None], self: CertBundle) -> None:
    """Let a pending certificate wait for its record, up to 72 hours; time alone issues nothing.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    if self.status != PENDING:
        original()


def describe(original: Callable[[], dict[str, Any]], self: CertBundle) -> dict[str, Any]:
    """Return records that differ by domain, names in their order, and load balancers' ARNs as users.

    API_CertificateDetail.html, API_DomainValidation.html
    """
    answer = original()
    certificate = answer["Certificate"]
    certificate["InUseBy"] = list(_users(self))
    certificate["SubjectAlternativeNames"] = names(self)
    if self.status == PENDING:
        for field in ONLY_WHEN_ISSUED:
            certificate.pop(field, None)
    if "DomainValidationOptions" in certificate:
        status = certificate["DomainValidationOptions"][0]["ValidationStatus"]
        certificate["DomainValidationOptions"] = [_validation(self, name, status) for name in names(self)]
    return answer


def delete_certificate(original: Callable[[str], None], self: AWSCertificateManagerBackend, arn: str) -> None:
    """Refuse to delete a certificate that a load balancer uses. API_DeleteCertificate.html"""
    if users := list(_users(self.get_certificate(arn))):
        raise ResourceInUseException(f"Certificate {arn} in account is in use by {users[0]}.")
    original(arn)


def get_certificate(original: Callable[[], ActionResult], self: AWSCertificateManagerResponse) -> ActionResult:
    """Refuse to return a certificate that is not issued yet. API_GetCertificate.html"""
    arn = self._get_param("CertificateArn")
    if self.acm_backend.get_certificate(arn).status == PENDING:
        raise RequestInProgressException(f"Certificate {arn} is not issued yet: {PENDING}")
    return original()


def _validation(bundle: CertBundle, name: str, status: str) -> dict[str, Any]:
    record, value = validation_record(bundle, name)
    return {
        "DomainName": name,
        "ValidationDomain": name,
        "ValidationStatus": status,
        "ValidationMethod": "DNS",
        "ResourceRecord": {"Name": record, "Type": "CNAME", "Value": value},
    }


def _users(bundle: CertBundle) -> Iterator[str]:
    _, _, _, region, account, _ = bundle.arn.split(":", 5)
    backend = elbv2_backends[account][region]
    for balancer in backend.load_balancers.values():
        if any(bundle.arn in one.certificates for one in balancer.listeners.values()):
            yield balancer.arn
    # A load balancer that was just deleted counts for a while.
    yield from (arn for arn, certificates in departed(backend).items() if bundle.arn in certificates)
