"""Lets a model annotate the items of manifests: what is asked, and how predictions become annotations.

Not a verb; `apply` and the steps of pipelines use it.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby, islice
from typing import Any

import msgspec
from msgspec import structs
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Bounds,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    define_classes,
)
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.model import TASKS, Model
from mlwf_tui.entities.pairing import measure_iou
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, PluginError
from mlwf_tui.params import param
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import PREDICT_BATCH, ItemPrediction, PredictRequest
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import iter_items, read_summary, write_manifest
from mlwf_tui.workflow.refs import with_dataset
from mlwf_tui.workflow.running.leases import find_device
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.transforming.finished_predictions import FinishedPredictions
from mlwf_tui.workflow.using.tracks import TRACK_TAG, Tracker
from mlwf_tui.workflow.using.weights import open_weights

CLASSIFY = "classify"
_SHAPES = {
    "detect": GeometryKind.RECTANGLE,
    "segment": GeometryKind.MASK,
    "pose": GeometryKind.KEYPOINTS,
    "obb": GeometryKind.ORIENTED_BOX,
}


@dataclass(frozen=True, slots=True)
class ApplyParams:
    """How predictions become annotations."""

    confidence: float = param(0.25, "keep predictions at least this sure", low=0, high=1)
    policy: str = param(
        "replace", "what becomes of the objects that are there", choices=("replace", "add", "merge", "keep")
    )
    iou: float = param(0.5, "merge: from which overlap on it is the same object", low=0.01, high=1)
    device: str = param("auto", "auto, cpu, or a GPU's index")
    nms_iou: float = param(
        0.7, "of two predictions that overlap more the surer one is kept", low=0.01, high=1
    )
    max_objects: int = param(300, "most predictions of one image, the surest", low=1, high=10_000)
    tile: int = param(0, "look at larger images in tiles of this side in pixels too; 0: as a whole", low=0)
    overlap: float = param(0.2, "share of a tile's side that the next one has too", low=0, high=0.9)
    every: int = param(1, "of a video: look at every n-th frame", low=1)
    track: bool = param(False, "of a video: tag what is the same thing on several frames with its number")


class Annotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a model has made of items; those whose images cannot be used are as they were, and listed."""

    manifest: ManifestSummary
    items_resumed: int = 0  # predicted by an earlier run that did not end
    problems: tuple[Problem, ...] = ()

    def to_result(self) -> dict[str, Any]:
        """Return what a run's result says of it."""
        return {
            "objects_out": self.manifest.object_count,
            "items_resumed": self.items_resumed,
            "problems": [msgspec.to_builtins(problem) for problem in self.problems],
        }


_ALWAYS = frozenset({"confidence", "policy", "iou"})  # of a recipe
_NEVER = frozenset({"device", "every"})  # where it runs, and what its manifest says already
_DEFAULTS = asdict(ApplyParams())


def digest_apply(model: Model, params: ApplyParams, sources: Sequence[tuple[Digest, str]]) -> Digest:
    """Return the digest of all that decides what a model makes of manifests; where it runs is not."""
    given = {
        name: value
        for name, value in asdict(params).items()
        if name in _ALWAYS or (name not in _NEVER and value != _DEFAULTS[name])
    }
    recipe = {
        "apply": model.checkpoints[0].blob,
        "author": model.name,
        "trainer": model.trainer,
        "classes": model.class_names,
        "image_size_px": model.image_size_px,
        "params": given,
        "sources": sources,
    }
    return compute_digest(json.dumps(recipe, sort_keys=True).encode())


def extend_schema(schema: LabelSchema, model: Model) -> LabelSchema:
    """Return the schema with the model's classes, behind those that are there."""
    added = define_classes(model.class_names, _SHAPES.get(model.task))
    of_items = [TagDefinition(name, "number", target="items") for name in model.class_names]
    tags = tuple(of_items) if model.task == CLASSIFY else ()
    return schema.merge(LabelSchema(classes=added, tags=tags))


def check_applicable(model: Model) -> None:
    """Raise InvalidInput where it cannot be told what a model says of an image."""
    if model.task not in TASKS:
        raise InvalidInput(
            f"The model {model.name} is for the task {model.task}.",
            hint=f"Choose a model for {', '.join(TASKS)}.",
        )


