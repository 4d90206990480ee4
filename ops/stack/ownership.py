"""What belongs to a stack among look-alikes: one rule a kind of resource, for discovery and for modules.

Only what AWS's answers say counts. A resource whose name is unique in account and region (load balancer, target group,
database, cache, cluster, role, bucket) needs no rule: it is found by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Found = Mapping[str, Any]

TAG = "Stack"
ADOPTED_TAG = "AdoptedBy"
# Where a stack's own listeners and rules stand on its load balancer. Others may add theirs beside them.
PORTS = {"http": 80, "https": 443}
PRIORITIES = {"test": 50, "production": 100}
# An issued certificate before a pending one; a failed or expired one never.
USABLE = ("ISSUED", "PENDING_VALIDATION")


class AmbiguousError(Exception):
    """Several resources fit where there may be only one. The message names them all, and the cure."""


CHOOSE = "Do what is right of this, then run the same command again:"


def lines(cures: Mapping[str, str]) -> str:
    """Return a line for each resource that may be the wrong one, with the command that settles it."""
    return "".join(f"\nif {one} is the wrong one: {command}" for one, command in cures.items())


def listener_on(listeners: Iterable[Found], port: int) -> Found | None:
    """Return the listener on that port; AWS has at most one."""
    return next((listener for listener in listeners if listener["Port"] == port), None)


def rule_at(rules: Iterable[Found], priority: int) -> Found | None:
    """Return the rule with that priority; AWS has at most one."""
    return next((rule for rule in rules if rule["Priority"] == str(priority)), None)


def target_groups(rule: Found) -> set[str]:
    """Return the ARNs of all target groups to which a rule forwards."""
    forwards = [action for action in rule["Actions"] if action["Type"] == "forward"]
    groups = [group for action in forwards for group in action.get("ForwardConfig", {}).get("TargetGroups", [])]
    return {action["TargetGroupArn"] for action in [*forwards, *groups] if "TargetGroupArn" in action}


def rule_belongs(stack: str, own_groups: bool, tags: Mapping[str, str]) -> bool:
    """Return whether a rule where one of the stack's belongs is its own.

    own_groups: whether it forwards to one of the stack's target groups; then a lost tag is only a drift.
    """
    return tags.get(TAG, stack if own_groups else "") == stack


def certificate_names(domain: str) -> list[str]:
    """Return the names of a stack's certificate: its domain, and all names right below it."""
    return [domain, f"*.{domain}"]


def is_own_certificate(certificate: Found, domain: str, stack: str) -> bool:
    """Return whether a certificate (with `names` and `tags`) is the stack's for just its names."""
    names = {name.lower() for name in certificate["names"]}
    return names == set(certificate_names(domain)) and certificate["tags"].get(TAG) == stack


def best_certificate(certificates: Iterable[Found], balancer: str) -> Found | None:
    """Return the certificate to use: the one that the load balancer of that name has, while it is good.

    Each has `arn`, `status`, `in_use_by` (ARNs) and `not_after` (empty while pending).
    """

    def rank(certificate: Found) -> tuple[Any, ...]:
        serves = any(f":loadbalancer/app/{balancer}/" in arn for arn in certificate["in_use_by"])
        return certificate["status"] == USABLE[0], serves, certificate["not_after"], certificate["arn"]

    return max((one for one in certificates if one["status"] in USABLE), key=rank, default=None)


def own_vpc(vpcs: Sequence[Found], subnets: Sequence[Found], stack: str) -> str | None:
    """Return the id of the stack's VPC, from all VPCs and subnets with its tag.

    A VPC that lost its tag is known by its subnets.
    """
    ids = sorted({vpc["VpcId"] for vpc in vpcs} or {subnet["VpcId"] for subnet in subnets})
    if len(ids) > 1:
        carriers = {vpc: [subnet["SubnetId"] for subnet in subnets if subnet["VpcId"] == vpc] for vpc in ids}
        cures = {
            vpc: f"aws ec2 delete-tags --resources {' '.join([vpc, *sorted(carriers[vpc])])} --tags Key={TAG}"
            for vpc in ids
        }
        raise AmbiguousError(
            f"{len(ids)} VPCs carry the tag {TAG}={stack}, or hold subnets that do: {', '.join(ids)}. Only one can be "
            f"the stack's, and nothing tells which. Nothing was touched. {CHOOSE}{lines(cures)}"
        )
    return ids[0] if ids else None


