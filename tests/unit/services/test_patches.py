"""AWS behaviour that moto lacks and the sandbox restores: ACM, S3, security groups."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509

from sandbox.services.acm.controller import AcmController
from tests.support.sandbox.api_only import LocalApi, serving


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApi]:
    with serving(tmp_path_factory.mktemp("api") / "sandbox") as local:
        yield local


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\)")


def test_route_53_keeps_names_in_lower_case(api: LocalApi) -> None:
    route53 = api.client("route53")
    zone = route53.create_hosted_zone(Name="Typed.Example", CallerReference="typed")["HostedZone"]
    assert zone["Name"] == "typed.example."
    record = {"Name": "App.Typed.Example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    for action in ("CREATE", "UPSERT", "DELETE"):
        changes = [{"Action": action, "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": changes})
        names = {
            one["Name"] for one in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        }
        assert ("app.typed.example." in names) is (action != "DELETE")
    assert route53.list_hosted_zones_by_name(DNSName="TYPED.example")["HostedZones"][0]["Id"] == zone["Id"]
    route53.delete_hosted_zone(Id=zone["Id"])


class Certificate:
    """A certificate of ACM, and the controller that issues it."""

    def __init__(self, api: LocalApi, *names: str) -> None:
        self.acm, self.route53 = api.client("acm"), api.client("route53")
        parts: Any = SimpleNamespace(state=api.state, authority=api.authority)
        self.controller = AcmController(parts)
        self.arn = self.acm.request_certificate(
            DomainName=names[0], SubjectAlternativeNames=list(names[1:]) or [names[0]], ValidationMethod="DNS"
        )["CertificateArn"]

    def describe(self) -> dict[str, Any]:
        self.controller.reconcile()
        certificate: dict[str, Any] = self.acm.describe_certificate(CertificateArn=self.arn)["Certificate"]
        return certificate

    def records(self) -> dict[str, str]:
        options = self.describe()["DomainValidationOptions"]
        return {one["ResourceRecord"]["Name"]: one["ResourceRecord"]["Value"] for one in options}

    def prove(self, zone: str, records: dict[str, str]) -> None:
        zone_id = self.route53.create_hosted_zone(Name=zone, CallerReference=zone)["HostedZone"]["Id"]
        changes = [
            {
                "Action": "UPSERT",
                "ResourceRecordSet": {"Name": k, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": v}]},
            }
            for k, v in records.items()
        ]
        self.route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def test_a_certificate_is_issued_once_its_record_stands(api: LocalApi) -> None:
    certificate = Certificate(api, "stack.example", "*.stack.example")
    pending = certificate.describe()
    assert (pending["Status"], "IssuedAt" in pending) == ("PENDING_VALIDATION", False)
    with refused("RequestInProgressException"):
        certificate.acm.get_certificate(CertificateArn=certificate.arn)
    records = certificate.records()
    assert len(records) == 1, "a wildcard shares the record of its parent"
    certificate.prove("stack.example", records)
    issued = certificate.describe()
    assert (issued["Status"], issued["KeyAlgorithm"]) == ("ISSUED", "RSA_2048")
    assert issued["SubjectAlternativeNames"] == ["stack.example", "*.stack.example"]


def test_what_acm_issues_the_sandboxs_clients_trust(api: LocalApi) -> None:
    certificate = Certificate(api, "trusted.example")
    certificate.prove("trusted.example", certificate.records())
    certificate.describe()
    got = certificate.acm.get_certificate(CertificateArn=certificate.arn)
    leaf = x509.load_pem_x509_certificate(got["Certificate"].encode())
    issuer = x509.load_pem_x509_certificate(api.authority.certificate.read_bytes())
    leaf.verify_directly_issued_by(issuer)
    assert ssl.PEM_cert_to_DER_cert(got["CertificateChain"]) == ssl.PEM_cert_to_DER_cert(
        api.authority.certificate.read_text()
    )


def test_a_record_of_another_value_or_for_one_name_of_two_proves_nothing(api: LocalApi) -> None:
    certificate = Certificate(api, "one.example", "two.example")
    records = certificate.records()
    one, two = sorted(records, key=lambda name: "two.example" in name)
    certificate.prove("one.example", {one: records[one]})
    certificate.prove("two.example", {two: "_wrong.acm-validations.aws."})
    assert certificate.describe()["Status"] == "PENDING_VALIDATION"


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


def test_rules_between_groups_keep_their_description(api: LocalApi) -> None:
    ec2 = api.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    front, back = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("front", "back")
    )

    def rule(description: str) -> list[dict[str, Any]]:
        pair = {"GroupId": front, "Description": description}
        return [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [pair]}]

    ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=rule("from the front"))
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=rule("in other words"))
    assert ec2.update_security_group_rule_descriptions_ingress(GroupId=back, IpPermissions=rule("anew"))["Return"]
    group = ec2.describe_security_groups(GroupIds=[back])["SecurityGroups"][0]
    assert [one["Description"] for one in group["IpPermissions"][0]["UserIdGroupPairs"]] == ["anew"]
    ec2.revoke_security_group_ingress(GroupId=back, IpPermissions=rule("whatever"))
    assert ec2.describe_security_groups(GroupIds=[back])["SecurityGroups"][0]["IpPermissions"] == []


@pytest.mark.parametrize(
    ("text", "fits"),
    [("AWS services: images, secrets (all)", True), ("AWS's own services", False), ("ä", False), ("x" * 256, False)],
)
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_a_rule_is_described_in_the_letters_that_aws_allows(
    api: LocalApi, direction: str, text: str, fits: bool
) -> None:
    ec2 = api.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    ends = {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": text}]}
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **ends}
    authorize = getattr(ec2, f"authorize_security_group_{direction}")
    if fits:
        authorize(GroupId=group, IpPermissions=[rule])
    else:
        with refused("InvalidParameterValue"):
            authorize(GroupId=group, IpPermissions=[rule])


def test_a_group_that_another_s_rule_names_is_not_deleted(api: LocalApi) -> None:
    ec2 = api.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    one, other = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("one", "other")
    )
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": one}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=one)
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=one)


def test_only_roles_that_exist_are_assumed(api: LocalApi) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = api.client("iam").create_role(RoleName="there", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    sts = api.client("sts")
    session = sts.assume_role(RoleArn=role, RoleSessionName="test")
    assert session["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/there/test"
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=role.replace("there", "elsewhere"), RoleSessionName="test")


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
