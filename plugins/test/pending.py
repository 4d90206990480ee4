"""Whether what a value names exists: `stack_found.vpc.id is pending` (docs/decisions/001)."""

from __future__ import annotations

from typing import Any

from ops.stack.placeholders import is_pending


class TestModule:
    def tests(self) -> dict[str, Any]:
        return {"pending": is_pending}