def only_named(noun: str, name: str, ids: Sequence[str]) -> str | None:
    """Return the one EC2 resource of the VPC that has that name."""
    if len(ids) > 1:
        cures = {one: f"aws ec2 delete-tags --resources {one} --tags Key=Name" for one in ids}
        raise AmbiguousError(
            f"The VPC has {len(ids)} {noun}s called {name}: {', '.join(ids)}. Only one can be the stack's, and nothing "
            f"tells which. None of them was touched. {CHOOSE}{lines(cures)}"
        )
    return ids[0] if ids else None


def absolute(name: str) -> str:
    """Return a name as Route 53 shows it: in lower case, with the dot at its end, * not escaped.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
    """
    return name.lower().rstrip(".").replace("\\052", "*") + "."


@dataclass(frozen=True)
class Zone:
    """A public hosted zone. reference: the caller's reference with which it was created."""

    id: str
    name: str
    comment: str
    reference: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def owner(self, stack: str) -> str:
        """Return `adopted` or `own` if the zone belongs to the stack, else `others`.

        One whose tags were never put, or were lost, is known by the reference with which the stack made it.
        """
        if self.tags.get(ADOPTED_TAG) == stack:
            return "adopted"
        made_here = self.reference.startswith(f"{stack}/")
        return "own" if self.tags.get(TAG, stack if made_here else "") == stack else "others"

    def __str__(self) -> str:
        made_by = f", tagged {TAG}={self.tags[TAG]}" if TAG in self.tags else ""
        return f"{self.id} (comment: {self.comment or 'none'}{made_by})"


def only_zone(zones: Sequence[Zone], name: str) -> Zone | None:
    """Return the zone of that name among these."""
    if len(zones) > 1:
        cures = {zone.id: f"aws route53 delete-hosted-zone --id {zone.id}" for zone in zones}
        looks = [f"dig +short NS {name.rstrip('.')}", f"aws route53 get-hosted-zone --id {zones[0].id}"]
        raise AmbiguousError(
            f"There are {len(zones)} public hosted zones called {name.rstrip('.')}: {'; '.join(map(str, zones))}. The "
            "world asks only the one whose name servers stand in the domain above, and records in another are never "
            f"seen. Nothing was touched. {CHOOSE}{lines(cures)}\nCompare their name servers:\n{looks[0]}\n{looks[1]}"
        )
    return zones[0] if zones else None


def stranger_zone(zone: Zone, stack: str) -> str:
    """Return why a zone that others made is not used, with the cure."""
    name = zone.name.rstrip(".")
    if other := zone.tags.get(TAG) or zone.tags.get(ADOPTED_TAG):
        return (
            f"The hosted zone {name}, {zone}, belongs to the stack {other}, and not to {stack}: both would write the "
            "same names. Nothing was touched. Give this stack a domain of its own: correct dns_zone_name."
        )
    command = "aws route53 change-tags-for-resource --resource-type hostedzone --resource-id"
    return (
        f"The hosted zone {name}, {zone}, was not made by {stack}: it has no tag {TAG}={stack}. Nothing was touched. "
        "If the stack may put its records there, say so once: -e dns_adopt_zone=true. Its comment, its tags and the "
        f"records of others then stay, and destroying the stack leaves it. If {stack} did make it, put the tag back: "
        f"{command} {zone.id} --add-tags Key={TAG},Value={stack}"
    )
