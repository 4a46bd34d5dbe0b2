"""What a reader must know of a benchmark, each in a sentence; refuses what is no prediction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mlwf_tui.entities.evidence import quote_class
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.part import Part
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import describe_left_out
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.trainers import ItemPrediction
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.benchmarking.inference import Said
from mlwf_tui.workspace import Workspace

FEW_ITEMS = 10
MOST_NAMES = 10


def find_notes(
    workspace: Workspace, version: Version, model: Model, part: Part, items: Sequence[Item], said: Said
) -> tuple[str, ...]:
    """Return what is odd about the data, the classes and the predictions of a benchmark.

    Raises:
        InvalidInput: a coordinate or a confidence is no number that it may be.
    """
    _check_numbers(model, said.result.predictions)
    names = part.classes or read_summary(workspace.store, version.manifest).schema.class_names
    return (
        *_note_items(items, said),
        *_note_classes(model, names, part, items),
        *_note_predictions(items, said.result.predictions),
    )


def _check_numbers(model: Model, predictions: Sequence[ItemPrediction]) -> None:
    for prediction in predictions:
        for found in prediction.objects:
            of = found.confidence
            if of is not None and not 0 <= of <= 1:  # NaN is neither
                raise InvalidInput(
                    f"The model {model.name} says the confidence {of} on {prediction.key}, which is "
                    "no number from 0 to 1.",
                    hint="Its weights may be broken: train it again, or choose another checkpoint.",
                )
            if not all(math.isfinite(edge) for edge in found.geometry.bounds):
                raise InvalidInput(
                    f"The model {model.name} says a box on {prediction.key} whose edges are no numbers.",
                    hint="Its weights may be broken: train it again, or choose another checkpoint.",
                )


def _note_items(items: Sequence[Item], said: Said) -> Iterator[str]:
    if said.problems:
        yield describe_left_out(said.problems)
    if len(items) == 1:
        yield "One image was measured: how sure the figures are cannot be said."
    elif len(items) < FEW_ITEMS:
        yield f"Only {len(items)} images were measured: the figures are rough."


def _note_classes(model: Model, names: Sequence[str], part: Part, items: Sequence[Item]) -> Iterator[str]:
    unknown = [name for name in names if name not in model.class_names]
    if unknown:
        yield f"The model does not know {_list(unknown)}: their objects count as missed."
    absent = [name for name in model.class_names if name not in names]
    if absent and not part.classes:
        yield f"The data has no class {_list(absent)}: what the model finds of them counts as wrong."
    if len(names) == 1 and len(model.class_names) > 1 and not part.classes:
        yield f"The data has one class alone, {names[0]}."


def _note_predictions(items: Sequence[Item], predictions: Sequence[ItemPrediction]) -> Iterator[str]:
    if any(prediction.tags for prediction in predictions):
        return
    if not any(prediction.objects for prediction in predictions):
        yield f"The model found nothing at all on {len(predictions):,} images: that is why its figures are 0."
        return
    sizes = {item.key: (item.width_px, item.height_px) for item in items}
    outside = 0
    for prediction in predictions:
        width_px, height_px = sizes.get(prediction.key, (math.inf, math.inf))
        for found in prediction.objects:
            left, top, right, bottom = found.geometry.bounds
            outside += left < -1 or top < -1 or right > width_px + 1 or bottom > height_px + 1
    if outside:
        yield f"{outside:,} predicted boxes reach beyond their images; they are measured as they are."


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(map(quote_class, names[:MOST_NAMES]))}{more}"
