"""A kept HTTPS connection: asks the public address as anybody outside can, and hides nothing of what came back.

No request is ever sent twice. The one thing that happens silently elsewhere and is told apart here: a kept connection
which the other side closed while nothing was under way. That is seen before anything is sent, a new connection is
made, and `reconnected` counts it (RFC 9112, 9.3.1: connections may be closed at any time). When it is closed after
the request was sent, nobody knows what became of the request: that is no answer, and an error.
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
# RFC 9110, 5.5: what would end a header, or begin another one; beyond Latin-1 a header has no characters.
UNSENDABLE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class NoAnswerError(Exception):
    """There was no whole answer; the message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: float

    @property
    def release(self) -> str | None:
        """The release that answered, by its own word."""
        return self.headers.get("x-release")

    def json(self) -> Any:
        """The body as JSON; None when it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Address:
    """Whom to ask (`url`: scheme, host, port), where to connect, and whom to trust.

    connect_to: host:port to connect to instead; the certificate and the Host header are still the URL's.
    ca: a file of trusted certificates; the system's when empty.
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
        """Host and port to connect to."""
        host, _, port = self.connect_to.rpartition(":")
        return (host.strip("[]"), int(port)) if self.connect_to else (self.name, self.port)


@functools.cache
def _trusting(ca: str) -> ssl.SSLContext:
    """Made once for all connections: reading the system's certificates takes its time."""
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
        """Whether the other side has closed it, or sent what nobody asked for, since the last answer."""
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
    """One connection, made when it is needed and kept. For one thread at a time.

    Cookies are kept as a browser does, so that what binds browsers (a load balancer's stickiness) binds it too.
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
        """Make the connection now, so that no answer's time has it in it; NoAnswerError when that fails."""
        try:
            self._connection.connect()
        except OSError as error:
            raise NoAnswerError(words(error, self.address.timeout)) from error

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
        """The answer to one request (`body` is sent as JSON); NoAnswerError when there is none."""
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
            raise NoAnswerError(words(error, self.address.timeout)) from error
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


def words(error: Exception, timeout: float) -> str:
    """Why there was no answer, as a person would say it."""
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
    """Path and query of a URL."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
