"""Whether confidences are what they say: bins, their gaps, and the temperature that closes them.

Source: Guo et al., On Calibration of Modern Neural Networks (2017).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from mlwf_tui.entities.measurement import Calibration, CalibrationBin
from mlwf_tui.evaluation.columns import Bools, Floats
from mlwf_tui.evaluation.measured import Measured

BINS = 10

_TEMPERATURES = (0.05, 20.0)


def calibrate(measured: Measured, *, floor: float = 0.0) -> Calibration | None:
    """Return how well confidences from `floor` up agree with hits at IoU 0.5; None where there are none.

    Each half of the items is scaled by the temperature that suits the other half, so that what is said
    of scaled confidences holds for items that it was not fitted to.
    """
    chosen = (measured.detections.score >= floor) & measured.is_counted
    score, is_hit = measured.detections.score[chosen], measured.is_hit[chosen]
    if not len(score):
        return None
    bins = count_bins(score, is_hit)
    scaled = _scale_across(score, is_hit, measured.detections.image[chosen] % 2 == 0)
    scaled_bins = count_bins(scaled, is_hit)
    return Calibration(
        bins=bins,
        ece=find_expected_error(bins),
        mce=find_largest_error(bins),
        temperature=fit_temperature(score, is_hit),
        ece_scaled=find_expected_error(scaled_bins),
        mce_scaled=find_largest_error(scaled_bins),
    )


def count_bins(score: Floats, is_hit: Bools, count: int = BINS) -> tuple[CalibrationBin, ...]:
    """Return equal bins of confidence, each open below and closed above but for the first."""
    place = np.clip(np.ceil(score * count).astype(int) - 1, 0, count - 1)
    sizes = np.bincount(place, minlength=count)
    scores = np.bincount(place, score, minlength=count) / np.maximum(sizes, 1)
    hits = np.bincount(place, is_hit, minlength=count) / np.maximum(sizes, 1)
    return tuple(
        CalibrationBin(low=at / count, high=(at + 1) / count, count=size, confidence=mean, precision=share)
        for at, (size, mean, share) in enumerate(
            zip(sizes.tolist(), scores.tolist(), hits.tolist(), strict=True)
        )
    )


def find_expected_error(bins: tuple[CalibrationBin, ...]) -> float:
    """Return the mean gap between confidence and precision, weighed by count (ECE)."""
    total = sum(of.count for of in bins)
    return sum(of.count * abs(of.confidence - of.precision) for of in bins) / max(total, 1)


def find_largest_error(bins: tuple[CalibrationBin, ...]) -> float:
    """Return the largest gap of a bin (MCE)."""
    return max((abs(of.confidence - of.precision) for of in bins if of.count), default=0.0)


def fit_temperature(score: Floats, is_hit: Bools) -> float:
    """Return by what logits are best divided: where the likelihood of the hits is largest."""
    if not len(score):
        return 1.0
    logits = _read_logits(score)

    def lose(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, scaled) - is_hit * scaled))

    found = minimize_scalar(lose, bounds=tuple(np.log(_TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def _scale_across(score: Floats, is_hit: Bools, is_first: Bools) -> Floats:
    scaled = np.empty(len(score))
    for half in (is_first, ~is_first):
        scaled[half] = expit(_read_logits(score[half]) / fit_temperature(score[~half], is_hit[~half]))
    return scaled


def _read_logits(score: Floats) -> Floats:
    logits: Floats = logit(np.clip(score, 1e-6, 1 - 1e-6))
    return logits
