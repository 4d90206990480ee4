#!/usr/bin/python
"""Own module because amazon.aws.s3_object overrides the bucket's encryption and can't say whose bucket it must be."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_log_entry
short_description: Record in the audit log that a release begins, before anything is changed
description:
  - Puts C(audit-log/<run>.json) into the reports bucket, so that what stands between two releases is known even if this one is killed.
  - Fails when it can't, since nothing was changed yet. In check mode, and for a release that changes nothing, it puts nothing.
options:
  run: {description: The release's run, type: str, required: true}
  facts: {description: What is known of the release, type: dict, required: true}
  bucket: {description: The stack's bucket for reports, type: str, required: true}
  bucket_owner: {description: "The account that must own it, 12 digits", type: str, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Record what is about to happen
  audit_log_entry:
    run: 20261125T113000Z-1.4.0
    facts: {release: 1.4.0, operator: ops, schema: {before: "0001", after: "0002", breaking_migrations: []}}
    bucket: campshub360-tier1-123456789012-reports
    bucket_owner: "123456789012"
"""

RETURN = r"""
key: {description: Key of the object, type: str, returned: success}
"""

import json
from dataclasses import replace

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.release.history import entry, key_of
from ops.report.facts import IDLE, RUN, facts_from
from ops.report.store import put


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "run": {"required": True},
            "facts": {"type": "dict", "required": True},
            "bucket": {"required": True},
            "bucket_owner": {"required": True},
        },
        supports_check_mode=True,
    )
    desired = module.params
    if not RUN.fullmatch(desired["run"]):
        module.fail_json(
            msg=f"A run can't be called {desired['run']!r}: its files are named for it. Nothing was touched. Use letters, "
            "digits, and . _ : - in the release's name."
        )
    facts = facts_from(desired["run"], desired["facts"])
    key = key_of(facts.run)
    if module.check_mode or facts.outcome in IDLE:
        module.exit_json(changed=False, key=key)
    with failing_with(
        module,
        f"Could not record in s3://{desired['bucket']}/{key} that the release begins, so it does not; "
        "playbooks/provision.yml creates the bucket",
    ):
        started = json.dumps(entry(replace(facts, outcome="started", finished=None)), indent=1)
        put(module.client("s3"), desired["bucket"], desired["bucket_owner"], key, started)
    module.exit_json(changed=True, key=key)


if __name__ == "__main__":
    main()
