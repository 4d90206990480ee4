#!/usr/bin/python
"""Own module because amazon.aws.rds_instance can't let RDS manage the master password, and has no diff."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database_instance
short_description: An RDS database instance
description:
  - Creates, updates or deletes an encrypted instance whose master password RDS keeps in Secrets Manager.
  - What waits for the maintenance window counts as done. Storage that AWS grew is left as it is.
  - Upgrades no major version, and never makes the instance public.
options:
  name: {description: Identifier, type: str, required: true}
  engine: {description: Engine. Can't change, type: str, default: postgres}
  engine_version: {description: "Version; 17 means any minor version of 17", type: str}
  instance_class: {description: "Class, such as db.t3.medium", type: str}
  allocated_storage_gb: {description: GiB of storage at first, type: int}
  max_allocated_storage_gb: {description: GiB up to which AWS may grow the storage; 0 for no growth, type: int, default: 0}
  storage_type: {description: Kind of storage, type: str, default: gp3}
  kms_key_arn: {description: Key that encrypts storage and master secret. Can't change, type: str}
  database_name: {description: Name of the first database. Can't change, type: str}
  master_username: {description: Name of the master user. Can't change, type: str}
  multi_az: {description: Run a Multi-AZ standby, type: bool, default: false}
  subnet_group: {description: Name of the DB subnet group. Can't change, type: str}
  security_groups: {description: Ids of the security groups, type: list, elements: str, default: []}
  parameter_group: {description: Name of the DB parameter group, type: str}
  backup_retention_days: {description: Days of automated backups; 0 for none, type: int, default: 7}
  backup_window: {description: "Daily window in UTC, as 07:00-07:30", type: str}
  maintenance_window: {description: "Weekly window in UTC, as sun:08:00-sun:08:30", type: str}
  minor_upgrades: {description: Whether AWS upgrades minor versions in the window, type: bool, default: true}
  copy_tags_to_snapshots: {description: Whether snapshots carry the tags, type: bool, default: true}
  deletion_protection: {description: Whether AWS and this module refuse to delete it, type: bool, default: true}
  performance_insights_days: {description: Days that Performance Insights keeps; 0 to turn it off, type: int, default: 0}
  log_exports: {description: Logs that go to CloudWatch, type: list, elements: str, default: []}
  ca_certificate: {description: Certificate authority of the server, type: str, default: rds-ca-rsa2048-g1}
  apply_immediately: {description: Whether changes are done now rather than in the window, type: bool, default: false}
  final_snapshot: {description: Whether a snapshot is kept when the instance goes, type: bool, default: true}
  wait_timeout: {description: Seconds to wait at most, type: int, default: 3600}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.ready, resource.tags, resource.wait]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Wait for the database
  database_instance:
    name: campshub360-tier1
    state: ready
"""

RETURN = r"""
resource: {description: "The instance, with its arn, status and endpoint", type: dict, returned: success}
"""

from datetime import UTC, datetime

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import unless_missing
from ops.aws.rds import FIXED, PLAIN, STUCK, database_state, request
from ops.aws.resource import STATE_OPTION_WITH_READY, TAGS_OPTION, WAIT_OPTIONS, Resource, State, run, same_version
from ops.aws.tagging import tag_by_name
from ops.aws.tags import tags_to
from ops.stack.naming import stored

MISSING = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
OTHER = (
    "max_allocated_storage_gb",
    "subnet_group",
    "parameter_group",
    "performance_insights_days",
    "tags",
)


