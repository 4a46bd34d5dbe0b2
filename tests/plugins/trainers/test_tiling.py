"""Tiles cover an image, and what several of them saw is kept once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry
from mlwf_tui.plugins.trainers.tiling import Seen, Tile, keep_best, place_seen, plan_tiles


def see(
    left: float, top: float, right: float, bottom: float, sure: float, name: str = "a"
) -> AnnotatedObject:
    return AnnotatedObject(name, Geometry.rectangle(left, top, right, bottom), sure)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(16, 300), st.floats(0, 0.9, allow_nan=False))
def test_every_pixel_lies_in_a_tile_of_the_full_side(
    width: int, height: int, side: int, overlap: float
) -> None:
    tiles = plan_tiles(width, height, side, overlap)

    if max(width, height) <= side:
        assert tiles == ()
        return
    for axis, length in ((0, width), (1, height)):
        spans = sorted({(tile[axis], tile[axis + 2]) for tile in tiles})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(before[1] >= after[0] for before, after in pairwise(spans))
        assert all(end - start == min(side, length) for start, end in spans)
    assert len(set(tiles)) == len(tiles)


def test_what_two_tiles_saw_whole_is_one_object_the_surer() -> None:
    tiles = (Tile(0, 0, 100, 100), Tile(80, 0, 180, 100))
    seen = place_seen([see(82, 10, 96, 30, 0.6)], tiles[0], 180, 100)
    seen += place_seen([see(3, 10, 17, 31, 0.8)], tiles[1], 180, 100)

    (kept,) = keep_best(seen, iou=0.5, max_objects=10)

    assert kept.confidence == 0.8
    assert kept.geometry.bounds == (83, 10, 97, 31)


def test_an_object_cut_by_a_border_gives_way_to_the_whole_one_though_it_is_surer() -> None:
    tiles = (Tile(0, 0, 100, 100), Tile(60, 0, 160, 100))
    seen = place_seen([see(70, 10, 100, 40, 0.95)], tiles[0], 160, 100)  # its right part is missing
    seen += place_seen([see(10, 10, 60, 40, 0.5)], tiles[1], 160, 100)

    (kept,) = keep_best(seen, iou=0.7, max_objects=10)

    assert kept.geometry.bounds == (70, 10, 120, 40)


def test_an_object_at_the_images_own_border_is_not_cut() -> None:
    (seen,) = place_seen([see(70, 60, 100, 100, 0.9)], Tile(60, 60, 160, 160), 160, 160)
    (cut,) = place_seen([see(70, 60, 100, 100, 0.9)], Tile(60, 60, 160, 160), 320, 160)

    assert not seen.is_cut
    assert cut.is_cut


def test_objects_of_other_classes_and_small_ones_on_large_ones_stay() -> None:
    seen = [
        Seen(see(0, 0, 100, 100, 0.9), is_cut=False),
        Seen(see(0, 0, 100, 100, 0.8, "b"), is_cut=False),
        Seen(see(10, 10, 20, 20, 0.7), is_cut=False),
    ]

    assert len(keep_best(seen, iou=0.5, max_objects=10)) == 3
    assert [one.confidence for one in keep_best(seen, iou=0.5, max_objects=2)] == [0.9, 0.8]
