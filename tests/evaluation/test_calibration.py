"""Calibration: arithmetic on bins, and a temperature that is found again where it was planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from mlwf_tui.entities.annotation import Annotation
from mlwf_tui.evaluation.calibration import (
    calibrate,
    count_bins,
    find_expected_error,
    find_largest_error,
    fit_temperature,
)
from mlwf_tui.evaluation.measured import measure
from tests.evaluation.worlds import make_box


def test_bins_are_open_below_and_closed_above() -> None:
    bins = count_bins(np.array([0.0, 0.1, 0.10001, 0.2, 1.0]), np.array([True, False, True, True, True]))

    assert [of.count for of in bins] == [2, 2, 0, 0, 0, 0, 0, 0, 0, 1]
    assert bins[0].precision == 0.5
    assert bins[1].confidence == pytest.approx(0.150005)


def test_the_expected_error_is_the_mean_gap() -> None:
    score = np.array([0.95] * 10 + [0.25] * 30)
    is_hit = np.array([True] * 5 + [False] * 5 + [True] * 3 + [False] * 27)

    bins = count_bins(score, is_hit)

    assert find_expected_error(bins) == pytest.approx((10 * 0.45 + 30 * 0.15) / 40)
    assert find_largest_error(bins) == pytest.approx(0.45)


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.5])
def test_a_planted_temperature_is_found_again(planted: float) -> None:
    random = np.random.default_rng(3)
    true = random.uniform(0.02, 0.98, 20_000)
    is_hit = random.random(20_000) < true

    found = fit_temperature(expit(logit(true) * planted), is_hit)

    assert found == pytest.approx(planted, rel=0.05)


def test_an_overconfident_model_is_better_calibrated_once_scaled() -> None:
    random = np.random.default_rng(1)
    truths, predictions = {}, {}
    for number in range(300):
        is_right = random.random() < 0.6
        truths[f"{number:03d}"] = Annotation((make_box("cat", 0, 0, 50),))
        predictions[f"{number:03d}"] = [make_box("cat", 0 if is_right else 100, 0, 50, 0.97)]

    found = calibrate(measure(truths, predictions, ["cat"]))

    assert found is not None
    assert found.ece == pytest.approx(0.37, abs=0.06)
    assert found.ece_scaled < 0.1
    assert found.temperature > 2


def test_nothing_to_calibrate_is_said_so() -> None:
    assert calibrate(measure({"a": Annotation((make_box("cat", 0, 0, 9),))}, {}, ["cat"])) is None
