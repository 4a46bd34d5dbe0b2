"""Parts of a measured set beside the rest of it: where a model fails, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mlwf_tui.entities.measurement import Slice
from mlwf_tui.evaluation.columns import Bools, Floats
from mlwf_tui.evaluation.matching import AREA_NAMES, is_outside
from mlwf_tui.evaluation.measured import Measured
from mlwf_tui.evaluation.resampling import (
    HalfWeigher,
    correct_p_values,
    draw_weights,
    find_interval,
    find_spread_p_value,
)

RESAMPLES = 400
MIN_ITEMS = 5  # fewer say nothing that an interval would not take back
MOST_NAMES = 12  # of one group: tags, datasets and classes can be thousands

_LOW, _HIGH = 0.25, 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """What items are told apart by; figures that are not known are None."""

    dataset: str = ""
    tags: frozenset[str] = field(default_factory=frozenset)
    brightness: float | None = None  # 0 to 255
    sharpness: float | None = None  # variance of the Laplacian


@dataclass(frozen=True, slots=True)
class Part:
    """Items, or truths, that belong together."""

    group: str
    name: str
    member: Bools  # (I,) of items, or (M,) of truths


@dataclass(frozen=True, slots=True)
class _Found:
    part: Part
    metric: str
    value: float
    rest: float | None
    drawn: Floats  # (B,)
    drawn_rest: Floats  # (B,)
    item_count: int
    truth_count: int


def slice_measured(
    measured: Measured, facts: Mapping[str, ItemFacts], *, check: Callable[[], None] = lambda: None
) -> tuple[Slice, ...]:
    """Return how parts of the items (mAP50), and of the objects (recall), fare beside the rest.

    The items are parted by brightness, sharpness and crowding (the lowest and the highest quarter, and what
    lies between), by dataset and by tag; the objects by COCO's sizes and by class. Those furthest below
    the rest come first. Intervals and p-values rest on resampling the items, p corrected for the number
    of slices (Holm). A part of fewer than five items, or without a truth, is left out.
    """
    drawn = list(draw_weights(len(measured.keys), count=RESAMPLES))
    found: list[_Found] = []
    half = HalfWeigher(measured)
    for part in iter_item_parts(measured, [facts.get(key, ItemFacts()) for key in measured.keys]):
        check()
        found.extend(_look_at_items(measured, half, part, drawn))
    check()
    found.extend(_look_at_objects(measured, drawn))
    p_values = correct_p_values([_find_p(of) for of in found])
    slices = [_make(of, p) for of, p in zip(found, p_values, strict=True)]
    return tuple(sorted(slices, key=lambda of: (of.value - (of.rest or 0.0), of.group, of.name)))


def iter_item_parts(measured: Measured, facts: Sequence[ItemFacts]) -> Iterator[Part]:
    """Yield the parts of the items, `member` (I,); `facts` are in the order of the items."""
    crowds = np.bincount(measured.truths.image, minlength=len(measured.keys)).astype(float)
    crowds[crowds == 0] = np.nan  # without a truth nothing can be found
    yield from _part_by_value("crowding", crowds, ("few objects", "some objects", "many objects"), "{:,.0f}")
    brightness = _list_values([of.brightness for of in facts])
    yield from _part_by_value("brightness", brightness, ("dark", "medium", "bright"), "{:.0f}")
    sharpness = _list_values([of.sharpness for of in facts])
    yield from _part_by_value("sharpness", sharpness, ("blurred", "medium", "sharp"), "{:,.0f}")
    yield from _part_by_name("dataset", [frozenset((of.dataset,)) for of in facts])
    yield from _part_by_name("tag", [of.tags for of in facts])


def _list_values(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], float)


def _part_by_value(group: str, values: Floats, names: tuple[str, str, str], form: str) -> Iterator[Part]:
    known = values[~np.isnan(values)]
    if not len(known):
        return
    low, high = np.quantile(known, [_LOW, _HIGH], method="lower")
    if low == high == known.min() or known.min() == known.max():
        return  # nothing to part them by
    few, many = form.format(low), form.format(high)
    yield Part(group, f"{names[0]} (to {few})", values <= low)
    yield Part(group, f"{names[1]} ({few} to {many})", (values > low) & (values <= high))
    yield Part(group, f"{names[2]} (above {many})", values > high)


def _part_by_name(group: str, names: Sequence[frozenset[str]]) -> Iterator[Part]:
    """Yield the items of each name, the commonest names only."""
    counts: dict[str, int] = {}
    for of in names:
        for name in of:
            counts[name] = counts.get(name, 0) + 1
    for name in sorted(counts, key=lambda one: (-counts[one], one))[:MOST_NAMES]:
        yield Part(group, name or "(none)", np.array([name in of for of in names], bool))


def iter_object_parts(measured: Measured) -> Iterator[Part]:
    """Yield the parts of the truths, `member` (M,): by size and by class."""
    outside = is_outside(measured.truths.areas)  # (M, A)
    for area, name in enumerate(AREA_NAMES[1:], start=1):
        yield Part("object size", name, ~outside[:, area])
    counts = np.bincount(measured.truths.label, minlength=len(measured.names))
    for label in np.argsort(-counts, kind="stable")[:MOST_NAMES].tolist():
        yield Part("class", measured.names[label], measured.truths.label == label)


def _look_at_items(
    measured: Measured, half: HalfWeigher, part: Part, drawn: Sequence[Floats]
) -> Iterator[_Found]:
    inside, outside = part.member.astype(float), (~part.member).astype(float)
    truths = int(inside[measured.truths.image].sum())
    items = int(inside.sum())
    if items < MIN_ITEMS or not truths or truths == len(measured.truths.image):
        return
    value, rest = half.weigh([np.stack((inside, outside))]).tolist()
    yield _Found(
        part,
        "map50",
        value,
        rest,
        half.weigh_part(part.member, drawn),
        half.weigh_part(~part.member, drawn),
        items,
        truths,
    )


def _look_at_objects(measured: Measured, drawn: Sequence[Floats]) -> Iterator[_Found]:
    counts = [(part, _count_items(measured, part)) for part in iter_object_parts(measured)]
    shown = [(part, items) for part, items in counts if items >= MIN_ITEMS and not part.member.all()]
    members = [side for part, _ in shown for side in (part.member, ~part.member)]
    values = weigh_recalls(measured, members, [np.ones((1, len(measured.keys)))])[:, 0].tolist()
    recalls = weigh_recalls(measured, members, drawn)
    for place, (part, items) in enumerate(shown):
        inside, outside = 2 * place, 2 * place + 1
        yield _Found(
            part, "recall", values[inside], values[outside], recalls[inside], recalls[outside],
            items, int(part.member.sum()),
        )  # fmt: skip


def _count_items(measured: Measured, part: Part) -> int:
    return len(np.unique(measured.truths.image[part.member]))


def weigh_recalls(measured: Measured, members: Sequence[Bools], batches: Sequence[Floats]) -> Floats:
    """Return (P, B): of each of some parts of the truths (M,) the share that was found.

    It is found at the operating confidence. NaN where a weighting (B, I) of the items leaves a part no truth.
    Weights are whole, so that sums of them are exact in whatever order: all parts are summed together.
    """
    images, size = measured.truths.image, len(measured.keys)
    kept = [member & measured.is_found for member in members]
    counts = [np.bincount(images[member], minlength=size) for member in (*members, *kept)]
    table = np.array(counts, float).reshape(len(counts), size).T  # (I, 2 * P)
    parts = []
    for weights in batches:
        total, found = np.split((weights @ table).T, 2)  # (P, B)
        parts.append(np.where(total > 0, found / np.maximum(total, 1e-300), np.nan))
    return np.concatenate(parts, axis=1)


def _find_p(found: _Found) -> float:
    if found.rest is None:
        return 1.0
    return find_spread_p_value(found.value - found.rest, found.drawn - found.drawn_rest, found.item_count)


def _make(found: _Found, p: float) -> Slice:
    interval = find_interval(found.drawn)
    assert interval is not None  # the part has truths, so some resample has
    return Slice(
        group=found.part.group,
        name=found.part.name,
        item_count=found.item_count,
        truth_count=found.truth_count,
        metric=found.metric,
        value=found.value,
        interval=interval,
        rest=None if found.rest is None or np.isnan(found.rest) else found.rest,
        p=p,
    )
