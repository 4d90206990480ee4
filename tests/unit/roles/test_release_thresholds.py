"""The thresholds that the role shows are those of the analysis, which is their only home."""

from __future__ import annotations

from dataclasses import asdict

import yaml

from ops.release.analysis import Thresholds
from sandbox.config import CHECKOUT

SPEC = CHECKOUT / "roles/release/meta/argument_specs.yml"


def test_the_role_shows_the_defaults_of_the_analysis() -> None:
    options = yaml.safe_load(SPEC.read_text())["argument_specs"]["main"]["options"]["release_thresholds"]["options"]
    shown = {name: option["description"].rpartition("; ")[2] for name, option in options.items()}
    assert shown == {name: f"{value:g}" for name, value in asdict(Thresholds()).items()}
