"""The credentials endpoint for tasks, which the ECS agent serves at 169.254.170.2.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox.aws_api.principals import Principals


class CredentialsServer:
    """Answer GET /<task id> for a client that sends the task's authorization token."""

    def __init__(self, address: str, port: int, principals: Principals) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                token = self.headers.get("Authorization", "")
                found = principals.credentials(self.path.strip("/"), token)
                body = json.dumps(
                    found
                    or {
                        "code": "AccessDenied",
                        "message": "no running task with that id and authorization token",
                    }
                ).encode()
                self.send_response(200 if found else 403)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="credentials", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
