"""Visitors: a client that shares nothing with the probe's but the file format in which it writes down what it saw.

    with visited_by(sandbox, Traffic(rate=10, connections=40), tmp_path / "requests.jsonl") as load:
        ...
    assert load.seen.failed == 0

Streams of asyncio instead of threads and http.client; each connection comes from an address of its own, as people do,
and is kept. Whether anything is answered or not, requests are sent at their time, as long as a connection is free.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ops.probe.client import Address, Client
from ops.probe.heartbeat import ACKNOWLEDGED, PATH, authorization, read_back, tokens
from ops.probe.results import Log, Request, Summary, requests_in, summarise
from tests.support.load import address
from tests.support.stack import STACK, Sandbox

TIMEOUT_SECONDS = 10.0
#: every third one is a write
PATHS = ("/", "/api/students", PATH)
EXPECTED = {"/": (200,), "/api/students": (403,), PATH: ACKNOWLEDGED}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests a second over so many kept connections; in bursts, so many of them at once."""

    rate: float
    connections: int
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]


@dataclass(slots=True)
class Connection:
    """One visitor's, from its own address."""

    where: Address
    source: str
    context: ssl.SSLContext
    reconnected: int = 0
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """The answer to one request, which is sent once. A connection that was closed while idle is made anew."""
        if self._reader is not None and self._reader.at_eof():
            await self.close()
            self.reconnected += 1
        if self._reader is None or self._writer is None:
            host, port = self.where.destination
            self._reader, self._writer = await asyncio.open_connection(
                host, port, ssl=self.context, server_hostname=self.where.name, local_addr=(self.source, 0)
            )
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.where.name}",
            "User-Agent: visitor",
            f"Content-Length: {len(body)}",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self._writer.drain()
        answer = await received(self._reader)
        if answer.headers.get("connection", "").lower() == "close":
            await self.close()
        return answer

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError, ssl.SSLError):
                await self._writer.wait_closed()
        self._reader = self._writer = None


async def received(reader: asyncio.StreamReader) -> Answer:
    """A whole answer; what is in its body is nobody's matter."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":")[::2] for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    else:
        await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(head[0].split()[1]), headers)


@dataclass(slots=True)
class Visitors:
    """What is sent; `seen` is there when it has ended, `so_far` at any time."""

    where: Address
    traffic: Traffic
    known: tuple[str, ...]
    results: Path
    name: str = field(default_factory=lambda: f"visit-{secrets.token_hex(8)}")
    seen: Summary = field(default_factory=Summary)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def so_far(self) -> list[Request]:
        return requests_in(self.results)

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        log, orders = Log(self.results), asyncio.Queue[tuple[str, int] | None]()
        context = ssl.create_default_context(cafile=self.where.ca)
        sources = [f"127.1.{number // 250}.{1 + number % 250}" for number in range(self.traffic.connections)]
        visitors = [
            asyncio.create_task(self._visit(Connection(self.where, source, context), orders, log)) for source in sources
        ]
        await self._order(orders)
        for _ in visitors:
            orders.put_nowait(None)
        await asyncio.gather(*visitors)
        log.close()

    async def _order(self, orders: asyncio.Queue[tuple[str, int] | None]) -> None:
        """Put requests in the queue at their time. Of what nobody was free for, no more than a burst waits."""
        due = time.monotonic()
        for number in itertools.count():
            if number % self.traffic.burst == 0:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due = max(due + self.traffic.burst / self.traffic.rate, time.monotonic() - 1)
            if self.over.is_set():
                return
            if orders.qsize() <= self.traffic.burst + self.traffic.connections:
                orders.put_nowait((PATHS[number % len(PATHS)], number // len(PATHS) + 1))

    async def _visit(self, connection: Connection, orders: asyncio.Queue[tuple[str, int] | None], log: Log) -> None:
        while (order := await orders.get()) is not None:
            log(await self._request(connection, *order))
        await connection.close()

    async def _request(self, connection: Connection, path: str, sequence: int) -> Request:
        write = path == PATH
        body = json.dumps({"probe": self.name, "sequence": sequence}).encode() if write else b""
        headers = {"Content-Type": "application/json", **authorization(self.known[0])} if write else {}
        before, at, begun = connection.reconnected, time.time(), time.monotonic()
        answer, error = None, None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await connection.ask("POST" if write else "GET", path, headers, body)
            if answer.status not in EXPECTED[path]:
                error = f"{path} answered {answer.status}"
        except (OSError, ssl.SSLError, EOFError, ValueError, TimeoutError) as failure:
            error = f"{path}: {type(failure).__name__} {failure}".strip()
            await connection.close()
        return Request(
            t=at,
            ms=(time.monotonic() - begun) * 1000,
            release=answer.headers.get("x-release") if answer else None,
            kind="write" if write else "read",
            status=answer.status if answer else None,
            error=error,
            sequence=sequence if write else None,
            reconnected=connection.reconnected > before,
        )


@contextmanager
def visited_by(sandbox: Sandbox, traffic: Traffic, record: Path) -> Iterator[Visitors]:
    """Send this traffic as long as the context lasts; then await what is under way, and look for the writes."""
    known = tokens(sandbox.client("secretsmanager"), f"{STACK}/heartbeat-token")
    visitors = Visitors(address(sandbox), traffic, known, record)
    errors = list[BaseException]()

    def work() -> None:
        try:
            visitors.run()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="visitors", daemon=True)
    thread.start()
    try:
        yield visitors
    finally:
        visitors.over.set()
        thread.join()
    if errors:
        raise errors[0]
    with Client(visitors.where) as client:
        visitors.seen = summarise(visitors.so_far, read_back(client, visitors.name, known))
