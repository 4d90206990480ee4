"""Identify the AWS operation that an HTTP request calls, by botocore's service models."""

from __future__ import annotations

import functools
import gzip
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import botocore
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.exceptions import NotFound

from sandbox.config import REGION

CREDENTIAL = re.compile(r"(?P<key>[A-Z0-9]{16,128})/\d{8}/(?P<region>[\w-]+)/(?P<name>[\w.-]+)/aws4_request")
RPC_PATH = re.compile(r"/service/[^/]+/operation/(?P<operation>\w+)$")

#: These only look, whatever else their service does.
READING = re.compile(
    r"(Describe|List|Get|Head|BatchGet|BatchDescribe|BatchCheck|Lookup|Search|Select|Scan|Query|Filter"
    r"|Simulate|Validate|Estimate|Preview|Check|Detect|Decode|Download|Discover|Test|View|StartQuery"
    r"|StopQuery|AssumeRole|Encrypt|Decrypt|ReEncrypt|GenerateDataKey|GenerateRandom|GenerateMac"
    r"|Sign|Verify)(?![a-z])"
)
#: These act, although they are named as if they only looked.
ACTING = {"TestFailover", "TestMigration", "SignUp", "VerifyEmailIdentity", "VerifyDomainIdentity"}


@dataclass(frozen=True, slots=True)
class Call:
    """One API call. `service` is botocore's name; an unknown operation is "METHOD /path".

    resource: the bucket, object or secret that the call names; None for other services.
    """

    service: str
    operation: str
    region: str
    access_key: str | None
    resource: str | None = None

    @property
    def mutating(self) -> bool:
        """Return whether the call may change what AWS holds; encrypting and AssumeRole do not."""
        if not self.identified:
            return not self.operation.startswith(("GET ", "HEAD "))
        return self.operation in ACTING or not READING.match(self.operation)

    @property
    def identified(self) -> bool:
        """Return whether botocore's model has the operation."""
        return " " not in self.operation

    @property
    def known(self) -> bool:
        """Return whether botocore has the service."""
        return self.service in _by_name()


@dataclass(frozen=True, slots=True)
class _Service:
    name: str
    signing_name: str
    version: str
    target_prefix: str


def identify(environ: dict[str, Any], body: bytes) -> Call:
    """Return the call that a request makes. environ: WSGI's; body: what was read from it."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    credential = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "") or "".join(query.get("X-Amz-Credential", [])))
    if credential:
        key, region, signing_name = credential["key"], credential["region"], credential["name"]
    else:  # S3 alone still takes signature version 2, in presigned URLs
        key = "".join(query.get("AWSAccessKeyId", []))
        region, signing_name = REGION, "s3" if key else ""
    service, operation = _operation(environ, body, signing_name.lower())
    return Call(
        service=service or signing_name or "unknown",
        operation=operation or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}",
        region=region,
        access_key=key or None,
        resource=_resource(service, environ, body),
    )


def _resource(service: str, environ: dict[str, Any], body: bytes) -> str | None:
    if service == "s3":
        return f"arn:aws:s3:::{environ['PATH_INFO'].strip('/')}"
    if service == "secretsmanager":
        named = re.search(rb'"SecretId"\s*:\s*"([^"]+)"', body)
        return named[1].decode() if named else None
    return None


def _operation(environ: dict[str, Any], body: bytes, signing_name: str) -> tuple[str, str]:
    candidates = _by_signing_name().get(signing_name, [])
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        prefix, _, operation = target.rpartition(".")
        named = [s for s in _by_name().values() if s.target_prefix == prefix]
        return _first(named or candidates), operation
    if rpc := RPC_PATH.match(environ["PATH_INFO"]):
        return _first(candidates), rpc["operation"]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qs(body.decode("utf-8", "replace"))
        if "Action" in form:
            versions = form.get("Version", [])
            named = [s for s in candidates if s.version in versions]
            return _first(named or candidates), form["Action"][0]
    for service in candidates:
        request = BackendRequest(dict(environ))
        try:
            return service.name, str(get_service_router(service.name).match(request)[0].name)
        except (NotFound, NotImplementedError):
            continue
    return _first(candidates), ""


def _first(services: list[_Service]) -> str:
    return services[0].name if services else ""


@functools.cache
def _by_signing_name() -> dict[str, list[_Service]]:
    """Return services by signing name; the service of that very name comes first."""
    found: dict[str, list[_Service]] = defaultdict(list)
    for service in sorted(_by_name().values(), key=lambda s: s.name != s.signing_name):
        found[service.signing_name].append(service)
    return found


@functools.cache
def _by_name() -> dict[str, _Service]:
    """Return all services of botocore by name, from the first lines of their models: reading all of them takes 20 s."""
    models: dict[str, Path] = {}
    for path in sorted((Path(botocore.__file__).parent / "data").glob("*/*/service-2.json.gz")):
        models[path.parent.parent.name] = path  # the latest version comes last
    return {name: _head(name, path) for name, path in models.items()}


def _head(name: str, path: Path) -> _Service:
    with gzip.open(path) as file:
        text = file.read(4096).decode("utf-8", "replace")

    def field(key: str) -> str:
        found = re.search(rf'"{key}"\s*:\s*"([^"]*)"', text)
        return found[1] if found else ""

    return _Service(
        name=name,
        signing_name=field("signingName") or field("endpointPrefix"),
        version=field("apiVersion"),
        target_prefix=field("targetPrefix"),
    )
