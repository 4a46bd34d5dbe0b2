"""At any confidence the figures are those of a whole evaluation at that confidence."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mlwf_tui.evaluation.errors import share_errors
from mlwf_tui.evaluation.evaluate import summarize
from mlwf_tui.evaluation.measured import measure
from mlwf_tui.evaluation.tuning import Tuner
from tests.evaluation.worlds import CLASSES, draw_world


@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.77, 1.0])
def test_a_tuned_report_is_the_one_that_would_have_been_made(confidence: float) -> None:
    world = draw_world(6, items=50, skill=0.7)
    measured = measure(*world, CLASSES)
    own = replace(summarize(measured), errors=share_errors(measured))

    tuned = Tuner(measured, own).tune(confidence)

    there = measure(*world, CLASSES, confidence=confidence)
    assert tuned == replace(summarize(there), errors=share_errors(there))
    assert Tuner(measured, own).tune(measured.confidence) == own
