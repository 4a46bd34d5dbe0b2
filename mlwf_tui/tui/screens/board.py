"""The leaderboard of a project's reports, in groups that can be ranked, with its trend below."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.comparison import Leaderboard, RankedReport, ReportGroup
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.ids import ReportId
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.tui.widgets.board_plot import BoardPlot
from mlwf_tui.tui.widgets.formats import format_age
from mlwf_tui.tui.widgets.point_plots import SIGNS
from mlwf_tui.tui.widgets.table import MOST_NAME_CELLS, Cell, Column, EntityTable

MARK, STAR, FRONT = "✓", "★", "◆"
MAX_MARKED = 2
EMPTY = ("No report", "b on a model measures it.")


class BoardPane(Vertical):
    """Lists the reports of one group at a time; two that are marked are compared."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", id="board.mark"),
        Binding("d", "compare", "compare", id="board.compare"),
        Binding("right_parenthesis", "move_groups(1)", "other data", id="board.next"),
        Binding("left_parenthesis", "move_groups(-1)", "data before", show=False, id="board.previous"),
        Binding("comma p", "next_plot", "plot", id="board.plot"),
    ]
    DEFAULT_CSS = """
    BoardPane {
        & > Static { height: auto; max-height: 2; padding: 0 1; }
        & > EntityTable { height: 1fr; min-height: 5; }
        & > BoardPlot { height: 45%; max-height: 18; }
    }
    """

    def __init__(
        self,
        *,
        on_open: Callable[[ReportId], None],
        on_compare: Callable[[tuple[str, str]], None],
        read_clock: Callable[[], datetime],
        id: str | None = None,
    ) -> None:
        """`on_compare` gets the names of the newer report and the older."""
        super().__init__(id=id)
        self._on_open, self._on_compare, self._read_clock = on_open, on_compare, read_clock
        self._head = Static()
        self.table = EntityTable(empty=EMPTY, id="board-table")
        self._plot = BoardPlot(id="board-plot")
        self._board: Leaderboard | None = None
        self._place = 0
        self._marked: list[str] = []  # ids of reports, in the order in which they were marked

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.table
        yield self._plot

    @property
    def project(self) -> str:
        """Whose board it is; "" before one was shown."""
        return self._board.project if self._board is not None else ""

    def show(self, board: Leaderboard) -> None:
        """Show a project's reports; of the same project at the same place."""
        if board.project != self.project:
            self._place, self._marked = 0, []
        self._board = board
        self._place = min(self._place, max(0, len(board.groups) - 1))
        self._draw()

    @property
    def group(self) -> ReportGroup | None:
        """The reports that are listed."""
        groups = self._board.groups if self._board is not None else ()
        return groups[self._place] if groups else None

    def go_back(self) -> bool:
        """Take the marks away; False where there are none."""
        if not self._marked:
            return False
        self._marked = []
        self._draw()
        return True

    # --- keys ----------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the report under the cursor, or not; of three the first loses its mark."""
        key = self.table.cursor_key
        if key is None:
            return
        if key in self._marked:
            self._marked.remove(key)
        else:
            self._marked = [*self._marked, key][-MAX_MARKED:]
        self._draw()

    def action_compare(self) -> None:
        """Compare the two that are marked, or the marked one with that under the cursor: the newer first."""
        key, group = self.table.cursor_key, self.group
        chosen = self._marked if len(self._marked) == MAX_MARKED else [*self._marked, *([key] if key else [])]
        if group is None or len(set(chosen)) != MAX_MARKED:
            self._say("Mark two reports with space, or one and put the cursor on another.")
            return
        sides = sorted((of for of in group.reports if of.report_id in chosen), key=_date, reverse=True)
        if len(sides) == MAX_MARKED:
            self._on_compare((sides[0].report, sides[1].report))

    def action_move_groups(self, step: int) -> None:
        """List the reports on other data."""
        count = len(self._board.groups) if self._board is not None else 0
        if count > 1:
            self._place, self._marked = (self._place + step) % count, []
            self.table.cursor = 0
            self._draw()

    def action_next_plot(self) -> None:
        """Show the trend, accuracy over speed, or accuracy over size."""
        self._plot.show_next_kind()
        self._say()

    @on(EntityTable.RowSelected, "#board-table")
    def _on_row_opened(self, event: EntityTable.RowSelected) -> None:
        event.stop()
        self._on_open(ReportId(event.key))

    @on(EntityTable.RowHighlighted, "#board-table")
    def _on_row_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()

    # --- what is listed ------------------------------------------------------------------------

    def _draw(self) -> None:
        group = self.group
        self._plot.show(group)
        if group is None:
            self.table.show_rows((), ())
            self._say()
            return
        columns = _list_columns(group)
        if [column.title for column in columns] != [column.title for column in self.table.columns]:
            self.table.set_columns(*columns)
        front, now = group.list_front(), self._read_clock()
        rows = [
            _make_row(of, place, now, is_front=of.report_id in front, is_marked=of.report_id in self._marked)
            for place, of in enumerate(group.reports)
        ]
        values = [_list_values(of, place) for place, of in enumerate(group.reports)]
        self.table.show_rows(rows, [of.report_id for of in group.reports], sort_values=values)
        self._say()

    def _say(self, trouble: str = "") -> None:
        group, board = self.group, self._board
        if board is None:
            return
        parts: list[tuple[str, str]] = [(f"{board.project}  ", "bold")]
        if group is not None:
            count = len(board.groups)
            parts += [(f"{self._place + 1}/{count} ", "$accent")] if count > 1 else []
            parts += [
                (f"{group.title}  ", ""), (f"{group.evaluator}, ", "$text-muted"),
                (f"{format_count(len(group.reports), 'report')}  ", "$text-muted"),
                (f",p {self._plot.kind}  ", "$text-muted"),
            ]  # fmt: skip
        if self._marked:
            parts.append((f"{MARK} {len(self._marked)} marked, d compares, esc unmarks", "$success"))
        if trouble:
            parts.append((f"\n{trouble}", "$warning"))
        self._head.update(Content.assemble(*parts))


