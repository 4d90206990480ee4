"""A second stack in the same account: its runs are killed in the middle, and Tier 1 beside it notices nothing.

It has the longest name that a stack may have, three zones and a NAT gateway in each.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from ops.stack.naming import STACK_LIMIT
from sandbox.runtime.network import read_hosts
from tests.support.inventory import inventory
from tests.support.places import Place
from tests.support.stack import NAME, STACK, Ask, Played, Sandbox

ZONE = NAME.partition(".")[2]
BESIDE = f"{STACK}-".ljust(STACK_LIMIT, "x")
#: of the calls that change something, how many a provision and a destroy make at least
PROVISIONING, DESTROYING = 125, 55


@dataclass(frozen=True, slots=True)
class Story:
    before: Mapping[str, Any]  # Tier 1's inventory
    built: Played  # after the killed run
    again: Played
    removed: Played  # after the killed run
    gone: Played
    after: Mapping[str, Any]
    status: int


@pytest.fixture(scope="module")
def story(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    values = {
        "dns_zone_name": "beside.campshub360.example",
        "network_cidr": "10.21.0.0/16",
        "network_subnet_cidrs": {
            tier: {zone: f"10.21.{16 * third + number}.0/24" for number, zone in enumerate("abc")}
            for third, tier in enumerate(("public", "app", "data"))
        },
        "network_availability_zones": ["a", "b", "c"],
        "network_nat": "per_az",
    }
    place = Place(sandbox, BESIDE, tmp_path_factory.mktemp("beside"), "tier1_lean", values)
    moment = random.Random(BESIDE)
    before = inventory(sandbox.client, STACK, ZONE, others=[BESIDE])
    place.kill("provision", moment.randrange(1, PROVISIONING))
    built, again = place.play("provision"), place.play("provision")
    place.kill("destroy", moment.randrange(1, DESTROYING))
    removed, gone = place.play("destroy"), place.play("destroy")
    after = inventory(sandbox.client, STACK, ZONE, others=[BESIDE])
    balancer = sandbox.client("elbv2").describe_load_balancers(Names=[STACK])["LoadBalancers"][0]
    address = read_hosts(sandbox.settings.root / "hosts")[balancer["DNSName"].lower()]
    status = Ask(address, sandbox.settings.root / "ca.pem")("GET", "/readyz").status
    yield Story(before, built, again, removed, gone, after, status)


def test_a_killed_provision_is_completed_by_the_next(story: Story) -> None:
    assert story.built.code == 0, story.built.output
    assert (story.again.code, story.again.changed) == (0, 0), story.again.output


def test_a_killed_destroy_is_completed_by_the_next(story: Story) -> None:
    assert story.removed.code == 0, story.removed.output
    assert (story.gone.code, story.gone.changed) == (0, 0), story.gone.output


def test_what_stands_beside_is_untouched_and_serves(story: Story) -> None:
    assert {name: item for name, item in story.after.items() if story.before.get(name) != item} == {}
    assert story.before.keys() == story.after.keys()
    assert story.status == 200
