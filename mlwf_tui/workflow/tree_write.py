"""Makes a checkout's folder what a manifest says, writing only what is not right there; not a verb."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.run import Problem
from mlwf_tui.formats.supervisely import encode_annotation, encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place_fault, place_annotation, place_image
from mlwf_tui.formats.supervisely_plain import encode_plain
from mlwf_tui.protocols import Observer
from mlwf_tui.store.manifests import find_rows, iter_shards, read_shard, read_summary
from mlwf_tui.store.renames import iter_renamed_rows
from mlwf_tui.store.rows import ItemRow, decode_row, to_item
from mlwf_tui.store.spans import SpanReader
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.hands import Work, count_hands, open_hands
from mlwf_tui.workflow.readers import FEWEST_FOR_HANDS
from mlwf_tui.workflow.tree_files import TreeFiles
from mlwf_tui.workspace import Workspace

_BATCH = 256


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
    """What has to be done for one item."""

    item: ItemRow
    has_image: bool  # the image has to be written
    has_annotation: bool
    image_from: str = ""  # the path that it can be moved from
    annotation_from: str = ""


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
        for item, has_image, has_annotation, image_from, annotation_from in self.steps:
            image, annotation = _list_paths(item)
            step = Step(
                item,
                has_image and image not in done,
                has_annotation and annotation not in done,
                "" if image in done else image_from,
                "" if annotation in done else annotation_from,
            )
            steps += [step] if any(step[1:]) else []
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
    for kind, _, old, new in iter_renamed_rows(store, before, after):
        old_item = None if old is None else decode_row(old)
        new_item = None if new is None else decode_row(new)
        steps += _plan_item(plan, kind, old_item, new_item, touched)
    planned = {step.item.key for step in steps}
    again = {key for key in touched.values() if key and key not in planned}
    found = {key: decode_row(row) for key, row in find_rows(store, after, again)}
    for item in found.values():
        image, annotation = _list_paths(item)
        steps.append(Step(item, image in touched, annotation in touched))
    plan.removals += [path for path, key in touched.items() if key in again and key not in found]
    plan.steps, plan.step_count = steps, len(steps)
    schema = read_summary(store, after).schema
    if META_NAME in touched or schema != read_summary(store, before).schema:
        plan.schema = encode_meta(schema)
    return plan


def _plan_item(
    plan: Plan, kind: ChangeKind, before: ItemRow | None, after: ItemRow | None, touched: Mapping[str, str]
) -> Iterator[Step]:
    old = _list_paths(before) if before else None
    new = _list_paths(after) if after else None
    if before is None or after is None or old is None or new is None:
        plan.removals += old or ()
        if after is not None:
            yield Step(after, True, True)
    elif kind is ChangeKind.RENAMED:
        image_from = "" if old[0] in touched else old[0]
        is_same = _has_same_annotation(before, after)  # no name is in it
        annotation_from = old[1] if is_same and old[1] not in touched else ""
        plan.removals += [path for path in old if path not in (image_from, annotation_from)]
        yield Step(after, not image_from, not annotation_from, image_from, annotation_from)
    else:
        has_image = before.blob != after.blob or new[0] in touched
        yield Step(after, has_image, new[1] in touched or not _has_same_annotation(before, after))


def _has_same_annotation(before: ItemRow, after: ItemRow) -> bool:
    is_same = (
        before.objects == after.objects
        and before.tags == after.tags
        and before.split == after.split
        and (before.width_px, before.height_px) == (after.width_px, after.height_px)
    )
    # An earlier version wrote the same objects in other bytes.
    return is_same or encode_file(before) == encode_file(after)


def _list_paths(item: ItemRow) -> tuple[str, str]:
    return place_image(item.dataset, item.name), place_annotation(item.dataset, item.name)


def encode_file(item: ItemRow) -> bytes:
    """Return an item's annotation file."""
    return encode_plain(item) or encode_annotation(to_item(item))


def write_plan(
    workspace: Workspace, folder: Path, plan: Plan, *, is_new: bool, observer: Observer
) -> Written:
    """Carry a plan out, with the hands of every core where it is large.

    All names are durable then. What the files hold may be lost with the power for another while: the
    state has to say so (`TreeState.boot`). A checkout that waited for the disk would take twice as long.

    `is_new`: nothing is there that could be replaced.

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
        if plan.whole is None:
            writer = _ItemWriter(workspace.store, files, is_new)
            for batch in _iter_batches(plan.steps):
                observer.check_cancelled()
                writer.write(batch, written)
                observer.progress(written.items_written, plan.step_count, "writing files")
        else:
            _write_whole(workspace, folder, plan, written, is_new=is_new, observer=observer)
        moved = [path for step in plan.steps for path in (step.image_from, step.annotation_from) if path]
        left = {path.rpartition("/")[0] for path in (*plan.removals, *moved)}
        files.remove_empty_folders(left)
        files.make_names_durable(left | {path.rpartition("/")[0] for path in written.files})
    return written


def _write_whole(
    workspace: Workspace, folder: Path, plan: Plan, written: Written, *, is_new: bool, observer: Observer
) -> None:
    """Write all items of a manifest; the hands take it shard by shard."""
    assert plan.whole is not None  # the caller has looked
    shards = iter_shards(workspace.store, plan.whole)
    if plan.step_count < FEWEST_FOR_HANDS or count_hands() == 1:
        with TreeFiles(folder) as files:
            writer = _ItemWriter(workspace.store, files, is_new)
            for shard in shards:
                writer.write_shard(shard, written)
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
        writer = _ItemWriter(store, files, decoded.is_new)

        def write(message: bytes) -> bytes:
            written = Written()
            writer.write_shard(Digest(message.decode()), written)
            problems = [(problem.path, problem.reason) for problem in written.problems]
            return _encoder.encode(_Part(written.files, problems, written.items_written))

        yield write


class _ItemWriter:
    """Writes the files of items; used by one thread."""

    def __init__(self, store: Store, files: TreeFiles, is_new: bool) -> None:
        self._store = store
        self._files = files
        self._is_replacing = not is_new
        self._images = SpanReader(store)

    def write_shard(self, shard: Digest, written: Written) -> None:
        """Write all files of a shard."""
        self.write([Step(item, True, True) for item in read_shard(self._store, shard)], written)

    def write(self, steps: Iterable[Step], written: Written) -> None:
        """Do some steps; images are read in the order in which they lie in the packs."""
        images: dict[bytes, list[str]] = {}  # paths by blob
        for item, has_image, has_annotation, image_from, annotation_from in _pass_good(steps, written):
            image, annotation = _list_paths(item)
            if image_from:
                written.files[image] = self._files.rename(image_from, image)
            elif has_image:
                images.setdefault(item.blob, []).append(image)
            if annotation_from:
                written.files[annotation] = self._files.rename(annotation_from, annotation)
            elif has_annotation:
                written.files[annotation] = self._put(annotation, encode_file(item))
        for blob, content in self._images.iter_blobs(images):
            for path in images[blob]:
                written.files[path] = self._put(path, content)

    def _put(self, path: str, content: bytes | memoryview) -> bytes:
        return self._files.write(path, content, is_replacing=self._is_replacing)


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
