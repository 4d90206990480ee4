"""The services of AWS that differ from moto, and those behind which something really runs."""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Iterator

from sandbox.control.context import Sandbox
from sandbox.control.loop import Controller

#: Modules with patches of moto, each with an `install`.
PATCHES = (
    "acm.api",
    "cloudwatch.api",
    "ec2.api",
    "ec2.dependencies",
    "ec2.security_groups",
    "ecr",
    "ecs.api",
    "elasticache.api",
    "elbv2.api",
    "kms",
    "rds.api",
    "route53",
    "s3",
    "secretsmanager",
    "servicequotas",
    "sts",
)
#: What starts and ends with a sandbox: in this order, as later ones use what earlier ones make.
CONTROLLERS = (
    "acm.controller.AcmController",
    "elbv2.controller.ElbV2Controller",
    "rds.controller.RdsController",
    "elasticache.controller.ElastiCacheController",
    "ecs.controller.EcsController",
    "cloudwatch.controller.CloudWatchController",
)


@functools.cache
def install() -> None:
    """Attach every service's patches to moto's classes; once in a process, however often called."""
    # arn:aws:iam::aws:policy/... exist in every account; moto brings them only when asked.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    # Our own error codes are none of AWS's, on purpose.
    warnings.filterwarnings("ignore", message=".*does not match an error shape")
    for module in PATCHES:
        importlib.import_module(f"{__name__}.{module}").install()


def controllers(sandbox: Sandbox) -> Iterator[tuple[str, Controller]]:
    """Yield each controller and its service's name."""
    for name in CONTROLLERS:
        module, _, cls = name.rpartition(".")
        yield module.partition(".")[0], getattr(importlib.import_module(f"{__name__}.{module}"), cls)(sandbox)
