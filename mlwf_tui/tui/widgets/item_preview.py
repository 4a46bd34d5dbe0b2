"""One item as a person looks at it: its picture, what is known of it, and the list of its objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from enum import StrEnum

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.annotation import AnnotatedObject, GeometryKind, LabelSchema, Tag
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import WHOLE, Outline, Picture, Window, parse_color
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.tui.widgets.objects_preview import ObjectsPreview
from mlwf_tui.tui.widgets.picture_view import Caption, PictureView, has_colors
from mlwf_tui.tui.widgets.table import Cell, Column, EntityTable

NO_COLOR = "#808080"  # of an object whose class the schema does not name


COLUMNS = (Column("", 1), Column("object", flex=2), Column("shape", flex=2, most=26))
NO_OBJECTS = ("No objects", "Not labelled; a lets a model do it.")
NOT_READ = ("", "")  # until the item is, nothing is said of its objects
CONFIDENCE = Column("conf", 4, align="right")


class Layer(StrEnum):
    """What can be drawn over a picture, each for itself."""

    BOXES = "boxes"
    MASKS = "masks"  # and outlines, lines and points
    NAMES = "names"


SHAPES = frozenset({Layer.BOXES, Layer.MASKS})
BOX_KINDS = (GeometryKind.RECTANGLE, GeometryKind.ORIENTED_BOX)


class ItemPreview(ObjectsPreview):
    """Draws one item; the outline of the object under the cursor is drawn in the theme's text colour."""

    DEFAULT_CSS = """
    ItemPreview {
        & > PictureView { height: 1fr; }
        & > Static { height: 1; padding: 0 1; }
        & > EntityTable { height: 30%; min-height: 4; }
        & > .legend { display: none; height: auto; max-height: 3; text-wrap: wrap; }
        &.-bare > EntityTable { display: none; }
        &.-bare > .legend { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.picture = PictureView(id="preview-picture")
        self._facts = Static()
        self._legend = Static(classes="legend")
        self.chosen_layers: frozenset[Layer] | None = None
        """What is drawn over the picture; None where nobody has chosen."""
        self.objects = EntityTable(*COLUMNS, empty=NOT_READ, id="preview-objects")
        self.item: Item | None = None
        self._marked: Sequence[int] = ()
        self._colors: dict[str, str] = {}
        self._columns: tuple[Column, ...] = COLUMNS

    def compose(self) -> ComposeResult:
        yield self.picture
        yield self._facts
        yield self._legend
        yield self.objects

    def set_schema(self, schema: LabelSchema) -> None:
        """Draw objects in the colours of these classes from now on."""
        self._colors = {definition.name: definition.color for definition in schema.classes}

    def show_item(self, item: Item | None, marked: Sequence[int] = ()) -> None:
        """Say what is known of the item; its picture follows. `marked` are places of objects to point at."""
        self.item = item
        self._marked = marked
        objects = item.annotation.objects if item is not None else ()
        has_confidence = any(annotated.confidence is not None for annotated in objects)
        self._set_columns((*COLUMNS, CONFIDENCE) if has_confidence else COLUMNS)
        rows = [self._make_row(annotated)[: len(self._columns)] for annotated in objects]
        self.objects.say_empty(*(NOT_READ if item is None else NO_OBJECTS))
        self.objects.show_rows(rows, [str(number) for number in range(len(rows))])
        if marked and marked[0] < len(rows):
            self.objects.cursor = marked[0]
        self._facts.update(_draw_facts(item) if item is not None else "")
        self._legend.update(draw_legend(item, self._colors) if item is not None else "")

    def show_picture(self, picture: Picture, window: Window = WHOLE) -> None:
        """Draw the picture of the item, or a window of it, with the names of its objects where wanted."""
        self.picture.show(picture, self._list_captions(picture, window))

    @property
    def shown_layers(self) -> frozenset[Layer]:
        """What is drawn over the picture; names unasked where there are no colours for classes."""
        if self.chosen_layers is not None:
            return self.chosen_layers
        return SHAPES if has_colors(self.app) else SHAPES | {Layer.NAMES}

    def toggle(self, layer: Layer) -> None:
        """Draw a layer, or leave it out."""
        self.chosen_layers = self.shown_layers ^ {layer}
        self.post_message(self.Outdated())

    def _list_captions(self, picture: Picture, window: Window) -> list[Caption]:
        """Return the name of each object at the upper left corner of its bounds."""
        if self.item is None or Layer.NAMES not in self.shown_layers:
            return []
        width_px, height_px = window.measure(self.item.width_px, self.item.height_px)
        captions = []
        for labelled in self.item.annotation.objects:
            left_px = labelled.geometry.bounds.left - window.left * self.item.width_px
            top_px = labelled.geometry.bounds.top - window.top * self.item.height_px
            column = round(left_px / width_px * picture.columns)
            row = int(top_px / height_px * picture.rows)
            color = parse_color(self._find_color(labelled.class_name))
            captions.append(Caption(column, row, labelled.class_name, color))
        return captions

    def _list_shown(self, item: Item) -> list[AnnotatedObject]:
        """Return the objects whose kind of shape is drawn."""
        layers = self.shown_layers
        return [labelled for labelled in item.annotation.objects if find_layer(labelled) in layers]

    @property
    def look(self) -> Hashable:
        """What the outlines depend on, beside the item."""
        return self.selected, self.shown_layers

    def list_outlines(self, window: Window = WHOLE) -> list[Outline]:
        """Return what to draw over the picture, whatever part of it is seen; the selected object last."""
        if self.item is None:
            return []
        objects: Sequence[AnnotatedObject] = self.item.annotation.objects
        outlines = self._outline(self._list_shown(self.item))
        pointed = (self.selected,) if self.selected >= 0 else self._marked
        color = parse_color(self.app.theme_variables["foreground"])
        outlines += [Outline(objects[place].geometry, color) for place in pointed if place < len(objects)]
        return outlines

    def list_outlines_of(self, item: Item) -> list[Outline]:
        """Return the shapes of any item, in the colours of their classes."""
        return self._outline(item.annotation.objects)

    def _outline(self, objects: Sequence[AnnotatedObject]) -> list[Outline]:
        return [Outline(o.geometry, parse_color(self._find_color(o.class_name))) for o in objects]

    def _set_columns(self, columns: tuple[Column, ...]) -> None:
        if columns != self._columns:
            self._columns = columns
            self.objects.set_columns(*columns)

    def _find_color(self, class_name: str) -> str:
        return self._colors.get(class_name, NO_COLOR)

    def _make_row(self, annotated: AnnotatedObject) -> tuple[Cell, ...]:
        red, green, blue = parse_color(self._find_color(annotated.class_name))
        swatch = Text("■", Style(color=f"rgb({red},{green},{blue})"))
        confidence = "" if annotated.confidence is None else f"{annotated.confidence:.2f}"
        return (
            swatch,
            annotated.class_name + describe_tags(annotated.tags),
            describe_shape(annotated),
            confidence,
        )


def find_layer(labelled: AnnotatedObject) -> Layer:
    """Return which layer an object's shape belongs to."""
    return Layer.BOXES if labelled.geometry.kind in BOX_KINDS else Layer.MASKS


