"""The table of parameters, compared with the engine's own; formulas and bounds."""

from __future__ import annotations

import os
import subprocess

import pytest

from sandbox.runtime.postgres.server import binaries
from sandbox.services.rds.parameters import NEWEST, applicable, catalogue, evaluate, in_force

TYPES = {"BOOLEAN": "boolean", "INTEGER": "integer", "REAL": "float"}


@pytest.fixture(scope="module")
def engine() -> dict[str, list[str]]:
    """Return the server's parameters: name -> context, group, type, ..."""
    alone = ["unshare", "--user"] if os.geteuid() == 0 else []
    command = [*alone, str(binaries() / "postgres"), "--describe-config"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = (line.split("\t") for line in text.splitlines())
    return {name.lower(): rest for name, *rest in rows if rest[0] != "internal"}


def test_the_engines_parameters_are_in_the_table(engine: dict[str, list[str]]) -> None:
    known = catalogue()
    assert engine.keys() <= known.keys()
    for name, (context, _, data_type, *_) in engine.items():
        assert known[name].static == (context == "postmaster"), name
        assert known[name].data_type == TYPES.get(data_type, "string"), name


def test_the_newest_version_is_the_one_that_runs() -> None:
    postgres = str(binaries() / "postgres")
    text = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True)
    assert text.stdout.split()[2] == NEWEST


@pytest.mark.parametrize(
    ("formula", "size", "value"),
    [
        ("LEAST({DBInstanceClassMemory/9531392},5000)", "db.t3.medium", "450"),
        ("LEAST({DBInstanceClassMemory/9531392},5000)", "db.r6g.2xlarge", "5000"),
        ("{DBInstanceClassMemory*3/4}", "db.t4g.micro", "805306368"),
        ("100", "db.t3.medium", "100"),
    ],
)
def test_formulas_are_evaluated(formula: str, size: str, value: str) -> None:
    assert evaluate(formula, size) == value


@pytest.mark.parametrize("formula", ["{__import__('os')}", "{DBInstanceClassMemory**2}"])
def test_what_is_no_formula_is_not_run(formula: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        evaluate(formula, "db.t3.medium")


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("log_min_duration_statement", "-1", True),
        ("log_min_duration_statement", "-2", False),
        ("random_page_cost", "1.1", True),
        ("rds.force_ssl", "on", False),
        ("wal_compression", "lz4", True),
        ("wal_compression", "best", False),
        ("shared_preload_libraries", "pg_stat_statements, auto_explain", True),
    ],
)
def test_values_are_checked(name: str, value: str, accepted: bool) -> None:
    assert catalogue()[name].accepts(value) is accepted


def test_a_running_server_takes_up_what_needs_no_reboot() -> None:
    running = {"max_connections": "450", "log_lock_waits": "0", "work_mem": "4096"}
    desired = {"max_connections": "90", "log_lock_waits": "1", "timezone": "UTC"}
    assert applicable(running, desired, {"log_lock_waits"}) == {
        "max_connections": "450",
        "log_lock_waits": "0",
        "timezone": "UTC",
    }


def test_logical_replication_is_a_level_of_the_log() -> None:
    assert in_force({"rds.logical_replication": "1"}, "db.t3.medium")["wal_level"] == "logical"
