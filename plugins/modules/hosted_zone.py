#!/usr/bin/python
"""Own module because amazon.aws.route53_zone takes the first of several zones, replaces comment and tags of a zone that others made, and switches DNSSEC signing off."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hosted_zone
short_description: The public hosted zone of a stack
description:
  - Creates or repairs the zone. Refuses where there are several of that name, and where others made it, unless O(adopt).
  - An adopted zone gets the tag C(AdoptedBy) and is otherwise left as it is; DNSSEC is left as it is in every zone.
  - With C(state=absent) deletes the stack's own zone. An adopted one only loses that tag; one of others is left alone.
options:
  name: {description: "Its name, such as tier1.example.org", type: str, required: true}
  stack: {description: Name of the stack whose zone it is, type: str, required: true}
  adopt: {description: Whether a zone that others made may be used, type: bool, default: false}
  names:
    description: Names that the stack will put into the zone. One that holds an address already is not adopted.
    type: list
    elements: str
    default: []
  tags: {description: Tags of the stack's own zone; others are removed, type: dict, default: {}}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the hosted zone
  hosted_zone:
    name: tier1.campshub360.example
    stack: campshub360-tier1
    tags: {Stack: campshub360-tier1}
"""

RETURN = r"""
resource: {description: "The zone, with its id and owner (own or adopted)", type: dict, returned: success}
"""

import time
from collections.abc import Iterator, Mapping

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.route53 import public_zones
from ops.aws.tags import tags_to
from ops.stack.ownership import ADOPTED_TAG, TAG, Zone, absolute, only_zone, stranger_zone

# docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html
TAGS_A_CALL = 10
ADDRESSES = ("A", "AAAA", "CNAME")


def portions(tags: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Return these tags in as many dictionaries as it takes calls."""
    pairs = sorted(tags.items())
    for first in range(0, len(pairs), TAGS_A_CALL):
        yield dict(pairs[first : first + TAGS_A_CALL])


class HostedZone(Resource):
    noun = "hosted zone"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.route53 = module.client("route53")
        self.stack: str = self.params["stack"]
        self.zone: Zone | None = None

    def read(self) -> State | None:
        zones = public_zones(self.route53, self.name)
        if self.params["state"] == "absent":
            zones = [zone for zone in zones if zone.owner(self.stack) != "others"]
        self.zone = only_zone(zones, self.name)
        if self.zone is None:
            return None
        return {
            "id": self.zone.id,
            "owner": self.zone.owner(self.stack),
            "comment": self.zone.comment,
            "tags": dict(self.zone.tags),
        }

    def desired(self, found: State | None) -> State:
        if found and found["owner"] != "own":
            return {"owner": "adopted", "tags": {**found["tags"], ADOPTED_TAG: self.stack}}
        return {"owner": "own", "comment": self.stack, "tags": self.params["tags"]}

    def refusal(self, found: State, changes: State) -> str | None:
        if self.zone is None or found["owner"] != "others":
            return None
        another = self.zone.tags.get(TAG) or self.zone.tags.get(ADOPTED_TAG)
        if another or not self.params["adopt"]:
            return stranger_zone(self.zone, self.stack)
        if taken := self.taken(found["id"]):
            return (
                f"The hosted zone {self.zone} holds {', '.join(taken)} already, and {self.stack} would put its own there. "
                "Nothing was touched. Move or delete what stands there, or give the stack a domain of its own: "
                "correct dns_zone_name."
            )
        return None

    def taken(self, zone_id: str) -> list[str]:
        """Return which of the names that the stack will put there lead somewhere already."""
        pages = self.route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
        records = [record for page in pages for record in page["ResourceRecordSets"]]
        there = {absolute(record["Name"]) for record in records if record["Type"] in ADDRESSES}
        return sorted(name for name in self.params["names"] if absolute(name) in there)

    def create(self, desired: State) -> None:
        answer = self.route53.create_hosted_zone(
            Name=absolute(self.name),
            CallerReference=f"{self.stack}/{time.time_ns()}",  # by it the zone is known until it has its tags
            HostedZoneConfig={"Comment": desired["comment"], "PrivateZone": False},
        )
        self.tag(answer["HostedZone"]["Id"].rpartition("/")[2], {}, desired["tags"])

    def update(self, found: State, changes: State) -> None:
        if "comment" in changes:
            self.route53.update_hosted_zone_comment(Id=found["id"], Comment=changes["comment"])
        self.tag(found["id"], found["tags"], changes.get("tags") or found["tags"])

    def delete(self, found: State) -> None:
        if found["owner"] == "own":
            self.route53.delete_hosted_zone(Id=found["id"])
        else:
            marks = (ADOPTED_TAG, TAG)
            kept = {k: v for k, v in found["tags"].items() if not (k in marks and v == self.stack)}
            self.tag(found["id"], found["tags"], kept)

    def tag(self, zone_id: str, found: Mapping[str, str], desired: Mapping[str, str]) -> None:
        """Bring the zone's tags from these to those."""
        zone = {"ResourceType": "hostedzone", "ResourceId": zone_id}
        for added in portions({key: value for key, value in desired.items() if found.get(key) != value}):
            self.route53.change_tags_for_resource(AddTags=tags_to(added), **zone)
        for surplus in portions({key: value for key, value in found.items() if key not in desired}):
            self.route53.change_tags_for_resource(RemoveTagKeys=sorted(surplus), **zone)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "stack": {"required": True},
            "adopt": {"type": "bool", "default": False},
            "names": {"type": "list", "elements": "str", "default": []},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(HostedZone(module))


if __name__ == "__main__":
    main()
