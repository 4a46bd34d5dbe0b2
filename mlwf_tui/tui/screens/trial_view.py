"""The view of a search for parameters: its plan and its trials, read again while it goes on and is seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from mlwf_tui.entities.run import Run
from mlwf_tui.tui.screens.outline import make_run_entry
from mlwf_tui.tui.screens.view_host import TRIALS, Host
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.search_sections import SearchPage, list_sections
from mlwf_tui.tui.widgets.stage import Stage

if TYPE_CHECKING:  # searches train and measure: 40 ms of imports that no one needs before the first one
    from mlwf_tui.workflow.search import FoundSearch


class TrialView:
    """Fills the view of trials; `ask` reads what is to be opened, `fill` is told the view and the search."""

    def __init__(
        self, host: Host, stage: Stage, *, ask: Callable[..., None], fill: Callable[..., None]
    ) -> None:
        self._host = host
        self._stage = stage
        self._ask = ask
        self._fill = fill
        self._searched: Run | None = None  # the search that is open

    def show(self, run: Run) -> None:
        """Read the trials of a search and show them."""

        def done(found: FoundSearch) -> None:
            self._draw(found, keeps_place=False)
            self._fill(TRIALS, found.run.id)
            self._host.select(make_run_entry(found.run, self._host.read_clock()))

        self._ask("search", partial(self._read, run.id), done)

    def renew(self) -> None:
        """Read the trials of the open search again, while it goes on and is seen."""
        run = self._searched
        if run is None or self._stage.active != TRIALS or run.state.is_finished:
            return

        def done(found: FoundSearch) -> None:
            if self._searched is not None and self._searched.id == run.id:  # else another one is open by now
                self._draw(found, keeps_place=True)

        self._host.ask("search", partial(self._read, run.id), done)

    def _read(self, run_id: str) -> FoundSearch:
        from mlwf_tui.workflow.search import read_search  # noqa: PLC0415 - see TYPE_CHECKING above

        return read_search(self._host.workspace, run_id)

    def _draw(self, found: FoundSearch, *, keeps_place: bool) -> None:
        view = self._stage.get_view(TRIALS)
        assert isinstance(view, ReportView)
        self._searched = found.run
        page = SearchPage(
            title=f"search {found.run.id} of {found.plan.data}",
            state=found.run.state.value,
            summary=found.summary,
            plan=found.plan,
            trials=found.trials,
            importance=found.importance,
        )
        view.show_sections(list_sections(page), keeps_place=keeps_place)
