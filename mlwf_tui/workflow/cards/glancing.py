"""Looks once at what a new model makes of some validation images: pictures, and confusion."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, LabelSchema
from mlwf_tui.entities.evidence import name_nothing
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.model import FileRole
from mlwf_tui.entities.picture import Outline, parse_color
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.model_cards import Glance
from mlwf_tui.media.pictures import draw_pair
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import ItemPrediction, PredictRequest, Trainer
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workspace import Workspace

MAX_LOOKED_AT = 128  # images; a few seconds even without a GPU
MAX_PICTURES = 8
FLOOR_CONFIDENCE = 0.01


class MadeFile(msgspec.Struct, frozen=True):
    """A file of a model that is not in the store yet."""

    name: str
    data: bytes
    role: FileRole


class Seen(msgspec.Struct, frozen=True):
    """What a look has come to."""

    glance: Glance | None
    files: tuple[MadeFile, ...]


def look_at_validation(
    workspace: Workspace,
    version: Version,
    trainer: Trainer,
    weights: Path,
    folder: Path,
    *,
    task: str,
    class_names: Sequence[str],
    image_size_px: int,
    device: str,
    observer: Observer,
) -> Seen:
    """Predict some validation images, spread over all of them, and return pictures and confusion.

    Raises:
        MlwfError: the trainer could not predict, or the observer wants something else done.
    """
    items = [item for item in iter_items(workspace.store, version.manifest) if item.split is Split.VAL]
    chosen = _spread(items, MAX_LOOKED_AT)
    if not chosen:
        return Seen(None, ())
    sources = [SourceItem(item, partial(workspace.store.read, item.blob)) for item in chosen]
    request = PredictRequest(
        weights=weights,
        image_size_px=image_size_px,
        confidence=FLOOR_CONFIDENCE,
        folder=folder,
        device=device,
    )
    said = {found.key: found for found in trainer.predict(request, sources, observer) if not found.problem}
    looked_at = [item for item in chosen if item.key in said]
    if task == "classify":
        confusion, least = _confuse_tags(looked_at, said, class_names), 0.0
    else:
        confusion, least = _confuse_objects(looked_at, said, class_names)
    names = list(dict.fromkeys((*class_names, *(name for pair in confusion for name in pair if name))))
    nothing = name_nothing(names)
    mistaken = Counter({pair: n for pair, n in confusion.items() if pair[0] != pair[1]}).most_common()
    glance = Glance(
        images=len(looked_at),
        of=len(items),
        mistaken=tuple((truth or nothing, told or nothing, count) for (truth, told), count in mistaken),
    )
    schema = read_summary(workspace.store, version.manifest).schema
    table = MadeFile("confusion.csv", _write_confusion(confusion, names, nothing), FileRole.CONFUSION)
    return Seen(glance, (table, *_draw(workspace, looked_at, said, schema, least)))


def _spread(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most so many items, from all over the sequence."""
    count = min(most, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def _confuse_tags(
    items: Sequence[Item], said: Mapping[str, ItemPrediction], class_names: Sequence[str]
) -> Counter[tuple[str, str]]:
    """Count (truth, said) over images; "" is nothing."""
    counts: Counter[tuple[str, str]] = Counter()
    for item in items:
        truth = next((tag.name for tag in item.annotation.tags if tag.name in class_names), "")
        tags = said[item.key].tags
        counts[truth, tags[0].name if tags else ""] += 1
    return counts


def _confuse_objects(
    items: Sequence[Item], said: Mapping[str, ItemPrediction], class_names: Sequence[str]
) -> tuple[Counter[tuple[str, str]], float]:
    """Count (truth, said) over objects at the operating confidence, which is returned beside."""
    from mlwf_tui.evaluation.evaluate import evaluate  # numpy

    truths = {item.key: item.annotation for item in items}
    try:
        found = evaluate(truths, {item.key: said[item.key].objects for item in items}, class_names)
    except InvalidInput:  # no truth among them: there is nothing to count
        return Counter(), FLOOR_CONFIDENCE
    names = [*(one.name for one in found.classes), ""]
    counts: Counter[tuple[str, str]] = Counter()
    for predicted, row in zip(names, found.confusion, strict=True):
        for truth, count in zip(names, row, strict=True):
            if count:
                counts[truth, predicted] += count
    return counts, found.metrics.get("confidence", FLOOR_CONFIDENCE)


def _write_confusion(counts: Counter[tuple[str, str]], names: Sequence[str], nothing: str) -> bytes:
    """Return a CSV: a row for each truth, a column for what was said."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("truth", *names, nothing))
    for truth in (*names, ""):
        writer.writerow((truth or nothing, *(counts[truth, said] for said in (*names, ""))))
    return text.getvalue().encode()


def _draw(
    workspace: Workspace,
    items: Sequence[Item],
    said: Mapping[str, ItemPrediction],
    schema: LabelSchema,
    least: float,
) -> tuple[MadeFile, ...]:
    """Return pictures of some items, truth on the left, what was said on the right."""
    colors = {one.name: parse_color(one.color) for one in schema.classes}
    labelled = [item for item in items if item.annotation.objects or item.annotation.tags] or list(items)
    files: list[MadeFile] = []
    for item in _spread(labelled, MAX_PICTURES):
        found = said[item.key]
        sure = [one for one in found.objects if one.confidence is None or one.confidence >= least]
        tags = [f"{tag.name} {tag.value:.2f}" for tag in found.tags[:1] if isinstance(tag.value, float)]
        try:
            picture = draw_pair(
                workspace.store.read(item.blob),
                (_outline(item.annotation.objects, colors), _outline(sure, colors)),
                (f"truth  {', '.join(tag.name for tag in item.annotation.tags[:3])}",
                 f"predicted  {', '.join(tags) or f'{len(sure)} objects'}"),
            )  # fmt: skip
        except InvalidInput:
            continue  # it cannot be shown, though the trainer could read it
        files.append(MadeFile(f"example-{len(files) + 1}.png", picture, FileRole.PICTURE))
    return tuple(files)


def _outline(objects: Sequence[AnnotatedObject], colors: Mapping[str, tuple[int, int, int]]) -> list[Outline]:
    return [Outline(one.geometry, colors.get(one.class_name, (255, 255, 255))) for one in objects]
