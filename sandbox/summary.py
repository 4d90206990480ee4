"""The summary at the end of a rehearsal, read from the API and from the application's public address."""

from __future__ import annotations

import http.client
import shlex
import socket
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.cli import running
from sandbox.config import Settings
from sandbox.runtime.certificates import Authority
from sandbox.runtime.network import Network

HTTPS_PORT = 8443


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """One playbook run: seconds by role, and the number of changed tasks."""

    seconds: Mapping[str, float]
    changed: int


@dataclass(frozen=True, slots=True)
class Summary:
    url: str
    curl: str
    answer: str
    service: str
    targets: Mapping[str, str]
    database: str
    cache: str
    resources: Mapping[str, int]
    first: PlaybookRun
    second: PlaybookRun
    stages: Mapping[str, float]


def client(settings: Settings, service: str) -> Any:
    """Return a boto3 client of the operator."""
    return running.clients(settings)(service)


def public_name(settings: Settings, stack: str) -> tuple[str, str]:
    """Return the application's public host name and the loopback address that its alias record points to."""
    route53 = client(settings, "route53")
    balancer = client(settings, "elbv2").describe_load_balancers(Names=[stack])["LoadBalancers"][0]["DNSName"]
    for zone in route53.list_hosted_zones()["HostedZones"]:
        for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
            if record.get("AliasTarget", {}).get("DNSName", "").rstrip(".") == balancer:
                address = Network(settings.root, settings.net).lookup(balancer)
                if address is None:
                    raise LookupError(f"The load balancer {balancer} has no address. Look at: sandbox logs")
                return record["Name"].rstrip("."), address
    raise LookupError(f"No DNS record points to the load balancer {balancer}. Run: make rehearse")


def ask(settings: Settings, host: str, address: str, path: str) -> str:
    """Return status and release of one GET through the public address."""
    context = ssl.create_default_context(cafile=str(Authority(settings.root).certificate))
    with (
        socket.create_connection((address, HTTPS_PORT), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as tls,
    ):
        connection = http.client.HTTPConnection(host)
        connection.sock = tls
        connection.request("GET", path)
        answer = connection.getresponse()
        return f"{answer.status} {answer.reason}, release {answer.getheader('X-Release')}"


def curl(settings: Settings, host: str, address: str, path: str) -> str:
    ca = shlex.quote(str(Authority(settings.root).certificate))
    return f"curl --cacert {ca} --connect-to {host}:443:{address}:{HTTPS_PORT} https://{host}{path}"


def collect(
    settings: Settings, stack: str, first: PlaybookRun, second: PlaybookRun, stages: Mapping[str, float]
) -> Summary:
    host, address = public_name(settings, stack)
    elb = client(settings, "elbv2")
    service = client(settings, "ecs").describe_services(cluster=stack, services=[f"{stack}-app"])["services"][0]
    database = client(settings, "rds").describe_db_instances(DBInstanceIdentifier=stack)["DBInstances"][0]
    cache = client(settings, "elasticache").describe_replication_groups(ReplicationGroupId=stack)["ReplicationGroups"][
        0
    ]
    primary = cache["NodeGroups"][0]["PrimaryEndpoint"]
    return Summary(
        url=f"https://{host}",
        curl=curl(settings, host, address, "/readyz"),
        answer=ask(settings, host, address, "/readyz"),
        service=f"{service['runningCount']} of {service['desiredCount']} tasks running",
        targets={
            group["TargetGroupName"]: health(elb, group["TargetGroupArn"])
            for group in elb.describe_target_groups()["TargetGroups"]
            if group["TargetGroupName"].startswith(f"{stack}-")
        },
        database=f"{database['Endpoint']['Address']}:{database['Endpoint']['Port']} ({database['DBInstanceStatus']})",
        cache=f"{primary['Address']}:{primary['Port']} ({cache['Status']})",
        resources=resources(settings, stack),
        first=first,
        second=second,
        stages=stages,
    )


def health(elb: Any, arn: str) -> str:
    targets = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    states = Counter(target["TargetHealth"]["State"] for target in targets)
    return ", ".join(f"{count} {state}" for state, count in states.items()) or "no targets"


def resources(settings: Settings, stack: str) -> dict[str, int]:
    """Return the number of resources with the stack's tag, by service."""
    pages = client(settings, "resourcegroupstaggingapi").get_paginator("get_resources")
    found = pages.paginate(TagFilters=[{"Key": "Stack", "Values": [stack]}])
    arns = (item["ResourceARN"] for page in found for item in page["ResourceTagMappingList"])
    return dict(sorted(Counter(arn.split(":")[2] for arn in arns).items()))


def text(result: Summary) -> str:
    """Return the summary as text for a terminal."""
    again = "changed nothing" if result.second.changed == 0 else f"CHANGED {result.second.changed} TASKS: that is a bug"
    by_service = ", ".join(f"{count} {service}" for service, count in result.resources.items())
    rows = [
        ("address", result.url),
        ("it answers", result.answer),
        ("try it", result.curl),
        ("service", result.service),
        *((f"{name.rpartition('-')[2]} targets", state) for name, state in result.targets.items()),
        ("database", result.database),
        ("cache", result.cache),
        ("resources", f"{sum(result.resources.values())} with the stack's tag: {by_service}"),
        ("a second run", again),
        ("layers", ", ".join(f"{role} {spent:.0f} s" for role, spent in result.first.seconds.items() if spent >= 1)),
        ("stages", ""),
        *(("", f"{spent:5.0f} s  {title}") for title, spent in result.stages.items()),
        ("look inside", ".venv/bin/sandbox status, connect or logs"),
        ("stop", "make down"),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}".rstrip() for name, value in rows]
    return "\n".join(["", "CampsHub360 Tier 1 is up, on this machine.", "", *lines, ""])
