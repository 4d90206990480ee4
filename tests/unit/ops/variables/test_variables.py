"""Variables get the type that their role declares, wherever they come from; a wrong one is refused with the cure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.splitter import parse_kv
from ansible.template import trust_as_template

from ops.variables.names import distance, misspelt
from ops.variables.types import Option, UntypableError, declared, typed
from plugins.action.known_variables import refusals, unread
from tests.support.waiting import HANGS_SECONDS

ROOT = Path(__file__).resolve().parents[4]
ROLES = ROOT / "roles"
KNOWN = declared(ROLES)
NAMES = sorted(path.name for path in ROLES.iterdir())

#: a value of each type, for options without choices
SAMPLES: Mapping[str, tuple[Any, ...]] = {
    "bool": (True, False),
    "int": (0, 3, 86400, -1),
    "float": (0, 3, 0.5, 99.9, 1e-3),
    "list": ([], ["a", "b c"]),
    "dict": ({}, {"a": "b, c", "d": {"e": "f"}}),
}


def sample(option: Option) -> list[Any]:
    """Good values of an option: all of its choices, or some of its type."""
    if option.type == "dict" and option.options:
        return [{}, {name: sample(one)[-1] for name, one in option.options.items()}]
    if option.type == "list" and option.elements != "str":
        return [[], [one for one in sample(option.element)[-1:] for _ in range(2)]]
    if option.type == "list" and option.choices:
        return [list(option.choices)]
    return list(option.choices) or list(SAMPLES.get(option.type, ("a text", "true", "1.10", "")))


def as_typed(value: Any) -> str:
    """How a person types a value after -e, and how AWX's survey hands it over."""
    return value if isinstance(value, str) else json.dumps(value)


def in_strings(value: Any) -> Any:
    """A value whose every part is a text."""
    if isinstance(value, dict):
        return {key: in_strings(one) for key, one in value.items()}
    if isinstance(value, list):
        return [in_strings(one) for one in value]
    return as_typed(value)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_option_takes_what_is_typed_after_e(name: str) -> None:
    option = KNOWN[name]
    for value in sample(option):
        plain = typed(value, option, name)
        assert plain == value
        for text in (as_typed(value), as_typed(in_strings(value))):
            found = typed(text, option, name)
            assert found == plain
            assert repr(found) == repr(plain), "true is not 1, and 3 is not 3.0, where it is printed"


@pytest.mark.parametrize("text", ["true", "True", "yes", "on", "1", "TRUE", "y"])
def test_words_that_mean_yes(text: str) -> None:
    assert typed(text, KNOWN["release_allow_breaking_migrations"], "release_allow_breaking_migrations") is True


@pytest.mark.parametrize("text", ["false", "False", "no", "off", "0", "NO"])
def test_words_that_mean_no(text: str) -> None:
    assert typed(text, KNOWN["load_balancer_deletion_protection"], "x") is False


def test_a_list_may_have_commas_and_numbers_in_texts_stay_texts() -> None:
    assert typed("a, b", KNOWN["network_availability_zones"], "x") == ["a", "b"]
    assert typed(["verify", 3], KNOWN["release_command"], "x") == ["verify", "3"]
    assert typed(20261129, KNOWN["release"], "release") == "20261129"
    assert typed("no", KNOWN["release_reason"], "release_reason") == "no"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("release_desired_count", "three", "'three' is no whole number"),
        ("release_desired_count", "3.0", "'3.0' is no whole number"),
        ("release_desired_count", "1_000", "no whole number"),
        ("release_desired_count", "", "'' is no whole number"),
        ("release_desired_count", True, "true is no whole number"),
        ("release_desired_count", 2.5, "2.5 is no whole number"),
        ("release_desired_count", None, "null is no value"),
        ("release_desired_count", "٣", "no whole number"),
        ("release_step_percent", "10%", "'10%' is no number"),
        ("release_step_percent", "nan", "'nan' is no number"),
        ("release_step_percent", float("inf"), "is no number"),
        ("stack_poll_seconds", "15s", "'15s' is no number"),
        ("release_allow_breaking_migrations", "ture", "'ture' is neither true nor false"),
        ("release_allow_breaking_migrations", "2", "neither true nor false"),
        ("release_allow_breaking_migrations", [], "neither true nor false"),
        ("release", 1.10, "1.1 is a number, and this is a text"),
        ("release_reason", False, "false is a truth value, and this is a text"),
        ("network_nat", "no", "'no' is none of none, single, per_az"),
        ("network_nat", False, "false is a truth value"),
        ("database_performance_insights_days", "8", "'8' is none of 0, 7"),
        ("release_git_sha", ["a"], "is a list, and this is a text"),
        ("release_traffic_weights", "blue", "'blue' is no dict"),
        ("release_traffic_weights", {"blue": "all"}, ".blue: 'all' is no whole number"),
        ("release_traffic_weights", '{"bleu": 100}', ".bleu is not known"),
        ("release_thresholds", {"cpu_percent": "much"}, ".cpu_percent: 'much' is no number"),
        ("release_capacity_providers", "FARGATE", "'FARGATE' is no list"),
        ("release_capacity_providers", [{"base": "x"}], "[0].base: 'x' is no whole number"),
        ("network_availability_zones", {"a": 1}, "is no list"),
        ("database_log_exports", ["postgresql", "slow"], "[1]: 'slow' is none of postgresql, upgrade"),
    ],
)
def test_what_can_t_be_converted_is_refused_with_the_cure(name: str, value: object, says: str) -> None:
    with pytest.raises(UntypableError) as refused:
        typed(value, KNOWN[name], name)
    assert says in refused.value.fault
    assert refused.value.cure
    told = refusals({name: value}, ROLES)
    assert len(told) == 1
    assert told[0].startswith(name)
    assert "Nothing was touched. Correct it where it was given: " in told[0]


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = refusals(
        {"release_desired_count": "three", "release_allow_breaking_migrations": "ture", "release_task": 3}, ROLES
    )
    assert [line.split()[0] for line in told] == ["No", "release_allow_breaking_migrations:", "release_desired_count:"]


