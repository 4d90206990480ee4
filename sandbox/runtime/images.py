"""Container images without Docker: an OCI image store, and folders that a process can run from.

A blob is `images/blobs/sha256/<hex>`, as in an OCI image layout; what can run is unpacked once per
digest below `images/unpacked/`. Formats: https://github.com/opencontainers/image-spec
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.runtime import dockerfile
from sandbox.runtime.dockerfile import Copy, DockerfileError, Recipe

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
NEVER_PACKED = ("__pycache__", "*.pyc", ".git", ".dockerignore")


class ImageError(RuntimeError):
    """An image, or a part of one, is not in the store or can't be built."""


@dataclass(frozen=True, slots=True)
class Image:
    """An unpacked image. Paths in `workdir` and `environment` are those of the image."""

    digest: str
    root: Path
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    workdir: str
    stop_signal: str

    def path(self, word: str) -> str:
        """Return where an absolute path of the image is on this machine, if the image has it; else the word.

        No process is chrooted, so a word like `/app/entrypoint` has to be looked up.
        """
        inside = self.root / word.lstrip("/")
        return str(inside) if word.startswith("/") and inside.exists() else word


class Images:
    """Images by digest, below `<root>/images`. Safe for several processes at once."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "images"

    def build(self, folder: Path) -> str:
        """Build an image from a folder with a Dockerfile; return its digest (`sha256:...`).

        The same folder always gives the same digest. Raises DockerfileError or ImageError.
        """
        recipe = dockerfile.parse(_dockerfile(folder))
        tar = _tar(_files(folder, recipe.copies))
        layer = gzip.compress(tar, mtime=0)
        config = _json(_config(recipe, diff_id=_digest(tar)))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [_descriptor(LAYER, layer)],
        }
        for blob in (layer, config):
            self.put(blob)
        return self.put(_json(manifest))

    def put(self, blob: bytes) -> str:
        """Store a blob under its digest, atomically; return the digest."""
        digest = _digest(blob)
        target = self._path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file, _or_not_at_all(Path(file.name)):
                file.write(blob)
                file.flush()
                Path(file.name).replace(target)
        return digest

    def get(self, digest: str) -> bytes:
        """Return a blob's content. Raises ImageError if the store doesn't hold it."""
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            raise ImageError(
                f"blob {digest} is not in {self.directory}. Build the image again: sandbox image build FOLDER --tag TAG"
            ) from None

    def unpack(self, digest: str) -> Image:
        """Return the image's folder and configuration; unpacks it on first use. Raises ImageError if it is missing."""
        manifest = json.loads(self.get(digest))
        config = json.loads(self.get(manifest["config"]["digest"]))
        target = self.directory / "unpacked" / digest.removeprefix("sha256:")
        if not target.exists():
            self._extract([layer["digest"] for layer in manifest["layers"]], target)
        settings = config["config"]
        return Image(
            digest=digest,
            root=target,
            entrypoint=tuple(settings.get("Entrypoint") or ()),
            command=tuple(settings.get("Cmd") or ()),
            environment=dict(pair.split("=", 1) for pair in settings.get("Env") or ()),
            workdir=settings.get("WorkingDir") or "/",
            stop_signal=settings.get("StopSignal") or "SIGTERM",
        )

    def _extract(self, layers: list[str], target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent))
        with _or_not_at_all(scratch):
            for digest in layers:
                with tarfile.open(fileobj=io.BytesIO(self.get(digest)), mode="r:gz") as archive:
                    archive.extraction_filter = _as_it_is
                    archive.extractall(scratch, members=_harmless(archive))
            for path in scratch.rglob("*"):
                # Tasks share the folder, so its files are read-only; folders stay removable.
                path.chmod(0o755 if path.is_dir() else path.stat().st_mode & 0o555)
            scratch.chmod(0o755)
        try:
            scratch.rename(target)
        except OSError:
            if not target.exists():
                raise
            shutil.rmtree(scratch)  # another process was faster

    def _path(self, digest: str) -> Path:
        algorithm, _, name = digest.partition(":")
        return self.directory / "blobs" / algorithm / name


@contextmanager
def _or_not_at_all(path: Path) -> Iterator[None]:
    """Delete a file or folder that could not be finished: on a full disk each try would leave another part."""
    try:
        yield
    except BaseException:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise


def _dockerfile(folder: Path) -> Path:
    path = folder / "Dockerfile"
    if not path.is_file():
        raise ImageError(f"{folder} has no Dockerfile. Name a folder that has one.")
    return path


def _config(recipe: Recipe, diff_id: str) -> dict[str, Any]:
    system, _, architecture = recipe.platform.partition("/")
    return {
        "architecture": architecture,
        "os": system,
        "config": {
            "Env": [f"{name}={value}" for name, value in recipe.environment.items()],
            "Entrypoint": recipe.entrypoint,
            "Cmd": recipe.command,
            "WorkingDir": recipe.workdir,
            "ExposedPorts": {port: {} for port in recipe.ports},
            "Labels": recipe.labels,
            "StopSignal": recipe.stop_signal,
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }


def _files(folder: Path, copies: list[Copy]) -> dict[str, Path]:
    """Return path in the image -> file, by the COPY instructions, without what is never packed."""
    ignored = (*NEVER_PACKED, *_ignore_file(folder))
    files: dict[str, Path] = {}
    for copy in copies:
        for pattern in copy.sources:
            found = [p for p in _glob(folder, pattern) if not _ignored(p, folder, ignored)]
            if not found:
                raise DockerfileError(f"{folder / 'Dockerfile'}: COPY {pattern}: no such file in {folder}.")
            for source in found:
                files.update(_placed(source, folder, copy, ignored))
    return files


def _placed(source: Path, folder: Path, copy: Copy, ignored: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    target = PurePosixPath(copy.destination)
    if source.is_dir():
        for path in source.rglob("*"):
            if path.is_file() and not _ignored(path, folder, ignored):
                yield str(target / path.relative_to(source).as_posix()), path
    else:
        yield str(target / source.name if copy.into_folder else target), source


def _glob(folder: Path, pattern: str) -> list[Path]:
    relative = pattern.strip("/")
    return [folder] if relative in ("", ".") else sorted(folder.glob(relative.removeprefix("./")))


def _ignore_file(folder: Path) -> Iterator[str]:
    path = folder / ".dockerignore"
    for line in path.read_text().splitlines() if path.exists() else ():
        pattern = line.strip().strip("/")
        if pattern.startswith("!"):
            raise ImageError(f"{path}: {line}: not honoured. Name what to leave out instead.")
        if pattern and not pattern.startswith("#"):
            yield pattern.removeprefix("**/")


def _ignored(path: Path, folder: Path, patterns: tuple[str, ...]) -> bool:
    relative = PurePosixPath(path.relative_to(folder).as_posix())
    candidates = [relative, *relative.parents]
    return any(
        fnmatch(candidate.name, pattern) or fnmatch(str(candidate), pattern)
        for candidate in candidates
        for pattern in patterns
    )


def _tar(files: Mapping[str, Path]) -> bytes:
    """Return a tar archive whose bytes depend on names, contents and the executable bit alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size = path.stat().st_size
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)
    return buffer.getvalue()


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _as_it_is(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    """Return the member unchanged: from Python 3.12 on, tarfile requires a filter."""
    return member


def _harmless(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield files and folders that stay below the target: Python 3.11.2, Debian 12's, has no filter for this."""
    for member in archive:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
            raise ImageError(
                f"A layer holds {member.name}, which is no file or folder of its own. Build the image anew."
            )
        yield member
