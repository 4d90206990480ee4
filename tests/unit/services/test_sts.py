"""STS: AssumeRole."""

from __future__ import annotations

import json

from tests.support.sandbox.api_only import LocalApi, refused


def test_only_roles_that_exist_are_assumed(api: LocalApi) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = api.client("iam").create_role(RoleName="there", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    sts = api.client("sts")
    session = sts.assume_role(RoleArn=role, RoleSessionName="test")
    assert session["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/there/test"
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=role.replace("there", "elsewhere"), RoleSessionName="test")
