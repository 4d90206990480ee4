"""ECR: images have the digest of their manifest, and layers.

No scanner runs here: a scan is COMPLETE at once and finds nothing. This rehearses waiting for a scan and checking its
counts, not the findings. All repositories share one store of layers: `<root>/images/blobs`, an OCI image layout. Pages
named API_*.html are those of https://docs.aws.amazon.com/AmazonECR/latest/APIReference/
"""

import hashlib
import json
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ecr.exceptions import (
    ImageAlreadyExistsException,
    InvalidParameterException,
    ScanNotFoundException,
)
from moto.ecr.models import ECRBackend, Image, Repository
from moto.ecr.responses import ECRResponse

from sandbox.aws_api.patch import operation
from sandbox.config import Settings

Document = dict[str, Any]


class ImageTagAlreadyExistsException(ServiceException):  # type: ignore[misc]  # moto is untyped
    code = "ImageTagAlreadyExistsException"


class LayersNotFoundException(ServiceException):  # type: ignore[misc]  # moto is untyped
    code = "LayersNotFoundException"


class ImageDigestDoesNotMatchException(ServiceException):  # type: ignore[misc]  # moto is untyped
    code = "ImageDigestDoesNotMatchException"


def install() -> None:
    """Attach ECR's patches."""
    operation(Image)(get_image_digest)
    for patch in (
        complete_layer_upload,
        batch_check_layer_availability,
        put_image,
        batch_get_image,
        describe_images,
        describe_image_scan_findings,
    ):
        operation(ECRResponse)(patch)


def blob(digest: str) -> Path:
    """Return where the layer or configuration of that digest is, if it was pushed."""
    algorithm, _, name = digest.partition(":")
    return Settings.from_environment().root / "images" / "blobs" / algorithm / name


def find(backend: ECRBackend, repository: str, image_id: Document) -> Image | None:
    """Return the image of a tag, a digest, or both; None if the repository has no such image."""
    tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
    for image in backend.repositories[repository].images:
        if tag in (None, *image.image_tags) and digest in (None, image.get_image_digest()):
            return image
    return None


def get_image_digest(self: Image) -> str:
    """Return the digest of the image's manifest.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
    """
    return f"sha256:{hashlib.sha256(self.image_manifest.encode()).hexdigest()}"


def put_image(self: ECRResponse) -> ActionResult:
    """Put an image: a mutable tag moves, an immutable one is refused, and its layers must have been pushed.

    API_PutImage.html
    """
    repository = self.ecr_backend._get_repository(self._get_param("repositoryName"))
    text, tag = self._get_param("imageManifest"), self._get_param("imageTag")
    media_type, digest = self._get_param("imageManifestMediaType"), self._get_param("imageDigest")
    manifest = _parsed(text, media_type)
    image = Image(repository.account_id, tag, text, repository.name, media_type or manifest["mediaType"])
    if digest not in (None, image.image_digest):
        raise ImageDigestDoesNotMatchException(
            f"Image digest '{digest}' does not match the digest of the manifest '{image.image_digest}'",
        )
    _require_layers(repository, manifest)
    return ActionResult({"image": _image(_pushed(repository, image, tag), tag)})


def _pushed(repository: Any, image: Image, tag: str | None) -> Image:
    images: list[Image] = repository.images
    known = next((i for i in images if i.image_digest == image.image_digest), None)
    if known and (tag is None or tag in known.image_tags):
        raise ImageAlreadyExistsException(repository.name, repository.registry_id, image.image_digest, tag or "")
    if tag is not None:
        _free_tag(repository, tag)
    if known and tag:
        known.update_tag(tag)
        return known
    if repository.image_scanning_configuration.get("scanOnPush"):
        image.last_scan = datetime.now(UTC)
    images.append(image)
    return image


def _parsed(text: str, media_type: str | None) -> Document:
    try:
        manifest: Document = json.loads(text)
        if media_type or manifest["mediaType"]:
            return manifest
    except (ValueError, KeyError, TypeError):
        pass
    raise InvalidParameterException(
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax or missing mediaType'"
    )


def _require_layers(repository: Repository, manifest: Document) -> None:
    parts = [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]
    missing = [part["digest"] for part in parts if not blob(part["digest"]).is_file()]
    if missing:
        raise LayersNotFoundException(
            f"Layers with digests '{missing}' required for pushing image into repository with name"
            f" '{repository.name}' in the registry with id '{repository.registry_id}' do not exist",
        )


def _free_tag(repository: Repository, tag: str) -> None:
    """Take a tag from the image that has it; the image stays, untagged.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    """
    holder = next((i for i in repository.images if tag in i.image_tags), None)
    if holder is None:
        return
    if _immutable(repository, tag):
        raise ImageTagAlreadyExistsException(
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and"
            " cannot be overwritten because the repository is immutable.",
        )
    holder.remove_tag(tag)


