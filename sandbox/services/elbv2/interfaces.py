"""A load balancer's network interfaces: one in each of its subnets, with its security groups.

Deleting a load balancer is asynchronous: AWS removes its interfaces some time later. Until then its security groups,
subnets, internet gateway and certificates can't be deleted.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-delete.html
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

from sandbox.aws_api.state import State
from sandbox.control.clock import Clock
from sandbox.services.ec2.addresses import free_address
from sandbox.services.elbv2.api import departed

#: AWS documents no time. A minute is what people see.
LINGERING_MINUTES = 1.0


class Interfaces:
    """Compare the interfaces in a VPC with the load balancers that need them."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._gone: dict[str, float] = {}  # description -> since when nothing needs it

    def keep(self, backend: ELBv2Backend) -> None:
        """Create missing interfaces and remove unused ones after a while. Called under the state's lock."""
        ec2 = self._state.backend("ec2", backend.account_id, backend.region_name)
        balancers = {described(one): one for one in backend.load_balancers.values()}
        for text, balancer in balancers.items():
            self._gone.pop(text, None)
            _place(ec2, text, balancer)
        departures = {described_by(arn): arn for arn in departed(backend)}
        for text in self._ended(text for text in departures if text not in balancers):
            _remove(ec2, text, set())
            del departed(backend)[departures[text]]

    def _ended(self, texts: Iterable[str]) -> list[str]:
        now = time.monotonic()
        waited = self._clock.seconds(LINGERING_MINUTES)
        ended = [text for text in texts if now - self._gone.setdefault(text, now) >= waited]
        for text in ended:
            del self._gone[text]
        return ended


def described(balancer: FakeLoadBalancer) -> str:
    return described_by(balancer.arn)


def described_by(arn: str) -> str:
    """Return `ELB app/<name>/<id>`, AWS's description of such an interface."""
    return f"ELB {arn.partition(':loadbalancer/')[2]}"


def _place(ec2: Any, text: str, balancer: FakeLoadBalancer) -> None:
    desired = {subnet.id for subnet in balancer.subnets}
    groups = sorted(balancer.security_groups)
    for eni in _remove(ec2, text, desired):
        if sorted(group.id for group in eni.group_set) != groups:
            ec2.modify_network_interface_attribute(eni.id, groups)
        desired.discard(eni.subnet.id)
    for identifier in sorted(desired):
        subnet = ec2.get_subnet(identifier)
        address = free_address(ec2, subnet)
        if address is None:
            continue  # AWS refuses such a subnet; what serves here needs no address of it
        eni = ec2.create_network_interface(subnet, address, group_ids=groups, description=text)
        eni.status, eni.requester_managed, eni.requester_id = "in-use", True, "amazon-elb"
        if balancer.scheme == "internet-facing":
            eni.public_ip = f"203.0.113.{int(address.rpartition('.')[2])}"  # RFC 5737: a documentation address


def _remove(ec2: Any, text: str, desired: set[str]) -> list[Any]:
    """Remove the load balancer's interfaces from all other subnets; return those that stay."""
    mine = [eni for eni in ec2.enis.values() if eni.description == text]
    for eni in mine:
        if eni.subnet.id not in desired:
            del ec2.enis[eni.id]
    return [eni for eni in mine if eni.subnet.id in desired]
