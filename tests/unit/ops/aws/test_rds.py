"""How an RDS instance is compared: pending modifications count, and what AWS says twice is read once."""

from __future__ import annotations

from typing import Any

import pytest

from ops.aws.rds import coming, growth, log_exports, request


def test_pending_modifications_count_as_done() -> None:
    found = coming({"DBInstanceClass": "db.t3.medium", "PendingModifiedValues": {"DBInstanceClass": "db.t4g.medium"}})
    assert found["DBInstanceClass"] == "db.t4g.medium"


@pytest.mark.parametrize(
    ("shown", "gigabytes"),
    [
        ({"AllocatedStorage": 50, "MaxAllocatedStorage": 200}, 200),
        ({"AllocatedStorage": 50, "MaxAllocatedStorage": 50}, 0),
        ({"AllocatedStorage": 50}, 0),
    ],
)
def test_growth_up_to_the_present_size_is_none(shown: dict[str, Any], gigabytes: int) -> None:
    assert growth(shown) == gigabytes


def test_log_exports_include_pending_changes() -> None:
    pending = {"LogTypesToEnable": ["upgrade"], "LogTypesToDisable": ["postgresql"]}
    instance = {
        "EnabledCloudwatchLogsExports": ["postgresql"],
        "PendingModifiedValues": {"PendingCloudwatchLogsExports": pending},
    }
    assert log_exports(instance) == ["upgrade"]
    assert log_exports({}) == []


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({"performance_insights_days": 0}, {"EnablePerformanceInsights": False}),
        (
            {"performance_insights_days": 7},
            {"EnablePerformanceInsights": True, "PerformanceInsightsRetentionPeriod": 7},
        ),
        ({"max_allocated_storage_gb": 0}, {}),
        ({"max_allocated_storage_gb": 200}, {"MaxAllocatedStorage": 200}),
        (
            {"security_groups": ["sg-1"], "parameter_group": "p", "multi_az": True},
            {"VpcSecurityGroupIds": ["sg-1"], "DBParameterGroupName": "p", "MultiAZ": True},
        ),
        ({"tags": {"a": "1"}, "log_exports": []}, {}),
    ],
)
def test_changes_become_parameters(changes: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert request(changes) == parameters
