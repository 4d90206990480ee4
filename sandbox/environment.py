"""root/env: the variables that make an AWS client use this sandbox."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET, Settings
from sandbox.runtime.certificates import Authority

#: instead of this user's files, which may be broken or name another account
NO_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
# Clears what the shell says of AWS: a profile or session of a real account would win over the keys, or be sent along.
CLEAR = r"""for name in $(env | sed -n 's/^\(AWS_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done; unset name"""

_alone = threading.Lock()


def without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without its variables for AWS and proxies."""
    kept = {name: value for name, value in environ.items() if not _leads_elsewhere(name)}
    return kept | NO_FILES


@contextmanager
def no_settings_of_the_shell() -> Iterator[None]:
    """Ignore this process's own variables for AWS and proxies while clients are created."""
    with _alone:
        own = {name: value for name, value in os.environ.items() if _leads_elsewhere(name)}
        for name in own:
            del os.environ[name]
        os.environ.update(NO_FILES)
        try:
            yield
        finally:
            for name in NO_FILES:
                del os.environ[name]
            os.environ.update(own)


def _leads_elsewhere(name: str) -> bool:
    return name.startswith("AWS_") or name.lower().endswith("_proxy")


def variables(settings: Settings, authority: Authority) -> dict[str, str]:
    """Return the environment of an AWS CLI, SDK, Ansible or Terraform that uses the sandbox."""
    return {
        "AWS_ENDPOINT_URL": settings.api_url,
        "AWS_CA_BUNDLE": str(authority.certificate),
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        **NO_FILES,
    }


def write(settings: Settings, authority: Authority) -> None:
    """Write root/env, for a shell to source."""
    lines = [CLEAR, *(f"export {k}={shlex.quote(v)}" for k, v in variables(settings, authority).items())]
    # No proxy reaches a loopback address.
    lines += [f'export {name}="${{{name}:+${name},}}{settings.api_address}"' for name in ("no_proxy", "NO_PROXY")]
    # The AWS CLI, version 1, sets AWS_ENDPOINT_URL aside for the oldest names of RDS and SQS; the option it obeys.
    lines.append('aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }')
    path = settings.root / "env"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
