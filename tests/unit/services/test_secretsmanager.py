"""Secrets Manager: version stages."""

from __future__ import annotations

from tests.support.sandbox.api_only import LocalApi


def test_the_value_of_a_secret_is_that_of_awscurrent_wherever_it_is_moved(api: LocalApi) -> None:
    secrets = api.client("secretsmanager")
    first = secrets.create_secret(Name="moved", SecretString="first")["VersionId"]
    second = secrets.put_secret_value(SecretId="moved", SecretString="second")["VersionId"]
    secrets.update_secret_version_stage(
        SecretId="moved", VersionStage="AWSCURRENT", RemoveFromVersionId=second, MoveToVersionId=first
    )
    read = secrets.get_secret_value(SecretId="moved")
    assert (read["VersionId"], read["SecretString"], read["VersionStages"]) == (first, "first", ["AWSCURRENT"])
    third = secrets.put_secret_value(SecretId="moved", SecretString="third")["VersionId"]
    assert secrets.get_secret_value(SecretId="moved")["VersionId"] == third
    assert secrets.get_secret_value(SecretId="moved", VersionStage="AWSPREVIOUS")["VersionId"] == first
