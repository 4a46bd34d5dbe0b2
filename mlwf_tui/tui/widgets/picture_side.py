"""One of the pictures that stand side by side: what it is above, what the colours mean below."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.picture import Outline, parse_color
from mlwf_tui.tui.widgets.item_preview import NO_COLOR, describe_tags, draw_legend
from mlwf_tui.tui.widgets.picture_view import PictureView


class PictureSide(Vertical):
    """A picture with its caption and legend. The picture is drawn by others, for `item`."""

    DEFAULT_CSS = """
    PictureSide {
        width: 1fr; height: 1fr;
        & > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > PictureView { height: 1fr; margin: 0 1; }
        & > .legend { height: auto; max-height: 2; text-wrap: wrap; }
    }
    """

    def __init__(self, title: str, *, id: str) -> None:
        super().__init__(id=id)
        self.picture = PictureView(id=f"{id}-picture")
        self._title = title
        self._caption = Static()
        self._legend = Static(classes="legend")
        self._colors: Mapping[str, str] = {}
        self.item: Item | None = None

    def compose(self) -> ComposeResult:
        yield self._caption
        yield self.picture
        yield self._legend

    def show_item(self, item: Item, schema: LabelSchema, note: Content | str = "") -> None:
        """Say which item is seen, in the colours of these classes; its picture follows."""
        self.item = item
        self._colors = {definition.name: definition.color for definition in schema.classes}
        size = f"{item.width_px}×{item.height_px}  "
        self._caption.update(
            Content.assemble((f"{self._title}  ", "bold $secondary"), (size, "$text-muted"), note)
        )
        self._legend.update(self._draw_legend(item))

    def show_none(self, title: str, hint: str, note: Content | str = "") -> None:
        """Say why there is no picture here."""
        self.item = None
        self._caption.update(Content.assemble((f"{self._title}  ", "bold $secondary"), note))
        self._legend.update("")
        self.picture.say(title, hint)

    def list_outlines(self) -> list[Outline]:
        """Return the shapes of the item's objects in their classes' colours."""
        if self.item is None:
            return []
        objects = self.item.annotation.objects
        return [Outline(o.geometry, parse_color(self._find_color(o.class_name))) for o in objects]

    def _draw_legend(self, item: Item) -> Content:
        split = () if item.split.value == "none" else ((f"{item.split.value} ", "$text-muted"),)
        tags = (describe_tags(item.annotation.tags).strip(), "$accent")
        return Content.assemble(draw_legend(item, self._colors), *split, tags)

    def _find_color(self, class_name: str) -> str:
        return self._colors.get(class_name, NO_COLOR)
