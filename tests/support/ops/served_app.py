"""A small real application over HTTPS, which keeps the contract until it is told not to."""

from __future__ import annotations

import itertools
import json
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ops.probe.client import Address
from sandbox.runtime.certificates import Authority
from tests.support.waiting import HANGS_SECONDS

NAME = "app.campus.example"
TOKEN = "the-token-of-tests"
PAGE = b'<html><link href="/static/a.css?v=1&amp;w=2" rel="stylesheet"></html>'


@dataclass
class Behaviour:
    """What it does otherwise than it should. Sets hold sequences of writes."""

    release: str = "1.0.0"
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    statuses: dict[str, int] = field(default_factory=dict)  # by path
    slow: set[str] = field(default_factory=set)  # paths whose answer is held back until `let_go` is set
    let_go: threading.Event = field(default_factory=threading.Event)
    lasting: dict[str, float] = field(default_factory=dict)  # by path: so many seconds more, always
    cold: dict[str, float] = field(default_factory=dict)  # by path: so much slower, as long as `first` is not used up
    first: int = 0
    hang_up: set[str] = field(default_factory=set)  # paths that are received and never answered
    half: set[str] = field(default_factory=set)  # paths whose answer breaks off
    bodies: dict[str, bytes] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
    close_after: bool = False  # close without a word after each answer
    forgets: set[int] = field(default_factory=set)  # acknowledged and not kept
    repeats: set[int] = field(default_factory=set)  # carried out twice on the way


class Application(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, identity: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.identity = identity
        self.does = Behaviour()
        self.beats: dict[str, set[int]] = defaultdict(set)
        self.headers_seen: list[dict[str, str]] = []
        self.connections = 0
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: Application
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def setup(self) -> None:
        self.request = self.server.identity.wrap_socket(self.request, server_side=True)
        with self.server.lock:
            self.server.connections += 1
        super().setup()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/api/heartbeat":
            self._answer(*self._beats(parse_qs(url.query)["probe"][0]))
        elif url.path == "/readyz":
            self._answer(200, json.dumps({"status": "ready", "database": "ok", "cache": "ok"}).encode())
        elif url.path == "/api/students":
            self._answer(403)
        elif url.path in ("/", "/healthz", "/static/a.css"):
            self._answer(200, PAGE if url.path == "/" else b"")
        else:
            self._answer(404)

    def do_POST(self) -> None:
        beat = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._authorized():
            self._answer(401)
            return
        with self.server.lock:
            kept = self.server.beats[beat["probe"]]
            known = beat["sequence"] in kept or beat["sequence"] in self.server.does.repeats
            if beat["sequence"] not in self.server.does.forgets:
                kept.add(beat["sequence"])
        time.sleep(beat.get("hold_ms", 0) / 1000)
        self._answer(200 if known else 201)

    def _authorized(self) -> bool:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") in self.server.does.tokens

    def _beats(self, probe: str) -> tuple[int, bytes]:
        if not self._authorized():
            return 401, b""
        with self.server.lock:
            kept = sorted(self.server.beats[probe])
        gaps = [[a + 1, b - 1] for a, b in itertools.pairwise(kept) if b > a + 1]
        found = {"first": kept[0] if kept else None, "last": kept[-1] if kept else None, "gaps": gaps}
        missing = sum(last - first + 1 for first, last in gaps)
        return 200, json.dumps({"probe": probe, "count": len(kept), "missing": missing, **found}).encode()

    def _answer(self, status: int, body: bytes = b"") -> None:
        does, path = self.server.does, urlsplit(self.path).path
        self.server.headers_seen.append({"path": path, **{k.lower(): v for k, v in self.headers.items()}})
        if path in does.slow:
            does.let_go.wait()
        time.sleep(does.lasting.get(path, 0) + self._coldness(path))
        if path in does.hang_up:
            self.close_connection = True
            return
        body = does.bodies.get(path, body)
        self.send_response(does.statuses.get(path, status))
        self.send_header("X-Release", does.release)
        self.send_header("Content-Length", str(len(body) + (10 if path in does.half else 0)))
        for cookie in does.cookies:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body)
        if does.close_after or path in does.half:
            self.close_connection = True

    def _coldness(self, path: str) -> float:
        does = self.server.does
        with self.server.lock:
            if path not in does.cold or does.first <= 0:
                return 0
            does.first -= 1
        return does.cold[path]

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass(frozen=True, slots=True)
class ServedApp:
    """The application as its clients know it."""

    application: Application
    ca: str

    @property
    def url(self) -> str:
        return f"https://{NAME}"

    @property
    def connect_to(self) -> str:
        return f"127.0.0.1:{self.application.server_address[1]}"

    @property
    def does(self) -> Behaviour:
        return self.application.does

    def address(self, timeout: float = HANGS_SECONDS) -> Address:
        return Address(self.url, self.connect_to, self.ca, timeout)


@contextmanager
def serving(folder: Path) -> Iterator[ServedApp]:
    authority = Authority(folder)
    identity = authority.issue([NAME])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    application = Application(context)
    thread = threading.Thread(target=application.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield ServedApp(application, str(authority.certificate))
    finally:
        application.does.let_go.set()
        application.shutdown()
        application.server_close()
        thread.join()
