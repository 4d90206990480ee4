"""Issue ACM certificates whose DNS validation records exist in a hosted zone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from sandbox.control.context import Sandbox
from sandbox.services.acm.api import PENDING, names, validation_record

log = logging.getLogger("sandbox")


class AcmController:
    """Issue certificates by the sandbox's own certificate authority, which its clients trust."""

    name = "acm"

    def __init__(self, sandbox: Sandbox) -> None:
        self._state = sandbox.state
        self._authority = sandbox.authority

    def reconcile(self) -> None:
        with self._state.lock:
            pending = list(self._pending())
            records = self._records() if pending else set()
            for bundle in pending:
                if {validation_record(bundle, name) for name in names(bundle)} <= records:
                    self._issue(bundle)

    def close(self) -> None:
        """Do nothing: the controller runs no process."""

    def _pending(self) -> Iterator[Any]:
        for _, _, acm in self._state.backends("acm"):
            for bundle in acm._certificates.values():
                if bundle.status == PENDING:
                    yield bundle

    def _records(self) -> set[tuple[str, str]]:
        """Return (name, value) of every CNAME that public DNS would answer."""
        return {
            (_absolute(record.name), _absolute(value))
            for _, _, route53 in self._state.backends("route53")
            for zone in route53.zones.values()
            if not zone.private_zone
            for record in zone.rrsets
            if record.type == "CNAME"
            for value in record.records
        }

    def _issue(self, bundle: Any) -> None:
        # The key is moto's: the load balancer serves it, and no call gives it away.
        bundle.cert = self._authority.certify(bundle._key.public_key(), names(bundle))
        bundle.chain = self._authority.certificate.read_bytes()
        bundle._cert = bundle.validate_certificate()
        bundle.status = "ISSUED"
        log.info("acm: issued %s for %s", bundle.arn, ", ".join(names(bundle)))


def _absolute(name: str) -> str:
    return name.strip('"').rstrip(".").lower() + "."
