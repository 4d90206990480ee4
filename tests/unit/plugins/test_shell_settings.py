"""What this shell says of AWS counts on AWS, and where it is wrong the first task says so, with the cure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

from sandbox.config import CHECKOUT
from tests.contract.files import load
from tests.support import nets, shell
from tests.support.waiting import HANGS_SECONDS

BIN = Path(sys.executable).parent
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAREALACCOUNT00000", "AWS_SECRET_ACCESS_KEY": "of-a-real-account"}
CURE = ("Nothing was touched.", "env | grep ^AWS_", "aws sts get-caller-identity")
WRONG: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "a profile that does not exist": ({"AWS_PROFILE": "nobody"}, ("The config profile (nobody) could not be", *CURE)),
    "a wrong retry mode": ({**KEYS, "AWS_RETRY_MODE": "twice"}, ("twice", *CURE)),
    "no credentials": ({}, ("Unable to locate credentials", *CURE)),
    "two identities": ({**KEYS, "AWS_PROFILE": "own"}, ("AWS_PROFILE", "Nothing was touched.", "unset AWS_PROFILE")),
    "an endpoint that nobody serves": (
        {**KEYS, "AWS_ENDPOINT_URL": "https://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"},
        ("AWS does not answer", "https://127.0.0.1:1", "Nothing was touched.", "AWS_ENDPOINT_URL"),
    ),
}


#: the role's own, but that a call which fails is not tried again for minutes
ONCE = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"}


def status(*inventories: Path | str, **environment: str) -> str:
    """Return what `status` says; it is not to succeed."""
    words = [f"--inventory={one}" for one in inventories]
    if len(inventories) == 1:
        words += ["-e", json.dumps({"stack_environment": ONCE})]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SANDBOX_"))}
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), *words, "playbooks/status.yml"],
        cwd=CHECKOUT,
        env=inherited | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nowhere"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, said
    return said


@pytest.mark.parametrize(("settings", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_told_with_the_cure(settings: dict[str, str], says: tuple[str, ...]) -> None:
    said = status("inventories/tier1", **settings)
    assert [words for words in says if words not in said] == [], said


def test_a_right_profile_leads_where_it_says(tmp_path: Path) -> None:
    with shell.elsewhere(nets.OWN + ".0.77") as place:
        said = status("inventories/tier1", **shell.right(place, tmp_path))
        assert place.url in said
        assert place.met != []


@pytest.mark.parametrize("settings", [shell.wrong, shell.right], ids=["wrong", "right"])
def test_the_overlay_leads_to_the_sandbox_and_nowhere_else(settings: shell.Settings, tmp_path: Path) -> None:
    """None runs at these addresses, so it is named as what does not answer."""
    with shell.elsewhere(nets.OWN + ".0.77") as place:
        said = status("inventories/tier1", "inventories/sandbox", SANDBOX_NET="127.253", **settings(place, tmp_path))
        assert "AWS does not answer" in said and "https://127.253.0.1:8443" in said, said
        assert "make up" in said
        assert place.met == []


def test_an_inventory_elsewhere_finds_the_sandbox_of_the_checkout(tmp_path: Path) -> None:
    copies = [shutil.copytree(CHECKOUT / "inventories" / name, tmp_path / name) for name in ("tier1", "sandbox")]
    said = status(*copies, SANDBOX_NET="127.253")
    assert f"not that of {CHECKOUT}/.sandbox." in said, said


COMPANION = """
import boto3, json
for service in ("s3", "secretsmanager"):
    client = boto3.client(service)
    keys = client._request_signer._credentials.get_frozen_credentials()
    proxies = client._endpoint.http_session._proxy_config._proxies
    print(json.dumps([client.meta.endpoint_url, keys.access_key, keys.token or "", proxies]))
"""


def rendered(text: str) -> str:
    environment = jinja2.Environment()
    environment.filters["dirname"] = os.path.dirname
    values = {
        "__sandbox_url": "https://127.253.0.1:8443",
        "__sandbox_directory": "/nowhere",
        "stack_region": "us-east-1",
    }
    return environment.from_string(text).render(values, playbook_dir=str(CHECKOUT / "playbooks"))


@pytest.mark.parametrize("settings", [shell.wrong, shell.right], ids=["wrong", "right"])
def test_companions_are_led_to_the_sandbox(settings: shell.Settings, tmp_path: Path) -> None:
    """They have the shell's environment and the overlay's over it, and no more."""
    overlay = load(CHECKOUT / "inventories/sandbox/group_vars/all/environment.yml")["stack_environment"]
    with shell.elsewhere(nets.OWN + ".0.77") as place:
        environment = (
            os.environ | settings(place, tmp_path) | {name: rendered(value) for name, value in overlay.items()}
        )
        command = [sys.executable, "-c", COMPANION]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANGS_SECONDS)
        assert done.returncode == 0, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert found == [["https://127.253.0.1:8443", "AKIASANDBOXOPERATOR0", "", {}]] * 2
        assert place.met == []
