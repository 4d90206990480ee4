"""What is hidden of a secret's value in a text, and what of the text stays readable."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from ops.aws.redaction import MASK, hiding_secrets, redact, remember
from ops.aws.secrets import SecretValue
from tests.support.ops.canaries import CANARY, PIECE, TEXTS, leaks

LONG = {name: value for name, value in TEXTS.items() if len(value.strip()) >= PIECE}


def fails(msg: str, **_: Any) -> None:
    raise SystemExit(msg)


@pytest.fixture
def module() -> SimpleNamespace:
    return SimpleNamespace(no_log_values=set(), fail_json=fails)


@pytest.fixture(autouse=True)
def _hiding(module: SimpleNamespace) -> Iterator[None]:
    with hiding_secrets(module):
        yield


def spelled(value: str) -> dict[str, str]:
    """A value in the shapes in which texts show one."""
    raw = value.encode()
    header = f"Bearer {value}"
    page = f"it's {value}"  # makes repr choose the other quotes
    return {
        "as it is": value,
        "repr": repr(value),
        "ascii": ascii(value),
        "repr in repr": repr(repr({"header": value})),
        "bytes": repr(header.encode()),
        "other quotes": repr(page),
        "exception": str(ValueError(f"Invalid header value {raw!r}")),
        "JSON": json.dumps({"value": value}),
        "JSON in JSON": json.dumps(json.dumps({"value": value})),
        "URL": quote(value, safe=""),
        "path": quote(value),
        "form": quote_plus(value),
        "page": html.escape(value),
        "page of repr": html.escape(repr(value)),
        "Basic": base64.b64encode(f"user:{value}".encode()).decode(),
        "Bearer in base64": base64.b64encode(header.encode()).decode(),
        "base64 of URLs": base64.urlsafe_b64encode(raw).decode(),
        "wrong charset": raw.decode("latin-1"),
        "wrapped": "\n".join(textwrap.wrap(f"It says {value} and ends.", 24)) or value,
        "cut at the end": f"{value[: len(value) // 2 + 5]}...",
        "cut at the beginning": f"...{repr(value)[len(value) // 2 - 5 :]}",
    }


@pytest.mark.parametrize("name", LONG)
def test_no_piece_of_a_value_is_left_however_it_is_spelled(name: str) -> None:
    value = LONG[name]
    assert all(leaks(text, value) for text in (value, repr(value), quote(value))), "what looks for it is blind"
    remember(value)
    shown = {how: found for how, text in spelled(value).items() if (found := leaks(redact(f"before {text} x"), value))}
    assert shown == {}


def test_the_rest_of_a_text_stays() -> None:
    remember(CANARY)
    assert redact(f"GET /readyz: Bearer {CANARY} was refused") == f"GET /readyz: Bearer {MASK} was refused"
    remember("=" * 30)
    assert redact("a ======== b") == "a ======== b"
    assert redact("            deep") == "            deep"


def test_a_json_secret_hides_what_is_secret_of_it(module: SimpleNamespace) -> None:
    remember(json.dumps({"username": "campshub360", "password": CANARY, "port": 5432}))
    assert redact(f"password={CANARY};") == f"password={MASK};"
    assert "campshub360" not in module.no_log_values, "every ARN would lose its stack's name"


def test_what_was_read_in_one_module_is_unknown_to_the_next(module: SimpleNamespace) -> None:
    with hiding_secrets(module):
        remember(CANARY)
        assert redact(CANARY) == MASK
    assert redact(CANARY) == CANARY
    assert CANARY in module.no_log_values


def test_a_module_that_breaks_says_so_without_the_value(module: SimpleNamespace) -> None:
    with pytest.raises(SystemExit) as ended, hiding_secrets(module):
        remember(CANARY)
        raise ValueError(f"Invalid header value {CANARY!r}")
    assert str(ended.value).startswith("ValueError: Invalid header value ")
    assert leaks(str(ended.value), CANARY) == set()


@pytest.mark.parametrize("show", [repr, lambda value: repr([value]), lambda value: f"{value!r}", lambda v: f"{(v,)}"])
def test_a_value_shows_itself_in_no_repr(show: Callable[[object], str]) -> None:
    value = SecretValue(CANARY)
    assert CANARY not in show(value)
    assert f"Bearer {value}" == f"Bearer {CANARY}", "who sends it has it"
