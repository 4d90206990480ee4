"""What AWS can't change is refused before anything is touched, in check mode too, with the cure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ops.aws.resource import Resource, State, run
from plugins.modules.cache_group import CacheGroup
from plugins.modules.database_instance import DatabaseInstance
from plugins.modules.database_parameter_group import DatabaseParameterGroup
from plugins.modules.dns_records import DnsRecords, record_set
from plugins.modules.load_balancer import LoadBalancer
from plugins.modules.target_group import TargetGroup

MAIL = {"Name": "mail.t1.example.", "Type": "MX", "TTL": 60, "ResourceRecords": [{"Value": "10 mail.example."}]}
VALIDATION = {"Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": "_b.acm-validations.aws."}]}
APP = {"name": "app.t1.example", "type": "A", "value": "192.0.2.1", "ttl": 300, "alias": None}


class FailedError(SystemExit):
    pass


def module(**params: Any) -> Any:
    def fail_json(msg: str) -> None:
        raise FailedError(msg)

    return SimpleNamespace(
        params={"name": "t1", "state": "present", **params},
        client=lambda service: None,
        fail_json=fail_json,
        check_mode=True,
        no_log_values=set(),
    )


@pytest.mark.parametrize(
    ("kind", "found", "changes", "says"),
    [
        (LoadBalancer, {"scheme": "internal"}, {"scheme": "internet-facing"}, "is internal and can't become"),
        (TargetGroup, {"port": 80}, {"port": 8000}, "can't change its port"),
        (DatabaseParameterGroup, {"family": "postgres16"}, {"family": "postgres17"}, "can't change its family"),
        (DatabaseInstance, {"kms_key_arn": "a"}, {"kms_key_arn": "b"}, "was made with kms_key_arn a"),
        (DatabaseInstance, {"engine_version": "16.9"}, {"engine_version": "17"}, "runs version 16.9"),
        (CacheGroup, {"engine": "redis"}, {"engine": "valkey"}, "was made with engine redis"),
    ],
)
def test_what_was_fixed_at_creation_is_refused(kind: type[Resource], found: State, changes: State, says: str) -> None:
    assert says in str(kind(module()).refusal(found, changes))


@pytest.mark.parametrize(
    ("kind", "found", "changes"),
    [
        (LoadBalancer, {}, {"attributes": {}}),
        (TargetGroup, {}, {"tags": {}}),
        (DatabaseParameterGroup, {}, {"parameters": {}}),
        (DatabaseInstance, {"engine_version": "17.4"}, {"engine_version": "17.5"}),
        (CacheGroup, {}, {"node_type": "cache.t3.small", "nodes": 2}),
    ],
)
def test_what_can_change_is_not_refused(kind: type[Resource], found: State, changes: State) -> None:
    assert kind(module()).refusal(found, changes) is None


@pytest.mark.parametrize(("force", "refused"), [(False, True), (True, False)])
def test_a_zone_is_emptied_of_the_records_of_others_only_by_force(force: bool, refused: bool) -> None:
    found = {"_a.t1.example. CNAME": VALIDATION, "app.t1.example. A": record_set(APP), "mail.t1.example. MX": MAIL}
    records = DnsRecords(module(zone="t1.example", stack="t1", records=[APP], force=force, state="absent"))
    refusal = records.refusal(found, {})
    assert bool(refusal) is refused
    if refusal:
        assert "did not make: mail.t1.example. MX. None" in refusal


def test_a_check_refuses_what_the_run_would() -> None:
    class Fixed(TargetGroup):
        def read(self) -> State | None:
            return {"port": 80}

        def desired(self, found: State | None) -> State:
            return {"port": 8000}

    with pytest.raises(FailedError, match="can't change its port"):
        run(Fixed(module(state="present")))


def test_waiting_for_what_is_not_there_says_so_at_once() -> None:
    class Missing(TargetGroup):
        def read(self) -> State | None:
            return None

    missing = Missing(module(state="ready", wait_timeout=60, poll_seconds=60))
    missing.module.check_mode = False
    with pytest.raises(FailedError, match="There is no target group t1 to wait for"):
        run(missing)
