"""One image of a report: what is there, what was said, and the difference, told by line and letter too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from mlwf_tui.entities.annotation import Geometry, LabelSchema
from mlwf_tui.entities.dashes import dash
from mlwf_tui.entities.evidence import DASHES, LETTERS, ObjectEvidence, Verdict
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import Outline, Rgb, parse_color
from mlwf_tui.tui.widgets.item_preview import NO_COLOR
from mlwf_tui.tui.widgets.lettered_picture import Letter, LetteredPicture
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.table import Cell, Column, EntityTable

COLUMNS = (
    Column("", 1), Column("truth", flex=2, least=6), Column("said", flex=2, least=6),
    Column("conf", 4, align="right"), Column("IoU", 4, align="right"), Column("error", flex=2, least=8),
)  # fmt: skip
THEME_COLORS: Mapping[Verdict, str] = {
    Verdict.FOUND: "success", Verdict.MISSED: "warning", Verdict.FALSE: "error",
    Verdict.CONFUSED: "secondary",
}  # fmt: skip
LINES: Mapping[Verdict, str] = {
    Verdict.FOUND: "───", Verdict.MISSED: "╌╌╌", Verdict.FALSE: "┈┈┈", Verdict.CONFUSED: "─·─",
}  # fmt: skip
PREDICTED = (3, 2)  # dashes of what was said, where the difference is not drawn
FADED = 0.55  # what the number does not count


class Overlays(msgspec.Struct, frozen=True):
    """What is drawn over an image."""

    truth: bool = True
    prediction: bool = True
    difference: bool = True  # in colours of what became of it; without, in those of the classes


class EvidencePreview(Vertical):
    """Draws one image with what became of its objects; the picture itself is rendered by others."""

    DEFAULT_CSS = """
    EvidencePreview {
        & > PictureView { height: 1fr; }
        & > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > EntityTable { height: 30%; min-height: 4; }
        &.-bare > EntityTable { display: none; }
    }
    """

    class Outdated(Message):
        """Another picture is wanted: of another size, or with other outlines."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.picture = LetteredPicture(id="evidence-picture")
        self.objects = EntityTable(
            *COLUMNS, empty=("Nothing is there", "and nothing was found"), id="evidence-objects"
        )
        self._legend = Static()
        self._facts = Static()
        self.overlays = Overlays()
        self.item: Item | None = None
        self._seen: Sequence[ObjectEvidence] = ()
        self._colors: Mapping[str, str] = {}

    def compose(self) -> ComposeResult:
        yield self.picture
        yield self._legend
        yield self._facts
        yield self.objects

    def set_schema(self, schema: LabelSchema) -> None:
        """Draw classes in these colours from now on."""
        self._colors = {definition.name: definition.color for definition in schema.classes}

    def show(self, item: Item | None, seen: Sequence[ObjectEvidence] = ()) -> None:
        """Say what became of the objects of an image; its picture follows."""
        self.item, self._seen = item, seen
        rows = [self._make_row(one) for one in seen]
        self.objects.cursor = 0
        self.objects.show_rows(rows, [str(number) for number in range(len(rows))])
        self._draw_words()

    def toggle(self, layer: str) -> None:
        """Draw a layer of `Overlays`, or leave it out."""
        self.overlays = msgspec.structs.replace(self.overlays, **{layer: not getattr(self.overlays, layer)})
        self._draw_words()
        self.post_message(self.Outdated())

    @property
    def selected(self) -> int:
        """The place of the object under the cursor, or -1 where a person is not among them."""
        key = self.objects.cursor_key if self.objects.has_focus else None
        return int(key) if key is not None else -1

    def list_outlines(self) -> list[Outline]:
        """Return what to draw over the picture, what the number counts and what is selected last."""
        if self.item is None:
            return []
        unit_px = self._find_unit(self.item)
        has_meant = any(one.is_meant for one in self._seen)
        outlines: list[Outline] = []
        for place in self._order():
            one = self._seen[place]
            opacity = FADED if has_meant and not one.is_meant and place != self.selected else 1.0
            for geometry, pattern, color in self._list_shapes(one, is_selected=place == self.selected):
                outlines += [Outline(piece, color, opacity) for piece in dash(geometry, pattern, unit_px)]
        return outlines

    def list_letters(self) -> list[Letter]:
        """Return the letters of what became of each shape that is drawn."""
        if not self.overlays.difference:
            return []
        has_meant = any(one.is_meant for one in self._seen)
        letters = []
        for place in reversed(self._order()):  # what matters most has its own place
            one = self._seen[place]
            shape = (one.truth if self.overlays.truth else None) or (
                one.predicted if self.overlays.prediction else None
            )
            if shape is not None and (one.is_meant or not has_meant):
                bounds = shape.bounds
                letters.append(
                    Letter(bounds.left, bounds.top, LETTERS[one.verdict], self._find_color(one.verdict))
                )
        return letters

    def _order(self) -> list[int]:
        """Return the places of objects as they are drawn: the important ones over the others."""
        return sorted(
            range(len(self._seen)),
            key=lambda place: (
                place == self.selected, self._seen[place].is_meant,
                self._seen[place].verdict is not Verdict.FOUND,
            ),
        )  # fmt: skip

    def _find_unit(self, item: Item) -> float:
        """Return how many pixels of the image are one that is drawn."""
        columns, rows = self.picture.room
        return max(item.width_px / max(1, columns), item.height_px / max(1, 2 * rows))

    def _list_shapes(
        self, one: ObjectEvidence, *, is_selected: bool
    ) -> Iterator[tuple[Geometry, Sequence[int], Rgb]]:
        """Yield the shapes of an object that are drawn, each with its dashes and colour."""
        highlight = parse_color(self.app.theme_variables["foreground"])
        sides: tuple[tuple[bool, Geometry | None, str, Sequence[int]], ...] = (
            (self.overlays.truth, one.truth, one.truth_class, ()),
            (self.overlays.prediction, one.predicted, one.predicted_class, PREDICTED),
        )
        for is_drawn, shape, name, pattern in sides:
            if not is_drawn or shape is None:
                continue
            is_compared = self.overlays.difference
            named = parse_color(self._colors.get(name, NO_COLOR))
            color = self._find_color(one.verdict) if is_compared else named
            yield shape, DASHES[one.verdict] if is_compared else pattern, highlight if is_selected else color

    def _find_color(self, verdict: Verdict) -> Rgb:
        return parse_color(self.app.theme_variables[THEME_COLORS[verdict]])

    def _make_row(self, one: ObjectEvidence) -> tuple[Cell, ...]:
        red, green, blue = self._find_color(one.verdict)
        style = Style(color=f"rgb({red},{green},{blue})", bold=True)
        return (
            Text(LETTERS[one.verdict], style),
            one.truth_class or "—",
            one.predicted_class or "—",
            "" if one.confidence is None else f"{one.confidence:.2f}",
            f"{one.iou:.2f}" if one.iou else "",
            one.error.value if one.error else "",
        )

    def _draw_words(self) -> None:
        if self.item is None:
            self._legend.update("")
            self._facts.update("")
            return
        parts: list[tuple[str, str] | str] = []
        for key, name, is_on in (
            ("t", "truth", self.overlays.truth), ("p", "prediction", self.overlays.prediction),
            ("d", "difference", self.overlays.difference),
        ):  # fmt: skip
            parts += [
                (f"{key} ", "$accent"),
                (f"{'●' if is_on else '○'} {name}  ", "" if is_on else "$text-muted"),
            ]
        self._facts.update(Content.assemble(*parts, (self.item.name, "$text-muted")))
        if self.overlays.difference:
            legend = [
                part
                for verdict in Verdict
                for part in ((f"{LINES[verdict]} {LETTERS[verdict]}", f"bold ${THEME_COLORS[verdict]}"),
                             f" {verdict.value}  ")
            ]  # fmt: skip
        else:
            legend = ["─── truth   ╌╌╌ said   in the colours of the classes"]
        self._legend.update(Content.assemble(*legend))

    @on(EntityTable.RowHighlighted)
    def _on_object_highlighted(self, event: EntityTable.RowHighlighted) -> None:
        event.stop()
        if self.objects.has_focus:
            self.post_message(self.Outdated())

    @on(PictureView.Resized)
    def _on_picture_resized(self, event: PictureView.Resized) -> None:
        event.stop()
        self.post_message(self.Outdated())

    def on_descendant_focus(self) -> None:
        self.post_message(self.Outdated())

    def on_descendant_blur(self) -> None:
        self.post_message(self.Outdated())
