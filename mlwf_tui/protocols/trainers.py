"""The contract of trainers: they fit, measure and apply models of one library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem

STATE_NAME = "last.state"
"""The checkpoint that a fit can be gone on from for more epochs; a trainer that cannot leaves none."""


class FitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A training to do. `data` was written by the exporter that the trainer names for the task.

    `weights` are those of a model of this home, to start from; `architecture` is then that model's.
    """

    architecture: str  # "yolov10n", or a path to a definition, or to weights to start from
    data: Path
    class_names: tuple[str, ...]
    folder: Path  # the trainer's own; everything it writes goes here. Empty, unless it is resumed
    params: Any  # of the trainer's params_type
    extra: Mapping[str, Any]  # further settings, handed to the library as they are
    seed: int
    is_resumed: bool = False  # go on from the checkpoint that an earlier fit has left in `folder`
    task: str = "detect"  # one of entities.model.TASKS
    weights: Path | None = None
    continues: Path | None = None  # a folder with the checkpoints of a finished fit, by name, to go on from
    more_epochs: int = 0  # of such a fit: how many
    files: Mapping[str, str] = {}  # as in ExportSummary, to name items by


class FitResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a training left: weight files (the best first), and the best epoch's metrics.

    Metrics have the same names whatever the library: map, map50, precision and recall of what the task is
    about, box_map50 and so on of the boxes beside it; of a classifier top1 and top5.
    """

    checkpoints: tuple[Path, ...]
    architecture: str
    task: str
    image_size_px: int
    metrics: Mapping[str, float]
    environment: Mapping[str, str]
    is_stopped: bool = False  # asked to stop before the last epoch; the checkpoints are good
    stop_reason: str = ""  # where it ended by itself before its time, in a sentence
    notes: tuple[str, ...] = ()  # what went otherwise than asked, each in a sentence: a smaller batch
    class_names: tuple[str, ...] = ()  # that the model knows, in their order; empty: those of the request
    problems: tuple[Problem, ...] = ()  # images that could not be used, by the keys of their items


PREDICT_BATCH = 16
"""How many images `Trainer.predict` may look at together, counted from the first that it is given.

After a kill it is given the rest from such a border on, so that the same images meet in a batch: what a
library computes of one may depend, in its last bits, on those beside it."""


class ItemPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says of one item; shapes in pixels of the original image, best first.

    A classifier says tags, the surest first: classes, each with its probability as value.
    """

    key: str
    objects: tuple[AnnotatedObject, ...] = ()
    tags: tuple[Tag, ...] = ()
    problem: str = ""  # why the image cannot be used; then there are no objects


class EvaluateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A model to run over one split of an exported folder, with every faint detection kept."""

    weights: Path
    data: Path
    files: Mapping[str, str]  # as in ExportSummary
    split: Split
    folder: Path
    image_size_px: int
    device: str = "auto"
    is_trusted: bool = False  # open the weights though they may run code of their maker
    paths: tuple[str, ...] = ()  # of `files`: look at these images alone, whatever their split
    note: Callable[[Sequence[ItemPrediction]], None] | None = None  # told of each batch as it is done


class EvaluateResult(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions of every image of the split, and the milliseconds one image took.

    An image that cannot be used is left out, or is a prediction with a problem.
    """

    predictions: tuple[ItemPrediction, ...]
    speed: Mapping[str, float]  # preprocess_ms, inference_ms, postprocess_ms, images_per_second
    library_metrics: Mapping[str, float] = {}


class PredictRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A model to apply to images as a user would: with a confidence threshold.

    With `tile_px`, of an image that is larger its tiles are looked at as well, side by side with
    `tile_overlap` of their side in common, and what is seen twice is kept once.
    """

    weights: Path
    image_size_px: int
    confidence: float
    folder: Path
    device: str = "auto"
    iou: float = 0.7  # of two objects of a class that overlap more, the surer one is kept
    max_objects: int = 300  # of one image, the surest
    tile_px: int = 0  # side of a tile; 0 looks at whole images only
    tile_overlap: float = 0.2
    is_trusted: bool = False  # open the weights though they may run code of their maker


class Predictor(Protocol):
    """A model that stays loaded; used by one thread at a time."""

    def predict(self, images: Sequence[bytes]) -> tuple[ItemPrediction, ...]:
        """Return what the model says of encoded images, in order, with empty keys.

        One that cannot be decoded is a prediction with a problem; the others are predicted.
        """


class PassTime(msgspec.Struct, frozen=True, kw_only=True):
    """How long each part of looking at a batch took, in milliseconds of the whole batch."""

    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


class Stopwatch(Protocol):
    """A model that stays loaded and says how long it takes; used by one thread at a time."""

    device: str  # in words: "CPU", or the GPU's name
    gpu_index: int | None  # as the driver counts, None on a processor
    runtime: str  # "PyTorch 2.8.0"
    precision: str  # "float32"

    def time(self, images: Sequence[bytes]) -> PassTime:
        """Look at encoded images as one batch; decoding is not timed, a GPU is waited for at each border."""

    def read_gpu_peak(self) -> int | None:
        """Return the most bytes the library has taken of the GPU since the last call; None without one."""


@runtime_checkable
class TimedTrainer(Protocol):
    """A trainer whose models' speed can be measured; one that cannot be is a trainer all the same."""

    def open_stopwatch(self, request: PredictRequest) -> AbstractContextManager[Stopwatch]:
        """Load a model once, to be timed; leaving it lets go of the device."""


