"""The screen of the app: projects on the left, views in the middle, details, and a line of keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Offset
from textual.message import Message
from textual.screen import Screen

from mlwf_tui.entities.finding import CheckResult
from mlwf_tui.entities.project import Project
from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.tui.clipboard import copy_text
from mlwf_tui.tui.keys import KEYS_BY_ID, make_bindings
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.alerts import Alerts
from mlwf_tui.tui.screens.checking import CheckPane
from mlwf_tui.tui.screens.choices import find_reason, list_commands, list_menu
from mlwf_tui.tui.screens.facts import Facts
from mlwf_tui.tui.screens.foot import draw_standing, list_hints
from mlwf_tui.tui.screens.layouts import LayoutKeeper
from mlwf_tui.tui.screens.leaving import Leaving
from mlwf_tui.tui.screens.live import Live
from mlwf_tui.tui.screens.living import INTERVAL_S as LIVING_INTERVAL_S
from mlwf_tui.tui.screens.living import Living
from mlwf_tui.tui.screens.looking import Looking
from mlwf_tui.tui.screens.machine import MachineFeed
from mlwf_tui.tui.screens.navigation import DETAILS, STAGE, TREE, Navigation
from mlwf_tui.tui.screens.outline import build_outline, find_node_id, make_node_entry, renew_entry
from mlwf_tui.tui.screens.outlooks import Outlooks
from mlwf_tui.tui.screens.reader import Reader
from mlwf_tui.tui.screens.search import Search
from mlwf_tui.tui.screens.services import Services
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.telling import Teller
from mlwf_tui.tui.screens.views import LINEAGE, LIST, Views
from mlwf_tui.tui.screens.work import LongWork, Work
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.details import Details
from mlwf_tui.tui.widgets.entry import Entry, EntryKind, filter_branches
from mlwf_tui.tui.widgets.entry_list import EntryList
from mlwf_tui.tui.widgets.lineage_view import LineageView
from mlwf_tui.tui.widgets.log_view import LogView
from mlwf_tui.tui.widgets.message_list import Said
from mlwf_tui.tui.widgets.metric_plots import MetricPlots
from mlwf_tui.tui.widgets.notice import Notice
from mlwf_tui.tui.widgets.pane_grid import NARROW_COLUMNS, WIDE_COLUMNS, Pane, PaneGrid
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.status_bar import StatusBar
from mlwf_tui.tui.widgets.tab_line import TabLine
from mlwf_tui.tui.widgets.table import EntityTable
from mlwf_tui.tui.widgets.welcome import Welcome
from mlwf_tui.workflow.follow import RunUpdate
from mlwf_tui.workflow.layouts import read_layout
from mlwf_tui.workflow.machine_marks import mark_run
from mlwf_tui.workflow.show import Shown
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # every verb's imports are 120 ms that no one needs before the first verb
    from mlwf_tui.tui.screens.verbs.table import Verb

T = TypeVar("T")
AGE_INTERVAL_S = 30.0


class MainScreen(Screen[None]):
    """Holds the panes, the selection and the snapshot; verbs, views and polling are done by others."""

    class RedrawRequested(Message):
        """The terminal may show something else than was drawn: paint it all anew."""

    class NoticeSent(Message):
        """The terminal is to be sent this, which draws nothing: a bell, a notification."""

        def __init__(self, sequence: str) -> None:
            super().__init__()
            self.sequence = sequence

    BINDINGS: ClassVar[list[BindingType]] = list(make_bindings())
    HORIZONTAL_BREAKPOINTS = [
        (0, "-tiny"),
        (60, "-narrow"),
        (NARROW_COLUMNS, "-medium"),
        (WIDE_COLUMNS, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (15, "-high")]
    DEFAULT_CSS = """
    MainScreen { layout: vertical; background: $background; }
    MainScreen #too-small { display: none; }
    MainScreen.-tiny #too-small, MainScreen.-low #too-small { display: block; }
    MainScreen.-tiny PaneGrid, MainScreen.-low PaneGrid { display: none; }
    MainScreen.-tiny StatusBar, MainScreen.-low StatusBar { display: none; }
    """

    def __init__(self, workspace: Workspace, read_clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.workspace = workspace
        self.read_clock = read_clock
        self.snapshot = Snapshot()
        self._teller = Teller(self, read_clock)
        self.entry: Entry | None = None
        self.marked: Entry | None = None
        self.is_loaded = False
        self._wanted_key = ""
        self.outlooks = Outlooks()
        self._tree = ProjectTree(id=TREE)
        self._views = Views(self)
        self._details = Details(id=DETAILS)
        self._status = StatusBar(id="status")
        self._panes = PaneGrid(
            (
                Pane(TREE, "1", "Projects", self._tree),
                Pane(STAGE, "2", "Lineage", self._views.stage),
                Pane(DETAILS, "3", "Details", self._details),
            ),
            id="panes-grid",
        )
        self._living = Living(self, self._tree, self._views)
        self._looking = Looking(self, self._views)
        self._navigation = Navigation(self._panes, self._views, on_filter=self._show_outline)
        self._search = Search(self, self._teller, self._navigation.set_filter)

    def compose(self) -> ComposeResult:
        yield Notice("This window is too small", "mlwf needs 60 columns and 15 rows.", id="too-small")
        yield self._panes
        yield self._status

    def on_mount(self) -> None:
        self._work = Work(self.app, self.fail)
        self._long = LongWork(self.app, self._work, self._show_standing)
        self._leaving = Leaving(self, self._long)
        self._layouts = LayoutKeeper(self, self.workspace, self._work)
        self._services = Services(self, self._teller, self._long)
        self._reader = Reader(
            self.workspace, self._work, on_read=self._show_snapshot, on_broken=self._show_broken
        )
        self._facts = Facts(self, self.workspace, self._work, self._show_facts)
        notify = self.workspace.settings.notify
        self._alerts = Alerts(self._teller, notify, os.environ, self._send_notice, self.read_clock)
        self._machine = MachineFeed(self, partial(self._alerts.see_marks, "machine"))
        self._live = Live(
            self,
            self.workspace,
            on_change=self.reload,
            on_update=self._show_updates,
            on_machine=self._machine.take,
            on_error=self.fail,
        )
        self._tree.add_class("-tall")
        self._views.stage.show_alone(Notice("Reading the home…", str(self.workspace.home)))
        self._tree.focus()
        self._show_standing()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.reload()
        self._live.start()
        self.set_interval(AGE_INTERVAL_S, self._show_outline)
        self.set_interval(LIVING_INTERVAL_S, self._show_living)

    @cached_property
    def _verbs(self) -> Mapping[str, Verb]:
        from mlwf_tui.tui.screens.verbs.table import make_verbs  # noqa: PLC0415 - see TYPE_CHECKING above

        return make_verbs(self)

    @property
    def said(self) -> Sequence[Said]:
        """What the app has told so far, oldest first."""
        return self._teller.said

    @property
    def is_busy(self) -> bool:
        """Whether something is still being read or done that the screen will show."""
        is_drawing = any(view.is_drawing for view in self.query(PictureView))
        is_waiting = self._reader.is_reading or self._facts.is_busy or is_drawing
        return is_waiting or any(
            worker.group == "work" and not worker.is_finished for worker in self.app.workers
        )

    # --- what others ask of the screen ---------------------------------------------------------

    @property
    def work(self) -> Work:
        """What reads in threads."""
        return self._work

    def ask(
        self,
        what: str,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[], None] | None = None,
        is_patient: bool = True,
    ) -> None:
        self._work.start(what, work, done, fail=self._make_fail(failed), is_patient=is_patient)

    def do_long(
        self,
        title: str,
        work: Callable[[ScreenObserver], T],
        done: Callable[[T], None],
        *,
        failed: Callable[[], None] | None = None,
    ) -> None:
        if not self._long.start(title, work, done, fail=self._make_fail(failed)):
            self._teller.refuse("Something like it goes on already: p shows it.")

    def _make_fail(self, failed: Callable[[], None] | None) -> Callable[[MlwfError], None]:
        def fail(error: MlwfError) -> None:
            self.fail(error)
            if failed is not None and not isinstance(error, Cancelled):
                failed()

        return fail

    def put(self, dialog: Screen[T | None], then: Callable[[T], None]) -> None:
        self.app.push_screen(dialog, lambda answer: then(answer) if answer is not None else None)

    def say(self, text: str, *, detail: str = "") -> None:
        self._teller.say(text, detail=detail)

    def fail(self, error: MlwfError) -> None:
        """Tell a person what did not work."""
        self._teller.fail(error)
        self._show_standing()

    def copy(self, text: str) -> None:
        work = partial(
            copy_text, text, os.environ, lambda copied: self.app.call_from_thread(self._send, copied)
        )
        self.ask("copying", work, self.say)

    def show_check(self, found: CheckResult) -> None:
        self._views.show_check(found)

    @on(CheckPane.Wanted)
    def _on_check_wanted(self, event: CheckPane.Wanted) -> None:
        from mlwf_tui.tui.screens.verbs.checking import Checking  # noqa: PLC0415 - see TYPE_CHECKING above

        Checking(self).go_on(event.found, event.finding)

    def show_monitor(self, run_id: str) -> None:
        self._views.show_run_of(run_id)

    def follow_run(self, run_id: str) -> None:
        self._live.restart(run_id)

    def focus_runs(self, run_ids: Iterable[str]) -> None:
        self._live.focus(run_ids)

    def view_changed(self, *, is_opened: bool) -> None:
        self._navigation.show_view(is_opened=is_opened)

    def leave(self, last_words: str) -> None:
        self.app.exit(message=last_words or None)

    def _send_notice(self, sequence: str) -> None:
        self.post_message(self.NoticeSent(sequence))

    def _send(self, text: str) -> None:
        self.app.copy_to_clipboard(text)

    # --- reading the home ----------------------------------------------------------------------

    def reload(self, *, select: str = "") -> None:
        """Read everything again, and put the selection on the entry with this key once it is there."""
        self._wanted_key = select or self._wanted_key
        self._reader.read()

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._alerts.see_runs(snapshot.runs)
        self._live.note_seen(snapshot.sequence)
        self._live.follow(run.id for run in snapshot.active_runs)
        self._living.read_outlooks()
        self._show_outline()
        self._show_middle()
        if not self.is_loaded:
            self.is_loaded = True
            self.call_after_refresh(self._make_views)
        self._show_standing()

    def _make_views(self) -> None:
        self._views.stage.make_views()
        self.ask("layout", partial(read_layout, self.workspace), self._views.lay_out)

    @on(MetricPlots.LayoutChanged)
    def _on_layout_changed(self, event: MetricPlots.LayoutChanged) -> None:
        self._layouts.keep(event.layout)

    def _show_broken(self, error: MlwfError) -> None:
        if not self.is_loaded:
            hint = f"{error.hint}\nF5 reads again." if error.hint else "F5 reads again."
            self._views.stage.show_alone(Notice(error.message, hint, is_error=True))
        self.fail(error)

    def _show_outline(self) -> None:
        branches = build_outline(self.snapshot, self.read_clock())
        shown = filter_branches(branches, self._navigation.filter)
        self._tree.show(shown)
        self._navigation.name_matches(bool(shown))
        if self._wanted_key and self._tree.select(self._wanted_key):
            self._wanted_key = ""
        self._refresh_selection()

    def _refresh_selection(self) -> None:
        """Show the selected thing as it is now; it may have changed while it stayed selected."""
        in_tree = self._tree.entry
        renewed = None
        if self.entry is not None and (in_tree is None or in_tree.key != self.entry.key):
            renewed = renew_entry(self.entry, self.snapshot, self.read_clock())
        chosen = renewed or in_tree
        if chosen is not None:
            self.select(chosen)

    def _show_middle(self) -> None:
        if self.snapshot.is_empty:
            if not isinstance(self._views.shown, Welcome):
                welcome = Welcome(id="welcome")
                self._views.stage.show_alone(welcome)
                self._panes.go_to(STAGE)
            return
        self._views.show_lineage()
        self._views.renew_list()
        if not self.is_loaded or isinstance(self._views.shown, Welcome):
            self._views.show(LINEAGE)
            self._panes.go_to(TREE)

    # --- the selection -------------------------------------------------------------------------

    def select(self, entry: Entry) -> None:
        self.entry = entry
        self._details.show(entry, self.read_clock(), self._facts.find(entry))
        self._show_hints()

    def _show_facts(self, entry: Entry, shown: Shown) -> None:
        if self.entry is not None and self.entry.key == entry.key:
            self.entry = replace(entry, entity=shown.entity)
            self._details.show(self.entry, self.read_clock(), shown.facts)

    @on(ProjectTree.Highlighted)
    def _on_tree_highlighted(self, event: ProjectTree.Highlighted) -> None:
        if not self._tree.has_focus and self.entry is not None:
            return
        self.select(event.entry)
        node_id = find_node_id(event.entry, self.snapshot)
        view = self._views.stage.find_view(LINEAGE)
        if node_id is not None and isinstance(view, LineageView) and not view.select(node_id):
            view.selected = node_id  # the graph is being laid out; it is drawn there when it is

    @on(LineageView.Selected)
    def _on_node_selected(self, event: LineageView.Selected) -> None:
        if event.view.has_focus:
            self.select(make_node_entry(event.node, self.snapshot, self.read_clock()))

    @on(PaneGrid.Moved)
    def _on_pane_moved(self) -> None:
        self._navigation.leave_view()
        view = self._views.shown
        if self._tree.has_focus and self._tree.entry is not None:
            self.select(self._tree.entry)
        elif isinstance(view, LineageView) and view.has_focus and view.selected_node is not None:
            self.select(make_node_entry(view.selected_node, self.snapshot, self.read_clock()))
        elif isinstance(view, EntryList) and view.table.has_focus and view.entry is not None:
            self.select(view.entry)
        self._show_hints()

    @on(ProjectTree.ChildrenWanted)
    def _on_children_wanted(self, event: ProjectTree.ChildrenWanted) -> None:
        if isinstance(event.entry.entity, Project):
            self._reader.open(event.entry.entity.id)

    # --- opening -------------------------------------------------------------------------------

    @on(ProjectTree.Opened)
    def _on_tree_opened(self, event: ProjectTree.Opened) -> None:
        self._open(event.entry)

    @on(LineageView.Activated)
    def _on_node_activated(self, event: LineageView.Activated) -> None:
        self._open(make_node_entry(event.node, self.snapshot, self.read_clock()))

    @on(EntityTable.RowHighlighted, "#list-table")
    def _on_row_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        entry = self._find_listed(event.key)
        if entry is not None and event.table.has_focus:
            self.select(entry)

    @on(EntityTable.RowSelected, "#list-table")
    def _on_row_opened(self, event: EntityTable.RowSelected) -> None:
        entry = self._find_listed(event.key)
        if entry is not None and not self._views.open(entry, is_listed=True):
            self._panes.go_to(DETAILS)

    @on(EntityTable.MenuRequested)
    def _on_row_menu(self, event: EntityTable.MenuRequested) -> None:
        entry = self._find_listed(event.key) or self.entry
        if entry is not None:
            self.select(entry)
            self._show_menu(entry, event.screen_offset)

    def _find_listed(self, key: str) -> Entry | None:
        view = self._views.stage.find_view(LIST)
        return view.find_entry(key) if isinstance(view, EntryList) else None

    @on(ProjectTree.MenuRequested)
    def _on_tree_menu(self, event: ProjectTree.MenuRequested) -> None:
        self.select(event.entry)
        self._show_menu(event.entry, event.at)

    @on(LineageView.MenuRequested)
    def _on_node_menu(self, event: LineageView.MenuRequested) -> None:
        entry = make_node_entry(event.node, self.snapshot, self.read_clock())
        self.select(entry)
        self._show_menu(entry, event.screen_offset)

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

    def _open(self, entry: Entry) -> None:
        if isinstance(entry.entity, Project):
            self._reader.open(entry.entity.id)
        if entry.kind is EntryKind.WORKSPACE:
            self._tree.toggle_branch()
        elif not self._views.open(entry):
            self._panes.go_to(DETAILS)

    def _show_menu(self, entry: Entry, at: Offset | None) -> None:
        choices = list_menu(entry, self.snapshot, self.marked)
        self.put(ContextMenu(entry.ref or entry.title, choices, at=at), self.action_perform)

    # --- keys ----------------------------------------------------------------------------------

    def action_perform(self, name: str) -> None:
        """Do what a key, a menu line or a palette entry stands for, or say why it cannot be done."""
        if self._tree.has_focus and self._tree.entry is not None:
            self.select(self._tree.entry)  # keys in a burst come before the tree's own message
        key = KEYS_BY_ID[name]
        reason = find_reason(key, self.entry, self.snapshot, self.marked)
        if reason:
            self._teller.refuse(f"{key.label}: {reason}")
        elif name in self.by_key:
            self.by_key[name]()
        else:
            self._verbs[name](self.entry)

    @cached_property
    def by_key(self) -> Mapping[str, Callable[[], object]]:
        """Every action that is no verb, by the id of its key."""
        own: dict[str, Callable[[], object]] = {
            "open": self._open_selected,
            "menu": self._show_own_menu,
            "refresh": self._refresh_all,
            "search": lambda: self._search.begin(self.snapshot.graph, self._navigation.filter),
            "search_next": lambda: self._search.step(1),
            "search_previous": lambda: self._search.step(-1),
            "quit": self._close_or_quit,
            "quit_now": self._leaving.leave,
        }
        parts = (self._navigation, self._looking, self._services, self._machine)
        return {**{name: do for part in parts for name, do in part.by_key.items()}, **own}

    def list_choices(self) -> tuple[Choice, ...]:
        """Return every action as it stands now, for the palette."""
        return list_commands(self.entry, self.snapshot, self.marked)

    def mark(self, entry: Entry | None) -> None:
        self.marked = entry
        self._tree.show_mark(entry.key if entry is not None else "")
        self._show_standing()

    def _open_selected(self) -> None:
        if self.entry is not None:
            self._open(self.entry)

    def _show_own_menu(self) -> None:
        if self.entry is not None:
            self._show_menu(self.entry, self._tree.find_cursor() if self._tree.has_focus else None)

    def _refresh_all(self) -> None:
        self.reload()
        self.post_message(self.RedrawRequested())

    def _close_or_quit(self) -> None:
        """Close the view that is open; where none is, leave."""
        if self._navigation.is_narrowed:
            self._navigation.go_back()
        else:
            self._leaving.ask()

    # --- the foot of the screen ----------------------------------------------------------------

    def _show_updates(self, updates: Mapping[str, RunUpdate]) -> None:
        for run_id, update in updates.items():
            if update.usage is not None:
                self._alerts.see_marks(run_id, mark_run(update.run, update.usage))
            if update.standing is not None and not update.run.state.is_finished:
                self._alerts.see_marks(f"{run_id} metrics", update.standing.marks)
        self._living.take(updates)

    def _show_living(self) -> None:
        self._living.draw()
        if self.entry is not None and self._details.display and self._living.are_details_due(self.entry):
            self._details.show(self.entry, self.read_clock())

    def on_unmount(self) -> None:
        self._layouts.flush()

    def _show_hints(self) -> None:
        self._status.show_hints(list_hints(self.focused, self.entry, self.snapshot, self.marked))

    def _show_standing(self) -> None:
        task = self._long.task
        standing = draw_standing(
            progress=task.progress if task is not None else None,
            marked=self.marked,
            running=len(self.snapshot.active_runs),
            errors=self._teller.error_count,
            home=self.workspace.home if self.app.size.width >= NARROW_COLUMNS else None,
        )
        self._status.show_standing(standing)
