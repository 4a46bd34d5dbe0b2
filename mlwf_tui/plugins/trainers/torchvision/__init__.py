"""torchvision: the trainer's door; the library itself is imported when something is to be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlwf_tui.errors import InvalidParameter, suggest
from mlwf_tui.plugins.trainers.devices import check_device
from mlwf_tui.plugins.trainers.threads import settle_threads
from mlwf_tui.plugins.trainers.torchvision.params import ClassifierParams
from mlwf_tui.plugins.trainers.torchvision.targets import list_targets
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import (
    EvaluateRequest,
    EvaluateResult,
    ExportRequest,
    ExportResult,
    ExportTarget,
    FitRequest,
    FitResult,
    ItemPrediction,
    Predictor,
    PredictRequest,
    Stopwatch,
)

ARCHITECTURES = (
    "resnet18", "resnet34", "resnet50", "mobilenet_v3_small", "mobilenet_v3_large", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf", "convnext_tiny",
)  # fmt: skip
"""Those that take images of any size, and learn in a loop without auxiliary outputs."""

TASK = "classify"


class TorchvisionTrainer:
    """Image classifiers from their architecture, or from weights of its own."""

    name = "torchvision"
    summary = "image classifiers (ResNet, MobileNet, EfficientNet, ConvNeXt, …) by torchvision"
    licence = "no terms of torchvision's own (BSD-3-Clause); the data may restrict it"
    file_suffixes: tuple[str, ...] = (".classifier",)
    data_formats: Mapping[str, str] = {TASK: "yolo-classify"}
    params_type: type[Any] = ClassifierParams
    metric_names: Mapping[str, tuple[str, ...]] = {TASK: ("top1", "top5", "metrics/top1", "metrics/top5")}

    def list_architectures(self) -> tuple[str, ...]:
        """Return the names that `fit` takes, family by family from small to large."""
        return ARCHITECTURES

    def find_task(self, architecture: str) -> str:
        """Return the only task there is."""
        return TASK

    def check_settings(self, params: ClassifierParams, extra: Mapping[str, Any]) -> None:
        """Refuse every further setting: all that this trainer has are its parameters.

        Raises:
            InvalidParameter: there is a further setting, or several devices.
        """
        check_device(params.device, are_several_taken=False)
        for key in extra:
            known = ClassifierParams.__dataclass_fields__
            raise InvalidParameter(
                f"The torchvision trainer has no setting {key!r}.",
                hint=f"{suggest(key, known)}There are: {', '.join(known)}.",
            )

    def resolve_settings(
        self, params: ClassifierParams, extra: Mapping[str, Any], *, task: str, has_gpu: bool
    ) -> Mapping[str, Any]:
        """Return the parameters: there are no presets."""
        return asdict(params)

    def can_resume(self, folder: Path) -> bool:
        """Whether `folder` holds a whole checkpoint of an interrupted fit."""
        settle_threads()
        from mlwf_tui.plugins.trainers.torchvision.weights import read_fit_state

        return read_fit_state(folder) is not None

    def fit(self, request: FitRequest, observer: Observer) -> FitResult:
        """Train; a stop asked through the observer ends after the running batch, with good checkpoints.

        Raises:
            InvalidParameter: an unknown architecture or device.
            InvalidInput: there is nothing to train or to validate on, or the loss is no number any more.
            PluginError: the library failed, as where a batch does not fit into the GPU's memory.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.torchvision.fit import fit

        return fit(request, observer)

    def evaluate(self, request: EvaluateRequest, observer: Observer) -> EvaluateResult:
        """Predict every image of a split; `library_metrics` has `top1` and `top5`.

        Raises:
            InvalidInput: the weights are missing or no classifier's of ours, or the split is empty.
            PluginError: the library failed.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.torchvision.predict import evaluate

        return evaluate(request, observer)

    def predict(
        self, request: PredictRequest, items: Sequence[SourceItem], observer: Observer
    ) -> Iterator[ItemPrediction]:
        """Yield one prediction an item, in order: tags alone.

        Raises:
            InvalidInput: the weights are missing or no classifier's of ours.
            PluginError: the library failed.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.torchvision.predict import predict

        return predict(request, items, observer)

    def open_predictor(self, request: PredictRequest) -> AbstractContextManager[Predictor]:
        """Load a classifier once, for images that come one after another.

        Raises:
            InvalidInput: the weights are missing or no classifier's of ours.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.torchvision.predict import open_predictor

        return open_predictor(request)

    def open_stopwatch(self, request: PredictRequest) -> AbstractContextManager[Stopwatch]:
        """Load a classifier to be timed.

        Raises:
            InvalidInput: the weights are missing or no classifier's of ours.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.torchvision.predict import open_stopwatch

        return open_stopwatch(request)

    def open_exported_stopwatch(
        self, request: PredictRequest, exported: Path
    ) -> AbstractContextManager[Stopwatch]:
        """Load what `export` has made as ONNX, to be timed in ONNX Runtime.

        Raises:
            InvalidInput: the weights are missing or no classifier's of ours.
            PluginError: the runtime failed.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.torchvision.predict import open_exported_stopwatch

        return open_exported_stopwatch(request, exported)

    def check_weights(self, path: Path) -> None:
        """Return if the file names nothing but tensors; it is read in weights-only mode in any case.

        Raises:
            InvalidInput: it is missing, or no checkpoint.
            Untrusted: it names what no weights need.
        """
        from mlwf_tui.plugins.trainers.weights_guard import check_weights

        check_weights(path)

    def list_export_targets(self) -> tuple[ExportTarget, ...]:
        """Return ONNX and TorchScript, with what is missing for each here."""
        return list_targets()

    def export(self, request: ExportRequest, observer: Observer) -> ExportResult:
        """Write the classifier in another form, and compare both on the samples.

        Raises:
            InvalidParameter: there is no such form, or what makes it is not installed.
            InvalidInput: the weights are missing or no classifier's of ours.
            PluginError: the library failed.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.torchvision.export import export

        return export(request, observer)
