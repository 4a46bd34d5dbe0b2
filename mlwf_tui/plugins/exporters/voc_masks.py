"""Writes VOC's pictures of masks: SegmentationClass, SegmentationObject, and labelmap.txt."""

from __future__ import annotations

from functools import cache

from msgspec.structs import replace

from mlwf_tui.entities.annotation import Annotation, Geometry, LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.run import Problem
from mlwf_tui.formats.voc_colors import LABELS_NAME, VOID, color_number
from mlwf_tui.plugins.exporters.files import Folders, iter_known


class Painter:
    """Paints the masks of items; classes and objects are numbered in their order, from 1 on.

    Numbers are colours as VOC has them: up to 254 in a palette, beyond that without one.
    """

    def __init__(self, folders: Folders, schema: LabelSchema) -> None:
        self._classes, self._objects = (
            folders.make("SegmentationClass"),
            folders.make("SegmentationObject"),
        )
        self._numbers = {name: _skip_void(number) for number, name in enumerate(schema.class_names, start=1)}
        background = "background" if "background" not in self._numbers else "_background_"
        lines = [f"{background}:0,0,0::"]
        for name, number in self._numbers.items():
            red, green, blue = color_number(number).to_bytes(3)
            lines.append(f"{name}:{red},{green},{blue}::")
        text = "\n".join(["# label:color_rgb:parts:actions", *lines, ""])
        (folders.root / LABELS_NAME).write_text(text, "utf-8")

    def paint(self, item: Item, stem: str, problems: list[Problem]) -> Item:
        """Write both pictures of an item; return it with the objects that are in them."""
        known = list(iter_known(item, self._numbers, problems))
        of_classes = [(number, labelled.geometry) for number, labelled in known]
        of_objects = [
            (_skip_void(number), labelled.geometry) for number, (_, labelled) in enumerate(known, start=1)
        ]
        (self._classes / f"{stem}.png").write_bytes(_draw(of_classes, item))
        (self._objects / f"{stem}.png").write_bytes(_draw(of_objects, item))
        return replace(item, annotation=Annotation(tuple(labelled for _, labelled in known)))


def _skip_void(number: int) -> int:
    return number if number < VOID else number + 1


def _draw(masks: list[tuple[int, Geometry]], item: Item) -> bytes:
    from mlwf_tui.media.label_pictures import encode_colors, encode_palette, paint_masks  # numpy

    if all(number < VOID for number, _ in masks):
        picture = paint_masks(masks, item.width_px, item.height_px)
        return encode_palette(picture, _make_palette())
    # encode_colors takes the lowest byte for red, VOC's colours have it highest
    colors = [(int.from_bytes(color_number(number).to_bytes(3), "little"), mask) for number, mask in masks]
    return encode_colors(paint_masks(colors, item.width_px, item.height_px))


@cache
def _make_palette() -> bytes:
    return b"".join(color_number(number).to_bytes(3) for number in range(256))
