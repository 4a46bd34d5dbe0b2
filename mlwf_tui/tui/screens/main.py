"""The screen of the app: projects on the left, views in the middle, details, and a line of keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Offset
from textual.message import Message
from textual.screen import Screen

from mlwf_tui.entities.comparison import Leaderboard
from mlwf_tui.entities.finding import CheckResult
from mlwf_tui.entities.model import Report
from mlwf_tui.entities.sitting import Sitting
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.keys import make_bindings
from mlwf_tui.tui.screens.alerts import Alerts
from mlwf_tui.tui.screens.asking import Asking
from mlwf_tui.tui.screens.browsing import BrowsePane
from mlwf_tui.tui.screens.checking import CheckPane
from mlwf_tui.tui.screens.choices import OWN, list_commands, list_pane_keys, relabel
from mlwf_tui.tui.screens.foot import Foot
from mlwf_tui.tui.screens.layouts import LayoutKeeper
from mlwf_tui.tui.screens.leaving import Leaving
from mlwf_tui.tui.screens.live import Live
from mlwf_tui.tui.screens.living import INTERVAL_S as LIVING_INTERVAL_S
from mlwf_tui.tui.screens.living import Living
from mlwf_tui.tui.screens.looking import Looking
from mlwf_tui.tui.screens.machine import MachineFeed
from mlwf_tui.tui.screens.marks import Marks
from mlwf_tui.tui.screens.navigation import DETAILS, STAGE, TREE, Navigation, make_panes
from mlwf_tui.tui.screens.opening import Opening
from mlwf_tui.tui.screens.outlooks import Outlooks
from mlwf_tui.tui.screens.own_keys import use_own_keys
from mlwf_tui.tui.screens.performing import Performing, load_verbs
from mlwf_tui.tui.screens.reader import Reader
from mlwf_tui.tui.screens.scoping import Scoping
from mlwf_tui.tui.screens.search import Search
from mlwf_tui.tui.screens.selecting import Selection
from mlwf_tui.tui.screens.services import Services
from mlwf_tui.tui.screens.showing import Showing
from mlwf_tui.tui.screens.sitting import SittingKeeper
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.screens.tour_steps import Scene
from mlwf_tui.tui.screens.touring import Tour
from mlwf_tui.tui.screens.unsent import Unsent
from mlwf_tui.tui.screens.view_host import LINEAGE
from mlwf_tui.tui.screens.views import Views
from mlwf_tui.tui.screens.work import LongWork, Work, wrap_fault
from mlwf_tui.tui.widgets.context_menu import Choice
from mlwf_tui.tui.widgets.crumb_line import CrumbLine
from mlwf_tui.tui.widgets.details import Details
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.log_view import LogView
from mlwf_tui.tui.widgets.message_list import Said
from mlwf_tui.tui.widgets.metric_plots import MetricPlots
from mlwf_tui.tui.widgets.notice import Notice
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.plot import warm_up
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.tui.widgets.status_bar import StatusBar
from mlwf_tui.tui.widgets.tab_line import TabLine
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.tui.widgets.tour_card import TourCard
from mlwf_tui.tui.widgets.welcome import Welcome
from mlwf_tui.workflow.personal.layouts import find_own_folder, read_layout
from mlwf_tui.workflow.running.follow import RunUpdate
from mlwf_tui.workspace import Workspace

T = TypeVar("T")
LEAST_COLUMNS, LEAST_ROWS = 60, 15
AGE_INTERVAL_S = 30.0
VIEW_INTERVAL_S = 0.02


class MainScreen(Screen[None]):
    """Holds the panes, the selection and the snapshot; verbs, views and polling are done by others."""

    class RedrawRequested(Message):
        """The terminal may show something else than was drawn: paint it all anew."""

    class Completed(Message):
        """Everything that a person may come to is made and imported, and stays."""

    class Answered(Message):
        """What was read for a dialog is there; a dialog that it led to is shown by now."""

    class HomeLost(Message):
        """The home is not where it was opened, so that nothing can be done here any more."""

        def __init__(self, error: MlwfError) -> None:
            super().__init__()
            self.error = error

    class NoticeSent(Message):
        """The terminal is to be sent this, which draws nothing: a bell, a notification."""

        def __init__(self, sequence: str) -> None:
            super().__init__()
            self.sequence = sequence

    BINDINGS: ClassVar[list[BindingType]] = list(make_bindings())
    DEFAULT_CSS = """
    MainScreen { layout: vertical; background: $background; }
    """

    def __init__(self, workspace: Workspace, read_clock: Callable[[], datetime], left: Sitting) -> None:
        """`left` says how the app was left the last time."""
        super().__init__()
        self._left = left
        self.workspace = workspace
        self.read_clock = read_clock
        self.snapshot = Snapshot()
        self._teller = Teller(self, read_clock)
        self.say = self._teller.say
        self.marks = Marks(self._show_marks)
        self.unsent = Unsent()
        self.deleted: Sequence[Entry] = ()
        self.has_moved = False
        self.is_loaded = False
        self.outlooks = Outlooks()
        self._tree = ProjectTree(id=TREE)
        self._views = Views(self)
        self._details = Details(id=DETAILS)
        self._status = StatusBar(kept=("back", "stop", "help"), id="status")
        self._too_small = Notice("", id="too-small")
        self._too_small.display = False
        self._tour_card = TourCard(id="tour")
        self._performed = ""  # the last action, until another dialog is gone
        self._foot = Foot(self, self._status)
        self._panes = make_panes(self._tree, self._views.stage, self._details)
        self._selection = Selection(self, self._tree, self._views, self._details, on_change=self._show_hints)
        self._living = Living(self, self._tree, self._views)
        self._looking = Looking(self, self._views)
        self._navigation = Navigation(
            self._panes,
            self._views,
            on_filter=self._show_outline,
            teller=self._teller,
            marks=self.marks,
        )
        self._sitting = SittingKeeper(self, self._tree, self._panes, self._views, self._navigation)
        self._showing = Showing(self, self._tree, self._panes, self._views, self._navigation)
        self._scoping = Scoping(self, self._views, self._panes, self._teller)
        self._search = Search(self, self._teller, self._navigation.set_filter, self._showing.go_to_match)

    def compose(self) -> ComposeResult:
        yield self._too_small
        yield self._panes
        yield self._tour_card
        yield self._status

    def on_mount(self) -> None:
        self.work = Work(self.app, self.fail)
        self._long = LongWork(self.app, self.work, self._show_standing)
        copied = find_own_folder(self.workspace) / "copied.txt"
        self._asking = asking = Asking(
            self.app, self.work, self._long, self._teller, self.fail, self._show_standing,
            lambda: self.post_message(self.Answered()), copy_file=copied,
        )  # fmt: skip
        self.ask, self.do_long, self.put, self.copy = asking.ask, asking.do_long, asking.put, asking.copy
        self._leaving = Leaving(self, self._long)
        self._layouts = LayoutKeeper(self, self.workspace, self.work)
        self._services = Services(self, self._teller, self._long)
        self._reader = Reader(
            self.workspace, self.work, on_read=self._show_snapshot, on_broken=self._show_broken
        )
        self._tour = Tour(self, self._tour_card, self._teller, self.set_interval)
        self._sitting.begin(self.workspace, self.work, self._left, self._tour)
        self._reader.begin(self._sitting.opened_projects)
        self._opening = Opening(self, self._tree, self._panes, self._views, self._reader)
        self._selection.begin(self, self.workspace, self.work)
        notify = self.workspace.settings.notify

        def send(sequence: str) -> None:
            self.post_message(self.NoticeSent(sequence))

        self._alerts = Alerts(self._teller, notify, os.environ, send, self.read_clock)
        self._machine = MachineFeed(self, partial(self._alerts.see_marks, "machine"))
        self._performing = Performing(
            self, self.by_key, selection=self._selection, reader=self._reader,
            teller=self._teller, awaiting_dialog=asking.awaiting_dialog, await_dialog=asking.await_dialog,
            read_clock=self.read_clock,
        )  # fmt: skip
        self._live = Live(
            self,
            self.workspace,
            on_change=self.reload,
            on_update=self._show_updates,
            on_machine=self._machine.take,
            on_error=self.fail,
            on_lost=lambda error: self.post_message(self.HomeLost(error)),
        )
        self._views.stage.show_alone(Notice("Reading the home…", str(self.workspace.home)))
        self._tree.focus()
        self._show_standing()
        self.call_after_refresh(self._begin)

    def on_resize(self) -> None:
        """Show the panes where there is room for them; not by style sheet, which would style all anew."""
        width, height = self.app.size
        needed = f"{LEAST_COLUMNS} × {LEAST_ROWS}"
        hint = f"It is {width} × {height}, and mlwf needs {needed}. Make it larger; all goes on meanwhile."
        self._too_small.show("This window is too small", hint)
        self._too_small.display = is_too_small = width < LEAST_COLUMNS or height < LEAST_ROWS
        self._panes.display = self._status.display = not is_too_small
        self.call_after_refresh(self._show_hints)  # plots without room for curves have fewer

    def on_screen_suspend(self) -> None:
        """Leave the toasts to the dialog that comes over it, which shows them where it is not itself."""
        self.query("ToastRack").set(display=False)  # shown again as soon as the screen is

    def _begin(self) -> None:
        use_own_keys(self.app, self.workspace.settings.keys, self.fail)
        self.reload()
        self._live.start()
        self.set_interval(AGE_INTERVAL_S, self._show_ages)
        self.set_interval(LIVING_INTERVAL_S, self._show_living)
        self.set_interval(AGE_INTERVAL_S, self._sitting.keep_soon)

    @property
    def entry(self) -> Entry | None:
        """What is selected."""
        return self._selection.entry

    @property
    def said(self) -> Sequence[Said]:
        """What the app has told so far, oldest first."""
        return self._teller.said

    @property
    def is_dialog_awaited(self) -> bool:
        """Whether keys are to wait for a dialog that is still being read for."""
        return self._asking.is_dialog_awaited

    @property
    def is_busy(self) -> bool:
        """Whether something is still being read or done that the screen will show."""
        is_drawing = any(view.is_drawing for view in self.query(PictureView))
        is_waiting = self._reader.is_reading or is_drawing or self._selection.is_reading
        is_waiting |= self.is_loaded and not self._views.stage.is_whole
        return is_waiting or any(
            worker.group == "work" and not worker.is_finished for worker in self.app.workers
        )

    # --- what others ask of the screen ---------------------------------------------------------

    def fail(self, error: MlwfError, *, is_shown: bool = True) -> None:
        """Tell a person what did not work; what is said elsewhere is only kept."""
        self._teller.fail(error, is_shown=is_shown)
        self._show_standing()

    def show_check(self, found: CheckResult) -> None:
        self._views.show_check(found)

    @on(CheckPane.Wanted)
    def _on_check_wanted(self, event: CheckPane.Wanted) -> None:
        from mlwf_tui.tui.screens.verbs.checking import Checking  # noqa: PLC0415 - not before the first verb

        Checking(self).go_on(event.found, event.finding)

    def show_report(self, report: Report) -> None:
        self._views.show_report(report)

    def show_board(self, board: Leaderboard) -> None:
        self._views.reports.show_board(board)

    def compare_reports(self, names: tuple[str, str]) -> None:
        from mlwf_tui.tui.screens.verbs.comparing import Comparing  # noqa: PLC0415 - not before the first verb

        Comparing(self).compare_reports(names)

    def show_history(self, entry: Entry) -> None:
        self._views.show_history(entry)

    def show_monitor(self, run_id: str) -> None:
        self._views.runs.show_of(run_id)

    def follow_run(self, run_id: str) -> None:
        self._live.restart(run_id)

    def focus_runs(self, run_ids: Iterable[str]) -> None:
        self._live.focus(run_ids)

    def view_changed(self, *, is_opened: bool) -> None:
        self._navigation.show_view(is_opened=is_opened)
        self._sitting.view_changed(self._views.active)

    def leave(self, last_words: str) -> None:
        self.app.exit(message=last_words or None)

    # --- reading the home ----------------------------------------------------------------------

    def reload(self, *, select: str = "") -> None:
        """Read everything again, and put the selection on the entry with this key once it is there."""
        self._showing.wanted_key = select or self._showing.wanted_key
        self._reader.read()

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.marks.renew(snapshot, self.read_clock())
        self._alerts.see_runs(snapshot.runs)
        self._live.note_seen(snapshot.sequence)
        self._live.follow(run.id for run in snapshot.active_runs)
        self._living.read_outlooks()
        self._show_outline()
        self._showing.show_middle()
        self._scoping.renew()
        if not self.is_loaded:
            self.is_loaded = True
            self._sitting.come_back(snapshot, self.read_clock())
            self._tour.take_up(self._left)
            self.call_after_refresh(self._make_views)
        self._show_standing()

    @on(Stage.Made)
    def _on_view_made(self, event: Stage.Made) -> None:
        """Give a view the focus that had nothing to take it as it was opened."""
        if event.view is self._views.shown and self._panes.current == STAGE and self.focused is None:
            self._panes.go_to(STAGE)

    def _make_views(self) -> None:
        """Make the views that are not seen yet one by one: each holds the loop, and a key may be waiting."""
        self._views.stage.make_next()
        if not self._views.stage.is_whole:
            self.set_timer(VIEW_INTERVAL_S, self._make_views)
            return
        self.work.start("layout", partial(read_layout, self.workspace), self._views.runs.lay_out)
        self.work.start("imports", _import_rest, self._note_completed)

    def _note_completed(self, _: None) -> None:
        self.post_message(self.Completed())

    @on(ReportView.ThresholdsChosen)
    def _on_thresholds_chosen(self, event: ReportView.ThresholdsChosen) -> None:
        self._views.reports.threshold_keys.choose(event)

    @on(ReportView.TargetOpened)
    def _on_target_opened(self, event: ReportView.TargetOpened) -> None:
        self._views.reports.open_target(event)

    @on(ReportView.KeysChanged)
    def _on_report_keys_changed(self) -> None:
        self._show_hints()

    @on(MetricPlots.LayoutChanged)
    def _on_layout_changed(self, event: MetricPlots.LayoutChanged) -> None:
        self._layouts.keep(event.layout)

    def _show_broken(self, error: MlwfError) -> None:
        self._showing.show_broken(error)
        self.fail(error)

    def _show_outline(self) -> None:
        self._showing.show_outline()
        self._selection.refresh()

    def _show_ages(self) -> None:
        self._show_outline()
        self._views.draw_ages()

    # --- the selection, opening and menus ------------------------------------------------------

    def select(self, entry: Entry) -> None:
        self._selection.select(entry)

    @on(ProjectTree.Highlighted)
    def _on_tree_highlighted(self, event: ProjectTree.Highlighted) -> None:
        self._selection.follow_tree(event.entry)

    @on(LineageView.Selected)
    def _on_node_selected(self, event: LineageView.Selected) -> None:
        if event.view.has_focus:
            self.select(self._selection.make_entry(event.node))

    @on(PaneGrid.Moved)
    def _on_pane_moved(self) -> None:
        self._navigation.leave_view()
        self._selection.follow_focus()

    @on(PaneGrid.Arranged)
    def _on_panes_arranged(self) -> None:
        self._sitting.note()

    @on(BrowsePane.Chosen)
    def _on_item_chosen(self, event: BrowsePane.Chosen) -> None:
        if event.entry is None:
            self._selection.clear()
        else:
            self.select(event.entry)

    @on(EntityTable.RowHighlighted, "#list-table, #history-table")
    def _on_row_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        entry = self._selection.find_listed(event.table, event.key)
        if entry is not None and event.table.has_focus:
            self.select(entry)

    @on(ProjectTree.ChildrenWanted)
    def _on_children_wanted(self, event: ProjectTree.ChildrenWanted) -> None:
        self._opening.open_branch(event.entry)

    @on(ProjectTree.Opened)
    def _on_tree_opened(self, event: ProjectTree.Opened) -> None:
        if self.is_active:
            self._opening.open(event.entry)

    @on(LineageView.Activated)
    def _on_node_activated(self, event: LineageView.Activated) -> None:
        if self.is_active:
            self._opening.open(self._selection.make_entry(event.node))

    @on(EntityTable.RowSelected, "#list-table, #history-table")
    def _on_row_opened(self, event: EntityTable.RowSelected) -> None:
        entry = self._selection.find_listed(event.table, event.key)
        if entry is not None and self.is_active:
            self._opening.open_listed(entry)

    @on(EntityTable.MenuRequested)
    def _on_row_menu(self, event: EntityTable.MenuRequested) -> None:
        entry = self._selection.find_listed(event.table, event.key) or self.entry
        if entry is not None:
            self._show_menu(entry, event.screen_offset)

    @on(ProjectTree.MenuRequested)
    def _on_tree_menu(self, event: ProjectTree.MenuRequested) -> None:
        self._show_menu(event.entry, event.at)

    @on(LineageView.MenuRequested)
    def _on_node_menu(self, event: LineageView.MenuRequested) -> None:
        self._show_menu(self._selection.make_entry(event.node), event.screen_offset)

    @on(LineageView.Failed)
    def _on_lineage_failed(self, event: LineageView.Failed) -> None:
        self.fail(wrap_fault("drawing of the lineage", event.error))

    @on(LineageView.Narrowed)
    def _on_narrowed(self, event: LineageView.Narrowed) -> None:
        self._scoping.show_place(event.view)
        if event.view.has_focus:
            self._selection.follow_focus()

    @on(CrumbLine.Chosen)
    def _on_crumb_chosen(self, event: CrumbLine.Chosen) -> None:
        self._scoping.go_to(event.number)

    def _show_menu(self, entry: Entry, at: Offset | None) -> None:
        if self.is_active:  # a key before this one may have opened a dialog
            self.select(entry)
            self._opening.show_menu(entry, at)

    @on(StatusBar.Chosen)
    @on(Welcome.Chosen)
    def _on_action_chosen(self, event: StatusBar.Chosen | Welcome.Chosen) -> None:
        self._services.perform(event.action)

    @on(LogView.CopyRequested)
    def _on_copy_requested(self, event: LogView.CopyRequested) -> None:
        self.copy(event.text)

    @on(TabLine.Chosen, "#views")
    def _on_view_chosen(self, event: TabLine.Chosen) -> None:
        self._views.show(event.tab)
        self._panes.go_to(STAGE)

    # --- keys ----------------------------------------------------------------------------------

    def action_perform(self, name: str) -> None:
        """Do what a key, a menu line or a palette entry stands for, or say why it cannot be done."""
        if name.startswith(OWN):
            self._services.perform(name)
        else:
            self._performed = name
            self._performing.perform(name)

    def action_filter_lineage(self) -> None:
        """Ask what is to be drawn; not by a message, so that what is typed behind the key goes into it."""
        self._scoping.ask_filter(self.query_one(LineageView))

    def describe_scene(self) -> Scene:
        """Return what the app shows now, for the tour."""
        entry, lineage = self.entry, self._views.stage.find_view(LINEAGE)
        is_walking = isinstance(lineage, LineageView) and lineage.has_focus
        return Scene(
            has_projects=bool(self.snapshot.projects),
            has_versions=any(project.latest_version for project in self.snapshot.projects),
            kind=entry.kind if entry is not None else None,
            view=self._views.active,
            is_filtered=bool(self._navigation.filter),
            dialog=self._performed if self.app.screen is not self else "",
            node=lineage.selected or "" if is_walking and isinstance(lineage, LineageView) else "",
            panes=f"{self._panes.is_zoomed} {self._panes.arrangements}",
        )

    @cached_property
    def by_key(self) -> Mapping[str, Callable[[], object]]:
        """Every action that is no verb, by the id of its key."""
        own: dict[str, Callable[[], object]] = {
            "refresh": self._refresh_all,
            "search": lambda: self._search.begin(self._navigation.filter),
            "search_next": lambda: self._search.step(1),
            "search_previous": lambda: self._search.step(-1),
            "quit": lambda: (
                self._navigation.go_back() if self._navigation.is_narrowed else self._leaving.ask()
            ),
            "quit_now": self._leaving.leave,
        }
        parts = (
            self._navigation, self._looking, self._scoping, self._opening, self._services, self._machine,
            self._tour,
        )  # fmt: skip
        return {**{name: do for part in parts for name, do in part.by_key.items()}, **own}

    def list_choices(self) -> tuple[Choice, ...]:
        """Return every action as it stands now, for the palette."""
        commands = list_commands(self.entry, self.snapshot, self.marks.entries)
        return (*relabel(commands, self.workspace.settings.keys), *list_pane_keys(self.focused))

    def _show_marks(self) -> None:
        self._showing.show_marks({entry.key for entry in self.marks.entries})
        self._show_standing()
        self._show_hints()

    def _refresh_all(self) -> None:
        self.reload()
        self.post_message(self.RedrawRequested())

    # --- the foot of the screen ----------------------------------------------------------------

    def _show_updates(self, updates: Mapping[str, RunUpdate]) -> None:
        self._alerts.see_updates(updates.values())
        self._living.take(updates)

    def _show_living(self) -> None:
        self._living.draw()
        if self._details.display and self._living.are_details_due(self.entry):
            self._selection.draw_age()

    def keep_place(self) -> None:
        """Remember where a person is, and where the panes stand, for the next sitting."""
        self._sitting.keep()

    def on_unmount(self) -> None:
        self._layouts.flush()

    def _show_hints(self) -> None:
        self._foot.show_hints(self.focused, is_unmarking=self._navigation.is_unmarking)

    def _show_standing(self) -> None:
        task = self._long.task
        self._foot.show_standing(
            task.progress if task is not None else None,
            self._asking.waited_for,
            self._teller.error_count,
            self.app.size.width,
        )


def _import_rest() -> None:
    """Import what the start does not need and a key may; the first of them would else hold the loop."""
    load_verbs()
    warm_up()
