"""Attach patches to moto: an operation of a service, or a wrapper around a method."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def operation(cls: type) -> Callable[[Function], Function]:
    """Add or replace an API operation: a function named like it in snake_case, on a Response class.

    `self.params` holds its parameters as botocore's model parses them; return
    `ActionResult(dict)`, which is serialised by that model too.
    """

    def attach(function: Function) -> Function:
        setattr(cls, function.__name__, function)
        return function

    return attach


def behaviour(cls: type) -> Callable[[Function], Function]:
    """Wrap the method of the same name: the patch is called as `function(original, self, ...)`.

    `original` is bound to self: `original(...)` does what moto did.
    """

    def attach(function: Function) -> Function:
        original = getattr(cls, function.__name__)

        @functools.wraps(original)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            return function(functools.partial(original, self), self, *args, **kwargs)

        setattr(cls, function.__name__, wrapper)
        return function

    return attach
