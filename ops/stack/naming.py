"""Names that AWS limits: what a stack may be called, and how a name that grew too long is shortened."""

from __future__ import annotations

import hashlib
import ipaddress
import re

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


def aws_name(name: str, kind: str) -> str:
    """The name as AWS takes it: itself, or cut with a hash of the whole, so that no two long names become one."""
    limit = LIMITS[kind]
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: limit - HASH_LENGTH - 1].rstrip('-')}-{digest}"


def objection(stack: str) -> str | None:
    """Why a stack can't be called so, with the cure."""
    if STACK_NAME.fullmatch(stack) and len(stack) <= STACK_LIMIT:
        return None
    return (
        f"A stack can't be called {stack!r}. Nothing was touched. Its resources carry the name, so AWS's rules for "
        "theirs apply: lower-case letters, digits and single hyphens, a letter first, no hyphen last, not internal- "
        f"first, at most {STACK_LIMIT} characters. Correct stack_name, or the host's name in the inventory."
    )


def domain_objection(domain: str) -> str | None:
    """Return why a domain can't be typed so, with the spelling that AWS keeps if there is one."""
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
