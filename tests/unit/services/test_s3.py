"""S3: conditions of policies, conditional writes and deletes, sub-resources."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.sandbox.api_only import LocalApi, refused

TLS_ONLY = [
    {"Bool": {"aws:SecureTransport": "false"}},
    {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
]


@pytest.fixture
def bucket(api: LocalApi, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-")[:63].rstrip("-")
    api.client("s3").create_bucket(Bucket=name)
    return str(name)


def put_policy(s3: Any, bucket: str, *conditions: dict[str, Any]) -> None:
    statements = [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": one}
        for one in conditions
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def test_a_tls_only_bucket_lets_https_in(api: LocalApi, bucket: str) -> None:
    s3 = api.client("s3")
    put_policy(s3, bucket, *TLS_ONLY)
    s3.put_object(Bucket=bucket, Key="key", Body=b"content")
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"content"


def test_a_denial_whose_conditions_are_met_counts(api: LocalApi, bucket: str) -> None:
    s3 = api.client("s3")
    s3.put_object(Bucket=bucket, Key="key", Body=b"content")
    put_policy(s3, bucket, {"Bool": {"aws:SecureTransport": "true"}})
    with pytest.raises(ClientError, match=r"403|AccessDenied"):
        s3.get_object(Bucket=bucket, Key="key")


def test_deleting_an_unknown_sub_resource_leaves_the_bucket(api: LocalApi, bucket: str) -> None:
    s3 = api.client("s3")
    with refused("NotEmulated"):
        s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="all")
    with refused("NotEmulated"):
        s3.delete_bucket_inventory_configuration(Bucket=bucket, Id="all")
    assert bucket in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_an_object_is_written_only_under_its_condition(api: LocalApi, bucket: str) -> None:
    s3 = api.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    it = {"Bucket": bucket, "Key": "key"}
    with refused("NoSuchKey"):
        s3.put_object(**it, Body=b"1", IfMatch='"0"')
    etag = s3.put_object(**it, Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed"):
        s3.put_object(**it, Body=b"2", IfNoneMatch="*")
    with refused("NotEmulated"):
        s3.put_object(**it, Body=b"2", IfNoneMatch=etag)
    with refused("PreconditionFailed"):
        s3.put_object(**it, Body=b"2", IfMatch='"0"')
    assert s3.get_object(**it)["Body"].read() == b"1"
    s3.put_object(**it, Body=b"2", IfMatch=etag)
    assert s3.get_object(**it)["Body"].read() == b"2"


def test_an_object_is_deleted_only_under_its_condition(api: LocalApi, bucket: str) -> None:
    s3 = api.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    it = {"Bucket": bucket, "Key": "key"}
    etag = s3.put_object(**it, Body=b"1")["ETag"]
    with refused("PreconditionFailed"):
        s3.delete_object(**it, IfMatch='"0"')
    assert s3.delete_object(**it, IfMatch=etag)["DeleteMarker"]
    for condition in (etag, "*"):
        with refused("NoSuchKey"):
            s3.delete_object(**it, IfMatch=condition)
    # a delete marker counts as absent
    s3.put_object(**it, Body=b"2", IfNoneMatch="*")
    s3.delete_object(**it, IfMatch="*")
    with refused("NoSuchKey"):
        s3.get_object(**it)


def test_a_bucket_tells_who_pays(api: LocalApi, bucket: str) -> None:
    s3 = api.client("s3")
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
