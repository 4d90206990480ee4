#!/usr/bin/python
"""Own module because amazon.aws.s3_bucket says under --check that a missing bucket is unchanged, and knows no lifecycle."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bucket
short_description: A private S3 bucket
description:
  - Blocks all public access, lets the owner own every object and refuses what is not sent over TLS; always.
  - A bucket that holds something is removed only with I(force).
options:
  name: {description: Name, type: str, required: true}
  kms_key_arn: {description: Key that encrypts new objects; S3's own key when empty, type: str, default: ""}
  noncurrent_days: {description: Days for which a replaced or deleted object can be had back, type: int, default: 30}
  force: {description: Whether a bucket to be removed may hold something, type: bool, default: false}
  tags: {description: Tags; others are removed, type: dict, default: {}}
  state: {description: Whether it exists, type: str, choices: [present, absent], default: present}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Keep the bucket for media
  bucket:
    name: campshub360-tier1-123456789012-media
    kms_key_arn: arn:aws:kms:us-east-1:123456789012:key/0d8f...
"""

RETURN = r"""
resource: {description: "The bucket's state", type: dict, returned: success}
"""

import json
from collections.abc import Callable
from typing import Any

from ansible.module_utils.aws_resource import (
    STATE_OPTION,
    TAGS_OPTION,
    Resource,
    State,
    run,
    tags_from,
    tags_to,
    unless_missing,
)
from ansible.module_utils.policies import reworded
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

BLOCKED = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
OWNED = "BucketOwnerEnforced"
UNFINISHED_UPLOAD_DAYS = 7


def tls_only(name: str, partition: str) -> State:
    """The policy that refuses plain HTTP.

    Source: docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html (HTTPS only)
    """
    arn = f"arn:{partition}:s3:::{name}"
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def housekeeping(noncurrent_days: int) -> list[State]:
    """The lifecycle rules: old versions, lone delete markers and unfinished uploads go away."""
    return [
        {
            "ID": "housekeeping",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent_days},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_UPLOAD_DAYS},
        }
    ]


def encryption_state(rules: list[State]) -> State:
    default = rules[0]["ApplyServerSideEncryptionByDefault"] if rules else {}
    return {"algorithm": default.get("SSEAlgorithm"), "kms_key_arn": default.get("KMSMasterKeyID", "")}


class Bucket(Resource):
    noun = "bucket"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.s3 = module.client("s3")

    @property
    def policy(self) -> State:
        return tls_only(self.name, self.s3.meta.partition)

    def read(self) -> State | None:
        if unless_missing({"404", "NoSuchBucket"}, self.s3.head_bucket, Bucket=self.name) is None:
            return None
        encryption = self.ask("encryption", "ServerSideEncryptionConfigurationNotFoundError")
        access = self.ask("public_access_block", "NoSuchPublicAccessBlockConfiguration", call="get_public_access_block")
        ownership = self.ask("ownership_controls", "OwnershipControlsNotFoundError")
        policy = self.ask("policy", "NoSuchBucketPolicy")
        return {
            "versioning": self.s3.get_bucket_versioning(Bucket=self.name).get("Status", "Off"),
            "encryption": encryption_state(encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])),
            "public_access": access.get("PublicAccessBlockConfiguration"),
            "ownership": ownership.get("OwnershipControls", {}).get("Rules", [{}])[0].get("ObjectOwnership"),
            "policy": reworded(json.loads(policy["Policy"]) if policy else None, self.policy),
            "lifecycle": self.ask("lifecycle_configuration", "NoSuchLifecycleConfiguration").get("Rules", []),
            "tags": tags_from(self.ask("tagging", "NoSuchTagSet").get("TagSet", [])),
        }

    def ask(self, what: str, missing: str, call: str = "") -> Any:
        return unless_missing(missing, getattr(self.s3, call or f"get_bucket_{what}"), Bucket=self.name) or {}

    def wanted(self, found: State | None) -> State:
        key = self.params["kms_key_arn"]
        return {
            "versioning": "Enabled",
            "encryption": {"algorithm": "aws:kms" if key else "AES256", "kms_key_arn": key},
            "public_access": BLOCKED,
            "ownership": OWNED,
            "policy": self.policy,
            "lifecycle": housekeeping(self.params["noncurrent_days"]),
            "tags": self.params["tags"],
        }

    def create(self, wanted: State) -> None:
        region = self.s3.meta.region_name
        # us-east-1 is the one region that must not be named
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.s3.create_bucket(Bucket=self.name, ObjectOwnership=OWNED, **place)
        self.update({}, wanted)

    def update(self, found: State, changes: State) -> None:
        puts: dict[str, Callable[[Any], Any]] = {
            "public_access": lambda value: self.s3.put_public_access_block(
                Bucket=self.name, PublicAccessBlockConfiguration=value
            ),
            "ownership": lambda value: self.s3.put_bucket_ownership_controls(
                Bucket=self.name, OwnershipControls={"Rules": [{"ObjectOwnership": value}]}
            ),
            "policy": lambda value: self.s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps(value)),
            "encryption": self.put_encryption,
            "versioning": lambda value: self.s3.put_bucket_versioning(
                Bucket=self.name, VersioningConfiguration={"Status": value}
            ),
            "lifecycle": lambda value: self.s3.put_bucket_lifecycle_configuration(
                Bucket=self.name, LifecycleConfiguration={"Rules": value}
            ),
            "tags": lambda value: self.s3.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": tags_to(value)}),
        }
        for field, put in puts.items():
            if field in changes:
                put(changes[field])

    def put_encryption(self, encryption: State) -> None:
        default = {"SSEAlgorithm": encryption["algorithm"]}
        if encryption["kms_key_arn"]:
            default["KMSMasterKeyID"] = encryption["kms_key_arn"]
        # a bucket key: one call to KMS for many objects
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bool(encryption["kms_key_arn"])}
        self.s3.put_bucket_encryption(Bucket=self.name, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def delete(self, found: State) -> None:
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if versions and not self.params["force"]:
                self.fail(
                    f"The bucket {self.name} holds objects, so it was not touched. Save what is needed and empty it, or "
                    "say that its content may go: -e storage_force_destroy=true"
                )
            if versions:
                doomed = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
                self.s3.delete_objects(Bucket=self.name, Delete={"Objects": doomed, "Quiet": True})
        self.s3.delete_bucket(Bucket=self.name)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "kms_key_arn": {"default": "", "no_log": False},
            "noncurrent_days": {"type": "int", "default": 30},
            "force": {"type": "bool", "default": False},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(Bucket(module))


if __name__ == "__main__":
    main()
