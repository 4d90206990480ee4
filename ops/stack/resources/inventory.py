"""All that an account holds of a stack, by tag and by name: what is lost with it, and what AWS keeps by design.

A stack's tag decides. Names find what can't be tagged or lost its tag, and what AWS made for the stack by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from ops.stack.finder import Finder, find_all
from ops.stack.model import Stack
from ops.stack.resources.cluster import find_alarms, find_cluster, find_log_groups
from ops.stack.resources.database import find_cache, find_database, find_database_groups, find_snapshots
from ops.stack.resources.dns import find_certificates, find_zone
from ops.stack.resources.item import Item
from ops.stack.resources.load_balancer import find_load_balancer, find_target_groups
from ops.stack.resources.network import find_network
from ops.stack.resources.secrets import find_secrets
from ops.stack.resources.security import find_key, find_roles
from ops.stack.resources.storage import find_buckets, find_repository
from ops.stack.resources.tag_index import item_by_tag, tagged_arns


def find_resources(create_client: Callable[[str], Any], stack: Stack) -> list[Item]:
    """Return all that the account holds of the stack. create_client: makes a client, given a service's name."""
    items = [item for items in find_all(create_client, FINDERS, stack) for item in items]
    known = {item.arn for item in items}
    arns = tagged_arns(create_client("resourcegroupstaggingapi"), stack)
    client = cache(create_client)
    more = [item_by_tag(client, arn, stack) for arn in arns if arn not in known]
    return [*items, *(item for item in more if item)]


def listing(service: str, find: Callable[[Any, Stack], Iterator[Item]]) -> Finder[list[Item]]:
    """Create a finder that answers at once: an iterator would ask AWS only when it is read, one after the other."""
    return Finder(service, lambda client, stack: list(find(client, stack)))


FINDERS = (
    listing("ec2", find_network),
    listing("iam", find_roles),
    listing("kms", find_key),
    listing("secretsmanager", find_secrets),
    listing("s3", find_buckets),
    listing("ecr", find_repository),
    listing("route53", find_zone),
    listing("acm", find_certificates),
    listing("rds", find_database),
    listing("rds", find_snapshots),
    listing("rds", find_database_groups),
    listing("elasticache", find_cache),
    listing("elbv2", find_load_balancer),
    listing("elbv2", find_target_groups),
    listing("ecs", find_cluster),
    listing("logs", find_log_groups),
    listing("cloudwatch", find_alarms),
)
