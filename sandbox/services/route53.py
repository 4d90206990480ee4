"""Route 53: names in lower case and targets of aliases, where moto differs from AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.route53.exceptions import Route53ClientError
from moto.route53.models import FakeZone, Route53Backend

from sandbox.aws_api.patch import behaviour
from sandbox.services.elbv2.api import HOSTED_ZONES

#: Zones of AWS's own that aliases may name, and the end of the names in them.
#: https://docs.aws.amazon.com/general/latest/gr/elb.html, cf_region.html
TARGETS = {zone: f".{region}.elb.amazonaws.com" for region, zone in HOSTED_ZONES.items()} | {
    "Z2FDTNDATAQYW2": ".cloudfront.net"
}


def install() -> None:
    """Attach Route 53's patches."""
    behaviour(Route53Backend)(create_hosted_zone)
    behaviour(Route53Backend)(list_hosted_zones_by_name)
    behaviour(Route53Backend)(change_resource_record_sets)


def create_hosted_zone(
    original: Callable[..., FakeZone], self: Route53Backend, name: str, *args: Any, **options: Any
) -> FakeZone:
    """Create a hosted zone with its name in lower case.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
    """
    return original(name.lower(), *args, **options)


def list_hosted_zones_by_name(
    original: Callable[[str | None], tuple[str | None, list[FakeZone]]], self: Route53Backend, dnsname: str | None
) -> tuple[str | None, list[FakeZone]]:
    """List zones by name, in lower case."""
    return original(dnsname and dnsname.lower())


def change_resource_record_sets(
    original: Any, self: Route53Backend, zoneid: str, change_list: list[dict[str, Any]]
) -> None:
    """Change records, or none of a batch if one is refused: an alias must name a record in its zone.

    Names of records are kept in lower case too.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html; users report these messages:
    https://github.com/barnybug/cli53/issues/213, https://github.com/harmony-one/harmony-ops/issues/491
    """
    if wrong := [words for change in change_list for words in _errors(self, change)]:
        raise Route53ClientError("InvalidChangeBatch", f"[{', '.join(wrong)}]")
    for change in change_list:
        change["ResourceRecordSet"]["Name"] = str(change["ResourceRecordSet"]["Name"]).lower()
    original(zoneid, change_list)


def _errors(backend: Route53Backend, change: dict[str, Any]) -> Iterator[str]:
    record = change["ResourceRecordSet"]
    target = record.get("AliasTarget")
    if not target or change["Action"] == "DELETE":
        return
    zone, name = target["HostedZoneId"], target["DNSName"].rstrip(".").lower()
    tried = f"Tried to create an alias that targets {name}., type {record['Type']} in zone {zone}"
    own = backend.zones.get(zone)
    end = f".{own.name.rstrip('.')}" if own else TARGETS.get(zone)
    if end is None or not f".{name}".endswith(end):
        yield f"{tried}, but the alias target name does not lie within the target zone"
