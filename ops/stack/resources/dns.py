"""A stack's hosted zone and its certificates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.aws.route53 import public_zones
from ops.aws.tags import tags_from
from ops.stack.model import Stack
from ops.stack.naming import app_domain
from ops.stack.ownership import ADOPTED_TAG, TAG, Zone, only_zone
from ops.stack.resources.item import Item


def find_zone(route53: Any, stack: Stack) -> Iterator[Item]:
    """Yield the stack's own zone, or its tag on an adopted one.

    Fails if two zones are the stack's own: deleting could take the wrong one.
    """
    owned = [zone for zone in public_zones(route53, stack.zone_name) if zone.owner(stack.name) != "others"]
    if zone := only_zone(owned, stack.zone_name):
        pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone.id)
        names = {record["Name"] for page in pages for record in page["ResourceRecordSets"]}
        arn = f"arn:{stack.partition}:route53:::hostedzone/{zone.id}"
        yield (adopted_zone if zone.owner(stack.name) == "adopted" else own_zone)(zone, names, arn)


def own_zone(zone: Zone, names: set[str], arn: str) -> Item:
    """Return the item of a zone that the stack created; records of others protect it."""
    # The zone's own, the application's, and those by which ACM validates, are ours.
    others = sorted(n for n in names - {zone.name, app_domain(zone.name)} if not n.startswith("_"))
    return Item(
        "hosted zone",
        zone.name.rstrip("."),
        f"aws route53 delete-hosted-zone --id {zone.id}",
        arn,
        holds=f"{len(names)} names" if len(names) > 1 else "",
        protected=f"it holds names that this stack did not make: {', '.join(others)}" if others else "",
    )


def adopted_zone(zone: Zone, names: set[str], arn: str) -> Item:
    """Return the item of a zone of others that the stack uses."""
    command = "aws route53 change-tags-for-resource --resource-type hostedzone"
    name = app_domain(zone.name)
    application = f" and {name.rstrip('.')}" if name in names else ""
    return Item(
        "adopted zone",
        zone.name.rstrip("."),
        f"{command} --resource-id {zone.id} --remove-tag-keys {ADOPTED_TAG}",
        arn,
        holds=f"only the tag {ADOPTED_TAG}{application} go; the zone and all else in it stay",
    )


def find_certificates(acm: Any, stack: Stack) -> Iterator[Item]:
    """Yield the certificates of the stack's domain that carry its tag."""
    for page in acm.get_paginator("list_certificates").paginate():
        candidates = [one for one in page["CertificateSummaryList"] if one["DomainName"] == stack.zone_name]
        for arn in (one["CertificateArn"] for one in candidates):
            if tags_from(acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]).get(TAG) == stack.name:
                command = f"aws acm delete-certificate --certificate-arn {arn}"
                yield Item("certificate", stack.zone_name, command, arn)
