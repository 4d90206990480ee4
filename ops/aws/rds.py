"""RDS instances: AWS's answer, with pending modifications, as the options of our module."""

from __future__ import annotations

from typing import Any

from ops.aws.tags import tags_from

State = dict[str, Any]

# Statuses that an instance does not leave by itself:
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
STUCK = frozenset(
    {
        "failed",
        "inaccessible-encryption-credentials",
        "incompatible-credentials",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "insufficient-capacity",
        "restore-error",
        "storage-full",
    }
)

PLAIN = {  # our option -> AWS's name, in the answer and (but for two, below) in the request
    "engine": "Engine",
    "engine_version": "EngineVersion",
    "instance_class": "DBInstanceClass",
    "allocated_storage_gb": "AllocatedStorage",
    "storage_type": "StorageType",
    "kms_key_arn": "KmsKeyId",
    "database_name": "DBName",
    "master_username": "MasterUsername",
    "multi_az": "MultiAZ",
    "publicly_accessible": "PubliclyAccessible",
    "backup_retention_days": "BackupRetentionPeriod",
    "backup_window": "PreferredBackupWindow",
    "maintenance_window": "PreferredMaintenanceWindow",
    "minor_upgrades": "AutoMinorVersionUpgrade",
    "copy_tags_to_snapshots": "CopyTagsToSnapshot",
    "deletion_protection": "DeletionProtection",
    "ca_certificate": "CACertificateIdentifier",
}
FIXED = frozenset({"engine", "kms_key_arn", "database_name", "master_username", "subnet_group"})


def coming(instance: State) -> State:
    """Return the instance as it will be when its pending modifications are done."""
    pending = instance.get("PendingModifiedValues", {})
    return {**instance, **pending}


def growth(shown: State) -> int:
    """Return up to how many GB AWS may grow the storage; 0 if it may not, which AWS also says by the present size."""
    most = int(shown.get("MaxAllocatedStorage", 0))
    return 0 if most == shown.get("AllocatedStorage") else most


def log_exports(instance: State) -> list[str]:
    """Return the logs that are exported to CloudWatch, pending changes included."""
    pending = instance.get("PendingModifiedValues", {}).get("PendingCloudwatchLogsExports", {})
    enabled = {*instance.get("EnabledCloudwatchLogsExports", []), *pending.get("LogTypesToEnable", [])}
    return sorted(enabled - {*pending.get("LogTypesToDisable", [])})


def database_state(instance: State) -> State:
    """Return an instance's state in our module's options, with arn, status and endpoint."""
    shown = coming(instance)
    insights = shown.get("PerformanceInsightsEnabled", False)
    groups = instance.get("DBParameterGroups") or [{}]
    return {
        **{ours: shown.get(aws) for ours, aws in PLAIN.items()},
        "arn": instance["DBInstanceArn"],
        "status": instance["DBInstanceStatus"],
        "endpoint": instance.get("Endpoint", {}).get("Address"),
        "max_allocated_storage_gb": growth(shown),
        "subnet_group": instance.get("DBSubnetGroup", {}).get("DBSubnetGroupName"),
        "security_groups": sorted(group["VpcSecurityGroupId"] for group in instance.get("VpcSecurityGroups", [])),
        "parameter_group": groups[0].get("DBParameterGroupName"),
        "performance_insights_days": shown.get("PerformanceInsightsRetentionPeriod", 0) if insights else 0,
        "log_exports": log_exports(instance),
        "master_secret": "MasterUserSecret" in instance,
        "tags": tags_from(instance.get("TagList", [])),
    }


def request(changes: State) -> State:
    """Return desired values as the parameters that CreateDBInstance and ModifyDBInstance share."""
    desired: dict[str, Any] = {PLAIN[ours]: value for ours, value in changes.items() if ours in PLAIN}
    renamed = {"security_groups": "VpcSecurityGroupIds", "parameter_group": "DBParameterGroupName"}
    desired |= {aws: changes[ours] for ours, aws in renamed.items() if ours in changes}
    if growth := changes.get("max_allocated_storage_gb"):
        desired["MaxAllocatedStorage"] = growth
    if "performance_insights_days" in changes:
        days = changes["performance_insights_days"]
        desired["EnablePerformanceInsights"] = days > 0
        if days:
            desired["PerformanceInsightsRetentionPeriod"] = days
    return desired
