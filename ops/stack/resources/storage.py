"""A stack's buckets and its image repository."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.aws.errors import unless_missing
from ops.stack.model import Stack
from ops.stack.naming import bucket_prefix
from ops.stack.resources.item import Item


def find_buckets(s3: Any, stack: Stack) -> Iterator[Item]:
    """Yield the buckets; one that holds something is protected."""
    prefix = bucket_prefix(stack.name, stack.account_id)
    for name in (bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith(prefix)):
        holds = objects_in(s3, name)
        command = f"aws s3 rb --force s3://{name}"
        yield Item("bucket", name, command, f"arn:{stack.partition}:s3:::{name}", holds, holds and f"it holds {holds}")


def objects_in(s3: Any, bucket: str) -> str:
    """Return how much a bucket holds, from the first page of its list; empty if nothing."""
    page = s3.list_object_versions(Bucket=bucket)
    versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    size = sum(version.get("Size", 0) for version in versions)
    more = "more than " if page.get("IsTruncated") else ""
    return f"{more}{len(versions)} versions of objects, {size / 1e6:.1f} MB" if versions else ""


def find_repository(ecr: Any, stack: Stack) -> Iterator[Item]:
    """Yield the image repository; one that holds images is protected."""
    answer = unless_missing("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=[stack.name])
    for repository in answer["repositories"] if answer else []:
        images = ecr.list_images(repositoryName=stack.name)["imageIds"]
        holds = f"{len(images)} images" if images else ""
        command = f"aws ecr delete-repository --force --repository-name {stack.name}"
        protected = holds and f"it holds {holds}"
        yield Item("repository", stack.name, command, repository["repositoryArn"], holds, protected)
