"""RDS for PostgreSQL. The controller moves instances from status to status.

Read replicas and restores are refused. Pages named API_*.html are those of
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.responses import ActionResult
from moto.rds import models
from moto.rds.exceptions import RDSClientError
from moto.rds.models import MasterUserSecret, RDSBackend
from moto.rds.responses import RDSResponse

from sandbox.aws_api.pages import page
from sandbox.aws_api.patch import operation
from sandbox.services.rds import events as rds_events
from sandbox.services.rds import parameter_groups as rds_parameter_groups
from sandbox.services.rds import snapshots as rds_snapshots
from sandbox.services.rds import subnet_groups as rds_subnet_groups
from sandbox.services.rds.instances import (
    DEFERRED,
    PASSWORD_CHARACTERS,
    DBInstance,
    check_groups,
    check_password,
    full_version,
    kms_key,
)
from sandbox.services.rds.parameters import FAMILY, MINORS, NEWEST

#: Parameters of CreateDBInstance that do what they say here; others are refused.
CREATE = {
    *("DBName", "DBInstanceIdentifier", "AllocatedStorage", "DBInstanceClass", "Engine"),
    *("MasterUsername", "MasterUserPassword", "VpcSecurityGroupIds", "AvailabilityZone"),
    *("DBSubnetGroupName", "PreferredMaintenanceWindow", "DBParameterGroupName"),
    *("BackupRetentionPeriod", "PreferredBackupWindow", "Port", "MultiAZ", "EngineVersion"),
    *("AutoMinorVersionUpgrade", "LicenseModel", "Iops", "StorageThroughput", "PubliclyAccessible"),
    *("Tags", "StorageType", "StorageEncrypted", "KmsKeyId", "CopyTagsToSnapshot"),
    *("MonitoringInterval", "MonitoringRoleArn", "EnableIAMDatabaseAuthentication"),
    *("EnablePerformanceInsights", "PerformanceInsightsKMSKeyId"),
    *("PerformanceInsightsRetentionPeriod", "EnableCloudwatchLogsExports", "DeletionProtection"),
    *("MaxAllocatedStorage", "NetworkType", "CACertificateIdentifier", "ManageMasterUserPassword"),
    "MasterUserSecretKmsKeyId",
}
#: Parameters of ModifyDBInstance that take effect at once, and where their value goes.
IMMEDIATE = {
    "AutoMinorVersionUpgrade": "auto_minor_version_upgrade",
    "BackupRetentionPeriod": "backup_retention_period",
    "CopyTagsToSnapshot": "copy_tags_to_snapshot",
    "DeletionProtection": "deletion_protection",
    "EnableIAMDatabaseAuthentication": "enable_iam_database_authentication",
    "EnablePerformanceInsights": "performance_insights_enabled",
    "MaxAllocatedStorage": "max_allocated_storage",
    "MonitoringInterval": "monitoring_interval",
    "MonitoringRoleArn": "monitoring_role_arn",
    "PerformanceInsightsRetentionPeriod": "performance_insights_retention_period",
    "PreferredBackupWindow": "preferred_backup_window",
    "PreferredMaintenanceWindow": "preferred_maintenance_window",
    "PubliclyAccessible": "publicly_accessible",
    "VpcSecurityGroupIds": "vpc_security_group_ids",
}
RENAMED = {"DBPortNumber": "Port"}
HANDLED = {
    *("DBInstanceIdentifier", "ApplyImmediately", "AllowMajorVersionUpgrade"),
    *("CertificateRotationRestart", "MasterUserPassword", "ManageMasterUserPassword"),
    *("RotateMasterUserPassword", "MasterUserSecretKmsKeyId", "DBParameterGroupName"),
    *("CloudwatchLogsExportConfiguration", "PerformanceInsightsKMSKeyId"),
}
IDENTIFIER = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")
USER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def install() -> None:
    """Attach RDS's patches."""
    rds_parameter_groups.install()
    rds_subnet_groups.install()
    rds_snapshots.install()
    rds_events.install()
    models.DBInstance = DBInstance  # the class that RDSBackend instantiates
    for patch in (_generate_secret_string, rotate_secret):
        operation(MasterUserSecret)(patch)
    for patch in (
        create_db_instance,
        modify_db_instance,
        delete_db_instance,
        reboot_db_instance,
        start_db_instance,
        stop_db_instance,
        describe_db_engine_versions,
    ):
        operation(RDSResponse)(patch)
    for name in (
        "create_db_cluster",
        "create_db_instance_read_replica",
        "copy_db_snapshot",
        "promote_read_replica",
        "restore_db_instance_from_db_snapshot",
        "restore_db_instance_to_point_in_time",
    ):
        setattr(RDSResponse, name, _not_emulated)


