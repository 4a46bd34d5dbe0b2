"""One object's shape as Supervisely's JSON has it, and back; the rest of an annotation is not here."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, assert_never

import msgspec

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Point, Visibility
from mlwf_tui.entities.keypoints import list_visibility
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import MAX_PIXELS

# media.bitmaps is imported where a mask turns up: NumPy and Pillow are 0.2 s that boxes do without.

SHAPES: Final = {
    GeometryKind.RECTANGLE: "rectangle",
    GeometryKind.POLYGON: "polygon",
    GeometryKind.MASK: "bitmap",
    GeometryKind.POLYLINE: "line",
    GeometryKind.POINT: "point",
    GeometryKind.KEYPOINTS: "graph",
    GeometryKind.ORIENTED_BOX: "oriented_bbox",
}
"""What Supervisely calls our kinds."""

KINDS: Final = {shape: kind for kind, shape in SHAPES.items()}

_POINT_COUNTS: Final = {  # fewest and most
    GeometryKind.RECTANGLE: (2, 2),
    GeometryKind.POLYGON: (3, math.inf),
    GeometryKind.MASK: (2, 2),
    GeometryKind.POLYLINE: (2, math.inf),
    GeometryKind.POINT: (1, 1),
    GeometryKind.KEYPOINTS: (1, math.inf),
    GeometryKind.ORIENTED_BOX: (4, 4),
}
_SEEN: Final = {
    Visibility.VISIBLE: b"",
    Visibility.HIDDEN: b', "disabled": true',
    Visibility.MISSING: b', "disabled": true, "visibility": 0',
}
_PNG_START: Final = b"\x89PNG"
_MAX_PNG_BYTES: Final = 64 << 20
_MAX_MASK_WORK: Final = 1 << 31  # pixels and bytes unpacked for one file: ten seconds of work
_SAME_PX: Final = 1e-3  # corners computed elsewhere may differ by their last digits

Points = tuple[Point, ...]
_encode = msgspec.json.Encoder().encode


class PointsJson(msgspec.Struct, gc=False):
    exterior: Points
    interior: tuple[Points, ...] | None = None


class BitmapJson(msgspec.Struct, gc=False):
    data: str
    origin: Point


class NodeJson(msgspec.Struct, gc=False):
    loc: Point
    disabled: bool | None = None
    visibility: Visibility | None = None  # of ours, where `disabled` does not say it


class VerbatimJson(msgspec.Struct, gc=False, omit_defaults=True):
    """A shape as our model holds it, for what Supervisely's form of it does not hold."""

    points: Points
    holes: tuple[Points, ...] = ()
    runs: tuple[Annotated[int, msgspec.Meta(ge=0)], ...] = ()
    names: tuple[str, ...] = ()
    visibility: tuple[Visibility, ...] = ()


class ShapeJson(msgspec.Struct, gc=False, rename="camel"):
    """What of an object's JSON says its shape; `geometry` goes before all others."""

    geometry_type: str | None = None
    shape: str | None = None  # what older files call it
    points: PointsJson | Points | None = None  # a bare list for an oriented box
    bitmap: BitmapJson | None = None
    nodes: dict[str, NodeJson] | None = None
    is_unnamed: object = None  # true, of ours, where the nodes' names are those of the class alone
    angle: float | None = None
    corners: Points | None = None
    geometry: VerbatimJson | None = None


class MaskBudget:
    """Bounds what the masks of one file may unpack to: a hundred bytes can claim many megapixels."""

    def __init__(self) -> None:
        self.left = _MAX_MASK_WORK

    def spend(self, amount: int) -> None:
        """Take off pixels or bytes that were unpacked.

        Raises:
            InvalidInput: nothing is left.
        """
        if amount > self.left:
            self.left = 0
            raise InvalidInput("comes after more mask pixels than one file may have")
        self.left -= amount


# --- writing -------------------------------------------------------------------------------------


