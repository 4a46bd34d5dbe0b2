"""The view of runs: the one that is open, those drawn over it, and what polls tell of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.layout import MonitorLayout
from mlwf_tui.entities.run import Run
from mlwf_tui.tui.screens.outline import make_run_entry
from mlwf_tui.tui.screens.view_host import RUN, Host
from mlwf_tui.tui.widgets.run_monitor import RunMonitor
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.running.follow import RunUpdate, log_path
from mlwf_tui.workflow.runs import get_run


class RunViews:
    """Fills the monitor; `fill` is told the view and the run, `renew_runs` draws the list of runs again.

    `ask` reads in a thread what is to be opened.
    """

    def __init__(
        self,
        host: Host,
        stage: Stage,
        *,
        ask: Callable[..., None],
        fill: Callable[..., None],
        renew_runs: Callable[[], None],
    ) -> None:
        self._host = host
        self._stage = stage
        self._ask = ask
        self._fill = fill
        self._renew_runs = renew_runs

    def show_of(self, run_id: str) -> None:
        """Show the run of this id, read anew."""
        self._ask("run", partial(get_run, self._host.workspace, run_id), self.show)

    def show(self, run: Run) -> None:
        """Show how a run goes, or went."""
        now = self._host.read_clock()
        monitor = self._get_monitor()
        if monitor.run_id != run.id:
            monitor.show_run(run, make_run_entry(run, now).title, log_path(self._host.workspace, run.id), now)
            self._host.focus_runs(monitor.run_ids)
            self._host.follow_run(run.id)
        self._fill(RUN, run.id)
        self._host.select(make_run_entry(run, now))

    def overlay(self, run_id: str) -> None:
        """Draw a run's curves over those of the run that is open, or take them away; alone, open it."""

        def done(run: Run) -> None:
            monitor = self._get_monitor()
            if not monitor.run_id:
                self.show(run)
                return
            is_on = monitor.toggle_overlay(run, make_run_entry(run, self._host.read_clock()).title)
            self._host.focus_runs(monitor.run_ids)
            change = f"{'Added' if is_on else 'Took away'} {run.id}"
            self._host.say(
                f"{change}: {format_count(len(monitor.run_ids), 'run')} in the monitor, ] shows it."
            )
            self._renew_runs()

        self._host.ask("run", partial(get_run, self._host.workspace, run_id), done)

    def lay_out(self, layout: MonitorLayout) -> None:
        """Draw the plots of runs as a person wanted them before."""
        self._get_monitor().metrics.use_layout(layout)

    def show_updates(self, updates: Mapping[str, RunUpdate]) -> None:
        """Draw what is new of the run that is open."""
        monitor = self._stage.find_view(RUN)
        if not isinstance(monitor, RunMonitor):
            return
        for run_id in monitor.run_ids:
            update = updates.get(run_id)
            if update is not None:
                if update.usage is not None and run_id == monitor.run_id:
                    monitor.show_usage(update.usage)
                monitor.show_update(
                    update.run,
                    update.progress,
                    update.new_metrics,
                    self._host.read_clock(),
                    time_left=update.time_left,
                    marks=update.standing.marks if update.standing is not None else None,
                )

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The run that is open, and those drawn over it."""
        monitor = self._stage.find_view(RUN)
        return monitor.run_ids if isinstance(monitor, RunMonitor) else ()

    def _get_monitor(self) -> RunMonitor:
        view = self._stage.get_view(RUN)
        assert isinstance(view, RunMonitor)
        return view
