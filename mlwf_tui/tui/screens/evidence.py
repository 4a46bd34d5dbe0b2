"""The view of the images behind a number of a report: a list, and what became of their objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, NamedTuple

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.evidence import FatePick, ItemEvidence, ItemFates, Pick
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.measurement import Thresholds
from mlwf_tui.tui.screens.item_picture import WHOLE_PICTURE, ItemPicture
from mlwf_tui.tui.screens.pages import RowKeys
from mlwf_tui.tui.screens.picture_pane import PicturePane, make_picture_keys
from mlwf_tui.tui.screens.work import Work
from mlwf_tui.tui.widgets.drawn_objects import (
    PAIR,
    PAIR_PIXELS,
    PIXELS,
    SINGLE,
    DrawnObject,
    Legend,
    draw_fates,
    draw_regions,
    draw_verdicts,
)
from mlwf_tui.tui.widgets.evidence_preview import EvidencePreview
from mlwf_tui.tui.widgets.key_names import rename
from mlwf_tui.tui.widgets.lazy import LazySequence
from mlwf_tui.tui.widgets.table import Cell, Column, EntityTable
from mlwf_tui.workflow.reporting.evidence import Evidence
from mlwf_tui.workflow.reporting.pairs import PairEvidence
from mlwf_tui.workspace import Workspace

_LAYERS: Mapping[str, tuple[str, ...]] = {
    "evidence.prediction": ("prediction", "newer"), "evidence.older": ("older",),
}  # fmt: skip
"""What a key may show or hide: of a report its predictions, of a comparison those of each model."""
EMPTY = ("No image", "This number counts nothing at these thresholds.")


Count = int | float | None


class Behind(NamedTuple):
    """A number that is looked behind, and the images that it counts something of."""

    title: str
    note: str  # at which thresholds, and of which report
    schema: LabelSchema
    legend: Legend
    columns: Sequence[Column]  # of the counts
    rows: Sequence[tuple[str, tuple[Count, ...]]]  # key of the image, and its counts
    look: Callable[[str], tuple[Item, Sequence[DrawnObject]]]  # takes an image's key; slow
    start: str = ""  # the image that is shown first, else the first one


def make_behind(evidence: Evidence, pick: Pick, at: Thresholds) -> Behind:
    """Return what stands behind a number of a report, of an image it and all the others; slow."""
    draw = draw_regions if evidence.is_of_pixels else draw_verdicts
    start, pick = pick.item, msgspec.structs.replace(pick, item="")

    def look(key: str) -> tuple[Item, Sequence[DrawnObject]]:
        item, seen = evidence.look(key, pick, at)
        return item, draw(seen)

    items = evidence.list_items(pick, at)
    note = f"{evidence.describe(at)}  {evidence.report.name}".strip()
    if evidence.is_of_pixels:
        columns = [_count_column("pixels", 8), _count_column("IoU", 4), *_list_letters("M%", "X%", "C%")]
        rows = [(of.key, _count_pixels(of)) for of in items]
        return Behind(pick.describe(), note, evidence.schema, PIXELS, columns, rows, look, start)
    columns = [_count_column("n", 3), *_list_letters(*"FMXC")]
    counts = [(of.key, (of.count, of.found, of.missed, of.false, of.confused)) for of in items]
    return Behind(pick.describe(), note, evidence.schema, SINGLE, columns, counts, look, start)


def make_behind_pair(evidence: PairEvidence, pick: FatePick) -> Behind:
    """Return what stands behind a number of a comparison; slow."""

    def look(key: str) -> tuple[Item, Sequence[DrawnObject]]:
        item, seen = evidence.look(key, pick)
        return item, draw_fates(seen)

    newer, older = evidence.names
    note = f"{newer} beside {older}, each at the confidence of its report"
    items = evidence.list_items(pick)
    if evidence.is_of_pixels:
        columns = [_count_column("was", 4), _count_column("IoU", 4), *_list_letters("W%", "L%", "B%")]
        columns.append(_count_column("pixels", 8))
        rows = [(of.key, _count_pixel_fates(of)) for of in items]
        return Behind(pick.describe(), note, evidence.schema, PAIR_PIXELS, columns, rows, look)
    columns = [_count_column("n", 3), *_list_letters(*"WLBR")]
    counts = [(of.key, (of.count, of.fixed, of.broken, of.both_wrong, of.both_right)) for of in items]
    return Behind(pick.describe(), note, evidence.schema, PAIR, columns, counts, look)


def _count_column(title: str, width: int) -> Column:
    return Column(title, width, align="right")


def _list_letters(*titles: str) -> list[Column]:
    return [_count_column(title, 1 + len(title)) for title in titles]


def _count_pixels(of: ItemEvidence) -> tuple[Count, ...]:
    """Return pixels that are meant, IoU, and the shares that are missed, false and confused."""
    total = max(1, of.found + of.mistakes)
    shares = [round(100 * count / total) for count in (of.missed, of.false, of.confused)]
    return of.count, of.iou, *shares


def _count_pixel_fates(of: ItemFates) -> tuple[Count, ...]:
    """Return the IoU before and now, the shares won, lost and both wrong, and the pixels that are meant."""
    total = max(1, of.fixed + of.broken + of.both_wrong + of.both_right)
    shares = [round(100 * count / total) for count in (of.fixed, of.broken, of.both_wrong)]
    return of.iou_before, of.iou, *shares, of.count


class ImageRows(LazySequence[Sequence[Cell]]):
    """The rows of a table of images, each made when it is seen."""

    def __init__(self, rows: Sequence[tuple[str, tuple[Count, ...]]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def make(self, place: int) -> Sequence[Cell]:
        """Return the cells of one row."""
        key, counts = self._rows[place]
        return key, *map(_write_count, counts)


def _write_count(count: Count) -> str:
    match count:
        case float():
            return f"{count:.2f}"
        case None | 0:
            return "·"
        case _:
            return f"{count:,}"


class EvidencePane(PicturePane):
    """Lists images and shows the one under the cursor; the list takes the keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "step(1)", "next image", id="evidence.next"),
        Binding("N", "step(-1)", "image before", show=False, id="evidence.before"),
        *make_picture_keys("evidence", "image"),
        Binding("comma t", "toggle_layer('truth')", "truth", id="evidence.truth"),
        Binding("comma p", "toggle_layer('prediction newer')", "prediction", id="evidence.prediction"),
        Binding("comma o", "toggle_layer('older')", "older model", show=False, id="evidence.older"),
        Binding("comma d", "toggle_layer('difference')", "difference", id="evidence.difference"),
        Binding("w", "toggle_bare", "large picture", id="evidence.large"),
    ]
    DEFAULT_CSS = """
    EvidencePane {
        & > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > Horizontal { height: 1fr; }
        & #evidence-items { width: 48%; max-width: 52; border-right: solid $border; }
        & > Horizontal > EvidencePreview { width: 1fr; height: 1fr; }
        &.-bare #evidence-items { display: none; }
    }
    """

    def __init__(self, workspace: Workspace, work: Work, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._work = work
        self._head = Static()
        self.table = EntityTable(empty=EMPTY, is_lazy=True, id="evidence-items")
        self._preview: EvidencePreview = EvidencePreview()
        self._picture = ItemPicture(workspace, work, self._preview)
        self._behind: Behind | None = None
        self._asked: tuple[str, str] | None = None  # the image that is shown or being read, and the theme

    def compose(self) -> ComposeResult:
        yield self._head
        with Horizontal():
            yield self.table
            yield self._preview

    def notify_style_update(self) -> None:
        """Draw the outlines in the colours of the theme that was just chosen."""
        super().notify_style_update()
        if self._behind is not None and self.is_mounted:
            self._look()

    def reword(self, binding: Binding) -> Binding:
        """Return a binding as it is to be told: the layers are those of what is shown."""
        own = _LAYERS.get(binding.id or "")
        if self._behind is None or own is None:
            return binding
        layers = [name for _, name in self._behind.legend.layers if name in own]
        return rename(binding, " ".join(layers), is_shown=bool(layers))

    def show(self, behind: Behind) -> None:
        """List the images behind a number, and show the one that was opened, else the first."""
        self._behind, self._asked = behind, None
        self._preview.set_kind(behind.legend, behind.schema)
        self._picture.begin(object())
        self.table.set_columns(Column("item", cut="start"), *behind.columns)
        rows = ImageRows(behind.rows)
        self.table.show_rows(rows, RowKeys(rows))
        keys = [key for key, _ in behind.rows]
        self.table.cursor = keys.index(behind.start) if behind.start in keys else 0
        self._draw_head()
        self.go_large(False)
        self._look()

    # --- keys ----------------------------------------------------------------------------------

    def action_step(self, rows: int) -> None:
        super().action_step(rows)
        self._look()  # the table tells it only behind the keys that are typed already

    def action_toggle_layer(self, layer: str) -> None:
        for name in layer.split():
            self._preview.toggle(name)

    @on(EntityTable.RowHighlighted, "#evidence-items")
    def _on_item_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        self._look()

    # --- the image under the cursor ------------------------------------------------------------

    def _find_key(self) -> str | None:
        row, behind = self.table.cursor, self._behind
        return behind.rows[row][0] if behind is not None and row < len(behind.rows) else None

    def _look(self) -> None:
        key, behind = self._find_key(), self._behind
        if key is None or behind is None:
            self._preview.show(None)
            self._picture.show_none(*EMPTY)
            return
        asked = key, self.app.theme
        if asked == self._asked:
            return
        if self._asked is None or self._asked[0] != key:
            self._picture.zoom = WHOLE_PICTURE  # keys that follow mean the new image
        self._asked = asked
        done = partial(self._show, behind, key)
        self._work.start("objects", partial(behind.look, key), done, fail=self._picture.say_broken)

    def _show(self, behind: Behind, key: str, found: tuple[Item, Sequence[DrawnObject]]) -> None:
        """Show an image once it is read, unless the cursor has moved on."""
        if behind is self._behind and key == self._find_key():
            self._preview.show(*found)
            self._picture.begin_item(self._picture.zoom)
            self._draw_head()

    @on(EvidencePreview.Outdated)
    def _order_picture(self) -> None:
        self._picture.order()

    def _draw_head(self) -> None:
        behind = self._behind
        if behind is not None:
            count = format_count(len(behind.rows), "image")
            note = f"{self._picture.describe_zoom()}  {behind.note}"
            self._head.update(Content.assemble((behind.title, "bold"), f"  {count}", (note, "$text-muted")))
