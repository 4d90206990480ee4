"""The public address, from outside: TLS, redirect, the release, and data behind it."""

from __future__ import annotations

import http.client
import socket
import ssl
import uuid
from pathlib import Path

import pytest

from tests.support.stack import NAME, RELEASE, STACK, Ask
from tests.support.waiting import HANGS_SECONDS


def speak(address: str, context: ssl.SSLContext) -> str | None:
    """The TLS version that the load balancer agrees to."""
    with (
        socket.create_connection((address, 8443), timeout=HANGS_SECONDS) as raw,
        context.wrap_socket(raw, server_hostname=NAME) as tls,
    ):
        return tls.version()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_tls_is_spoken_with_a_certificate_for_the_name(address: str, ca: Path, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=str(ca))
    context.minimum_version = context.maximum_version = version
    assert speak(address, context) == version.name.replace("_", ".")


def test_older_tls_is_refused(address: str, ca: Path) -> None:
    context = ssl.create_default_context(cafile=str(ca))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        speak(address, context)


def test_plain_http_is_redirected(address: str) -> None:
    connection = http.client.HTTPConnection(address, 8080, timeout=HANGS_SECONDS)
    connection.request("GET", "/api/students/?page=2", headers={"Host": NAME})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (301, f"https://{NAME}:443/api/students/?page=2")


def test_the_release_answers_and_reaches_database_and_cache(ask: Ask) -> None:
    answer = ask("GET", "/readyz")
    assert (answer.status, answer.headers["x-release"]) == (200, RELEASE)
    assert (answer.body["database"], answer.body["cache"]) == ("ok", "ok")


def test_the_seeded_students_are_shown_to_who_has_logged_in(ask: Ask, needles: dict[str, str]) -> None:
    assert ask("GET", "/api/students").status == 403
    token = needles[f"{STACK}/heartbeat-token"]
    login = ask("POST", "/api/login", {"username": "probe", "password": token})
    assert login.status == 200
    session = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
    page = ask("GET", "/api/students?page_size=200", headers=session).body
    assert len(page["results"]) == 200
    assert page["next"]  # how many there are in all, test_connect counts


def test_what_is_written_is_read_back(ask: Ask, needles: dict[str, str]) -> None:
    bearer = {"Authorization": f"Bearer {needles[f'{STACK}/heartbeat-token']}"}
    beat = {"probe": uuid.uuid4().hex, "sequence": 1}
    assert ask("POST", "/api/heartbeat", beat, headers=bearer).status == 201
    assert ask("GET", f"/api/heartbeat?probe={beat['probe']}", headers=bearer).body["count"] == 1
    assert ask("POST", "/api/heartbeat", beat, headers={"Authorization": "Bearer guess"}).status in (401, 403)
