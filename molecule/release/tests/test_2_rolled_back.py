"""Bad releases: each is rolled back, nobody but the canary's share notices, and the report says why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support import variants
from tests.support.load import at_most, shared, under_load
from tests.support.releases import Push, Releases
from tests.support.stack import Ask, Sandbox

from ops.probe.results import Request  # isort: skip

BEFORE = "1.1.0"


@dataclass(frozen=True, slots=True)
class Bad:
    """A release, and what its report must say. stage: the furthest it may have come."""

    variant: variants.Variant
    says: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    outcome: str = "rolled back"


BAD = {
    "2.0.0-crash": Bad(variants.crashes_at_start(), ("green does not start", "exit code 3")),
    "2.0.0-smoke": Bad(variants.smoke_fails(), ("heartbeat",)),
    "2.0.0-migration": Bad(variants.failing_migration(), ("`migrate` failed", "no_such_column"), outcome="failed"),
}


def rolled_back(releases: Releases, ask: Ask, tag: str, bad: Bad, definition: str) -> None:
    """All traffic is with the release before, and the report says in one sentence why."""
    report = releases.report(tag)
    assert report["outcome"] == bad.outcome, report["message"]
    assert [words for words in bad.says if words not in report["failure_reason"]] == [], report["failure_reason"]
    assert releases.service["taskDefinition"] == definition
    assert sorted(releases.weights.values()) == [0, 100]
    assert {ask("GET", "/readyz").headers["x-release"] for _ in range(20)} == {BEFORE}
    assert releases.holder is None


@pytest.mark.parametrize("tag", BAD)
def test_it_is_rolled_back_before_anybody_sees_it(releases: Releases, push: Push, ask: Ask, tag: str) -> None:
    bad, definition = BAD[tag], releases.service["taskDefinition"]
    push(tag, bad.variant)
    played = releases.deploy(tag, **bad.options)
    assert played.code != 0, played.output
    rolled_back(releases, ask, tag, bad, definition)
    assert releases.report(tag)["failed"] == 0, "blue dropped a request"
    assert tag not in releases.report(tag)["probe"]["by_release"], "somebody saw it"


@pytest.mark.parametrize(("share", "fits"), [(0.10, True), (0.25, False), (1.0, False)])
def test_the_bound_tells_a_canary_from_more(share: float, fits: bool) -> None:
    """The negative control: a thousand requests, of which so many meet green; ten times as many before and after."""
    sent = [request(t, "green" if t % 100 < share * 100 else "blue") for t in range(1000)]
    around = [request(t, "blue") for t in (*range(-5000, 0), *range(1000, 6000))]
    met = sum(one.release == "green" for one in sent)
    assert (met <= at_most(shared([*around, *sent], "green"), 0.10)) is fits


def request(t: float, release: str) -> Request:
    return Request(t=t, ms=1.0, release=release, kind="read", status=200, error=None)


def test_errors_stay_within_the_canarys_share(
    releases: Releases, push: Push, ask: Ask, sandbox: Sandbox, tmp_path: Path
) -> None:
    tag, definition = "2.0.0-errors", releases.service["taskDefinition"]
    bad = Bad(
        variants.errors(percent=5), ("% of", "; 1 % is allowed")
    )  # by the figures, or what was sent for its analysis
    push(tag, bad.variant)
    with under_load(sandbox, tmp_path / "requests.jsonl") as load:
        played = releases.deploy(tag)
    assert played.code != 0, played.output
    rolled_back(releases, ask, tag, bad, definition)
    meanwhile = shared(load.so_far, tag)
    of_green = load.seen.by_release[tag]
    assert 0 < of_green.requests <= at_most(meanwhile, 0.10), (meanwhile, load.seen)
    assert of_green.failed <= at_most(of_green.requests, 0.05), load.seen
    assert load.seen.by_release[BEFORE].failed == 0, load.seen
    assert load.seen.failed == of_green.failed, load.seen
    assert (load.seen.writes.lost, load.seen.writes.doubled) == (0, 0), load.seen


def test_an_alarm_in_the_bake_rolls_it_back(releases: Releases, push: Push, ask: Ask) -> None:
    """Our own analysis is made blind, so that only ECS's alarms can see it."""
    tag, definition = "2.0.0-later", releases.service["taskDefinition"]
    bad = Bad(variants.errors_on_demand(percent=90), ("CloudWatch alarms", "-worse"))
    push(tag, bad.variant)
    before = releases.latest["serviceDeploymentArn"]
    blind = {"error_percent": 100.0, "p95_factor": 1000.0}
    process = releases.begin(tag, release_thresholds=blind, release_bake_minutes=1440, probe_rate=50)
    releases.reached("BAKE_TIME", after=before)
    releases.beat(ask, variants.DEMAND)
    output = releases.finish(process)
    assert process.returncode != 0, output
    rolled_back(releases, ask, tag, bad, definition)
