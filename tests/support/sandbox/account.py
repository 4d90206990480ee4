"""An empty account in this process: moto with our patches, without HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from sandbox.services import install

# What every account has of AWS's own, and a reset reads anew: seconds for each test, which looks at none of it.
WITHOUT = {"MOTO_IAM_LOAD_MANAGED_POLICIES": "false", "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}


@contextmanager
def empty() -> Iterator[None]:
    """Begin with an empty account, and leave it empty."""
    install()
    with patch.dict(os.environ, WITHOUT), mock_aws():
        yield


@cache
def client(service: str) -> Any:
    """Return a client that all tests share: botocore takes a while to read its models."""
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
