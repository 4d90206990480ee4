#!/usr/bin/python
"""Own module because ansible.builtin.uri can't connect to another address than the URL's, as before a DNS cut-over."""

from __future__ import annotations

DOCUMENTATION = r"""
module: https_check
short_description: Send requests to a URL until the answer is as expected
description: Repeats the request until the answer is as expected or the timeout is over. Changes nothing.
options:
  url: {description: "https://...", type: str, required: true}
  connect_to: {description: "host:port to connect to instead of the URL's; the certificate is still the URL's", type: str, default: ""}
  ca: {description: File of trusted certificates; the system's when empty, type: str, default: ""}
  status: {description: Expected status, type: int, default: 200}
  headers: {description: Expected headers, type: dict, default: {}}
  timeout: {description: Seconds of further requests, type: int, default: 60}
  poll_seconds: {description: Polling interval in seconds, type: float, default: 1}
  consecutive: {description: "Answers in a row, each on a new connection, that must be as expected", type: int, default: 1}
  hint: {description: What to add to the message where it fails, type: str, default: ""}
author: CampsHub360
"""

EXAMPLES = r"""
- name: Verify the new release at the public address
  https_check:
    url: https://app.tier1.campshub360.example/readyz
    headers: {X-Release: 1.0.0}
"""

RETURN = r"""
status: {description: The answer's status, type: int, returned: success}
"""

import time
from collections.abc import Mapping

from ansible.module_utils.basic import AnsibleModule

from ops.probe.client import Address, Client, NoAnswerError, path_of


def mismatch(
    status: int, headers: Mapping[str, str], desired_status: int, desired_headers: Mapping[str, str]
) -> str | None:
    """Return how the answer differs from the expected one; None if it does not."""
    if status != desired_status:
        return f"it answers {status} instead of {desired_status}"
    for name, value in desired_headers.items():
        if (there := headers.get(name.lower())) != str(value):
            return f"its header {name} is {there!r} instead of {value!r}"
    return None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"required": True},
            "connect_to": {"default": ""},
            "ca": {"default": ""},
            "status": {"type": "int", "default": 200},
            "headers": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 60},
            "poll_seconds": {"type": "float", "default": 1},
            "consecutive": {"type": "int", "default": 1},
            "hint": {"default": ""},
        },
        supports_check_mode=True,
    )
    desired = module.params
    try:
        address = Address(desired["url"], desired["connect_to"], desired["ca"])
    except ValueError as error:
        module.fail_json(msg=f"Nothing can be asked so: {error}")
    deadline = time.monotonic() + desired["timeout"]
    good = 0
    while True:
        try:
            with Client(address) as client:
                answer = client.ask("GET", path_of(desired["url"]))
            wrong = mismatch(answer.status, answer.headers, desired["status"], desired["headers"])
            good = 0 if wrong else good + 1
            if good >= desired["consecutive"]:
                module.exit_json(changed=False, status=answer.status)
        except NoAnswerError as error:
            wrong, good = f"it does not answer: {error}", 0
        if wrong and time.monotonic() > deadline:
            through = f" (asked through {desired['connect_to']})" if desired["connect_to"] else ""
            module.fail_json(
                msg=f"{desired['url']} is not as it should be: {wrong}{through}, for {desired['timeout']} s. {desired['hint']}".strip()
            )
        time.sleep(desired["poll_seconds"])


if __name__ == "__main__":
    main()
