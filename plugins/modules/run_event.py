#!/usr/bin/python
"""Own module because what a run did must be on disk the moment it is done: a killed run is to have its evidence too."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_event
short_description: Add an event to the record of a run
options:
  record: {description: File of the record, type: str, required: true}
  event: {description: What happened, type: str, required: true}
  outcome: {description: How it went, type: str, choices: [ok, failed, refused], default: ok}
  words: {description: The same in a sentence, type: str, required: true}
author: CampsHub360
"""

EXAMPLES = r"""
- name: Note that the database was migrated
  run_event: {record: reports/deploy/20261125T113000Z-1.2.0/events.jsonl, event: migration, words: The schema is at 0007}
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule

from ops.report import events as record


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "record": {"required": True},
            "event": {"required": True},
            "outcome": {"choices": ["ok", "failed", "refused"], "default": "ok"},
            "words": {"required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    if not module.check_mode:
        try:
            record.append(
                params["record"], "event", event=params["event"], outcome=params["outcome"], words=params["words"]
            )
        except OSError as error:
            module.fail_json(
                msg=f"Could not write the record {params['record']}: {error}. Make room or correct the path."
            )
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
