#!/usr/bin/python
"""Own module because what a run did must be on disk the moment it is done: a killed run has its event log too."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_event
short_description: Append an event to the event log of a run
options:
  event_log: {description: File of the event log, type: str, required: true}
  event: {description: What happened, type: str, required: true}
  outcome: {description: How it went, type: str, choices: [ok, failed, refused], default: ok}
  message: {description: The same in a sentence, type: str, required: true}
author: CampsHub360
"""

EXAMPLES = r"""
- name: Record that the database was migrated
  run_event: {event_log: reports/deploy/20261125T113000Z-1.2.0/events.jsonl, event: migration, message: The schema is at 0007}
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule

from ops.report import events


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "event_log": {"required": True},
            "event": {"required": True},
            "outcome": {"choices": ["ok", "failed", "refused"], "default": "ok"},
            "message": {"required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    if not module.check_mode:
        try:
            fields = {name: params[name] for name in ("event", "outcome", "message")}
            events.append(params["event_log"], "event", **fields)
        except OSError as error:
            module.fail_json(
                msg=f"Could not write the event log {params['event_log']}: {error}. Make room or correct the path."
            )
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
