"""What a secret's value may be for each use, and how one that is not is refused."""

from __future__ import annotations

import pytest

from ops.aws.secrets import AUTH_TOKEN, BEARER, TEST_HEADER, Use, reasons, unfit
from tests.support.ops.canaries import CANARY, SENDABLE, TOKENS, UNSENDABLE, leaks

GENERATED = "aB3" * 21 + "x"


@pytest.mark.parametrize("use", [BEARER, TEST_HEADER, AUTH_TOKEN], ids=lambda use: use.what)
def test_what_is_generated_is_fit_for_every_use(use: Use) -> None:
    assert list(reasons(GENERATED, use)) == []


@pytest.mark.parametrize("name", [*SENDABLE, *TOKENS])
def test_odd_values_are_fit_where_they_can_be_sent(name: str) -> None:
    value = {**SENDABLE, **TOKENS}[name]
    assert list(reasons(value, BEARER)) == []
    assert (list(reasons(value, TEST_HEADER)) == []) is (name in SENDABLE)


@pytest.mark.parametrize("name", UNSENDABLE)
def test_what_can_t_be_sent_is_fit_for_nothing(name: str) -> None:
    for use in (BEARER, TEST_HEADER, AUTH_TOKEN):
        assert list(reasons(UNSENDABLE[name], use)) != []


@pytest.mark.parametrize(
    ("value", "use", "why"),
    [
        ("", BEARER, ["is empty"]),
        (f"{CANARY}\n", BEARER, ["ends in a newline, as the text of a file does"]),
        (f"{CANARY}\r\n", BEARER, ["ends in a newline, as the text of a file does"]),
        (f"{CANARY} ", BEARER, ["begins or ends with a blank, which HTTP and others take away"]),
        (f"a\nb{CANARY}", BEARER, ["holds a line break or another control character"]),
        (f"ä{CANARY}", BEARER, ["holds a character outside ASCII"]),
        ("a" * 7, BEARER, ["has 7 characters instead of 8 to 8000"]),
        ("a" * 8, BEARER, []),
        ("a" * 8000, BEARER, []),
        ("a" * 8001, BEARER, ["has 8001 characters instead of 8 to 8000"]),
        ("a" * 128, TEST_HEADER, []),
        ("a" * 129, TEST_HEADER, ["has 129 characters instead of 8 to 128"]),
        ("test-traffic-*", TEST_HEADER, ["holds *, ? or \\, by which a rule matches other values too"]),
        ("a" * 15, AUTH_TOKEN, ["has 15 characters instead of 16 to 128"]),
        ("a1!&#$^<>-" * 2, AUTH_TOKEN, []),
        (f"{CANARY}@", AUTH_TOKEN, ["holds something else than letters, digits and ! & # $ ^ < > -"]),
        (
            "ä*\n",
            TEST_HEADER,
            [
                "ends in a newline, as the text of a file does",
                "holds a character outside ASCII",
                "has 2 characters instead of 8 to 128",
            ],
        ),
    ],
)
def test_all_that_is_wrong_with_a_value_is_said(value: str, use: Use, why: list[str]) -> None:
    assert list(reasons(value, use)) == why
    assert leaks(unfit("t1/token", use, why), value) == set()


def test_a_refusal_names_the_secret_and_the_cure() -> None:
    refusal = unfit("t1/heartbeat-token", BEARER, list(reasons(f"{CANARY}\n", BEARER)))
    what, _, cure = refusal.partition(" Put another one; from a file, without its last newline: ")
    assert what == (
        "The value of the secret t1/heartbeat-token can't be sent as Authorization: Bearer: it ends in a newline, as "
        "the text of a file does."
    )
    put = "aws secretsmanager put-secret-value --secret-id t1/heartbeat-token --secret-string file:///dev/stdin"
    assert cure == f'printf %s "$(cat FILE)" | {put}'
