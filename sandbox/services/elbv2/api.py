"""Application Load Balancers. Listeners and target groups are in modules of their own.

Pages named API_*.html are those of https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.elbv2.exceptions import DuplicateLoadBalancerName, ELBClientError, ValidationError
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

from sandbox.aws_api.patch import behaviour
from sandbox.services.elbv2 import listeners as elbv2_listeners
from sandbox.services.elbv2 import targets as elbv2_targets
from sandbox.services.elbv2.errors import not_emulated

ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "health_check_logs.s3.enabled": "false",
    "health_check_logs.s3.bucket": "",
    "health_check_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}

#: What an alias record names as the load balancer's zone.
#: https://docs.aws.amazon.com/general/latest/gr/elb.html
HOSTED_ZONES = {
    "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2",
    "us-west-1": "Z368ELLRRE2KJ0",
    "us-west-2": "Z1H1FL5HABSF5",
    "eu-west-1": "Z32O12XQLNTSW2",
    "eu-central-1": "Z215JYRZR1TBD5",
    "ap-south-1": "ZP97RAFLXTNZK",
    "ap-southeast-1": "Z1LMS91P8CMLE5",
}


def install() -> None:
    """Attach all patches of ELBv2."""
    for patch in (create_load_balancer, delete_load_balancer):
        behaviour(ELBv2Backend)(patch)
    behaviour(FakeLoadBalancer)(activate)
    # moto rejects attributes that it doesn't list.
    FakeLoadBalancer.VALID_ATTRS = {*FakeLoadBalancer.VALID_ATTRS, *ATTRIBUTES}
    elbv2_listeners.install()
    elbv2_targets.install()


def create_load_balancer(
    original: Callable[..., FakeLoadBalancer], self: ELBv2Backend, name: str, **desired: Any
) -> FakeLoadBalancer:
    """Create a load balancer, or return the same one: two zones at least, AWS's defaults and attributes.

    API_CreateLoadBalancer.html,
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
    """
    if (kind := desired.get("loadbalancer_type") or "application") != "application":
        raise not_emulated(f"{kind} load balancers")
    desired["scheme"] = desired.get("scheme") or "internet-facing"
    for known in self.load_balancers.values():
        if known.name == name:
            return _same(known, desired)
    balancer = original(name=name, **desired)
    if len({zone.zone_name for zone in balancer.availability_zones}) < 2:
        del self.load_balancers[balancer.arn]
        raise ValidationError("At least two subnets in two different Availability Zones must be specified")
    internal = balancer.scheme == "internal"
    number = int(balancer.arn.rpartition("/")[2], 16) % 10**10
    prefix = "internal-" if internal else ""
    balancer.dns_name = f"{prefix}{name}-{number:010}.{self.region_name}.elb.amazonaws.com"
    balancer.canonical_hosted_zone_id = HOSTED_ZONES.get(self.region_name, balancer.canonical_hosted_zone_id)
    balancer.attrs = ATTRIBUTES | {"ipv6.deny_all_igw_traffic": str(internal).lower()}
    return balancer


def _same(known: FakeLoadBalancer, desired: dict[str, Any]) -> FakeLoadBalancer:
    mappings = [mapping["SubnetId"] for mapping in desired.get("subnet_mappings") or []]
    if (
        known.scheme == desired["scheme"]
        and {subnet.id for subnet in known.subnets} == {*desired["subnet_ids"], *mappings}
        and set(known.security_groups) == set(desired["security_groups"])
    ):
        return known
    raise DuplicateLoadBalancerName(
        f"A load balancer with the same name '{known.name}' exists, but with different settings"
    )


def delete_load_balancer(original: Callable[[str], None], self: ELBv2Backend, arn: str) -> None:
    """Delete a load balancer; refuse under deletion protection. API_DeleteLoadBalancer.html"""
    balancer = self.load_balancers.get(arn)
    if balancer and balancer.attrs["deletion_protection.enabled"] == "true":
        raise ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    if balancer:
        departed(self)[arn] = tuple(one for listener in balancer.listeners.values() for one in listener.certificates)
    original(arn)


def departed(backend: ELBv2Backend) -> dict[str, tuple[str, ...]]:
    """Return deleted load balancers that AWS is still cleaning up: ARN -> ARNs of their certificates."""
    known: dict[str, tuple[str, ...]] = backend.__dict__.setdefault("departed", {})
    return known


def activate(original: Callable[[], None], self: FakeLoadBalancer) -> None:
    """Leave the state to the controller, which knows when the load balancer serves; moto sets it when read.

    API_LoadBalancerState.html
    """