def create_db_instance(self: RDSResponse) -> ActionResult:
    """Create an instance; it is `creating` and has no endpoint yet. API_CreateDBInstance.html"""
    given = dict(self.params.original_dict())
    _refuse_unknown("CreateDBInstance", set(given) - CREATE)
    if given["Engine"] != "postgres":
        raise NotImplementedError(f"engine {given['Engine']}")
    _check_new(self.backend, given)
    with _no_secret_of_what_is_refused(self.backend):
        return ActionResult({"DBInstance": self.backend.create_db_instance(self.params)})


@contextmanager
def _no_secret_of_what_is_refused(backend: RDSBackend) -> Iterator[None]:
    """Delete the managed secret if the call is refused: moto creates it before it checks the rest.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """
    vault = backend.secretsmanager
    known = set(vault.secrets)
    try:
        yield
    except Exception:
        for name in set(vault.secrets) - known:
            vault.delete_secret(name, recovery_window_in_days=None, force_delete_without_recovery=True)
        raise


def modify_db_instance(self: RDSResponse) -> ActionResult:
    """Modify an instance: some values act at once, others wait for the window or ApplyImmediately.

    API_ModifyDBInstance.html
    """
    given = {RENAMED.get(k, k): v for k, v in self.params.original_dict().items()}
    _refuse_unknown("ModifyDBInstance", set(given) - HANDLED - set(IMMEDIATE) - set(DEFERRED))
    instance = _available(self.backend, given["DBInstanceIdentifier"])
    group, security_groups = given.get("DBParameterGroupName"), given.get("VpcSecurityGroupIds")
    check_groups(self.backend, group, security_groups)
    _check_storage(instance, given)
    if "EngineVersion" in given:
        given["EngineVersion"] = full_version(given["EngineVersion"])
    insights = "PerformanceInsightsKMSKeyId" in given or given.get("EnablePerformanceInsights")
    key = kms_key(self.backend, given.get("PerformanceInsightsKMSKeyId")) if insights else None
    _modify_password(instance, given)  # all that can be refused is checked by here
    for name, attribute in IMMEDIATE.items():
        if name in given:
            setattr(instance, attribute, given[name])
    if key:
        instance.performance_insights_kms_key_id = key
        instance.performance_insights_retention_period = instance.performance_insights_retention_period or 7
    exports = given.get("CloudwatchLogsExportConfiguration", {})
    enabled = {*instance.enabled_cloudwatch_logs_exports, *exports.get("EnableLogTypes", [])}
    remaining = enabled - set(exports.get("DisableLogTypes", []))
    instance.enabled_cloudwatch_logs_exports = sorted(remaining)
    if group and group.lower() != instance.db_parameter_group_name:
        instance.db_parameter_group_name = group.lower()
        instance.parameter_apply_status = "applying"
    for name, attribute in DEFERRED.items():
        if name in given and given[name] != _current(instance, name, attribute):
            instance.pending_modified_values[name] = given[name]
    if given.get("ApplyImmediately") and instance.pending_modified_values:
        instance.apply_now, instance.status = True, "modifying"
    return ActionResult({"DBInstance": instance})


