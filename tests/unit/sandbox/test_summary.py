"""The summary at the end of a rehearsal."""

from __future__ import annotations

from dataclasses import replace

from sandbox.summary import PlaybookRun, Summary, text

SUMMARY = Summary(
    url="https://app.example",
    curl="curl --cacert ca.pem https://app.example/readyz",
    answer="200 OK, release 1.0.0",
    service="3 of 3 tasks running",
    targets={"stack-blue": "3 healthy", "stack-green": "no targets"},
    database="db:5432 (available)",
    cache="cache:6379 (available)",
    resources={"ec2": 17, "s3": 4},
    first=PlaybookRun(seconds={"network": 4.2, "dns": 0.2}, changed=33),
    second=PlaybookRun(seconds={}, changed=0),
    stages={"Provision": 44.6},
)


def test_every_line_that_a_tired_person_needs_is_there() -> None:
    shown = text(SUMMARY).splitlines()
    for line in (
        "address        https://app.example",
        "it answers     200 OK, release 1.0.0",
        "try it         curl --cacert ca.pem https://app.example/readyz",
        "service        3 of 3 tasks running",
        "database       db:5432 (available)",
        "cache          cache:6379 (available)",
        "blue targets   3 healthy",
        "green targets  no targets",
        "resources      21 with the stack's tag: 17 ec2, 4 s3",
        "a second run   changed nothing",
        "layers         network 4 s",
        "                  45 s  Provision",
        "stop           make down",
    ):
        assert line in shown


def test_a_second_run_that_changed_something_is_not_hidden() -> None:
    assert "CHANGED 2 TASKS" in text(replace(SUMMARY, second=PlaybookRun(seconds={}, changed=2)))
