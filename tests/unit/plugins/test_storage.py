"""Buckets, images and policy documents: what is asked of AWS, and what counts as a difference."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from ops.aws.policies import reworded
from plugins.modules.bucket import Bucket, encryption_rule, lifecycle_rules, tls_only
from plugins.modules.repository import LIFECYCLE_POLICY, Repository

SAID: dict[str, Any] = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"]}]}
READ_BACK: dict[str, Any] = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject"}}
OTHER: dict[str, Any] = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"]}]}


def test_the_same_policy_in_other_words_is_no_difference() -> None:
    assert reworded(READ_BACK, SAID) == SAID


@pytest.mark.parametrize("found", [OTHER, None])
def test_another_policy_or_none_is_shown_as_it_is(found: dict[str, Any] | None) -> None:
    assert reworded(found, SAID) == found


def test_plain_http_is_refused_to_bucket_and_objects() -> None:
    (statement,) = tls_only("files", "aws-cn")["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Resource"] == ["arn:aws-cn:s3:::files", "arn:aws-cn:s3:::files/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_no_current_object_ever_expires() -> None:
    for rule in lifecycle_rules(30):
        assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
        assert rule["Expiration"].keys() == {"ExpiredObjectDeleteMarker"}


def test_what_is_sent_to_s3_is_what_its_model_knows() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": encryption_rule("key")}]}
    validate_parameters(encryption, model.shape_for("ServerSideEncryptionConfiguration"))
    validate_parameters({"Rules": lifecycle_rules(30)}, model.shape_for("BucketLifecycleConfiguration"))


def test_without_a_key_s3_uses_its_own() -> None:
    assert encryption_rule(None) == {"SSEAlgorithm": "AES256"}


def test_no_rule_takes_an_image_that_has_a_tag_as_it_may_be_the_one_that_is_running() -> None:
    assert [rule["selection"]["tagStatus"] for rule in LIFECYCLE_POLICY["rules"]] == ["untagged"]


def module(client: Any, **params: Any) -> Any:
    desired = {"name": "t1", "state": "absent", "force_destroy": False, **params}
    return SimpleNamespace(params=desired, client=lambda service: client)


def bucket(*held: dict[str, str], **params: Any) -> Bucket:
    pages = [{"DeleteMarkers": list(held)}] if held else [{}]
    client = SimpleNamespace(get_paginator=lambda call: SimpleNamespace(paginate=lambda **request: pages))
    return Bucket(module(client, **params))


def repository(*images: str, **params: Any) -> Repository:
    return Repository(module(SimpleNamespace(list_images=lambda **request: {"imageIds": list(images)}), **params))


def test_what_holds_something_is_not_removed_unasked() -> None:
    assert "storage_force_destroy=true" in str(bucket({"Key": "a", "VersionId": "1"}).refusal({}, {}))
    assert "storage_force_destroy=true" in str(repository("sha256:1").refusal({}, {}))


def test_what_is_empty_or_may_go_is_removed() -> None:
    assert bucket().refusal({}, {}) is None
    assert repository().refusal({}, {}) is None
    assert bucket({"Key": "a", "VersionId": "1"}, force_destroy=True).refusal({}, {}) is None
    assert repository("sha256:1", force_destroy=True).refusal({}, {}) is None


def test_a_repository_in_use_may_be_repaired_but_not_change_its_key() -> None:
    assert repository("sha256:1", state="present").refusal({}, {"tags": {}}) is None
    assert "can't change its key" in str(repository(state="present").refusal({}, {"kms_key_id": "other"}))
