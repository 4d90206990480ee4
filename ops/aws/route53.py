"""Public hosted zones in Route 53."""

from __future__ import annotations

from typing import Any

from ops.aws.tags import tags_from
from ops.stack.ownership import Zone, absolute


def public_zones(route53: Any, name: str) -> list[Zone]:
    """Return every public hosted zone of that name; AWS lets an account have several."""
    listed = route53.list_hosted_zones_by_name(DNSName=absolute(name))["HostedZones"]
    public = [zone for zone in listed if zone["Name"] == absolute(name) and not zone["Config"]["PrivateZone"]]
    return [described(route53, zone) for zone in public]


def described(route53: Any, zone: dict[str, Any]) -> Zone:
    """Return a zone of ListHostedZonesByName with its tags."""
    identifier = zone["Id"].rpartition("/")[2]
    answer = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=identifier)
    tags = tags_from(answer["ResourceTagSet"]["Tags"])
    return Zone(identifier, zone["Name"], zone["Config"].get("Comment") or "", zone["CallerReference"], tags)


def name_servers(route53: Any, zone: Zone) -> list[str]:
    """Return the name servers to which the parent domain must delegate."""
    return list(route53.get_hosted_zone(Id=zone.id)["DelegationSet"]["NameServers"])
