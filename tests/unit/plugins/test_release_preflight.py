"""What stands in a release's way, as a local API has it: all of it at once, and nothing is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.modules import release_preflight
from sandbox.runtime.images import Images
from sandbox.services.ecs.deployment import stages as ecs_deployments
from tests.support.ops.canaries import BINARY, SENDABLE, TOKENS, UNSENDABLE, leaks
from tests.support.ops.deployments import CANARY, deployed
from tests.support.ops.own_modules import call, environment, mutations
from tests.support.sandbox.api_only import serving
from tests.support.sandbox.service_deployments import QUICK, Region, Scene

LOG_GROUP = "/ecs/web"


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    with serving(tmp_path_factory.mktemp("preflight") / "sandbox") as api, environment(api):
        for name in (LOG_GROUP, f"{LOG_GROUP}-other"):
            api.client("logs").create_log_group(logGroupName=name)
        yield Region(api)


@pytest.fixture
def scene(region: Region, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(ecs_deployments, "SETTLE", 0.0)
    return Scene(region)


@pytest.fixture
def digest(region: Region, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of the image 1.0.0 in the repository `web`, scanned."""
    monkeypatch.setenv("SANDBOX_DIR", str(tmp_path / "images"))
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY . /\nCMD ["true"]\n')
    images, ecr = Images(tmp_path / "images"), region.api.client("ecr")
    made = images.build(tmp_path)
    ecr.create_repository(repositoryName="web", imageScanningConfiguration={"scanOnPush": True})
    ecr.put_image(repositoryName="web", imageManifest=images.get(made).decode(), imageTag="1.0.0")
    yield made
    ecr.delete_repository(repositoryName="web", force=True)


def preflight(scene: Scene, **options: Any) -> dict[str, Any]:
    before = mutations(scene.api)
    found = call(
        release_preflight.main,
        **{
            "release": "1.0.0",
            "repository": "web",
            "cluster": scene.name,
            "service": "web",
            "cpu": 2048,
            "memory": 4096,
            "tasks": 3,
            "capacity_providers": [{"provider": "FARGATE", "base": 2}, {"provider": "FARGATE_SPOT", "weight": 1}],
            "listener": scene.listener,
            "production_rule": scene.rule,
            "target_groups": {"blue": scene.blue, "green": scene.green},
            "log_group": LOG_GROUP,
            **options,
        },
    )
    assert mutations(scene.api) == before
    return found


def test_nothing_stands_in_the_way_of_a_first_release(scene: Scene, digest: str) -> None:
    found = preflight(scene)
    assert (found["blockers"], found["digest"], found["tags"]) == ([], digest, ["1.0.0"])
    assert (found["orphan"], found["unfinished"], found["serves"], found["running"]) == (None, False, False, None)
    assert found["tasks"] == 3, "a first release starts with as many as the inventory says"
    assert preflight(scene, release=digest)["blockers"] == []


@pytest.mark.parametrize("gone", ["/ecs/gone", "/ecs/we", "/ecs/web-other-too"])
def test_a_log_group_that_was_deleted_is_told_with_its_cure(scene: Scene, digest: str, gone: str) -> None:
    (blocker,) = preflight(scene, log_group=gone)["blockers"]
    assert blocker == (
        f"The log group {gone} is gone, and without it no task starts. Run playbooks/provision.yml --tags cluster."
    )


def test_an_image_needs_a_scan_unless_somebody_does_without(scene: Scene, digest: str) -> None:
    ecr = scene.api.client("ecr")
    ecr.create_repository(repositoryName="unscanned")
    manifest = ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1.0.0"}])["images"][0]["imageManifest"]
    ecr.put_image(repositoryName="unscanned", imageManifest=manifest, imageTag="1.0.0")
    (blocker,) = preflight(scene, repository="unscanned")["blockers"]
    assert "no scan was started" in blocker
    assert preflight(scene, repository="unscanned", allow_unscanned_image=True)["blockers"] == []
    ecr.start_image_scan(repositoryName="unscanned", imageId={"imageDigest": digest})
    assert preflight(scene, repository="unscanned")["blockers"] == []
    ecr.delete_repository(repositoryName="unscanned", force=True)


