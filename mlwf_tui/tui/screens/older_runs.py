"""Reads the runs that a snapshot leaves out, once all are listed, and how they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.run import Run
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.listings import RunRows
from mlwf_tui.tui.screens.outlooks import NOTHING
from mlwf_tui.tui.screens.view_host import Host
from mlwf_tui.workflow.metrics import Outlook, read_outlooks
from mlwf_tui.workflow.runs import list_runs

Read = tuple[tuple[Run, ...], Mapping[RunId, Outlook]]


class OlderRuns:
    """Keeps `rows` whole; `on_read` is called when they are."""

    def __init__(self, host: Host, on_read: Callable[[], None]) -> None:
        self.rows = RunRows()
        self._host = host
        self._on_read = on_read
        self._is_reading = False

    def read(self) -> None:
        """Read all runs in a thread, where some are not known as they are now."""
        if self._is_reading or not self.rows.lacks(self._host.snapshot):
            return
        self._is_reading = True
        self._host.work.start("all runs", self._read, self._take, fail=self._give_up)

    def _read(self) -> Read:
        workspace, now = self._host.workspace, self._host.read_clock()
        runs = list_runs(workspace, None)
        outlooks = read_outlooks(workspace, (run for run in runs if run.state.is_finished))
        for run in runs:  # here, since rows of thousands would hold the loop for a quarter of a second
            self.rows.make(run, now, outlooks.get(run.id, NOTHING), ())
        return runs, outlooks

    def _give_up(self, error: MlwfError) -> None:
        self._is_reading = False  # the next look at the home tries again
        self._host.work.fail(error)

    def _take(self, found: Read) -> None:
        self._is_reading = False
        runs, outlooks = found
        self._host.outlooks.keep(outlooks)
        self.rows.keep(runs)
        self._on_read()
