"""The view of all models: a table to sort and filter, with chosen columns, and some of them side by side."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from mlwf_tui.entities.comparison import ModelDiff
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.experiment import (
    MAIN_METRICS,
    Experiment,
    Fact,
    find_main_metric,
    format_fact,
    list_fields,
    order_fact,
)
from mlwf_tui.entities.metric import normalise
from mlwf_tui.errors import MlwfError
from mlwf_tui.tui.screens.newest import Newest
from mlwf_tui.tui.screens.outline import make_model_entry
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.formats import format_age
from mlwf_tui.tui.widgets.model_comparison import ModelComparison
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.tui.widgets.table import MOST_NAME_CELLS, Cell, Column, EntityTable
from mlwf_tui.workflow.model_diff import MAX_COMPARED, diff_models
from mlwf_tui.workflow.models import filter_experiments, read_experiments
from mlwf_tui.workspace import Workspace

NO_MODEL = ("No model yet", "Select a project and press t to train one.")
NO_MATCH = ("No model is like that", "esc shows all of them again.")
SHOWN, STAR = "✓", "★"
SIGNS = "starred"  # the column of stars
WIDTHS = {
    "architecture": 16, "task": 8, "trainer": 11, "project": 14, "data": 14, "created": 8, "run": 12,
    "author": 10,
}  # fmt: skip
METRIC_WIDTH, PARAM_WIDTH = 8, 8
MAX_USUAL_METRICS = 3


class _Table(NamedTuple):
    """What is drawn: rows with what they are sorted by, in the order of their keys."""

    columns: tuple[str, ...]
    found: tuple[Experiment, ...]
    rows: list[list[Cell]]
    values: list[list[tuple[int, float, str]]]


class ModelsPane(Vertical):
    """Lists models; those that are marked are compared, starred ones are found again. Others mark."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "compare", "compare", id="models.compare"),
        Binding("slash", "filter", "filter", id="models.filter"),
        Binding("comma c", "choose_columns", "columns", id="models.columns"),
    ]
    DEFAULT_CSS = """
    ModelsPane {
        & > Static { height: auto; max-height: 3; padding: 0 1; }
        & > EntityTable { height: 1fr; }
        & > ModelComparison { height: 1fr; display: none; }
        &.-comparing > EntityTable { display: none; }
        &.-comparing > ModelComparison { display: block; }
    }
    """

    class Listed(Message):
        """Other models are listed than before, or none any more."""

    def __init__(self, workspace: Workspace, work: Work, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._workspace, self._work = workspace, work
        self._head = Static(id="models-head")
        self.table = EntityTable(empty=NO_MODEL, id="list-table")
        self._comparison = ModelComparison()
        self._experiments: tuple[Experiment, ...] = ()
        self._by_key: dict[str, Experiment] = {}
        self._columns: tuple[str, ...] = ()  # chosen by a person; empty: the usual ones
        self._drawn: tuple[str, ...] = ()
        self._query = ""
        self._drawings = Newest()
        self._marked: tuple[str, ...] = ()  # keys, in the order in which they were marked
        self._now = datetime.min

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.table
        yield self._comparison

    @property
    def entry(self) -> Entry | None:
        """What the cursor stands on."""
        key = self.table.cursor_key
        return self.find_entry(key) if key is not None else None

    @property
    def hides_all(self) -> bool:
        """Whether a filter leaves no model to be listed."""
        return bool(self._query) and self.table.row_count == 0

    def find_entry(self, key: str) -> Entry | None:
        found = self._by_key.get(key)
        return make_model_entry(found.model) if found is not None else None

    def read(self, now: datetime) -> None:
        """Read all models anew and draw them; the cursor, the marks and the sorting stay."""
        self._work.start("models", partial(read_experiments, self._workspace), partial(self._take, now))

    def show_marks(self, keys: Collection[str]) -> None:
        """Draw which models are marked, and compare those."""
        self._marked = tuple(key for key in keys if key.startswith("model:"))
        self.table.show_marks(keys.__contains__)
        self._say()

    def compare(self, ids: Sequence[str]) -> None:
        """Put models side by side, the first of them where they are too many."""
        if len(ids) > MAX_COMPARED:
            self._say(f"At most {MAX_COMPARED} models fit side by side: the others are left out.")
        work = partial(diff_models, self._workspace, list(ids[:MAX_COMPARED]))
        self._work.start("compare", work, self._compare)

    def go_back(self) -> bool:
        """Undo what hides a part: the comparison, the filter. False where nothing does."""
        if self.has_class("-comparing"):
            self._show_comparison(False)
        elif self._query:
            self._filter("")
        else:
            return False
        return True

    # --- keys ----------------------------------------------------------------------------------

    def action_compare(self) -> None:
        """Put the marked models side by side, with the one below the cursor where there is but one."""
        key = self.table.cursor_key
        keys = [key for key in self._marked if key in self._by_key]
        if len(keys) < 2 and key is not None and key not in keys:
            keys.append(key)
        if len(keys) < 2:
            self._say("Mark models with space, then d compares them.")
            return
        self.compare([self._by_key[key].model.id for key in keys])

    def action_filter(self) -> None:
        help_text = "Words, or a condition: map50 > 0.5 and task = detect; starred; lr0 in (0.01, 0.002)."
        prompt = Prompt("Filter the models", value=self._query, help=help_text, can_be_empty=True)
        self.app.push_screen(prompt, lambda text: self._filter(text) if text is not None else None)

    def action_choose_columns(self) -> None:
        """Show or hide a field; the menu comes back until it is closed."""
        groups = list_fields(self._experiments)
        choices = [
            Choice(id=name, label=f"{SHOWN if name in self._drawn else ' '} {name}", group=group)
            for group, names in groups.items()
            for name in names
            if name not in ("name", SIGNS)
        ]
        self.app.push_screen(ContextMenu("Columns", choices), self._toggle_column)

    def _toggle_column(self, name: str | None) -> None:
        if name is None:
            return
        shown = [column for column in self._drawn if column != name]
        if name not in self._drawn:
            shown.append(name)
        self._columns = tuple(shown)
        self._draw()
        self.action_choose_columns()

    # --- what is listed ------------------------------------------------------------------------

    def _take(self, now: datetime, experiments: tuple[Experiment, ...]) -> None:
        self._experiments = experiments
        self._by_key = {f"model:{one.model.id}": one for one in experiments}
        self._now = now
        self._draw()

    def _filter(self, text: str) -> None:
        before, self._query = self._query, text
        try:
            filter_experiments(self._experiments, text)
        except MlwfError as error:
            self._query = before
            self._say(f"{error.message} {error.hint}")
            return
        self._draw()

    def _draw(self) -> None:
        """Draw what is listed; the rows are made in a thread, since there may be many thousands."""
        columns = self._columns or _list_usual(self._experiments)
        work = partial(_make_table, self._experiments, columns, self._query, self._now)
        self._work.start("models", work, self._drawings.take(self._show))

    def _show(self, table: _Table) -> None:
        if table.columns != self._drawn:
            self._drawn = table.columns
            self.table.set_columns(*(_make_column(name, self._experiments) for name in table.columns))
        self.table.say_empty(*(NO_MATCH if self._experiments else NO_MODEL))
        keys = [f"model:{one.model.id}" for one in table.found]
        self.table.show_rows(table.rows, keys, sort_values=table.values)
        self._say()
        self.post_message(self.Listed())

    def _say(self, trouble: str = "") -> None:
        count = format_count(self.table.row_count, "model")
        parts = [("Models", "bold"), (f"  {count}", "$text-muted")]
        if self._query:
            parts.append((f"  /{self._query}", "$accent"))
        if self._marked:
            parts.append((f"  ◆ {len(self._marked)} marked, d compares", "$success"))
        if trouble:
            parts.append((f"\n{trouble}", "$warning"))
        self._head.update(Content.assemble(*parts))

    # --- side by side --------------------------------------------------------------------------

    def _compare(self, found: ModelDiff) -> None:
        self._comparison.show(found)
        self._show_comparison(True)

    def _show_comparison(self, is_shown: bool) -> None:
        has_focus = self.has_focus_within
        self.set_class(is_shown, "-comparing")
        if has_focus:
            (self._comparison if is_shown else self.table).focus()


def _list_usual(experiments: Sequence[Experiment]) -> tuple[str, ...]:
    """Return the columns that a person sees first: with the metrics that most models are judged by."""
    metrics: dict[str, int] = {}
    for one in experiments:
        main = find_main_metric(one.model.metrics)
        names = [name for name in one.metrics if normalise(name) in MAIN_METRICS]
        for name in dict.fromkeys((*names, *([main[0]] if main else []))):
            metrics[name] = metrics.get(name, 0) + 1
    shown = sorted(metrics, key=lambda name: -metrics[name])[:MAX_USUAL_METRICS]
    return (SIGNS, "name", *shown, "data", "task", "architecture", "created")


def _make_column(name: str, experiments: Sequence[Experiment]) -> Column:
    if name == SIGNS:
        return Column(STAR, 1)
    if name == "name":
        return Column("model", flex=2, cut="middle", least=22, most=MOST_NAME_CELLS)
    if name == "description":
        return Column(name, flex=1)
    is_metric = any(name in one.metrics for one in experiments)
    width = WIDTHS.get(name, METRIC_WIDTH if is_metric else PARAM_WIDTH)
    return Column(name, max(width, min(len(name) + 2, 16)), align="left" if name in WIDTHS else "right")


def _make_table(
    experiments: Sequence[Experiment],
    columns: tuple[str, ...],
    query: str,
    now: datetime,
) -> _Table:
    found = filter_experiments(experiments, query)
    rows: list[list[Cell]] = []
    values: list[list[tuple[int, float, str]]] = []
    for one in found:
        rows.append([_write_cell(one, name, now) for name in columns])
        values.append([order_fact(_to_sorted(one, name)) for name in columns])
    return _Table(columns, found, rows, values)


def _to_sorted(experiment: Experiment, name: str) -> Fact:
    """Return what a cell is sorted by: ages from new to old, as everywhere."""
    return -experiment.model.created_at.timestamp() if name == "created" else experiment.facts.get(name)


def _write_cell(experiment: Experiment, name: str, now: datetime) -> Cell:
    match name:
        case "starred":
            return STAR if experiment.model.is_starred else ""
        case "created":
            return format_age(experiment.model.created_at, now)
        case _:
            return format_fact(name, experiment.facts.get(name)) or "—"
