#!/usr/bin/python
"""Own module because neither collection can continue, roll back or stop a service deployment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_deployment_action
short_description: Tell a service deployment to continue, or to roll back
description:
  - Answers the PAUSE hook at which a deployment waits. Without one, C(ROLLBACK) stops the deployment and rolls it back.
  - An action that comes too late changes nothing. With O(event_log), the action is a line there.
options:
  deployment: {description: ARN of the service deployment, type: str, required: true}
  hook: {description: Id of the hook that waits, type: str, default: ""}
  action: {description: What ECS is told, type: str, choices: [CONTINUE, ROLLBACK], required: true}
  message: {description: "Why, in a sentence", type: str, required: true}
  event: {description: What the event log calls it, type: str, default: action}
  figures: {description: "Figures of both colours, for the event log", type: dict, default: {}}
  event_log: {description: File to which the action is appended, type: str, default: ""}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Continue the release
  ecs_deployment_action:
    deployment: arn:aws:ecs:us-east-1:123456789012:service-deployment/campshub360-tier1/campshub360-tier1-app/Ab0
    hook: ecs-pause-0123
    action: CONTINUE
    message: green answers 0.0 % of 812 requests with 5xx
"""

RETURN = r"""
late: {description: Whether the deployment no longer waited for it, type: bool, returned: success}
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with, unless_missing
from ops.report import events


def tell(module: AnsibleAWSModule) -> Any:
    """Tell ECS; return its answer, or None if it came too late: the hook timed out, or the deployment has ended.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContinueServiceDeployment.html
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
    """
    ecs = module.client("ecs")
    deployment, desired, hook = (module.params[name] for name in ("deployment", "action", "hook"))
    if hook:
        return unless_missing(
            "InvalidParameterException",
            ecs.continue_service_deployment,
            serviceDeploymentArn=deployment,
            hookId=hook,
            action=desired,
        )
    return unless_missing(
        "ConflictException", ecs.stop_service_deployment, serviceDeploymentArn=deployment, stopType=desired
    )


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "deployment": {"required": True},
            "hook": {"default": ""},
            "action": {"choices": ["CONTINUE", "ROLLBACK"], "required": True},
            "message": {"required": True},
            "event": {"default": "action"},
            "figures": {"type": "dict", "default": {}},
            "event_log": {"default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    if not params["hook"] and params["action"] == "CONTINUE":
        module.fail_json(
            msg="The deployment waits at no PAUSE hook, so there is nothing to continue. See playbooks/status.yml"
        )
    if module.check_mode:
        module.exit_json(
            changed=True, late=False, diff={"before": "", "after": f"{params['action']}: {params['message']}\n"}
        )
    with failing_with(module, f"Could not tell the deployment to {params['action']}"):
        late = tell(module) is None
    outcome = "refused" if late else "ok" if params["action"] == "CONTINUE" else "failed"
    log, figures = params["event_log"], params["figures"]
    events.append(log, "event", event=params["event"], outcome=outcome, message=params["message"], **figures)
    module.exit_json(changed=not late, late=late)


if __name__ == "__main__":
    main()
