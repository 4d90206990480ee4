"""Set the tags of an existing resource: add the desired ones, remove the others. One function an API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.aws.tags import tags_to

Tags = Mapping[str, Any]


def tag_cloudwatch(cloudwatch: Any, arn: str, found: Tags, desired: Tags) -> None:
    """Set the tags of a resource of CloudWatch."""
    cloudwatch.tag_resource(ResourceARN=arn, Tags=tags_to(desired))
    if surplus := found.keys() - desired.keys():
        cloudwatch.untag_resource(ResourceARN=arn, TagKeys=sorted(surplus))


def tag_by_name(client: Any, arn: str, found: Tags, desired: Tags) -> None:
    """Set the tags of a resource of RDS or ElastiCache."""
    client.add_tags_to_resource(ResourceName=arn, Tags=tags_to(desired))
    if surplus := found.keys() - desired.keys():
        client.remove_tags_from_resource(ResourceName=arn, TagKeys=sorted(surplus))


def tag_ec2(ec2: Any, identifier: str, found: Tags, desired: Tags) -> None:
    """Set the tags of a resource of EC2."""
    ec2.create_tags(Resources=[identifier], Tags=tags_to(desired))
    if surplus := found.keys() - desired.keys():
        ec2.delete_tags(Resources=[identifier], Tags=[{"Key": key} for key in sorted(surplus)])


def tag_ecs(ecs: Any, arn: str, found: Tags, desired: Tags) -> None:
    """Set the tags of a resource of ECS."""
    ecs.tag_resource(resourceArn=arn, tags=tags_to(desired, "key", "value"))
    if surplus := found.keys() - desired.keys():
        ecs.untag_resource(resourceArn=arn, tagKeys=sorted(surplus))


def tag_elb(elb: Any, arn: str, found: Tags, desired: Tags) -> None:
    """Set the tags of a resource of ELB."""
    elb.add_tags(ResourceArns=[arn], Tags=tags_to(desired))
    if surplus := found.keys() - desired.keys():
        elb.remove_tags(ResourceArns=[arn], TagKeys=sorted(surplus))
