"""Makes a checkout's folder what a manifest says, writing only what is not right there; not a verb."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.run import Problem
from mlwf_tui.formats.supervisely import encode_annotation, encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place_fault, place_annotation, place_image
from mlwf_tui.protocols import Observer
from mlwf_tui.store.manifests import find_rows, iter_shards, read_shard, read_summary
from mlwf_tui.store.renames import iter_renamed_changes
from mlwf_tui.store.rows import decode_item
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.hands import FEWEST_FOR_HANDS, count_hands, open_hands
from mlwf_tui.workflow.messages import Work
from mlwf_tui.workflow.tree_files import TreeFiles, flushing

if TYPE_CHECKING:  # for the annotation alone: a hand that writes needs no catalog
    from mlwf_tui.workspace import Workspace

_BATCH = 32


class _Setup(msgspec.Struct, array_like=True, frozen=True):
    """What a writing hand is told first."""

    folder: bytes  # a path may hold any byte
    is_new: bool


class _Part(msgspec.Struct, array_like=True, frozen=True):
    """What a writing hand did with one shard: signatures by path, problems by key."""

    files: dict[str, bytes]
    problems: list[tuple[str, str]]
    items_written: int


_encoder = msgspec.msgpack.Encoder()
_setup_decoder = msgspec.msgpack.Decoder(_Setup)
_part_decoder = msgspec.msgpack.Decoder(_Part)


class Step(NamedTuple):
    """What has to be done for one item. `moved_from` is the path that its image can be moved from."""

    item: Item
    has_image: bool  # the image has to be written
    has_annotation: bool
    moved_from: str = ""


@dataclass(slots=True)
class Plan:
    """What has to be done to a folder; paths are from it."""

    whole: Digest | None = None  # the manifest of which everything is written; `steps` are empty then
    steps: Sequence[Step] = ()
    step_count: int = 0
    removals: list[str] = field(default_factory=list)
    schema: bytes | None = None  # of meta.json, where it has to be written

    def without(self, done: Collection[str]) -> Plan:
        """Return the plan without the files that are right already."""
        if not done:
            return self
        steps: list[Step] = []
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
        removals = [path for path in self.removals if path not in done]
        return Plan(None, steps, len(steps), removals, schema)


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
    return Plan(manifest, step_count=summary.item_count, schema=encode_meta(summary.schema))


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
    old = _list_paths(before) if before else None
    new = _list_paths(after) if after else None
    plan.removals += [path for path in old or () if path not in (new or ())]
    if after is None or new is None:
        return
    has_image = before is None or before.blob != after.blob or new[0] in touched
    if kind is ChangeKind.RENAMED and old is not None and old[0] not in touched:
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


def write_plan(
    workspace: Workspace, folder: Path, plan: Plan, *, is_new: bool, observer: Observer
) -> Written:
    """Carry a plan out, with the hands of every core where it is large; what is written is durable then.

    `is_new`: nothing is there that could be replaced.

    Raises:
        Conflict: something that was not there when the plan was made is in the way.
        StorageFailed: the disk refused; what was written stays, and carrying the plan out again goes on.
        CorruptData: bytes of the store are damaged; what could be written was.
    """
    written = Written()
    with flushing(folder), TreeFiles(folder) as files:
        for path in plan.removals:
            files.remove(path)
            written.removed += 1
        if plan.schema is not None:
            written.files[META_NAME] = files.write(META_NAME, plan.schema, is_replacing=not is_new)
        if plan.whole is None:
            for batch in _iter_batches(plan.steps):
                observer.check_cancelled()
                _write_steps(workspace.store, files, batch, written, is_new=is_new)
                observer.progress(written.items_written, plan.step_count, "writing files")
        else:
            _write_whole(workspace, folder, plan, written, is_new=is_new, observer=observer)
        moved = [step.moved_from for step in plan.steps if step.moved_from]
        files.remove_empty_folders({path.rpartition("/")[0] for path in (*plan.removals, *moved)})
    return written


def _write_whole(
    workspace: Workspace, folder: Path, plan: Plan, written: Written, *, is_new: bool, observer: Observer
) -> None:
    """Write all items of a manifest; the hands take it shard by shard."""
    assert plan.whole is not None  # the caller has looked
    shards = iter_shards(workspace.store, plan.whole)
    if plan.step_count < FEWEST_FOR_HANDS or count_hands() == 1:
        with TreeFiles(folder) as files:
            for shard in shards:
                _write_shard(workspace.store, files, shard, written, is_new=is_new)
                observer.progress(written.items_written, plan.step_count, "writing files")
                observer.check_cancelled()
        return
    setup = _encoder.encode(_Setup(os.fsencode(folder), is_new))
    with open_hands(workspace.home, "write", setup) as hands:
        for answer in hands.map(shard.encode() for shard in shards):
            part = _part_decoder.decode(answer)
            written.files.update(part.files)
            written.problems += [Problem(key, reason) for key, reason in part.problems]
            written.items_written += part.items_written
            observer.progress(written.items_written, plan.step_count, "writing files")
            observer.check_cancelled()


@contextmanager
def open_writing(home: Path, setup: bytes) -> Iterator[Work]:
    """Be a hand that writes: a shard's digest in, signatures out."""
    decoded = _setup_decoder.decode(setup)
    with Store(home / "store") as store, TreeFiles(Path(os.fsdecode(decoded.folder))) as files:

        def write(message: bytes) -> bytes:
            written = Written()
            _write_shard(store, files, Digest(message.decode()), written, is_new=decoded.is_new)
            problems = [(problem.path, problem.reason) for problem in written.problems]
            return _encoder.encode(_Part(written.files, problems, written.items_written))

        yield write


def _write_shard(store: Store, files: TreeFiles, shard: Digest, written: Written, *, is_new: bool) -> None:
    steps = [Step(item, True, True) for item in read_shard(store, shard)]
    _write_steps(store, files, steps, written, is_new=is_new)


def _write_steps(
    store: Store, files: TreeFiles, steps: Iterable[Step], written: Written, *, is_new: bool
) -> None:
    good = list(_pass_good(steps, written))
    images = store.read_all([step.item.blob for step in good if step.has_image and not step.moved_from])
    for item, has_image, has_annotation, moved_from in good:
        image, annotation = _list_paths(item)
        if moved_from:
            written.files[image] = files.rename(moved_from, image)
        elif has_image:
            written.files[image] = files.write(image, next(images), is_replacing=not is_new)
        if has_annotation:
            content = encode_annotation(item)
            written.files[annotation] = files.write(annotation, content, is_replacing=not is_new)


def _pass_good(steps: Iterable[Step], written: Written) -> Iterator[Step]:
    """Yield the steps of items that have a place, and name the others."""
    for step in steps:
        fault = find_place_fault(step.item.dataset, step.item.name)
        if fault:
            written.problems.append(Problem(step.item.key, fault))
            continue
        written.items_written += 1
        yield step


def _iter_batches(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    for start in range(0, len(steps), _BATCH):
        yield steps[start : start + _BATCH]
