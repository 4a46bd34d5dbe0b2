"""Rectangles that have a class and nothing else, kept as numbers until somebody asks for objects."""

from __future__ import annotations

import msgspec

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    GeometryKind,
    find_class_fault,
)

Corners = tuple[int, int, int, int]
"""left, top, right, bottom in thousandths of a pixel."""


class Boxes(msgspec.Struct, frozen=True, gc=False):
    """What most label files hold. An import of a million images would make fifty million objects of it."""

    class_names: tuple[str, ...]
    corners: tuple[Corners, ...]  # of each, left < right and top < bottom

    @property
    def objects(self) -> tuple[AnnotatedObject, ...]:
        """The same as objects."""
        return tuple(map(_make_object, self.class_names, self.corners))

    def to_annotation(self) -> Annotation:
        """Return the same as an annotation."""
        return Annotation(self.objects)

    def are_sound(self, width_px: int, height_px: int) -> bool:
        """Say whether each touches an image of that size, and may have its class."""
        far_right, far_bottom = width_px * 1000, height_px * 1000
        for left, top, right, bottom in self.corners:
            if left >= far_right or top >= far_bottom or right <= 0 or bottom <= 0:
                return False
        return not any(map(find_class_fault, set(self.class_names)))


def _make_object(class_name: str, corners: Corners) -> AnnotatedObject:
    left, top, right, bottom = corners
    points = (left / 1000, top / 1000), (right / 1000, bottom / 1000)
    return AnnotatedObject(class_name, Geometry(GeometryKind.RECTANGLE, points))
