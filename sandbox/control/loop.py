"""Run a controller until it is stopped: after each change of the API, and every quarter second."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from sandbox.aws_api.state import Changes

PERIOD = 0.25

log = logging.getLogger("sandbox")


class Controller(Protocol):
    """Reconcile one service: make what runs match what the API holds."""

    name: str

    def reconcile(self) -> None:
        """Compare what the API holds with what runs, act, write status back. Must not block for long."""

    def close(self) -> None:
        """Stop what the controller started."""


class Loop:
    """A controller in a thread of its own. An exception is logged, and the loop goes on."""

    def __init__(self, controller: Controller, changed: Changes) -> None:
        self.controller = controller
        self._changed = changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=controller.name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Wait for the running pass, then close the controller."""
        self._stop.set()
        self._changed.set()
        self._thread.join()
        try:
            self.controller.close()
        except Exception:
            log.exception("controller %s: close failed", self.controller.name)

    def _run(self) -> None:
        seen, failure = 0, ""
        while not self._stop.is_set():
            try:
                self.controller.reconcile()
                failure = ""
            except Exception as error:
                # The same failure four times a second would bury the log.
                if repr(error) != failure:
                    log.exception("controller %s: pass failed", self.controller.name)
                failure = repr(error)
            seen = self._changed.wait(seen, PERIOD)
