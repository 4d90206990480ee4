#!/usr/bin/python
"""Own module because ansible.builtin.uri can't connect to another address than the URL's, nor send a header that no task sees."""

from __future__ import annotations

DOCUMENTATION = r"""
module: smoke_test
short_description: Test a release before it has traffic
description:
  - Asks through the public address, with the secret header by which the load balancer leads test traffic to the new
    release. What is asked stands in docs/app-contract.md.
  - Every answer must carry the release that is tested; otherwise another one answered, and nothing is proven.
  - A failed check is no failure of the module: see RV(passed). Writes one heartbeat. In check mode nothing is asked.
options:
  url: {description: "https://...", type: str, required: true}
  connect_to: {description: "host:port to connect to instead of the URL's; the certificate is still the URL's", type: str, default: ""}
  ca: {description: File of trusted certificates; the system's when empty, type: str, default: ""}
  release: {description: What X-Release must say, type: str, required: true}
  header_name: {description: Header that marks test traffic; none when empty, type: str, default: ""}
  header_secret: {description: Name of the secret that holds the header's value, type: str, default: ""}
  token_secret: {description: Name of the secret that holds the heartbeat token, type: str, required: true}
  timeout: {description: Seconds for each answer, type: float, default: 10}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Test the new release by test traffic
  smoke_test:
    url: https://app.tier1.campshub360.example
    release: 1.0.0
    header_name: X-Test-Traffic
    header_secret: campshub360-tier1/test-traffic
    token_secret: campshub360-tier1/heartbeat-token
  register: tested
"""

RETURN = r"""
passed: {description: "Whether every check passed, but for warnings", type: bool, returned: success}
checks: {description: "check, passed, message, ms, warning; in the order in which they were made", type: list, returned: success}
message: {description: "One sentence, which names the first check that failed", type: str, returned: success}
"""

from dataclasses import asdict
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.aws.redaction import hiding_secrets
from ops.aws.secrets import BEARER, TEST_HEADER, SecretError, Use, fetch
from ops.probe.client import NO_HEADERS, Address
from ops.release.smoke_test import SmokeTest, summary


def create_test(module: AnsibleAWSModule, address: Address) -> SmokeTest:
    """Return the test, with both secrets, which no task ever sees."""
    options: dict[str, Any] = module.params
    secrets = module.client("secretsmanager")

    def secret(name: str, use: Use) -> str:
        with failing_with(module, f"Could not read the secret {name}"):
            return fetch(secrets, name, use)

    name = options["header_name"]
    marked = {name: secret(options["header_secret"], TEST_HEADER)} if name else NO_HEADERS
    return SmokeTest(address, options["release"], marked, secret(options["token_secret"], BEARER))


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "url": {"required": True},
            "connect_to": {"default": ""},
            "ca": {"default": ""},
            "release": {"required": True},
            "header_name": {"default": ""},
            "header_secret": {"default": "", "no_log": False},  # names of secrets are none
            "token_secret": {"required": True, "no_log": False},
            "timeout": {"type": "float", "default": 10},
        },
        supports_check_mode=True,
    )
    desired = module.params
    if bool(desired["header_name"]) != bool(desired["header_secret"]):
        module.fail_json(
            msg="header_name and header_secret go together: a header, and the secret that holds its value."
        )
    try:
        address = Address(desired["url"], desired["connect_to"], desired["ca"], desired["timeout"])
    except ValueError as error:
        module.fail_json(msg=f"Nothing can be asked so: {error}")
    if module.check_mode:
        module.exit_json(changed=False, passed=True, checks=[], message="Nothing was tested in check mode.")
    with hiding_secrets(module):
        try:
            checks = create_test(module, address).checks()
        except SecretError as error:
            module.fail_json(msg=str(error))
        module.exit_json(
            changed=False,
            passed=all(check.passed or check.warning for check in checks),
            checks=[asdict(check) for check in checks],
            message=summary(checks, desired["release"]),
        )


if __name__ == "__main__":
    main()
