"""Tags of all ElastiCache resources that have an ARN; moto accepts any ARN and answers nothing.

Pages named API_*.html are those of https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elasticache.exceptions import InvalidARNFault
from moto.elasticache.responses import ElastiCacheResponse

from sandbox.aws_api.patch import operation
from sandbox.services.elasticache import parameters as elasticache_parameters


def install() -> None:
    """Attach the operations on tags."""
    for patch in (list_tags_for_resource, add_tags_to_resource, remove_tags_from_resource):
        operation(ElastiCacheResponse)(patch)


def list_tags_for_resource(self: ElastiCacheResponse) -> ActionResult:
    """List the tags of a resource. API_ListTagsForResource.html"""
    return _tags(self)


def add_tags_to_resource(self: ElastiCacheResponse) -> ActionResult:
    """Add tags to a resource; return all of its tags. API_AddTagsToResource.html"""
    arn, tags = self.params["ResourceName"], self.params["Tags"]
    _check_arn(self.elasticache_backend, arn)
    self.elasticache_backend.tagging_service.tag_resource(arn, tags)
    return _tags(self)


def remove_tags_from_resource(self: ElastiCacheResponse) -> ActionResult:
    """Remove tags from a resource; return those that are left. API_RemoveTagsFromResource.html"""
    arn, keys = self.params["ResourceName"], self.params["TagKeys"]
    _check_arn(self.elasticache_backend, arn)
    self.elasticache_backend.tagging_service.untag_resource_using_names(arn, keys)
    return _tags(self)


def _tags(response: ElastiCacheResponse) -> ActionResult:
    backend, arn = response.elasticache_backend, response.params["ResourceName"]
    _check_arn(backend, arn)
    return ActionResult({"TagList": backend.tagging_service.list_tags_for_resource(arn)["Tags"]})


def _check_arn(backend: Any, arn: str) -> None:
    known = {one.arn for one in backend.replication_groups.values()}
    known |= {one.arn for one in backend.cache_subnet_groups.values()}
    known |= {one.arn for one in elasticache_parameters.groups(backend).values()}
    known |= {
        group.as_cache_cluster(member)["ARN"]
        for group in backend.replication_groups.values()
        for member in group.members
    }
    if arn not in known:
        raise InvalidARNFault(arn)
