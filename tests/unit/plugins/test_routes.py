"""Route tables and gateway endpoints: what AWS's answers mean, and what it's told."""

from __future__ import annotations

from plugins.modules.gateway_endpoint import route_table_changes
from plugins.modules.route_table import associations_from, route_request, routes_from

LOCAL = {"DestinationCidrBlock": "10.20.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable"}
S3 = {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "Origin": "CreateRoute"}
INTERNET = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "Origin": "CreateRoute"}
NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "Origin": "CreateRoute"}


def test_routes_that_aws_puts_are_not_ours() -> None:
    assert routes_from([LOCAL, S3]) == {}


def test_a_gateway_of_any_kind_is_one_word() -> None:
    assert routes_from([LOCAL, INTERNET]) == {"0.0.0.0/0": "igw-1"}
    assert routes_from([NAT]) == {"0.0.0.0/0": "nat-1"}


def test_a_route_to_a_gateway_of_an_unknown_kind_is_still_drift() -> None:
    peering = {"DestinationCidrBlock": "10.9.0.0/16", "VpcPeeringConnectionId": "pcx-1", "Origin": "CreateRoute"}
    assert "10.9.0.0/16" in routes_from([peering])


def test_aws_names_each_kind_of_gateway_differently() -> None:
    assert route_request("0.0.0.0/0", "nat-1")["NatGatewayId"] == "nat-1"
    assert route_request("0.0.0.0/0", "igw-1")["GatewayId"] == "igw-1"


def test_the_main_association_has_no_subnet() -> None:
    main = {"Main": True, "RouteTableAssociationId": "rtbassoc-0"}
    subnet = {"Main": False, "RouteTableAssociationId": "rtbassoc-1", "SubnetId": "subnet-1"}
    assert associations_from([{"Associations": [main]}, {"Associations": [subnet]}]) == {"subnet-1": "rtbassoc-1"}


def test_an_endpoint_is_told_only_what_differs() -> None:
    assert route_table_changes(["rtb-1", "rtb-2"], ["rtb-2", "rtb-3"]) == {
        "AddRouteTableIds": ["rtb-3"],
        "RemoveRouteTableIds": ["rtb-1"],
    }
    assert route_table_changes(["rtb-1"], ["rtb-1"]) == {}
