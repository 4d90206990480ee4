"""A DB instance with what moto's lacks: statuses in steps, pending values, all fields.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import string
from typing import Any

from moto.ec2.models import ec2_backends
from moto.kms.utils import RESERVED_ALIASE_TARGET_KEY_IDS
from moto.rds import models
from moto.rds.exceptions import KMSKeyNotAccessibleFault, RDSClientError

from sandbox.services.rds import parameter_groups as rds_parameter_groups
from sandbox.services.rds.parameters import FAMILY, MINORS, NEWEST

PASSWORD_CHARACTERS = string.ascii_letters + string.digits + "-_.~*+!?"
LARGE = 400  # GiB from which gp3 comes with more
SEVEN_DAYS = 7
FORBIDDEN = re.compile(r'[/@" ]')

#: ModifyDBInstance's names of what waits for the maintenance window unless ApplyImmediately, and
#: the attribute each goes to
#: (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html)
DEFERRED = {
    "AllocatedStorage": "allocated_storage",
    "CACertificateIdentifier": "ca_certificate_identifier",
    "DBInstanceClass": "db_instance_class",
    "DBSubnetGroupName": "db_subnet_group_name",
    "EngineVersion": "engine_version",
    "Iops": "iops",
    "LicenseModel": "license_model",
    "MultiAZ": "multi_az",
    "Port": "port",
    "StorageThroughput": "storage_throughput",
    "StorageType": "storage_type",
}


class DBInstance(models.DBInstance):  # type: ignore[misc]  # moto is untyped
    """A DB instance. Its controller changes the status: creating, available, modifying, ..., deleting.

    endpoint_open: whether clients find it; apply_now: pending values are being applied; parameter_apply_status: of the
    parameter group; booted_group: the group at the last boot; standby_zone: where the standby of a Multi-AZ instance
    is, or would be; failover_requested: the requested reboot is to be a failover.
    """

    activity_stream_status = "stopped"
    backup_target = "region"
    customer_owned_ip_enabled = False
    dedicated_log_volume = False
    engine_lifecycle_support = "open-source-rds-extended-support"
    network_type = "IPV4"

    def __init__(self, backend: models.RDSBackend, **given: Any) -> None:
        self._iops: int | None = None
        super().__init__(backend, **_completed(backend, given))
        self.status = "creating"
        alphabet = string.ascii_uppercase + string.digits
        self.dbi_resource_id = "db-" + "".join(secrets.choice(alphabet) for _ in range(26))
        self.availability_zone: str
        self.standby_zone = next(zone for zone in zones(self.db_subnet_group) if zone != self.availability_zone)
        self.failover_requested = False
        self.endpoint_open = False
        self.apply_now = False
        self.pending_modified_values: dict[str, Any] = {}
        self.parameter_apply_status = "in-sync"
        self.booted_group = self.db_parameter_group_name
        self.option_group_name = f"default:postgres-{FAMILY.removeprefix('postgres')}"
        self.performance_insights_enabled = bool(given.get("enable_performance_insights"))
        self.performance_insights_kms_key_id: str | None = None
        self.performance_insights_retention_period: int | None = None
        if self.performance_insights_enabled:
            key = given.get("performance_insights_kms_key_id")
            days = given.get("performance_insights_retention_period")
            self.performance_insights_kms_key_id = kms_key(backend, key)
            self.performance_insights_retention_period = days or SEVEN_DAYS

    @property
    def address(self) -> str:
        """Return the endpoint's host name, which differs by account and region."""
        digest = hashlib.sha256(f"{self.account_id}/{self.region}".encode()).digest()
        alphabet = string.ascii_lowercase + string.digits
        mark = "c" + "".join(alphabet[byte % len(alphabet)] for byte in digest[:11])
        return f"{self.db_instance_identifier}.{mark}.{self.region}.rds.amazonaws.com"

    @property
    def endpoint(self) -> dict[str, Any] | None:
        """Return the endpoint; None while AWS creates the instance."""
        if not self.endpoint_open:
            return None
        return {"Address": self.address, "Port": self.port, "HostedZoneId": "Z2R2ITUGPM61AM"}

    @property
    def db_instance_port(self) -> int:
        """Return the port."""
        return 0

    @property
    def iops(self) -> int | None:
        """gp3 comes with a baseline.

        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
        """
        if self._iops is None and self.storage_type == "gp3":
            return 12_000 if self.allocated_storage >= LARGE else 3_000
        return self._iops

    @iops.setter
    def iops(self, value: int | None) -> None:
        self._iops = value

    @property
    def storage_throughput(self) -> int | None:
        """MiB/s; gp3 comes with a baseline (same page)."""
        if self._storage_throughput is None and self.storage_type == "gp3":
            return 500 if self.allocated_storage >= LARGE else 125
        return self._storage_throughput or 0

    @storage_throughput.setter
    def storage_throughput(self, value: int | None) -> None:
        self._storage_throughput = value

    @property
    def secondary_availability_zone(self) -> str | None:
        return self.standby_zone if self.multi_az else None

    @property
    def certificate_details(self) -> dict[str, str]:
        return {"CAIdentifier": self.ca_certificate_identifier}

    @property
    def db_parameter_group_status_list(self) -> list[dict[str, str]]:
        name, status = self.db_parameter_group_name, self.parameter_apply_status
        return [{"DBParameterGroupName": str(name), "ParameterApplyStatus": status}]

    @property
    def password(self) -> str:
        """Return the master user's desired password; for the controller only."""
        if self.manage_master_user_password:
            secret = self.master_user_secret.secret
            current = secret.versions[secret.default_version_id]["secret_string"]
            return str(json.loads(current)["password"])
        return str(self._master_user_password)

    def value_once_applied(self, name: str) -> Any:
        """Return a value by its name in ModifyDBInstance, after the changes that are being applied."""
        current = getattr(self, DEFERRED[name])
        return self.pending_modified_values.get(name, current) if self.apply_now else current

    def swap_zones(self) -> None:
        """Swap the zones of primary and standby, after a failover."""
        self.availability_zone, self.standby_zone = self.standby_zone, self.availability_zone

    def apply_pending(self) -> None:
        """Move pending values to the present values."""
        for name, value in self.pending_modified_values.items():
            setattr(self, DEFERRED[name], value)
        self.pending_modified_values = {}
        self.apply_now = False


