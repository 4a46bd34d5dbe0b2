"""ultralytics: the trainer's door; the library itself is imported when something is to be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from mlwf_tui.plugins.trainers.devices import check_batch, check_device, list_devices
from mlwf_tui.plugins.trainers.threads import settle_threads
from mlwf_tui.plugins.trainers.ultralytics.architectures import count_layers, find_task, list_architectures
from mlwf_tui.plugins.trainers.ultralytics.checkpoints import list_checkpoints
from mlwf_tui.plugins.trainers.ultralytics.metrics import MAIN, list_names
from mlwf_tui.plugins.trainers.ultralytics.params import (
    SHOWN,
    TrainParams,
    build_settings,
    check_extra,
    check_freeze,
    read_default_settings,
)
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


class UltralyticsTrainer:
    """YOLO and RT-DETR models from their architecture or from trusted weights, offline."""

    name = "ultralytics"
    summary = "all YOLO models (v3 to 26, and a small one for CPUs) and RT-DETR, by Ultralytics"
    licence = "AGPL-3.0, as Ultralytics asks for; the data may restrict it further"
    file_suffixes: tuple[str, ...] = (".pt", ".yaml")
    data_formats: Mapping[str, str] = {
        "detect": "yolo",
        "segment": "yolo-segment",
        "pose": "yolo-pose",
        "obb": "yolo-obb",
        "classify": "yolo-classify",
    }
    params_type: type[Any] = TrainParams
    least_side_px = 10  # the library takes smaller images for damaged ones
    metric_names: Mapping[str, tuple[str, ...]] = {task: list_names(task) for task in MAIN}

    def list_architectures(self) -> tuple[str, ...]:
        """Return the names that `fit` takes, the small ones first."""
        return list_architectures()

    def find_task(self, architecture: str) -> str:
        """Return what an architecture, a definition or a file of weights is made for.

        Raises:
            InvalidInput: the file is neither a definition nor weights of a task that can be trained.
        """
        return find_task(architecture)

    def check_settings(self, params: TrainParams, extra: Mapping[str, Any]) -> None:
        """Refuse settings that the library does not know, or not so; its defaults are read, not imported.

        Raises:
            InvalidParameter: a setting is unknown, or is mlwf's to make; a value or device means nothing; the
                batch fits no such devices.
        """
        check_extra(extra, read_default_settings())
        check_device(params.device, are_several_taken=True)
        devices = list_devices(params.device)
        settings = build_settings(params, extra, has_gpu=any(one.isdecimal() for one in devices[:1]))
        if len(devices) > 1:
            check_batch(float(settings["batch"]), len(devices))

    def check_architecture(self, architecture: str, params: TrainParams) -> None:
        """Refuse to freeze all layers of an architecture; `fit` does so where only weights say how many.

        Raises:
            InvalidParameter: none would be left to be trained.
        """
        layer_count = count_layers(architecture) if params.freeze else None
        if layer_count is not None:
            check_freeze(params, layer_count)

    def resolve_settings(
        self, params: TrainParams, extra: Mapping[str, Any], *, task: str, has_gpu: bool
    ) -> Mapping[str, Any]:
        """Return all declared settings as the library will get them, its own defaults included."""
        chosen = build_settings(params, extra, has_gpu=has_gpu, task=task)
        known = {name: value for name, value in read_default_settings().items() if name in SHOWN}
        return known | chosen

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
        settle_threads()
        if len(list_devices(request.params.device)) > 1:
            from mlwf_tui.plugins.trainers.ultralytics.distributed import fit_distributed

            return fit_distributed(request, observer)
        from mlwf_tui.plugins.trainers.ultralytics.fit import fit

        return fit(request, observer)

    def evaluate(self, request: EvaluateRequest, observer: Observer) -> EvaluateResult:
        """Predict every image of a split at confidence 0.001, up to 300 boxes each, as `val()` does.

        `speed` also has `latency_p50_ms` and `latency_p95_ms` of one image.

        Raises:
            InvalidInput: the weights are missing or of another task, or the split is empty.
            PluginError: the library failed.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.ultralytics.evaluate import evaluate

        return evaluate(request, observer)

    def predict(
        self, request: PredictRequest, items: Sequence[SourceItem], observer: Observer
    ) -> Iterator[ItemPrediction]:
        """Yield one prediction an item, in order.

        Raises:
            InvalidInput: the weights are missing or of another task.
            PluginError: the library failed.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.ultralytics.predict import predict

        return predict(request, items, observer)

    def open_predictor(self, request: PredictRequest) -> AbstractContextManager[Predictor]:
        """Load a model that stays loaded.

        Raises:
            InvalidInput: the weights are missing or of another task.
            Untrusted: opening the weights may run code, and nobody vouches for them.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.ultralytics.predict import open_predictor

        return open_predictor(request)

    def open_stopwatch(self, request: PredictRequest) -> AbstractContextManager[Stopwatch]:
        """Load a model to be timed.

        Raises:
            InvalidInput: the weights are missing or of another task.
            Untrusted: opening the weights may run code, and nobody vouches for them.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.ultralytics.predict import open_stopwatch

        return open_stopwatch(request)

    def open_exported_stopwatch(
        self, request: PredictRequest, exported: Path
    ) -> AbstractContextManager[Stopwatch]:
        """Load what `export` has made as ONNX, to be timed in ONNX Runtime.

        Raises:
            InvalidInput: the weights are missing or of another task.
            Untrusted: opening the weights may run code, and nobody vouches for them.
            PluginError: the runtime failed.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.ultralytics.predict import open_exported_stopwatch

        return open_exported_stopwatch(request, exported)

    def check_weights(self, path: Path) -> None:
        """Return if the file is a checkpoint that names nothing but parts of networks.

        Raises:
            InvalidInput: it is no checkpoint, or claims more than it holds.
            Untrusted: opening it may run code.
        """
        from mlwf_tui.plugins.trainers.weights_guard import check_weights

        check_weights(path)

    def list_export_targets(self) -> tuple[ExportTarget, ...]:
        """Return ONNX, TorchScript, OpenVINO and TensorRT, with what is missing for each here."""
        from mlwf_tui.plugins.trainers.ultralytics.targets import list_targets

        return list_targets()

    def export(self, request: ExportRequest, observer: Observer) -> ExportResult:
        """Write the weights in another form, offline, and compare outputs, boxes and the example's objects.

        Raises:
            InvalidParameter: the target's library is not installed, or its GPU is not there.
            InvalidInput: the weights are missing or of another task, or a sample cannot be decoded.
            PluginError: the library, or the example, failed.
        """
        settle_threads()
        from mlwf_tui.plugins.trainers.ultralytics.export import export

        return export(request, observer)
