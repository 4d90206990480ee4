"""The operation of a request, and which operations change something."""

from typing import Any

import pytest

from sandbox.aws_api.calls import Call, identify

KEY = "AKIASANDBOXOPERATOR0"


def environ(name: str, method: str = "POST", path: str = "/", **more: str) -> dict[str, Any]:
    """Return the environ of a request signed for the service of that signing name."""
    scope = f"Credential={KEY}/20260101/eu-west-1/{name}/aws4_request"
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "HTTP_HOST": "127.0.0.1",
        "wsgi.url_scheme": "https",
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        **more,
    }


FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("request_environ", "body", "service", "operation"),
    [
        (environ("ecs", HTTP_X_AMZ_TARGET="AmazonEC2ContainerServiceV20141113.RunTask"), "", "ecs", "RunTask"),
        (environ("elasticloadbalancing", **FORM), "Action=CreateRule&Version=2015-12-01", "elbv2", "CreateRule"),
        (environ("elasticloadbalancing", **FORM), "Action=CreateRule&Version=2012-06-01", "elb", "CreateRule"),
        (environ("rds", **FORM), "Action=CreateDBInstance&Version=2014-10-31", "rds", "CreateDBInstance"),
        (environ("ec2", **FORM), "Action=CreateVpc&Version=2016-11-15", "ec2", "CreateVpc"),
        (environ("s3", "HEAD", "/bucket/key"), "", "s3", "HeadObject"),
        (environ("s3", "PUT", "/bucket", QUERY_STRING="policy"), "", "s3", "PutBucketPolicy"),
        (environ("route53", "GET", "/2013-04-01/hostedzone"), "", "route53", "ListHostedZones"),
        (environ("lambda", "GET", "/2015-03-31/functions/"), "", "lambda", "ListFunctions"),
        (environ("events", path="/service/AWSEventsV2/operation/ListEventBuses"), "", "events", "ListEventBuses"),
        (environ("nonsense", "GET", "/x"), "", "nonsense", "GET /x"),
    ],
)
def test_an_operation_is_told_from_its_protocol(
    request_environ: dict[str, Any], body: str, service: str, operation: str
) -> None:
    call = identify(request_environ, body.encode())
    assert (call.service, call.operation, call.region, call.access_key) == (service, operation, "eu-west-1", KEY)


def test_a_presigned_url_has_its_key_in_the_query() -> None:
    request = environ("s3", "GET", "/bucket/key", QUERY_STRING=f"AWSAccessKeyId={KEY}&Signature=x&Expires=1")
    del request["HTTP_AUTHORIZATION"]
    call = identify(request, b"")
    assert (call.service, call.operation, call.access_key) == ("s3", "GetObject", KEY)


@pytest.mark.parametrize(
    "operation",
    [
        *("DescribeServices", "ListTasks", "GetRandomPassword", "GetAuthorizationToken", "HeadBucket", "AssumeRole"),
        *("BatchGetImage", "BatchCheckLayerAvailability", "LookupEvents", "FilterLogEvents", "SearchResources"),
        *("Decrypt", "GenerateDataKey", "TestDNSAnswer", "SimulatePrincipalPolicy", "GET /unknown"),
    ],
)
def test_looking_is_not_mutating(operation: str) -> None:
    assert not Call("any", operation, "us-east-1", KEY).mutating


@pytest.mark.parametrize(
    "operation",
    [
        *("CreateCluster", "PutObject", "RunTask", "TestFailover", "SignUp", "BatchDeleteImage", "ListenForever"),
        *("RebootDBInstance", "GetawayCar", "TagResource", "RotateSecret", "POST /unknown"),
    ],
)
def test_acting_is_mutating(operation: str) -> None:
    assert Call("any", operation, "us-east-1", KEY).mutating


@pytest.mark.parametrize(
    ("request_environ", "body", "resource"),
    [
        (environ("s3", "PUT", "/bucket/folder/key"), b"content", "arn:aws:s3:::bucket/folder/key"),
        (
            environ("secretsmanager", HTTP_X_AMZ_TARGET="secretsmanager.PutSecretValue"),
            b'{"SecretId": "t1/key", "SecretString": "hush"}',
            "t1/key",
        ),
        (environ("rds", **FORM), b"Action=CreateDBInstance&Version=2014-10-31&MasterUserPassword=hush", None),
    ],
)
def test_what_a_call_is_about_is_told_and_nothing_more(
    request_environ: dict[str, Any], body: bytes, resource: str | None
) -> None:
    assert identify(request_environ, body).resource == resource
