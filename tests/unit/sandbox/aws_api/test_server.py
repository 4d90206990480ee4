"""The API as its clients see it: principals, journal, refusals and errors."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.config import OPERATOR_KEY
from tests.support.sandbox.api_only import LocalApi, serving
from tests.support.waiting import HANGS_SECONDS

pytestmark = pytest.mark.filterwarnings("ignore:.*does not match an error shape")

OPERATOR = "arn:aws:iam::123456789012:user/operator"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("api") / "sandbox") as local:
        yield local


def error(call: Callable[[], Any]) -> tuple[str, str, int, int]:
    """Return code, message, HTTP status and retries of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    meta = answer["ResponseMetadata"]
    return answer["Error"]["Code"], answer["Error"]["Message"], meta["HTTPStatusCode"], meta["RetryAttempts"]


def test_the_operator_is_an_iam_user(api: LocalApi) -> None:
    identity = api.client("sts").get_caller_identity()
    assert (identity["Arn"], identity["Account"]) == (OPERATOR, "123456789012")


def test_a_task_is_its_role(api: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    role = api.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    grant = api.principals.grant("task-1", role, "us-east-1")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", grant.uri)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", grant.token)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    sts = boto3.Session().client(
        "sts", region_name="us-east-1", endpoint_url=api.settings.api_url, verify=str(api.authority.certificate)
    )
    assert sts.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/app/task-1"
    assert api.journal()[-1]["principal"] == "arn:aws:sts::123456789012:assumed-role/app/task-1"


def test_credentials_need_the_tasks_token_and_end_with_the_task(api: LocalApi) -> None:
    grant = api.principals.grant("task-2", "arn:aws:iam::123456789012:role/app", "us-east-1")

    def status(token: str) -> int:
        request = urllib.request.Request(grant.uri, headers={"Authorization": token})
        try:
            with urllib.request.urlopen(request, timeout=HANGS_SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    assert [status(grant.token), status("guessed"), status("")] == [200, 403, 403]
    api.principals.revoke("task-2")
    assert status(grant.token) == 403


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ecs", "list_clusters", "UnrecognizedClientException"),
        ("ec2", "describe_vpcs", "AuthFailure"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_a_key_from_elsewhere_is_refused(api: LocalApi, service: str, operation: str, code: str) -> None:
    found = error(getattr(api.client(service, key="AKIA" + "X" * 16), operation))
    assert (found[0], found[2]) == (code, 403)
    assert "sandbox env" in found[1]


def test_what_is_not_signed_is_refused_motos_own_paths_too(api: LocalApi) -> None:
    context = ssl.create_default_context(cafile=str(api.authority.certificate))
    for path in ("/", "/moto-api/reset", "/latest/meta-data/"):
        request = urllib.request.Request(api.settings.api_url + path, data=b"", method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, context=context, timeout=HANGS_SECONDS)
        assert caught.value.code == 403
        assert "MissingAuthenticationToken" in caught.value.read().decode()
    assert api.client("sts").get_caller_identity()["Arn"] == OPERATOR


UNKNOWN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "json": ("ecs", "ListServicesByNamespace", {"namespace": "x"}),
    "query": ("elasticache", "DescribeReservedCacheNodes", {}),
    "ec2": ("ec2", "DescribeFastLaunchImages", {}),
    "rest-json": ("backup", "ListRecoveryPointsByResource", {"ResourceArn": "arn:aws:x"}),
    "rest-xml": ("cloudfront", "ListStreamingDistributions", {}),
    "s3": ("s3", "ListBucketMetricsConfigurations", {"Bucket": "bucket"}),
    "a service of json that moto lacks": ("apprunner", "ListServices", {}),
    "a service of query that moto lacks": ("cloudsearch", "DescribeDomains", {}),
    "a service of rest-json that moto lacks": ("amplify", "ListApps", {}),
    "cbor": ("eventbridgev2", "ListEventBuses", {}),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_emulated_fails_at_once(api: LocalApi, case: str) -> None:
    service, operation, parameters = UNKNOWN[case]
    client = api.client(service)
    names = {api_name: method for method, api_name in client.meta.method_to_api_mapping.items()}
    code, message, status, retries = error(lambda: getattr(client, names[operation])(**parameters))
    assert (code, status, retries) == ("NotEmulated", 400, 0)
    assert f":{operation}." in message
    assert "docs/sandbox-conformance.md" in message


def test_a_failure_of_the_sandbox_is_not_retried(api: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("moto.ecs.responses.EC2ContainerServiceResponse.list_clusters", broken)
    code, message, status, retries = error(api.client("ecs").list_clusters)
    assert (code, status, retries) == ("SandboxFailure", 400, 0)
    assert "ecs:ListClusters: ZeroDivisionError: a bug" in message


def test_every_call_is_a_line_of_the_journal(api: LocalApi) -> None:
    before = len(api.journal())
    api.client("ecs").create_cluster(clusterName="journal")
    api.client("s3").list_buckets()
    with pytest.raises(ClientError):
        api.client("ecs").list_services_by_namespace(namespace="x")
    lines = api.journal()[before:]
    assert [(one["service"], one["operation"], one["mutating"], one["status"]) for one in lines] == [
        ("ecs", "CreateCluster", True, 200),
        ("s3", "ListBuckets", False, 200),
        ("ecs", "ListServicesByNamespace", False, 400),
    ]
    assert {one["principal"] for one in lines} == {OPERATOR}
    assert {one["region"] for one in lines} == {"us-east-1"}
    told = {"time", "service", "operation", "mutating", "status", "ms", "principal", "region", "resource"}
    assert set(lines[0]) == told


def test_no_secret_reaches_the_journal(api: LocalApi) -> None:
    api.client("secretsmanager").create_secret(Name="stack/token", SecretString="hush-hush")
    path = api.settings.root / "api.jsonl"
    text = path.read_text()
    assert "CreateSecret" in text
    assert not {word for word in ("hush-hush", "stack/token", OPERATOR_KEY) if word in text}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_mutating_call_wakes_who_waits(api: LocalApi) -> None:
    seen = api.state.changed.wait(0, 0)
    api.client("ecs").list_clusters()
    assert api.state.changed.wait(seen, 0) == seen
    api.client("ecs").create_cluster(clusterName="wake")
    assert api.state.changed.wait(seen, 0) > seen


def test_old_tls_is_refused(api: LocalApi) -> None:
    context = ssl.create_default_context(cafile=str(api.authority.certificate))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(urllib.error.URLError, match=r"(?i)protocol.version|handshake"):
        urllib.request.urlopen(api.settings.api_url, context=context, timeout=HANGS_SECONDS)


def test_aws_managed_policies_are_there(api: LocalApi) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    assert api.client("iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn
