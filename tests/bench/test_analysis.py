"""A good release is never rolled back and a bad one always is, whatever the traffic, on a machine with other work.

One case alone: pytest tests/bench/test_analysis.py -k "good and bursts and busy-1", or -k "bad and one-task".

The tier's own inventory, with nothing shortened, and another client than the probe's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import variants
from tests.support.load import at_most, shared
from tests.support.releases import Push, Releases
from tests.support.spinning import spinning
from tests.support.stack import INVENTORIES, Sandbox
from tests.support.visitors import Traffic, Visitors, visited_by
from tests.support.waiting import until

SHAPES = {
    "2-a-second": Traffic(rate=2, connections=4),
    "10-a-second": Traffic(rate=10, connections=40),
    "100-a-second": Traffic(rate=100, connections=40),
    "100-over-4": Traffic(rate=100, connections=4),
    "bursts": Traffic(rate=20, connections=40, burst=40),
}
STEADY = Traffic(rate=50, connections=10)
SPINNING = {"idle": 0, "busy": 2}
TIMES = (1, 2)  # of each shape beside each neighbour: 20 releases
CANARY = 0.10


@dataclass(frozen=True, slots=True)
class Bad:
    """A release that is worse. errors: the share of its answers that fail."""

    variant: variants.Variant
    errors: float = 0.0


BAD = {
    "errors": Bad(variants.errors(percent=5), 0.05),
    "three-times-as-slow": Bad(variants.slower(3)),
    "one-path": Bad(variants.slow_path("/api/heartbeat")),
    # after a minute of AWS's, in which it is good
    "after-a-minute": Bad(variants.slow_later(float(os.environ.get("SANDBOX_MINUTE", 2)))),
    "one-task": Bad(variants.one_task_errs(percent=30), 0.10),
}


@pytest.fixture(scope="module")
def releases(sandbox: Sandbox, push: Push) -> Iterator[Releases]:
    found = Releases(sandbox, INVENTORIES)
    provisioned = found.play("provision")
    assert provisioned.code == 0, provisioned.output
    push("1.0.0", variants.good())
    released = found.deploy("1.0.0")
    assert released.code == 0, released.output
    yield found
    destroyed = found.play("destroy", "-e", "confirm=campshub360-tier1")
    assert destroyed.code == 0, destroyed.output


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("beside", SPINNING)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_good_release_is_not_rolled_back(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path, shape: str, beside: str, time: int
) -> None:
    tag = f"6.0.{time}-{shape}-{beside}"
    push(tag, variants.good())
    busy = spinning(SPINNING[beside]) if SPINNING[beside] else nullcontext()
    with busy, visited_by(sandbox, SHAPES[shape], tmp_path / "requests.jsonl") as load:
        until(lambda: len(load.so_far) > 10)
        played = releases.deploy(tag)
        until(lambda: load.so_far[-1].release == tag)
    told(tag, releases, load)
    assert played.code == 0, played.output
    assert releases.report(tag)["outcome"] == "released"
    unharmed(load)
    assert load.seen.failed == 0, load.seen.first_failure
    assert tag in load.seen.by_release


@pytest.mark.parametrize("what", BAD)
def test_a_bad_release_is_rolled_back(
    releases: Releases, sandbox: Sandbox, push: Push, tmp_path: Path, what: str
) -> None:
    """Nobody but the canary's share meets it before it goes, and of those no more than its share of errors."""
    tag, bad = f"7.0.0-{what}", BAD[what]
    before = releases.service["taskDefinition"]
    push(tag, bad.variant)
    with visited_by(sandbox, STEADY, tmp_path / "requests.jsonl") as load:
        until(lambda: len(load.so_far) > 50)
        played = releases.deploy(tag)
    told(tag, releases, load)
    assert played.code != 0, played.output
    assert releases.report(tag)["outcome"] == "rolled back"
    assert releases.service["taskDefinition"] == before
    assert sorted(releases.weights.values()) == [0, 100]
    unharmed(load)
    if tag in load.seen.by_release:
        green, meanwhile = load.seen.by_release[tag], shared(load.so_far, tag)
        assert green.requests <= at_most(meanwhile, CANARY), (green, meanwhile)
        assert load.seen.failed == green.failed <= at_most(green.requests, bad.errors), load.seen
    else:
        assert load.seen.failed == 0, load.seen


def told(tag: str, releases: Releases, load: Visitors) -> None:
    """Print the figures of a case."""
    report = releases.report(tag)
    print(f"\n{tag}: {report['outcome']}. {report['failure_reason']}\n  {load.seen.message}")
    for release, seen in load.seen.by_release.items():
        print(f"  {release}: {seen.requests} requests, {seen.failed} failed, p95 {seen.p95_ms} ms")


def unharmed(load: Visitors) -> None:
    writes = load.seen.writes
    assert (writes.lost, writes.doubled) == (0, 0), writes
    assert writes.acknowledged, "nothing was written"
