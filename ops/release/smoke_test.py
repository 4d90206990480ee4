"""The smoke test: the application's contract (docs/app-contract.md) as requests to one release, and what failed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from html import unescape
from statistics import median
from urllib.parse import urljoin, urlsplit

from ops.aws.redaction import redact
from ops.probe.client import NO_HEADERS, Address, Answer, Client, NoAnswerError, path_of
from ops.probe.heartbeat import ACKNOWLEDGED, PATH, UNAUTHORIZED, authorization, beats_of, read_path

STYLESHEET = re.compile(rb"<link\b[^>]*\brel=[\"']?stylesheet\b[^>]*>", re.IGNORECASE)
HREF = re.compile(rb"\bhref=[\"']([^\"']+)", re.IGNORECASE)
API = "/api/students"
USER_AGENT = "campshub360-smoke-test"  # so that the application's logs tell it from people
REFUSED = (401, 403)

# Requests at once, each over a connection of its own: with fewer, a task would answer them all in the same thread.
CONNECTIONS = 12
# How often they are repeated. What slows the whole machine down for a moment slows some of these down, too.
ROUNDS = 8
# First requests are cold if they take so many times what the slowest round of later ones took, and more than so long.
COLD_FACTOR, COLD_FLOOR_MS = 3.0, 200.0


class FailedCheckError(Exception):
    """A check failed; the message says how."""


class ColdError(FailedCheckError):
    """First requests were slow: because of the release, or of a machine with other work."""


@dataclass(frozen=True, slots=True)
class Check:
    """warning: it did not pass, and is reported, but fails no release: a busy machine may be the cause."""

    check: str
    passed: bool
    message: str
    ms: float
    warning: bool = False


@dataclass(slots=True)
class SmokeTest:
    """marked: headers by which the load balancer leads a request to the release that is tested."""

    address: Address
    release: str
    marked: Mapping[str, str] = field(repr=False)
    token: str = field(repr=False)
    name: str = field(default_factory=lambda: f"smoke-test-{secrets.token_hex(8)}")  # a new one each time
    _ms: float = 0.0

    def checks(self) -> list[Check]:
        """Return all checks, in order; one that fails keeps no other from being made."""
        with Client(self.address) as client:
            questions: dict[str, Callable[[Client], str]] = {
                "alive": self._alive,
                "ready": self._ready,
                "warm": self._warm,  # before other questions have warmed it
                "first page": self._first_page,
                "heartbeat written": self._written,
                "heartbeat read back": self._read_back,
                "heartbeat without a token": self._unauthorized,
                "API without a login": self._anonymous,
            }
            return [self._check(name, partial(question, client)) for name, question in questions.items()]

    def _check(self, name: str, question: Callable[[], str]) -> Check:
        self._ms = 0.0
        failure: Exception | None = None
        try:
            message = question()
        except (FailedCheckError, NoAnswerError) as error:
            failure, message = error, redact(str(error))  # an application may answer what it was sent
        return Check(name, failure is None, message, round(self._ms, 1), isinstance(failure, ColdError))

    def _ask(
        self,
        client: Client,
        method: str,
        path: str,
        expected: Sequence[int],
        body: object = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """Return an answer with an expected status, from the release that is tested."""
        try:
            answer = client.ask(method, path, body, {"User-Agent": USER_AGENT, **self.marked, **headers})
        except NoAnswerError as error:
            raise NoAnswerError(f"{method} {path}: {error}") from error
        self._ms += answer.ms
        if answer.status not in expected:
            raise FailedCheckError(f"{method} {path} answers {answer.status} instead of {expected[0]}")
        self._recognise(answer, method, path)
        return answer

    def _recognise(self, answer: Answer, method: str, path: str) -> None:
        if answer.release != self.release:
            who = f"release {answer.release}" if answer.release else "something without X-Release"
            raise FailedCheckError(f"{method} {path} was answered by {who} instead of {self.release}")

    def _alive(self, client: Client) -> str:
        self._ask(client, "GET", "/healthz", (200,))
        return "/healthz answers 200"

    def _ready(self, client: Client) -> str:
        said = self._ask(client, "GET", "/readyz", (200,)).json()
        status = said.get("status") if isinstance(said, dict) else None
        if status != "ready":
            raise FailedCheckError(f"GET /readyz says {status!r} instead of 'ready'")
        away = [f"its {part} is {said[part]}" for part in ("database", "cache") if said.get(part, "ok") != "ok"]
        if away:
            raise FailedCheckError(f"GET /readyz answers, but {' and '.join(away)}")
        return "/readyz says ready, with database and cache"

    def _warm(self, _: Client) -> str:
        """Compare first requests with later ones of the same number at once, so that all wait alike for a processor."""
        with ExitStack() as stack:
            clients = [stack.enter_context(Client(self.address)) for _ in range(CONNECTIONS)]
            pool = stack.enter_context(ThreadPoolExecutor(CONNECTIONS))
            list(pool.map(Client.connect, clients))
            first, *later = [median(pool.map(self._visit, clients)) for _ in range(1 + ROUNDS)]
        self._ms = first
        if is_cold(first, later):
            raise ColdError(
                f"/readyz says ready before it is warm: its first requests take {first:.0f} ms,"
                f" later ones {min(later):.0f} to {max(later):.0f} ms"
            )
        return f"first requests take {first:.0f} ms, later ones {min(later):.0f} to {max(later):.0f} ms"

    def _visit(self, client: Client) -> float:
        """Return the milliseconds of the first page and of a question to the database, however they are answered."""
        spent = 0.0
        for path, headers in (("/", NO_HEADERS), (read_path(self.name), authorization(self.token))):
            try:
                answer = client.ask("GET", path, headers={"User-Agent": USER_AGENT, **self.marked, **headers})
            except NoAnswerError as error:
                raise NoAnswerError(f"GET {path}: {error}") from error
            self._recognise(answer, "GET", path)
            spent += answer.ms
        return spent

    def _first_page(self, client: Client) -> str:
        page = self._ask(client, "GET", "/", (200,))
        style = stylesheet(page.body)
        if style is None:
            return "/ answers 200 and names no style sheet"
        url = urljoin(self.address.url, style)
        try:
            status = self._style_status(client, url)
        except (NoAnswerError, ValueError) as error:
            raise FailedCheckError(f"the style sheet of /, {url.partition('?')[0]}, can't be had: {error}") from error
        if status != 200:
            raise FailedCheckError(f"the style sheet of / answers {status} instead of 200: {url.partition('?')[0]}")
        return "/ answers 200, and so does its style sheet"

    def _style_status(self, client: Client, url: str) -> int:
        if urlsplit(url)[:2] == urlsplit(self.address.url)[:2]:
            return client.ask("GET", path_of(url), headers={"User-Agent": USER_AGENT, **self.marked}).status
        # elsewhere, as in a bucket: the header that marks test traffic is not for others to see
        with Client(replace(self.address, url=url, connect_to="")) as elsewhere:
            return elsewhere.ask("GET", path_of(url)).status

    def _written(self, client: Client) -> str:
        beat = {"probe": self.name, "sequence": 1}
        self._ask(client, "POST", PATH, ACKNOWLEDGED, beat, authorization(self.token))
        return "a write was acknowledged"

    def _read_back(self, client: Client) -> str:
        beats = beats_of(self._ask(client, "GET", read_path(self.name), (200,), headers=authorization(self.token)))
        if beats.count != 1 or not beats.holds(1):
            raise FailedCheckError(f"what was written is not found again: {PATH} has {beats.count} of 1")
        return "what was written is found again"

    def _unauthorized(self, client: Client) -> str:
        self._ask(client, "POST", PATH, (UNAUTHORIZED,), {"probe": self.name, "sequence": 2})
        return "a write without a token is refused"

    def _anonymous(self, client: Client) -> str:
        self._ask(client, "GET", API, REFUSED)
        return f"{API} is refused to who is not logged in"


def is_cold(first: float, later: Sequence[float]) -> bool:
    """Return whether first requests took much longer than later ones. In milliseconds; later: a figure a round."""
    return first > COLD_FLOOR_MS and first > COLD_FACTOR * max(later)


def stylesheet(page: bytes) -> str | None:
    """Return the address of a page's first style sheet; None without one."""
    link = STYLESHEET.search(page)
    href = HREF.search(link[0]) if link else None
    return unescape(href[1].decode(errors="replace")) if href else None


def summary(checks: Sequence[Check], release: str) -> str:
    """Return all checks in one sentence, and a sentence for each warning."""
    failed = [check for check in checks if not check.passed and not check.warning]
    warnings = [f" Warning: {check.message}." for check in checks if check.warning]
    if not failed:
        passed = sum(check.passed for check in checks)
        return f"Release {release} passed the smoke test: {passed} of {len(checks)} checks.{''.join(warnings)}"
    first = failed[0]
    how_many = f"{len(failed)} of {len(checks)} checks"
    return f"Release {release} failed the smoke test: {how_many}, first `{first.check}`: {first.message}."