def test_a_cluster_that_is_not_there_has_no_service(scene: Scene, digest: str) -> None:
    assert preflight(scene, cluster="other")["blockers"] == []


def test_an_alarm_that_fires_stands_in_the_way_of_what_runs_alone(scene: Scene, digest: str) -> None:
    scene.alarm("ALARM")
    watch = {"green": ["errors"], "blue": ["other"]}
    assert preflight(scene, alarms=watch)["blockers"] == []
    scene.create()
    scene.settle()
    scene.service.primary.running = 2
    (blocker,) = preflight(scene, alarms=watch)["blockers"]
    assert "alarm errors fires already: test" in blocker
    assert preflight(scene, alarms={"green": [], "blue": ["errors"]})["blockers"] == [], "of where it does not go"


def test_a_release_goes_to_the_target_group_that_serves_less(scene: Scene, digest: str) -> None:
    assert preflight(scene)["target"] == "green"
    for blue, green, target in ((0, 100, "blue"), (90, 10, "green"), (40, 60, "blue")):
        groups = [{"TargetGroupArn": scene.blue, "Weight": blue}, {"TargetGroupArn": scene.green, "Weight": green}]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        scene.elb.modify_rule(RuleArn=scene.rule, Actions=[action])
        assert preflight(scene)["target"] == target


def test_all_that_is_wrong_is_said_at_once(scene: Scene, digest: str) -> None:
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    condition = {"Field": "path-pattern", "Values": ["/closed"]}
    scene.elb.create_rule(ListenerArn=scene.listener, Priority=2, Conditions=[condition], Actions=[fixed])
    only = {"Type": "forward", "TargetGroupArn": scene.blue}
    scene.elb.modify_rule(RuleArn=scene.rule, Actions=[only])
    found = preflight(scene, release="9.9.9", memory=1024, tasks=3000, alarms={"green": ["slow"]})
    words = (
        "no release 9.9.9 in the repository web. It holds 1.0.0.",
        "no 1024 MiB for 2048 CPU units",
        "(fixed-response)",
        "target group green",
        "no alarm slow",
        "need 11992 vCPUs of FARGATE_SPOT, and the account may run 4000",
    )
    assert [word in blocker for word, blocker in zip(words, found["blockers"], strict=True)] == [True] * 6
    assert found["digest"] is None


# Secrets that the smoke test and the availability probe have to send

SECRETS = {"token_secret": "web/heartbeat-token", "test_secret": "web/test-traffic"}


@pytest.fixture(scope="module")
def secrets(region: Region) -> Any:
    client = region.api.client("secretsmanager")
    for name in SECRETS.values():
        client.create_secret(Name=name, SecretString=SENDABLE["plain"])
    return client


def put(secrets: Any, value: str | bytes) -> None:
    """Give both secrets this value."""
    kind = {"SecretBinary": value} if isinstance(value, bytes) else {"SecretString": value}
    for name in SECRETS.values():
        secrets.put_secret_value(SecretId=name, **kind)


def test_values_that_can_be_sent_stand_in_no_release_s_way(scene: Scene, digest: str, secrets: Any) -> None:
    for value in SENDABLE.values():
        put(secrets, value)
        assert preflight(scene, **SECRETS)["blockers"] == []
    for value in TOKENS.values():
        put(secrets, value)
        (blocker,) = preflight(scene, **SECRETS)["blockers"]
        assert blocker.startswith("The value of the secret web/test-traffic can't be the header")
        assert leaks(blocker, value) == set()


def test_values_that_can_t_be_sent_are_refused_by_name_with_all_else(scene: Scene, digest: str, secrets: Any) -> None:
    values: list[str | bytes] = [*UNSENDABLE.values(), BINARY]
    for value in values:
        put(secrets, value)
        found = preflight(scene, memory=1024, **SECRETS)
        size, header, token = found["blockers"]
        assert "no 1024 MiB" in size
        assert header.startswith("The value of the secret web/test-traffic can't be the header")
        assert token.startswith("The value of the secret web/heartbeat-token can't be sent")
        assert f"put-secret-value --secret-id {SECRETS['token_secret']} " in token
        assert leaks(str(found), value if isinstance(value, str) else value.decode("latin-1")) == set()


