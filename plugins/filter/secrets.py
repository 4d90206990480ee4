"""How ECS names a value inside a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ops.stack.model import Secret


def pinned_secrets(desired: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return `valueFrom` by variable: ARN:json-key:version-stage:version-id, pinned to the current version.

    desired: {variable: {secret: name, key: JSON key}}; found: {secret name: {arn, version_id}}.
    A secret that does not exist yet gives a placeholder.
    Source: docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    pending = asdict(Secret())
    secrets = {variable: found.get(value["secret"], pending) for variable, value in desired.items()}
    return {
        variable: f"{secret['arn']}:{desired[variable].get('key', '')}::{secret['version_id']}"
        for variable, secret in secrets.items()
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"pinned_secrets": pinned_secrets}
