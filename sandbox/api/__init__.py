"""The AWS API: moto, embedded, with one module of mends for each service that needs some."""

from __future__ import annotations

import functools
import importlib
import os
import warnings

SERVICES = (
    "acm",
    "cloudwatch",
    "ec2",
    "ec2_dependencies",
    "ec2_security_groups",
    "ecr",
    "ecs",
    "elasticache",
    "elbv2",
    "kms",
    "rds",
    "route53",
    "s3",
    "secretsmanager",
    "servicequotas",
    "sts",
)


@functools.cache
def install() -> None:
    """Attach every service's mends to moto's classes; once in a process, however often called."""
    # arn:aws:iam::aws:policy/... exist in every account; moto brings them only when asked.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    # Our own error codes are none of AWS's, on purpose.
    warnings.filterwarnings("ignore", message=".*does not match an error shape")
    for service in SERVICES:
        importlib.import_module(f"{__name__}.{service}").install()
