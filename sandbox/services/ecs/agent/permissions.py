"""Permissions of a task's roles: enough of IAM to find a policy that was forgotten.

Identity policies, Allow and Deny, actions and resources with wildcards. A statement's conditions are assumed to hold if
it allows, and not to hold if it denies. Resource policies are not read.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sandbox.aws_api.state import State
from sandbox.services.ecs.agent.failures import cannot_assume

SERVICE = "ecs-tasks.amazonaws.com"
Statement = dict[str, Any]


def require_trust(state: State, role_arn: str) -> None:
    """Raise TaskStartError unless ECS tasks may assume the role."""
    if not trusts(state, role_arn, SERVICE):
        raise cannot_assume(role_arn)


def trusts(state: State, role_arn: str, service: str) -> bool:
    """Return whether an AWS service may assume the role; False if there is no such role."""
    with state.lock:
        role = _role(state, role_arn)
        trust = _document(role.assume_role_policy_document) if role else {}
    for statement in _list(trust.get("Statement")):
        principals = statement.get("Principal")
        services = principals.get("Service") if isinstance(principals, dict) else None
        if statement.get("Effect") == "Allow" and service in _list(services):
            return True
    return False


def denied(state: State, role_arn: str, action: str, resource: str) -> str | None:
    """Return AWS's message for an action that the role may not perform; None if it may."""
    with state.lock:
        role = _role(state, role_arn)
        statements = list(_statements(role)) if role else []
    matching = [s["Effect"] for s in statements if _concerns(s, action, resource)]
    if "Allow" in matching and "Deny" not in matching:
        return None
    how = "with an explicit deny in an" if "Deny" in matching else "because no"
    return (
        f"AccessDeniedException: User: {role_arn} is not authorized to perform: {action} on"
        f" resource: {resource} {how} identity-based policy"
        + ("" if "Deny" in matching else f" allows the {action} action")
    )


def _role(state: State, role_arn: str) -> Any:
    account, name = role_arn.split(":")[4], role_arn.split("/")[-1]
    roles = state.backend("iam", account, "aws").roles.values()
    return next((role for role in roles if role.name == name), None)


def _statements(role: Any) -> Iterator[Statement]:
    documents = [_document(document) for document in role.policies.values()]
    documents += [
        _document(version.document)
        for policy in role.managed_policies.values()
        for version in policy.versions
        if version.version_id == policy.default_version_id
    ]
    for document in documents:
        yield from _list(document.get("Statement"))


def _concerns(statement: Statement, action: str, resource: str) -> bool:
    if statement["Effect"] == "Deny" and statement.get("Condition"):
        return False
    actions = any(_like(pattern.lower(), action.lower()) for pattern in _list(statement.get("Action")))
    return actions and any(_like(p, resource) for p in _list(statement.get("Resource")))


def _like(pattern: str, value: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _document(text: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text) if isinstance(text, str) else dict(text or {})
    return document


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
