"""A load balancer and what it needs, created through the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from moto.acm.models import acm_backends
from moto.backends import get_backend

from sandbox.aws_api import status
from sandbox.services.elbv2.controller import ElbV2Controller
from tests.support.sandbox.dataplane import Stage, running
from tests.support.waiting import HANGS_SECONDS

HOST = "app.campshub360.example"
POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


class Balancing:
    """Shorthand for ELBv2's calls."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.elb = stage.client("elbv2")

    def balancer(self, name: str, **options: Any) -> dict[str, Any]:
        subnets, groups = [*self.stage.subnets], [self.stage.security_group]
        request = {"Name": name, "Subnets": subnets, "SecurityGroups": groups} | options
        return dict(self.elb.create_load_balancer(**request)["LoadBalancers"][0])

    def group(self, name: str, **options: Any) -> str:
        check = {
            "HealthCheckPath": "/readyz",
            "HealthCheckIntervalSeconds": 5,
            "HealthCheckTimeoutSeconds": 2,
        }
        group = {"Name": name, "TargetType": "ip", "Protocol": "HTTP", "Port": 8000}
        request = group | {"VpcId": self.stage.vpc} | check | options
        arn = str(self.elb.create_target_group(**request)["TargetGroups"][0]["TargetGroupArn"])
        with self.record(arn) as made:
            made.health_check_timeout_seconds = HANGS_SECONDS  # a busy machine makes no target unhealthy
        return arn

    @contextmanager
    def record(self, group: str) -> Iterator[Any]:
        """A target group as the API keeps it, to be given what AWS would not take."""
        state = self.stage.sandbox.state
        with state.lock:
            yield next(b.target_groups[group] for _, _, b in state.backends("elbv2") if group in b.target_groups)
        state.changed.set()

    def certificate(self, *, issued: bool = True) -> str:
        acm = self.stage.client("acm")
        arn = acm.request_certificate(DomainName=HOST, ValidationMethod="DNS")["CertificateArn"]
        with self.stage.sandbox.state.lock:
            certificate = acm_backends["123456789012"]["us-east-1"]._certificates[arn]
            certificate.status = "ISSUED" if issued else "PENDING_VALIDATION"
        return str(arn)

    def certificate_of(self, listener: str) -> str:
        (found,) = self.elb.describe_listeners(ListenerArns=[listener])["Listeners"]
        return str(found["Certificates"][0]["CertificateArn"])

    def users(self, certificate: str) -> list[str]:
        acm = self.stage.client("acm")
        found = acm.describe_certificate(CertificateArn=certificate)["Certificate"]
        return list(found["InUseBy"])

    def listener(self, balancer: dict[str, Any], port: int, **options: Any) -> str:
        request = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Port": port} | options
        return str(self.elb.create_listener(**request)["Listeners"][0]["ListenerArn"])

    def https(self, balancer: dict[str, Any], *actions: dict[str, Any]) -> str:
        certificates = [{"CertificateArn": self.certificate()}]
        return self.listener(
            balancer,
            443,
            Protocol="HTTPS",
            Certificates=certificates,
            SslPolicy=POLICY,
            DefaultActions=[*actions],
        )

    def health(self, group: str) -> dict[str, tuple[str, str | None, str | None]]:
        """Return target id -> state, reason, description."""
        found = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {
            one["Target"]["Id"]: (
                one["TargetHealth"]["State"],
                one["TargetHealth"].get("Reason"),
                one["TargetHealth"].get("Description"),
            )
            for one in found
        }


def weighted(**weights: Any) -> dict[str, Any]:
    """Return a forward action to several target groups, given as name=(arn, weight)."""
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.values()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def to(arn: str) -> dict[str, Any]:
    """Return a forward action to one target group."""
    return {"Type": "forward", "TargetGroupArn": arn}


@contextmanager
def balancing(root: Path) -> Iterator[Balancing]:
    """Run a sandbox that serves load balancers."""
    for service in ("elbv2", "acm"):
        get_backend(service).reset()
    with running(root, ElbV2Controller) as stage, pytest.MonkeyPatch.context() as patch:
        patch.setattr(status, "current", stage.sandbox.status)
        yield Balancing(stage)
