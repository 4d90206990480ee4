"""The AWS services that the sandbox emulates beyond moto: patches of moto, and controllers of what really runs."""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Iterator

from sandbox.control.context import Sandbox
from sandbox.control.loop import Controller

#: Every service: the module whose `install` attaches its patches, and its controller, if it has one.
#: Controllers start in this order, since later ones use what earlier ones create.
SERVICES = {
    "acm.api": "acm.controller.AcmController",
    "elbv2.api": "elbv2.controller.ElbV2Controller",
    "rds.api": "rds.controller.RdsController",
    "elasticache.api": "elasticache.controller.ElastiCacheController",
    "ecs.api": "ecs.controller.EcsController",
    "cloudwatch.api": "cloudwatch.controller.CloudWatchController",
    "ec2.api": None,
    "ecr": None,
    "kms": None,
    "route53": None,
    "s3": None,
    "secretsmanager": None,
    "servicequotas": None,
    "sts": None,
}


@functools.cache
def install() -> None:
    """Attach every service's patches to moto's classes; once in a process, however often called."""
    # arn:aws:iam::aws:policy/... exist in every account; moto brings them only when asked.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    # Our own error codes are none of AWS's, on purpose.
    warnings.filterwarnings("ignore", message=".*does not match an error shape")
    for module in SERVICES:
        importlib.import_module(f"{__name__}.{module}").install()


def create_controllers(sandbox: Sandbox) -> Iterator[Controller]:
    """Yield a controller for each service that has one; none is started yet."""
    for name in filter(None, SERVICES.values()):
        module, _, cls = name.rpartition(".")
        yield getattr(importlib.import_module(f"{__name__}.{module}"), cls)(sandbox)