def write_shape(geometry: Geometry, skeleton: Sequence[str] = ()) -> bytes:
    """Return the members of an object that say its shape, without braces around them.

    `skeleton` are the names of keypoints that have none of their own.

    Raises:
        ValueError: a number that is not finite, or a text that is no Unicode.
    """
    kind = geometry.kind
    if kind is GeometryKind.RECTANGLE and _is_plain_box(geometry):
        points = _write_numbers(geometry.points)
        return b'"geometryType": "rectangle", "points": {"exterior": %b, "interior": []}' % points
    if not _has_native_form(geometry):
        return b'"geometryType": "%b", "geometry": %b' % (SHAPES[kind].encode(), _write_verbatim(geometry))
    if kind is GeometryKind.MASK:
        return b'"geometryType": "bitmap", ' + _write_bitmap(geometry)
    if kind is GeometryKind.KEYPOINTS:
        return b'"geometryType": "graph", ' + _write_nodes(geometry, skeleton)
    if kind is GeometryKind.ORIENTED_BOX:
        return b'"geometryType": "oriented_bbox", ' + _write_oriented(geometry.points)
    holes = b", ".join([write_points(hole) for hole in geometry.holes])
    return b'"geometryType": "%b", "points": {"exterior": %b, "interior": [%b]}' % (
        SHAPES[kind].encode(),
        write_points(geometry.points),
        holes,
    )


def write_points(points: Points | Point) -> bytes:
    """Return points as JSON; a whole number without its `.0`, as a person writes it.

    Raises:
        ValueError: one is not finite.
    """
    encoded = _write_numbers(points)
    if b"n" in encoded:  # null, which is what the encoder makes of infinity
        raise ValueError("a point is not finite")
    return encoded


def _write_numbers(points: Points | Point) -> bytes:
    return _encode(points).replace(b".0,", b",").replace(b".0]", b"]")


def _is_plain_box(geometry: Geometry) -> bool:
    """Say whether this is a rectangle, finite and in order; most shapes are, so it has its own test."""
    if len(geometry.points) != 2 or geometry.holes or geometry.runs or geometry.names or geometry.visibility:
        return False
    (left, top), (right, bottom) = geometry.points
    return -math.inf < left <= right < math.inf and -math.inf < top <= bottom < math.inf


def _has_native_form(geometry: Geometry) -> bool:
    """Say whether reading Supervisely's form gives this geometry back to the last bit."""
    kind, points = geometry.kind, geometry.points
    fewest, most = _POINT_COUNTS[kind]
    if (
        not fewest <= len(points) <= most
        or (geometry.holes and kind is not GeometryKind.POLYGON)
        or (geometry.runs and kind is not GeometryKind.MASK)
        or ((geometry.names or geometry.visibility) and kind is not GeometryKind.KEYPOINTS)
        or (geometry.visibility and len(geometry.visibility) != len(points))
    ):
        return False
    match kind:
        case GeometryKind.RECTANGLE:
            return _is_plain_box(geometry)
        case GeometryKind.POLYGON:
            return all(len(hole) >= 3 for hole in geometry.holes)
        case GeometryKind.MASK:
            return _is_drawable(geometry)
        case GeometryKind.KEYPOINTS:
            return _are_keys(geometry.names, len(points))
        case GeometryKind.ORIENTED_BOX:
            return _are_near(points)
        case GeometryKind.POLYLINE | GeometryKind.POINT:
            return True
        case _:
            assert_never(kind)


def _is_drawable(geometry: Geometry) -> bool:
    if not _are_near(geometry.points) or any(
        edge != int(edge) for point in geometry.points for edge in point
    ):
        return False
    from mlwf_tui.media.bitmaps import can_be_drawn

    (left, top), (right, bottom) = geometry.points
    return can_be_drawn(int(right - left), int(bottom - top), geometry.runs)


def _are_near(points: Points) -> bool:
    """Say whether points lie where an image can be, so that sums and squares of them are finite."""
    return all(-MAX_PIXELS <= edge <= MAX_PIXELS for point in points for edge in point)


def _are_keys(names: Sequence[str], point_count: int) -> bool:
    """Say whether keypoints can go under these names; numbers from 0 stand for none."""
    if not names:
        return True
    return len(names) == point_count == len(set(names)) and not _are_numbers(names)


def _are_numbers(names: Sequence[str]) -> bool:
    return all(name == str(index) for index, name in enumerate(names))


def _write_bitmap(geometry: Geometry) -> bytes:
    from mlwf_tui.media.bitmaps import encode_mask

    (left, top), (right, bottom) = geometry.points
    png = encode_mask(int(right - left), int(bottom - top), geometry.runs)
    packed = base64.b64encode(zlib.compress(png, 1))
    return b'"bitmap": {"data": "%b", "origin": [%d, %d]}' % (packed, int(left), int(top))


