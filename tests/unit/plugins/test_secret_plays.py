"""The same canaries in a play with -vvv: nothing that a person or a log collector gets to see shows a piece of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.ops.canaries import TEXTS, leaks
from tests.support.ops.served_app import ServedApp, serving
from tests.support.sandbox import api_only
from tests.support.waiting import HANGS_SECONDS
from tests.unit.ops.probe.test_probe_process import environment

CHECKOUT = Path(__file__).parents[3]
NAMES = ("quotes", "json", "newline", "beyond Latin-1")
FIT = NAMES[:2]
PLAYBOOK = (sys.executable, "-m", "ansible.cli.playbook", "-vvv", "-i", "t,")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[api_only.LocalApi]:
    with api_only.serving(tmp_path_factory.mktemp("plays") / "sandbox") as local:
        for at, name in enumerate(NAMES):
            local.client("secretsmanager").create_secret(Name=f"t/{at}", SecretString=TEXTS[name])
        yield local


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedApp]:
    with serving(tmp_path / "server") as there:
        yield there


def tasks(served: ServedApp, folder: Path, secret: str) -> list[dict[str, Any]]:
    """Whatever takes a secret's name, each in a way that fails, or whose application answers what it was sent."""
    asked = {"url": served.url, "connect_to": served.connect_to, "ca": served.ca}
    marked = {"header_name": "X-Test-Traffic", "header_secret": secret}
    watching = {**asked, "results": str(folder / "requests.jsonl"), "name": "run", "token_secret": secret}
    started = {"state": "started", "rate": 20, "write_percent": 50}
    stopped = {"state": "stopped", "pid": "{{ (started | default({})).pid | default(0) }}"}
    cache = {"name": "t", "engine_version": "7.1", "node_type": "cache.t3.micro", "parameter_group": "default.redis7"}
    rule = {"load_balancer": "t", "port": 443, "priority": 50, "header": "X-Test-Traffic", "target_groups": {"a": 1}}
    found: list[dict[str, Any]] = [
        {"probe": watching | started, "register": "started"},
        {"smoke_test": {**asked, **marked, "release": "2.0.0", "token_secret": secret}},
        {"https_traffic": {**asked, **marked, "count": 3}},
        {"listener_rule": {**rule, "header_secret": secret}},
        {"cache_group": {**cache, "auth_secret": secret}},
        {"secret": {"name": "t/new", "kms_key_id": "alias/nowhere", "description": secret}},
        {"probe": watching | stopped, "register": "seen"},
        {"ansible.builtin.debug": {"msg": "{{ started }} {{ seen }}"}},
    ]
    return [{**task, "ignore_errors": True} for task in found]


@pytest.mark.parametrize(("connection", "names"), [("warm_local", NAMES), ("local", ("newline",))])
def test_a_play_shows_no_piece_of_a_value(
    api: api_only.LocalApi, served: ServedApp, tmp_path: Path, connection: str, names: Sequence[str]
) -> None:
    folder = tmp_path / "reports"
    plays = []
    for name in names:
        at = NAMES.index(name)
        served.does.tokens.add(TEXTS[name])
        mine = folder / str(at)
        plays.append({"hosts": "all", "gather_facts": False, "tasks": tasks(served, mine, f"t/{at}")})
    (tmp_path / "play.yml").write_text(json.dumps(plays))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ansible.cli.playbook",
            "-vvv",
            "-i",
            "t,",
            "-c",
            connection,
            str(tmp_path / "play.yml"),
        ],
        cwd=CHECKOUT,
        env={
            **os.environ,
            **environment(api),
            "PLAY_SUMMARY": str(tmp_path / "summary.json"),
            "ANSIBLE_DISPLAY_TRACEBACK": "always",
            "ANSIBLE_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    written = [path for path in (*folder.rglob("*"), tmp_path / "summary.json") if path.is_file()]
    texts = [done.stdout, done.stderr, *(path.read_text() for path in written)]
    shown = {name: found for name in names if (found := {run for text in texts for run in leaks(text, TEXTS[name])})}
    assert shown == {}, done.stdout[-3000:]
    for name in names:
        refusals = done.stdout.count(f"The value of the secret t/{NAMES.index(name)} can't be")
        assert (refusals >= 3) or name in FIT, (name, done.stdout[-3000:])
