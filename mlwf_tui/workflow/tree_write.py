"""Makes a checkout's folder what a manifest says, writing only what is not right there; not a verb."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import local
from typing import NamedTuple

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.run import Problem
from mlwf_tui.formats.supervisely import encode_annotation, encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place_fault, place_annotation, place_image
from mlwf_tui.protocols import Observer
from mlwf_tui.store.manifests import find_rows, iter_items, read_summary
from mlwf_tui.store.renames import iter_renamed_changes
from mlwf_tui.store.rows import decode_item
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.tree_files import TreeFiles

_BATCH = 64
_AHEAD = 4


class Step(NamedTuple):
    """What has to be done for one item. `moved_from` is the path that its image can be moved from."""

    item: Item
    has_image: bool  # the image has to be written
    has_annotation: bool
    moved_from: str = ""


@dataclass(slots=True)
class Plan:
    """What has to be done to a folder; paths are from it."""

    steps: Iterable[Step] = ()
    step_count: int = 0
    removals: list[str] = field(default_factory=list)
    schema: bytes | None = None  # of meta.json, where it has to be written

    def without(self, done: Collection[str]) -> Plan:
        """Return the plan without the files that are right already."""
        if not done:
            return self
        steps = []
        for item, has_image, has_annotation, moved_from in self.steps:
            image, annotation = _list_paths(item)
            step = Step(
                item,
                has_image and image not in done,
                has_annotation and annotation not in done,
                "" if image in done else moved_from,
            )
            steps += [step] if step.has_image or step.has_annotation or step.moved_from else []
        schema = None if META_NAME in done else self.schema
        return Plan(steps, len(steps), [path for path in self.removals if path not in done], schema)


@dataclass(slots=True)
class Written:
    """What was done."""

    files: dict[str, bytes] = field(default_factory=dict)  # signatures of what was written, by path
    problems: list[Problem] = field(default_factory=list)
    removed: int = 0
    items_written: int = 0


def plan_whole(store: Store, manifest: Digest) -> Plan:
    """Return the plan that writes everything."""
    summary = read_summary(store, manifest)
    steps = (Step(item, True, True) for item in iter_items(store, manifest))
    return Plan(steps, summary.item_count, schema=encode_meta(summary.schema))


def plan_change(store: Store, before: Digest, after: Digest, touched: Mapping[str, str]) -> Plan:
    """Return the plan that makes the one manifest's files those of the other.

    `touched` are the files that are not as they were left, by path with their item's key ("" for those
    that are no item's): they are written again, or removed where the manifest has no such item.
    """
    plan = Plan()
    steps: list[Step] = []
    for change in iter_renamed_changes(store, before, after):
        steps += _plan_item(plan, change.kind, change.before, change.after, touched)
    planned = {step.item.key for step in steps}
    again = {key for key in touched.values() if key and key not in planned}
    found = {key: decode_item(row) for key, row in find_rows(store, after, again)}
    steps += [Step(item, True, True) for item in found.values()]
    plan.removals += [path for path, key in touched.items() if key in again and key not in found]
    plan.steps, plan.step_count = steps, len(steps)
    schema = read_summary(store, after).schema
    if META_NAME in touched or schema != read_summary(store, before).schema:
        plan.schema = encode_meta(schema)
    return plan


def _plan_item(
    plan: Plan, kind: ChangeKind, before: Item | None, after: Item | None, touched: Mapping[str, str]
) -> Iterator[Step]:
    old = _list_paths(before) if before else ()
    new = _list_paths(after) if after else ()
    plan.removals += [path for path in old if path not in new]
    if after is None:
        return
    has_image = before is None or before.blob != after.blob or new[0] in touched
    if kind is ChangeKind.RENAMED and old[0] not in touched:
        plan.removals.remove(old[0])
        yield Step(after, False, True, moved_from=old[0])
    elif kind is ChangeKind.RENAMED:
        yield Step(after, True, True)
    else:
        has_annotation = before is None or new[1] in touched or not _has_same_annotation(before, after)
        yield Step(after, has_image, has_annotation)


def _has_same_annotation(before: Item, after: Item) -> bool:
    size = before.width_px, before.height_px
    return (
        before.annotation == after.annotation
        and before.split == after.split
        and size == (after.width_px, after.height_px)
    )


def _list_paths(item: Item) -> tuple[str, str]:
    return place_image(item.dataset, item.name), place_annotation(item.dataset, item.name)


def write_plan(store: Store, folder: Path, plan: Plan, *, is_new: bool, observer: Observer) -> Written:
    """Carry a plan out, with a thread for each core. `is_new`: nothing is there that could be replaced.

    Raises:
        Conflict: something that was not there when the plan was made is in the way.
        StorageFailed: the disk refused; what was written stays, and carrying the plan out again goes on.
        CorruptData: bytes of the store are damaged; what could be written was.
    """
    written = Written()
    with TreeFiles(folder) as files:
        for path in plan.removals:
            files.remove(path)
            written.removed += 1
        if plan.schema is not None:
            written.files[META_NAME] = files.write(META_NAME, plan.schema, is_replacing=not is_new)
    _write_steps(store, folder, plan, written, is_new=is_new, observer=observer)
    with TreeFiles(folder) as files:
        moved = [step.moved_from for step in plan.steps if step.moved_from] if not is_new else []
        files.remove_empty_folders({path.rpartition("/")[0] for path in (*plan.removals, *moved)})
    return written


def _write_steps(
    store: Store, folder: Path, plan: Plan, written: Written, *, is_new: bool, observer: Observer
) -> None:
    workers = min(os.cpu_count() or 1, 8)
    writers = local()

    def write_batch(batch: list[Step]) -> list[tuple[str, bytes]]:
        if not hasattr(writers, "files"):
            writers.files = TreeFiles(folder)
        return [signed for step in batch for signed in _write_step(store, writers.files, step, is_new)]

    def close_files() -> None:
        if hasattr(writers, "files"):
            writers.files.__exit__(None, None, None)

    pending: deque[Future[list[tuple[str, bytes]]]] = deque()
    steps = _pass_good(plan.steps, written)
    with ThreadPoolExecutor(workers, thread_name_prefix="checkout") as threads:
        while True:
            batch = list(islice(steps, _BATCH))
            if batch:
                pending.append(threads.submit(write_batch, batch))
            if pending and (not batch or len(pending) > _AHEAD * workers):
                written.files.update(pending.popleft().result())
                observer.progress(written.items_written, plan.step_count, "writing files")
                observer.check_cancelled()
            if not batch and not pending:
                break
        close_files()


def _pass_good(steps: Iterable[Step], written: Written) -> Iterator[Step]:
    """Yield the steps of items that have a place, and name the others."""
    for step in steps:
        fault = find_place_fault(step.item.dataset, step.item.name)
        if fault:
            written.problems.append(Problem(step.item.key, fault))
            continue
        written.items_written += 1
        yield step


def _write_step(store: Store, files: TreeFiles, step: Step, is_new: bool) -> Iterator[tuple[str, bytes]]:
    image, annotation = _list_paths(step.item)
    if step.moved_from:
        yield image, files.rename(step.moved_from, image)
    elif step.has_image:
        yield image, files.write(image, store.read(step.item.blob), is_replacing=not is_new)
    if step.has_annotation:
        yield annotation, files.write(annotation, encode_annotation(step.item), is_replacing=not is_new)
