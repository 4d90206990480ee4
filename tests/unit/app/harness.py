"""The application as a task runs it: from its image, next to a real PostgreSQL and a real Valkey."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import ssl
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, LiteralString

from psycopg import sql

from sandbox.runtime.certificates import Authority, Identity
from sandbox.runtime.images import Image, Images
from sandbox.runtime.network import Network
from sandbox.runtime.postgres.server import Master, Postgres
from sandbox.runtime.processes import Command, Process, start
from sandbox.runtime.valkey import Valkey
from sandbox.services.elasticache.servers import RESTRICTED_COMMANDS
from sandbox.services.rds.servers import PROFILE
from tests.support import nets
from tests.support.variants import Variant
from tests.support.waiting import HANGS_SECONDS, until

APP = Path(__file__).parents[3] / "sandbox/app"
DATABASE_NAME = "campshub360.abc123.us-east-1.rds.amazonaws.com"
CACHE_NAME = "master.campshub360.abc123.use1.cache.amazonaws.com"
MASTER = Master("campshub360_admin", "the-master's-own-password", "campshub360")
SECRETS = {
    "DATABASE_PASSWORD": "the-application's-password",
    "CACHE_AUTH_TOKEN": "the-auth-token-of-the-cache",
    "DJANGO_SECRET_KEY": "the-secret-key-that-django-signs-with",
    "HEARTBEAT_TOKEN": "the-token-of-the-probes",
}
ADMIN = {"DATABASE_ADMIN_USER": MASTER.user, "DATABASE_ADMIN_PASSWORD": MASTER.password}
RATE_LIMIT = 30


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Send requests to a task as the load balancer does: plain HTTP with X-Forwarded-Proto https."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.address, 8000, timeout=HANGS_SECONDS)
        sent = {
            "Host": "app.campshub360.example",
            "Content-Type": "application/json",
            "X-Forwarded-Proto": "https",
            "Origin": "https://app.campshub360.example",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "X-CSRFToken": self.cookies.get("csrftoken", ""),
            **self.headers,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            for name, value in response.getheaders():
                if name == "Set-Cookie":
                    cookie, _, content = value.partition(";")[0].partition("=")
                    self.cookies[cookie] = content
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def login(self, username: str = "probe", password: str = SECRETS["HEARTBEAT_TOKEN"]) -> Answer:
        return self("POST", "/api/login", {"username": username, "password": password})


@dataclass
class Task:
    """One container's process."""

    process: Process
    address: str
    lines: list[str]

    @property
    def client(self) -> Client:
        return Client(self.address)

    def text(self) -> str:
        return "\n".join(self.lines)

    def records(self) -> list[dict[str, Any]]:
        """Return the task's output, of which every line must be a JSON object."""
        return [json.loads(line) for line in self.lines]

    def finish(self) -> int:
        code = self.process.wait(HANGS_SECONDS)
        assert code is not None, f"still running: {self.lines}"
        return code