def delete_db_instance(self: RDSResponse) -> ActionResult:
    """Delete an instance, after a final snapshot unless it is skipped; it is `deleting`.

    API_DeleteDBInstance.html
    """
    instance = _instance(self.backend, self.params["DBInstanceIdentifier"])
    snapshot, skip = (
        self.params.get("FinalDBSnapshotIdentifier"),
        self.params.get("SkipFinalSnapshot"),
    )
    if instance.status == "deleting":
        message = f"Instance {instance.db_instance_identifier} is already being deleted."
        raise RDSClientError("InvalidDBInstanceState", message)
    if instance.deletion_protection:
        raise _combination("Cannot delete protected DB Instance, please disable deletion protection and try again.")
    if not skip and not snapshot:
        raise _combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is set.")
    if skip and snapshot:
        raise _combination("FinalDBSnapshotIdentifier cannot be specified with SkipFinalSnapshot.")
    if snapshot and instance.status == "failed":
        raise RDSClientError("InvalidDBInstanceState", "A failed instance can only be deleted with SkipFinalSnapshot.")
    if snapshot:
        self.backend.validate_db_snapshot_identifier(snapshot, "FinalDBSnapshotIdentifier")
        self.backend.create_db_snapshot(instance.db_instance_identifier, snapshot.lower())
    instance.status = "deleting"
    return ActionResult({"DBInstance": instance})


def reboot_db_instance(self: RDSResponse) -> ActionResult:
    """Reboot an instance: static parameters take effect; with ForceFailover on the standby.

    API_RebootDBInstance.html
    """
    instance = _available(self.backend, self.params["DBInstanceIdentifier"])
    instance.failover_requested = bool(self.params.get("ForceFailover"))
    if instance.failover_requested and not instance.multi_az:
        raise _combination("Cannot force failover on a DB instance that is not Multi-AZ.")
    instance.status = "rebooting"
    return ActionResult({"DBInstance": instance})


def stop_db_instance(self: RDSResponse) -> ActionResult:
    """Stop an instance. API_StopDBInstance.html"""
    instance = _available(self.backend, self.params["DBInstanceIdentifier"])
    if snapshot := self.params.get("DBSnapshotIdentifier"):
        self.backend.create_db_snapshot(instance.db_instance_identifier, snapshot)
    instance.status = "stopping"
    return ActionResult({"DBInstance": instance})


def start_db_instance(self: RDSResponse) -> ActionResult:
    """Start a stopped instance. API_StartDBInstance.html"""
    instance = _instance(self.backend, self.params["DBInstanceIdentifier"])
    if instance.status != "stopped":
        message = f"Instance {instance.db_instance_identifier} is not in stopped state."
        raise RDSClientError("InvalidDBInstanceState", message)
    instance.status = "starting"
    return ActionResult({"DBInstance": instance})


def describe_db_engine_versions(self: RDSResponse) -> ActionResult:
    """Describe the engine versions; moto has no such operation. API_DescribeDBEngineVersions.html"""
    asked, family = self.params.get("EngineVersion"), self.params.get("DBParameterGroupFamily")
    ours = self.params.get("Engine", "postgres") == "postgres" and family in (None, FAMILY)
    found = [v for v in MINORS if ours and asked in (None, "17", v)]
    if self.params.get("DefaultOnly"):
        found = [version for version in found if version == NEWEST]
    return page("DBEngineVersions", [_engine_version(version) for version in found], self.params)


def rotate_secret(self: MasterUserSecret) -> None:
    """Replace the master user's password at once, as RotateMasterUserPassword does.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """
    self._status = "rotating"
    content = self._generate_secret_string()
    self.secretsmanager.put_secret_value(self.secret.arn, content, "", None, ["AWSCURRENT"])


def _generate_secret_string(self: MasterUserSecret) -> str:
    """Return the managed secret: the master user's name and a new password (same page)."""
    password = "".join(secrets.choice(PASSWORD_CHARACTERS) for _ in range(28))
    return json.dumps({"username": self.resource.master_username, "password": password})


def _not_emulated(self: RDSResponse) -> ActionResult:
    raise NotImplementedError(self._get_action())


def _refuse_unknown(operation: str, names: set[str]) -> None:
    if names:
        raise NotImplementedError(f"{operation} with {', '.join(sorted(names))}")