def _date(of: RankedReport) -> tuple[datetime, datetime]:
    """Order by when the models were made: the newer one is the one that may be better."""
    return of.model_created_at or of.created_at, of.created_at


def _list_columns(group: ReportGroup) -> tuple[Column, ...]:
    return (
        Column("", 2), Column("#", 2, align="right"),
        Column("model", flex=3, cut="middle", least=20, most=MOST_NAME_CELLS),
        Column(group.metric_name, max(6, min(12, len(group.metric_name))), align="right"),
        Column("95 % interval", 13), Column("P", 5, align="right"), Column("R", 5, align="right"),
        Column("ms/image", 8, align="right"), Column("size", 8, align="right"), Column("made", 7),
        Column("report", flex=2, cut="middle", least=12, most=MOST_NAME_CELLS),
    )  # fmt: skip


def _make_row(
    of: RankedReport, place: int, now: datetime, *, is_front: bool, is_marked: bool
) -> tuple[Cell, ...]:
    sign = SIGNS[place] if place < len(SIGNS) else ""
    return (
        f"{MARK if is_marked else sign}{FRONT if is_front else ' '}",
        str(of.rank),
        f"{of.model}{f' {STAR}' if of.is_starred else ''}",
        f"{of.value:.3f}",
        "" if of.interval is None else f"{of.interval.low:.3f} {of.interval.high:.3f}",
        "" if of.precision is None else f"{of.precision:.3f}",
        "" if of.recall is None else f"{of.recall:.3f}",
        "" if of.image_ms is None else f"{of.image_ms:.2f}",
        "" if of.size_bytes is None else format_size(of.size_bytes),
        format_age(of.created_at, now),
        of.report,
    )


def _list_values(of: RankedReport, place: int) -> tuple[tuple[float, str], ...]:
    """Return what each cell is sorted by; what is not known comes last."""
    numbers = (
        place, of.rank, None, of.value, of.interval.low if of.interval else None, of.precision, of.recall,
        of.image_ms, of.size_bytes, -of.created_at.timestamp(), None,
    )  # fmt: skip
    texts = ("", "", of.model, "", "", "", "", "", "", "", of.report)
    return tuple(
        (float("inf") if number is None and not text else float(number or 0), text)
        for number, text in zip(numbers, texts, strict=True)
    )
