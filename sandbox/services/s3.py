"""S3: conditions of policies, conditional writes and deletes, and refusal of unknown sub-resources."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from sandbox.aws_api.patch import behaviour

BUCKET_RESOURCES_MISSING = {
    *("abac", "analytics", "intelligent-tiering", "metrics", "session"),
    *("metadataAnnotationTable", "metadataConfiguration", "metadataInventoryTable"),
    *("metadataJournalTable", "metadataTable"),
}
KEY_RESOURCES_MISSING = {"annotation", "encryption", "renameObject", "torrent"}

#: What every request to the sandbox is, for conditions to look at.
FACTS = {"aws:securetransport": "true", "s3:tlsversion": "1.2"}

_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "bool": lambda fact, desired: fact == desired.lower(),
    "stringequals": lambda fact, desired: fact == desired,
    "stringnotequals": lambda fact, desired: fact != desired,
    "numericlessthan": lambda fact, desired: float(fact) < float(desired),
    "numericlessthanequals": lambda fact, desired: float(fact) <= float(desired),
    "numericgreaterthan": lambda fact, desired: float(fact) > float(desired),
    "numericgreaterthanequals": lambda fact, desired: float(fact) >= float(desired),
}


def install() -> None:
    """Attach S3's patches."""
    behaviour(FakeBucket)(get_permission)
    behaviour(S3Response)(_bucket_response)
    behaviour(S3Response)(_key_response)
    behaviour(S3Response)(put_object)
    behaviour(S3Response)(delete_object)


def get_permission(original: Any, self: FakeBucket, action: str, resource: str) -> PermissionResult:
    """Evaluate a statement only if all its conditions are met; moto ignores conditions.

    A condition on a key that the sandbox doesn't know counts as not met.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
    """
    if self.policy is None:
        return original(action, resource)
    policy = json.loads(self.policy)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    counting = [
        {key: value for key, value in statement.items() if key != "Condition"}
        for statement in statements
        if all(_met(operator, keys) for operator, keys in statement.get("Condition", {}).items())
    ]
    return IAMPolicy(json.dumps({**policy, "Statement": counting})).is_action_permitted(action, resource)


def _met(operator: str, keys: dict[str, Any]) -> bool:
    compare = _COMPARE.get(operator.lower().removesuffix("ifexists"))
    for key, desired in keys.items():
        fact = FACTS.get(key.lower())
        values = desired if isinstance(desired, list) else [desired]
        if compare is None or fact is None or not any(compare(fact, str(one)) for one in values):
            return False
    return True


def _bucket_response(original: Any, self: S3Response, request: Any, full_url: str) -> Any:
    """Refuse `DELETE /bucket?metrics`, which deletes a metrics configuration: moto would delete the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketMetricsConfiguration.html
    """
    if "requestPayment" in request.args:
        return _request_payment(self)
    missing = BUCKET_RESOURCES_MISSING & set(request.args)
    if missing or ("inventory" in request.args and request.method == "DELETE"):
        raise NotImplementedError("sub-resource")
    return original(request, full_url)


def _key_response(original: Any, self: S3Response, request: Any, full_url: str) -> Any:
    """Refuse `PUT /bucket/key?renameObject`, which renames an object: moto would write an empty one.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_RenameObject.html
    """
    if KEY_RESOURCES_MISSING & set(request.args):
        raise NotImplementedError("sub-resource")
    return original(request, full_url)


def put_object(original: Any, self: S3Response) -> Any:
    """Refuse If-None-Match with any value but `*`: moto would ignore the condition, and overwrite.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    if self.headers.get("If-None-Match", "*") != "*":
        raise NotImplementedError("If-None-Match with an ETag")
    return original()


def delete_object(original: Any, self: S3Response) -> Any:
    """Delete any version with `If-Match: *`: moto would compare the asterisk with the ETag.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
    """
    if self.headers.get("If-Match") == "*" and self.backend.get_object(self.bucket_name, self.parse_key_name()):
        self.headers = {name: value for name, value in self.headers.items() if name.lower() != "if-match"}
    return original()


def _request_payment(self: S3Response) -> Any:
    """Return that the owner of a bucket pays for requests, unless configured otherwise.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html
    """
    bucket = self.backend.head_bucket(self.bucket_name)
    if self.method == "PUT":
        bucket.payer = ElementTree.fromstring(self.body)[0].text
        return 200, {}, ""
    payer = getattr(bucket, "payer", "BucketOwner")
    return 200, {}, f"<RequestPaymentConfiguration><Payer>{payer}</Payer></RequestPaymentConfiguration>"
