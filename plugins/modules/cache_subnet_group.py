#!/usr/bin/python
"""Own module because community.aws.elasticache_subnet_group can't tag, and has no diff."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cache_subnet_group
short_description: An ElastiCache subnet group
description:
  - Creates, updates or deletes a cache subnet group.
options:
  name: {description: Name, type: str, required: true}
  description: {description: What it is for, type: str, default: Managed by Ansible}
  subnets: {description: Ids of the subnets, type: list, elements: str, default: []}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the cache subnet group
  cache_subnet_group:
    name: campshub360-tier1
    subnets: [subnet-0a, subnet-0b]
"""

RETURN = r"""
resource: {description: "The subnet group, with its arn", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import unless_missing
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tagging import tag_by_name
from ops.aws.tags import tags_from, tags_to


class CacheSubnetGroup(Resource):
    noun = "cache subnet group"
    retryable_errors = ("CacheSubnetGroupInUse",)  # by a cache that is gone

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.elasticache = module.client("elasticache")

    def read(self) -> State | None:
        missing = "CacheSubnetGroupNotFoundFault"
        answer = unless_missing(missing, self.elasticache.describe_cache_subnet_groups, CacheSubnetGroupName=self.name)
        if answer is None:
            return None
        group = answer["CacheSubnetGroups"][0]
        tags = self.elasticache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"]
        return {
            "arn": group["ARN"],
            "description": group["CacheSubnetGroupDescription"],
            "subnets": sorted(subnet["SubnetIdentifier"] for subnet in group["Subnets"]),
            "tags": tags_from(tags),
        }

    def desired(self, found: State | None) -> State:
        return {
            "description": self.params["description"],
            "subnets": sorted(self.params["subnets"]),
            "tags": self.params["tags"],
        }

    def create(self, desired: State) -> None:
        self.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName=self.name,
            CacheSubnetGroupDescription=desired["description"],
            SubnetIds=desired["subnets"],
            Tags=tags_to(desired["tags"]),
        )

    def update(self, found: State, changes: State) -> None:
        if changes.keys() - {"tags"}:
            desired = self.desired(found)
            self.elasticache.modify_cache_subnet_group(
                CacheSubnetGroupName=self.name,
                CacheSubnetGroupDescription=desired["description"],
                SubnetIds=desired["subnets"],
            )
        if "tags" in changes:
            tag_by_name(self.elasticache, found["arn"], found["tags"], changes["tags"])

    def delete(self, found: State) -> None:
        self.retry(self.elasticache.delete_cache_subnet_group, CacheSubnetGroupName=self.name)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "description": {"default": "Managed by Ansible"},
            "subnets": {"type": "list", "elements": "str", "default": []},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["subnets"])],
        supports_check_mode=True,
    )
    run(CacheSubnetGroup(module))


if __name__ == "__main__":
    main()
