#!/usr/bin/python
"""Own module because neither collection says how far a deployment has come, nor what the load balancer sees of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_rollout_info
short_description: How far a service's deployment has come
description: Fails when the deployment has failed, with the last thing that the service said.
options:
  service: {description: Service, type: str, required: true}
  cluster: {description: Cluster, type: str, required: true}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Wait until the release is healthy
  ecs_rollout_info: {service: campshub360-tier1-app, cluster: campshub360-tier1}
  register: rollout
  until: rollout.steady
  retries: 60
  delay: 10
"""

RETURN = r"""
steady: {description: "Whether every wanted task runs, is healthy, and no older one is left", type: bool, returned: success}
progress: {description: The same in words, type: str, returned: success}
"""

from typing import Any

from ansible.module_utils.aws_resource import failing_with
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule


def healthy_targets(elb: Any, service: dict[str, Any]) -> int:
    arns = [balancer["targetGroupArn"] for balancer in service["loadBalancers"]]
    answers = [elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] for arn in arns]
    return sum(target["TargetHealth"]["State"] == "healthy" for answer in answers for target in answer)


def rollout(service: dict[str, Any], healthy: int) -> dict[str, Any]:
    """steady, failed and progress of a described service."""
    primary = next(deployment for deployment in service["deployments"] if deployment["status"] == "PRIMARY")
    older = sum(deployment["runningCount"] for deployment in service["deployments"]) - primary["runningCount"]
    wanted, running = service["desiredCount"], primary["runningCount"]
    settled = primary.get("rolloutState", "COMPLETED") == "COMPLETED" and len(service["deployments"]) == 1
    leaving = f", {older} of the release before still running" if older else ""
    return {
        "steady": settled and running == wanted and healthy >= wanted,
        "failed": primary.get("rolloutState") == "FAILED",
        "progress": f"{running} of {wanted} tasks running, {healthy} healthy behind the load balancer{leaving}",
    }


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"service": {"required": True}, "cluster": {"required": True}},
        supports_check_mode=True,
    )
    name, cluster = module.params["service"], module.params["cluster"]
    with failing_with(module, f"Could not look at the service {name}"):
        found = module.client("ecs").describe_services(cluster=cluster, services=[name])["services"]
        if not found:
            module.fail_json(
                msg=f"There is no service {name} in the cluster {cluster}. Run playbooks/deploy.yml first."
            )
        service = found[0]
        state = rollout(service, healthy_targets(module.client("elbv2"), service))
    if state["failed"]:
        said = next((event["message"] for event in service["events"]), "nothing")
        module.fail_json(msg=f"The deployment of {name} failed: {state['progress']}. The service said: {said}")
    module.exit_json(changed=False, **state)


if __name__ == "__main__":
    main()
