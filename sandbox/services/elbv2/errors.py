"""Errors for what the sandbox's load balancers do not emulate: refused, not ignored."""

from __future__ import annotations

from moto.elbv2.exceptions import ELBClientError


def not_emulated(what: str) -> ELBClientError:
    """Return the error to raise. Its code is none of AWS's, so that nobody takes it for AWS's."""
    return ELBClientError(
        "NotEmulated",
        f"The sandbox does not emulate {what}. docs/sandbox-conformance.md lists what it does.",
    )
