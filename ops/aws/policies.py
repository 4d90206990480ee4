"""Comparison of policy documents, which AWS returns in another form than it was given."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

Policy = dict[str, Any]


def reworded(found: Policy | None, desired: Policy | None) -> Policy | None:
    """Return `found`, or `desired` if both mean the same, so that a difference is one in meaning.

    AWS turns lists of one into a string, sorts lists, and writes an account as the ARN of its root.
    """
    if found is None or desired is None:
        return found
    return found if compare_policies(found, desired) else desired
