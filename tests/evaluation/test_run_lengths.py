"""Shapes as run lengths: what COCO's tools make of outlines, and what they had better not be asked."""

from __future__ import annotations

import numpy as np

from mlwf_tui.entities.annotation import Geometry, GeometryKind
from mlwf_tui.evaluation.run_lengths import encode_shape, measure_areas


def test_an_outline_that_reaches_far_beyond_its_image_is_cut_in_no_time() -> None:
    far = 1e8
    square = Geometry(GeometryKind.POLYGON, ((-far, 20.0), (far, 20.0), (far, far), (-far, far)))

    (area,) = measure_areas([encode_shape(square, 60, 50)]).tolist()

    assert area == 60 * 30


def test_areas_of_nothing_are_none() -> None:
    assert np.array_equal(measure_areas([]), np.zeros(0))
