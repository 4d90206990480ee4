"""Documentation of the options that our modules share: ops/aws/resource.py has their argument_spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
"""

    STATE = r"""
options:
  state: {description: Whether the resource exists, type: str, choices: [present, absent], default: present}
"""

    READY = r"""
options:
  state:
    description: Whether the resource exists. C(ready) changes nothing, and waits until it is available.
    type: str
    choices: [present, absent, ready]
    default: present
"""

    TAGS = r"""
options:
  tags: {description: Tags. Others are removed, type: dict, default: {}}
"""

    WAIT = r"""
options:
  wait: {description: Whether to wait until the resource is available or deleted, type: bool, default: false}
  wait_timeout: {description: Seconds to wait at most, type: int, default: 600}
  poll_seconds: {description: Polling interval in seconds, type: float, default: 10}
"""
