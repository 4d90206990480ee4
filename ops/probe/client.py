"""An HTTPS client of the public address with a persistent connection, which hides no failure.

No request is ever sent twice. A persistent connection that the server closed between two requests is noticed before the
next one is sent: a new connection is opened, and `reconnected` counts it (RFC 9112, 9.3.1: connections may be closed at
any time). If it is closed after the request was sent, the request's outcome is unknown: that is no answer, an error.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import http.cookies
import json
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlsplit

from ops.aws.redaction import redact

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
USER_AGENT = "campshub360-check"
# Control characters, which would end a header, and what is outside Latin-1: RFC 9110, 5.5.
UNSENDABLE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class NoAnswerError(Exception):
    """There was no complete answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. headers: by lower-case name. ms: from the request to the last byte of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: float

    @property
    def release(self) -> str | None:
        """Return the release that answered, as its header X-Release names it."""
        return self.headers.get("x-release")

    def json(self) -> Any:
        """Return the body's JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Address:
    """A server: its URL (scheme, host, port), where to connect, and which certificates to trust.

    connect_to: host:port to connect to instead; the certificate and the Host header are still the URL's.
    ca: a file of trusted certificates; the system's when empty. timeout: seconds.
    """

    url: str
    connect_to: str = ""
    ca: str = ""
    timeout: float = 10.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{self.url!r} is no address to ask: say https://host, with a port if it is not 443.")
        host, _, port = self.connect_to.rpartition(":")
        if self.connect_to and not (host and port.isdecimal()):
            raise ValueError(f"{self.connect_to!r} is no address to connect to: say host:port.")

    @property
    def name(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 443

    @property
    def destination(self) -> tuple[str, int]:
        """Return host and port to connect to."""
        host, _, port = self.connect_to.rpartition(":")
        return (host.strip("[]"), int(port)) if self.connect_to else (self.name, self.port)


@functools.cache
def _trusting(ca: str) -> ssl.SSLContext:
    """Return the TLS context, created once for all connections: reading the system's certificates is slow."""
    return ssl.create_default_context(cafile=ca or None)


class _Connection(http.client.HTTPSConnection):
    def __init__(self, address: Address) -> None:
        super().__init__(address.name, address.port, timeout=address.timeout, context=_trusting(address.ca))
        self._address = address

    def connect(self) -> None:
        raw = socket.create_connection(self._address.destination, timeout=self._address.timeout)
        try:
            # headers and body are two writes: without this the second waits for the other side's acknowledgement
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = _trusting(self._address.ca).wrap_socket(raw, server_hostname=self._address.name)
        except BaseException:
            raw.close()
            raise

    def closed_while_idle(self) -> bool:
        """Return whether the server has closed it, or sent unrequested data, since the last answer."""
        if self.sock is None:
            return False
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
            return True
        except ssl.SSLWantReadError:  # open, and nothing to read
            self.sock.settimeout(self._address.timeout)
            return False
        except OSError:
            return True


class Client:
    """A client with one persistent connection, opened when it is needed. For one thread at a time.

    It sends cookies back as a browser does, so that a load balancer's stickiness applies to it too.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.reconnected = 0
        self._connection = _Connection(address)
        self._cookies = http.cookies.SimpleCookie()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()

    def connect(self) -> None:
        """Open the connection now, so that no answer's time includes it. Raises NoAnswerError."""
        try:
            self._connection.connect()
        except OSError as error:
            raise NoAnswerError(cause(error, self.address.timeout)) from error

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
        """Send one request, its body as JSON, and return the answer. Raises NoAnswerError."""
        for name in (name for name, value in headers.items() if UNSENDABLE.search(value)):
            raise NoAnswerError(f"the header {name} can't be sent: it holds a character that HTTP does not allow there")
        if self._connection.closed_while_idle():
            self.close()
            self.reconnected += 1
        sent = None if body is None else json.dumps(body).encode()
        kind = {} if sent is None else {"Content-Type": "application/json"}
        kept = "; ".join(f"{name}={one.coded_value}" for name, one in self._cookies.items())
        cookies = {"Cookie": kept} if kept else {}
        begun = time.monotonic()
        try:
            self._connection.request(method, path, sent, {"User-Agent": USER_AGENT, **kind, **cookies, **headers})
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswerError(cause(error, self.address.timeout)) from error
        ms = (time.monotonic() - begun) * 1000
        if answer.will_close:
            self.close()
        # the socket's timeout is for each read: an answer that drips in is late all the same
        if ms > self.address.timeout * 1000:
            raise NoAnswerError(f"no whole answer within {self.address.timeout:g} s")
        for cookie in answer.msg.get_all("set-cookie", []):
            self._cookies.load(cookie)
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, content, ms)


def cause(error: Exception, timeout: float) -> str:
    """Return why there was no answer, as a message."""
    match error:
        case TimeoutError():
            return f"no answer within {timeout:g} s"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case socket.gaierror():
            return f"its name does not resolve: {error.strerror}"
        case http.client.RemoteDisconnected() | ConnectionResetError() | BrokenPipeError() | ssl.SSLEOFError():
            return "the connection was closed without an answer"
        case http.client.IncompleteRead():
            return "the answer broke off"
        case ConnectionRefusedError():
            return "the connection was refused"
    return redact(f"{type(error).__name__}: {error}")


def path_of(url: str) -> str:
    """Return path and query of a URL."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
