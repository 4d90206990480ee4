#!/usr/bin/python
"""Own module because nothing in the collections watches an application from outside while others work on it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: The availability probe of the application
description:
  - The action plugin of the same name starts a background process, which ends with the play at the latest, and stops it.
    This module validates the options, and afterwards looks for the writes.
  - Every request is a line of I(results). Writes are heartbeats, numbered, authorized by a token that is read from
    Secrets Manager inside the processes which use it.
  - Changes nothing of the stack, so it never says changed. In check mode nothing is sent.
options:
  state:
    description: Whether the probe runs. C(verified) fails unless the one that was started still measures.
    type: str
    choices: [started, verified, stopped]
    required: true
  url: {description: "https://...", type: str, required: true}
  connect_to: {description: "host:port to connect to instead of the URL's; the certificate is still the URL's", type: str, default: ""}
  ca: {description: File of trusted certificates; the system's when empty, type: str, default: ""}
  results: {description: File to which each request is appended, type: path, required: true}
  name: {description: "Name under which it writes, at most 64 characters, a new one each time", type: str, required: true}
  token_secret: {description: Name of the secret that holds the heartbeat token, type: str, required: true}
  rate: {description: "Requests a second, 0.1 to 200", type: float, default: 10}
  write_percent: {description: Percentage of writes, type: float, default: 33}
  paths: {description: Paths that are read, type: list, elements: str, default: [/]}
  timeout_seconds: {description: Seconds after which a request without an answer has failed, type: float, default: 10}
  enabled: {description: "Whether the probe is started or verified at all", type: bool, default: true}
  pid: {description: "Process id of the probe that was started; 0 if none was", type: int, default: 0}
  ended_early: {description: Set by the action plugin when the process had ended before it was stopped, type: bool, default: false}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Start the availability probe
  probe:
    state: started
    url: https://app.tier1.campshub360.example
    results: reports/deploy/20261125T113000Z-1.0.0/requests.jsonl
    name: 20261125T113000Z-1.0.0
    token_secret: campshub360-tier1/heartbeat-token
  register: __probe_started
"""

RETURN = r"""
pid: {description: "Process id of the probe, 0 if it was not started", type: int, returned: state=started}
summary:
  description: >-
    requests, failed, refused, reconnected, seconds, p95_ms, by_release (requests, failed, p95_ms by tag), first_failure,
    writes (sent, acknowledged, found, lost, doubled), message, not_measured (why the figures do not cover the whole run)
  type: dict
  returned: state=stopped
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.exceptions import BotoCoreError, ClientError

from ops.aws.redaction import hiding_secrets, redact
from ops.aws.secrets import SecretError
from ops.probe.client import Address, Client, NoAnswerError
from ops.probe.heartbeat import NAME_LENGTH, Beats, read_back, tokens
from ops.probe.measured import not_measured
from ops.probe.results import Request, Summary, requests_in, summarise

RATES = (0.1, 200.0)
PERCENT = (0.0, 100.0)


def refusal(options: dict[str, Any]) -> str | None:
    """Return which of the options is invalid; None if none is."""
    try:
        Address(options["url"], options["connect_to"], options["ca"])
    except ValueError as error:
        return str(error)
    if not 0 < len(options["name"]) <= NAME_LENGTH:
        return (
            f"The name of a probe has 1 to {NAME_LENGTH} characters, not {len(options['name'])}: {options['name']!r}."
        )
    if not options["paths"] or any(not path.startswith("/") for path in options["paths"]):
        return f"paths are one or more, each beginning with /, not {options['paths']}."
    for name, (least, most) in {"rate": RATES, "write_percent": PERCENT}.items():
        if not least <= options[name] <= most:
            return f"{name} is {least:g} to {most:g}, not {options[name]:g}."
    return None if options["timeout_seconds"] > 0 else "timeout_seconds is more than 0."


def summarize_results(module: AnsibleAWSModule) -> Summary:
    """Return the summary of the results. What can't be known is part of it, and no error: the play goes on."""
    options = module.params
    requests = requests_in(Path(options["results"]))
    why_not = gap(options, requests)  # before anything is asked, which takes time
    beats, why = None, ""
    if any(request.kind == "write" for request in requests):
        try:
            known = tokens(module.client("secretsmanager"), options["token_secret"])
            address = Address(options["url"], options["connect_to"], options["ca"], options["timeout_seconds"])
            with Client(address) as client:
                beats = read_back(client, options["name"], known)
        except (NoAnswerError, SecretError, BotoCoreError, ClientError, ValueError) as error:
            why = redact(str(error))
    else:
        beats = Beats()
    summary = summarise(requests, beats, why)
    if why_not:
        message = f"Not measured from outside: {why_not}; {log_of(options)} may say why. Of the rest: {summary.message}"
        summary = replace(summary, message=message, not_measured=why_not)
    return summary


def gap(options: dict[str, Any], requests: list[Request]) -> str:
    """Return why a probe that was started has not measured until now; empty if it has, or if none was started."""
    sent, patience = [request.t for request in requests], options["timeout_seconds"]
    return not_measured(sent, time.time(), options["ended_early"], patience) if options["pid"] else ""


def log_of(options: dict[str, Any]) -> Path:
    """Return the file in which the process says why it ended."""
    return Path(options["results"]).with_suffix(".log")


def verify(module: AnsibleAWSModule) -> None:
    """Fail unless the probe that was started still measures."""
    options = module.params
    if module.check_mode or not options["enabled"]:
        return
    if why_not := gap(options, requests_in(Path(options["results"]))):
        module.fail_json(
            msg=f"The availability probe does not measure this release any more: {why_not}; {log_of(options)} may say "
            "why. A release that nobody measures does not go on (probe_required). Release again."
        )


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"choices": ["started", "verified", "stopped"], "required": True},
            "url": {"required": True},
            "connect_to": {"default": ""},
            "ca": {"default": ""},
            "results": {"type": "path", "required": True},
            "name": {"required": True},
            "token_secret": {"required": True, "no_log": False},  # its name is no secret
            "rate": {"type": "float", "default": 10},
            "write_percent": {"type": "float", "default": 33},
            "paths": {"type": "list", "elements": "str", "default": ["/"]},
            "timeout_seconds": {"type": "float", "default": 10},
            "enabled": {"type": "bool", "default": True},
            "pid": {"type": "int", "default": 0},
            "ended_early": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    if module.params["state"] == "started":
        if module.check_mode or not module.params["enabled"]:
            module.exit_json(changed=False, pid=0)
        if unfit := refusal(module.params):
            module.fail_json(msg=f"The probe can't be run so: {unfit}")
        desired = ("url", "connect_to", "ca", "results", "name", "token_secret", "rate", "write_percent", "paths")
        config = {option: module.params[option] for option in (*desired, "timeout_seconds")}
        module.exit_json(changed=False, pid=0, config=config)
    if module.params["state"] == "verified":
        verify(module)
        module.exit_json(changed=False)
    with hiding_secrets(module):
        summary = Summary() if module.check_mode else summarize_results(module)
        module.exit_json(changed=False, summary=summary.as_dict())


if __name__ == "__main__":
    main()
