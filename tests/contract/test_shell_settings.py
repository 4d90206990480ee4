"""The overlay says something of everything that a shell may say to an AWS client."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from botocore import configprovider
from botocore.credentials import EnvProvider

from sandbox.config import CHECKOUT
from tests.contract.files import load

OVERLAY = load(CHECKOUT / "inventories/sandbox/group_vars/all/environment.yml")["stack_environment"]
TABLES = ("BOTOCORE_DEFAUT_SESSION_VARIABLES", "DEFAULT_S3_CONFIG_VARS", "DEFAULT_PROXIES_CONFIG_VARS")
#: read where no table says so
ELSEWHERE = {"AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL", "http_proxy", "https_proxy", "all_proxy", "no_proxy"}


def names(found: object) -> Iterator[str]:
    """Return the environment variables of an entry: a name, several, or none."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, list | tuple):
        for one in found:
            yield from names(one)


def read_by_clients() -> set[str]:
    """Return what botocore, and the collections' modules before it, read of the environment."""
    entries = [entry for table in TABLES for entry in getattr(configprovider, table).values()]
    found = {name for entry in entries if isinstance(entry, tuple) for name in names(entry[1])}
    provider = (EnvProvider.ACCESS_KEY, EnvProvider.SECRET_KEY, EnvProvider.TOKENS, EnvProvider.EXPIRY_TIME)
    found |= {*names(provider), EnvProvider.ACCOUNT_ID}
    # the first that is set counts, and the overlay sets it
    found |= {option["fallback"][1][0] for option in aws_argument_spec().values() if "fallback" in option}
    return (found | ELSEWHERE) - {"ANSIBLE_DEBUG_BOTOCORE_LOGS"}


def clients_of_companions() -> set[str]:
    """Return the services whose clients companions make, who know of AWS by their environment only."""
    trees = [ast.parse(path.read_text()) for path in (CHECKOUT / "ops").rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call.args[0] for call in calls if ast.unparse(call.func) == "boto3.client"]
    return {ast.literal_eval(service) for service in made}


def test_no_setting_of_the_shell_is_left_to_it() -> None:
    assert len(read_by_clients()) > 40
    assert read_by_clients() - OVERLAY.keys() == set()


def test_companions_have_endpoints_of_their_own() -> None:
    assert clients_of_companions() == {"s3", "secretsmanager"}
    assert OVERLAY.keys() >= {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SECRETS_MANAGER"}


def test_what_the_overlay_sets_is_text() -> None:
    assert [name for name, value in OVERLAY.items() if not isinstance(value, str)] == []