def test_what_ansible_is_still_to_compute_is_left_to_it() -> None:
    template = trust_as_template("{{ 1 + 2 }}")
    assert typed(template, KNOWN["release_desired_count"], "release_desired_count") is template
    assert typed({"blue": template}, KNOWN["release_traffic_weights"], "release_traffic_weights")["blue"] is template


def test_words_without_their_quotes_are_told_how_to_be_quoted() -> None:
    given = parse_kv("release_reason=students see old grades")
    assert "-e 'name=\"several words\"'" in refusals(given, ROLES)[0]
    assert refusals(parse_kv('release_reason="students see old grades"'), ROLES) == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "release_task",
            "relase_tasks",
            "release_",
            "relase",
            "relaese",
            "releases",
            "confrim",
            "confirn",
            "lock_stael",
        ),
        *("databse_class", "databse_instance_class", "netwrok_nat", "network_nats", "dns_zonename", "stak_name"),
        *("stack_regoin", "cach_nodes", "cache_nodetype", "secret_length", "monitring_p95_ms", "load_balance_scheme"),
        *("storge_force_destroy", "sotrage_force_destroy", "certificates_nmae", "probe_rat", "report_fodler"),
        *("release-memory", "cluster_insights", "security_ingress", "network_"),
    ],
)
def test_a_misspelt_name_of_ours_is_refused(name: str) -> None:
    assert misspelt([name], KNOWN, NAMES).keys() == {name}
    assert f"No role knows the variable {name}" in refusals({name: 1}, ROLES)[0]


RUNNERS_OWN = [
    # https://docs.ansible.com/automation-controller/latest/html/userguide/job_templates.html (extra variables), and
    # awx_meta_vars() in AWX's awx/main/models/unified_jobs.py
    *(f"{who}_{what}" for who in ("awx", "tower") for what in (
        "job_id", "job_launch_type", "job_template_id", "job_template_name", "project_revision", "project_scm_branch",
        "inventory_id", "inventory_name", "schedule_id", "schedule_name", "workflow_job_id", "workflow_job_name",
        "parent_job_schedule_id", "user_id", "user_name", "user_email", "user_first_name", "user_last_name",
        "webhook_event_type", "webhook_payload", "execution_node",
    )),
    # https://docs.semaphoreui.com/user-guide/task-templates
    "semaphore_vars", "task_details", "incoming_version",
    # Rundeck's and Jenkins' plugins, GitHub's, GitLab's
    "rundeck_job_id", "rd_job_execid", "RD_JOB_ID", "BUILD_NUMBER", "build_number", "jenkins_url", "BRANCH_NAME",
    "ci_pipeline_id", "CI_COMMIT_SHA", "github_sha", "gitlab_user", "job_id", "job_name", "git_branch", "git_commit",
    # other tools and people's own
    "ansible_user", "ansible_python_interpreter", "molecule_file", "vault_token", "http_proxy", "slack_webhook",
    "slack_channel", "secret_key", "region", "aws_region", "aws_profile", "env", "environment", "stage", "target",
    "hosts", "tags", "user", "app_version", "version", "config", "commit", "clock_skew", "cached", "role_name", "vars",
    "__mine", "stack_found", "foo", "x", "inventory_dir", "deployment", "database", "network", "release-notes-url",
]  # fmt: skip


@pytest.mark.parametrize("name", RUNNERS_OWN)
def test_what_a_runner_or_another_tool_adds_stops_nothing(name: str) -> None:
    assert misspelt([name], KNOWN, NAMES) == {}
    assert refusals({name: {"a": 1}}, ROLES) == []