def test_secrets_that_are_not_there_are_refused_too(scene: Scene, digest: str, secrets: Any) -> None:
    secrets.delete_secret(SecretId=SECRETS["test_secret"], RecoveryWindowInDays=7)
    going, missing = preflight(scene, **SECRETS | {"token_secret": "web/nowhere"})["blockers"]
    assert going.startswith("The secret web/test-traffic is marked for deletion. Bring it back: ")
    assert missing.startswith("There is no secret web/nowhere, or it has no value. Run ")
    secrets.restore_secret(SecretId=SECRETS["test_secret"])


def test_a_release_must_be_named(scene: Scene, digest: str) -> None:
    assert preflight(scene, release="")["blockers"] == [
        "No release was named. Say which, by tag or digest: -e release=1.0.0"
    ]


def test_a_release_without_a_repository_is_one_of_the_blockers(scene: Scene) -> None:
    found = preflight(scene, repository="none", memory=1024)
    assert len(found["blockers"]) == 2, found
    assert "no release 1.0.0 in the repository none" in found["blockers"][0]


def entry(outcome: str, definition: str) -> dict[str, Any]:
    return {"outcome": outcome, "release": "1.0.0", "operator": "ops", "task_definition": definition}


def test_what_serves_is_seen_and_who_brought_it(scene: Scene, digest: str) -> None:
    scene.create()
    scene.settle()
    running = scene.ecs.describe_services(cluster=scene.name, services=["web"])["services"][0]["taskDefinition"]
    found = preflight(scene, history=[entry("released", running)])
    assert (found["blockers"], found["tasks"]) == ([], 2), "their number is state"
    (blocker,) = preflight(scene, history=[entry("released", "arn:other/web:0")])["blockers"]
    assert "Somebody deployed by hand" in blocker
    over = running.rpartition("/")[2]
    assert preflight(scene, history=[entry("released", "arn:other/web:0")], replace_unmanaged=over)["blockers"] == []


def test_a_deployment_that_goes_on_is_an_orphan_or_somebody_elses(scene: Scene, digest: str) -> None:
    arn = deployed(scene, **CANARY)
    revision = scene.describe(arn)["targetServiceRevision"]["arn"]
    (green,) = scene.ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"]
    mine = preflight(scene, history=[entry("started", green["taskDefinition"])])
    assert (mine["blockers"], mine["orphan"]) == ([], arn)
    (source,) = scene.describe(arn)["sourceServiceRevisions"]
    (blue,) = scene.ecs.describe_service_revisions(serviceRevisionArns=[source["arn"]])["serviceRevisions"]
    assert mine["running"] == blue["taskDefinition"] != green["taskDefinition"]
    (blocker,) = preflight(scene)["blockers"]
    assert "no release of ours began" in blocker


def test_a_first_release_that_was_stopped_is_unfinished(scene: Scene, digest: str) -> None:
    arn = scene.create(QUICK)
    scene.look()
    scene.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    scene.look()
    found = preflight(scene)
    assert (found["unfinished"], found["serves"]) == (True, False)


def test_capacity_is_that_of_the_service_as_it_is_scaled_now(scene: Scene, digest: str) -> None:
    scene.create()
    scene.settle()
    providers = [{"provider": "FARGATE", "weight": 1}]
    assert preflight(scene, tasks=3000, capacity_providers=providers)["blockers"] == []  # it has two tasks


def test_quotas_of_fargate_are_told_and_others_are_motos(region: Region) -> None:
    quotas = region.api.client("service-quotas")
    found = quotas.get_service_quota(ServiceCode="fargate", QuotaCode="L-3032A538")["Quota"]
    assert (found["QuotaName"], found["Value"]) == ("Fargate On-Demand vCPU resource count", 4000.0)
    assert quotas.get_service_quota(ServiceCode="fargate", QuotaCode="L-36FBB829")["Quota"]["Value"] == 4000.0
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="fargate", QuotaCode="L-00000000")
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-3032A538")
