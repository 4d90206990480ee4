#!/usr/bin/python
"""Own module because amazon.aws.route53 fails in check mode on a zone to come, and never finds an alias unchanged."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records
short_description: Records of a public hosted zone
description:
  - Makes or repairs the records given, all in one change, and leaves others alone.
  - With C(state=absent) it empties the zone, so that it can be removed. It takes away the records given and those that
    validate certificates; when there are others, it refuses unless C(force).
options:
  zone: {description: Name of the hosted zone, type: str, required: true}
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
  force: {description: Whether to take away records that others made, type: bool, default: false}
  state: {description: Whether the records exist, type: str, choices: [present, absent], default: present}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Point the name at the load balancer
  dns_records:
    zone: tier1.campshub360.example
    records:
      - name: app.tier1.campshub360.example
        type: A
        alias: {dns_name: campshub360-tier1-1.us-east-1.elb.amazonaws.com, hosted_zone_id: Z35SXDOTRQ7X7K}
"""

RETURN = r"""
resource: {description: "The records by name and type", type: dict, returned: success}
"""

from ansible.module_utils.aws_resource import STATE_OPTION, Resource, State, run
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

VALIDATION_SUFFIX = ".acm-validations.aws."


def absolute(name: str) -> str:
    """A name as Route 53 shows it: in lower case, with the dot at its end, * not escaped."""
    return name.lower().rstrip(".").replace("\\052", "*") + "."


def key(name: str, kind: str) -> str:
    return f"{absolute(name)} {kind}"


def record_set(record: State) -> State:
    """A record of our options as Route 53 takes and shows it."""
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
    """A record set that AWS shows, in the form of `record_set`."""
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
        self.zone = absolute(self.params["zone"])
        self.zone_id: str | None = None

    @property
    def name(self) -> str:
        return self.zone.rstrip(".")

    def read(self) -> State | None:
        """Those of the records that exist; when they are to go, all but the zone's own."""
        zones = self.route53.list_hosted_zones_by_name(DNSName=self.zone)["HostedZones"]
        public = [zone for zone in zones if zone["Name"] == self.zone and not zone["Config"]["PrivateZone"]]
        if not public:
            return None
        self.zone_id = public[0]["Id"]
        pages = self.route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=self.zone_id)
        sets = [item for page in pages for item in page["ResourceRecordSets"]]
        found = {key(item["Name"], item["Type"]): normal(item) for item in sets}
        if self.params["state"] == "absent":
            own = {key(self.zone, "NS"), key(self.zone, "SOA")}
            return {name: item for name, item in found.items() if name not in own} or None
        return found

    def wanted(self, found: State | None) -> State:
        """An alias leads where it was led last: that is how traffic fails over, so its target is state."""
        records = {key(record["name"], record["type"]): record_set(record) for record in self.params["records"]}
        led = {name: item for name, item in (found or {}).items() if "AliasTarget" in item}
        return {name: led.get(name, record) if "AliasTarget" in record else record for name, record in records.items()}

    def create(self, wanted: State) -> None:
        if self.zone_id is None:
            self.fail(f"There is no public hosted zone {self.name} for these records. Make the zone first.")
        self.update({}, wanted)

    def update(self, found: State, changes: State) -> None:
        self.change("UPSERT", changes)

    def objection(self, found: State, changes: State) -> str | None:
        named = self.wanted(found)
        others = [name for name, item in found.items() if name not in named and not validates_certificate(item)]
        if self.params["state"] == "present" or self.params["force"] or not others:
            return None
        return (
            f"The zone {self.name} holds records that this estate did not make: {', '.join(others)}. None was "
            "touched. Move or remove them, or give them up with -e dns_force_destroy=true."
        )

    def delete(self, found: State) -> None:
        self.change("DELETE", found)

    def change(self, action: str, records: State) -> None:
        changes = [{"Action": action, "ResourceRecordSet": item} for item in records.values()]
        self.route53.change_resource_record_sets(HostedZoneId=self.zone_id, ChangeBatch={"Changes": changes})


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "zone": {"required": True},
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
