"""Lines in dashes: a shape's border cut into the pieces that are drawn; pure geometry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mlwf_tui.entities.annotation import Geometry, GeometryKind, Point

MOST_PIECES = 2_000  # of one shape: beyond it the line is drawn whole, which nobody could tell apart


def dash(geometry: Geometry, pattern: Sequence[float], unit_px: float) -> tuple[Geometry, ...]:
    """Return lines that together are a shape's border in dashes; the shape itself where it has none.

    `pattern` are lengths drawn and left out in turn, in units of `unit_px` pixels of the image.
    """
    rings = list(_list_rings(geometry))
    lengths = [length * unit_px for length in pattern]
    total = sum(math.dist(*edge) for ring in rings for edge in pairwise(ring))
    if not rings or not lengths or min(lengths) <= 0 or total / sum(lengths) > MOST_PIECES:
        return (geometry,)
    return tuple(
        Geometry(GeometryKind.POLYLINE, piece) for ring in rings for piece in _iter_pieces(ring, lengths)
    )


def _list_rings(geometry: Geometry) -> Iterator[Sequence[Point]]:
    match geometry.kind:
        case GeometryKind.RECTANGLE:
            left, top, right, bottom = geometry.bounds
            yield (left, top), (right, top), (right, bottom), (left, bottom), (left, top)
        case GeometryKind.POLYGON | GeometryKind.ORIENTED_BOX:
            for ring in (geometry.points, *geometry.holes):
                yield (*ring, ring[0])
        case GeometryKind.POLYLINE:
            yield geometry.points


def _iter_pieces(ring: Sequence[Point], lengths: Sequence[float]) -> Iterator[tuple[Point, ...]]:
    """Yield the drawn pieces of a line, corners in them."""
    place, left_px = 0, lengths[0]
    piece: list[Point] = [ring[0]]
    for start, end in pairwise(ring):
        length_px, done_px = math.dist(start, end), 0.0
        while length_px - done_px > left_px:
            done_px += left_px
            share = done_px / length_px
            at = start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
            if place % 2 == 0:
                yield (*piece, at)
            piece = [at]
            place = (place + 1) % len(lengths) if len(lengths) % 2 == 0 else place + 1
            left_px = lengths[place % len(lengths)]
        left_px -= length_px - done_px
        piece.append(end)
    if place % 2 == 0 and len(piece) > 1:
        yield tuple(piece)
