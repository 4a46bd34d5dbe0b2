"""Circles, ellipses and cuboids that custom facts tell beside an outline: as points that move, and back.

An object has one shape, and no kind of shape is a circle: its numbers stand in the object's custom facts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from mlwf_tui.entities.annotation import Point

Custom = Mapping[str, str | float | bool]

CUBOID_ENDS: Final = ("tl1", "bl1", "tr1", "br1", "tl2", "bl2", "tr2", "br2")
"""The corners of a cuboid's front (1) and back (2), as CVAT's attributes end: xtl1, ytl1, …"""

_CORNERS: Final = tuple((f"x{end}", f"y{end}") for end in CUBOID_ENDS)
_NUMBERS: Final = {
    "circle": ("x", "y", "radius"),
    "ellipse": ("x", "y", "radius_x", "radius_y", "rotation"),
    "cuboid": tuple(name for corner in _CORNERS for name in corner),
}


def read_figure(custom: Custom) -> tuple[Point, ...]:
    """Return the points that say a figure, none where facts tell none, or not all of one.

    Of a circle or ellipse they are the middle and the ends of two radii, of a cuboid its corners.
    """
    kind = custom.get("shape")
    if kind not in _NUMBERS:
        return ()
    told = {name: custom.get(name, 0.0 if name == "rotation" else "") for name in _NUMBERS[str(kind)]}
    numbers = {name: float(value) for name, value in told.items() if isinstance(value, int | float)}
    if len(numbers) < len(told):
        return ()
    if kind == "cuboid":
        return tuple((numbers[x], numbers[y]) for x, y in _CORNERS)
    radius_x, radius_y = (numbers.get(name, numbers.get("radius", 0.0)) for name in ("radius_x", "radius_y"))
    angle = math.radians(numbers.get("rotation", 0.0))
    x, y, cos, sin = numbers["x"], numbers["y"], math.cos(angle), math.sin(angle)
    return (x, y), (x + radius_x * cos, y + radius_x * sin), (x - radius_y * sin, y + radius_y * cos)


def write_figure(custom: Custom, points: Sequence[Point]) -> Custom:
    """Return facts that tell the figure of these points; a circle that is none any more is an ellipse.

    Without points the facts of the figure are gone.
    """
    kind = str(custom.get("shape", ""))
    others = {name: fact for name, fact in custom.items() if name not in ("shape", *_NUMBERS.get(kind, ()))}
    if not points:
        return others
    if kind == "cuboid":
        told = {name: at for corner, point in zip(_CORNERS, points, strict=True)
                for name, at in zip(corner, point, strict=True)}  # fmt: skip
        return {**others, "shape": kind, **{name: round(value, 3) for name, value in told.items()}}
    return {**others, **_tell_ellipse(points, kind)}


def _tell_ellipse(points: Sequence[Point], kind: str) -> Custom:
    """Return the facts of an ellipse by its middle and the ends of two radii, wherever a matrix moved them.

    Source: the axes of conjugate diameters, where the square of a radius is largest.
    """
    (x, y), first, second = points
    ux, uy, vx, vy = first[0] - x, first[1] - y, second[0] - x, second[1] - y
    across = ux * vx + uy * vy
    is_upright = abs(across) <= 1e-9 * math.hypot(ux, uy) * math.hypot(vx, vy)
    turn = 0.0 if is_upright else math.atan2(2 * across, ux**2 + uy**2 - vx**2 - vy**2) / 2
    cos, sin = math.cos(turn), math.sin(turn)
    ax, ay, bx, by = ux * cos + vx * sin, uy * cos + vy * sin, vx * cos - ux * sin, vy * cos - uy * sin
    radius_x, radius_y = round(math.hypot(ax, ay), 3), round(math.hypot(bx, by), 3)
    middle: Custom = {"x": round(x, 3), "y": round(y, 3)}
    if kind == "circle" and abs(radius_x - radius_y) < 0.01:
        return {"shape": kind, **middle, "radius": radius_x}
    rotation = round(math.degrees(math.atan2(ay, ax)), 3) % 180
    told: Custom = {"shape": "ellipse", **middle, "radius_x": radius_x, "radius_y": radius_y}
    return {**told, "rotation": rotation} if rotation else told
