"""Redaction of secrets: whoever reads a secret's value calls `remember`, and texts pass through `redact`.

A value is seldom quoted as it is: an exception shows its repr, a URL percent-encodes it, HTML escapes it, and some show
a part. So its encoded forms are hidden too, and every piece of it that is long enough to be recognized.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "********"  # as Ansible's own
# The shortest piece that is hidden. Shorter ones would hide parts of ordinary words.
PIECE = 8
LEAST_VARIETY = 3  # different characters: indentation and lines of dashes are no pieces
# Keys of a JSON secret whose values are public: messages need these names.
# docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
PUBLIC_KEYS = {"username", "engine", "host", "port", "dbname", "dbInstanceIdentifier", "dbClusterIdentifier"}

_forms: set[str] = set()
_pieces: set[str] = set()
_answers: list[set[str]] = []


def remember(value: str) -> None:
    """Hide a value in this process from now on."""
    found = forms(value)
    _forms.update(found)
    _pieces.update(pieces(form for secret in _leaves(value) or [value] for form in forms(secret)))
    for hidden in _answers:
        hidden.update(found)


def redact(text: str) -> str:
    """Return a text without the values that this process knows, and without recognizable pieces of them."""
    for form in sorted(_forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    hidden = bytearray(len(text))
    for at in range(len(text) - PIECE + 1):
        if text[at : at + PIECE] in _pieces:
            hidden[at : at + PIECE] = bytes([1]) * PIECE
    parts = itertools.groupby(zip(hidden, text, strict=True), key=lambda pair: pair[0])
    return "".join(MASK if masked else "".join(character for _, character in part) for masked, part in parts)


@contextmanager
def hiding_secrets(module: Any) -> Iterator[None]:
    """Hide values that are read inside in all that an AnsibleModule returns, also after an uncaught exception.

    Ansible prints an uncaught exception without regard to `no_log_values`.
    """
    known = set(_forms), set(_pieces)
    module.no_log_values.update(_forms)
    _answers.append(module.no_log_values)
    try:
        yield
    except Exception as error:
        module.fail_json(
            msg=f"{redact(f'{type(error).__name__}: {error}')}. This is a fault of the module; "
            "ANSIBLE_DISPLAY_TRACEBACK=error shows where. Report it.",
            exception=redact(traceback.format_exc()),
        )
    finally:
        _answers.pop()
        for kept, before in zip((_forms, _pieces), known, strict=True):
            kept.intersection_update(before)


def forms(value: str) -> set[str]:
    """Return the forms of a value in a text: as it is, its lines, and each of them escaped or encoded."""
    plain = {value, value.strip(), *value.splitlines(), *_leaves(value)}
    encoded = {form for text in plain if len(text) >= PIECE for form in _encoded(text)}
    return {form for text in encoded for form in (text, *_escaped(text)) if len(form) >= PIECE}


def pieces(texts: Iterable[str]) -> set[str]:
    """Return every run of PIECE characters in these texts."""
    runs = {text[at : at + PIECE] for text in texts for at in range(len(text) - PIECE + 1)}
    return {run for run in runs if len(set(run)) >= LEAST_VARIETY}


def _leaves(value: str) -> list[str]:
    """Return the secret values of a JSON object; none if it is no JSON object."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return []
    pairs = found.items() if isinstance(found, dict) else ()
    return [text for key, text in pairs if isinstance(text, str) and key not in PUBLIC_KEYS]


def _escaped(text: str) -> Iterator[str]:
    for quoted in (repr(text), ascii(text), json.dumps(text), json.dumps(text, ensure_ascii=False)):
        yield quoted[1:-1]
    bare = text.encode("unicode_escape").decode()  # which quotes are escaped depends on those of the whole text
    yield from (bare, bare.replace("'", "\\'"), bare.replace('"', '\\"'))


def _encoded(text: str) -> Iterator[str]:
    yield text
    yield from _escaped(text)
    raw = text.encode("utf-8", "surrogatepass")
    bodies = {raw, text.encode("latin-1", "ignore")}
    yield raw.decode("latin-1")  # UTF-8 that was taken for Latin-1
    for body in bodies:
        yield repr(body)[2:-1]
        yield body.hex()
        yield from (quote(body, safe=""), quote(body), quote_plus(body))
        yield from _base64(body)
    yield from (html.escape(text), html.escape(text, quote=False))


def _base64(body: bytes) -> Iterator[str]:
    """Yield the part that does not depend on what precedes and follows the body, in each of three alignments."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + body).decode()
        inner = text[-(-before * 4 // 3) : len(text) - 4 if text.endswith("=") else None]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))
