#!/usr/bin/python
"""Own module because a page with charts is a program, and no part of it may hide how the release ended."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_report
short_description: Create the report of a release and store it
description:
  - Reads the event log C(<folder>/<run>/events.jsonl) and the results of the availability probe C(<folder>/<run>/requests.jsonl). Either may be missing or cut short.
  - Writes C(<folder>/<run>.json) and C(<folder>/<run>.html), and puts both into the bucket as C(deploy/<run>.json) and C(deploy/<run>.html).
  - Completes the run's entry in the audit log, C(audit-log/<run>.json) in the bucket.
  - Does not fail when the bucket, the disk or the page fails. It lists that in RV(errors), so that the deployment lock can be released first.
  - In check mode, and for a release that changed nothing, it writes nothing.
options:
  run: {description: Name of the release's run, type: str, required: true}
  folder: {description: Folder of this machine for reports, type: path, required: true}
  facts: {description: Facts of the release; the README of the role C(report) lists the keys, type: dict, required: true}
  bucket: {description: The stack's bucket for reports, type: str, required: true}
  bucket_owner: {description: "Account that must own the bucket, 12 digits", type: str, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the report of the release
  release_report:
    run: 20261125T113000Z-1.4.0
    folder: reports/deploy
    facts: {release: 1.4.0, outcome: released, started: 1795606200, finished: 1795606392}
    bucket: campshub360-tier1-123456789012-reports
    bucket_owner: "123456789012"
  register: report
"""

RETURN = r"""
message: {description: How the release ended, in one sentence; empty in check mode, type: str, returned: success}
requests: {description: Number of the availability probe's requests, type: int, returned: success}
requests_failed: {description: How many of them failed, type: int, returned: success}
json: {description: Path of the report for machines; empty when none was written, type: str, returned: success}
html: {description: Path of the page for people; empty when none was written, type: str, returned: success}
objects: {description: Addresses of the objects in the bucket, type: list, elements: str, returned: success}
errors: {description: What could not be stored and why, type: list, elements: str, returned: success}
upload_commands: {description: Commands that put into the bucket what it lacks, type: list, elements: str, returned: success}
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.release.history import entry, key_of
from ops.report.facts import IDLE, Facts, facts_from
from ops.report.release_report import as_html, as_json, window_of
from ops.report.run_files import RunFiles, read
from ops.report.store import Store, put
from ops.report.summary import request_counts, summary


def store_report(store: Store, folder: Path, facts: Facts, paths: dict[str, str]) -> RunFiles:
    """Store the audit log entry, the JSON and the page; add the path of each file written to `paths`, by its kind."""
    files = RunFiles()
    with store.attempt(f"read {folder / facts.run}"):
        files = read(folder / facts.run)
    # the smallest and most important first
    log_entry = json.dumps(entry(facts, *request_counts(facts, files)), indent=1)
    store.add(folder / facts.run / "audit-log.json", key_of(facts.run), log_entry)
    for kind, create in (("json", as_json), ("html", as_html)):
        with store.attempt(f"create the report's {kind}"):
            path = folder / f"{facts.run}.{kind}"
            if store.add(path, f"deploy/{path.name}", create(facts, files, window_of(facts, files))):
                paths[kind] = str(path)
    return files


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
    store = Store(desired["bucket"], partial(put, s3, desired["bucket"], desired["bucket_owner"]))
    paths: dict[str, str] = {}
    files = RunFiles() if idle else store_report(store, Path(desired["folder"]).absolute(), facts, paths)
    requests, failed = request_counts(facts, files)
    module.exit_json(
        changed=bool(paths or store.objects),
        message="" if module.check_mode else f"{summary(facts, files)}.",
        requests=requests,
        requests_failed=failed,  # `failed` would be the task
        json=paths.get("json", ""),
        html=paths.get("html", ""),
        objects=store.objects,
        errors=store.errors,
        upload_commands=store.upload_commands,
    )


if __name__ == "__main__":
    main()
