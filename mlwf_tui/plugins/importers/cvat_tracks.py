"""The frames of a CVAT track that lie between two of its shapes, as CVAT itself draws them.

Boxes, ellipses, cuboids, single points and skeletons move evenly from one shape to the next, a rotation by
the shorter way; a mask and several points stay as they are. What else stands there is the former shape's.
How CVAT matches the corners of polygons and polylines is its own: those frames are counted.

Source: cvat/apps/dataset_manager/annotation.py, TrackManager.get_interpolated_shapes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

from mlwf_tui.entities.figures import CUBOID_ENDS
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.objects import read_number

_MOVING = {
    "box": ("xtl", "ytl", "xbr", "ybr"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "cuboid": tuple(f"{axis}{end}" for end in CUBOID_ENDS for axis in "xy"),
}
_STAYING = ("mask", "points")


class Gap(NamedTuple):
    """Frames between two shapes of a track, neither of which is one of them."""

    before: Element
    after: Element
    start: int  # the frame of `before`
    end: int

    def is_drawn(self) -> bool:
        """Say whether CVAT's shapes in between are known here."""
        kinds = {self.before.tag, self.after.tag}
        return len(kinds) == 1 and kinds <= {*_MOVING, *_STAYING, "skeleton"}

    def list_between(self, frames: Collection[int]) -> list[int]:
        """Return those of some frames that lie in between, in order."""
        if self.end - self.start < len(frames):
            return [frame for frame in range(self.start + 1, self.end) if frame in frames]
        return sorted(frame for frame in frames if self.start < frame < self.end)

    def draw(self, frame: int) -> Element:
        """Return the shape on a frame in between.

        Raises:
            InvalidInput: a number of the two shapes is none.
        """
        drawn = deepcopy(self.before)
        drawn.set("frame", str(frame))
        share = (frame - self.start) / (self.end - self.start)
        for name in _MOVING.get(drawn.tag, ()):
            _move(drawn, self.after, name, share)
        if drawn.get("rotation") or self.after.get("rotation"):
            drawn.set("rotation", repr(_turn(self.before, self.after, share)))
        if drawn.tag == "points":
            _move_point(drawn, self.after, share)
        elif drawn.tag == "skeleton":
            ends = {point.get("label"): point for point in self.after.iterfind("points")}
            for point in drawn.iterfind("points"):
                if point.get("label") in ends:
                    _move_point(point, ends[point.get("label")], share)
        return drawn


def iter_gaps(shapes: Sequence[tuple[int, Element]]) -> Iterator[Gap]:
    """Yield where a track goes on without a shape of its own; not behind a shape that is outside."""
    for (start, before), (end, after) in pairwise(sorted(shapes, key=lambda pair: pair[0])):
        if end > start + 1 and before.get("outside") != "1":
            yield Gap(before, after, start, end)


def _move(drawn: Element, after: Element, name: str, share: float) -> None:
    start, end = (read_number(shape.get(name, ""), name) for shape in (drawn, after))
    drawn.set(name, repr(start + (end - start) * share))


def _turn(before: Element, after: Element, share: float) -> float:
    start, end = (read_number(shape.get("rotation", "0"), "rotation") for shape in (before, after))
    difference = (end - start + 180) % 360 - 180  # the shorter way
    return (start + difference * share) % 360


def _move_point(drawn: Element, after: Element, share: float) -> None:
    """Move a single point; several stay where they are."""
    start, end = (shape.get("points") or "" for shape in (drawn, after))
    if ";" in start or ";" in end:
        return
    here, there = (text.split(",") for text in (start, end))
    if len(here) != 2 or len(there) != 2:
        raise InvalidInput("has a point that is not two numbers")
    moved = []
    for a, b in zip(here, there, strict=True):
        x, y = read_number(a, "coordinate"), read_number(b, "coordinate")
        moved.append(repr(x + (y - x) * share))
    drawn.set("points", ",".join(moved))