def zones(group: models.DBSubnetGroup) -> list[str]:
    """Return the availability zones of a subnet group, in order."""
    return sorted({subnet.availability_zone for subnet in group._subnets})


def kms_key(backend: models.RDSBackend, key: str | None) -> str:
    """Return the ARN of a key given by id, ARN or alias; of RDS's own key if none is given."""
    if key is None:
        own = RESERVED_ALIASE_TARGET_KEY_IDS["alias/aws/rds"]
        return f"arn:aws:kms:{backend.region_name}:{backend.account_id}:key/{own}"
    try:
        return str(backend.kms.describe_key(key).arn)
    except Exception as error:
        raise KMSKeyNotAccessibleFault(key) from error


def check_password(password: str) -> None:
    """Refuse a password that RDS refuses.

    It needs 8 to 128 printable characters without / @ " and space. API_CreateDBInstance.html
    """
    if not 8 <= len(password) <= 128 or not password.isprintable() or FORBIDDEN.search(password):
        message = "The parameter MasterUserPassword is not a valid password. "
        rules = "8 to 128 printable ASCII characters besides '/', '@', '\"', ' ' may be used."
        raise RDSClientError("InvalidParameterValue", message + rules)


def full_version(version: str | None) -> str:
    """Return the version to run if 17, 17.n or none is requested."""
    if version in (None, "17"):
        return NEWEST
    if version not in MINORS:
        raise RDSClientError("InvalidParameterCombination", f"Cannot find version {version} for postgres")
    return str(version)


def check_groups(backend: models.RDSBackend, parameter_group: str | None, security_groups: list[str] | None) -> None:
    """Refuse groups that do not exist."""
    if parameter_group:
        rds_parameter_groups.find(backend, parameter_group.lower())
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    for group in security_groups or []:
        if ec2.get_security_group_from_id(group) is None:
            message = f"Invalid security group , groupId= {group}, groupName=."
            raise RDSClientError("InvalidParameterValue", message)


def _completed(backend: models.RDSBackend, given: dict[str, Any]) -> dict[str, Any]:
    """Return the request with RDS's defaults."""
    done = dict(given)
    done["engine_version"] = full_version(given.get("engine_version"))
    done["db_parameter_group_name"] = given.get("db_parameter_group_name", f"default.{FAMILY}")
    done.setdefault("storage_type", "io1" if given.get("iops") else "gp3")
    done.setdefault("license_model", "postgresql-license")
    done.setdefault("ca_certificate_identifier", "rds-ca-rsa2048-g1")
    done.setdefault("publicly_accessible", False)
    if given.get("storage_encrypted"):
        done["kms_key_id"] = kms_key(backend, given.get("kms_key_id"))
    group = backend.describe_db_subnet_groups(given["db_subnet_group_name"])[0]
    done.setdefault("availability_zone", zones(group)[0])
    return done
