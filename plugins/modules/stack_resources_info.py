#!/usr/bin/python
"""Own module because no collection tells what an account still holds of a stack, whatever service made it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_resources_info
short_description: All that an account holds of a stack, by tag and by name
description:
  - Looks through every service that a stack uses, by the tag C(Stack) and by name. Changes nothing.
  - With O(wait_timeout), looks again until only what AWS keeps by design is left, or time is up.
options:
  name: {description: The stack's name, type: str, required: true}
  account_id: {description: The account in which the stack lives, type: str, required: true}
  zone_name: {description: "The stack's DNS zone, which is also its certificate's domain", type: str, required: true}
  wait_timeout: {description: Seconds to wait at most until nothing is left, type: int, default: 0}
  poll_seconds: {description: Seconds between two looks, type: float, default: 10}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: See what is left
  stack_resources_info:
    name: campshub360-tier1
    account_id: "123456789012"
    zone_name: tier1.campshub360.example
  register: left
"""

RETURN = r"""
present:
  description: "What is there: kind, name, arn; what it holds, why it refuses to go, and the command that removes it"
  type: list
  elements: dict
  returned: success
kept:
  description: "The same of what is removed already, and which AWS keeps: how long, and the command that has it back"
  type: list
  elements: dict
  returned: success
"""

import time
from dataclasses import asdict
from functools import cache

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.stack.discovery import Stack, find_all
from ops.stack.resources import SWEEPERS, Item, sweep_tags, unnamed


def sweep(module: AnsibleAWSModule, stack: Stack) -> list[Item]:
    items = [item for items in find_all(module, SWEEPERS, stack) for item in items]
    known = {item.arn for item in items}
    arns = sweep_tags(module.client("resourcegroupstaggingapi"), stack)
    client = cache(module.client)
    more = [unnamed(client, arn, stack) for arn in arns if arn not in known]
    return [*items, *(item for item in more if item)]


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "account_id": {"required": True},
            "zone_name": {"required": True},
            "wait_timeout": {"type": "int", "default": 0},
            "poll_seconds": {"type": "float", "default": 10},
        },
        supports_check_mode=True,
    )
    desired = module.params
    partition = module.client("sts").meta.partition
    stack = Stack(desired["name"], desired["account_id"], module.region, partition, desired["zone_name"])
    deadline = time.monotonic() + desired["wait_timeout"]
    with failing_with(module, f"Could not look for what is left of {stack.name}"):
        items = sweep(module, stack)
        while any(not item.kept for item in items) and time.monotonic() < deadline:
            time.sleep(desired["poll_seconds"])
            items = sweep(module, stack)
    module.exit_json(
        changed=False,
        present=[asdict(item) for item in items if not item.kept],
        kept=[asdict(item) for item in items if item.kept],
    )


if __name__ == "__main__":
    main()
