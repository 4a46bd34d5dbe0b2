"""The contracts of every plug-in kind, and of whoever watches long work; no implementation.

A plug-in is an object found by name through an entry point group (see registry.py). One suite per
kind in tests/contracts/ says what an implementation must do beyond the signatures here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from mlwf_tui.entities.abilities import Abilities
from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, LabelSchema
from mlwf_tui.entities.boxes import Boxes
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.ids import JobId
from mlwf_tui.entities.item import Item, Origin, Split
from mlwf_tui.entities.machine import Gpu
from mlwf_tui.entities.run import JobExit, Problem, ProcessIdentity, Wish


class Observer(Protocol):
    """Whoever watches a long verb: a progress bar, an event file, a test."""

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Say how far the work has come; cheap to call for every item."""

    def metric(self, key: str, value: float, step: int) -> None:
        """Report one measured value."""

    def check_cancelled(self) -> None:
        """Raise Cancelled if the work should stop; called at least once an item or a batch."""


# --- importers -----------------------------------------------------------------------------------


class Detection(msgspec.Struct, frozen=True):
    """Why an importer thinks that a folder is in its format; the highest confidence wins."""

    confidence: float  # 0–1
    reason: str  # "Annotations/ holds VOC XML, JPEGImages/ holds 364 images"
    format: str = ""  # where the importer reads several: the full name of this one


class ImportedItem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One image file that an importer found, and where its annotation is.

    `source` is the file that describes this image alone; it is read by `Importer.read_annotation`, and
    only where it or the image has changed. `annotation` is what a file that describes many images
    says of it. Both None: the folder says nothing of the image, not that there is nothing on it.
    `split` is what the folder says, before any file is read.
    """

    image: FoundFile
    dataset: str  # "" for the root of the import; may nest with "/"
    name: str
    split: Split = Split.NONE
    source: FoundFile | None = None
    annotation: Annotation | None = None
    is_displaced: bool = False  # it has another dataset than its folders say: its key was taken


class Description(NamedTuple):
    """What an item's own file says; `split` None where it says nothing of it."""

    annotation: Annotation | Boxes
    split: Split | None = None


Pairing = Callable[[str, str], tuple[str, ...] | None]
"""From a file's folder and name to the folders in which files of the same stem decide with it over items.

None: what the file says, or that it is there, may concern other images as well.
"""


class Importer(Protocol):
    """Reads one dataset format from a folder, without touching it and without leaving it.

    One whose `detect` takes long, such as by loading a library, has a true `is_costly`: it is asked only
    where no other is sure. One that reads several formats has `choose(variant)`, which returns the
    importer of one of them; that one's name is `NAME:VARIANT`. Its `variants` are those to be offered.

    One whose items each follow from the files of one stem has `find_pairing(folder)`, which returns a
    `Pairing`, or None where they do not in that folder. Of a listing with some stems alone, but with all
    files of each, `iter_items` then yields what it would yield of them among all others, or it reports
    something, or an item is displaced. So an import looks only at what has changed.

    One whose `read_annotation` looks at nothing but the file itself has `parse_annotation(content, key,
    width_px, height_px, report)` as well, which makes the same of its bytes; `report` takes the reason of a
    problem. The import verb then reads the file together with seeing that nobody changes it.
    """

    name: str
    summary: str

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return why the folder is in this format, or None. Reads little: names and a few heads."""

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the classes and tags that the folder declares, in the order that gives them their index.

        Empty where the format declares none; classes are then those of the objects.

        Raises:
            InvalidInput: the folder as a whole cannot be read in this format.
        """

    def iter_items(self, folder: FolderListing, report: Callable[[Problem], None]) -> Iterator[ImportedItem]:
        """Yield what can be imported, in path order, and report what cannot, by name and reason.

        Raises:
            InvalidInput: the folder as a whole cannot be read in this format.
        """

    def read_key(self, folder: FolderListing) -> Any:
        """Return what `read_annotation` needs to know of the folder: class names by index, or None.

        Made of mappings, lists, texts and numbers, since it may be sent to another process.
        """

    def read_annotation(
        self, source: FoundFile, key: Any, width_px: int, height_px: int, report: Callable[[Problem], None]
    ) -> Description:
        """Return what an item's own file says, in pixels of the image as it is shown.

        Boxes are as the file has them: the import verb checks them against the image. What cannot be
        used is reported.

        Raises:
            InvalidInput: the whole file cannot be used; the message follows its name.
        """


# --- exporters -----------------------------------------------------------------------------------


class ExportedItem(msgspec.Struct, frozen=True):
    """One item to write, with a way to its bytes.

    `link_image` makes the image at a path without copying it, and says whether it could.
    """

    item: Item
    read_image: Callable[[], bytes]
    link_image: Callable[[Path], bool] | None = None

    def place_image(self, path: Path) -> None:
        """Put the image file at `path`, byte by byte as it was imported; its folder is there."""
        if self.link_image is None or not self.link_image(path):
            path.write_bytes(self.read_image())


class ExportSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What an exporter wrote. `files` maps each image's path inside the folder to its item key.

    `renamed_count` counts the items whose file could not have the name that the format's rule gives it.
    """

    files: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    renamed_count: int = 0


class Exporter(Protocol):
    """Writes items to an empty folder in one dataset format.

    `abilities` is declared, so that what a format cannot hold is told before it is written: the items
    that `write` is given are converted to what it says, and hold nothing else.
    """

    name: str
    summary: str
    abilities: Abilities

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items below `folder`, which exists and is empty; nothing outside of it.

        Progress is told by whoever hands the items out; cancelling is looked for at each item. Images
        are placed as they are and never encoded again. Memory must not grow with the items, but for
        their names.

        Raises:
            InvalidInput: there are no items.
        """


# --- operations ----------------------------------------------------------------------------------


class SourceItem(msgspec.Struct, frozen=True):
    """One item that an operation may read; the pixels are read only when asked for.

    With several sources the item's dataset begins with its project's name; `origin.key` is its key
    there, and `origin.manifest` the version's.
    """

    item: Item
    read_image: Callable[[], bytes]
    origin: Origin | None = None
    project: str = ""


class PlannedItem(msgspec.Struct, frozen=True):
    """A result whose pixels are those of the source at position `source`; it is finished."""

    item: Item
    source: int


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A result whose pixels are still to be made, by any process and in any order.

    `seed` is this draft's own (see `draw_seed`), 0 to 2^63 - 1. `arguments` is what else `make` needs to
    know, such as the number of a tile: None, or of texts, numbers, booleans, lists and mappings, as
    MessagePack has them; tuples arrive as lists.
    """

    sources: tuple[int, ...]  # positions in the items that `plan` was given; first what it takes the place of
    dataset: str
    name: str
    seed: int
    arguments: Any = None


class ResultItem(msgspec.Struct, frozen=True, kw_only=True):
    """What `make` returns: an item under its draft's dataset and name, and its image as a file.

    The caller stores the image and fills in blob, size in bytes and origins.
    """

    item: Item
    image: bytes


class Operation(Protocol):
    """Makes items from items: an augmentation, a split, a filter. Deterministic given its seed.

    What comes out must not depend on the order in which items stand. An operation whose `plan` looks at
    pixels has a true `reads_pixels`; one that draws nothing at random a false `is_random`. One that
    joins projects in its own way has `join_schemas(schemas, params)`, which is given their schemas by
    name and returns the schema that `plan` and `transform_schema` are given; else the first to define a
    class or tag is followed.
    """

    name: str
    summary: str
    group: str  # where it is listed: pixels, annotations, selection, splits, merging
    version: int  # raised when the same parameters would give another output; part of the recipe
    params_type: type[Any]  # a frozen dataclass; see params.py for how a field declares its bounds

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: Any, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield what the results will be, lazily and in the order of the sources; nothing is made yet.

        `items` may be gone through several times, and each time they are read again: what is kept of
        them should be small. Reading one by its position costs more.

        Raises:
            InvalidInput: the parameters do not fit these items.
        """

    def transform_schema(self, schema: LabelSchema, params: Any) -> LabelSchema:
        """Return the label schema of the results.

        Raises:
            InvalidParameter: it has not what the parameters name.
        """


class ImageOperation(Operation, Protocol):
    """An operation that yields drafts."""

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: Any) -> ResultItem | None:
        """Return what a draft becomes, or None where nothing of it is left.

        `sources` are the items that the draft names, in its order. A pure function of its arguments,
        called in several processes at once, in any order, and again after a kill.

        Raises:
            InvalidInput: an image that cannot be used: it is told and counted, and the others are made.
        """


