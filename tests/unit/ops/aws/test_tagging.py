"""Tags: what is desired is put; what is not goes, and only that."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import validate_parameters

from ops.aws import tagging

APIS = [
    ("tag_by_name", "rds", "remove_tags_from_resource"),
    ("tag_by_name", "elasticache", "remove_tags_from_resource"),
    ("tag_ec2", "ec2", "delete_tags"),
    ("tag_ecs", "ecs", "untag_resource"),
    ("tag_elb", "elbv2", "remove_tags"),
]


def calls(function: str, found: dict[str, str]) -> list[Any]:
    client = Mock()
    getattr(tagging, function)(client, "arn:it", found, {"Stack": "t1"})
    return list(client.method_calls)


@pytest.mark.parametrize(("function", "service", "removal"), APIS)
def test_both_calls_are_what_the_service_takes(function: str, service: str, removal: str) -> None:
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name): name for name in model.operation_names}
    put, take = calls(function, {"Stack": "t2", "Owner": "nobody"})
    assert take[0] == removal
    assert "Owner" in str(take) and "Stack" not in str(take)
    for name, _, request in (put, take):
        validate_parameters(request, model.operation_model(operations[name]).input_shape)


@pytest.mark.parametrize(("function", "service", "removal"), APIS)
def test_nothing_is_taken_away_where_nothing_is_too_much(function: str, service: str, removal: str) -> None:
    assert [name for name, _, _ in calls(function, {"Stack": "t2"})] != [removal]
    assert len(calls(function, {"Stack": "t2"})) == 1
