"""An HTTPS server that keeps connections open: a handshake for each call would cost ten times as much."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from sandbox.aws_api.errors import Answer
from sandbox.runtime.certificates import Identity

IDLE_SECONDS = 60

log = logging.getLogger("sandbox")

Application = Callable[[dict[str, Any], bytes], Answer]


class HttpsServer:
    """Serve an application at one loopback address."""

    def __init__(self, address: str, port: int, identity: Identity, application: Application) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(identity.certificate, identity.key)
        self._server = _Server(address, port, context, application)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="api", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadedWSGIServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, port: int, context: ssl.SSLContext, application: Application) -> None:
        # werkzeug would answer a taken port with sys.exit.
        with socket.create_server((address, port), backlog=128) as listening:
            super().__init__(address, port, _unused, handler=_Handler, fd=listening.fileno())
        # Set only now: werkzeug would do the handshakes in the accepting thread, one by one.
        self.ssl_context = context
        self.application = application

    def finish_request(self, request: Any, client_address: Any) -> None:
        assert isinstance(self.ssl_context, ssl.SSLContext)
        request.settimeout(IDLE_SECONDS)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with (
            contextlib.suppress(OSError),  # a client that hangs up, or speaks no TLS
            self.ssl_context.wrap_socket(request, server_side=True) as connection,
        ):
            _Handler(connection, client_address, self)

    def shutdown_request(self, request: Any) -> None:
        with contextlib.suppress(OSError):
            super().shutdown_request(request)


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto is untyped
    """Handle one connection: moto parses the requests, and this class writes the answers."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together
    server: _Server

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        body = self._body(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        answer = self.server.application(environ, body)
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        # The answer to HEAD tells the length of what GET would return.
        if self.command != "HEAD" or not _has_length(answer):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _body(self, environ: dict[str, Any]) -> bytes:
        stream: Any = environ["wsgi.input"]
        if environ.get("wsgi.input_terminated"):
            content: bytes = stream.read()
            return content
        return bytes(stream.read(int(environ.get("CONTENT_LENGTH") or 0)))

    def handle_expect_100(self) -> bool:
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wfile.flush()
        return True

    def log_request(self, *_: Any) -> None:
        pass  # the journal knows better

    def log(self, type: str, message: str, *args: Any) -> None:
        log.debug(message, *args)


def _unused(*_: Any) -> list[bytes]:
    raise NotImplementedError("requests go to `application`")


def _has_length(answer: Answer) -> bool:
    return any(name.lower() == "content-length" for name, _ in answer.headers)