def annotate(
    recorder: Recorder,
    model: Model,
    params: ApplyParams,
    sources: Sequence[tuple[Digest, str]],
    observer: Observer,
) -> Annotated:
    """Let a model annotate the items of manifests, each below its dataset.

    What it said before the process dies, or is stopped, is not asked again by the same recipe. Once the
    catalog names the manifest, `forget_predictions` frees what was kept for that.

    Raises:
        InvalidInput: none of the images can be used, or the weights cannot.
        Cancelled: the observer asked for it.
    """
    workspace = recorder.workspace
    items = [
        replace(item, dataset=with_dataset(item.dataset, prefix)) if prefix else item
        for manifest, prefix in sources
        for item in iter_items(workspace.store, manifest)
    ]
    schema = LabelSchema()
    for manifest, _ in sources:
        schema = schema.merge(read_summary(workspace.store, manifest).schema)
    with open_weights(workspace, model, recorder.run_id) as (weights, scratch):
        request = PredictRequest(
            weights=weights,
            image_size_px=model.image_size_px,
            confidence=params.confidence,
            folder=scratch,
            device=find_device(params.device, os.environ),
            iou=params.nms_iou,
            max_objects=params.max_objects,
            tile_px=params.tile,
            tile_overlap=params.overlap,
            is_trusted=bool(recorder.run.params.get("is_trusted")),
        )
        finished = FinishedPredictions(workspace.home, digest_apply(model, params, sources))
        with closing(finished):
            work = _Predicting(recorder, model, request, finished, observer)
            said = work.iter_all(items, params)
            annotated = [
                _annotate(item, one, model, params) for item, one in (_follow(said) if params.track else said)
            ]
    _check_usable(work.problems, work.count)
    with recorder.writer() as writer:
        extended = extend_schema(_drop_forgotten(schema, items, annotated), model)
        made = write_manifest(writer, extended.merge(_TRACKS) if params.track else extended, annotated)
    return Annotated(manifest=made, items_resumed=work.resumed, problems=tuple(work.problems))


def _drop_forgotten(schema: LabelSchema, before: Sequence[Item], after: Sequence[Item]) -> LabelSchema:
    """Return the schema without classes that other models alone had found, and of which nothing is left."""
    was = [labelled for item in before for labelled in item.annotation.objects]
    forgotten = {labelled.class_name for labelled in was if labelled.confidence is not None}
    forgotten -= {labelled.class_name for labelled in was if labelled.confidence is None}
    forgotten -= {labelled.class_name for item in after for labelled in item.annotation.objects}
    return replace(schema, classes=tuple(one for one in schema.classes if one.name not in forgotten))


_TRACKS = LabelSchema(tags=(TagDefinition(TRACK_TAG, "number", target="objects"),))


def _follow(
    said: Iterable[tuple[Item, ItemPrediction | None]],
) -> Iterator[tuple[Item, ItemPrediction | None]]:
    """Yield predictions with the numbers of tracks on their objects; each dataset is a video of its own."""
    for _, frames in groupby(said, key=lambda one: one[0].dataset):
        tracker = Tracker()
        for item, prediction in frames:
            if prediction is None:
                yield item, None
            else:
                yield item, structs.replace(prediction, objects=tracker.follow(prediction.objects))


def _check_usable(problems: Sequence[Problem], count: int) -> None:
    if problems and len(problems) == count:
        raise InvalidInput(
            f"None of {count:,} images can be used; the first, {problems[0].path}: {problems[0].reason}",
            hint="Nothing was changed.",
        )


def describe_problems(problems: Sequence[Problem]) -> str:
    """Return what a summary says of images that cannot be used, with what leads up to it."""
    return f", partly: {len(problems):,} of the images cannot be used" if problems else ""


