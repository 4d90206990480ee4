"""root/env: what makes a real AWS client talk to this sandbox."""

from __future__ import annotations

import os
import shlex

from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET, Settings
from sandbox.runtime.certificates import Authority


def variables(settings: Settings, authority: Authority) -> dict[str, str]:
    """The environment of an AWS CLI, SDK, Ansible or Terraform that works against the sandbox."""
    return {
        "AWS_ENDPOINT_URL": settings.api_url,
        "AWS_CA_BUNDLE": str(authority.certificate),
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
    }


def write(settings: Settings, authority: Authority) -> None:
    """Write root/env, to be sourced by a shell."""
    lines = [f"export {k}={shlex.quote(v)}" for k, v in variables(settings, authority).items()]
    # A profile or session of a real account would win over the keys, or be sent along.
    lines.append("unset AWS_PROFILE AWS_SESSION_TOKEN")
    # The AWS CLI, version 1, sets AWS_ENDPOINT_URL aside for the oldest names of RDS and SQS; the option it obeys.
    lines.append('aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }')
    path = settings.root / "env"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