def _check_new(backend: RDSBackend, given: dict[str, Any]) -> None:
    name = given["DBInstanceIdentifier"]
    if not IDENTIFIER.fullmatch(name) or len(name) > 63:
        raise RDSClientError("InvalidParameterValue", f"Invalid database identifier: {name}")
    if not USER.fullmatch(given.get("MasterUsername", "")) or given["MasterUsername"] == "rdsadmin":
        raise RDSClientError("InvalidParameterValue", "Invalid master user name")
    managed, password = given.get("ManageMasterUserPassword"), given.get("MasterUserPassword")
    if managed and password:
        raise _combination("You can't specify MasterUserPassword with ManageMasterUserPassword.")
    if not managed:
        check_password(password or "")
    if not given.get("AllocatedStorage"):
        raise _combination("Invalid storage size for engine name postgres: null")
    if given.get("MultiAZ") and given.get("AvailabilityZone"):
        raise _combination("AvailabilityZone can't be specified for a Multi-AZ DB instance.")
    check_groups(backend, given.get("DBParameterGroupName"), given.get("VpcSecurityGroupIds"))
    if "DBSubnetGroupName" not in given:
        raise NotImplementedError("CreateDBInstance without DBSubnetGroupName (a default VPC)")


def _check_storage(instance: DBInstance, given: dict[str, Any]) -> None:
    """Refuse storage that shrinks, or that grows by less than a tenth (API_ModifyDBInstance.html)."""
    current, desired = instance.allocated_storage, given.get("AllocatedStorage", instance.allocated_storage)
    if desired < current:
        message = f"Requested storage {desired} is less than the allocated {current}: storage can't be reduced."
        raise _combination(message)
    if desired > current:
        given["AllocatedStorage"] = max(desired, -(-current * 11 // 10))


def _modify_password(instance: DBInstance, given: dict[str, Any]) -> None:
    managed, password = given.get("ManageMasterUserPassword"), given.get("MasterUserPassword")
    if given.get("RotateMasterUserPassword") and not given.get("ApplyImmediately"):
        raise _combination("Apply immediately when rotating the master user password.")
    if password:
        if instance.manage_master_user_password and managed is not False:
            raise _combination("You can't specify MasterUserPassword with a managed one.")
        check_password(password)
        instance.master_user_password = password
    if managed is not None and bool(managed) != bool(instance.manage_master_user_password):
        key = given.get("MasterUserSecretKmsKeyId")
        instance.update(manage_master_user_password=managed, master_user_secret_kms_key_id=key)
    if given.get("RotateMasterUserPassword"):
        instance.master_user_secret.rotate_secret()


def _current(instance: DBInstance, name: str, attribute: str) -> Any:
    if name == "DBSubnetGroupName":
        return instance.db_subnet_group.name
    return getattr(instance, attribute)


def _instance(backend: RDSBackend, name: str) -> DBInstance:
    found: Any = backend.describe_db_instances(name)[0]
    assert isinstance(found, DBInstance)
    return found


def _available(backend: RDSBackend, name: str) -> DBInstance:
    instance = _instance(backend, name)
    if instance.status != "available":
        message = "Database instance is not in available state."
        raise RDSClientError("InvalidDBInstanceState", message)
    return instance


def _combination(message: str) -> RDSClientError:
    return RDSClientError("InvalidParameterCombination", message)


def _engine_version(version: str) -> dict[str, Any]:
    return {
        "Engine": "postgres",
        "EngineVersion": version,
        "MajorEngineVersion": "17",
        "DBParameterGroupFamily": FAMILY,
        "DBEngineDescription": "PostgreSQL",
        "DBEngineVersionDescription": f"PostgreSQL {version}-R1",
        "ValidUpgradeTarget": [],
        "ExportableLogTypes": ["postgresql", "upgrade"],
        "SupportedCACertificateIdentifiers": ["rds-ca-rsa2048-g1"],
        "SupportsLogExportsToCloudwatchLogs": True,
        "SupportsReadReplica": True,
        "Status": "available",
    }
