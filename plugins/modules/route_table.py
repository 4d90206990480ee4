#!/usr/bin/python
"""Own module because amazon.aws.ec2_vpc_route_table makes a second table when a tag was changed, and warns at every run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: route_table
short_description: A route table of a VPC
description:
  - Creates, updates or deletes the route table of this name, its routes and its subnet associations.
  - Routes that AWS puts there (local ones, and those of gateway endpoints) are left alone.
options:
  name: {description: "Its Name tag, by which it is found", type: str, required: true}
  vpc_id: {description: The VPC, type: str, required: true}
  routes:
    description: Gateway by destination, such as C(0.0.0.0/0) to an internet or NAT gateway. Others are removed.
    type: dict
    default: {}
  subnet_cidrs:
    description: Address blocks of the associated subnets. Others are disassociated.
    type: list
    elements: str
    default: []
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the route table of the public subnets
  route_table:
    name: campshub360-tier1-public
    vpc_id: vpc-0123456789abcdef0
    routes: {0.0.0.0/0: igw-0123456789abcdef0}
    subnet_cidrs: [10.20.0.0/24, 10.20.1.0/24]
"""

RETURN = r"""
resource: {description: "The route table, with its id", type: dict, returned: success}
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tagging import tag_ec2
from ops.aws.tags import tags_from, tags_to
from ops.stack.ownership import only_named

LOCAL = "local"


def routes_from(routes: list[dict[str, Any]]) -> dict[str, str]:
    """Return gateway by destination of the created routes; AWS's answer names each kind of gateway differently."""
    gateways = {
        route["DestinationCidrBlock"]: route.get("NatGatewayId") or route.get("GatewayId", "")
        for route in routes
        if "DestinationCidrBlock" in route and route.get("Origin") != "CreateRouteTable"
    }
    return {destination: gateway for destination, gateway in gateways.items() if gateway != LOCAL}


def route_request(destination: str, gateway: str) -> dict[str, str]:
    """Return the parameters of CreateRoute and ReplaceRoute."""
    kind = "NatGatewayId" if gateway.startswith("nat-") else "GatewayId"
    return {"DestinationCidrBlock": destination, kind: gateway}


def associations_from(tables: list[dict[str, Any]]) -> dict[str, str]:
    """Return association by subnet; the main association of a VPC has no subnet."""
    return {
        association["SubnetId"]: association["RouteTableAssociationId"]
        for table in tables
        for association in table["Associations"]
        if "SubnetId" in association
    }


class RouteTable(Resource):
    noun = "route table"
    retryable_errors = ("InvalidRouteTableID.NotFound",)

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ec2 = module.client("ec2")
        self.vpc = [{"Name": "vpc-id", "Values": [self.params["vpc_id"]]}]

    def tables(self, *filters: Mapping[str, Any]) -> list[dict[str, Any]]:
        pages = self.ec2.get_paginator("describe_route_tables").paginate(Filters=[*self.vpc, *filters])
        return [table for page in pages for table in page["RouteTables"]]

    def subnets(self) -> dict[str, str]:
        """Return subnet by address block, of the whole VPC."""
        pages = self.ec2.get_paginator("describe_subnets").paginate(Filters=self.vpc)
        return {subnet["CidrBlock"]: subnet["SubnetId"] for page in pages for subnet in page["Subnets"]}

    def read(self) -> State | None:
        tables = self.tables({"Name": "tag:Name", "Values": [self.name]})
        if self.params["state"] == "present":
            only_named(self.noun, self.name, [table["RouteTableId"] for table in tables])
        if not tables:
            return None
        followers = associations_from(tables[:1])
        return {
            "id": tables[0]["RouteTableId"],
            "routes": routes_from(tables[0]["Routes"]),
            "subnet_cidrs": sorted(cidr for cidr, subnet in self.subnets().items() if subnet in followers),
            "tags": tags_from(tables[0]["Tags"]),
        }

    def desired(self, found: State | None) -> State:
        return {
            "routes": self.params["routes"],
            "subnet_cidrs": sorted(self.params["subnet_cidrs"]),
            "tags": {**self.params["tags"], "Name": self.name},
        }

    def create(self, desired: State) -> None:
        answer = self.ec2.create_route_table(
            VpcId=self.params["vpc_id"],
            TagSpecifications=[{"ResourceType": "route-table", "Tags": tags_to(desired["tags"])}],
        )
        table_id = answer["RouteTable"]["RouteTableId"]
        self.set_routes(table_id, {}, desired["routes"])
        self.set_subnets(table_id, [], desired["subnet_cidrs"])

    def update(self, found: State, changes: State) -> None:
        if "tags" in changes:
            tag_ec2(self.ec2, found["id"], found["tags"], changes["tags"])
        desired = {**found, **changes}
        self.set_routes(found["id"], found["routes"], desired["routes"])
        self.set_subnets(found["id"], found["subnet_cidrs"], desired["subnet_cidrs"])

    def set_routes(self, table_id: str, found: dict[str, str], desired: dict[str, str]) -> None:
        for destination in found.keys() - desired.keys():
            self.ec2.delete_route(RouteTableId=table_id, DestinationCidrBlock=destination)
        for destination, gateway in desired.items():
            if found.get(destination) != gateway:
                call = self.ec2.replace_route if destination in found else self.ec2.create_route
                self.retry(call, RouteTableId=table_id, **route_request(destination, gateway))

    def set_subnets(self, table_id: str, found: list[str], desired: list[str]) -> None:
        if found == desired:
            return
        subnets, associations = self.subnets(), associations_from(self.tables())
        for cidr in set(found) - set(desired):
            self.ec2.disassociate_route_table(AssociationId=associations[subnets[cidr]])
        for cidr in sorted(set(desired) - set(found)):
            if cidr not in subnets:
                self.fail(f"The route table {self.name} can't lead {cidr}: the VPC has no such subnet. Make it first.")
            if association := associations.get(subnets[cidr]):
                self.ec2.replace_route_table_association(AssociationId=association, RouteTableId=table_id)
            else:
                self.retry(self.ec2.associate_route_table, RouteTableId=table_id, SubnetId=subnets[cidr])

    def delete(self, found: State) -> None:
        self.set_subnets(found["id"], found["subnet_cidrs"], [])
        self.ec2.delete_route_table(RouteTableId=found["id"])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "vpc_id": {"required": True},
            "routes": {"type": "dict", "default": {}},
            "subnet_cidrs": {"type": "list", "elements": "str", "default": []},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(RouteTable(module))


if __name__ == "__main__":
    main()
