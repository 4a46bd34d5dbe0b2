"""Takes the items of a folder in: what has changed is read, the rest is known; not a verb."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import Annotation
from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.item import Split, check_dataset, check_name
from mlwf_tui.entities.project import Project
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols import ImportedItem, Observer
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import EncodedItem, encode, find_rows
from mlwf_tui.store.rows import decode_item
from mlwf_tui.workflow.import_cache import CachedItem
from mlwf_tui.workflow.readers import Readers
from mlwf_tui.workflow.reading import Reading, Task
from mlwf_tui.workflow.refs import with_dataset
from mlwf_tui.workflow.scan import is_racy
from mlwf_tui.workflow.spool import ItemSpool
from mlwf_tui.workspace import Workspace

DEFAULT_DATASET = "main"
_STEP = 256  # readings between two looks into the project


@dataclass(slots=True)
class Intake:
    """What an import has taken in so far."""

    workspace: Workspace
    listing: FolderListing
    dataset: str  # that all items go below; "" for the format's own, or the default
    project: Project | None
    cached: dict[str, CachedItem]  # by the path of the image; only what may be believed
    fresh: ItemSpool  # the items of a project that is made now
    changes: dict[str, EncodedItem] = field(default_factory=dict)  # of one that was there
    seen: set[str] = field(default_factory=set)
    class_names: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    items: list[CachedItem] = field(default_factory=list)  # for the next import
    unchanged: int = 0
    updated: int = 0

    @property
    def taken(self) -> int:
        """How many items the folder has that could be taken in."""
        return self.unchanged + self.changed

    @property
    def changed(self) -> int:
        """How many items are new or other than before."""
        return self.fresh.count + len(self.changes)

    def take_all(
        self, imported: Iterable[ImportedItem], readers: Readers, observer: Observer, *, total: int
    ) -> None:
        """Take items in, reading the files of those that have changed; `total` is told to the observer."""
        step: list[tuple[Task, Reading]] = []
        for count, (task, reading) in enumerate(readers.read(self._iter_tasks(imported, observer)), start=1):
            observer.check_cancelled()
            observer.progress(self.unchanged + count, total, task.name)
            step.append((task, reading))
            if len(step) == _STEP:
                self._note_all(step)
                step = []
        self._note_all(step)

    def _iter_tasks(self, imported: Iterable[ImportedItem], observer: Observer) -> Iterator[Task]:
        """Yield what has to be read, and note the rest."""
        for item in imported:
            observer.check_cancelled()
            task = self._make_task(item)
            if task is None:
                continue
            cached = self.cached.get(task.image)
            if cached is not None and _is_same(cached, task):
                self._keep(cached)
            else:
                yield task

    def _make_task(self, imported: ImportedItem) -> Task | None:
        path = imported.image.relative
        try:
            dataset = with_dataset(imported.dataset, self.dataset) or DEFAULT_DATASET
            key = f"{check_dataset(dataset)}/{check_name(imported.name, 'file name')}"
            if key in self.seen:
                raise InvalidInput(f"is a second item named {key}")
        except InvalidInput as error:
            self.problems.append(Problem(path, error.message))
            return None
        self.seen.add(key)
        source = imported.source
        return Task(
            dataset=dataset,
            name=imported.name,
            split=imported.split,
            image=path,
            image_signature=imported.image.signature,
            source=source.relative if source else "",
            source_signature=source.signature if source else _sign_annotation(imported.annotation),
            annotation=imported.annotation,
        )

    def _keep(self, cached: CachedItem) -> None:
        self.items.append(cached)
        self.unchanged += bool(cached.key)
        self.problems += [Problem(path, reason) for path, reason in cached.problems]

    def _note_all(self, readings: Sequence[tuple[Task, Reading]]) -> None:
        """Note what was read, beside what the project holds under the same keys."""
        known: dict[str, bytes] = {}
        if self.project is not None:
            keys = [task.key for task, reading in readings if reading.row]
            known = dict(find_rows(self.workspace.store, self.project.manifest, keys)) if keys else {}
        for task, reading in readings:
            self.problems += [Problem(path, reason) for path, reason in reading.problems]
            key = task.key if reading.row else ""
            self._remember(task, reading, key)
            if key:
                self._note(task, reading, key, known.get(key))

    def _note(self, task: Task, reading: Reading, key: str, before: bytes | None) -> None:
        """Note an item; what the files do not say (split, annotation) stays as it is in the project."""
        encoded = EncodedItem(key, reading.row, reading.object_count, reading.size_bytes)
        self.class_names.update(reading.class_names)
        if before is not None:
            encoded = _fill_in(task, reading, encoded, before)
        if encoded.row == before:
            self.unchanged += 1
            return
        self.updated += before is not None
        if self.project is None:
            self.fresh.add(encoded)
        else:
            self.changes[key] = encoded

    def _remember(self, task: Task, reading: Reading, key: str) -> None:
        """Keep what was read for the next import, unless a later edit might not show."""
        image_signature = reading.image_signature or task.image_signature
        source_signature = reading.source_signature or task.source_signature
        youngest = self.listing.scanned_at_ns
        if is_racy(image_signature, youngest) or (task.source and is_racy(source_signature, youngest)):
            return
        self.items.append(
            CachedItem(
                task.image, image_signature, task.source, source_signature, key, task.split, reading.problems
            )
        )


def _is_same(cached: CachedItem, task: Task) -> bool:
    """Say whether a task would give what it gave before."""
    return (
        cached.image_signature == task.image_signature
        and cached.source_signature == task.source_signature
        and cached.source == task.source
        and cached.split == task.split
        and cached.key in ("", task.key)
    )


def _sign_annotation(annotation: Annotation | None) -> bytes:
    """Return what tells one annotation from another, where it has no file of its own."""
    return b"" if annotation is None else compute_digest(msgspec.msgpack.encode(annotation)).encode()


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
