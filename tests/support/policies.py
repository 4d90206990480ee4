"""What a policy allows: enough of IAM's evaluation for the policies of this project, and an error for anything more.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Policy = dict[str, Any]
# Elements that would change a decision and that nothing here evaluates.
UNEVALUATED = {"NotAction", "NotResource", "NotPrincipal"}


@dataclass(frozen=True, slots=True)
class Request:
    """action: as `s3:GetObject`; resource: an ARN, or * where AWS knows none; context: condition keys."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allowed(policy: Policy, request: Request) -> bool:
    """An explicit deny wins; else something must allow."""
    effects = {statement["Effect"] for statement in statements(policy) if concerns(statement, request)}
    return effects == {"Allow"}


def statements(policy: Policy) -> list[dict[str, Any]]:
    return listed(policy["Statement"])


def concerns(statement: Mapping[str, Any], request: Request) -> bool:
    if unjudged := UNEVALUATED & statement.keys():
        raise NotImplementedError(f"{sorted(unjudged)} in {statement.get('Sid')}")
    return (
        any(like(pattern.lower(), request.action.lower()) for pattern in listed(statement["Action"]))
        and any(like(pattern, request.resource) for pattern in listed(statement["Resource"]))
        and all(met(*condition, request.context) for condition in conditions(statement))
    )


def conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, listed(values)


def met(operator: str, key: str, values: Iterable[str], context: Mapping[str, str]) -> bool:
    """A key that the request lacks meets no condition."""
    if operator not in ("StringEquals", "StringLike", "ArnEquals", "ArnLike"):
        raise NotImplementedError(operator)
    if key not in context:
        return False
    if operator == "StringEquals":
        return context[key] in values
    return any(like(pattern, context[key]) for pattern in values)


def like(pattern: str, value: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