class _Predicting:
    """Asks a model about items, batch by batch, but for those of which it has spoken before."""

    def __init__(
        self,
        recorder: Recorder,
        model: Model,
        request: PredictRequest,
        finished: FinishedPredictions,
        observer: Observer,
    ) -> None:
        self._recorder = recorder
        self._model = model
        self._request = request
        self._finished = finished
        self._observer = observer
        self.count = 0  # of the items that the model is to look at
        self.resumed = 0
        self.problems: list[Problem] = []

    def iter_all(
        self, items: Sequence[Item], params: ApplyParams
    ) -> Iterator[tuple[Item, ItemPrediction | None]]:
        """Yield every item, in order, with what the model says of it, None where it is not to be asked."""
        is_wanted = [params.policy != "keep" or not item.annotation.objects for item in items]
        wanted = [item for item, is_one in zip(items, is_wanted, strict=True) if is_one]
        self.count = len(wanted)
        predictions = self._iter_predicted(wanted)
        for item, is_one in zip(items, is_wanted, strict=True):
            yield item, next(predictions) if is_one else None

    def _iter_predicted(self, wanted: Sequence[Item]) -> Iterator[ItemPrediction]:
        """Yield a prediction for each item; a batch is noted before the first of it is."""
        batches = [wanted[at : at + PREDICT_BATCH] for at in range(0, len(wanted), PREDICT_BATCH)]
        left = [batch for batch in batches if self._finished.find(batch) is None]
        fresh = self._ask([item for batch in left for item in batch])
        done = 0
        for batch in batches:
            known = self._finished.find(batch)
            if known is None:
                said = tuple(islice(fresh, len(batch)))
                if len(said) != len(batch):
                    raise PluginError(f"The trainer {self._model.trainer} left out what it sees on an image.")
                known = self._finished.note(batch, said)
            else:
                self.resumed += len(batch)
            done += len(batch)
            self._observer.progress(done, self.count, f"{done} of {self.count} images")
            for item, prediction in zip(batch, known, strict=True):
                if prediction.problem:
                    self.problems.append(Problem(item.key, prediction.problem))
                yield prediction

    def _ask(self, items: Sequence[Item]) -> Iterator[ItemPrediction]:
        """Yield what the trainer says; it is not even loaded where there is nothing to ask."""
        workspace = self._recorder.workspace
        if not items:
            return
        sources = [SourceItem(item, partial(workspace.store.read, item.blob)) for item in items]
        trainer = workspace.registry.get_trainer(self._model.trainer)
        yield from trainer.predict(self._request, sources, _Quiet(self._observer))


class _Quiet:
    """An observer for a trainer that sees only a part of the images, whose counts would be wrong."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Say nothing: whoever asked the trainer counts."""

    def metric(self, key: str, value: float, step: int) -> None:
        """Report one measured value."""
        self._observer.metric(key, value, step)

    def check_cancelled(self) -> None:
        """Raise Cancelled if the work should stop."""
        self._observer.check_cancelled()


def _annotate(item: Item, said: ItemPrediction | None, model: Model, params: ApplyParams) -> Item:
    if said is None or said.problem:
        return item
    if model.task == CLASSIFY:
        return replace(item, annotation=_tag(item.annotation, said.tags, model, params))
    predicted = tuple(structs.replace(found, author=model.name) for found in said.objects)
    return replace(item, annotation=_merge(item.annotation, predicted, params))


def _tag(before: Annotation, said: Sequence[Tag], model: Model, params: ApplyParams) -> Annotation:
    """Return an annotation with the class that a classifier is surest of, if it is sure enough.

    The first class among an item's tags is the one it has; where it is kept, a second one says nothing.
    """
    known = [tag for tag in before.tags if tag.name in model.class_names]
    best = [tag for tag in said[:1] if isinstance(tag.value, float) and tag.value >= params.confidence]
    if known and params.policy != "replace":
        return before
    return replace(before, tags=(*best, *(tag for tag in before.tags if tag not in known)))


def _merge(before: Annotation, predicted: tuple[AnnotatedObject, ...], params: ApplyParams) -> Annotation:
    match params.policy:
        case "add":
            return replace(before, objects=before.objects + predicted)
        case "merge":
            return replace(before, objects=before.objects + _leave_new(before.objects, predicted, params.iou))
        case _:
            return replace(before, objects=predicted)


def _leave_new(
    known: Sequence[AnnotatedObject], predicted: Sequence[AnnotatedObject], min_iou: float
) -> tuple[AnnotatedObject, ...]:
    """Return the predictions that cover no known object of their class, by the IoU of their bounds."""
    boxes: defaultdict[str, list[Bounds]] = defaultdict(list)
    for labelled in known:
        boxes[labelled.class_name].append(labelled.geometry.bounds)
    return tuple(
        found
        for found in predicted
        if not any(measure_iou(box, found.geometry.bounds) >= min_iou for box in boxes[found.class_name])
    )
