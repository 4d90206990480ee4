"""How ECS names a value inside a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def pinned_secrets(desired: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """`valueFrom` for each variable: ARN:json-key:version-stage:version-id, pinned to the present version.

    desired: {variable: {secret: name, key: JSON key}}; found: {secret name: {arn, version_id}}.
    A secret that is not there yet gives a placeholder, so that a plan of an empty stack can be made.
    Source: docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    pending = {"arn": "secret-pending", "version_id": None}
    return {
        variable: "{arn}:{key}::{version}".format(
            arn=found.get(value["secret"], pending)["arn"],
            key=value.get("key", ""),
            version=found.get(value["secret"], pending)["version_id"] or "",
        )
        for variable, value in desired.items()
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"pinned_secrets": pinned_secrets}
