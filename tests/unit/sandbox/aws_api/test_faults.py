"""Faults on demand: SDKs retry them, and a seed repeats them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from sandbox.aws_api.calls import Call
from sandbox.aws_api.faults import FaultInjection
from sandbox.config import Settings, SettingsError
from sandbox.faults import Faults, FaultsError
from tests.support.sandbox.api_only import serving

pytestmark = pytest.mark.filterwarnings("ignore:.*does not match an error shape")

# One of each protocol: ec2, query, JSON, REST with XML, and S3's own way.
LOOKS = {
    "ec2": "describe_vpcs",
    "iam": "list_roles",
    "rds": "describe_db_instances",
    "ecs": "list_clusters",
    "secretsmanager": "list_secrets",
    "route53": "list_hosted_zones",
    "s3": "list_buckets",
}


def errors(root: Path, faults: Faults) -> dict[str, tuple[str, int]]:
    """Return code and status of each service's answer, without retries."""
    found = {}
    with serving(root, faults) as api:
        for service, operation in LOOKS.items():
            with pytest.raises(ClientError) as caught:
                getattr(api.client(service, attempts=1), operation)()
            answer = caught.value.response
            found[service] = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
    return found


def test_throttling_is_what_each_service_calls_it(tmp_path: Path) -> None:
    found = errors(tmp_path / "sandbox", Faults(throttle=100))
    assert found == {
        "ec2": ("RequestLimitExceeded", 503),
        "iam": ("Throttling", 400),
        "rds": ("Throttling", 400),
        "ecs": ("ThrottlingException", 400),
        "secretsmanager": ("ThrottlingException", 400),
        "route53": ("Throttling", 400),
        "s3": ("SlowDown", 503),
    }
    assert {code for code, _ in found.values()} <= set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)


def test_an_error_inside_is_one_that_passes(tmp_path: Path) -> None:
    found = errors(tmp_path / "sandbox", Faults(error=100))
    assert {status for _, status in found.values()} <= set(TransientRetryableChecker._TRANSIENT_STATUS_CODES)
    assert found["s3"] == found["ec2"] == ("InternalError", 500)
    assert found["ecs"] == found["rds"] == ("InternalFailure", 500)


def test_a_client_tries_again_and_gets_there(tmp_path: Path) -> None:
    with serving(tmp_path / "sandbox", Faults(error=50, seed=3)) as api:
        s3 = api.client("s3", attempts=10)
        retries = [s3.list_buckets()["ResponseMetadata"]["RetryAttempts"] for _ in range(10)]
        assert sum(retries) > 0
        assert [call["status"] for call in api.journal()].count(200) == 10


def fates(faults: Faults, operation: str) -> list[int | None]:
    call = Call(service="s3", operation=operation, region="us-east-1", access_key=None)
    injection = FaultInjection(faults)
    answers = [injection.answer(call, "") for _ in range(2000)]
    return [answer.status if answer else None for answer in answers]


def test_the_same_seed_brings_the_same_faults_and_the_rates_hold() -> None:
    faults = Faults(throttle=5, error=2, seed=1)
    found = fates(faults, "GetObject")
    assert found == fates(faults, "GetObject")
    assert found != fates(Faults(throttle=5, error=2, seed=2), "GetObject")
    assert found != fates(faults, "PutObject")
    assert 0.05 < 1 - found.count(None) / len(found) < 0.09
    assert set(fates(Faults(), "GetObject")) == {None}


@pytest.mark.parametrize("text", ["", "throttle", "throttle=x", "throttle=-1", "error=101", "throttel=5", "seed=3"])
def test_faults_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(FaultsError, match="for example throttle=5,error=2"):
        Faults.parse(text)


def test_faults_come_by_the_environment_too() -> None:
    def faults(value: str) -> Any:
        return Settings.from_environment({"SANDBOX_FAULTS": value}).faults

    assert faults("throttle=5,error=2,seed=7") == Faults(5, 2, 7)
    assert Faults.parse(str(Faults(5, 2, 7))) == Faults(5, 2, 7)
    assert not faults("")
    with pytest.raises(SettingsError, match="SANDBOX_FAULTS='nonsense' names no faults"):
        faults("nonsense")


def test_on_a_full_disk_nothing_is_changed_and_everything_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "sandbox") as api:
        s3 = api.client("s3")
        with monkeypatch.context() as patch:
            patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
            with pytest.raises(ClientError, match=r"the disk that holds .*/sandbox is full\. Free some of it"):
                s3.create_bucket(Bucket="media")
            assert s3.list_buckets()["Buckets"] == []
        s3.create_bucket(Bucket="media")
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["media"]
        assert [call["status"] for call in api.journal()] == [400, 200, 200, 200]