def draw_seed(seed: int, key: str, copy: int = 0) -> int:
    """Return the seed of a draft: of a transform's seed, its source's key and a number, of nothing else."""
    digest = hashlib.sha256(f"{seed}\n{key}\n{copy}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


# --- trainers ------------------------------------------------------------------------------------


class FitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A training to do. `data` was written by the exporter that the trainer names in `data_format`."""

    architecture: str  # "yolov10n", or a path to weights to start from
    data: Path
    class_names: tuple[str, ...]
    folder: Path  # the trainer's own; everything it writes goes here. Empty, unless it is resumed
    params: Any  # of the trainer's params_type
    extra: Mapping[str, Any]  # further settings, handed to the library as they are
    seed: int
    is_resumed: bool = False  # go on from the checkpoint that an earlier fit has left in `folder`


class FitResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a training left: weight files (the best first), and the best epoch's metrics."""

    checkpoints: tuple[Path, ...]
    architecture: str
    task: str
    image_size_px: int
    metrics: Mapping[str, float]
    environment: Mapping[str, str]
    is_stopped: bool = False  # asked to stop before the last epoch; the checkpoints are good


PREDICT_BATCH = 16
"""How many images `Trainer.predict` may look at together, counted from the first that it is given.

After a kill it is given the rest from such a border on, so that the same images meet in a batch: what a
library computes of one may depend, in its last bits, on those beside it."""


class ItemPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says of one item; boxes in pixels of the original image, best first."""

    key: str
    objects: tuple[AnnotatedObject, ...] = ()
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


class EvaluateResult(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions of every image of the split, and the milliseconds one image took."""

    predictions: tuple[ItemPrediction, ...]
    speed: Mapping[str, float]  # preprocess_ms, inference_ms, postprocess_ms, images_per_second
    library_metrics: Mapping[str, float] = {}


class PredictRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A model to apply to items as a user would: with a confidence threshold."""

    weights: Path
    image_size_px: int
    confidence: float
    folder: Path
    device: str = "auto"


class Trainer(Protocol):
    """Trains, measures and applies models of one library. May be slow to import; runs in a worker."""

    name: str
    summary: str
    data_format: str  # the exporter whose folders `fit` and `evaluate` read
    params_type: type[Any]

    def list_architectures(self) -> tuple[str, ...]:
        """Return the names that `FitRequest.architecture` takes, without importing the library."""

    def check_settings(self, params: Any, extra: Mapping[str, Any]) -> None:
        """Raise InvalidParameter for what `fit` would refuse, without importing the library."""

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


# --- samples -------------------------------------------------------------------------------------


class Sample(Protocol):
    """Makes a small project on the spot, for a first look without data or network."""

    name: str
    summary: str

    def write(self, folder: Path, *, seed: int, image_count: int) -> None:
        """Write an annotated folder that an importer can read; the same bytes for the same seed and count."""

    def write_unlabelled(self, folder: Path, *, seed: int, image_count: int) -> None:
        """Write images of the same kind that `write` never makes, without annotations."""


# --- gauges ---------------------------------------------------------------------------------------


class Gauge(Protocol):
    """Reads what the GPUs of one vendor do. A call may take 0.1 s, and longer on a sick GPU."""

    name: str

    def hold(self) -> AbstractContextManager[None]:
        """Keep the driver open while the block runs, for those who read again and again."""

    def read_gpus(self) -> tuple[Gpu, ...]:
        """Return the vendor's GPUs by index; none, and no error, where there is no driver."""


# --- executors -----------------------------------------------------------------------------------


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What an executor needs to know to do one job."""

    job: JobId
    command: tuple[str, ...]  # of the worker
    settle: tuple[str, ...]  # called at the end, with the exit as JSON behind; prints what became of the run
    environment: Mapping[str, str]  # of the worker, beside what is there
    folder: Path  # the run's
    log: Path
    grace_s: float  # after a polite stop that says no other
    timeout_s: float | None
    hook: tuple[str, ...]  # called when the run has ended for good
    hook_timeout_s: float
    slots: Mapping[
        str, int
    ] = {}  # descriptors of CPU slots, by the slot's file; let go while it stands still


class StartingJob(Protocol):
    """A job's process that waits for the word to begin."""

    pid: int

    def begin(self, spec: JobSpec) -> None:
        """Give the word. Where it is never given, also because the caller has died, nothing is done.

        Raises:
            OSError: the process is gone.
        """

    def abandon(self) -> None:
        """Let it end without having done anything."""


class Executor(Protocol):
    """Does jobs somewhere: as local processes today, on a cluster later."""

    name: str

    def prepare(self, log_path: Path, descriptors: Sequence[int]) -> StartingJob:
        """Start a process, detached from this one, that outlives it and keeps `descriptors` open.

        Raises:
            OSError: it cannot be started, or the log cannot be written.
        """

    def watch(self, command: Sequence[str], lock: int, folder: Path) -> None:
        """Let a process that keeps the descriptor `lock` call `command` until that says that nothing waits.

        Raises:
            OSError: it cannot be started.
        """

    def notify(
        self, hook: Sequence[str], timeout_s: float, environment: Mapping[str, str], log_path: Path
    ) -> None:
        """Call a person's command for a run whose job did not live to do it; do not wait for it.

        Raises:
            OSError: it cannot be started.
        """

    def ask(self, process: ProcessIdentity, folder: Path, job: JobId, wish: Wish) -> bool:
        """Ask a job for something; False where its process is gone.

        Raises:
            OSError: it cannot be written.
        """

    def is_frozen(self, folder: Path, job: JobId) -> bool:
        """Whether all of a job stands still after a freeze, and has let its slots go."""

    def read_exit(self, folder: Path, job: JobId) -> JobExit | None:
        """Return how a job ended, once that is noted."""
