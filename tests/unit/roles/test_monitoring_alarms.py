"""What the alarms' metric math makes of a minute's counts, evaluated as it stands in the role."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sandbox.api.metric_math import Value, evaluate
from sandbox.config import CHECKOUT

ROLE = CHECKOUT / "roles/monitoring"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
QUERIES = yaml.safe_load((ROLE / "vars/main.yml").read_text())


def value(alarm: str, minute: dict[str, float]) -> Value:
    """The one figure that the alarm compares with its threshold."""
    values: dict[str, Value] = {}
    returned = []
    for query in QUERIES[f"__monitoring_{alarm}"]:
        name = query["Id"]
        if "Expression" in query:
            expression: str = query["Expression"]
            for option, default in DEFAULTS.items():
                expression = expression.replace(f"{{{{ {option} }}}}", str(default))
            values[name] = evaluate(expression, values)
        else:
            values[name] = minute.get(name)
        if query.get("ReturnData", True):
            returned.append(values[name])
    assert len(returned) == 1
    return returned[0]


@pytest.mark.parametrize(
    ("minute", "percent"),
    [
        ({}, 0),
        ({"own": 50}, None),  # of a group without requests nothing is known
        ({"requests": 1000, "c2xx": 1000}, 0),
        ({"requests": 1000, "c2xx": 950, "c5xx": 50}, 5),
        ({"requests": 3, "c2xx": 2, "c5xx": 1}, 0),  # one of three rings nobody
        ({"requests": 3, "c5xx": 3}, 100),
        ({"requests": 100, "c2xx": 80, "c3xx": 10, "c4xx": 10}, 0),
        ({"requests": 100, "c2xx": 90, "own": 10}, 10),  # never answered: 502 and 504 of the load balancer
        ({"requests": 100, "c2xx": 90}, 0),  # clients that went away
        ({"requests": 100, "c2xx": 100, "own": 10}, 0),  # the other group's
        ({"requests": 100, "c2xx": 80, "c5xx": 10, "own": 50}, 20),
    ],
)
def test_errors_are_a_share_of_the_group_s_own_requests(minute: dict[str, float], percent: float | None) -> None:
    assert value("errors", minute) == percent


@pytest.mark.parametrize(
    ("minute", "milliseconds"),
    [({}, None), ({"requests": 3, "p95": 9}, 0), ({"requests": 20, "p95": 1.5}, 1500), ({"requests": 20}, None)],
)
def test_latency_counts_once_there_are_enough_requests(minute: dict[str, float], milliseconds: float | None) -> None:
    assert value("latency", minute) == milliseconds


def test_a_group_s_metrics_name_the_group_and_the_load_balancer_s_own_only_that() -> None:
    metrics: list[dict[str, Any]] = [query["MetricStat"]["Metric"] for query in queries()]
    own = {"HTTPCode_ELB_5XX_Count", "HTTPCode_ELB_503_Count"}
    assert {m["Dimensions"] for m in metrics if m["MetricName"] not in own} == {
        "{{ __monitoring_balancer + __monitoring_target }}"
    }
    assert {m["Dimensions"] for m in metrics if m["MetricName"] in own} == {"{{ __monitoring_balancer }}"}
    assert own <= {m["MetricName"] for m in metrics}


def queries() -> list[dict[str, Any]]:
    found = [query for alarm in ("errors", "latency", "unserved") for query in QUERIES[f"__monitoring_{alarm}"]]
    return [query for query in found if "MetricStat" in query]


def test_requests_without_a_target_count_as_they_are() -> None:
    assert value("unserved", {"unserved": 6}) == 6
    assert value("unserved", {}) is None


def test_each_alarm_that_is_made_is_removed_and_watches_releases() -> None:
    tasks = yaml.safe_load((ROLE / "tasks/main.yml").read_text())
    made = {task["metric_alarm"]["name"].replace("{{ item }}", str(i)) for task in tasks for i in task.get("loop", [0])}
    (removal,) = yaml.safe_load((ROLE / "tasks/absent.yml").read_text())
    removed = {removal["metric_alarm"]["name"].replace("{{ item }}", one) for one in removal["loop"]}
    wiring = yaml.safe_load((CHECKOUT / "playbooks/group_vars/all/wiring.yml").read_text())
    assert made == removed == set(wiring["release_alarms"])
    assert len(made) == 5
