"""The names of a stack's resources, a function a name, and what a stack and its domain may be called.

The database, the cache, the cluster, the image repository and their groups have the stack's own name.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets

# Characters that AWS allows in the name of each kind.
LIMITS = {
    # docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    "load_balancer": 32,
    # docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    "target_group": 32,
    # docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    "replication_group": 40,
    # docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    "bucket": 63,
    # docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
    "database": 63,
    # docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    "role": 64,
    # not AWS's limit but the application's: docs/app-contract.md, heartbeat
    "probe": 64,
}
# The cache and the database go by the stack's own name.
STACK_LIMIT = min(LIMITS["replication_group"], LIMITS["database"])
# AWS also forbids: two hyphens in a row (RDS, ElastiCache), "internal-" first (load balancers).
STACK_NAME = re.compile(r"(?!internal-)[a-z](?:-?[a-z0-9])*")
HASH_LENGTH = 8
# What ACM takes as a certificate's first name, dots included, and Route 53 for each part of a name:
# docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
# docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
DOMAIN_LIMIT = 64
DOMAIN = re.compile(
    r"(?=.*[a-z][^.]*\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


def shortened(name: str, kind: str) -> str:
    """Return a name within its kind's limit: itself, or cut, with a hash of the whole so that no two become one."""
    limit = LIMITS[kind]
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: limit - HASH_LENGTH - 1].rstrip('-')}-{digest}"


def load_balancer_name(stack: str) -> str:
    """Return the name of the load balancer."""
    return shortened(stack, "load_balancer")


def target_group_name(stack: str, colour: str) -> str:
    """Return the name of a target group. colour: blue or green."""
    return shortened(f"{stack}-{colour}", "target_group")


def bucket_prefix(stack: str, account_id: str) -> str:
    """Return what the names of all buckets begin with."""
    return f"{stack}-{account_id}-"


def bucket_name(stack: str, account_id: str, purpose: str) -> str:
    """Return the name of a bucket. purpose: media, static, reports."""
    return shortened(bucket_prefix(stack, account_id) + purpose, "bucket")


def role_name(stack: str, purpose: str) -> str:
    """Return the name of an IAM role. purpose: execution, migration-execution, task, infrastructure."""
    return shortened(f"{stack}-{purpose}", "role")


def security_group_name(stack: str, purpose: str) -> str:
    """Return the name of a security group. purpose: load_balancer, app, database, cache."""
    return f"{stack}-{purpose.replace('_', '-')}"


def secret_prefix(stack: str) -> str:
    """Return what the names of all secrets begin with."""
    return f"{stack}/"


def secret_name(stack: str, purpose: str) -> str:
    """Return the name of a secret, such as campshub360-tier1/heartbeat-token."""
    return secret_prefix(stack) + purpose


def key_alias(stack: str) -> str:
    """Return the alias of the KMS key as its API takes it."""
    return f"alias/{stack}"


def service_name(stack: str) -> str:
    """Return the name of the ECS service."""
    return f"{stack}-app"


def alarm_prefix(stack: str) -> str:
    """Return what the names of all alarms begin with."""
    return f"{stack}-"


def task_log_group(stack: str) -> str:
    """Return the log group that tasks write to."""
    return f"/ecs/{stack}"


def database_log_group(stack: str, log: str = "") -> str:
    """Return the log group of one of the database's logs, such as postgresql; without one, what they all begin with."""
    return f"/aws/rds/instance/{stack}/{log}"


def container_insights_log_group(stack: str, log: str = "performance") -> str:
    """Return the log group that AWS makes for Container Insights; without a log, what they all begin with.

    docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-reference-performance-logs-ECS.html
    """
    return f"/aws/ecs/containerinsights/{stack}/{log}"


def app_domain(zone_name: str) -> str:
    """Return the domain name of the application."""
    return f"app.{zone_name}"


def run_id(at: str) -> str:
    """Return a name for a play that began at that moment: by name as by time, and another for each play."""
    return f"{at}-{secrets.token_hex(2)}"


def probe_name(run: str) -> str:
    """Return the name by which the application knows a run's availability probe."""
    return shortened(run, "probe")


def stack_name_refusal(stack: str) -> str | None:
    """Return why a stack can't be called so, with the cure; None if it can."""
    if STACK_NAME.fullmatch(stack) and len(stack) <= STACK_LIMIT:
        return None
    return (
        f"A stack can't be called {stack!r}. Nothing was touched. Its resources carry the name, so AWS's rules for "
        "theirs apply: lower-case letters, digits and single hyphens, a letter first, no hyphen last, not internal- "
        f"first, at most {STACK_LIMIT} characters. Correct stack_name, or the host's name in the inventory."
    )


def domain_refusal(domain: str) -> str | None:
    """Return why a domain can't be typed so, with the spelling that AWS keeps if there is one; None if it can."""
    if DOMAIN.fullmatch(domain) and len(domain) <= DOMAIN_LIMIT:
        return None
    meant = domain.strip().rstrip(".").lower()
    if len(meant) > DOMAIN_LIMIT:
        return (
            f"A stack's domain can't have {len(meant)} characters: {domain!r}. Nothing was touched. A certificate's "
            f"first name may have {DOMAIN_LIMIT}. Use a shorter one: correct dns_zone_name."
        )
    cure = f"Write it as AWS keeps it: dns_zone_name: {meant}" if DOMAIN.fullmatch(meant) else "Correct dns_zone_name"
    return (
        f"A stack's domain can't be typed {domain!r}. Nothing was touched. It is compared with what AWS shows, and "
        "stands in addresses and the certificate: lower-case letters, digits and hyphens, two parts at least, no dot "
        f"or blank at an end, other letters in their xn-- form. {cure}"
    )


def stored(value: str | None) -> str | None:
    """Return a value as RDS and ElastiCache store it, in lower case: names of groups, days of maintenance windows.

    docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html
    docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheParameterGroup.html
    """
    return value and value.lower()


def aws_cidr(block: str) -> str:
    """Return an address block as AWS keeps it, without host bits: 10.0.0.1/16 becomes 10.0.0.0/16.

    docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
    """
    try:
        return str(ipaddress.ip_network(block, strict=False))
    except ValueError:
        return f"no address block: {block}"
