"""What the sandbox's load balancers can't do is refused when asked for, not ignored."""

from __future__ import annotations

from moto.elbv2.exceptions import ELBClientError


def not_emulated(what: str) -> ELBClientError:
    """The error to raise; its code is none of AWS's, so that nobody takes it for AWS's word."""
    return ELBClientError(
        "NotEmulated",
        f"The sandbox does not emulate {what}. docs/sandbox-conformance.md lists what it does.",
    )
