#!/usr/bin/python
"""Own module because nothing in the collections operates a deployment that pauses: observe, decide, do one thing, observe again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_step
short_description: Take a release one step further
description:
  - Observes the service deployment, decides what is to be done, and does it, one action a call. Called again until RV(ended).
  - This part observes and decides. The action plugin of the same name verifies that the deployment lock is still held and
    that the availability probe measures, and carries the action out, by smoke_test, https_traffic and ecs_deployment_action.
  - What was done before is read from ECS and from O(event_log), so that a call that is killed loses nothing.
  - Where AWS does not answer, it fails, and is called again. Where the release must not go on, it fails with RV(ended).
  - In check mode it observes, and does nothing.
options:
  deployment: {description: ARN of the service deployment, type: str, default: ""}
  on_inconclusive: {description: What an inconclusive analysis means, type: str, choices: [continue, roll_back], default: continue}
  analysis_traffic:
    description: Whether an analysis that lacks requests gets some that are made
    type: str
    choices: [generate, refuse]
    default: generate
  analysis_timeout_seconds: {description: Seconds to wait for figures that can be analysed, type: int, default: 300}
  warmup_requests: {description: Requests a task that warm green's threads after its smoke test, type: int, default: 100}
  tasks: {description: Tasks that green starts with, type: int, default: 1}
  pause_minutes: {description: Minutes for which a PAUSE hook waits, type: int, default: 30}
  release: {description: What X-Release must say, type: str, required: true}
  url: {description: "https://..., the public address", type: str, required: true}
  connect_to: {description: "host:port to connect to instead of the URL's; the certificate is still the URL's", type: str, default: ""}
  ca: {description: File of trusted certificates; the system's when empty, type: str, default: ""}
  header_name: {description: Header that marks test traffic, type: str, required: true}
  header_secret: {description: Name of the secret that holds the header's value, type: str, required: true}
  token_secret: {description: Name of the secret that holds the heartbeat token, type: str, required: true}
  lock: {description: Options of deployment_lock that verify that the lock is still held, type: dict, required: true}
  probe: {description: Options of probe that verify that it still measures, type: dict, required: true}
  event_log: {description: File to which observations and actions are appended, type: str, default: ""}
extends_documentation_fragment: [observation, amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Wait for the end of the release, and step it
  release_step:
    deployment: arn:aws:ecs:us-east-1:123456789012:service-deployment/campshub360-tier1/campshub360-tier1-app/Ab0
    service: campshub360-tier1-app
    cluster: campshub360-tier1
    load_balancer: arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/campshub360-tier1/0123456789abcdef
    release: 1.0.0
    url: https://app.tier1.campshub360.example
    header_name: X-Test-Traffic
    header_secret: campshub360-tier1/test-traffic
    token_secret: campshub360-tier1/heartbeat-token
    lock: {state: checked, bucket: campshub360-tier1-123456789012-reports, holder_id: 0b5f}
    probe: {enabled: false}
    event_log: reports/deploy/20261125T113000Z-1.0.0/events.jsonl
  register: step
  until: step.ended | default(false)
  retries: 8640
  delay: 10
"""

RETURN = r"""
ended: {description: "Whether no further step is to be taken: the deployment has ended, or this operator must not go on", type: bool, returned: always}
succeeded: {description: Whether the deployment has ended well, type: bool, returned: success}
action: {description: "What was done: smoke_test, send_requests, continue, roll_back; ended; null for nothing", type: str, returned: success}
message: {description: "Why, in a sentence", type: str, returned: success}
event: {description: What the event log calls it, type: str, returned: success}
missing: {description: Requests that are sent to green for its analysis, type: int, returned: success}
analysis: {description: "outcome (pass, fail, inconclusive, undecided), message and missing requests", type: dict, returned: success}
outcome: {description: "How the deployment ended, in a sentence", type: str, returned: success}
hook: {description: Id of the PAUSE hook at which it waits, type: str, returned: success}
figures: {description: "Of blue and green, and the thresholds", type: dict, returned: success}
phase: {description: "What changes only when the deployment comes further, or something was done", type: str, returned: success}
progress: {description: "Where it stands, or what was done, in words", type: str, returned: success}
"""

from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.errors import failing_with
from ops.release.observation import Observation, Observer, nothing
from ops.release.operator import STEP_OPTIONS
from ops.release.step import Settings, Step, decide, hook_log, next_action


def step(observer: Observer, found: Observation, params: dict[str, Any]) -> Step:
    """Return what is to be done. The observation is recorded before anything is."""
    action = next_action(found.deployment, found.analysis, found.warm)
    now, hook = observer.now.timestamp(), found.deployment.hook
    log = hook_log(observer.lines, hook, now)
    figures = {**found.figures, "thresholds": params["thresholds"]}
    settings = Settings(params["analysis_traffic"], params["on_inconclusive"], params["analysis_timeout_seconds"])
    final = partial(observer.final, found, on_inconclusive=params["on_inconclusive"])
    return decide(action, found.analysis, figures, log, settings, now, final)


def main() -> None:
    module = AnsibleAWSModule(argument_spec=STEP_OPTIONS, supports_check_mode=True)
    params: dict[str, Any] = module.params
    observer = Observer(module, params)
    with failing_with(module, f"Could not read the deployment of {params['service']}"):
        deployment = observer.find()
        found = observer.observe(deployment) if deployment else None
        if found is None:
            named = params["deployment"]
            module.exit_json(changed=False, action=None if named else "ended", **nothing(named))
            return
        desired = step(observer, found, params)
    if not module.check_mode:
        action = next_action(found.deployment, found.analysis, found.warm)
        observer.record(found, hook=found.deployment.hook, action=action)
    answer = {name: getattr(desired, name) for name in ("action", "event", "message", "figures", "missing")}
    module.exit_json(changed=False, **found.fields(), **answer)


if __name__ == "__main__":
    main()
