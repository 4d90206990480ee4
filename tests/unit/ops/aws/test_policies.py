"""Policies are compared by meaning, not by AWS's way to write them."""

from __future__ import annotations

from typing import Any

from ops.aws.policies import reworded


def policy(actions: Any, effect: str = "Allow") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": actions, "Resource": "*"}]}


def test_a_policy_of_the_same_meaning_is_no_difference() -> None:
    desired = policy(["s3:GetObject"])
    assert reworded(policy("s3:GetObject"), desired) == desired
    assert reworded(policy(["b:B", "a:A"]), policy(["a:A", "b:B"])) == policy(["a:A", "b:B"])


def test_a_policy_of_another_meaning_is_one() -> None:
    for found in (policy("s3:PutObject"), policy("s3:GetObject", "Deny"), policy(["s3:GetObject", "s3:PutObject"])):
        assert reworded(found, policy(["s3:GetObject"])) == found


def test_a_missing_policy_stays_missing() -> None:
    assert reworded(None, policy("s3:GetObject")) is None
    assert reworded(policy("s3:GetObject"), None) == policy("s3:GetObject")