def name_nodes(geometry: Geometry, skeleton: Sequence[str]) -> Sequence[str]:
    """Return the ids that keypoints are written under: their names, those of their class, or numbers."""
    count = len(geometry.points)
    if geometry.names:
        return geometry.names
    if count <= len(skeleton) == len(set(skeleton)):
        return skeleton[:count]
    return [str(index) for index in range(count)]


def _write_nodes(geometry: Geometry, skeleton: Sequence[str]) -> bytes:
    names = name_nodes(geometry, skeleton)
    nodes = [
        b'%b: {"loc": %b%b}' % (_encode(name), write_points(point), _SEEN[seen])
        for name, point, seen in zip(names, geometry.points, list_visibility(geometry), strict=True)
    ]
    ours = b"" if geometry.names or _are_numbers(names) else b', "isUnnamed": true'
    return b'"nodes": {%b}%b' % (b", ".join(nodes), ours)


def _write_oriented(corners: Points) -> bytes:
    box, angle = _to_angled(corners)
    return b'"points": %b, "angle": %b, "corners": %b' % (
        write_points(box),
        _encode(angle),
        write_points(corners),
    )


def _write_verbatim(geometry: Geometry) -> bytes:
    for ring in (geometry.points, *geometry.holes):
        write_points(ring)
    return _encode(
        VerbatimJson(
            geometry.points, geometry.holes, geometry.runs, geometry.names, _shorten(geometry.visibility)
        )
    )


# --- reading -------------------------------------------------------------------------------------


def read_shape(
    row: ShapeJson, budget: MaskBudget, nodes: Mapping[str, str] | None = None
) -> tuple[Geometry, str]:
    """Return the shape of an object, and what is to be said about it, mostly nothing.

    `nodes` are the names that its class has for the ids of keypoints.

    Raises:
        InvalidInput: it cannot be used; the message follows the object's name.
    """
    name = row.geometry_type or row.shape
    kind = KINDS.get(name or "")
    if kind is None:
        raise InvalidInput(f"is a {name[:40]!r}, which has no place here" if name else "has no geometryType")
    if row.geometry is not None:
        return _read_verbatim(kind, row.geometry), ""
    if kind is GeometryKind.MASK:
        return _read_bitmap(row.bitmap, budget), ""
    if kind is GeometryKind.KEYPOINTS:
        return _read_nodes(row, nodes or {}), ""
    if kind is GeometryKind.ORIENTED_BOX:
        return _read_oriented(row)
    return _read_points(kind, row.points), ""


