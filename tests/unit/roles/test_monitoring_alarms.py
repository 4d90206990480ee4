"""What the alarms' metric math makes of a minute's counts, evaluated as it stands in the role."""

from __future__ import annotations

from math import exp, factorial
from typing import Any

import pytest
import yaml

from sandbox.config import CHECKOUT
from sandbox.services.cloudwatch.metric_math import Value, evaluate_all

ROLE = CHECKOUT / "roles/monitoring"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
ALARMS = ("errors", "latency", "unserved", "worse")
QUERIES = yaml.safe_load((ROLE / "vars/main.yml").read_text())


def value(alarm: str, minute: dict[str, float]) -> Value:
    """The one figure that the alarm compares with its threshold."""
    queries: list[dict[str, Any]] = QUERIES[f"__monitoring_{alarm}"]
    values: dict[str, Value] = {query["Id"]: minute.get(query["Id"]) for query in queries if "MetricStat" in query}
    expressions = {query["Id"]: filled(query["Expression"]) for query in queries if "Expression" in query}
    values |= evaluate_all(expressions, values)
    (returned,) = (values[query["Id"]] for query in queries if query.get("ReturnData", True))
    return returned


def filled(expression: str) -> str:
    """With the options' defaults."""
    for option, default in DEFAULTS.items():
        expression = expression.replace(f"{{{{ {option} }}}}", str(default))
    return expression


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
        "{{ __monitoring_balancer + __monitoring_target }}",
        "{{ __monitoring_balancer + __monitoring_other }}",
    }
    assert {m["Dimensions"] for m in metrics if m["MetricName"] in own} == {"{{ __monitoring_balancer }}"}
    assert own <= {m["MetricName"] for m in metrics}


def queries() -> list[dict[str, Any]]:
    found = [query for alarm in ALARMS for query in QUERIES[f"__monitoring_{alarm}"]]
    return [query for query in found if "MetricStat" in query]


def test_requests_without_a_target_count_as_they_are() -> None:
    assert value("unserved", {"unserved": 6}) == 6
    assert value("unserved", {}) is None


FINE = {"requests": 300, "c2xx": 300, "healthy": 3, "others": 2700}


@pytest.mark.parametrize(
    ("minute", "rings"),
    [
        ({}, False),
        (FINE, False),
        ({**FINE, "c2xx": 291, "c5xx": 9}, False),  # 3 %, which three in a hundred are now and then
        ({**FINE, "c2xx": 285, "c5xx": 15}, True),
        ({**FINE, "c2xx": 285, "c5xx": 15, "failing": 135}, False),  # the other group fails as much
        ({**FINE, "c2xx": 270, "c5xx": 30, "failing": 30}, True),
        ({**FINE, "failing": 1350}, False),  # the other one alone
        ({**FINE, "c2xx": 285, "own": 15}, True),  # never answered
        ({**FINE, "own": 40, "untargeted": 40}, False),  # the other one has no target
        ({"untargeted": 40, "own": 40, "others": 2700}, True),  # this one has none
        ({"untargeted": 2, "own": 2, "others": 2700}, False),
        ({"requests": 3, "c5xx": 3, "healthy": 3}, False),  # of three requests nothing is beyond doubt
        ({"requests": 3000, "c2xx": 2850, "c5xx": 150, "healthy": 3}, True),  # all traffic
    ],
)
def test_only_a_group_that_is_worse_than_the_other_beyond_doubt_takes_a_release_back(
    minute: dict[str, float], rings: bool
) -> None:
    assert ((value("worse", minute) or 0) > 0) is rings


def test_a_minute_of_what_is_allowed_is_beyond_doubt_once_in_ten_thousand() -> None:
    """Two minutes of three must be, so a release hardly ever goes back for it."""
    for allowed in (0.1, 1, 3, 10, 30):
        beyond = next(n for n in range(200) if n - allowed - 4 * allowed**0.5 - 3 > 0)
        within = sum(exp(-allowed) * allowed**n / factorial(n) for n in range(beyond))
        assert 1 - within < 1e-4


def test_an_alarm_has_no_more_metrics_and_expressions_than_aws_allows() -> None:
    for alarm in ALARMS:
        found = QUERIES[f"__monitoring_{alarm}"]
        retrieving = [query for query in found if "MetricStat" in query]
        assert len(retrieving) <= 10
        assert len(found) - len(retrieving) <= 10


def test_each_alarm_that_is_made_is_removed_and_takes_back_or_is_told_of() -> None:
    tasks = yaml.safe_load((ROLE / "tasks/main.yml").read_text())
    made = {task["metric_alarm"]["name"].replace("{{ item }}", str(i)) for task in tasks for i in task.get("loop", [0])}
    (removal,) = yaml.safe_load((ROLE / "tasks/absent.yml").read_text())
    removed = {removal["metric_alarm"]["name"].replace("{{ item }}", one) for one in removal["loop"]}
    wiring = yaml.safe_load((CHECKOUT / "playbooks/group_vars/all/wiring.yml").read_text())
    taking = wiring["release_alarms"]
    assert made == removed == {*taking["blue"], *taking["green"], *wiring["release_reported_alarms"]}
    assert len(made) == 7


def test_a_release_is_taken_back_by_no_alarm_on_the_other_colour_or_on_latency() -> None:
    """A slow machine rings those of both, and what rings for the other one says nothing about it."""
    wiring = yaml.safe_load((CHECKOUT / "playbooks/group_vars/all/wiring.yml").read_text())
    for colour, names in wiring["release_alarms"].items():
        assert names == [f"{{{{ stack_name }}}}-{colour}-worse"]
