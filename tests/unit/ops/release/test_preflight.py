"""What stands in a release's way: each blocker with its cure, and silence where nothing does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from ops.release.preflight import (
    GIB,
    SIZES,
    alarmed,
    by_hand,
    cramped,
    in_progress,
    known_definitions,
    misrouted,
    shares,
    unscanned,
    wrong_size,
)

ARN = "arn:aws:ecs:us-east-1:1:task-definition/t1-app:"
DEPLOYMENT = "arn:aws:ecs:us-east-1:1:service-deployment/t1/t1-app/Ab0"
BLUE, GREEN = "arn:aws:elasticloadbalancing:blue", "arn:aws:elasticloadbalancing:green"
GROUPS = {"blue": BLUE, "green": GREEN}
BASE_AND_SPOT = [{"provider": "FARGATE", "base": 2, "weight": 0}, {"provider": "FARGATE_SPOT", "base": 0, "weight": 1}]


# The task's size


@pytest.mark.parametrize(
    ("cpu", "memory"),
    [
        (256, 512), (256, 2048), (512, 1024), (512, 4096), (1024, 2048), (1024, 8192), (2048, 4096), (2048, 16384),
        (4096, 8192), (4096, 30720), (8192, 16384), (8192, 61440), (8192, 20480), (16384, 32768), (16384, 122880),
    ],
)  # fmt: skip
def test_fargate_has_these_sizes(cpu: int, memory: int) -> None:
    assert list(wrong_size(cpu, memory)) == []


@pytest.mark.parametrize(
    ("cpu", "memory", "says"),
    [
        (256, 1536, "From 512 to 2048 MiB"),
        (256, 4096, "From 512 to 2048 MiB"),
        (512, 512, "From 1024 to 4096 MiB"),
        (1024, 1024, "From 2048 to 8192 MiB"),
        (2048, 17408, "From 4096 to 16384 MiB"),
        (4096, 31744, "From 8192 to 30720 MiB"),
        (8192, 17408, "From 16384 to 61440 MiB"),  # in steps of 4 GiB only
        (16384, 36864, "From 32768 to 122880 MiB"),  # in steps of 8 GiB only
        (300, 512, "It has 256, 512, 1024"),
    ],
)
def test_fargate_has_no_other_sizes(cpu: int, memory: int, says: str) -> None:
    (blocker,) = wrong_size(cpu, memory)
    assert says in blocker
    assert "correct release_" in blocker


def test_the_table_of_sizes_is_whole_gib_but_for_the_smallest() -> None:
    assert [memory for sizes in SIZES.values() for memory in sizes if memory % GIB] == [512]


# The image


SCANNED = {"COMPLETE", "ACTIVE"}
STATUSES = Session().get_service_model("ecr").shape_for("ScanStatus").enum


def scan(status: str, **counts: int) -> dict[str, Any]:
    """What DescribeImageScanFindings answers; a scan without a result has no findings."""
    findings = {"imageScanFindings": {"findingSeverityCounts": counts}} if counts else {}
    return {"imageScanStatus": {"status": status, "description": f"It is {status}."}, **findings}


@pytest.mark.parametrize("status", sorted(SCANNED))
def test_a_scanned_image_may_be_released(status: str) -> None:
    assert list(unscanned("sha256:1", scan(status, HIGH=3, CRITICAL=2), allowed=2, accepted=False)) == []
    assert list(unscanned("sha256:1", scan(status), allowed=0, accepted=False)) == []


@pytest.mark.parametrize("status", sorted({*STATUSES} - SCANNED))
def test_an_image_without_a_finished_scan_may_not_until_somebody_accepts_it(status: str) -> None:
    (blocker,) = unscanned("sha256:1", scan(status), allowed=0, accepted=False)
    assert f"sha256:1 has not been scanned ({status}: It is {status}.)" in blocker
    assert "start-image-scan" in blocker
    assert blocker.endswith("-e release_allow_unscanned_image=true")
    assert list(unscanned("sha256:1", scan(status), allowed=0, accepted=True)) == []


def test_an_image_that_nobody_scanned_is_one_without_a_scan() -> None:
    (blocker,) = unscanned("sha256:1", {}, allowed=0, accepted=False)
    assert "has not been scanned (no scan was started)" in blocker
    assert list(unscanned("sha256:1", {}, allowed=0, accepted=True)) == []


def test_critical_findings_are_refused_until_somebody_accepts_as_many() -> None:
    (blocker,) = unscanned("sha256:1", scan("COMPLETE", CRITICAL=2), allowed=1, accepted=False)
    assert blocker.endswith("-e release_max_critical_findings=2")


def test_who_accepts_an_image_without_a_scan_accepts_no_finding() -> None:
    (blocker,) = unscanned("sha256:1", scan("SCAN_ELIGIBILITY_EXPIRED", CRITICAL=2), allowed=1, accepted=True)
    assert blocker.endswith("-e release_max_critical_findings=2")


# The listener


def rule(arn: str, *groups: str, kind: str = "forward") -> dict[str, Any]:
    targets = [{"TargetGroupArn": group, "Weight": 1} for group in groups]
    forward = {"ForwardConfig": {"TargetGroups": targets}} if kind == "forward" else {}
    return {"RuleArn": arn, "Actions": [{"Type": kind, **forward}]}


def test_a_listener_that_only_forwards_and_knows_both_groups_is_fine() -> None:
    default = {"RuleArn": "default", "Actions": [{"Type": "forward", "TargetGroupArn": BLUE}]}
    assert list(misrouted([rule("production", BLUE, GREEN), default], "production", GROUPS)) == []


def test_ecs_moves_nothing_past_a_redirect_or_a_fixed_response() -> None:
    others = [rule("a", kind="redirect"), rule("b", kind="fixed-response")]
    (blocker,) = misrouted([rule("production", BLUE, GREEN), *others], "production", GROUPS)
    assert "(fixed-response, redirect)" in blocker


def test_both_groups_must_be_on_the_production_rule_itself() -> None:
    found = misrouted([rule("production", BLUE), rule("other", BLUE, GREEN)], "production", GROUPS)
    assert ["target group green" in blocker for blocker in found] == [True]
    assert len(list(misrouted([], "production", GROUPS))) == 2


def test_clients_may_not_be_bound_to_a_group_that_will_go() -> None:
    sticky = rule("production", BLUE, GREEN)
    sticky["Actions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
    (blocker,) = misrouted([sticky], "production", GROUPS)
    assert "stickiness" in blocker and "provision.yml" in blocker
    assert list(misrouted([sticky], "another", {})) == []


# Alarms


def alarm(name: str, state: str) -> dict[str, str]:
    return {"AlarmName": name, "StateValue": state, "StateReason": "Threshold crossed."}


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_alarms_that_watch_are_fine(state: str) -> None:
    assert list(alarmed([alarm("errors", state)], ["errors"])) == []


def test_an_alarm_that_fires_or_is_missing_stands_in_the_way() -> None:
    missing, fires = alarmed([alarm("errors", "ALARM"), alarm("stranger", "ALARM")], ["errors", "slow"])
    assert "There is no alarm slow" in missing
    assert fires.startswith("The alarm errors fires already: Threshold crossed.")
    assert list(alarmed([alarm("errors", "ALARM")], ["errors"], running=False)) == []


# Capacity


@pytest.mark.parametrize(
    ("tasks", "strategy", "expected"),
    [
        (3, BASE_AND_SPOT, {"FARGATE": 2, "FARGATE_SPOT": 1}),
        (1, BASE_AND_SPOT, {"FARGATE": 1, "FARGATE_SPOT": 0}),  # base comes first
        (0, BASE_AND_SPOT, {"FARGATE": 0, "FARGATE_SPOT": 0}),
        (5, [{"provider": "A", "weight": 1}, {"provider": "B", "weight": 1}], {"A": 3, "B": 3}),  # rounded up
        (5, [{"provider": "A", "base": 1, "weight": 1}, {"provider": "B", "weight": 3}], {"A": 2, "B": 3}),
        (4, [{"provider": "A", "base": 1}], {"A": 1}),  # AWS refuses a strategy without a weight itself
    ],
)
def test_base_is_counted_before_weights(tasks: int, strategy: list[dict[str, Any]], expected: dict[str, int]) -> None:
    assert shares(tasks, strategy) == expected


def test_both_colours_must_fit_into_the_quota() -> None:
    fits = {"FARGATE": 8.0, "FARGATE_SPOT": 4.0}
    assert list(cramped(3, 2048, BASE_AND_SPOT, fits)) == []
    (blocker,) = cramped(3, 2048, BASE_AND_SPOT, {**fits, "FARGATE_SPOT": 3.0})
    assert "need 4 vCPUs of FARGATE_SPOT, and the account may run 3" in blocker
    assert blocker.endswith("--quota-code L-36FBB829 --desired-value 4")


def test_a_quota_that_aws_does_not_tell_is_no_blocker() -> None:
    assert list(cramped(300, 2048, BASE_AND_SPOT, {})) == []


# What others did


def entry(outcome: str, revision: int | None = None, before: int | None = None) -> dict[str, Any]:
    """Of the audit log. One that was refused before it could begin has no task definition."""
    return {
        "outcome": outcome,
        "release": f"1.{revision}.0",
        "operator": "ops",
        "started": "2026-11-24T10:00:00Z",
        "finished": "2026-11-24T10:30:00Z",
        "task_definition": f"{ARN}{revision}" if revision else "",
        "previous_task_definition": f"{ARN}{before}" if before else "",
    }


@pytest.mark.parametrize(
    ("running", "history"),
    [
        (7, [entry("released", 7, 6)]),
        (7, [entry("unchanged", 7, 7), entry("released", 7, 6)]),
        (8, [entry("started", 8, 7), entry("released", 7, 6)]),  # its operator was killed; ECS went on
        (7, [entry("rolled back", 8, 7), entry("released", 7, 6)]),
        (7, [entry("failed", revision, 7) for revision in (12, 11, 10, 9, 8)]),  # the audit log shows no more than five
        (3, []),  # before there was an audit log
    ],
)
def test_what_a_release_of_ours_left_running_is_no_surprise(running: int, history: list[dict[str, Any]]) -> None:
    assert list(by_hand(f"{ARN}{running}", history, "")) == []


@pytest.mark.parametrize(
    "history",
    [
        [entry("released", 7, 6)],
        [entry("released", 7, 9)],  # back to what ran before: by whom?
        [entry("rolled back", 8, 7), entry("released", 7, 6), entry("released", 9, 5)],
        [entry("unchanged", None, 9), entry("released", 7, 6)],  # refused for this very reason
        [entry("refused", None, 9), entry("released", 7, 6)],
    ],
)
def test_what_somebody_deployed_by_hand_is_told_with_the_last_release(history: list[dict[str, Any]]) -> None:
    (blocker,) = by_hand(f"{ARN}9", history, "")
    assert "The service runs t1-app:9, which no release brought: the last was 1.7.0 by ops (2026-11-24T10:30:00Z)" in (
        blocker
    )
    assert blocker.endswith("-e release_replace_unmanaged=t1-app:9")


@pytest.mark.parametrize("accepted", ["t1-app:9", f"{ARN}9"])
def test_it_may_be_overruled_by_its_name_only(accepted: str) -> None:
    history = [entry("released", 7)]
    assert list(by_hand(f"{ARN}9", history, accepted)) == []
    assert list(by_hand(f"{ARN}10", history, accepted))


def test_nothing_unknown_is_known() -> None:
    assert known_definitions([entry("failed"), entry("unchanged", None, 3)]) == set()


@pytest.mark.parametrize("outcome", ["started", "failed", "rolled back"])
def test_a_deployment_whose_leader_died_is_ours(outcome: str) -> None:
    assert list(in_progress(f"{ARN}8", [entry(outcome, 8), entry("released", 7)], DEPLOYMENT)) == []


@pytest.mark.parametrize(
    ("target", "history"),
    [
        (f"{ARN}8", []),
        (f"{ARN}8", [entry("started", 9), entry("released", 7)]),
        (f"{ARN}7", [entry("released", 7)]),  # forced by hand: a release that had ended well
        (f"{ARN}7", [entry("unchanged", 7), entry("released", 7)]),
        (f"{ARN}8", [entry("refused", 8), entry("released", 7)]),
        (None, [{"outcome": "failed", "task_definition": None}]),
    ],
)
def test_a_deployment_that_nobody_of_us_began_is_not_taken_back_silently(
    target: str | None, history: list[dict[str, Any]]
) -> None:
    (blocker,) = in_progress(target, history, DEPLOYMENT)
    assert "(Ab0, of " in blocker
    assert "runbook_release_stop.yml" in blocker
