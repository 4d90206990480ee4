#!/usr/bin/python
"""Own module because a page with charts is a program, and no part of it may hide how the release ended."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_report
short_description: Make the evidence of a release and keep it
description:
  - Reads what was written down during the release, C(<folder>/<run>/events.jsonl) and C(requests.jsonl). Either may be missing or cut short.
  - Writes C(<folder>/<run>.json) and C(<run>.html), and puts both as C(deploy/<run>.*), and C(audit/<run>.json), into the bucket.
  - Never fails for want of a bucket, a disk or a picture. It says so in RV(problems), so that a lock can be freed first.
  - In check mode, and for a release that changed nothing, it writes nothing.
options:
  run: {description: The release's run, type: str, required: true}
  folder: {description: Folder of this machine for reports, type: path, required: true}
  facts: {description: What is known of the release; see the README of the role C(report), type: dict, required: true}
  bucket: {description: The stack's bucket for reports, type: str, required: true}
  bucket_owner: {description: "The account that must own it, 12 digits", type: str, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Make the evidence and keep it
  release_report:
    run: 20261125T113000Z-1.4.0
    folder: reports/deploy
    facts: {release: 1.4.0, outcome: released, started: 1795606200, finished: 1795606392}
    bucket: campshub360-tier1-123456789012-reports
    bucket_owner: "123456789012"
  register: report
"""

RETURN = r"""
words: {description: How the release ended, in one sentence, type: str, returned: success}
requests: {description: Requests seen from outside, type: int, returned: success}
requests_failed: {description: How many of them failed, type: int, returned: success}
json: {description: File for machines; empty when none was written, type: str, returned: success}
html: {description: File for people; empty when none was written, type: str, returned: success}
objects: {description: Addresses of the objects in the bucket, type: list, returned: success}
problems: {description: What could not be kept and why, type: list, returned: success}
cures: {description: Commands that keep it after all, type: list, returned: success}
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.release.history import entry, key_of
from ops.report.facts import IDLE, Facts, facts_from
from ops.report.files import Evidence, read
from ops.report.keeper import Keeper
from ops.report.report import as_html, as_json, window_of
from ops.report.store import put
from ops.report.summary import headline, seen

NOTHING = Evidence([], [], [], 0)


def keep(keeper: Keeper, facts: Facts, files: dict[str, str]) -> Evidence:
    """Keep all that can be kept; the files that were written are put into `files`, by their kind."""
    evidence = NOTHING
    with keeper.trying(f"read {keeper.folder / keeper.run}"):
        evidence = read(keeper.folder / keeper.run)
    # the smallest and most important first
    told = json.dumps(entry(facts, *seen(facts, evidence)), indent=1)
    keeper.keep(keeper.folder / keeper.run / "audit.json", key_of(keeper.run), told)
    for kind, make in (("json", as_json), ("html", as_html)):
        with keeper.trying(f"make the report's {kind}"):
            path = keeper.folder / f"{keeper.run}.{kind}"
            if keeper.keep(path, f"deploy/{path.name}", make(facts, evidence, window_of(facts, evidence))):
                files[kind] = str(path)
    return evidence


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "run": {"required": True},
            "folder": {"type": "path", "required": True},
            "facts": {"type": "dict", "required": True},
            "bucket": {"required": True},
            "bucket_owner": {"required": True},
        },
        supports_check_mode=True,
    )
    desired: dict[str, Any] = module.params
    facts = facts_from(desired["run"], desired["facts"])
    idle = module.check_mode or facts.outcome in IDLE
    s3 = None if idle else module.client("s3")
    keeper = Keeper(
        Path(desired["folder"]).absolute(),
        desired["run"],
        partial(put, s3, desired["bucket"], desired["bucket_owner"]),
        desired["bucket"],
    )
    files: dict[str, str] = {}
    evidence = NOTHING if idle else keep(keeper, facts, files)
    requests, failed = seen(facts, evidence)
    module.exit_json(
        changed=bool(files or keeper.objects),
        words="" if module.check_mode else f"{headline(facts, evidence)}.",
        requests=requests,
        requests_failed=failed,  # `failed` would be the task
        json=files.get("json", ""),
        html=files.get("html", ""),
        objects=keeper.objects,
        problems=keeper.problems,
        cures=keeper.cures,
    )


if __name__ == "__main__":
    main()
