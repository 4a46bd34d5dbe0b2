"""Which part of an image is seen, and where shapes lie on it."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.annotation import Bounds
from mlwf_tui.entities.picture import WHOLE, Window

MIDDLE = Window(0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    ("window", "bounds", "corner"),
    [
        (WHOLE, Bounds(50, 20, 60, 30), (0.25, 0.2)),
        (MIDDLE, Bounds(100, 75, 110, 80), (0.5, 0.5)),
        (MIDDLE, Bounds(0, 0, 200, 100), (0.0, 0.0)),  # begins beyond what is seen
        (MIDDLE, Bounds(10, 75, 60, 80), (0.0, 0.5)),
        (MIDDLE, Bounds(10, 75, 40, 80), None),
        (MIDDLE, Bounds(160, 75, 170, 80), None),
        (MIDDLE, Bounds(100, 10, 110, 40), None),
    ],
)
def test_the_corner_of_a_shape_is_where_it_is_seen_or_nowhere(
    window: Window, bounds: Bounds, corner: tuple[float, float] | None
) -> None:
    assert window.place(bounds, 200, 100) == corner
