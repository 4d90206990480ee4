"""A NAT gateway and its address, against the API: found by name, also after an interruption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from plugins.modules.nat_gateway import NatGateway, tagged
from tests.support.sandbox import account

NAME = "t1-nat-a"


class Module:
    """What the module's class needs of Ansible."""

    def __init__(self, **params: Any) -> None:
        self.params = {"tags": {"Stack": "t1"}, "wait_timeout": 10, "poll_seconds": 0.1, **params}

    def client(self, service: str) -> Any:
        return account.client(service)


@pytest.fixture
def ec2() -> Iterator[Any]:
    with account.empty():
        yield account.client("ec2")


@pytest.fixture
def place(ec2: Any) -> dict[str, str]:
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    return {"vpc_id": vpc, "subnet_id": subnet}


def gateway(place: dict[str, str], state: str = "present", name: str = NAME) -> NatGateway:
    module: Any = Module(state=state, name=name, **place)
    return NatGateway(module)


def test_an_address_that_an_interrupted_run_allocated_is_taken_up(ec2: Any, place: dict[str, str]) -> None:
    left = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", {"Name": NAME}))["AllocationId"]
    it = gateway(place)
    assert it.read() is None
    it.create(it.desired(None))
    found = it.read()
    assert found and found["allocation_id"] == left
    assert len(ec2.describe_addresses()["Addresses"]) == 1


def test_an_address_that_an_interrupted_removal_left_is_released(ec2: Any, place: dict[str, str]) -> None:
    ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", {"Name": NAME}))
    it = gateway(place, "absent")
    found = it.read()
    assert found and found["id"] is None
    it.delete(found)
    assert ec2.describe_addresses()["Addresses"] == []


def test_a_gateway_goes_with_its_address_and_leaves_another_s_alone(ec2: Any, place: dict[str, str]) -> None:
    for name in (NAME, "t1-nat-b"):
        it = gateway(place, name=name)
        it.create(it.desired(None))
    doomed = gateway(place, "absent")
    found = doomed.read()
    assert found
    doomed.delete(found)
    assert doomed.read() is None
    (left,) = ec2.describe_addresses()["Addresses"]
    assert {"Key": "Name", "Value": "t1-nat-b"} in left["Tags"]


def test_tags_of_gateway_and_address_are_both_compared(ec2: Any, place: dict[str, str]) -> None:
    it = gateway(place)
    it.create(it.desired(None))
    found = it.read()
    assert found
    ec2.create_tags(Resources=[found["allocation_id"]], Tags=[{"Key": "Owner", "Value": "somebody"}])
    drifted = it.read()
    assert drifted and drifted["address_tags"] != it.desired(drifted)["address_tags"]
    it.update(drifted, {"address_tags": it.desired(drifted)["address_tags"]})
    assert it.read() == found
