"""Takes the items of a folder in: what has changed is read, the rest is known; not a verb."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import Annotation, TagDefinition
from mlwf_tui.entities.change import Aspect
from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.item import Split, check_dataset, check_name, displace
from mlwf_tui.entities.keys import KeySet
from mlwf_tui.entities.project import Project
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols.importers import ImportedItem
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import (
    EncodedItem,
    compare_rows,
    encode,
    find_rows,
    move_row,
    read_stored_image,
)
from mlwf_tui.store.nodes import KeptNodes
from mlwf_tui.store.rows import decode_item
from mlwf_tui.workflow.importing.cached_items import CachedItem, NextItems, RunOfItems
from mlwf_tui.workflow.importing.known_items import KnownItems
from mlwf_tui.workflow.importing.readers import Readers
from mlwf_tui.workflow.importing.reading import Reading, Task
from mlwf_tui.workflow.importing.signatures import is_any_racy, is_racy
from mlwf_tui.workflow.importing.spool import ItemSpool
from mlwf_tui.workflow.refs import with_dataset
from mlwf_tui.workspace import Workspace

DEFAULT_DATASET = "main"
_STEP = 256  # items between two looks into the project


@dataclass(slots=True, eq=False, repr=False)
class Intake:
    """What an import has taken in so far."""

    workspace: Workspace
    listing: FolderListing
    dataset: str  # that all items go below; "" for the format's own, or the default
    project: Project | None
    known: KnownItems
    new_keys: frozenset[str]  # as far as it is known under which the project has no items
    fresh: ItemSpool  # the items of a project that is made now
    items: NextItems  # for the next import
    edited: Collection[str] = ()  # keys of what was changed in the project since the last import
    changes: dict[str, EncodedItem] = field(default_factory=dict)  # of a project that was there
    keys: KeySet = field(default_factory=KeySet)
    class_names: set[str] = field(default_factory=set)
    tags: dict[str, TagDefinition] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: KeptNodes = field(default_factory=dict)  # of the project's manifest, as far as looked at
    moved: list[tuple[Task, CachedItem]] = field(default_factory=list)  # known, under another path
    altered: list[tuple[Task, CachedItem | None]] = field(default_factory=list)  # beside whose image is known
    before: dict[str, bytes] = field(default_factory=dict)  # the rows that what is being read had
    passed: int = 0  # images of which nothing had to be read
    unchanged: int = 0  # with what does not have to be looked at
    updated: int = 0
    left_out: int = 0  # images that became no item
    is_local: bool = True  # each problem is of one item, and none stands in the way of another
    replaced: int = 0  # with what was edited
    updates: Counter[Aspect] = field(default_factory=Counter)  # what the updated items differ in
    has_young: bool = field(init=False)  # files that may yet change without their signatures telling

    def __post_init__(self) -> None:
        self.has_young = is_any_racy(self.listing)

    @property
    def taken(self) -> int:
        """How many items the folder has that could be taken in."""
        return self.unchanged + self.changed

    @property
    def changed(self) -> int:
        """How many items are new or other than before."""
        return self.fresh.count + len(self.changes)

    def report(self, problem: Problem) -> None:
        """Note a problem that is not one item's."""
        self.problems.append(problem)
        self.is_local = False

    def take_all(
        self, imported: Iterable[ImportedItem], readers: Readers, observer: Observer, *, total: int
    ) -> None:
        """Take items in, reading the files of those that have changed; `total` is told to the observer."""
        for count, (task, reading) in enumerate(readers.read(self._iter_tasks(imported, observer)), start=1):
            observer.check_cancelled()
            observer.progress(self.passed + count, total, task.name)
            self._note(task, reading, self.before.pop(task.key, None), RunOfItems.READ)

    def _iter_tasks(self, imported: Iterable[ImportedItem], observer: Observer) -> Iterator[Task]:
        """Yield what has to be read, and note the rest."""
        for item in imported:
            observer.check_cancelled()
            self.is_local &= not item.is_displaced
            key = self._take_key(item)
            if not key:
                continue
            image, source = item.image, item.source
            signature = source.signature if source else _sign_annotation(item)
            known = self.known.find(image.relative)
            if known is None or known.image_signature != image.signature:
                known = self.known.find_moved(image, signature)
            if known is None or known.source_signature != signature:
                self.altered.append((_make_task(item, key, signature), known))
            elif _is_in_place(known, item, key):
                self._keep(known)
            elif known.key and not known.problems:
                self.moved.append((_make_task(item, key, signature), known))
            else:
                self.altered.append((_make_task(item, key, signature), None))
            if len(self.moved) == _STEP:
                self._take_moved()
            if len(self.altered) == _STEP:
                yield from self._take_altered()
        self._take_moved()
        yield from self._take_altered()

    def _take_key(self, imported: ImportedItem) -> str:
        """Return the key of an item, or note why it can have none and return nothing."""
        try:
            return self._choose_key(imported)
        except InvalidInput as error:
            self.report(Problem(imported.image.relative, error.message))
            return ""

    def _choose_key(self, imported: ImportedItem) -> str:
        """Return the key that an image has had since the last import, else one that no other has.

        A new image whose key another has goes below its split.

        Raises:
            InvalidInput: its name or dataset cannot be used, or it has no split to go below.
        """
        key = find_key(imported, self.dataset)
        former = self.known.find_key(imported.image.relative)
        if former and self.keys.add(former):
            self.is_local &= former == key
            return former
        if not self.known.holds(key) and self.keys.add(key):
            return key
        if below := displace(imported.dataset, imported.split):
            self.is_local = False
            displaced = find_key(replace(imported, dataset=below), self.dataset)
            if not self.known.holds(displaced) and self.keys.add(displaced):
                return displaced
        raise InvalidInput(f"is a second item named {key}")

    def _take_moved(self) -> None:
        """Note the items that are known from elsewhere; those that are not in the project have to be read."""
        moved, self.moved = self.moved, []
        rows = self._find_rows([key for task, known in moved for key in (task.key, known.key)])
        for task, known in moved:
            if known.key in rows:
                self.passed += 1
                self._note(task, _move(task, known, rows[known.key]), rows.get(task.key), RunOfItems.MOVED)
            else:
                self.altered.append((task, None))

    def _take_altered(self) -> Iterator[Task]:
        """Yield what has to be read; where the image is known, that is what is said of it."""
        altered, self.altered = self.altered, []
        rows = self._find_rows(
            [key for task, known in altered for key in (task.key, known.key if known else "") if key]
        )
        for task, known in altered:
            if task.key in rows:
                self.before[task.key] = rows[task.key]
            row = rows.get(known.key) if known else None
            yield replace(task, stored=read_stored_image(row)) if row else task

    def _keep(self, known: CachedItem) -> None:
        self.items.add(RunOfItems.KEPT, known)
        self.passed += 1
        self.unchanged += bool(known.key)
        self.left_out += not known.key
        if known.problems:
            self.problems += [Problem(*row) for row in known.problems]

    def _find_rows(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the rows that the project holds under keys."""
        wanted = set(keys) - self.new_keys
        if self.project is None or not wanted:
            return {}
        return dict(find_rows(self.workspace.store, self.project.manifest, wanted, self.nodes))

    def _note(self, task: Task, reading: Reading, before: bytes | None, run: RunOfItems) -> None:
        """Note what became of a task, beside what the project holds under the same key."""
        if reading.problems:
            self.problems += [Problem(*row) for row in reading.problems]
        key = task.key if reading.row else ""
        self._remember(task, reading, key, run)
        if key:
            self._note_item(task, reading, key, before)

    def _note_item(self, task: Task, reading: Reading, key: str, before: bytes | None) -> None:
        """Note an item; what the files do not say (split, annotation) stays as it is in the project."""
        encoded = EncodedItem(key, reading.row, reading.object_count, reading.size_bytes)
        if not self.class_names.issuperset(reading.class_names):
            self.class_names.update(reading.class_names)
        for tag in reading.tags:
            known = self.tags.setdefault(tag.name, tag)
            if known.value_type != tag.value_type:  # a text can tell a number, and nothing
                self.tags[tag.name] = replace(known, value_type="text")
        if before is not None:
            encoded = _fill_in(task, reading, encoded, before)
        if encoded.row == before:
            self.unchanged += 1
            return
        self.replaced += key in self.edited
        if before is not None:
            self.updated += 1
            self.updates.update(compare_rows(before, encoded.row))
        if self.project is None:
            self.fresh.add(encoded)
        else:
            self.changes[key] = encoded

    def _remember(self, task: Task, reading: Reading, key: str, run: RunOfItems) -> None:
        """Keep what was read for the next import; without signatures if a later edit might not show."""
        self.left_out += not key
        image_signature = reading.image_signature or task.image_signature
        source_signature = reading.source_signature or task.source_signature
        is_as_listed = (image_signature, source_signature) == (task.image_signature, task.source_signature)
        if self.has_young or not is_as_listed:
            youngest = self.listing.scanned_at_ns
            if is_racy(image_signature, youngest) or (task.source and is_racy(source_signature, youngest)):
                image_signature = source_signature = b""
        item = CachedItem(
            task.image, image_signature, task.source, source_signature, key, task.split,
            reading.has_own_split, reading.problems,
        )  # fmt: skip
        self.items.add(run, item)


def _make_task(imported: ImportedItem, key: str, source_signature: bytes) -> Task:
    image, source = imported.image, imported.source
    return Task(
        dataset=key.rpartition("/")[0],
        name=imported.name,
        split=imported.split,
        image=image.relative,
        image_signature=image.signature,
        source=source.relative if source else "",
        source_signature=source_signature,
        annotation=imported.annotation,
        told_size_px=imported.told_size_px,
    )


def _is_in_place(known: CachedItem, imported: ImportedItem, key: str) -> bool:
    """Say whether an item whose files are as they were would become what it became before."""
    source = imported.source.relative if imported.source else ""
    return (
        known.image == imported.image.relative
        and known.source == source
        and known.split == imported.split
        and known.key in ("", key)
    )


def _move(task: Task, known: CachedItem, row: bytes) -> Reading:
    """Return what reading a task would give, from the row that the same files made before.

    Its classes are the project's already, and are not looked for.
    """
    split = None if known.has_own_split else task.split
    encoded = move_row(row, dataset=task.dataset, name=task.name, split=split, is_annotated=task.is_annotated)
    return Reading(
        row=encoded.row,
        object_count=encoded.object_count,
        size_bytes=encoded.size_bytes,
        image_signature=task.image_signature,
        source_signature=task.source_signature,
        has_own_split=known.has_own_split,
    )


def find_key(imported: ImportedItem, below: str) -> str:
    """Return the key that an item gets; `below` is a dataset that all items go below, or empty.

    Raises:
        InvalidInput: its name or dataset cannot be used.
    """
    return f"{_find_dataset(imported.dataset, below)}/{check_name(imported.name, 'file name')}"


@lru_cache(maxsize=1024)  # a million items have few datasets
def _find_dataset(dataset: str, prefix: str) -> str:
    return check_dataset(with_dataset(dataset, prefix) or DEFAULT_DATASET)


def _sign_annotation(item: ImportedItem) -> bytes:
    """Return what tells one annotation from another, where it has no file of its own."""
    if item.annotation is None:
        return b""
    signed = _SIGNED_EMPTY if item.annotation == _EMPTY else _digest(item.annotation)
    return signed + b"%d %d" % item.told_size_px if item.told_size_px else signed


def _digest(annotation: Annotation) -> bytes:
    return compute_digest(msgspec.msgpack.encode(annotation)).encode()


_EMPTY = Annotation()
_SIGNED_EMPTY = _digest(_EMPTY)  # of every image of a folder that annotates some


def _fill_in(task: Task, reading: Reading, read: EncodedItem, before: bytes) -> EncodedItem:
    """Return an item with the split and annotation that it had, where its files say nothing of them."""
    has_split = reading.has_own_split or task.split is not Split.NONE
    if has_split and task.is_annotated:
        return read
    old, new = decode_item(before), decode_item(read.row)
    return encode(
        replace(
            new,
            split=new.split if has_split else old.split,
            annotation=new.annotation if task.is_annotated else old.annotation,
        )
    )