def _read_points(kind: GeometryKind, found: PointsJson | Points | None) -> Geometry:
    if not isinstance(found, PointsJson):
        raise InvalidInput(f"is a {kind} without exterior")
    points, holes = found.exterior, found.interior or ()
    fewest, most = _POINT_COUNTS[kind]
    if not fewest <= len(points) <= most or any(len(hole) < 3 for hole in holes):
        raise InvalidInput(f"is a {kind} with {len(points)} points")
    if kind is GeometryKind.RECTANGLE:
        (left, top), (right, bottom) = points
        if left <= right and top <= bottom:
            return Geometry(kind, points)
        return Geometry.rectangle(min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    return Geometry(kind, points, holes if kind is GeometryKind.POLYGON else ())


def _read_bitmap(bitmap: BitmapJson | None, budget: MaskBudget) -> Geometry:
    if bitmap is None:
        raise InvalidInput("has no bitmap")
    from mlwf_tui.media.bitmaps import decode_mask

    left, top = bitmap.origin
    if not (left.is_integer() and top.is_integer() and max(abs(left), abs(top)) <= MAX_PIXELS):
        raise InvalidInput("has a bitmap that does not begin on a pixel")
    png = _unpack(bitmap.data, budget)
    try:
        mask = decode_mask(png, max_pixels=min(MAX_PIXELS, budget.left))
    except InvalidInput as error:
        raise InvalidInput(f"has a bitmap that {error.message}") from error
    budget.spend(mask.width_px * mask.height_px)
    opposite = (left + mask.width_px, top + mask.height_px)
    return Geometry(GeometryKind.MASK, ((left, top), opposite), runs=mask.runs)


def _unpack(text: str, budget: MaskBudget) -> bytes:
    """Return the PNG of a bitmap: base64 of its zlib stream, or of itself."""
    try:
        packed = base64.b64decode(text)
        if packed.startswith(_PNG_START):
            return packed
        unpacker = zlib.decompressobj()
        png = unpacker.decompress(packed, min(_MAX_PNG_BYTES, budget.left + 1))
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InvalidInput("has a bitmap that is cut off or damaged") from error
    budget.spend(len(png))
    if not unpacker.eof:
        raise InvalidInput("has a bitmap that is cut off, or too large")
    return png


def _read_nodes(row: ShapeJson, known: Mapping[str, str]) -> Geometry:
    if not row.nodes:
        raise InvalidInput("has no nodes")
    points = tuple([node.loc for node in row.nodes.values()])
    seen = _shorten(tuple([_read_visibility(node) for node in row.nodes.values()]))
    names = tuple(row.nodes)
    if known:
        named = tuple([known.get(name, name) for name in names])
        names = named if len(set(named)) == len(named) else names
    is_unnamed = row.is_unnamed is True or _are_numbers(names)
    return Geometry(GeometryKind.KEYPOINTS, points, names=() if is_unnamed else names, visibility=seen)


def _read_visibility(node: NodeJson) -> Visibility:
    if not node.disabled:
        return Visibility.VISIBLE
    return Visibility.HIDDEN if node.visibility is None else node.visibility


def _shorten(seen: tuple[Visibility, ...]) -> tuple[Visibility, ...]:
    """Return the visibility as our model has it: none where all points are visible."""
    return () if all(one is Visibility.VISIBLE for one in seen) else seen


def _read_oriented(row: ShapeJson) -> tuple[Geometry, str]:
    kind = GeometryKind.ORIENTED_BOX
    if row.angle is None:
        if row.corners is not None and len(row.corners) == 4:
            return Geometry(kind, row.corners), ""
        raise InvalidInput("is an oriented_bbox without an angle")
    if not isinstance(row.points, tuple) or len(row.points) != 2 or not _are_near(row.points):
        raise InvalidInput("is an oriented_bbox without two points")
    turned = _to_corners(row.points, row.angle)
    if row.corners is None:
        return Geometry(kind, turned), ""
    if len(row.corners) != 4 or not _are_near(row.corners):
        raise InvalidInput("is an oriented_bbox without four corners")
    from_corners = _to_corners(*_to_angled(row.corners))
    is_same = all(math.dist(a, b) < _SAME_PX for a, b in zip(from_corners, turned, strict=True))
    note = "" if is_same else "has corners that do not fit its points and angle; the corners were taken"
    return Geometry(kind, row.corners), note


def _read_verbatim(kind: GeometryKind, row: VerbatimJson) -> Geometry:
    if not row.points:
        raise InvalidInput("has a geometry without points")
    if row.visibility and len(row.visibility) != len(row.points):
        raise InvalidInput("has a geometry without a visibility for each point")
    return Geometry(kind, row.points, row.holes, row.runs, row.names, _shorten(row.visibility))


def _to_angled(corners: Points) -> tuple[tuple[Point, Point], float]:
    """Return the box before it was turned around its centre, and the angle: radians, clockwise."""
    (left, top), (right, turned_top), _, (down_x, down_y) = corners
    angle = math.atan2(turned_top - top, right - left)
    width, height = math.hypot(right - left, turned_top - top), math.hypot(down_x - left, down_y - top)
    x, y = sum(x for x, _ in corners) / 4, sum(y for _, y in corners) / 4
    return ((x - width / 2, y - height / 2), (x + width / 2, y + height / 2)), angle


def _to_corners(box: Points, angle: float) -> Points:
    (left, top), (right, bottom) = box
    x, y = (left + right) / 2, (top + bottom) / 2
    sine, cosine = math.sin(angle), math.cos(angle)
    half_width, half_height = abs(right - left) / 2, abs(bottom - top) / 2
    return tuple(
        (
            x + across * half_width * cosine - down * half_height * sine,
            y + across * half_width * sine + down * half_height * cosine,
        )
        for across, down in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )
