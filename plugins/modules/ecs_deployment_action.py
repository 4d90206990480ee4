#!/usr/bin/python
"""Own module because neither collection can continue, take back or stop a service deployment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_deployment_action
short_description: Tell a deployment to go on, or to go back
description:
  - Answers the pause hook at which a deployment waits; without one, C(ROLLBACK) stops the deployment and takes it back.
  - An answer that comes too late changes nothing. The answer is a line in the record.
options:
  deployment: {description: ARN of the service deployment, type: str, required: true}
  hook: {description: Id of the hook that waits, type: str, default: ""}
  answer: {description: What it shall do, type: str, choices: [CONTINUE, ROLLBACK], required: true}
  why: {description: The reason, in a sentence, type: str, required: true}
  event: {description: "What was decided, for the record", type: str, default: answer}
  figures: {description: "By what it was judged, for the record", type: dict, default: {}}
  record: {description: File to which the answer is added, type: str, default: ""}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Let the release have more traffic
  ecs_deployment_action:
    deployment: arn:aws:ecs:us-east-1:123456789012:service-deployment/campshub360-tier1/campshub360-tier1-app/Ab0
    hook: ecs-pause-0123
    answer: CONTINUE
    why: green answers 0.0 % of 812 requests with 5xx
"""

RETURN = r"""
late: {description: Whether the deployment no longer waited for it, type: bool, returned: success}
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with, unless_missing
from ops.report import events as record


def answer(module: AnsibleAWSModule) -> Any:
    """AWS's answer, or None when it came too late: the hook has timed out, or the deployment has ended meanwhile.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContinueServiceDeployment.html
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
    """
    ecs = module.client("ecs")
    deployment, desired, hook = (module.params[name] for name in ("deployment", "answer", "hook"))
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
            "answer": {"choices": ["CONTINUE", "ROLLBACK"], "required": True},
            "why": {"required": True},
            "event": {"default": "answer"},
            "figures": {"type": "dict", "default": {}},
            "record": {"default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    if not params["hook"] and params["answer"] == "CONTINUE":
        module.fail_json(
            msg="The deployment waits for nobody, so there is nothing to continue. Look: playbooks/status.yml"
        )
    if module.check_mode:
        module.exit_json(
            changed=True, late=False, diff={"before": "", "after": f"{params['answer']}: {params['why']}\n"}
        )
    with failing_with(module, f"Could not tell the deployment to {params['answer']}"):
        late = answer(module) is None
    outcome = "refused" if late else "ok" if params["answer"] == "CONTINUE" else "failed"
    record.append(
        params["record"], "event", event=params["event"], outcome=outcome, words=params["why"], **params["figures"]
    )
    module.exit_json(changed=not late, late=late)


if __name__ == "__main__":
    main()