def draw_legend(item: Item, colors: Mapping[str, str]) -> Content:
    """Return the classes on an item by their colours and names, with how many objects each has."""
    counts = Counter(labelled.class_name for labelled in item.annotation.objects)
    parts = [
        part
        for name, count in counts.items()
        for part in (("■ ", write_color(colors.get(name, NO_COLOR))), f"{name} {count:,}   ")
    ]
    return Content.assemble(*parts) if parts else Content.styled("no objects  ", "$text-muted")


def write_color(text: str) -> str:
    """Return the colour "#rrggbb" as a style; grey where it says none."""
    red, green, blue = parse_color(text)
    return f"rgb({red},{green},{blue})"


def describe_shape(annotated: AnnotatedObject) -> str:
    """Return what an object's shape is, and where: "120×80 at 4, 17", "polygon 30×20 at 5, 5"."""
    geometry = annotated.geometry
    bounds = geometry.bounds
    place = f"at {bounds.left:.0f}, {bounds.top:.0f}"
    size = f"{bounds.width_px:.0f}×{bounds.height_px:.0f} " if bounds.width_px or bounds.height_px else ""
    kind = "" if geometry.kind is GeometryKind.RECTANGLE else f"{geometry.kind.value.replace('_', ' ')} "
    return f"{kind}{size}{place}"


def describe_tags(tags: Sequence[Tag]) -> str:
    """Return tags as they follow a name: " #blurred #angle=30"."""
    return "".join(f" #{tag.name}" if tag.value is None else f" #{tag.name}={tag.value}" for tag in tags)


def _draw_facts(item: Item) -> Content:
    size = f"{item.split.value} · {item.width_px}×{item.height_px} · {format_size(item.size_bytes)}"
    tags = describe_tags(item.annotation.tags)
    return Content.assemble((f"{item.name}  ", "bold"), (size, "$text-muted"), (tags, "$accent"))
