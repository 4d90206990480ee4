#!/usr/bin/python
"""Own module because an analysis needs traffic, and nothing in the collections sends some within bounds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: https_traffic
short_description: Send some requests, so that threads are warm, or there is something to analyse
description:
  - Sends I(count) GETs over a few kept connections, and ends early when the time is over. Counts only whether they
    were answered without a 5xx. Changes nothing; in check mode nothing is sent.
  - With I(token_secret), every other one reads heartbeats, for which the application has to ask its database.
options:
  url: {description: "https://..., with the path to ask for", type: str, required: true}
  connect_to: {description: "host:port to connect to instead of the URL's; the certificate is still the URL's", type: str, default: ""}
  ca: {description: File of trusted certificates; the system's when empty, type: str, default: ""}
  count: {description: "Requests, 1 to 5000", type: int, required: true}
  concurrency: {description: "Requests under way at once, 1 to 50", type: int, default: 8}
  header_name: {description: Header that is sent with each; none when empty, type: str, default: ""}
  header_secret: {description: Name of the secret that holds the header's value, type: str, default: ""}
  token_secret: {description: Name of the secret that holds the heartbeat token; no heartbeat is read when empty, type: str, default: ""}
  timeout: {description: Seconds for all of them, type: float, default: 60}
  spread: {description: "Seconds over which they are spread, so that no single minute holds them all", type: float, default: 0}
  alongside:
    description: Whether as many without the header go beside them, so that what serves can be compared. Nothing of these counts
    type: bool
    default: false
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Send requests to analyse
  https_traffic:
    url: https://app.tier1.campshub360.example/
    count: 300
    header_name: X-Test-Traffic
    header_secret: campshub360-tier1/test-traffic
"""

RETURN = r"""
sent: {description: Requests that were sent, type: int, returned: success}
requests_failed: {description: "Those without an answer, or with a 5xx. Not `failed`, by which Ansible means the task", type: int, returned: success}
first_failure: {description: How the first of them failed, type: str, returned: success}
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.aws.redaction import hiding_secrets, redact
from ops.aws.secrets import BEARER, TEST_HEADER, SecretError, Use, fetch
from ops.probe.client import NO_HEADERS, Address, Client, NoAnswerError, path_of
from ops.probe.heartbeat import authorization, read_path

COUNTS = range(1, 5001)
CONCURRENCIES = range(1, 51)
ONE_SECONDS = 10.0
NOBODY = "nobody"  # a probe that has never written: there is little to read


class Question(NamedTuple):
    path: str
    headers: Mapping[str, str]


class Sent(NamedTuple):
    sent: int
    failures: tuple[str, ...]


def send(
    address: Address,
    questions: Sequence[Question],
    count: int,
    concurrency: int,
    seconds: float,
    spread: float = 0.0,
    alongside: bool = False,
) -> Sent:
    """Send so many requests, the questions in turn, so many at once, for so many seconds at most; evenly over the spread."""
    begun = time.monotonic()
    deadline = begun + seconds
    numbers = itertools.count()  # next() is one step of the interpreter: threads share it safely

    def work() -> Sent:
        sent, failures = 0, []
        with Client(address) as client:
            while (number := next(numbers)) < count and time.monotonic() < deadline:
                time.sleep(max(0.0, begun + number * spread / count - time.monotonic()))
                sent += 1
                path, headers = questions[number % len(questions)]
                try:
                    status = client.ask("GET", path, headers=headers).status
                    if status >= 500:
                        failures.append(f"answered {status}")
                except NoAnswerError as error:
                    failures.append(redact(str(error)))
                if alongside:
                    with suppress(NoAnswerError):
                        client.ask("GET", path)
        return Sent(sent, tuple(failures))

    with ThreadPoolExecutor(concurrency) as threads:
        parts = [future.result() for future in [threads.submit(work) for _ in range(concurrency)]]
    return Sent(sum(part.sent for part in parts), tuple(failure for part in parts for failure in part.failures))


def questions(module: AnsibleAWSModule) -> list[Question]:
    """Return what is asked in turn, with both secrets, which no task ever sees."""
    desired = module.params

    def secret(name: str, use: Use) -> str:
        with failing_with(module, f"Could not read the secret {name}"):
            try:
                return fetch(module.client("secretsmanager"), name, use)
            except SecretError as error:
                module.fail_json(msg=str(error))
                raise

    name = desired["header_name"]
    marked = {name: secret(desired["header_secret"], TEST_HEADER)} if name else NO_HEADERS
    asked = [Question(path_of(desired["url"]), marked)]
    if desired["token_secret"]:
        asked.append(Question(read_path(NOBODY), {**marked, **authorization(secret(desired["token_secret"], BEARER))}))
    return asked


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "url": {"required": True},
            "connect_to": {"default": ""},
            "ca": {"default": ""},
            "count": {"type": "int", "required": True},
            "concurrency": {"type": "int", "default": 8},
            "header_name": {"default": ""},
            "header_secret": {"default": "", "no_log": False},  # its name is no secret
            "token_secret": {"default": "", "no_log": False},
            "timeout": {"type": "float", "default": 60},
            "spread": {"type": "float", "default": 0},
            "alongside": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    desired = module.params
    for name, allowed in {"count": COUNTS, "concurrency": CONCURRENCIES}.items():
        if desired[name] not in allowed:
            module.fail_json(msg=f"{name} is {allowed[0]} to {allowed[-1]}, not {desired[name]}.")
    if bool(desired["header_name"]) != bool(desired["header_secret"]):
        module.fail_json(
            msg="header_name and header_secret go together: a header, and the secret that holds its value."
        )
    try:
        address = Address(desired["url"], desired["connect_to"], desired["ca"], min(ONE_SECONDS, desired["timeout"]))
    except ValueError as error:
        module.fail_json(msg=f"No traffic can be sent so: {error}")
    if module.check_mode:
        module.exit_json(changed=False, sent=0, requests_failed=0, first_failure="")
    with hiding_secrets(module):
        done = send(
            address,
            questions(module),
            desired["count"],
            desired["concurrency"],
            float(desired["timeout"]),
            spread=float(desired["spread"]),
            alongside=desired["alongside"],
        )
        module.exit_json(
            changed=False, sent=done.sent, requests_failed=len(done.failures), first_failure=(*done.failures, "")[0]
        )


if __name__ == "__main__":
    main()
