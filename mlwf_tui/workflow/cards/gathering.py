"""Counts what a model has learned from, and reads what its training came to, for its card."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.experiment import OWN_PARAMS
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.metric import has_best
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import Problem, Run
from mlwf_tui.formats.model_cards import CardFacts, Glance, Range, SplitCounts
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.metrics import read_outlooks
from mlwf_tui.workspace import Workspace

_WITHOUT_SIZE = frozenset({GeometryKind.POINT, GeometryKind.POLYLINE, GeometryKind.KEYPOINTS})


class _Sizes:
    """The smallest and the largest of what was seen."""

    def __init__(self) -> None:
        self._low, self._high = math.inf, 0.0

    def add(self, size: float) -> None:
        if size > 0:
            self._low, self._high = min(self._low, size), max(self._high, size)

    def find_range(self) -> Range | None:
        return Range(self._low, self._high) if self._high else None


def gather_facts(
    workspace: Workspace,
    model: Model,
    run: Run,
    version: Version,
    *,
    licence: str,
    is_stopped: bool = False,
    problems: Sequence[Problem] = (),
    notes: Sequence[str] = (),
    glance: Glance | None = None,
) -> CardFacts:
    """Return the facts of a model's card; reads all items of the version once."""
    is_of_images = model.task == "classify"
    splits, image_sides, object_sides = _count(
        iter_items(workspace.store, version.manifest), model.class_names, is_of_images=is_of_images
    )
    return CardFacts(
        name=model.name,
        task=model.task,
        architecture=model.architecture,
        trainer=model.trainer,
        class_names=model.class_names,
        image_size_px=model.image_size_px,
        created_at=model.created_at,
        run_id=run.id,
        author=run.author,
        licence=licence,
        data=version.ref,
        manifest=version.manifest,
        splits=splits,
        counted="images" if is_of_images else "objects",
        image_sides=image_sides,
        object_sides=None if is_of_images else object_sides,
        params={key: value for key, value in run.params.items() if key not in OWN_PARAMS},
        seed=run.seed,
        metrics=model.metrics,
        curves=_read_curve_ends(workspace, run),
        environment=run.environment,
        took_s=run.find_length_s(model.created_at),
        is_stopped=is_stopped,
        problems=problems,
        notes=notes,
        glance=glance,
        is_told=run.is_tracked,
    )


def _count(
    items: Iterable[Item], class_names: tuple[str, ...], *, is_of_images: bool
) -> tuple[dict[Split, SplitCounts], Range | None, Range | None]:
    splits: dict[Split, SplitCounts] = {}
    image_sides, object_sides = _Sizes(), _Sizes()
    known = frozenset(class_names)
    for item in items:
        counts = splits.setdefault(item.split, SplitCounts(by_class={}))
        counts.images += 1
        if is_of_images:
            names = [tag.name for tag in item.annotation.tags if tag.name in known][:1]
        else:
            names = [labelled.class_name for labelled in item.annotation.objects]
        for name in names:
            counts.by_class[name] = counts.by_class.get(name, 0) + 1
        if item.split is Split.TRAIN:
            image_sides.add(min(item.width_px, item.height_px))
            for labelled in item.annotation.objects:
                if labelled.geometry.kind not in _WITHOUT_SIZE:
                    bounds = labelled.geometry.bounds
                    object_sides.add(math.sqrt(max(0.0, bounds.width_px * bounds.height_px)))
    return splits, image_sides.find_range(), object_sides.find_range()


def _read_curve_ends(
    workspace: Workspace, run: Run
) -> tuple[tuple[str, float, float | None, int | None], ...]:
    """Return key, last value, best value and its step of each curve that can be judged by."""
    summaries = read_outlooks(workspace, [run])[run.id].standing.summaries
    return tuple(
        (key, summary.last, summary.best, None if summary.best is None else int(summary.best_step))
        for key, summary in summaries.items()
        if has_best(key) and not key.startswith("batch/") and summary.last is not None
    )
