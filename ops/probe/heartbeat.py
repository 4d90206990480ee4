"""The application's heartbeat endpoint (docs/app-contract.md), to which the availability probe writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ops.aws.secrets import BEARER, SecretError, fetch
from ops.probe.client import Answer, Client, NoAnswerError

PATH = "/api/heartbeat"
ACKNOWLEDGED = (201, 200)  # created; stored already
UNAUTHORIZED = 401
NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Beats:
    """The writes that the application has stored. gaps: (first, last) of missing ones, a thousand at most."""

    count: int = 0
    first: int = 0
    last: int = 0
    missing: int = 0
    gaps: Sequence[tuple[int, int]] = ()

    def holds(self, sequence: int) -> bool:
        """Return whether the write with this sequence number is stored."""
        within = self.count > 0 and self.first <= sequence <= self.last
        return within and not any(first <= sequence <= last for first, last in self.gaps)

    @property
    def doubled(self) -> int:
        """Return how many rows there are beyond one a sequence number."""
        distinct = self.last - self.first + 1 - sum(last - first + 1 for first, last in self.gaps)
        return max(0, self.count - distinct) if self.count else 0


def read_path(name: str) -> str:
    return f"{PATH}?probe={quote(name, safe='')}"


def authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def tokens(secrets: Any, name: str) -> tuple[str, ...]:
    """Return the current token and the previous one: during a release, tasks with either are answering."""
    found = [fetch(secrets, name, BEARER)]
    with contextlib.suppress(SecretError):  # there is no previous one, or one that can't be sent
        found.append(fetch(secrets, name, BEARER, "AWSPREVIOUS"))
    return tuple(dict.fromkeys(found))


def beats_of(answer: Answer) -> Beats:
    """Return the writes that an answer to GET lists. Raises NoAnswerError if it lists none."""
    said = answer.json()
    if answer.status != 200 or not isinstance(said, dict):
        raise NoAnswerError(f"{PATH} answered {answer.status} instead of what it holds")
    try:
        return Beats(
            count=int(said["count"]),
            first=int(said["first"] or 0),
            last=int(said["last"] or 0),
            missing=int(said["missing"]),
            gaps=tuple((int(first), int(last)) for first, last in said["gaps"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoAnswerError(f"{PATH} answered something else than the contract says: {error!r}") from error


def read_back(client: Client, name: str, known: Iterable[str]) -> Beats:
    """Return the writes that the application has stored, asked with the first token that it accepts."""
    why: NoAnswerError | None = None
    for token in known:
        try:
            return beats_of(client.ask("GET", read_path(name), headers=authorization(token)))
        except NoAnswerError as error:
            why = error
    raise why or NoAnswerError("there is no token to ask with")
