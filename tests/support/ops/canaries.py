"""Values of secrets that break what is careless with them, and how to tell whether a text shows a piece of one."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

PIECE = 8
CANARY = "cAnAry0Zq7Wx9Vb3"

#: By what is odd about them. Those that are as they should be come first.
SENDABLE = {
    "plain": CANARY,
    "percent": f"{CANARY}%s%(name)d%41%%k2Jd8Fh5Lm",
    "braces": f"{CANARY}{{{{ k2Jd8Fh5Lm }}}}{{% raw %}}",
    "dollar": f"{CANARY}$HOME${{k2Jd8Fh5Lm}}$(id)`id`",
    "quotes": f"{CANARY}'k2Jd\"8Fh5Lm'\"Qp4Rs6Tv8",
    "markup": f"{CANARY}</style><b>&amp;k2Jd8Fh5Lm",
    "number": "47114812491350146",
    "json": f'{{"username": "canary", "password": "{CANARY}", "n": 1}}',
    "yaml": f"- !unsafe {CANARY}: # k2Jd8Fh5Lm",
    "blank inside": f"{CANARY} k2Jd8Fh5Lm",
}
#: Good for a token, and no header by which a load balancer's rule can tell test traffic.
TOKENS = {
    "4 KB": "".join(f"{number:04d}k{number * 7919 % 9973:04x}" for number in range(460))[:4096],
    "url": f"a://{CANARY}:k2Jd8Fh5Lm@h/?q={CANARY}&r=+/=",
    "backslash": f"{CANARY}\\n\\x41\\\\k2Jd8Fh5Lm",
    "star": f"{CANARY}*k2Jd8Fh5Lm",
    "question mark": f"{CANARY}?k2Jd8Fh5Lm",
}
UNSENDABLE = {
    "newline": f"{CANARY}\n",
    "newline of Windows": f"{CANARY}\r\n",
    "line break inside": f"{CANARY}\nk2Jd8Fh5Lm",
    "header injection": f"{CANARY}\r\nX-Other: k2Jd8Fh5Lm",
    "tab": f"{CANARY}\tk2Jd8Fh5Lm",
    "null": f"{CANARY}\0k2Jd8Fh5Lm",
    "delete": f"{CANARY}\x7fk2Jd8Fh5Lm",
    "Latin-1": f"{CANARY}é§k2Jd8Fh5Lm",
    "beyond Latin-1": f"{CANARY}€語k2Jd8Fh5Lm",
    "emoji": f"{CANARY}😀k2Jd8Fh5Lm",
    "blank before": f" {CANARY}",
    "blank behind": f"{CANARY} ",
    "too short": "cAnAry0",
    "too long": CANARY * 600,
    "only newlines": "\n\n",
}
BINARY = CANARY.encode() + b"\x00\xff\xfe" + b"k2Jd8Fh5Lm"
TEXTS = {**SENDABLE, **TOKENS, **UNSENDABLE}


def leaks(text: str, value: str) -> set[str]:
    """Return the pieces of a value that a reader of this text could make out.

    It goes the other way than what hides them: it decodes the text, and looks for the value as it is.
    """
    value = json.loads(value)["password"] if value.startswith("{") else value
    desired = {run for run in _runs(value) if len(set(run)) > 2}
    return desired & {run for readable in readings(text) for run in _runs(readable)}


def _runs(text: str) -> set[str]:
    return {text[at : at + PIECE] for at in range(len(text) - PIECE + 1)}


def readings(text: str) -> set[str]:
    """Return a text as it is and in whatever it may have been encoded, twice over."""
    found = {text}
    for _ in range(2):
        found |= {reading for one in found for reading in _decoded(one)}
    return found


def _decoded(text: str) -> Iterator[str]:
    yield unquote(text)
    yield unquote_plus(text)
    yield html.unescape(text)
    yield re.sub(r"\s+", "", text)
    yield re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r", "t": "\t"}.get(found[1], found[1]), text)
    yield re.sub(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))", lambda found: chr(int(found[1] or found[2], 16)), text)
    for word in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
        yield from _of_base64(word)


def _of_base64(word: str) -> Iterator[str]:
    plain = word.replace("-", "+").replace("_", "/")
    for skipped in range(4):
        body = plain[skipped:]
        try:
            yield base64.b64decode(body[: len(body) // 4 * 4]).decode("latin-1")
        except binascii.Error:
            continue
