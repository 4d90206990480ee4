"""Secrets in Secrets Manager: the only place that reads or generates a value, which is redacted from then on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.aws.redaction import PIECE, remember

CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class SecretError(Exception):
    """A secret can't be used; the message says by its name why, and what cures it."""


class MissingSecretError(SecretError):
    """There is no such secret, or it has no value."""


class SecretValue(str):
    """A secret's value, which no repr shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<a secret's value>"


@dataclass(frozen=True, slots=True)
class Use:
    """What a value is for, and its limits. forbidden: characters, beside those that no use allows."""

    what: str
    longest: int
    shortest: int = PIECE  # a shorter one could not be redacted
    forbidden: str = r"(?!)"
    forbidden_words: str = ""


# Visible ASCII, as RFC 9110, 5.5, asks of what is new; servers give up at 8,190 bytes a header, as Gunicorn does:
# docs.gunicorn.org/en/stable/settings.html#limit-request-field-size
BEARER = Use("be sent as Authorization: Bearer", 8000)
# 128 characters, in any case; * and ? match others. That a backslash escapes them is said of query strings alone:
# docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_HttpHeaderConditionConfig.html
TEST_HEADER = Use(
    "be the header by which the load balancer knows test traffic",
    128,
    forbidden=r"[*?\\]",
    forbidden_words="holds *, ? or \\, by which a rule matches other values too",
)
# docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
AUTH_TOKEN = Use(
    "be the AUTH token of a cache",
    128,
    16,
    r"[^A-Za-z0-9!&#$^<>-]",
    "holds something else than letters, digits and ! & # $ ^ < > -",
)


def fetch(secrets: Any, name: str, use: Use, stage: str = "AWSCURRENT") -> SecretValue:
    """Return a secret's value. Raises SecretError if there is none, or if it is not fit for this use.

    docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    try:
        answer = secrets.get_secret_value(SecretId=name, VersionStage=stage)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            raise MissingSecretError(
                f"There is no secret {name}, or it has no value. Run playbooks/provision.yml --tags secrets."
            ) from None
        if code == "InvalidRequestException":
            raise SecretError(
                f"The secret {name} is marked for deletion. Bring it back: playbooks/provision.yml --tags secrets"
            ) from None
        raise
    if "SecretString" not in answer:
        remember(answer["SecretBinary"].decode("latin-1"))
        raise SecretError(unfit(name, use, ["holds bytes (SecretBinary) and no text"]))
    value = SecretValue(answer["SecretString"])
    remember(str(value))
    if found := list(reasons(value, use)):
        raise SecretError(unfit(name, use, found))
    return value


def generate(secrets: Any, length: int) -> SecretValue:
    """Return a new password of letters and digits, which any use allows: AUTH tokens, URLs, headers."""
    value = SecretValue(secrets.get_random_password(PasswordLength=length, ExcludePunctuation=True)["RandomPassword"])
    remember(str(value))
    return value


def reasons(value: str, use: Use) -> Iterator[str]:
    """Yield why a value is not fit for a use, without quoting it."""
    inner = value.strip()
    if not inner:
        yield "is empty"
        return
    if value.endswith(("\n", "\r")):
        yield "ends in a newline, as the text of a file does"
    elif value != inner:
        yield "begins or ends with a blank, which HTTP and others take away"
    if CONTROL.search(inner):
        yield "holds a line break or another control character"
    if not inner.isascii():
        yield "holds a character outside ASCII"
    elif use.forbidden_words and re.search(use.forbidden, CONTROL.sub("", inner)):
        yield use.forbidden_words
    if not use.shortest <= len(inner) <= use.longest:
        yield f"has {len(inner)} characters instead of {use.shortest} to {use.longest}"


def unfit(name: str, use: Use, found: list[str]) -> str:
    """Return the refusal of a secret's value."""
    put = f"aws secretsmanager put-secret-value --secret-id {name} --secret-string file:///dev/stdin"
    return (
        f"The value of the secret {name} can't {use.what}: it {' and '.join(found)}. Put another one; from a file, "
        f'without its last newline: printf %s "$(cat FILE)" | {put}'
    )