class Stack:
    """The surroundings of tasks: network, database, cache, image."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.network = Network(root, nets.OWN)
        self.authority = Authority(root)
        self._images = Images(root)
        self.image = self._build(APP)
        database, cache = self.network.address("database"), self.network.address("cache")
        self.postgres = Postgres(
            root, "database", root / "database", database, self.authority.issue([DATABASE_NAME]), PROFILE
        )
        self.cache = Valkey(root, "cache", root / "cache", cache, RESTRICTED_COMMANDS)
        self.endpoint = TlsEndpoint(self.network.address("cache-endpoint"), cache, self.authority.issue([CACHE_NAME]))
        self.buckets = Buckets(self.network.address("buckets"))
        self.network.publish(DATABASE_NAME, database)
        self.network.publish(CACHE_NAME, self.endpoint.address)
        self.tasks: list[Task] = []

    def start(self) -> None:
        # log_statement and fsync as nobody would have them: the test of what is logged needs
        # the first, and nothing here outlives a crash.
        parameters = {"rds.force_ssl": "1", "log_statement": "all", "fsync": "off"}
        self.postgres.create(MASTER, parameters)
        self.cache.create([SECRETS["CACHE_AUTH_TOKEN"]], {})

    def stop(self) -> None:
        for task in self.tasks:
            task.process.kill()
        self.postgres.stop()
        self.cache.stop()
        self.endpoint.stop()
        self.buckets.stop()

    def variant(self, variant: Variant) -> Stack:
        """Return the same stack with a variant of the application as its release."""
        other = copy(self)
        other.image = self._build(variant.write(Path(tempfile.mkdtemp(dir=self.root)) / "app"))
        return other

    def _build(self, folder: Path) -> Image:
        return self._images.unpack(self._images.build(folder))

    def environment(self, address: str) -> dict[str, str]:
        ca = str(self.authority.certificate)
        return {
            **self.image.environment,
            **self.network.environment(address),
            **SECRETS,
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "SSL_CERT_FILE": ca,
            "PGSSLROOTCERT": ca,
            "AWS_ENDPOINT_URL": self.buckets.url,
            "AWS_ACCESS_KEY_ID": "a-task",
            "AWS_SECRET_ACCESS_KEY": "whose-signature-nobody-checks",
            "APP_RELEASE": "1.0.0",
            "ALLOWED_HOSTS": "app.campshub360.example",
            "AWS_REGION": "us-east-1",
            "STATIC_BUCKET": "static",
            "MEDIA_BUCKET": "media",
            "DATABASE_HOST": DATABASE_NAME,
            "DATABASE_PORT": "5432",
            "DATABASE_NAME": "campshub360",
            "DATABASE_USER": "campshub360",
            "CACHE_HOST": CACHE_NAME,
            "CACHE_PORT": "6379",
            "RATE_LIMIT": str(RATE_LIMIT),
        }

    def run(self, *command: str, **changes: str) -> Task:
        """Start a task; a variable set to "" is left out."""
        name = f"task/{len(self.tasks)}"
        address = self.network.address(name)
        environment = {**self.environment(address), **changes}
        lines: list[str] = []
        process = start(
            Command(
                root=self.root,
                name=name,
                argv=[*self.image.entrypoint, *(command or self.image.command)],
                env={variable: value for variable, value in environment.items() if value},
                cwd=Path(self.image.path(self.image.workdir)),
            ),
            on_line=lines.append,
        )
        self.tasks.append(task := Task(process, address, lines))
        return task

    def serve(self, **changes: str) -> Task:
        """Start a task that serves, and wait for its first answer."""
        task = self.run("serve", **changes)
        until(lambda: answers(task.client))
        return task

    def database(self, name: LiteralString) -> str:
        """Create an empty database of the master user."""
        with self.postgres.connection() as connection:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(MASTER.user)))
        return name

    def rows(self, query: LiteralString, database: str = "campshub360") -> list[tuple[Any, ...]]:
        """Return the rows of a query by the superuser."""
        with self.postgres.connection(database) as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def without_cache(self, client: Client) -> Iterator[None]:
        """Stop the cache, and start it again, empty; ends when the client's task uses it again."""
        self.cache.stop()
        yield
        self.cache.start()
        until(lambda: client("POST", "/api/login", {}).status == HTTPStatus.BAD_REQUEST and self.counted())

    def counted(self) -> bool:
        """Return whether any request was counted in the cache."""
        return bool(self.cache.client().keys("*:rate:*"))


class Buckets(ThreadingHTTPServer):
    """An emulation of S3 for a task that serves: the bucket `static` has a manifest for any release."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Manifests)
        self.url = f"http://{address}:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Manifests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = self.path.startswith("/static/manifests/")
        body = json.dumps({"version": "1.1", "paths": {"campus/style.css": "campus/style.0123456789ab.css"}}).encode()
        self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Length", str(len(body) if found else 0))
        self.send_header("Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT")
        self.send_header("ETag", '"0123456789abcdef0123456789abcdef"')
        self.end_headers()
        if found and self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


class TlsEndpoint:
    """Terminate TLS in front of Valkey, as the cache's endpoint does, or of a task, as a load balancer does."""

    def __init__(self, address: str, upstream: str, identity: Identity, port: int = 6379) -> None:
        self.address, self._upstream, self._port = address, upstream, port
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(identity.certificate, identity.key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        serving = asyncio.start_server(self._carry, address, port, ssl=self._context)
        asyncio.run_coroutine_threadsafe(serving, self._loop).result()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _end(self) -> None:
        """Close all connections."""
        carried = asyncio.all_tasks() - {asyncio.current_task()}
        for task in carried:
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream, sink = await asyncio.open_connection(self._upstream, self._port)
        except OSError:
            writer.close()
            return
        with suppress(asyncio.CancelledError):
            await asyncio.gather(pump(reader, sink), pump(upstream, writer))


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()


def answers(client: Client) -> bool:
    try:
        return client("GET", "/healthz").status == HTTPStatus.OK
    except OSError:
        return False


def ready(client: Client) -> bool:
    return client("GET", "/readyz").status == HTTPStatus.OK
