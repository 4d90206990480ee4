#!/usr/bin/python
"""Own module because neither collection knows service deployments, and how one does is known to ECS and CloudWatch together."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_deployment_info
short_description: How far a service deployment has come, and how both colours do
description:
  - Reads a service deployment, and CloudWatch's figures of blue and green since it began, and analyses them.
  - Requests of green's first minute with traffic count only if their errors can't be chance.
  - Changes nothing in AWS. With O(event_log), the observation is a line there.
options:
  deployment: {description: ARN of the service deployment; the newest when empty, type: str, default: ""}
  event_log: {description: File to which the observation is appended, type: str, default: ""}
extends_documentation_fragment: [observation, amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Wait for the end of the newest deployment
  ecs_deployment_info:
    service: campshub360-tier1-app
    cluster: campshub360-tier1
    load_balancer: arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/campshub360-tier1/0123456789abcdef
  register: deployment
  until: deployment.ended
  retries: 360
  delay: 10
"""

RETURN = r"""
action: {description: "What its operator has to do: smoke_test, continue, analyse, roll_back, ended; null to wait", type: str, returned: success}
analysis: {description: "outcome (pass, fail, inconclusive, undecided), message and missing requests", type: dict, returned: success}
alarms: {description: Of the alarms, those in the state ALARM, type: list, returned: success}
ended: {description: Whether the deployment has ended, type: bool, returned: success}
succeeded: {description: Whether it has ended well, type: bool, returned: success}
outcome: {description: "How it ended, in a sentence", type: str, returned: success}
hook: {description: Id of the PAUSE hook at which it waits, type: str, returned: success}
figures: {description: "Of blue and green, and the thresholds", type: dict, returned: success}
phase: {description: "What changes only when the deployment comes further", type: str, returned: success}
progress: {description: Where it stands, in words, type: str, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.release.observation import OPTIONS, Observer, nothing
from ops.release.step import next_action


def main() -> None:
    module = AnsibleAWSModule(argument_spec=OPTIONS, supports_check_mode=True)
    observer = Observer(module, module.params)
    with failing_with(module, f"Could not read the deployment of {module.params['service']}"):
        deployment = observer.find()
        found = observer.observe(deployment) if deployment else None
    if found is None:
        named = module.params["deployment"]
        module.exit_json(changed=False, action=None if named else "ended", **nothing(named))
        return
    if not module.check_mode:
        observer.record(found)
    action = next_action(found.deployment, found.analysis, found.warm)
    figures = {**found.figures, "thresholds": module.params["thresholds"]}
    module.exit_json(changed=False, action=action, figures=figures, **found.fields())


if __name__ == "__main__":
    main()
