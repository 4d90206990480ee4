"""`. .sandbox/env`, and the AWS CLI gives what a user of AWS expects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import RELEASE, STACK


@pytest.fixture
def aws(host: Any, root: Path) -> Any:
    """Runs the AWS CLI in a shell that has sourced the sandbox's environment."""

    def call(command: str) -> Any:
        result = host.run(f". {root}/env && aws {command} --output json")
        assert result.rc == 0, result.stderr
        return json.loads(result.stdout)

    return call


def test_the_caller_is_the_operator(aws: Any) -> None:
    assert aws("sts get-caller-identity")["Arn"] == "arn:aws:iam::123456789012:user/operator"


def test_ecs_runs_three_tasks_of_the_release(aws: Any) -> None:
    service = aws(f"ecs describe-services --cluster {STACK} --services {STACK}-app")["services"][0]
    assert (service["runningCount"], service["desiredCount"], service["pendingCount"]) == (3, 3, 0)
    definition = aws(f"ecs describe-task-definition --task-definition {service['taskDefinition']}")["taskDefinition"]
    assert {"name": "APP_RELEASE", "value": RELEASE} in definition["containerDefinitions"][0]["environment"]
    assert (definition["cpu"], definition["memory"]) == ("2048", "4096")


def test_tasks_are_spread_over_two_zones(aws: Any) -> None:
    arns = " ".join(aws(f"ecs list-tasks --cluster {STACK} --service-name {STACK}-app")["taskArns"])
    tasks = aws(f"ecs describe-tasks --cluster {STACK} --tasks {arns}")["tasks"]
    assert len({task["availabilityZone"] for task in tasks}) == 2


def test_blue_has_every_task_healthy_and_green_none(aws: Any) -> None:
    groups = aws("elbv2 describe-target-groups")["TargetGroups"]
    states = {
        group["TargetGroupName"].removeprefix(f"{STACK}-"): [
            target["TargetHealth"]["State"]
            for target in aws(f"elbv2 describe-target-health --target-group-arn {group['TargetGroupArn']}")[
                "TargetHealthDescriptions"
            ]
        ]
        for group in groups
    }
    assert states == {"blue": ["healthy"] * 3, "green": []}


def test_the_database_is_what_the_tier_says(aws: Any) -> None:
    database = aws(f"rds describe-db-instances --db-instance-identifier {STACK}")["DBInstances"][0]
    assert (database["DBInstanceStatus"], database["Engine"]) == ("available", "postgres")
    assert (database["DBInstanceClass"], database["MultiAZ"]) == ("db.t3.medium", True)
    assert database["StorageEncrypted"] and not database["PubliclyAccessible"]


def test_the_cache_is_what_the_tier_says(aws: Any) -> None:
    cache = aws(f"elasticache describe-replication-groups --replication-group-id {STACK}")["ReplicationGroups"][0]
    assert (cache["Status"], cache["CacheNodeType"]) == ("available", "cache.t3.micro")
    assert cache["TransitEncryptionEnabled"] and cache["AuthTokenEnabled"] and cache["AtRestEncryptionEnabled"]


def test_buckets_hold_the_static_files(host: Any, root: Path) -> None:
    buckets = host.run(f". {root}/env && aws s3 ls").stdout
    assert [kind for kind in ("media", "static", "documents", "backups", "reports") if f"-{kind}" not in buckets] == []
    listed = host.run(f". {root}/env && aws s3 ls --recursive s3://{STACK}-123456789012-static").stdout
    assert ".css" in listed


def test_logs_of_tasks_can_be_read(host: Any, root: Path) -> None:
    # `aws logs tail` is there from version 2 on
    read = host.run(
        f". {root}/env && aws logs filter-log-events --log-group-name /ecs/{STACK} --query events[].message"
    )
    assert read.rc == 0, read.stderr
    assert read.stdout.count("{") > 10  # JSON lines


def test_what_is_not_emulated_says_so_at_once(host: Any, root: Path) -> None:
    answer = host.run(f". {root}/env && aws gamelift list-builds")
    assert answer.rc != 0
    assert "ListBuilds" in answer.stderr and "gamelift" in answer.stderr.lower()
