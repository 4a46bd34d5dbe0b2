"""Which part of an image is seen when it is larger than its room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.picture import WHOLE
from mlwf_tui.tui.widgets.picture_view import Caption, place_captions
from mlwf_tui.tui.widgets.picture_zoom import LEVELS, Zoom

SIZES = st.tuples(st.integers(1, 5000), st.integers(1, 5000))
ROOMS = st.tuples(st.integers(1, 200), st.integers(1, 100))


@given(
    SIZES,
    ROOMS,
    st.lists(st.one_of(st.integers(-3, 3), st.tuples(st.floats(-2, 2), st.floats(-2, 2))), max_size=12),
)
def test_however_one_zooms_and_pans_a_part_of_the_image_is_seen(
    size: tuple[int, int], room: tuple[int, int], steps: list[int | tuple[float, float]]
) -> None:
    zoom = Zoom()
    for step in steps:
        zoom = zoom.step(step) if isinstance(step, int) else zoom.pan(*step, size, room)
        seen = zoom.find_window(size, room)
        assert 0 <= seen.left < seen.right <= 1 + 1e-9
        assert 0 <= seen.top < seen.bottom <= 1 + 1e-9


def test_the_whole_image_is_seen_first_and_again() -> None:
    assert Zoom().find_window((100, 50), (40, 20)) == WHOLE
    near = Zoom().step(4).pan(2.0, 0.0, (100, 50), (40, 20))
    assert near.find_window((100, 50), (40, 20)).right == 1.0
    assert near.step(-len(LEVELS)) == Zoom()


def test_a_larger_picture_uses_the_room_that_the_whole_one_left_empty() -> None:
    wide = Zoom().step(2).find_window((100, 100), (80, 20))
    assert (wide.top, wide.bottom) == (0.25, 0.75), "twice as large: half of its height"
    assert (wide.left, wide.right) == (0.0, 1.0), "and still all of its width"


def test_names_over_a_picture_never_cover_each_other_and_stay_on_it() -> None:
    red = (255, 0, 0)
    placed = place_captions(
        [Caption(0, 0, "cell", red), Caption(2, 0, "clump", red), Caption(9, 0, "x", red),
         Caption(-3, 1, "far", red), Caption(2, 9, "below", red)],
        12, 2,
    )  # fmt: skip
    assert [(one.column, one.text) for one in placed[0]] == [(0, "cell"), (5, "clump")]
    assert [(one.column, one.text) for one in placed[1]] == [(0, "far")]
    assert 9 not in {row for row, captions in placed.items() if captions}
