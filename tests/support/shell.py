"""A shell whose settings lead an AWS client elsewhere, or keep it from starting; and what sees who went there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import botocore.session

CONFIGURATION = """
[profile own]
aws_access_key_id = AKIAREALACCOUNT00000
aws_secret_access_key = of-a-real-account
endpoint_url = {elsewhere}
"""
#: values that botocore refuses, or that lead to another place
WRONG = {
    "AWS_PROFILE": "nobody",
    "AWS_DEFAULT_PROFILE": "nobody",
    "AWS_ACCESS_KEY_ID": "AKIAREALACCOUNT00000",
    "AWS_SECRET_ACCESS_KEY": "of-a-real-account",
    "AWS_SESSION_TOKEN": "of-a-real-session",
    "AWS_SECURITY_TOKEN": "of-a-real-session",
    "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
    "AWS_ROLE_ARN": "arn:aws:iam::210987654321:role/real",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_CA_BUNDLE": "/nowhere/ca.pem",
    "REQUESTS_CA_BUNDLE": "/nowhere/ca.pem",
    "AWS_RETRY_MODE": "twice",
    "AWS_MAX_ATTEMPTS": "often",
    "AWS_DEFAULTS_MODE": "modern",
    "AWS_STS_REGIONAL_ENDPOINTS": "global",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "nearby",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "demanded",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "always",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "always",
    "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "some",
    "AWS_METADATA_SERVICE_TIMEOUT": "soon",
    "AWS_CSM_ENABLED": "true",
    "AWS_CSM_PORT": "some",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "default",
    "LANG": "C",
}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(slots=True)
class Elsewhere:
    """A place that nobody is to go to: who came there, by what they said first."""

    url: str
    met: list[bytes] = field(default_factory=list)


@contextmanager
def elsewhere(address: str) -> Iterator[Elsewhere]:
    """Listen at an address, and hang up on whoever comes."""
    with socket.create_server((address, 0)) as listener:
        place = Elsewhere(f"http://{address}:{listener.getsockname()[1]}")
        threading.Thread(target=_meet, args=(listener, place), daemon=True).start()
        yield place
        listener.shutdown(socket.SHUT_RDWR)


def _meet(listener: socket.socket, place: Elsewhere) -> None:
    while True:
        try:
            visitor, _ = listener.accept()
        except OSError:
            return
        with visitor:
            visitor.settimeout(1)
            place.met.append(visitor.recv(200))


def every_service(url: str) -> dict[str, str]:
    """Return an endpoint of its own for every service that botocore knows."""
    session = botocore.session.get_session()
    names = [session.get_service_model(service).service_id for service in session.get_available_services()]
    return {f"AWS_ENDPOINT_URL_{name.upper().replace(' ', '_').replace('-', '_')}": url for name in names}


Settings = Callable[[Elsewhere, Path], dict[str, str]]


def wrong(place: Elsewhere, folder: Path) -> dict[str, str]:
    """Return all that is wrong at once: an unreadable configuration, endpoints, proxies and keys of elsewhere."""
    broken = folder / "broken"
    broken.write_text("[profile\n")
    files = {"AWS_CONFIG_FILE": str(broken), "AWS_SHARED_CREDENTIALS_FILE": str(broken)}
    urls = {"AWS_URL": place.url, "AWS_ENDPOINT_URL": place.url, "AWS_CONTAINER_CREDENTIALS_FULL_URI": place.url}
    return {**WRONG, **files, **urls, **every_service(place.url), **dict.fromkeys(PROXIES, place.url)}


def right(place: Elsewhere, folder: Path) -> dict[str, str]:
    """Return what somebody has who works on a real account: a profile that exists, and leads there."""
    own = folder / "config"
    own.write_text(CONFIGURATION.format(elsewhere=place.url))
    return {"AWS_PROFILE": "own", "AWS_CONFIG_FILE": str(own)}
