"""A release that nobody notices, under load; and that nothing else touches what it left."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support import variants
from tests.support.load import under_load
from tests.support.releases import REPORTS, Push, Releases, sentence
from tests.support.stack import STACK, Ask, Sandbox, revealed, secret_values
from tests.support.watch import command_lines

TOKEN = f"{STACK}/heartbeat-token"
COMMIT = "4c8a1f0e9d7b6a5c3e2f1d0b9a8c7e6f5d4b3a21"


def test_a_release_under_load_fails_no_request_and_loses_no_write(
    releases: Releases, push: Push, ask: Ask, sandbox: Sandbox, tmp_path: Path
) -> None:
    push("1.1.0", variants.compatible_migration())
    tag(sandbox, "1.1.0", COMMIT)
    with under_load(sandbox, tmp_path / "requests.jsonl") as load:
        played = releases.deploy("1.1.0")
    assert played.code == 0, played.output
    seen = load.seen
    assert seen.requests > 1000, seen
    assert (seen.failed, seen.writes.lost, seen.writes.doubled) == (0, 0, 0), seen
    assert seen.by_release.keys() == {"1.0.0", "1.1.0"}
    assert ask("GET", "/readyz").headers["x-release"] == "1.1.0"


def tag(sandbox: Sandbox, known: str, new: str) -> None:
    """Give the image of one tag another one too."""
    ecr = sandbox.client("ecr")
    (image,) = ecr.batch_get_image(repositoryName=STACK, imageIds=[{"imageTag": known}])["images"]
    ecr.put_image(repositoryName=STACK, imageManifest=image["imageManifest"], imageTag=new)


def test_its_report_says_so(releases: Releases) -> None:
    report = releases.report("1.1.0")
    assert (report["outcome"], report["failed"]) == ("released", 0), report["message"]
    assert report["requests"] > 50
    assert report["git_sha"] == COMMIT
    assert (report["schema_before"], report["schema_after"]) == ("campus.0001_initial", "campus.0002_nickname")
    assert [step["outcome"] for step in report["analyses"]] == ["ok", "ok"], report["analyses"]
    last = releases.audit_log[0]
    assert (last["release"], last["outcome"], last["failed"]) == ("1.1.0", "released", 0)
    assert releases.holder is None


def test_one_screen_shows_it(releases: Releases) -> None:
    shown = releases.play("status").output
    assert re.search(
        r"last release   1\.1\.0 by operator at \S+ \S+ UTC: released, [\d,]+ requests, 0 failed", shown
    ), shown


def test_the_same_release_again_is_no_deployment(releases: Releases) -> None:
    before = releases.latest["serviceDeploymentArn"]
    played = releases.deploy("1.1.0")
    assert (played.code, played.changed) == (0, 0), played.output
    assert releases.latest["serviceDeploymentArn"] == before


def test_a_check_tells_what_would_happen_and_touches_nothing(releases: Releases, sandbox: Sandbox) -> None:
    calls = len(sandbox.calls())
    played = releases.deploy("1.1.0", "--check", "--diff", release_cpu=4096, release_memory=8192)
    assert played.code == 0, played.output
    assert {change["task"] for change in played.changes} >= {"release : Update | Create or update the service"}, (
        played.changes
    )
    assert sandbox.changes_since(calls) == []


def test_provisioning_leaves_traffic_and_release_alone(releases: Releases) -> None:
    before = releases.weights, releases.service["taskDefinition"], releases.service["desiredCount"]
    played = releases.play("provision")
    assert (played.code, played.changed) == (0, 0), played.output
    assert (releases.weights, releases.service["taskDefinition"], releases.service["desiredCount"]) == before
    assert before[0] == {"blue": 0, "green": 100}
    assert "nothing waits for a release" in played.output


def test_provisioning_says_when_settings_wait_for_a_release(releases: Releases, sandbox: Sandbox) -> None:
    calls = len(sandbox.calls())
    played = releases.play("provision", "--tags", "release", "-e", "release_cpu=4096", "-e", "release_memory=8192")
    assert (played.code, played.changed) == (0, 0), played.output
    assert "pending: run playbooks/deploy.yml -e release=1.1.0" in sentence(played)
    assert "cpu, memory" in sentence(played)
    assert sandbox.changes_since(calls) == []


def test_a_token_with_the_newline_of_its_file_is_refused_by_name_and_shown_nowhere(
    releases: Releases, sandbox: Sandbox
) -> None:
    secrets = sandbox.client("secretsmanager")
    good = secrets.get_secret_value(SecretId=TOKEN)
    hidden = secret_values(secrets)
    bad = secrets.put_secret_value(SecretId=TOKEN, SecretString=f"{good['SecretString']}\n")
    calls = len(sandbox.calls())
    played = releases.deploy("1.1.0", "-vvv")
    assert played.code != 0, played.output
    assert (
        f"The value of the secret {TOKEN} can't be sent as Authorization: Bearer: it ends in a newline" in played.output
    )
    assert "Nothing was touched." in played.output
    assert sandbox.changes_since(calls) == []
    stage = {"VersionStage": "AWSCURRENT", "RemoveFromVersionId": bad["VersionId"]}
    secrets.update_secret_version_stage(SecretId=TOKEN, MoveToVersionId=good["VersionId"], **stage)
    left = [path.read_bytes().decode(errors="replace") for path in REPORTS.rglob("*") if path.is_file()]
    assert revealed("".join([played.output, releases.play("status").output, *left]), hidden) == []


def test_a_new_version_of_a_secret_is_a_deployment(releases: Releases, ask: Ask, sandbox: Sandbox) -> None:
    """The same image, and nobody notices: the probe knows the token of either colour. Nor does anybody see a token."""
    secrets = sandbox.client("secretsmanager")
    old = secrets.get_secret_value(SecretId=TOKEN)["SecretString"]
    new = old[::-1]
    before = releases.latest["serviceDeploymentArn"]
    secrets.put_secret_value(SecretId=TOKEN, SecretString=new)
    assert (beat(ask, old), beat(ask, new)) == (200, 401)
    hidden = secret_values(secrets) | {"the token before": old}
    with command_lines(hidden) as seen:
        played = releases.deploy("1.1.0", "-vvv")
    assert played.code == 0, played.output
    assert releases.latest["serviceDeploymentArn"] != before
    assert revealed(played.output, hidden) == []
    assert (seen.commands > 1000, seen.leaks) == (True, {})
    left = {path: path.read_bytes().decode(errors="replace") for path in REPORTS.rglob("*") if path.is_file()}
    assert len(left) > 3
    assert {str(path): found for path, text in left.items() if (found := revealed(text, hidden))} == {}
    assert (beat(ask, old), beat(ask, new)) == (401, 200)
    report = releases.report("1.1.0")
    assert (report["outcome"], report["failed"]) == ("released", 0), report["message"]


def beat(ask: Ask, token: str) -> int:
    """How a heartbeat with that token is answered: 200 when it was known, which every one but the first is."""
    for _ in range(2):
        said = ask("POST", "/api/heartbeat", {"probe": "rotation", "sequence": 1}, {"Authorization": f"Bearer {token}"})
    return said.status
