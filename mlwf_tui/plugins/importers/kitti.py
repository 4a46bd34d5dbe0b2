"""Imports KITTI's object detection: label_2/ with a text file for each image of image_2/.

The box is the object; truncation and occlusion are tags; what is said of it in three dimensions is custom.
"""

from __future__ import annotations

from typing import Final

from mlwf_tui.entities.annotation import AnnotatedObject, Tag
from mlwf_tui.entities.counts import format_count
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import check_class_name
from mlwf_tui.plugins.importers.label_lines import OfLabelLines
from mlwf_tui.plugins.importers.objects import make_box, read_number

_FACTS: Final = ("alpha", "height_m", "width_m", "length_m", "x_m", "y_m", "z_m", "rotation_y")
_UNKNOWN: Final = (-10.0, -1.0, -1.0, -1.0, -1000.0, -1000.0, -1000.0, -10.0)


class KittiImporter(OfLabelLines):
    """Boxes of KITTI's labels, coordinates exactly as the files have them."""

    name = "kitti"
    summary = "KITTI detection: label_2/ with a text file for each image of image_2/"
    title = "KITTI's lines"
    folders = frozenset({"label_2", "label_3"})
    layout = folders | {"image_2", "image_3"}

    def read_line(self, words: list[str]) -> AnnotatedObject:
        """Return the object of a line: class, truncation, occlusion, angle, box, and space.

        Raises:
            InvalidInput: it is none; the message follows "line 3 ".
        """
        if len(words) not in (15, 16):
            raise InvalidInput(f"has {format_count(len(words), 'word')}, not 15, or 16 with a score")
        truncated, occluded, alpha, left, top, right, bottom, *space = (
            read_number(word, "number") for word in words[1:]
        )
        tags = []
        if truncated > 0:
            tags.append(Tag("truncated", truncated))
        if occluded > 0:
            tags.append(Tag("occluded", occluded))
        told = zip(_FACTS, (alpha, *space[:7]), _UNKNOWN, strict=True)
        custom = {name: value for name, value, unknown in told if value != unknown}
        confidence = min(max(space[7], 0.0), 1.0) if len(space) > 7 else None
        box = make_box(left, top, right, bottom)
        return AnnotatedObject(check_class_name(words[0]), box, confidence, tags=tuple(tags), custom=custom)
