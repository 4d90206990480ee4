"""Names that AWS limits: what an estate may be called, and how a name that grew too long is shortened."""

from __future__ import annotations

import hashlib
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
# The cache and the database go by the estate's own name.
ESTATE_LIMIT = min(LIMITS["replication_group"], LIMITS["database"])
# AWS also forbids: two hyphens in a row (RDS, ElastiCache), "internal-" first (load balancers).
ESTATE_NAME = re.compile(r"(?!internal-)[a-z](?:-?[a-z0-9])*")
HASH_LENGTH = 8


def aws_name(name: str, kind: str) -> str:
    """The name as AWS takes it: itself, or cut with a hash of the whole, so that no two long names become one."""
    limit = LIMITS[kind]
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: limit - HASH_LENGTH - 1].rstrip('-')}-{digest}"


def objection(estate: str) -> str | None:
    """Why an estate can't be called so, with the cure."""
    if ESTATE_NAME.fullmatch(estate) and len(estate) <= ESTATE_LIMIT:
        return None
    return (
        f"An estate can't be called {estate!r}. Nothing was touched. Its resources carry the name, so AWS's rules for "
        "theirs apply: lower-case letters, digits and single hyphens, a letter first, no hyphen last, not internal- "
        f"first, at most {ESTATE_LIMIT} characters. Correct stack_name, or the host's name in the inventory."
    )
