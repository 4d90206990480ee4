#!/usr/bin/python
"""Own module because no module manages one listener: amazon.aws.elb_application_lb takes all of them, weights included."""

from __future__ import annotations

DOCUMENTATION = r"""
module: listener
short_description: A listener of an Application Load Balancer
description:
  - Creates, updates or deletes one listener and its default action. See M(listener_rule) for rules.
  - Either forwards to one target group or redirects to HTTPS.
options:
  load_balancer: {description: Name of the load balancer, type: str, required: true}
  port: {description: Port it listens on, type: int, required: true}
  forward_to: {description: Name of the target group to forward to, type: str}
  redirect_to_port: {description: Port to redirect to by HTTPS, type: int}
  certificate_arn: {description: Certificate; with it the listener speaks HTTPS, type: str, default: ""}
  ssl_policy: {description: Security policy of an HTTPS listener, type: str, default: ""}
extends_documentation_fragment: [amazon.aws.common.modules, amazon.aws.region.modules, resource.state, resource.tags]
author: CampsHub360
"""

EXAMPLES = r"""
- name: Create the HTTP listener
  listener:
    load_balancer: campshub360-tier1
    port: 80
    redirect_to_port: 443
"""

RETURN = r"""
resource: {description: "The listener, with its arn", type: dict, returned: success}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ops.aws.elb import find_balancer, find_listener, forwarded, group_arn, tags_of
from ops.aws.resource import STATE_OPTION, TAGS_OPTION, Resource, State, run
from ops.aws.tagging import tag_elb
from ops.aws.tags import tags_to


def action_state(actions: list[State]) -> State:
    """Return AWS's default actions in our options; another action by its type."""
    if len(actions) == 1 and len(groups := forwarded(actions)) == 1:
        return {"forward_to": next(iter(groups))}
    redirect = actions[0].get("RedirectConfig", {})
    if redirect.get("Protocol") == "HTTPS" and redirect.get("StatusCode") == "HTTP_301":
        return {"redirect_to_port": int(redirect["Port"])}
    return {"other": [action["Type"] for action in actions]}


def redirect_action(port: int) -> State:
    """Return the action that redirects to HTTPS."""
    return {
        "Type": "redirect",
        "RedirectConfig": {"Protocol": "HTTPS", "Port": str(port), "StatusCode": "HTTP_301"},
    }


class Listener(Resource):
    noun = "listener"

    def __init__(self, module: AnsibleAWSModule) -> None:
        super().__init__(module)
        self.elb = module.client("elbv2")

    @property
    def name(self) -> str:
        return f"{self.params['load_balancer']}:{self.params['port']}"

    def read(self) -> State | None:
        listener = find_listener(self.elb, self.params["load_balancer"], self.params["port"])
        if listener is None:
            return None
        certificates = listener.get("Certificates") or [{"CertificateArn": ""}]
        return {
            "arn": listener["ListenerArn"],
            "protocol": listener["Protocol"],
            "certificate_arn": certificates[0]["CertificateArn"],
            "ssl_policy": listener.get("SslPolicy") or "",
            "default_action": action_state(listener["DefaultActions"]),
            "tags": tags_of(self.elb, listener["ListenerArn"]),
        }

    def desired(self, found: State | None) -> State:
        options = ("forward_to", "redirect_to_port")
        return {
            "protocol": "HTTPS" if self.params["certificate_arn"] else "HTTP",
            "certificate_arn": self.params["certificate_arn"],
            "ssl_policy": self.params["ssl_policy"],
            "default_action": {key: self.params[key] for key in options if self.params[key]},
            "tags": self.params["tags"],
        }

    def request(self, desired: State) -> State:
        action = desired["default_action"]
        if group := action.get("forward_to"):
            actions = [{"Type": "forward", "TargetGroupArn": group_arn(self.elb, group)}]
        else:
            actions = [redirect_action(action["redirect_to_port"])]
        request = {"Port": self.params["port"], "Protocol": desired["protocol"], "DefaultActions": actions}
        if desired["protocol"] == "HTTPS":
            certificates = [{"CertificateArn": desired["certificate_arn"]}]
            request |= {"SslPolicy": desired["ssl_policy"], "Certificates": certificates}
        return request

    def create(self, desired: State) -> None:
        balancer = find_balancer(self.elb, self.params["load_balancer"])
        if balancer is None:
            self.fail(
                f"There is no load balancer {self.params['load_balancer']} for the listener on port "
                f"{self.params['port']}. Make the load balancer first."
            )
        self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Tags=tags_to(desired["tags"]), **self.request(desired)
        )

    def update(self, found: State, changes: State) -> None:
        if changes.keys() - {"tags"}:
            self.elb.modify_listener(ListenerArn=found["arn"], **self.request(self.desired(found)))
        if "tags" in changes:
            tag_elb(self.elb, found["arn"], found["tags"], changes["tags"])

    def delete(self, found: State) -> None:
        self.elb.delete_listener(ListenerArn=found["arn"])


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "load_balancer": {"required": True},
            "port": {"type": "int", "required": True},
            "forward_to": {},
            "redirect_to_port": {"type": "int"},
            "certificate_arn": {"default": ""},
            "ssl_policy": {"default": ""},
            **TAGS_OPTION,
            **STATE_OPTION,
        },
        mutually_exclusive=[("forward_to", "redirect_to_port")],
        required_if=[("state", "present", ["forward_to", "redirect_to_port"], True)],
        supports_check_mode=True,
    )
    run(Listener(module))


if __name__ == "__main__":
    main()
