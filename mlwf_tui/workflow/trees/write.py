"""Carries out the plan of what has to be done to a checkout's folder; not a verb."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import CorruptData
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place_fault, place_annotation, place_image
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import iter_shards, read_shard
from mlwf_tui.store.rows import decode_row
from mlwf_tui.store.spans import SpanReader
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.messages import Work
from mlwf_tui.workflow.trees.files import TreeFiles
from mlwf_tui.workflow.trees.moves import move_folders
from mlwf_tui.workflow.trees.plan import Plan, Step, encode_file

if TYPE_CHECKING:  # for the annotations alone: a hand that writes needs no catalog
    from mlwf_tui.workflow.hand_processes import HandProcesses
    from mlwf_tui.workspace import Workspace

_BATCH = 256  # steps
_SHOWN = 3
_SHARDS = 4  # asked of a hand at once: a hundred items and more, a few hundredths of a second


class _Setup(msgspec.Struct, array_like=True, frozen=True):
    """What a writing hand is told first."""

    folder: bytes  # a path may hold any byte
    is_new: bool


class _Part(msgspec.Struct, array_like=True, frozen=True):
    """What a writing hand did with one shard: signatures by path, problems by key."""

    files: dict[str, bytes]
    folders: set[str]  # that they are in
    problems: list[tuple[str, str]]
    items_written: int
    damaged: dict[str, str]  # what is wrong with an image in the store, by its path


_encoder = msgspec.msgpack.Encoder()
_setup_decoder = msgspec.msgpack.Decoder(_Setup)
_shards_decoder = msgspec.msgpack.Decoder(list[Digest])
_part_decoder = msgspec.msgpack.Decoder(_Part)


@dataclass(slots=True)
class Written:
    """What was done."""

    files: dict[str, bytes] = field(default_factory=dict)  # signatures of what was written, by path
    problems: list[Problem] = field(default_factory=list)
    removed: int = 0
    items_written: int = 0
    damaged: dict[str, str] = field(default_factory=dict)  # what is wrong with an image in the store, by path
    by_ns: int = 0  # the time at which the last file was there


def write_plan(
    workspace: Workspace,
    folder: Path,
    plan: Plan,
    known: Mapping[str, bytes],
    *,
    is_new: bool,
    observer: Observer,
    processes: HandProcesses | None = None,
) -> Written:
    """Carry a plan out, with the hands of every core where it is large.

    All names are durable then. What the files hold may be lost with the power for another while: the
    state has to say so (`TreeState.boot`). A checkout that waited for the disk would take twice as long.

    `known` are the signatures of the files as they were left, by path. `is_new`: nothing is there that
    could be replaced. `processes` were started for it.

    Raises:
        Conflict: something that was not there when the plan was made is in the way.
        StorageFailed: the disk refused; what was written stays, and carrying the plan out again goes on.
        CorruptData: bytes of the store are damaged; what could be written was, and nothing that is damaged.
            The state has to say still that files are being written: what is missing was removed by nobody.
    """
    written = Written()
    with TreeFiles(folder) as files, ExitStack() as stack:
        for count in _remove_all(files, plan.removals):
            written.removed += count
            observer.check_cancelled()
        if plan.schema is not None:
            written.files[META_NAME] = files.write(META_NAME, plan.schema, is_replacing=not is_new)
        left = {path.rpartition("/")[0] for path in plan.gone}
        if plan.whole is None:
            writer = _ItemWriter(workspace.store, files, is_new)
            for batch in _iter_batches(move_folders(files, plan.steps, known, written.files)):
                observer.check_cancelled()
                writer.write(batch, written)
                observer.progress(written.items_written, plan.step_count, "writing files")
            folders = _list_folders(written.files)
        else:
            folders = _write_whole(
                workspace, files, plan, written, stack, is_new=is_new, observer=observer, processes=processes
            )
        written.by_ns = time.time_ns()
        files.remove_empty_folders(left)
        files.make_names_durable(left | folders)
    if written.damaged:
        raise _describe_damage(written.damaged)
    return written


def _describe_damage(damaged: Mapping[str, str]) -> CorruptData:
    shown = ", ".join(sorted(damaged)[:_SHOWN])
    more = f" and {len(damaged) - _SHOWN:,} more" if len(damaged) > _SHOWN else ""
    are = "is" if len(damaged) == 1 else "are"
    return CorruptData(
        f"{shown}{more} {are} damaged in the store; all other files were written."
        f" {next(iter(damaged.values()))}",
        hint="Bring the bytes back with mlwf verify --repair-from, or by importing the images once more, and"
        " do it again: it goes on where it was.",
    )


def _remove_all(files: TreeFiles, paths: Sequence[str]) -> Iterator[int]:
    """Remove files, and yield how many as it goes on; many by a thread for each core.

    The kernel frees what they held, which takes most of the time, without holding up the other threads.
    """
    from mlwf_tui.workflow.hands import count_hands

    batches = [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]
    if len(batches) < 2:
        yield from map(partial(_remove, files), batches)
        return
    with ThreadPoolExecutor(count_hands(), thread_name_prefix="remove") as pool:
        removed = pool.map(partial(_remove_below, files.root), batches)
        try:
            yield from removed
        finally:
            pool.shutdown(cancel_futures=True)


def _remove_below(folder: Path, paths: Sequence[str]) -> int:
    with TreeFiles(folder) as files:
        return _remove(files, paths)


def _remove(files: TreeFiles, paths: Sequence[str]) -> int:
    for path in paths:
        files.remove(path)
    return len(paths)


def _write_whole(
    workspace: Workspace,
    files: TreeFiles,
    plan: Plan,
    written: Written,
    stack: ExitStack,
    *,
    is_new: bool,
    observer: Observer,
    processes: HandProcesses | None,
) -> set[str]:
    """Write all items of a manifest and return the folders that they are in.

    The hands, which `stack` waits for, take it a few shards at a time.
    """
    from mlwf_tui.workflow.hands import FEWEST_FOR_HANDS, count_hands, open_hands  # a hand needs none

    assert plan.whole is not None  # the caller has looked
    batches = _iter_shards(workspace.store, plan.whole)
    if plan.step_count < FEWEST_FOR_HANDS or count_hands() == 1:
        writer = _ItemWriter(workspace.store, files, is_new)
        for shards in batches:
            writer.write_shards(shards, written)
            observer.progress(written.items_written, plan.step_count, "writing files")
            observer.check_cancelled()
        return _list_folders(written.files)
    setup = _encoder.encode(_Setup(os.fsencode(files.root), is_new))
    hands = stack.enter_context(open_hands(workspace.home, "write", setup, processes=processes))
    folders: set[str] = set()
    for answer in hands.map(map(_encoder.encode, _deal(list(batches), count_hands()))):
        part = _part_decoder.decode(answer)
        written.files.update(part.files)
        folders |= part.folders
        written.problems += [Problem(key, reason) for key, reason in part.problems]
        written.items_written += part.items_written
        written.damaged |= part.damaged
        observer.progress(written.items_written, plan.step_count, "writing files")
        observer.check_cancelled()
    hands.dismiss()  # they end while the caller makes the names durable
    return folders


def _list_folders(paths: Iterable[str]) -> set[str]:
    return {path.rpartition("/")[0] for path in paths}


@contextmanager
def open_writing(home: Path, setup: bytes) -> Iterator[Work]:
    """Be a hand that writes: digests of shards in, signatures out."""
    decoded = _setup_decoder.decode(setup)
    with Store(home / "store") as store, TreeFiles(Path(os.fsdecode(decoded.folder))) as files:
        writer = _ItemWriter(store, files, decoded.is_new)

        def write(message: bytes) -> bytes:
            written = Written()
            writer.write_shards(_shards_decoder.decode(message), written)
            problems = [(problem.path, problem.reason) for problem in written.problems]
            folders = _list_folders(written.files)
            return _encoder.encode(
                _Part(written.files, folders, problems, written.items_written, written.damaged)
            )

        yield write


class _ItemWriter:
    """Writes the files of items; used by one thread."""

    def __init__(self, store: Store, files: TreeFiles, is_new: bool) -> None:
        self._store = store
        self._files = files
        self._is_replacing = not is_new
        self._images = SpanReader(store)

    def write_shards(self, shards: Iterable[Digest], written: Written) -> None:
        """Write all files of some shards."""
        images: dict[bytes, list[str]] = {}  # paths by blob
        for row in (row for shard in shards for row in read_shard(self._store, shard)):
            item = decode_row(row)
            if _is_good(item.dataset, item.name, written):
                annotation = place_annotation(item.dataset, item.name)
                written.files[annotation] = self._put(annotation, encode_file(item))
                images.setdefault(item.blob, []).append(place_image(item.dataset, item.name))
        self._write_images(images, written)

    def write(self, steps: Iterable[Step], written: Written) -> None:
        """Do some steps."""
        images: dict[bytes, list[str]] = {}
        for step in steps:
            if not _is_good(step.dataset, step.name, written):
                continue
            image, annotation = step.paths
            item = decode_row(step.row) if step.has_image or step.has_annotation else None
            if step.image_from:
                written.files[image] = self._files.rename(step.image_from, image)
            elif item and step.has_image:
                images.setdefault(item.blob, []).append(image)
            if step.annotation_from:
                written.files[annotation] = self._files.rename(step.annotation_from, annotation)
            elif item and step.has_annotation:
                written.files[annotation] = self._put(annotation, encode_file(item))
        self._write_images(images, written)

    def _write_images(self, images: Mapping[bytes, Sequence[str]], written: Written) -> None:
        """Write images, each to its paths, in the order in which they lie in the packs."""
        damaged: dict[bytes, CorruptData] = {}
        for blob, content in self._images.iter_blobs(images, damaged):
            for path in images[blob]:
                written.files[path] = self._put(path, content)
        written.damaged |= {path: error.message for blob, error in damaged.items() for path in images[blob]}

    def _put(self, path: str, content: bytes | memoryview) -> bytes:
        return self._files.write(path, content, is_replacing=self._is_replacing)


def _is_good(dataset: str, name: str, written: Written) -> bool:
    """Say whether an item has a place, and count it, or name it as a problem."""
    fault = find_place_fault(dataset, name)
    if fault:
        written.problems.append(Problem(f"{dataset}/{name}", fault))
    else:
        written.items_written += 1
    return not fault


def _iter_shards(store: Store, manifest: Digest) -> Iterator[list[Digest]]:
    """Yield the shards of a manifest, a few at a time."""
    shards = iter_shards(store, manifest)
    while batch := list(islice(shards, _SHARDS)):
        yield batch


def _deal(batches: Sequence[list[Digest]], part_count: int) -> Iterator[list[Digest]]:
    """Yield a batch of each part in turn: processes that write into one folder hold each other up."""
    size = -(-len(batches) // part_count)
    for place in range(size):
        yield from batches[place::size]


def _iter_batches(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    for start in range(0, len(steps), _BATCH):
        yield steps[start : start + _BATCH]
