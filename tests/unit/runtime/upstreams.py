"""Tiny real HTTP servers behind Envoy in tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Upstream(ThreadingHTTPServer):
    """Answer every GET with its name and the request; `/slow` waits until `release` is set.

    `status`: its status code; while `holds` is clear it does not answer; `asked`: its number of answers.
    """

    daemon_threads = True

    def __init__(self, name: str, address: str, port: int) -> None:
        super().__init__((address, port), _Handler)
        self.name = name
        self.status = 200
        self.holds = threading.Event()
        self.holds.set()
        self.asked = 0
        self.arrived = threading.Event()
        self.release = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Upstream
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # headers and body in one packet, or each answer takes 40 ms

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.arrived.set()
            self.server.release.wait()
        self.server.holds.wait()
        body = json.dumps({"name": self.server.name, "path": self.path, "headers": {**self.headers}}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.asked += 1

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def upstream(name: str, address: str, port: int = 8000) -> Iterator[Upstream]:
    """Run a server as long as the context lasts."""
    server = Upstream(name, address, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.holds.set()
        server.shutdown()
        server.server_close()
        thread.join()
