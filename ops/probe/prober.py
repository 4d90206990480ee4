"""The probe: asks the application from outside, steadily, and writes down what came of every request.

The rate is kept whatever the answers do (an open loop): each request has its moment, and one that is slow occupies a
thread of its own instead of delaying the next. Reads and writes are mixed evenly. A write is a heartbeat with a number
that is used once, so a write can be looked for afterwards, and one that was carried out twice is seen.

Run as a companion of a play; `Prober` alone is what load tests use.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boto3

from ops.aws.redaction import redact
from ops.aws.secrets import SecretError
from ops.probe.client import Address, Answer, Client, NoAnswerError
from ops.probe.heartbeat import (
    ACKNOWLEDGED,
    PATH,
    UNAUTHORIZED,
    authorization,
    read_path,
    tokens,
)
from ops.probe.results import Log, Request
from ops.process.companion import Companion, serve

MOST_THREADS = 512
# A machine that stood still does not make up for it: a burst would measure the burst.
BEHIND_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked, and how often.

    paths: read in turn, each to be answered with 200. read_back: whether the heartbeats are read too, as one of them.
    held_percent: of all requests, the writes whose answer the application is asked to hold for held_ms.
    """

    address: Address
    name: str
    rate: float = 10.0
    write_percent: float = 33.0
    paths: Sequence[str] = ("/",)
    read_back: bool = True
    held_percent: float = 0.0
    held_ms: int = 0

    @property
    def threads(self) -> int:
        """As many as may wait at once when nothing is answered before its time is up."""
        return min(math.ceil(self.rate * self.address.timeout) + 4, MOST_THREADS)


@dataclass(frozen=True, slots=True)
class Order:
    """One request to be sent; a write has a sequence."""

    path: str
    sequence: int | None = None
    held_ms: int = 0


def orders(load: Load) -> Iterator[Order]:
    """Requests without end, in the desired shares, as evenly mixed as can be."""
    reads = itertools.cycle([*load.paths, *([read_path(load.name)] if load.read_back else [])])
    sequence = 0
    for number in itertools.count(1):
        if _falls_due(number, load.write_percent):
            sequence += 1
            held = load.write_percent > 0 and _falls_due(sequence, 100 * load.held_percent / load.write_percent)
            yield Order(PATH, sequence, load.held_ms if held else 0)
        else:
            yield Order(next(reads))


def _falls_due(number: int, percent: float) -> bool:
    """Whether the number-th is one of so many in a hundred."""
    return math.floor(number * percent / 100) > math.floor((number - 1) * percent / 100)


class Prober:
    """Sends a load until it is told to stop; `record` gets every request, from several threads."""

    def __init__(self, load: Load, known: Sequence[str], record: Callable[[Request], None]) -> None:
        self._load, self._known, self._record = load, known, record
        self._token = known[0]
        self._own = threading.local()
        self._clients: list[Client] = []
        self._broken: BaseException | None = None

    def run(self, over: Callable[[float], bool]) -> None:
        """`over` sleeps so many seconds and says whether it is time to end; what is under way is then awaited."""
        with ThreadPoolExecutor(self._load.threads) as threads:
            due = time.monotonic()
            for order in orders(self._load):
                if over(max(0.0, due - time.monotonic())) or self._broken:
                    break
                threads.submit(self._send, order).add_done_callback(self._sent)
                due = max(due + 1 / self._load.rate, time.monotonic() - BEHIND_SECONDS)
        for client in self._clients:
            client.close()
        if self._broken:
            raise self._broken

    def _sent(self, done: Future[None]) -> None:
        """What is no matter of the application, as a full disk, ends the probe: figures with holes would lie."""
        self._broken = self._broken or done.exception()

    def _client(self) -> Client:
        """This thread's, which keeps its connection."""
        if not hasattr(self._own, "client"):
            self._own.client = Client(self._load.address)
            self._clients.append(self._own.client)
        client: Client = self._own.client
        return client

    def _send(self, order: Order) -> None:
        client = self._client()
        before, at, begun = client.reconnected, time.time(), time.monotonic()
        answer, error = None, None
        try:
            answer = self._ask(client, order)
            error = self._mismatch(order, answer)
        except NoAnswerError as why:
            error = redact(str(why))
        self._record(
            Request(
                t=at,
                ms=(time.monotonic() - begun) * 1000,
                release=redact(answer.release) if answer and answer.release else None,  # an application may echo
                kind="read" if order.sequence is None else "write",
                status=answer.status if answer else None,
                error=error,
                sequence=order.sequence,
                reconnected=client.reconnected > before,
            )
        )

    def _ask(self, client: Client, order: Order) -> Answer:
        if not order.path.startswith(PATH):
            return client.ask("GET", order.path)
        token = self._token
        answer = self._beat(client, order, token)
        if answer.status == UNAUTHORIZED and len(self._known) > 1:
            # a refused heartbeat has done nothing: the other token's is another request, not a second try
            self._token = next(one for one in self._known if one != token)
            answer = self._beat(client, order, self._token)
        return answer

    def _beat(self, client: Client, order: Order, token: str) -> Answer:
        if order.sequence is None:
            return client.ask("GET", order.path, headers=authorization(token))
        beat = {"probe": self._load.name, "sequence": order.sequence}
        return client.ask(
            "POST", order.path, beat | ({"hold_ms": order.held_ms} if order.held_ms else {}), authorization(token)
        )

    def _mismatch(self, order: Order, answer: Answer) -> str | None:
        if order.path.startswith(PATH) and answer.status == UNAUTHORIZED and len(self._known) > 1:
            return None
        expected = (200,) if order.sequence is None else ACKNOWLEDGED
        if answer.status in expected:
            return None
        return f"answered {answer.status} instead of {expected[0]}"


class ProbeError(Exception):
    """Why the probe could not go on, without a secret's value."""


def main(companion: Companion) -> None:
    try:
        probe(companion)
    except SecretError as error:
        raise ProbeError(str(error)) from None
    except Exception as error:
        companion.log(redact(traceback.format_exc()))
        raise ProbeError(redact(f"{type(error).__name__}: {error}")) from None


def probe(companion: Companion) -> None:
    config = companion.config
    known = tokens(boto3.client("secretsmanager"), config["token_secret"])
    load = Load(
        address=Address(config["url"], config["connect_to"], config["ca"], config["timeout_seconds"]),
        name=config["name"],
        rate=config["rate"],
        write_percent=config["write_percent"],
        paths=config["paths"],
    )
    log = Log(Path(config["record"]))
    companion.ready()
    Prober(load, known, log).run(companion.wait)
    companion.log(f"ended, {'its play' if companion.owner_gone else 'as asked'}")


if __name__ == "__main__":
    serve(main)
