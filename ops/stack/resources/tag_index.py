"""What AWS's index of tags shows of a stack, whatever service made it; each service is asked whether it is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from ops.aws.errors import unless_missing
from ops.stack.model import Stack
from ops.stack.ownership import TAG
from ops.stack.resources.item import Item, until
from ops.stack.resources.security import key_item

# Found otherwise, deleted with what they belong to, or shown by AWS for a while after their deletion.
LEFT_OUT = (":ec2:", ":cluster/", ":service/", ":task/", ":listener/", ":listener-rule/")


def tagged_arns(tagging: Any, stack: Stack) -> list[str]:
    """Return the ARNs of all that carries the stack's tag, whatever service made it.

    Source: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
    """
    desired = [{"Key": TAG, "Values": [stack.name]}]
    pages = tagging.get_paginator("get_resources").paginate(TagFilters=desired)
    arns = [item["ResourceARN"] for page in pages for item in page["ResourceTagMappingList"]]
    return [arn for arn in arns if not any(word in arn for word in LEFT_OUT)]


# How the service itself is asked for what the index of tags shows: service of the ARN -> client, operation, request.
# The index shows for hours what is gone: https://github.com/boto/boto3/issues/3341
TAG_REQUESTS: dict[str, tuple[str, str, Callable[[str, str], dict[str, Any]]]] = {
    "acm": ("acm", "list_tags_for_certificate", lambda arn, name: {"CertificateArn": arn}),
    "cloudwatch": ("cloudwatch", "list_tags_for_resource", lambda arn, name: {"ResourceARN": arn}),
    "ecr": ("ecr", "list_tags_for_resource", lambda arn, name: {"resourceArn": arn}),
    "elasticache": ("elasticache", "list_tags_for_resource", lambda arn, name: {"ResourceName": arn}),
    "elasticloadbalancing": ("elbv2", "describe_tags", lambda arn, name: {"ResourceArns": [arn]}),
    "logs": ("logs", "list_tags_for_resource", lambda arn, name: {"resourceArn": arn}),
    "rds": ("rds", "list_tags_for_resource", lambda arn, name: {"ResourceName": arn}),
    "route53": (
        "route53", "list_tags_for_resource",
        lambda arn, name: {"ResourceType": "hostedzone", "ResourceId": name.partition("/")[2]},
    ),
    "s3": ("s3", "get_bucket_tagging", lambda arn, name: {"Bucket": name}),
    "secretsmanager": ("secretsmanager", "describe_secret", lambda arn, name: {"SecretId": arn}),
}  # fmt: skip
# ElastiCache calls an ARN invalid that leads nowhere: API_ListTagsForResource.html
MISSING = re.compile("NotFound|NoSuch|InvalidARN")


def item_by_tag(create_client: Callable[[str], Any], arn: str, stack: Stack) -> Item | None:
    """Return the item of what only the index of tags shows; None if its service knows no such thing or no such tag.

    create_client: makes a client, given a service's name.
    """
    service, name = arn.split(":")[2], arn.split(":", 5)[5]
    if service == "kms":
        key = unless_missing("NotFoundException", create_client("kms").describe_key, KeyId=arn)
        return key and key_item(key["KeyMetadata"])
    if ":task-definition/" in arn:
        revision = name.partition("/")[2]
        command = f"aws ecs deregister-task-definition --task-definition {revision}"
        return Item("task definition", revision, command, arn, kept="as history, and costs nothing")
    item = Item(
        f"{service} resource", name, f"aws resourcegroupstaggingapi get-resources --resource-arn-list {arn}", arn
    )
    if service not in TAG_REQUESTS:
        return item
    answer = described(create_client, service, arn, name)
    if answer is None or not carries(answer, stack.name):
        return None
    deleted = answer.get("DeletedDate")
    return replace(item, kept=until(deleted)) if deleted else item


def described(create_client: Callable[[str], Any], service: str, arn: str, name: str) -> dict[str, Any] | None:
    """Return what the service itself says of a resource and its tags; None if it knows no such resource."""
    client, operation, request = TAG_REQUESTS[service]
    try:
        return dict(getattr(create_client(client), operation)(**request(arn, name)))
    except ClientError as error:
        if MISSING.search(error.response["Error"]["Code"]):
            return None
        raise


def carries(answer: object, name: str) -> bool:
    """Return whether the stack's tag stands in an answer, in whichever of AWS's ways."""
    if isinstance(answer, Mapping):
        pair = answer.get("Key"), answer.get("Value")
        found = answer.get(TAG) == name or pair == (TAG, name)
        return found or any(carries(value, name) for value in answer.values())
    return isinstance(answer, list) and any(carries(one, name) for one in answer)
