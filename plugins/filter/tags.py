"""The tags of every resource of a stack."""

from __future__ import annotations

from typing import Any

from ops.aws.tags import resource_tags, tag_errors


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"resource_tags": resource_tags, "tag_errors": tag_errors}