def _immutable(repository: Repository, tag: str) -> bool:
    filters = repository.image_tag_mutability_exclusion_filters or ()
    excluded = any(fnmatchcase(tag, exclusion["filter"]) for exclusion in filters)
    return bool(repository.is_tag_immutable()) != excluded


def complete_layer_upload(self: ECRResponse) -> ActionResult:
    """Store the uploaded bytes. API_CompleteLayerUpload.html"""
    name, upload_id = self._get_param("repositoryName"), self._get_param("uploadId")
    registry = self._get_param("registryId")
    upload = self.ecr_backend._get_repository(name, registry).uploads.get(upload_id)
    content = bytes(upload.layer_parts) if upload else b""
    answer = self.ecr_backend.complete_layer_upload(name, upload_id, self._get_param("layerDigests"), registry)
    target = blob(answer["layerDigest"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return ActionResult(answer)


def batch_check_layer_availability(self: ECRResponse) -> ActionResult:
    """Return AVAILABLE for a layer that the store holds. API_BatchCheckLayerAvailability.html"""
    name, digests = self._get_param("repositoryName"), self._get_param("layerDigests")
    registry = self._get_param("registryId")
    repository = self.ecr_backend._get_repository(name, registry)
    repository.layers = {d: blob(d).stat().st_size for d in digests if blob(d).is_file()}
    return ActionResult(self.ecr_backend.batch_check_layer_availability(name, digests, registry))


def batch_get_image(self: ECRResponse) -> ActionResult:
    """Return images by tag and by digest, and failures for the others.

    API_BatchGetImage.html
    """
    repository = self._get_param("repositoryName")
    self.ecr_backend._get_repository(repository, self._get_param("registryId"))
    images, failures = [], []
    for image_id in self._get_param("imageIds"):
        image = find(self.ecr_backend, repository, image_id)
        if image:
            images.append(_image(image, image_id.get("imageTag")))
        else:
            failures.append(
                {
                    "imageId": image_id,
                    "failureCode": "ImageNotFound",
                    "failureReason": "Requested image not found",
                }
            )
    return ActionResult({"images": images, "failures": failures})


def describe_images(self: ECRResponse) -> ActionResult:
    """Return size and media types of images. API_ImageDetail.html

    Untagged images have no imageTags; a missing one is ImageNotFoundException. The answer has nothing of a scan, as
    with AWS's present scanners: API_DescribeImages.html
    """
    repository = self.ecr_backend._get_repository(self._get_param("repositoryName"), self._get_param("registryId"))
    desired = self._get_param("imageIds")
    images = (
        [repository._get_image(i.get("imageTag"), i.get("imageDigest")) for i in desired]
        if desired
        else _filtered(repository.images, self._get_param("filter") or {})
    )
    return ActionResult({"imageDetails": [_detail(image) for image in images]})


def describe_image_scan_findings(self: ECRResponse) -> ActionResult:
    """Return a complete scan without findings: no scanner runs here.

    API_DescribeImageScanFindings.html
    """
    repository = self.ecr_backend._get_repository(self._get_param("repositoryName"), self._get_param("registryId"))
    desired = self._get_param("imageId")
    image = repository._get_image(desired.get("imageTag"), desired.get("imageDigest"))
    if image.last_scan is None:
        raise ScanNotFoundException(str(desired), repository.name, repository.registry_id)
    return ActionResult(
        {
            "registryId": repository.registry_id,
            "repositoryName": repository.name,
            "imageId": {"imageDigest": image.image_digest, **desired},
            "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
            "imageScanFindings": {
                "imageScanCompletedAt": image.last_scan,
                "vulnerabilitySourceUpdatedAt": image.last_scan,
                "findingSeverityCounts": {},
                "findings": [],
            },
        }
    )


def _filtered(images: list[Image], desired: dict[str, str]) -> list[Image]:
    status = desired.get("tagStatus", "ANY")
    return [i for i in images if status == "ANY" or bool(i.image_tags) == (status == "TAGGED")]


def _image(image: Image, tag: str | None) -> Document:
    return {
        "registryId": image.registry_id,
        "repositoryName": image.repository_name,
        "imageId": {"imageDigest": image.image_digest} | ({"imageTag": tag} if tag else {}),
        "imageManifest": image.image_manifest,
        "imageManifestMediaType": image.image_manifest_media_type,
    }


def _detail(image: Image) -> Document:
    manifest = json.loads(image.image_manifest)
    detail = {
        "registryId": image.registry_id,
        "repositoryName": image.repository_name,
        "imageDigest": image.image_digest,
        "imageSizeInBytes": sum(layer["size"] for layer in manifest.get("layers", ())),
        "imagePushedAt": image.image_pushed_at,
        "imageManifestMediaType": image.image_manifest_media_type,
        "artifactMediaType": manifest.get("config", {}).get("mediaType"),
    }
    return detail | ({"imageTags": image.image_tags} if image.image_tags else {})