@runtime_checkable
class ExportTimedTrainer(TimedTrainer, Protocol):
    """A trainer that also times its models in the runtimes of the forms that it can write."""

    def open_exported_stopwatch(
        self, request: PredictRequest, exported: Path
    ) -> AbstractContextManager[Stopwatch]:
        """Load what `export` has made of the request's weights, with any batch, in the runtime of its format.

        Where that runtime has no use of the device that is asked for, `Stopwatch.device` says which it took.
        """


class ExportTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A form in which weights can be given to others, and what it takes to make it here."""

    name: str  # "onnx"
    summary: str
    missing: str = ""  # why it cannot be made here, as a sentence; empty where it can
    hint: str = ""  # what to do about that: a command of pip


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Weights to write in another form, and pictures on which both have to agree."""

    weights: Path
    format: str  # the name of a target that is not missing
    folder: Path  # the trainer's own, empty; what it writes for the package goes to `folder`/package
    class_names: tuple[str, ...]
    image_size_px: int
    confidence: float  # what the example keeps
    iou: float
    max_objects: int
    samples: tuple[bytes, ...]  # encoded images; the first may become part of the package
    has_sample: bool = True  # it does
    has_any_batch: bool = False  # what is written takes any number of images at once, instead of one
    device: str = "auto"
    is_trusted: bool = False


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far two forms of a model differ: in one number, and what is still the same."""

    name: str  # "box_px", "score": what is compared
    difference: float  # the largest found
    tolerance: float

    @property
    def is_kept(self) -> bool:
        return self.difference <= self.tolerance  # not so for NaN


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in `folder`/package now. A difference beyond its tolerance is the caller's to refuse."""

    weights: str  # name of the file or folder that is opened
    interface: Mapping[str, Any]  # input, preprocessing, output, postprocessing: plain values, for model.json
    agreement: tuple[Agreement, ...]
    licence: str  # what the library says of weights that were made with it
    example: str = ""  # name of a program that runs with `requires` alone
    requires: tuple[str, ...] = ()  # what pip must install for it
    environment: Mapping[str, str] = {}


class Trainer(Protocol):
    """Trains, measures and applies models of one library. May be slow to import; runs in a worker.

    One may have `metric_names` as well: by task, the names of what `fit` measures, in its result and as
    curves, as `("map50", "metrics/mAP50")`. A search by another metric that is no loss is then refused. And
    `least_side_px`: images with a shorter side are left out by `fit`, which a dry run then tells. And
    `check_architecture(architecture, params)`: it raises InvalidParameter, without importing the library, for
    what `fit` would refuse of this architecture.
    """

    name: str
    summary: str
    licence: str  # what its library says of weights that were made with it
    data_formats: Mapping[str, str]  # by task: the exporter whose folders `fit` and `evaluate` read
    file_suffixes: tuple[str, ...]  # of files that `FitRequest.architecture` may name, as ".pt"; may be empty
    params_type: type[Any]

    def list_architectures(self) -> tuple[str, ...]:
        """Return the names that `FitRequest.architecture` takes, without importing the library."""

    def find_task(self, architecture: str) -> str:
        """Return the task that a name of `list_architectures`, or a file, is made for.

        No library is imported.

        Raises:
            InvalidInput: a file that is neither a definition nor weights.
        """

    def check_settings(self, params: Any, extra: Mapping[str, Any]) -> None:
        """Raise InvalidParameter for what `fit` would refuse, without importing the library."""

    def resolve_settings(
        self, params: Any, extra: Mapping[str, Any], *, task: str, has_gpu: bool
    ) -> Mapping[str, Any]:
        """Return what a fit would train with, presets resolved; `epochs`, `batch` and `imgsz` among it.

        No library is imported.
        """

    def can_resume(self, folder: Path) -> bool:
        """Whether an interrupted fit has left a whole checkpoint in `folder`, which may be missing."""

    def fit(self, request: FitRequest, observer: Observer) -> FitResult:
        """Train; metrics and progress go to the observer, cancelling ends after the running batch.

        Where the observer raises Paused, it goes on to the next checkpoint and lets Paused out; where
        that is urgent, at once.
        """

    def evaluate(self, request: EvaluateRequest, observer: Observer) -> EvaluateResult:
        """Predict every image of the split at a confidence floor of 0.001."""

    def predict(
        self, request: PredictRequest, items: Sequence[SourceItem], observer: Observer
    ) -> Iterator[ItemPrediction]:
        """Yield one prediction an item, in order, with only objects above the confidence.

        An image that cannot be decoded is a prediction with a problem; the others are predicted.
        """

    def open_predictor(self, request: PredictRequest) -> AbstractContextManager[Predictor]:
        """Load a model once, for images that come one after another; leaving it lets go of the device."""

    def check_weights(self, path: Path) -> None:
        """Return if opening the file cannot run code of its maker, without importing the library.

        Raises Untrusted, or InvalidInput where the file is no weights.
        """

    def list_export_targets(self) -> tuple[ExportTarget, ...]:
        """Return the forms that `export` can write, the most useful first, without importing the library."""

    def export(self, request: ExportRequest, observer: Observer) -> ExportResult:
        """Write the weights in another form, with an example, and compare both on the samples.

        Nothing is downloaded or installed, and nobody is told.
        """
