"""Keeps the draft of a pipeline in the home, through every change of it."""

from __future__ import annotations

import threading

from mlwf_tui.tui.screens.verbs.host import Host
from mlwf_tui.workflow.pipelines.drafts import Opened, keep_draft


class DraftKeeper:
    """Writes the draft in a thread, the newest last; a change never waits for the disk."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()  # of what is to be written
        self._writing = threading.Lock()  # held from taking it until it is on the disk
        self._pending: Opened | None = None
        self._is_begun = False

    def keep(self, opened: Opened) -> None:
        """Have this kept soon, unless something newer comes before."""
        with self._lock:
            self._pending = opened
            if self._is_begun:
                return
            self._is_begun = True
        self._host.work.start("draft", self._write_all, lambda _: None)

    def keep_now(self, opened: Opened) -> None:
        """Keep this before returning; called in a thread."""
        with self._writing:
            keep_draft(self._host.workspace, opened)

    def _write_all(self) -> None:
        while True:
            with self._writing:
                with self._lock:
                    opened, self._pending = self._pending, None
                    self._is_begun = False  # what comes from now on has a thread of its own
                if opened is None:
                    return
                keep_draft(self._host.workspace, opened)
