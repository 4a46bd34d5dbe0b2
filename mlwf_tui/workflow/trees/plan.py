"""Plans what has to be done to a checkout's folder, writing only what is not right there; not a verb."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.formats.supervisely import encode_annotation, encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, place_annotation, place_image
from mlwf_tui.formats.supervisely_plain import encode_plain
from mlwf_tui.store.manifests import find_rows, read_summary
from mlwf_tui.store.renames import decode_head, has_same_content, iter_renamed_rows
from mlwf_tui.store.rows import ItemRow, check_key, decode_row, to_item
from mlwf_tui.store.store import Store

Row = bytes | msgspec.Raw
"""An item as its manifest holds it; decoded where it is written, which most that moves never is."""


class Step(NamedTuple):
    """What has to be done for one item."""

    dataset: str
    name: str
    row: Row
    has_image: bool  # the image has to be written
    has_annotation: bool
    image_from: str = ""  # the path that it can be moved from
    annotation_from: str = ""

    @property
    def key(self) -> str:
        """The key of the item."""
        return f"{self.dataset}/{self.name}"

    @property
    def paths(self) -> tuple[str, str]:
        """Where its image and its annotation lie."""
        return place_image(self.dataset, self.name), place_annotation(self.dataset, self.name)

    @property
    def is_due(self) -> bool:
        """Whether there is anything to do."""
        return self.has_image or self.has_annotation or bool(self.image_from or self.annotation_from)

    def without(self, *done: str) -> Step:
        """Return the step without the files at these paths."""
        image, annotation = self.paths
        step = self
        if image in done:
            step = step._replace(has_image=False, image_from="")
        if annotation in done:
            step = step._replace(has_annotation=False, annotation_from="")
        return step


@dataclass(slots=True)
class Plan:
    """What has to be done to a folder; paths are from it."""

    whole: Digest | None = None  # the manifest of which everything is written; `steps` are empty then
    steps: Sequence[Step] = ()
    step_count: int = 0
    removals: list[str] = field(default_factory=list)
    schema: bytes | None = None  # of meta.json, where it has to be written

    @property
    def gone(self) -> set[str]:
        """The paths at which nothing of ours is left after it."""
        moved = {path for step in self.steps for path in (step.image_from, step.annotation_from) if path}
        return moved.union(self.removals)

    @property
    def file_count(self) -> int:
        """How many files are written, moved or removed; those of `steps`, not of a `whole`."""
        of_items = sum(
            bool(step.has_image or step.image_from) + bool(step.has_annotation or step.annotation_from)
            for step in self.steps
        )
        return len(self.removals) + of_items + (self.schema is not None)

    @property
    def changed(self) -> set[str]:
        """The paths at which something is written, moved or removed; those of `steps`, not of a `whole`."""
        paths = self.gone.union({META_NAME} if self.schema is not None else ())
        for step in self.steps:
            image, annotation = step.paths
            if step.has_image or step.image_from:
                paths.add(image)
            if step.has_annotation or step.annotation_from:
                paths.add(annotation)
        return paths

    def without(self, done: Set[str]) -> Plan:
        """Return the plan without the files that are right already."""
        if not done:
            return self
        rest = [step.without(*(path for path in step.paths if path in done)) for step in self.steps]
        steps = [step for step in rest if step.is_due]
        schema = None if META_NAME in done else self.schema
        removals = [path for path in self.removals if path not in done]
        return Plan(None, steps, len(steps), removals, schema)


def plan_whole(store: Store, manifest: Digest) -> Plan:
    """Return the plan that writes everything."""
    summary = read_summary(store, manifest)
    return Plan(manifest, step_count=summary.item_count, schema=encode_meta(summary.schema))


def plan_new(row: Row) -> Step:
    """Return the step that writes all files of an item.

    Raises:
        CorruptData: it is no row of an item, or its name is not one path component.
    """
    head = decode_head(row)
    check_key(head.dataset, head.name)
    return Step(head.dataset, head.name, row, True, True)


def plan_change(store: Store, before: Digest, after: Digest, touched: Mapping[str, str]) -> Plan:
    """Return the plan that makes the one manifest's files those of the other.

    `touched` are the files that are not as they were left, by path with their item's key ("" for those
    that are no item's): they are written again, or removed where the manifest has no such item.
    """
    plan = Plan()
    steps: list[Step] = []
    for kind, _, old, new in iter_renamed_rows(store, before, after):
        steps += _plan_item(plan, kind, old, new, touched)
    planned = {step.key for step in steps}
    again = {key for key in touched.values() if key and key not in planned}
    found = {key: plan_new(row) for key, row in find_rows(store, after, again)}
    for step in found.values():
        right = [path for path in step.paths if path not in touched]
        steps.append(step.without(*right))
    listed = set(plan.removals) if again else set()
    plan.removals += [
        path for path, key in touched.items() if key in again and key not in found and path not in listed
    ]
    plan.steps, plan.step_count = steps, len(steps)
    schema = read_summary(store, after).schema
    if META_NAME in touched or schema != read_summary(store, before).schema:
        plan.schema = encode_meta(schema)
    return plan


def _plan_item(
    plan: Plan, kind: ChangeKind, before: Row | None, after: Row | None, touched: Mapping[str, str]
) -> Iterator[Step]:
    old = plan_new(before).paths if before is not None else None
    step = plan_new(after) if after is not None else None
    if before is None or after is None or old is None or step is None:
        plan.removals += old or ()
        yield from [step] if step else []
    elif kind is ChangeKind.RENAMED:
        is_same = has_same_content(before, after) or _has_same_annotation(before, after)
        image_from = "" if old[0] in touched else old[0]
        annotation_from = old[1] if is_same and old[1] not in touched else ""  # no name is in it
        plan.removals += [path for path in old if path not in (image_from, annotation_from)]
        yield step._replace(
            has_image=not image_from,
            has_annotation=not annotation_from,
            image_from=image_from,
            annotation_from=annotation_from,
        )
    else:
        image, annotation = step.paths
        is_same_image = decode_head(before).blob == decode_head(after).blob
        right = [image] if is_same_image and image not in touched else []
        right += [annotation] if annotation not in touched and _has_same_annotation(before, after) else []
        step = step.without(*right)
        yield from [step] if step.is_due else []


def _has_same_annotation(before: Row, after: Row) -> bool:
    """Say whether two items have the same annotation file; an earlier version wrote rows otherwise."""
    old, new = decode_row(before), decode_row(after)
    is_same = (
        old.objects == new.objects
        and old.tags == new.tags
        and old.custom == new.custom
        and old.split == new.split
        and (old.width_px, old.height_px) == (new.width_px, new.height_px)
    )
    return is_same or encode_file(old) == encode_file(new)


def encode_file(item: ItemRow) -> bytes:
    """Return an item's annotation file."""
    return encode_plain(item) or encode_annotation(to_item(item))
