"""Stacks in another region and account, of all shapes, and two of one tier beside each other."""

from __future__ import annotations

from typing import Any

import pytest

from ops.stack.naming import STACK_LIMIT
from sandbox.config import REGION
from tests.support.inventory import inventory
from tests.support.places import Place
from tests.support.plans import lies
from tests.support.stack import Played, Sandbox

ZONES = {"network_availability_zones": ["a", "b", "c"]}


def done(played: Played) -> None:
    assert played.code == 0, played.output


def member(sandbox: Sandbox, region: str) -> dict[str, Any]:
    """Another account of the organization, entered as its administrator by the role that Organizations makes.

    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
    """
    organizations = sandbox.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(AccountName="elsewhere", Email="elsewhere@campshub360.example")
    account = made["CreateAccountStatus"]["AccountId"]
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    session = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
    environment = {
        "AWS_ENDPOINT_URL": sandbox.settings.api_url,
        "AWS_CA_BUNDLE": str(sandbox.settings.root / "ca.pem"),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
    return {"stack_account_id": account, "stack_region": region, "stack_environment": environment}


@pytest.fixture(params=["another account and region, per_az", "the longest name, none"])
def place(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Place:
    values: dict[str, Any] = {"dns_zone_name": "elsewhere.campshub360.example", **ZONES}
    folder = tmp_path_factory.mktemp("elsewhere")
    if "account" in request.param:
        values |= {"network_nat": "per_az", **member(sandbox, "eu-west-1")}
        return Place(sandbox, "campshub360-elsewhere", folder, values=values)
    values |= {"network_nat": "none", "stack_region": REGION}
    return Place(sandbox, "campshub360-".ljust(STACK_LIMIT, "x"), folder, "tier1_lean", values)


def test_an_stack_elsewhere_lives_and_goes(place: Place) -> None:
    plan = place.play("provision", "--check", "--diff")
    built = place.play("provision", "--diff")
    done(plan)
    done(built)
    assert lies(plan.changes, built.changes) == []
    again = place.play("provision")
    done(again)
    assert again.changed == 0, again.output
    place.push("1.0.0")
    done(place.play("deploy"))
    (service,) = place.client("ecs").describe_services(cluster=place.name, services=[f"{place.name}-app"])["services"]
    assert (service["runningCount"], service["desiredCount"]) == (3, 3)
    done(place.play("destroy"))
    gone = place.play("destroy")
    done(gone)
    assert gone.changed == 0, gone.output


def test_stacks_of_one_tier_don_t_touch_each_other(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> None:
    one, two = (
        Place(
            sandbox, f"campshub360-{name}", tmp_path_factory.mktemp(name), values={"dns_zone_name": f"{name}.example"}
        )
        for name in ("one", "two")
    )
    done(one.play("provision"))
    before = inventory(sandbox.client, one.name, one.zone)
    done(two.play("provision"))
    done(two.play("destroy"))
    assert inventory(sandbox.client, one.name, one.zone) == before
    again = one.play("provision")
    done(again)
    assert again.changed == 0, again.output
    done(one.play("destroy"))
