#!/usr/bin/python
"""Own module because amazon.aws.route53 fails in check mode on a zone to come, and never finds an alias unchanged."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records
short_description: Records of a public hosted zone
description:
  - Makes or repairs the records given, all in one change, and leaves others alone. Refuses a zone that is not the
    stack's, and where there are several of that name.
  - With C(state=absent) it empties the stack's own zone, so that it can be removed. It takes away the records given and
    those that validate certificates; when there are others, it refuses unless C(force). From an adopted zone it takes
    the records given, and from one of others nothing.
options:
  zone: {description: Name of the hosted zone, type: str, required: true}
  stack: {description: Name of the stack whose zone it is, type: str, required: true}
  adopt: {description: Whether a plan takes it that a zone of others will be adopted, type: bool, default: false}
  records:
    description: The records.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Full name, type: str, required: true}
      type: {description: Record type, type: str, choices: [A, AAAA, CNAME], required: true}
      value: {description: Its value; an alias has none, type: str}
      ttl: {description: Seconds that resolvers may keep the value, type: int, default: 300}
      alias:
        description: What an alias points to when it is made. Later it is state, and never put back.
        type: dict
        suboptions:
          dns_name: {description: Name that AWS gave it, type: str, required: true}
          hosted_zone_id: {description: Hosted zone of that name, type: str, required: true}
  force: {description: Whether to delete records that others created, type: bool, default: false}
  state: {description: Whether the records exist, type: str, choices: [present, absent], default: present}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the application's record
  dns_records:
    zone: tier1.campshub360.example
    stack: campshub360-tier1
    records:
      - name: app.tier1.campshub360.example
        type: A
        alias: {dns_name: campshub360-tier1-1.us-east-1.elb.amazonaws.com, hosted_zone_id: Z35SXDOTRQ7X7K}
"""

RETURN = r"""
resource: {description: "The records by name and type", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import STATE_OPTION, Resource, State, run
from ops.aws.route53 import public_zones
from ops.stack.ownership import Zone, absolute, only_zone, stranger_zone

VALIDATION_SUFFIX = ".acm-validations.aws."


def key(name: str, kind: str) -> str:
    return f"{absolute(name)} {kind}"


def record_set(record: State) -> State:
    """Return a record of our options as Route 53's record set."""
    head = {"Name": absolute(record["name"]), "Type": record["type"]}
    if record["alias"]:
        target = {
            "HostedZoneId": record["alias"]["hosted_zone_id"],
            "DNSName": absolute(record["alias"]["dns_name"]),
            "EvaluateTargetHealth": False,
        }
        return {**head, "AliasTarget": target}
    return {**head, "TTL": record["ttl"], "ResourceRecords": [{"Value": record["value"]}]}


def normal(found: State) -> State:
    """Return a record set of Route 53 in the form of `record_set`."""
    shown = {**found, "Name": absolute(found["Name"])}
    if "AliasTarget" in shown:
        shown["AliasTarget"] = {**shown["AliasTarget"], "DNSName": absolute(shown["AliasTarget"]["DNSName"])}
        return {name: shown[name] for name in ("Name", "Type", "AliasTarget")}
    return shown


def validates_certificate(found: State) -> bool:
    return any(item["Value"].endswith(VALIDATION_SUFFIX) for item in found.get("ResourceRecords", []))


class DnsRecords(Resource):
    noun = "records of the zone"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.route53 = module.client("route53")
        self.zone: Zone | None = None

    @property
    def name(self) -> str:
        return absolute(self.params["zone"]).rstrip(".")

    def read(self) -> State | None:
        """Return the zone's records; with state absent, those that may be deleted."""
        absent = self.params["state"] == "absent"
        zones = public_zones(self.route53, self.name)
        if absent:
            zones = [zone for zone in zones if zone.owner(self.params["stack"]) != "others"]
        self.zone = only_zone(zones, self.name)
        if self.zone is None:
            return None
        pages = self.route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=self.zone.id)
        sets = [item for page in pages for item in page["ResourceRecordSets"]]
        found = {key(item["Name"], item["Type"]): normal(item) for item in sets}
        return self.deletable(self.zone, found) or None if absent else found

    def deletable(self, zone: Zone, found: State) -> State:
        """Return what is to be deleted: all but the zone's own two, of an adopted zone only the records given.

        There the record that validates the certificate stays: AWS has one for all certificates of a domain, so others'
        may need it. https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
        """
        if zone.owner(self.params["stack"]) == "adopted":
            given = {key(record["name"], record["type"]) for record in self.params["records"]}
            return {name: item for name, item in found.items() if name in given}
        own = {key(zone.name, "NS"), key(zone.name, "SOA")}
        return {name: item for name, item in found.items() if name not in own}

    def desired(self, found: State | None) -> State:
        """Return the desired records; an alias keeps its present target, which is state, since failover changes it."""
        records = {key(record["name"], record["type"]): record_set(record) for record in self.params["records"]}
        led = {name: item for name, item in (found or {}).items() if "AliasTarget" in item}
        return {name: led.get(name, record) if "AliasTarget" in record else record for name, record in records.items()}

    def create(self, desired: State) -> None:
        if self.zone is None:
            self.fail(f"There is no public hosted zone {self.name} for these records. Make the zone first.")
        self.update({}, desired)

    def update(self, found: State, changes: State) -> None:
        self.change("UPSERT", changes)

    def refusal(self, found: State, changes: State) -> str | None:
        if self.params["state"] == "present":
            planned = self.params["adopt"] and self.module.check_mode
            strange = self.zone and self.zone.owner(self.params["stack"]) == "others" and not planned
            return stranger_zone(self.zone, self.params["stack"]) if self.zone and strange else None
        named = self.desired(found)
        others = [name for name, item in found.items() if name not in named and not validates_certificate(item)]
        if self.params["force"] or not others:
            return None
        return (
            f"The zone {self.name} holds records that this stack did not make: {', '.join(others)}. None was "
            "touched. Move or remove them, or give them up with -e dns_force_destroy=true."
        )

    def delete(self, found: State) -> None:
        self.change("DELETE", found)

    def change(self, action: str, records: State) -> None:
        assert self.zone is not None  # there are records of it
        changes = [{"Action": action, "ResourceRecordSet": item} for item in records.values()]
        self.route53.change_resource_record_sets(HostedZoneId=self.zone.id, ChangeBatch={"Changes": changes})


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "zone": {"required": True},
            "stack": {"required": True},
            "adopt": {"type": "bool", "default": False},
            "records": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"required": True},
                    "type": {"choices": ["A", "AAAA", "CNAME"], "required": True},
                    "value": {},
                    "ttl": {"type": "int", "default": 300},
                    "alias": {
                        "type": "dict",
                        "options": {"dns_name": {"required": True}, "hosted_zone_id": {"required": True}},
                    },
                },
            },
            "force": {"type": "bool", "default": False},
            **STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(DnsRecords(module))


if __name__ == "__main__":
    main()
