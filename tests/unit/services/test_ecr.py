"""ECR: pushes, tags and refusals."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.runtime.images import Images
from sandbox.services.ecr import blob
from tests.support.sandbox import account

OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Images:
    monkeypatch.setenv("SANDBOX_DIR", str(tmp_path / "sandbox"))
    return Images(tmp_path / "sandbox")


@pytest.fixture
def ecr(images: Images) -> Iterator[Any]:
    with account.empty():
        client = account.client("ecr")
        client.create_repository(
            repositoryName="app",
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/stack"},
            tags=[{"Key": "Stack", "Value": "one"}],
        )
        client.create_repository(repositoryName="scratch")
        yield client


def build(images: Images, tmp_path: Path, command: str = "true") -> tuple[str, str]:
    """Build an image with a one-line command; return its digest and manifest."""
    folder = tmp_path / command
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(f'FROM scratch\nCOPY . /\nCMD ["{command}"]\n')
    digest = images.build(folder)
    return digest, images.get(digest).decode()


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_digest_is_the_manifests(ecr: Any, images: Images, tmp_path: Path) -> None:
    digest, manifest = build(images, tmp_path)
    put = ecr.put_image(repositoryName="app", imageManifest=manifest, imageManifestMediaType=OCI, imageTag="1.0.0")[
        "image"
    ]
    assert put["imageId"] == {"imageDigest": digest, "imageTag": "1.0.0"}
    assert digest == f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    for image_id in ({"imageTag": "1.0.0"}, {"imageDigest": digest}):
        got = ecr.batch_get_image(repositoryName="app", imageIds=[image_id])
        assert [i["imageManifest"] for i in got["images"]] == [manifest]
        assert got["images"][0]["imageId"] == {"imageDigest": digest} | image_id


def test_a_pushed_image_is_described_and_scanned(ecr: Any, images: Images, tmp_path: Path) -> None:
    digest, manifest = build(images, tmp_path)
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="1.0.0")
    [detail] = ecr.describe_images(repositoryName="app")["imageDetails"]
    assert detail["imageDigest"] == digest
    assert detail["imageTags"] == ["1.0.0"]
    assert detail["imageSizeInBytes"] == json.loads(manifest)["layers"][0]["size"]
    assert not {"imageScanStatus", "imageScanFindingsSummary"} & detail.keys()
    found = ecr.describe_image_scan_findings(repositoryName="app", imageId={"imageDigest": digest})
    assert found["imageScanStatus"]["status"] == "COMPLETE"
    assert (found["imageScanFindings"]["findings"], found["imageScanFindings"]["findingSeverityCounts"]) == ([], {})
    ecr.get_waiter("image_scan_complete").wait(
        repositoryName="app", imageId={"imageTag": "1.0.0"}, WaiterConfig={"MaxAttempts": 1}
    )


def test_a_tag_moves_only_where_it_may(ecr: Any, images: Images, tmp_path: Path) -> None:
    first, manifest = build(images, tmp_path)
    second, other = build(images, tmp_path, "false")
    for repository in ("app", "scratch"):
        ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag="1.0.0")
    with pytest.raises(ClientError) as refused:
        ecr.put_image(repositoryName="app", imageManifest=other, imageTag="1.0.0")
    assert code(refused) == "ImageTagAlreadyExistsException"
    ecr.put_image(repositoryName="scratch", imageManifest=other, imageTag="1.0.0")
    tags = {
        detail["imageDigest"]: detail.get("imageTags")
        for detail in ecr.describe_images(repositoryName="scratch")["imageDetails"]
    }
    assert tags == {first: None, second: ["1.0.0"]}


def test_excluded_tags_move(ecr: Any, images: Images, tmp_path: Path) -> None:
    ecr.put_image_tag_mutability(
        repositoryName="app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest*"}],
    )
    for command in ("true", "false"):
        _, manifest = build(images, tmp_path, command)
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="latest")
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="1.0.0")
    _, manifest = build(images, tmp_path)
    with pytest.raises(ClientError) as refused:
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="1.0.0")
    assert code(refused) == "ImageTagAlreadyExistsException"


def test_the_same_push_again_is_refused(ecr: Any, images: Images, tmp_path: Path) -> None:
    _, manifest = build(images, tmp_path)
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="1.0.0")
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="stable")
    with pytest.raises(ClientError) as refused:
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="1.0.0")
    assert code(refused) == "ImageAlreadyExistsException"
    [detail] = ecr.describe_images(repositoryName="app")["imageDetails"]
    assert sorted(detail["imageTags"]) == ["1.0.0", "stable"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"imageManifest": "{}"}, "InvalidParameterException"),
        ({"imageDigest": "sha256:" + "0" * 64}, "ImageDigestDoesNotMatchException"),
        ({"repositoryName": "nowhere"}, "RepositoryNotFoundException"),
    ],
)
def test_a_wrong_push_is_refused(
    ecr: Any, images: Images, tmp_path: Path, change: dict[str, str], expected: str
) -> None:
    _, manifest = build(images, tmp_path)
    request = {"repositoryName": "app", "imageManifest": manifest, "imageTag": "x"} | change
    with pytest.raises(ClientError) as refused:
        ecr.put_image(**request)
    assert code(refused) == expected


def test_an_image_needs_its_layers(ecr: Any, images: Images, tmp_path: Path) -> None:
    _, manifest = build(images, tmp_path)
    layer = json.loads(manifest)["layers"][0]["digest"]
    content = blob(layer).read_bytes()
    blob(layer).unlink()
    with pytest.raises(ClientError, match=layer) as refused:
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="1.0.0")
    assert code(refused) == "LayersNotFoundException"

    def available() -> list[str]:
        found = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[layer])
        return [one["layerDigest"] for one in found["layers"]]

    assert available() == []
    upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    ecr.upload_layer_part(
        repositoryName="app",
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(content) - 1,
        layerPartBlob=content,
    )
    ecr.complete_layer_upload(repositoryName="app", uploadId=upload, layerDigests=[layer])
    assert available() == [layer]
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="1.0.0")


def test_what_is_not_there(ecr: Any, images: Images, tmp_path: Path) -> None:
    missing = {"imageTag": "9.9.9"}
    with pytest.raises(ClientError) as refused:
        ecr.describe_images(repositoryName="app", imageIds=[missing])
    assert code(refused) == "ImageNotFoundException"
    got = ecr.batch_get_image(repositoryName="app", imageIds=[missing])
    assert [(f["imageId"], f["failureCode"]) for f in got["failures"]] == [(missing, "ImageNotFound")]
    _, manifest = build(images, tmp_path)
    ecr.put_image(repositoryName="scratch", imageManifest=manifest, imageTag="1.0.0")
    with pytest.raises(ClientError) as refused:
        ecr.describe_image_scan_findings(repositoryName="scratch", imageId={"imageTag": "1.0.0"})
    assert code(refused) == "ScanNotFoundException"


def test_a_repository_keeps_what_it_was_given(ecr: Any, images: Images, tmp_path: Path) -> None:
    [repository] = ecr.describe_repositories(repositoryNames=["app"])["repositories"]
    assert repository["encryptionConfiguration"] == {
        "encryptionType": "KMS",
        "kmsKey": "alias/stack",
    }
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert tags == [{"Key": "Stack", "Value": "one"}]
    policy = json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {
                        "tagStatus": "any",
                        "countType": "imageCountMoreThan",
                        "countNumber": 30,
                    },
                    "action": {"type": "expire"},
                }
            ]
        }
    )
    with pytest.raises(ClientError) as refused:
        ecr.get_lifecycle_policy(repositoryName="app")
    assert code(refused) == "LifecyclePolicyNotFoundException"
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=policy)
    assert ecr.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == policy
    _, manifest = build(images, tmp_path)
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="1.0.0")
    with pytest.raises(ClientError) as refused:
        ecr.delete_repository(repositoryName="app")
    assert code(refused) == "RepositoryNotEmptyException"
    ecr.delete_repository(repositoryName="app", force=True)
