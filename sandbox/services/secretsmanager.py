"""Secrets Manager: version stages, where moto differs from AWS."""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.models import SecretsManagerBackend

from sandbox.aws_api.patch import behaviour


def install() -> None:
    """Attach Secrets Manager's patches."""
    behaviour(SecretsManagerBackend)(update_secret_version_stage)


def update_secret_version_stage(original: Any, self: SecretsManagerBackend, secret_id: str, **stage: Any) -> Any:
    """Move a stage; GetSecretValue without a version returns the version that AWSCURRENT was moved to.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    moved = original(secret_id, **stage)
    secret = self.secrets[secret_id]
    for identifier, version in secret.versions.items():
        if "AWSCURRENT" in version["version_stages"]:
            secret.set_default_version_id(identifier)
    return moved
