"""Listeners and rules: weights are state, and actions are shown as the options put them."""

from __future__ import annotations

import pytest

from ops.aws.elb import forwarded
from plugins.modules.listener import action_state, redirect_action
from plugins.modules.listener_rule import is_sticky, paths, weights

BLUE = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t1-blue/0123"
GREEN = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t1-green/4567"
AT_CREATION = {"t1-blue": 1, "t1-green": 0}


@pytest.mark.parametrize(
    ("found", "desired"),
    [
        ({"t1-blue": 0, "t1-green": 100}, {"t1-blue": 0, "t1-green": 100}),
        ({"t1-green": 100}, {"t1-blue": 0, "t1-green": 100}),
        ({"t1-green": 100, "stranger": 5}, {"t1-blue": 0, "t1-green": 100}),
        ({"stranger": 5}, AT_CREATION),
        ({}, AT_CREATION),
    ],
)
def test_live_weights_stay_and_a_group_that_was_lost_returns_without_traffic(
    found: dict[str, int], desired: dict[str, int]
) -> None:
    assert weights(found, AT_CREATION) == desired


def test_weights_are_read_from_a_weighted_forward() -> None:
    groups = [{"TargetGroupArn": BLUE, "Weight": 90}, {"TargetGroupArn": GREEN, "Weight": 10}]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
    assert forwarded([action]) == {"t1-blue": 90, "t1-green": 10}


def test_a_plain_forward_has_the_weight_one() -> None:
    assert forwarded([{"Type": "forward", "TargetGroupArn": BLUE}]) == {"t1-blue": 1}


def test_a_default_action_is_shown_as_the_options_put_it() -> None:
    assert action_state([{"Type": "forward", "TargetGroupArn": BLUE}]) == {"forward_to": "t1-blue"}
    assert action_state([redirect_action(443)]) == {"redirect_to_port": 443}


def test_a_temporary_redirect_and_a_fixed_response_are_not_what_we_want() -> None:
    temporary = redirect_action(443)
    temporary["RedirectConfig"]["StatusCode"] = "HTTP_302"
    assert action_state([temporary]) == {"other": ["redirect"]}
    assert action_state([{"Type": "fixed-response"}]) == {"other": ["fixed-response"]}


def test_stickiness_and_paths_are_seen() -> None:
    assert is_sticky([{"ForwardConfig": {"TargetGroupStickinessConfig": {"Enabled": True}}}])
    assert not is_sticky([{"ForwardConfig": {}}])
    assert paths([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/b", "/a"]}}]) == ["/a", "/b"]