def test_a_name_after_e_that_nobody_reads_is_told_without_stopping() -> None:
    given = ["multi_az", "awx_job_id", "semaphore_vars", "tower_user_id", "release", "ansible_connection"]
    assert unread(given, KNOWN) == ["multi_az"]


@pytest.mark.parametrize(
    ("one", "other", "changes"),
    [("", "", 0), ("a", "", 1), ("relaese", "release", 1), ("abc", "acb", 1), ("ca", "abc", 3), ("tasks", "task", 1)],
)
def test_the_distance_of_two_words(one: str, other: str, changes: int) -> None:
    assert distance(one, other) == distance(other, one) == changes


def test_what_roles_declare_is_read_from_every_entry_point(tmp_path: Path) -> None:
    spec = tmp_path / "database" / "meta" / "argument_specs.yml"
    spec.parent.mkdir(parents=True)
    spec.write_text(
        "argument_specs: {main: {options: {database_a: {}}}, wait: {options: {database_b: {type: int}}}, none: {}}"
    )
    assert {name: option.type for name, option in declared(tmp_path).items()} == {
        "database_a": "str",
        "database_b": "int",
    }


PLAY = """
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.copy:
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.{{ ansible_play_name }}.json"
        content: "{{ dict(names | zip(names | map('extract', vars))) | to_json }}"
        mode: "0600"
      check_mode: false
      vars:
        names: "{{ vars.keys() | select('match', '(release|cache|database|lock|network)(_|$)') | list }}"
    - ansible.builtin.fail: {}
      when: release_allow_breaking_migrations
"""
BRACES = "fix {{ no_such_thing }} {% if %} 100% of \"it\" 'ü' \\ $HOME"
GIVEN: Mapping[str, Any] = {
    "release_allow_breaking_migrations": "no",
    "release_analysis_timeout_seconds": "120",
    "release_reason": BRACES,
}


def project(root: Path) -> None:
    """A small project with two hosts, whose values stand in every place that Ansible knows, as texts."""
    for name, text in {
        "play.yml": PLAY,
        "both.yml": "- {name: imported, ansible.builtin.import_playbook: play.yml}",
        "extra.yml": 'release_traffic_weights: \'{"blue": "100", "green": 0}\'\n'
        "release_replace_unmanaged: '{{ release_reason }}'",
        "inventory/hosts.ini": "[all:vars]\nrelease_cpu=512\n[some]\n"
        "one release_allow_unscanned_image=yes cache_nodes='2'\n"
        "two\n[some:vars]\nrelease_stop_timeout='90'\n",
        "inventory/group_vars/all.yml": "release_desired_count: '4'\nrelease_port: '{{ 8000 + 1 }}'\n"
        "database_multi_az: 'off'\nrelease_bake_minutes: soon\n",
        "inventory/host_vars/one.yml": "release_memory: '4096'\nnetwork_availability_zones: a,b\n",
        "group_vars/all/wiring.yml": 'release_capacity_providers: \'[{"provider": "FARGATE", "base": "2"}]\'\n',
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


EXPECTED = {
    "release_allow_breaking_migrations": False,
    "release_analysis_timeout_seconds": 120,
    "release_reason": BRACES,
    "release_traffic_weights": {"blue": 100, "green": 0},
    "release_replace_unmanaged": "{{ release_reason }}",
    "release_cpu": 512,
    "release_stop_timeout": 90,
    "release_desired_count": 4,
    "release_port": 8001,
    "database_multi_az": False,
    "release_bake_minutes": "soon",
    "release_capacity_providers": [{"provider": "FARGATE", "base": 2}],
}
OF_ONE = {
    "release_allow_unscanned_image": True,
    "cache_nodes": 2,
    "release_memory": 4096,
    "network_availability_zones": ["a", "b"],
}


@pytest.mark.parametrize(
    "words",
    [
        ("play.yml",),
        ("both.yml", "--check"),
        ("play.yml", "-e", "ansible_connection=local", "--tags", "all", "-l", "one,two"),
    ],
    ids=["plain", "imported, in check mode", "narrowed"],
)
def test_ansible_itself_has_every_variable_in_its_type(tmp_path: Path, words: tuple[str, ...]) -> None:
    project(tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")} | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        # a runner brings callbacks of its own, and none of ours is found
        "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path),
        "ANSIBLE_STDOUT_CALLBACK": "default",
    }
    ran = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "ansible-playbook"), *words, "-i", "inventory"),
            *("-e", json.dumps(GIVEN), "-e", "@extra.yml"),
        ],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = {path.name.partition(".")[0]: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert found.keys() == {"one", "two"}
    assert found["one"] == EXPECTED | OF_ONE
    assert found["two"] == EXPECTED
