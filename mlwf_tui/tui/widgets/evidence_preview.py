"""One image of a report: what is there, what was said, and the difference, told by line and letter too."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.annotation import Bounds, LabelSchema
from mlwf_tui.entities.dashes import dash
from mlwf_tui.entities.evidence import find_first_px
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import WHOLE, Outline, Picture, Rgb, Window, parse_color
from mlwf_tui.tui.widgets.drawn_objects import SINGLE, DrawnObject, Legend, Shape
from mlwf_tui.tui.widgets.item_preview import NO_COLOR
from mlwf_tui.tui.widgets.lettered_picture import Letter, LetteredPicture
from mlwf_tui.tui.widgets.objects_preview import ObjectsPreview
from mlwf_tui.tui.widgets.table import Cell, EntityTable

FADED = 0.55  # what the number does not count
FILL, FAINT_FILL = 0.45, 0.15  # of regions, through which the image is seen
DIFFERENCE = "difference"
"""The layer that tells what became of shapes; without it they are in the colours of their classes."""


NOTHING = ("Nothing is there", "and nothing was found")
NOT_READ = ("", "")  # until the image is, nothing is said of it


class EvidencePreview(ObjectsPreview):
    """Draws one image with what became of its objects; the picture itself is rendered by others."""

    DEFAULT_CSS = """
    EvidencePreview {
        & > PictureView { height: 1fr; }
        & > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > EntityTable { height: 30%; min-height: 4; }
        &.-bare > EntityTable { display: none; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.picture = LetteredPicture(id="evidence-picture")
        self.objects = EntityTable(*SINGLE.columns, empty=NOT_READ, id="evidence-objects")
        self._legend = Static()
        self._facts = Static()
        self.left_out: frozenset[str] = frozenset()  # layers that are not drawn
        self.item: Item | None = None
        self._kind = SINGLE
        self._drawn: Sequence[DrawnObject] = ()
        self._colors: Mapping[str, str] = {}

    def compose(self) -> ComposeResult:
        yield self.picture
        yield self._legend
        yield self._facts
        yield self.objects

    def set_kind(self, kind: Legend, schema: LabelSchema) -> None:
        """Tell objects in this way from now on, and draw classes in these colours."""
        self._kind = kind
        self._colors = {definition.name: definition.color for definition in schema.classes}
        self.objects.set_columns(*kind.columns)

    def show(self, item: Item | None, drawn: Sequence[DrawnObject] = ()) -> None:
        """Say what became of the objects of an image; its picture follows."""
        self.item, self._drawn = item, drawn
        rows: list[tuple[Cell, ...]] = [
            (Text(of.letter, self._find_letter_style(of)), *of.cells) for of in drawn
        ]
        self.objects.say_empty(*(NOT_READ if item is None else NOTHING))
        self.objects.cursor = 0
        self.objects.show_rows(rows, [str(number) for number in range(len(rows))])
        self._draw_words()

    def toggle(self, layer: str) -> None:
        """Draw a layer, or leave it out."""
        if layer == DIFFERENCE or layer in [name for _, name in self._kind.layers]:
            self.left_out ^= {layer}
            self._draw_words()
            self.post_message(self.Outdated())

    @property
    def look(self) -> Hashable:
        """What the outlines depend on, beside item and window."""
        return self.selected, self.left_out

    def list_outlines(self, window: Window = WHOLE) -> list[Outline]:
        """Return what to draw over the picture, what the number counts and what is selected last."""
        if self.item is None:
            return []
        unit_px = self._find_unit(self.item, window)
        highlight = parse_color(self.app.theme_variables["foreground"])
        outlines: list[Outline] = []
        for place in self._order():
            of = self._drawn[place]
            is_faded = self._has_meant and not of.is_meant and place != self.selected
            if of.region is not None and self._is_compared:
                if not of.region.layers <= self.left_out:
                    color = highlight if place == self.selected else self._find_tone(of.tone)
                    mask, fill = of.region.mask, FAINT_FILL if is_faded else FILL
                    outlines.append(Outline(mask, color, FADED if is_faded else 1.0, fill))
                continue
            for shape in of.shapes:
                if shape.layer in self.left_out:
                    continue
                color = highlight if place == self.selected else self._find_color(of, shape)
                pattern = of.dashes if self._is_compared else shape.dashes
                pieces = dash(shape.geometry, pattern, unit_px)
                outlines += [Outline(piece, color, FADED if is_faded else 1.0) for piece in pieces]
        return outlines

    def show_picture(self, picture: Picture, window: Window) -> None:
        """Draw the picture of the image, or a window of it, with the letters of its shapes."""
        self.picture.show(picture)
        self.picture.put_letters(self.list_letters(window))

    def list_letters(self, window: Window = WHOLE) -> list[Letter]:
        """Return the letters of what became of each shape that is seen, at its upper left corner."""
        if not self._is_compared or self.item is None:
            return []
        width_px, height_px = self.item.width_px, self.item.height_px
        letters = []
        for place in reversed(self._order()):  # what matters most has its own place
            of = self._drawn[place]
            if of.is_meant or not self._has_meant:
                corners = (window.place(one, width_px, height_px) for one in self._list_anchors(of))
                corner = next(filter(None, corners), None)
                if corner is not None:
                    letters.append(Letter(*corner, of.letter, self._find_tone(of.tone)))
        return letters

    def _list_anchors(self, of: DrawnObject) -> list[Bounds]:
        """Return where a letter may stand, the best first: at a region's own pixels, at a shape's corner."""
        if of.region is None:
            return [one.geometry.bounds for one in of.shapes if one.layer not in self.left_out][:1]
        if of.region.layers <= self.left_out:
            return []
        x, y = find_first_px(of.region.mask)
        return [Bounds(x, y, x, y), of.region.mask.bounds]

    @property
    def _is_compared(self) -> bool:
        return DIFFERENCE not in self.left_out

    @property
    def _has_meant(self) -> bool:
        return any(of.is_meant for of in self._drawn)

    def _order(self) -> list[int]:
        """Return the places of objects as they are drawn: the important ones over the others."""
        return sorted(
            range(len(self._drawn)),
            key=lambda place: (
                place == self.selected, self._drawn[place].is_meant, not self._drawn[place].is_quiet,
            ),
        )  # fmt: skip

    def _find_unit(self, item: Item, window: Window) -> float:
        """Return how many pixels of the image are one that is drawn."""
        columns, rows = self.picture.room
        width_px, height_px = window.measure(item.width_px, item.height_px)
        return max(width_px / max(1, columns), height_px / max(1, 2 * rows))

    def _find_color(self, of: DrawnObject, shape: Shape) -> Rgb:
        if self._is_compared:
            return self._find_tone(of.tone)
        return parse_color(self._colors.get(shape.class_name, NO_COLOR))

    def _find_tone(self, tone: str) -> Rgb:
        return parse_color(self.app.theme_variables[tone])

    def _find_letter_style(self, of: DrawnObject) -> Style:
        red, green, blue = self._find_tone(of.tone)
        return Style(color=f"rgb({red},{green},{blue})", bold=True)

    def _draw_words(self) -> None:
        if self.item is None:
            self._legend.update("")
            self._facts.update("")
            return
        layers = (*self._kind.layers, ("d", DIFFERENCE))
        parts: list[tuple[str, str] | str] = []
        for key, name in layers:
            is_on = name not in self.left_out
            parts += [
                (f",{key} ", "$accent"),
                (f"{'●' if is_on else '○'} {name}  ", "" if is_on else "$text-muted"),
            ]
        self._facts.update(Content.assemble(*parts, (self.item.name, "$text-muted")))
        legend: list[tuple[str, str] | str] = [self._kind.plain]
        if self._is_compared:
            legend = [
                part
                for line, letter, word, tone in self._kind.signs
                for part in ((f"{line} {letter}", f"bold ${tone}"), f" {word}  ")
            ]
        self._legend.update(Content.assemble(*legend))
