#!/usr/bin/python
"""Own module because amazon.aws.s3_bucket says under --check that a missing bucket would not change, and has no lifecycle."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bucket
short_description: A private, versioned, encrypted S3 bucket
description:
  - Creates, updates or deletes a bucket that nobody reaches without TLS or in public, and that keeps earlier versions.
options:
  name: {description: Name, type: str, required: true}
  kms_key_id:
    description: Key that encrypts new objects, by id, ARN or alias. Without it, S3's own key does.
    type: str
  noncurrent_days: {description: Days that a replaced or deleted version is kept, type: int, default: 30}
  force_destroy: {description: Whether to remove a bucket with all its objects and versions, type: bool, default: false}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the bucket for documents
  bucket:
    name: campshub360-tier1-123456789012-documents
    kms_key_id: arn:aws:kms:us-east-1:123456789012:key/0123abcd-0123-4567-89ab-0123456789ab
    noncurrent_days: 90
"""

RETURN = r"""
resource: {description: The bucket, type: dict, returned: success}
"""

import json
from collections.abc import Iterator
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import unless_missing
from ops.aws.policies import Policy, reworded
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tags import tags_from, tags_to

PRIVATE = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
NO_LOCATION = "us-east-1"  # the one region that CreateBucket doesn't take as a location


def tls_only(bucket: str, partition: str) -> Policy:
    """Return the policy that refuses plain HTTP.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyOverTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def lifecycle_rules(noncurrent_days: int) -> list[dict[str, Any]]:
    """Return rules that delete old versions, delete markers without versions, and unfinished uploads."""
    return [
        {
            "ID": "forget-old-versions",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent_days},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]


def encryption_rule(kms_key_id: str | None) -> dict[str, Any]:
    """Return the encryption of new objects."""
    if kms_key_id is None:
        return {"SSEAlgorithm": "AES256"}
    return {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key_id}


class Bucket(Resource):
    noun = "bucket"
    # A bucket of that name was removed, and for some hours AWS may not give the name away again:
    # https://repost.aws/knowledge-center/s3-conflicting-conditional-operation
    retryable_errors = ("OperationAborted",)

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.s3 = module.client("s3")
        self.here: State = {"Bucket": self.name}

    def read(self) -> State | None:
        if unless_missing(("404", "NoSuchBucket"), self.s3.head_bucket, **self.here) is None:
            return None
        return {
            "encryption": self.encryption(),
            "versioning": self.s3.get_bucket_versioning(**self.here).get("Status"),
            "public_access_block": self.part(
                "NoSuchPublicAccessBlockConfiguration", "get_public_access_block", "PublicAccessBlockConfiguration"
            ),
            "ownership": self.ownership(),
            "policy": reworded(self.policy(), self.desired_policy()),
            "lifecycle": self.part("NoSuchLifecycleConfiguration", "get_bucket_lifecycle_configuration", "Rules"),
            "tags": tags_from(self.part("NoSuchTagSet", "get_bucket_tagging", "TagSet") or []),
        }

    def part(self, missing: str, call: str, key: str) -> Any:
        answer = unless_missing(missing, getattr(self.s3, call), **self.here)
        return answer[key] if answer else None

    def encryption(self) -> State | None:
        missing = "ServerSideEncryptionConfigurationNotFoundError"
        found = self.part(missing, "get_bucket_encryption", "ServerSideEncryptionConfiguration")
        return found["Rules"][0]["ApplyServerSideEncryptionByDefault"] if found else None

    def ownership(self) -> str | None:
        found = self.part("OwnershipControlsNotFoundError", "get_bucket_ownership_controls", "OwnershipControls")
        return found["Rules"][0]["ObjectOwnership"] if found else None

    def policy(self) -> Policy | None:
        found = self.part("NoSuchBucketPolicy", "get_bucket_policy", "Policy")
        return json.loads(found) if found else None

    def desired_policy(self) -> Policy:
        return tls_only(self.name, self.s3.meta.partition)

    def desired(self, found: State | None) -> State:
        return {
            "encryption": encryption_rule(self.params["kms_key_id"]),
            "versioning": "Enabled",
            "public_access_block": PRIVATE,
            "ownership": "BucketOwnerEnforced",
            "policy": self.desired_policy(),
            "lifecycle": lifecycle_rules(self.params["noncurrent_days"]),
            "tags": self.params["tags"],
        }

    def create(self, desired: State) -> None:
        region = self.s3.meta.region_name
        location = {} if region == NO_LOCATION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.retry(self.s3.create_bucket, **self.here, **location)
        self.update({}, desired)

    def update(self, found: State, changes: State) -> None:
        for key, value in changes.items():
            getattr(self, f"put_{key}")(value)

    def put_encryption(self, rule: State) -> None:
        # A bucket key asks KMS once for many objects instead of once for each.
        rules = [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": rule["SSEAlgorithm"] == "aws:kms"}]
        self.s3.put_bucket_encryption(**self.here, ServerSideEncryptionConfiguration={"Rules": rules})

    def put_versioning(self, status: str) -> None:
        self.s3.put_bucket_versioning(**self.here, VersioningConfiguration={"Status": status})

    def put_public_access_block(self, block: State) -> None:
        self.s3.put_public_access_block(**self.here, PublicAccessBlockConfiguration=block)

    def put_ownership(self, ownership: str) -> None:
        self.s3.put_bucket_ownership_controls(
            **self.here, OwnershipControls={"Rules": [{"ObjectOwnership": ownership}]}
        )

    def put_policy(self, policy: Policy) -> None:
        self.s3.put_bucket_policy(**self.here, Policy=json.dumps(policy))

    def put_lifecycle(self, rules: list[State]) -> None:
        self.s3.put_bucket_lifecycle_configuration(**self.here, LifecycleConfiguration={"Rules": rules})

    def put_tags(self, tags: State) -> None:
        self.s3.put_bucket_tagging(**self.here, Tagging={"TagSet": tags_to(tags)})

    def refusal(self, found: State, changes: State) -> str | None:
        if self.params["state"] == "present" or self.params["force_destroy"] or not any(self.versions()):
            return None
        return (
            f"The bucket {self.name} is not empty, and was not touched. Empty it, with all its versions, or say that its "
            "objects may go: -e storage_force_destroy=true."
        )

    def delete(self, found: State) -> None:
        for page in self.versions():
            self.s3.delete_objects(**self.here, Delete={"Objects": page, "Quiet": True})
        self.s3.delete_bucket(**self.here)

    def versions(self) -> Iterator[list[dict[str, str]]]:
        """Yield pages of what the bucket holds: versions of objects, and delete markers."""
        for page in self.s3.get_paginator("list_object_versions").paginate(**self.here):
            held = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if held:
                yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in held]


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "kms_key_id": {},
            "noncurrent_days": {"type": "int", "default": 30},
            "force_destroy": {"type": "bool", "default": False},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(Bucket(module))


if __name__ == "__main__":
    main()