class DatabaseInstance(Resource):
    noun = "database"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.rds = module.client("rds")

    def read(self) -> State | None:
        answer = unless_missing(MISSING, self.rds.describe_db_instances, DBInstanceIdentifier=self.name)
        return database_state(answer["DBInstances"][0]) if answer else None

    def desired(self, found: State | None) -> State:
        desired = {
            **{key: self.params[key] for key in (*PLAIN, *OTHER) if key != "publicly_accessible"},
            "publicly_accessible": False,
            "security_groups": sorted(self.params["security_groups"]),
            "log_exports": sorted(self.params["log_exports"]),
            "master_secret": True,
            **{key: stored(self.params[key]) for key in ("parameter_group", "subnet_group", "maintenance_window")},
        }
        if found and same_version(desired["engine_version"], found["engine_version"]):
            desired["engine_version"] = found["engine_version"]
        if found and desired["max_allocated_storage_gb"]:  # AWS grows the storage by itself and can't shrink it
            desired["allocated_storage_gb"] = max(desired["allocated_storage_gb"], found["allocated_storage_gb"])
        return desired

    def create(self, desired: State) -> None:
        self.rds.create_db_instance(
            DBInstanceIdentifier=self.name,
            DBSubnetGroupName=desired["subnet_group"],
            StorageEncrypted=True,
            ManageMasterUserPassword=True,
            MasterUserSecretKmsKeyId=desired["kms_key_arn"],
            EnableCloudwatchLogsExports=desired["log_exports"],
            Tags=tags_to(desired["tags"]),
            **request(desired),
        )

    def refusal(self, found: State, changes: State) -> str | None:
        if self.params["state"] == "absent":
            return self.params["deletion_protection"] and (
                f"The database {self.name} is protected, and was not touched: it holds the stack's data. If it may go: "
                "-e database_deletion_protection=false"
            )
        if fixed := FIXED & changes.keys():
            was = ", ".join(f"{key} {found[key]}" for key in sorted(fixed))
            return (
                f"The database {self.name} was made with {was}, and AWS can't change that. Go back to it in the "
                "inventory, or restore a snapshot into a new database."
            )
        version = changes.get("engine_version")
        if version and version.partition(".")[0] != str(found["engine_version"]).partition(".")[0]:
            return (
                f"The database {self.name} runs version {found['engine_version']}. Another major version is an "
                "upgrade with an outage, never part of provisioning. Set the version back, or upgrade it on its own."
            )
        return None

    def update(self, found: State, changes: State) -> None:
        modification = request(changes)
        if changes.get("max_allocated_storage_gb") == 0:  # no growth, as RDS says it: up to what is there
            modification["MaxAllocatedStorage"] = {**found, **changes}["allocated_storage_gb"]
        if "master_secret" in changes:
            key = self.params["kms_key_arn"]
            modification |= {"ManageMasterUserPassword": True, "MasterUserSecretKmsKeyId": key}
        if "log_exports" in changes:
            before, after = set(found["log_exports"]), set(changes["log_exports"])
            logs = {"EnableLogTypes": sorted(after - before), "DisableLogTypes": sorted(before - after)}
            modification["CloudwatchLogsExportConfiguration"] = logs
        if modification:
            now = self.params["apply_immediately"]
            self.rds.modify_db_instance(DBInstanceIdentifier=self.name, ApplyImmediately=now, **modification)
        if "tags" in changes:
            tag_by_name(self.rds, found["arn"], found["tags"], changes["tags"])

    def delete(self, found: State) -> None:
        if found["status"] == "deleting":
            return
        if found["deletion_protection"]:
            self.rds.modify_db_instance(DBInstanceIdentifier=self.name, DeletionProtection=False, ApplyImmediately=True)
        keep = {"FinalDBSnapshotIdentifier": f"{self.name}-final-{datetime.now(UTC):%Y%m%d%H%M%S}"}
        self.rds.delete_db_instance(
            DBInstanceIdentifier=self.name, **(keep if self.params["final_snapshot"] else {"SkipFinalSnapshot": True})
        )

    def is_ready(self, found: State) -> bool:
        if found["status"] in STUCK or found["status"] == "deleting":
            self.fail(
                f"The database {self.name} is {found['status']} and does not become available by itself. Its events "
                f"say why: aws rds describe-events --source-type db-instance --source-identifier {self.name}"
            )
        return bool(found["status"] == "available")


def main() -> None:
    text, number, words = {"type": "str"}, {"type": "int"}, {"type": "list", "elements": "str", "default": []}
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "engine": {"default": "postgres"},
            **dict.fromkeys(("engine_version", "instance_class", "kms_key_arn", "database_name"), text),
            **dict.fromkeys(("master_username", "subnet_group", "parameter_group"), text),
            **dict.fromkeys(("backup_window", "maintenance_window"), text),
            "allocated_storage_gb": number,
            "max_allocated_storage_gb": {"type": "int", "default": 0},
            "storage_type": {"default": "gp3"},
            "multi_az": {"type": "bool", "default": False},
            "security_groups": words,
            "backup_retention_days": {"type": "int", "default": 7},
            "minor_upgrades": {"type": "bool", "default": True},
            "copy_tags_to_snapshots": {"type": "bool", "default": True},
            "deletion_protection": {"type": "bool", "default": True},
            "performance_insights_days": {"type": "int", "default": 0},
            "log_exports": words,
            "ca_certificate": {"default": "rds-ca-rsa2048-g1"},
            "apply_immediately": {"type": "bool", "default": False},
            "final_snapshot": {"type": "bool", "default": True},
            **TAGS_OPTION,
            **STATE_OPTION_WITH_READY,
            **WAIT_OPTIONS,
            "wait_timeout": {"type": "int", "default": 3600},
        },
        required_if=[("state", "present", ["engine_version", "instance_class", "allocated_storage_gb", "kms_key_arn"])],
        supports_check_mode=True,
    )
    run(DatabaseInstance(module))


if __name__ == "__main__":
    main()
