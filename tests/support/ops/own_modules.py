"""Our modules, run in this process against a local API as Ansible runs them: options in, JSON out."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import botocore.session
import pytest
from ansible.module_utils.testing import patch_module_args  # type: ignore[import-untyped]

from sandbox.config import OPERATOR_KEY, OPERATOR_SECRET
from tests.support.sandbox.api_only import LocalApi

#: AWS's service models are read once, and not by each module anew, as in the warm Python.
LOADER = functools.cache(botocore.session.create_loader)


@contextmanager
def environment(api: LocalApi) -> Iterator[None]:
    """What a play's environment says of where AWS is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", api.settings.api_url)
        patch.setenv("AWS_CA_BUNDLE", str(api.authority.certificate))
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", OPERATOR_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", OPERATOR_SECRET)
        patch.setattr(botocore.session, "create_loader", LOADER)
        yield


def call(main: Callable[[], None], *, check: bool = False, **options: Any) -> dict[str, Any]:
    """What the module answers; `failed` and `msg` where it fails."""
    said = io.StringIO()
    given = patch_module_args({**options, "_ansible_check_mode": check})
    with given, redirect_stdout(said), pytest.raises(SystemExit):
        main()
    answer: dict[str, Any] = json.loads(said.getvalue())
    return answer


def mutations(api: LocalApi) -> list[str]:
    """Operations so far that changed something."""
    return [line["operation"] for line in api.journal() if line["mutating"]]
