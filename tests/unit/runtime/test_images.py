"""Images: what a Dockerfile becomes, and that the same folder is always the same image."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sandbox.runtime.dockerfile import DockerfileError
from sandbox.runtime.images import ImageError, Images

DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM python:3.11-slim AS build
RUN pip wheel . \\
    # a comment inside a continued line
    && echo done
CMD ["never"]

FROM --platform=linux/arm64 python:3.11-slim
ARG HOME_FOLDER=/srv/app
ENV PORT=8000 GREETING="hello, world"
ENV PYTHONPATH=$HOME_FOLDER
WORKDIR ${HOME_FOLDER}
COPY --from=build /wheels /wheels
ADD https://example.org/bundle.pem /etc/ssl/bundle.pem
COPY --chown=app . .
EXPOSE $PORT
USER app
HEALTHCHECK CMD true
STOPSIGNAL SIGTERM
ENTRYPOINT ["/srv/app/entrypoint"]
CMD ["serve", "--quiet"]
"""


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(tmp_path / "sandbox")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "package" / "__pycache__").mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("WORD = 'shipped'\n")
    (folder / "package" / "__pycache__" / "stale.pyc").write_bytes(b"stale")
    (folder / "notes.md").write_text("not for the image")
    (folder / ".dockerignore").write_text("# left out\n**/*.md\n")
    (folder / "entrypoint").write_text("#!/bin/sh\nexec python -c 'import package' \"$@\"\n")
    (folder / "entrypoint").chmod(0o755)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


def test_configuration_is_the_last_stages(images: Images, folder: Path) -> None:
    image = images.unpack(images.build(folder))
    assert image.entrypoint == ("/srv/app/entrypoint",)
    assert image.command == ("serve", "--quiet")
    assert image.environment == {
        "PORT": "8000",
        "GREETING": "hello, world",
        "PYTHONPATH": "/srv/app",
    }
    assert image.workdir == "/srv/app"
    manifest = json.loads(images.get(image.digest))
    config = json.loads(images.get(manifest["config"]["digest"]))
    assert (config["os"], config["architecture"]) == ("linux", "arm64")
    assert config["config"]["ExposedPorts"] == {"8000/tcp": {}}


def test_layer_holds_what_copy_says_and_nothing_stale(images: Images, folder: Path) -> None:
    image = images.unpack(images.build(folder))
    held = {p.relative_to(image.root).as_posix() for p in image.root.rglob("*") if p.is_file()}
    assert held == {
        "srv/app/Dockerfile",
        "srv/app/entrypoint",
        "srv/app/package/__init__.py",
    }
    assert not (image.root / "srv/app/package/__init__.py").stat().st_mode & 0o222
    assert os.access(image.path("/srv/app/entrypoint"), os.X_OK)
    assert image.path("/usr/bin/env") == "/usr/bin/env"


def test_same_folder_same_digest(images: Images, folder: Path, tmp_path: Path) -> None:
    first = images.build(folder)
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / "package" / "__pycache__" / "other.pyc").write_bytes(b"fresh")
    assert images.build(folder) == first
    assert Images(tmp_path / "other").build(folder) == first


def test_another_content_or_mode_another_digest(images: Images, folder: Path) -> None:
    first = images.build(folder)
    (folder / "package" / "__init__.py").write_text("WORD = 'changed'\n")
    second = images.build(folder)
    (folder / "package" / "__init__.py").chmod(0o755)
    assert len({first, second, images.build(folder)}) == 3


def test_manifest_describes_its_blobs(images: Images, folder: Path) -> None:
    digest = images.build(folder)
    manifest = json.loads(images.get(digest))
    for descriptor in (manifest["config"], *manifest["layers"]):
        assert len(images.get(descriptor["digest"])) == descriptor["size"]
        assert images.put(images.get(descriptor["digest"])) == descriptor["digest"]


def test_unpacked_folder_runs(images: Images, folder: Path) -> None:
    image = images.unpack(images.build(folder))
    code = "import package; print(package.WORD)"
    ran = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={"PYTHONPATH": image.path(image.environment["PYTHONPATH"])},
        capture_output=True,
        check=True,
        text=True,
    )
    assert ran.stdout == "shipped\n"


def test_copy_places_files_where_docker_would(images: Images, folder: Path) -> None:
    (folder / "Dockerfile").write_text(
        "FROM scratch\nCOPY package /lib/package\nCOPY entrypoint notes.* /bin/\n"
        'COPY entrypoint /sbin/init\nCMD ["/sbin/init"]\n'
    )
    (folder / ".dockerignore").unlink()
    image = images.unpack(images.build(folder))
    held = {p.relative_to(image.root).as_posix() for p in image.root.rglob("*") if p.is_file()}
    assert held == {"lib/package/__init__.py", "bin/entrypoint", "bin/notes.md", "sbin/init"}


def test_shell_form_runs_in_a_shell(images: Images, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nCMD echo $PORT\n")
    image = images.unpack(images.build(folder))
    assert image.command == ("/bin/sh", "-c", "echo $PORT")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("FROM scratch\nCOPY . /app\n", "neither ENTRYPOINT nor CMD"),
        ('FROM scratch\nVOLUME /data\nCMD ["x"]\n', "line 2: VOLUME /data"),
        ('FROM scratch\nCOPY absent /app\nCMD ["x"]\n', "COPY absent: no such file"),
        ('FROM scratch\nRUN a \\\n  b\nCOPY .\nCMD ["x"]\n', "line 4: COPY"),
    ],
)
def test_what_it_cannot_honour_is_refused(images: Images, folder: Path, text: str, error: str) -> None:
    (folder / "Dockerfile").write_text(text)
    with pytest.raises(DockerfileError, match=error):
        images.build(folder)


def test_a_folder_without_dockerfile_is_refused(images: Images, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no Dockerfile"):
        images.build(tmp_path)


def test_a_missing_blob_says_how_to_get_it(images: Images) -> None:
    with pytest.raises(ImageError, match="sandbox image build"):
        images.unpack("sha256:" + "0" * 64)


def test_an_archive_that_climbs_out_is_refused(images: Images, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped"))
    layer = images.put(gzip.compress(buffer.getvalue()))
    config = images.put(b'{"config": {"Cmd": ["x"]}}')
    manifest = {"config": {"digest": config}, "layers": [{"digest": layer}]}
    with pytest.raises(ImageError, match="escaped"):
        images.unpack(images.put(json.dumps(manifest).encode()))
    assert not (tmp_path / "escaped").exists()
