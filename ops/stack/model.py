"""A stack as a playbook sees it: `StackFound` is the schema of `stack_found`. Every part is always there.

What does not exist (docs/decisions/001): an id, an ARN or an address is a placeholder such as `vpc-pending`, which the
test `is pending` tells from a value; another text is empty, a number is 0 and a collection is empty. A port that
nobody could change has its value from the start. plugins/modules/stack_info.py says what each part means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ops.stack.ownership import TAG


@dataclass(frozen=True)
class Stack:
    """The stack that is looked for, as its inventory declares it."""

    name: str
    account_id: str
    region: str
    partition: str
    zone_name: str

    @property
    def filters(self) -> list[dict[str, Any]]:
        """Return EC2's filter for what carries the stack's tag."""
        return [{"Name": f"tag:{TAG}", "Values": [self.name]}]


def _two_subnets() -> list[str]:
    return ["subnet-pending-a", "subnet-pending-b"]


@dataclass(frozen=True)
class Vpc:
    id: str = "vpc-pending"
    cidr: str = ""


@dataclass(frozen=True)
class Subnets:
    """Ids by tier, in the order of their zones."""

    public: list[str] = field(default_factory=_two_subnets)
    app: list[str] = field(default_factory=_two_subnets)
    data: list[str] = field(default_factory=_two_subnets)


@dataclass(frozen=True)
class SecurityGroups:
    """Ids by purpose."""

    app: str = "sg-pending"
    cache: str = "sg-pending"
    database: str = "sg-pending"
    load_balancer: str = "sg-pending"


@dataclass(frozen=True)
class Secret:
    arn: str = "secret-pending"
    version_id: str = ""


@dataclass(frozen=True)
class HostedZone:
    """The zone; of several with the same name only the ids, since nothing tells which one the world asks."""

    ids: list[str] = field(default_factory=list)
    owner: str = ""
    name_servers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Certificate:
    arn: str = "certificate-pending"
    status: str = ""
    validation_records: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Database:
    arn: str = "database-pending"
    status: str = ""
    parameters: str = ""
    endpoint: str = "database-pending"
    port: int = 5432
    master_secret_arn: str = "secret-pending"


@dataclass(frozen=True)
class Cache:
    arn: str = "cache-pending"
    status: str = ""
    endpoint: str = "cache-pending"
    port: int = 6379


@dataclass(frozen=True)
class LoadBalancer:
    arn: str = "load-balancer-pending"
    dns_name: str = "load-balancer-pending"
    hosted_zone_id: str = "hosted-zone-pending"
    state: str = ""


@dataclass(frozen=True)
class Listeners:
    http: str = "listener-pending"
    https: str = "listener-pending"


@dataclass(frozen=True)
class Rule:
    """A listener rule. weights: by target group ARN."""

    arn: str = "rule-pending"
    weights: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetGroups:
    blue: str = "target-group-pending-blue"
    green: str = "target-group-pending-green"


@dataclass(frozen=True)
class Service:
    arn: str = "service-pending"
    task_definition: str = "task-definition-pending"
    image: str = ""
    release: str = ""
    desired: int = 0
    running: int = 0
    pending: int = 0
    rollout: str = ""


@dataclass(frozen=True)
class StackFound:
    account_id: str
    region: str
    partition: str
    caller_arn: str
    at: str
    run_id: str
    vpc: Vpc = field(default_factory=Vpc)
    subnets: Subnets = field(default_factory=Subnets)
    security_groups: SecurityGroups = field(default_factory=SecurityGroups)
    kms_key_arn: str = "key-pending"
    secrets: dict[str, Secret] = field(default_factory=dict)
    hosted_zone: HostedZone = field(default_factory=HostedZone)
    certificate: Certificate = field(default_factory=Certificate)
    repository_uri: str = "repository-pending"
    database: Database = field(default_factory=Database)
    cache: Cache = field(default_factory=Cache)
    load_balancer: LoadBalancer = field(default_factory=LoadBalancer)
    listeners: Listeners = field(default_factory=Listeners)
    production_rule: Rule = field(default_factory=Rule)
    test_rule: Rule = field(default_factory=Rule)
    target_groups: TargetGroups = field(default_factory=TargetGroups)
    cluster_arn: str = "cluster-pending"
    service: Service = field(default_factory=Service)
    audit_log: list[dict[str, Any]] = field(default_factory=list)
