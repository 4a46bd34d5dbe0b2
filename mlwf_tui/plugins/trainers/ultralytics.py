"""ultralytics: the trainer's door; the library itself is imported when something is to be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlwf_tui.plugins.trainers.ultralytics_architectures import list_architectures
from mlwf_tui.plugins.trainers.ultralytics_checkpoints import list_checkpoints
from mlwf_tui.plugins.trainers.ultralytics_params import TrainParams, check_extra, read_default_settings
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import (
    EvaluateRequest,
    EvaluateResult,
    FitRequest,
    FitResult,
    ItemPrediction,
    PredictRequest,
)


class UltralyticsTrainer:
    """YOLO detection models from their architecture or from trusted weights, offline."""

    name = "ultralytics"
    summary = "YOLO detection models (v8, v10, 11, 12, 26 and a small one for CPUs) by Ultralytics"
    licence = "AGPL-3.0, as Ultralytics asks for; the data may restrict it further"
    data_format = "yolo"
    params_type: type[Any] = TrainParams

    def list_architectures(self) -> tuple[str, ...]:
        """Return the names that `fit` takes, the small ones first."""
        return list_architectures()

    def check_settings(self, params: TrainParams, extra: Mapping[str, Any]) -> None:
        """Refuse settings that the library does not know; its defaults are read, not imported.

        Raises:
            InvalidParameter: a setting is unknown, or is mlwf's to make.
        """
        check_extra(extra, read_default_settings())

    def can_resume(self, folder: Path) -> bool:
        """Whether `folder` holds a whole checkpoint of an interrupted fit."""
        return bool(list_checkpoints(folder))

    def fit(self, request: FitRequest, observer: Observer) -> FitResult:
        """Train; a stop asked through the observer ends after the running batch, with good checkpoints.

        Raises:
            InvalidParameter: an unknown architecture, setting or device, or weights that nobody vouches for.
            InvalidInput: there is nothing to train or to validate on.
            PluginError: the library failed.
        """
        from mlwf_tui.plugins.trainers.ultralytics_fit import fit

        return fit(request, observer)

    def evaluate(self, request: EvaluateRequest, observer: Observer) -> EvaluateResult:
        """Predict every image of a split at confidence 0.001, up to 300 boxes each, as `val()` does.

        `speed` also has `latency_p50_ms` and `latency_p95_ms` of one image.

        Raises:
            InvalidInput: the weights are missing or of another task, or the split is empty.
            PluginError: the library failed.
        """
        from mlwf_tui.plugins.trainers.ultralytics_evaluate import evaluate

        return evaluate(request, observer)

    def predict(
        self, request: PredictRequest, items: Sequence[SourceItem], observer: Observer
    ) -> Iterator[ItemPrediction]:
        """Yield one prediction an item, in order.

        Raises:
            InvalidInput: the weights are missing or of another task.
            PluginError: the library failed.
        """
        from mlwf_tui.plugins.trainers.ultralytics_predict import predict

        return predict(request, items, observer)
