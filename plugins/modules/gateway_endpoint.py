#!/usr/bin/python
"""Own module because amazon.aws.ec2_vpc_endpoint never changes the route tables of an endpoint."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_endpoint
short_description: A gateway endpoint of a VPC
description:
  - Creates, updates or deletes the endpoint by which route tables of a VPC reach S3 or DynamoDB without the internet.
  - A VPC has one for each service at most, so the two together name it.
options:
  vpc_id: {description: The VPC, type: str, required: true}
  service: {description: "Name of the service, such as com.amazonaws.us-east-1.s3", type: str, required: true}
  route_table_ids: {description: Its route tables. Others are removed, type: list, elements: str}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the S3 endpoint
  gateway_endpoint:
    vpc_id: vpc-0123456789abcdef0
    service: com.amazonaws.us-east-1.s3
    route_table_ids: [rtb-0123456789abcdef0]
"""

RETURN = r"""
resource: {description: "The endpoint, with its id", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tagging import tag_ec2
from ops.aws.tags import tags_from, tags_to

PRESENT = ["pendingAcceptance", "pending", "available"]


def route_table_changes(found: list[str], desired: list[str]) -> State:
    """Return the parameters of ModifyVpcEndpoint that change one set of route tables into the other."""
    changes = {
        "AddRouteTableIds": sorted(set(desired) - set(found)),
        "RemoveRouteTableIds": sorted(set(found) - set(desired)),
    }
    return {key: ids for key, ids in changes.items() if ids}


class GatewayEndpoint(Resource):
    noun = "gateway endpoint"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.ec2 = module.client("ec2")

    @property
    def name(self) -> str:
        return f"{self.params['service']} of {self.params['vpc_id']}"

    def read(self) -> State | None:
        answer = self.ec2.describe_vpc_endpoints(
            Filters=[
                {"Name": "vpc-id", "Values": [self.params["vpc_id"]]},
                {"Name": "service-name", "Values": [self.params["service"]]},
                {"Name": "vpc-endpoint-type", "Values": ["Gateway"]},
                {"Name": "vpc-endpoint-state", "Values": PRESENT},
            ]
        )
        if not answer["VpcEndpoints"]:
            return None
        endpoint = answer["VpcEndpoints"][0]
        return {
            "id": endpoint["VpcEndpointId"],
            "route_table_ids": sorted(endpoint["RouteTableIds"]),
            "tags": tags_from(endpoint.get("Tags", [])),
        }

    def desired(self, found: State | None) -> State:
        return {"route_table_ids": sorted(self.params["route_table_ids"]), "tags": self.params["tags"]}

    def create(self, desired: State) -> None:
        self.ec2.create_vpc_endpoint(
            VpcEndpointType="Gateway",
            VpcId=self.params["vpc_id"],
            ServiceName=self.params["service"],
            RouteTableIds=desired["route_table_ids"],
            TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": tags_to(desired["tags"])}],
        )

    def update(self, found: State, changes: State) -> None:
        if "route_table_ids" in changes:
            request = route_table_changes(found["route_table_ids"], changes["route_table_ids"])
            self.ec2.modify_vpc_endpoint(VpcEndpointId=found["id"], **request)
        if "tags" in changes:
            tag_ec2(self.ec2, found["id"], found["tags"], changes["tags"])

    def delete(self, found: State) -> None:
        answer = self.ec2.delete_vpc_endpoints(VpcEndpointIds=[found["id"]])
        for failure in answer["Unsuccessful"]:  # this call answers 200 even when it refuses
            self.fail(f"Could not delete the {self.noun} {self.name}: {failure['Error']['Message']}")


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "vpc_id": {"required": True},
            "service": {"required": True},
            "route_table_ids": {"type": "list", "elements": "str"},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        required_if=[("state", "present", ["route_table_ids"])],
        supports_check_mode=True,
    )
    run(GatewayEndpoint(module))


if __name__ == "__main__":
    main()
