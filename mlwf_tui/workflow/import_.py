"""import: read a folder of images and annotations into a project's head."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import astuple, replace

from mlwf_tui.entities.annotation import LabelSchema, define_classes
from mlwf_tui.entities.folder import FolderListing
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import IMAGE_SUFFIXES, check_dataset, check_text
from mlwf_tui.entities.joining import Joined, join_schemas
from mlwf_tui.entities.project import ManifestSummary, Project, VersionKind
from mlwf_tui.entities.run import Problem, ProblemRow
from mlwf_tui.errors import Conflict, CorruptData, InvalidInput, NotFound
from mlwf_tui.protocols.importers import Importer
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import iter_changes, iter_items, read_summary, update_rows, write_rows
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.importing.cached_items import AllItems, ChangedItems, NextItems, RunOfItems
from mlwf_tui.workflow.importing.detecting import AUTO, Choice, choose_importer, doubting, list_format_names
from mlwf_tui.workflow.importing.import_cache import (
    CacheDraft,
    CacheFile,
    Head,
    ImportCache,
    compute_fingerprint,
    find_cache,
)
from mlwf_tui.workflow.importing.import_result import ImportResult as ImportResult
from mlwf_tui.workflow.importing.import_result import Naming, describe, repeat, summarise
from mlwf_tui.workflow.importing.intake import Intake, find_key
from mlwf_tui.workflow.importing.known_items import KnownItems
from mlwf_tui.workflow.importing.narrowing import Narrowing, narrow
from mlwf_tui.workflow.importing.readers import open_readers
from mlwf_tui.workflow.importing.rebasing import Rebased, rebase
from mlwf_tui.workflow.importing.scan import scan_folder
from mlwf_tui.workflow.importing.signing_hand import SigningHand
from mlwf_tui.workflow.importing.source_facts import SourceFact, describe_listing
from mlwf_tui.workflow.importing.spool import ItemSpool
from mlwf_tui.workflow.importing.unpacked import clear_unpacked
from mlwf_tui.workflow.importing.unread import find_unread
from mlwf_tui.workflow.projects import create_project, write_empty_manifest
from mlwf_tui.workflow.refs import check_project_name
from mlwf_tui.workflow.running.recorder import Recorder, pin_head, record
from mlwf_tui.workspace import Workspace

_OF_ARCHIVE = "archive "  # before an archive's digest
_MOST_REBASES = 20  # of many imports at once each round lets one through


def import_folder(
    workspace: Workspace,
    path: Path,
    project_name: str,
    *,
    dataset: str = "",
    format: str = "auto",
    message: str | None = None,
    hand: SigningHand | None = None,
    observer: Observer,
) -> ImportResult:
    """Import what `path` holds; items that are there already are updated where they differ.

    Bad files are left out and reported, good ones imported. The folder is only read. Classes and tags are
    merged by name; where definitions differ the project's stands, and `conflicts` says so. A `message`
    names what the project then holds as a version. A `hand` may have gone ahead through the folder.

    What somebody else changed in the project meanwhile stands, and is merged with what came in.

    Where the store has lost something since the last import, all files are read and stored again as far as
    they are missing. A project whose manifest is lost gets it back from a folder that holds just its items.

    An archive is unpacked into the home for as long as this takes; one that was imported before, and whose
    bytes are the same, is not.

    Raises:
        NotFound: `path` does not exist.
        InvalidInput: no importer fits, nothing in the folder could be imported, or an archive is damaged.
        InvalidParameter: the project's, dataset's or format's name, or the message, cannot be used.
        Conflict: somebody else changed the same meanwhile, or changes the project all the time.
        CorruptData: the project's manifest is damaged, or is lost and the folder does not give it back.
    """
    check_project_name(project_name)
    check_text(message or "", "message")
    if dataset:
        check_dataset(dataset)
    source = _check_source(path)
    clear_unpacked(workspace.home)
    params = {"path": str(source), "project": project_name, "dataset": dataset, "format": format}
    with ExitStack() as stack:
        work = _Import(workspace, source, project_name, dataset, format, message, hand, observer)
        stack.enter_context(closing(work))
        work.look(stack)
        way = work.find_last() or work.narrow() or choose_importer(workspace.registry, work.listing, format)
        with record(workspace, "import", params=params) as run:
            with workspace.catalog.transaction():  # each would wait for the disk by itself
                run.read_folder(str(source))
                if work.project is not None and work.project.item_count:
                    run.read_state(work.project, work.project.head)
            if isinstance(way, Head):
                return work.repeat(run, way)
            with doubting(workspace.registry, work.listing, format):
                return work.do(run, way)


def list_formats(workspace: Workspace) -> tuple[str, ...]:
    """Return the names of the formats that can be imported."""
    return list_format_names(workspace.registry)


def _check_source(path: Path) -> Path:
    """Return the folder or the archive file that is meant."""
    source = expand_path(path)
    try:
        if not source.exists():
            raise NotFound(f"There is no folder or archive {path}.", hint="Check the path.")
        if not (source.is_dir() or source.is_file()):
            raise InvalidInput(
                f"{path} is neither a folder nor a file.", hint="Give the folder that holds the images."
            )
        if source.is_dir():
            next(source.iterdir(), None)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}.", hint="Check its mode and owner."
        ) from error
    return source


@dataclass(slots=True, eq=False, repr=False)
class _Import:
    """One import from its listing to its head."""

    workspace: Workspace
    source: Path  # a folder or an archive
    project_name: str
    dataset: str
    format: str
    message: str | None
    hand: SigningHand | None
    observer: Observer
    listing: FolderListing = field(init=False)
    left_out: tuple[Problem, ...] = ()  # of an archive
    fingerprint: str = field(init=False)
    fact: SourceFact = field(init=False)
    project: Project | None = None  # None where there is none of that name yet
    era: str = ""  # of the store's index, as this began
    is_mending: bool = False  # the project's manifest is lost, and has to come from the folder
    cache: ImportCache | None = None
    is_doubted: bool = False  # nothing of the cache is believed but which image has which key
    narrowing: Narrowing | None = None  # None where all files are looked at
    unread: tuple[Problem, ...] = ()
    found: LabelSchema = field(init=False)  # of the folder
    joined: Joined = field(init=False)
    rebased: Rebased | None = None  # where somebody else was faster

    @property
    def is_archive(self) -> bool:
        return self.fingerprint.startswith(_OF_ARCHIVE)

    def look(self, stack: ExitStack) -> None:
        """List the folder, or that which an archive is unpacked into until the stack is left.

        An archive is told by its digest, since its files are new each time: where it was imported last,
        and has not changed, it stays packed.
        """
        self.observer.progress(0, None, "looking through the folder")
        if not self.source.is_file():
            self.listing = scan_folder(self.source, self.hand)
            self.fingerprint = compute_fingerprint(self.listing)
            self.fact = describe_listing(self.listing)
            self._find_project()
            return
        from mlwf_tui.workflow.importing.unpack import (  # Python's archive readers take 10 ms
            open_archive,
            unpack,
        )

        archive = open_archive(self.source, self.observer)
        self.fingerprint = _OF_ARCHIVE + archive.digest
        self.fact = SourceFact(digest=archive.digest)
        self._find_project()
        if self.find_last() is None:
            unpacked = stack.enter_context(unpack(self.workspace.home, archive, self.observer))
            self.listing, self.left_out = scan_folder(unpacked.root), unpacked.problems
            self._find_project()  # somebody may have changed it meanwhile

    def _find_project(self) -> None:
        self.close()
        self.project = self.workspace.catalog.projects.find(
            self.project_name, self.workspace.settings.workspace
        )
        self.era = self.workspace.store.index.read_era()
        self.cache = self._find_cache(self.project).open() if self.project else None
        # Of another era: what was stored then may be lost.
        self.is_doubted = self.cache is not None and self.cache.head.era != self.era

    def _doubt_last(self) -> None:
        """Believe nothing of what the last import read, so that all files are read."""
        self.is_doubted, self.narrowing = True, None

    def close(self) -> None:
        """Let go of the last import's cache."""
        if self.cache is not None:
            self.cache.file.close()

    def find_last(self) -> Head | None:
        """Return what the last import found, if another would find and leave the very same."""
        if self.cache is None or self.project is None or self.is_doubted:
            return None
        head = self.cache.head
        return head if head.describes(self.fingerprint, self.project.manifest) else None

    def repeat(self, run: Recorder, last: Head) -> ImportResult:
        """Leave the project as it is, named as a version where there is a message."""
        assert self.project is not None  # it was found with its cache
        with run.finishing():
            naming = self._name_version(self.project)
            result = repeat(run.run_id, self.project_name, last, naming)
            run.result = self._describe(result, self.project.manifest)
        return result

    def narrow(self) -> Choice | None:
        """See whether it is enough to look at what has changed, by the importer of the last import."""
        cache, project = self.cache, self.project
        if cache is None or project is None or self.is_doubted or self.is_archive:
            return None
        if cache.head.manifest != project.manifest:
            return None
        head = cache.head
        try:
            importer = self.workspace.registry.get_importer(head.importer)
            if _digest_key(importer.read_key(self.listing)) != head.importer_key:
                return None
        except (NotFound, InvalidInput):  # choosing one, or reading by it, says what is wrong
            return None
        self.narrowing = narrow(
            self.workspace.store, cache, self.listing, importer, lambda item: find_key(item, self.dataset)
        )
        if self.narrowing is None:
            return None
        count = self.narrowing.change_count
        return Choice(importer, f"the folder is as the last import found it, but for {count:,} files")

    def do(self, run: Recorder, choice: Choice) -> ImportResult:
        """Read what has changed, and move the head."""
        try:
            return self._do(run, choice)
        except CorruptData:
            if self.project is None or self._has_manifest(self.project):
                raise
        self._doubt_last()
        self.is_mending = True
        return self._do(run, choice)

    def _has_manifest(self, project: Project) -> bool:
        """Return whether the store can give all of a project's manifest."""
        try:
            for _ in iter_items(self.workspace.store, project.manifest):
                self.observer.check_cancelled()
        except CorruptData:
            return False
        return True

    def _do(self, run: Recorder, choice: Choice) -> ImportResult:
        importer = choice.importer
        self.unread = find_unread(self.listing, importer, is_named=self.format != AUTO)
        key = importer.read_key(self.listing)
        with ExitStack() as stack:
            items = self._gather_items(stack)
            draft = stack.enter_context(closing(CacheDraft(self.workspace)))
            with closing(ItemSpool(self.workspace.home)) as fresh:
                intake = self._start_intake(importer.name, _digest_key(key), fresh, items)
                manifest = self._take_all(run, intake, importer, key, draft)
            return self._end(run, intake, manifest, choice, draft)

    def _gather_items(self, stack: ExitStack) -> NextItems:
        if self.narrowing is None or self.cache is None:
            return stack.enter_context(closing(AllItems(self.workspace.home)))
        narrowing = self.narrowing
        return ChangedItems(self.cache.file, self.cache.items_end, narrowing.former, narrowing.chunks)

    def _start_intake(self, importer: str, key: Digest, fresh: ItemSpool, items: NextItems) -> Intake:
        """Return an intake that has taken in what nobody has to look at."""
        narrowing = self.narrowing
        edited = self._list_edited()
        known = narrowing.known if narrowing else self._choose_known(importer, key, edited)
        listing = narrowing.listing if narrowing else self.listing
        new_keys = narrowing.new_keys if narrowing else frozenset[str]()
        project = None if self.is_mending else self.project
        intake = Intake(
            self.workspace, listing, self.dataset, project, known, new_keys, fresh, items, edited or ()
        )
        for problem in self.left_out:
            intake.report(problem)
        if narrowing:
            intake.unchanged, intake.left_out = narrowing.unseen_count, narrowing.unseen_left_out
            intake.nodes = narrowing.nodes
            intake.passed = intake.unchanged + intake.left_out
            intake.problems += narrowing.unseen_problems
        return intake

    def _end(
        self, run: Recorder, intake: Intake, manifest: ManifestSummary, choice: Choice, draft: CacheDraft
    ) -> ImportResult:
        """Move the head, and leave what is known for the next import.

        Where somebody else has moved it meanwhile, what came in is put onto that one. The cache still
        tells of the manifest without what they did, so that the next import finds it edited.
        """
        for _ in range(_MOST_REBASES):
            try:
                result = self._move_head(run, intake, manifest, choice)
                break
            except Conflict as conflict:
                manifest = self._rebase(run, manifest, conflict)
        else:
            result = self._move_head(run, intake, manifest, choice)
        # After the commit: a cache that knew more than the catalog would hide what was never stored.
        assert self.project is not None  # it is made by now
        draft.put(self._find_cache(self.project))
        return result

    def _move_head(
        self, run: Recorder, intake: Intake, manifest: ManifestSummary, choice: Choice
    ) -> ImportResult:
        empty = write_empty_manifest(self.workspace) if self.project is None else Digest("")
        with run.finishing():
            project = self.project or create_project(self.workspace, self.project_name, empty)
            if self.rebased and project.item_count:
                run.read_state(project, project.head)
            if manifest.digest == project.manifest:
                naming = self._name_version(project)
            else:
                run.write_head(project, manifest)
                naming = self._name_version(self.workspace.catalog.projects.get_by_id(project.id))
            result = self._summarise(run, intake, choice, naming)
            run.result = self._describe(result, manifest.digest)
        self.project = project
        return result

    def _summarise(self, run: Recorder, intake: Intake, choice: Choice, naming: Naming) -> ImportResult:
        result = summarise(intake, self.joined, self.project_name, run.run_id, choice, self.unread, naming)
        if self.is_mending:
            return replace(result, items_added=0, items_unchanged=result.items_added)
        if self.rebased is None:
            return result
        return replace(
            result,
            items_added=self.rebased.added_count,
            items_updated=self.rebased.updated_count,
            items_unchanged=intake.taken - self.rebased.added_count - self.rebased.updated_count,
            updates=self.rebased.updates,
        )

    def _rebase(self, run: Recorder, manifest: ManifestSummary, conflict: Conflict) -> ManifestSummary:
        """Put what this import has made onto the head that somebody else has moved.

        Raises:
            Conflict: both changed the same, or it is the given one, which is of something else.
        """
        self.observer.check_cancelled()
        before = self.project
        now = self.workspace.catalog.projects.find(self.project_name, self.workspace.settings.workspace)
        if now is None or self.is_mending or (before and (before.id != now.id or before.head == now.head)):
            raise conflict
        base = before.manifest if before else None
        self.project = now
        self.rebased = rebase(run, now, base=base, made=manifest.digest, found=self.found)
        self.joined = self.rebased.joined
        return self.rebased.manifest

    def _describe_next(self, intake: Intake, importer: str, key: Digest, manifest: Digest) -> Head:
        """Return the head of what the next import is to know."""
        is_narrowable = intake.is_local and not (self.is_archive or self.listing.faults)
        return Head(
            era=self.era,
            importer=importer,
            importer_key=key,
            scanned_at_ns=self.listing.scanned_at_ns,
            fingerprint="" if intake.has_young and not self.is_archive else self.fingerprint,
            manifest=manifest,
            item_count=intake.taken,
            left_out=intake.left_out,
            file_count=self.listing.count if is_narrowable else 0,
            problems=_pack(intake.problems),
            unread=_pack(self.unread),
        )

    def _describe(self, result: ImportResult, manifest: Digest) -> dict[str, Any]:
        """Return what the run keeps: its result, and what doing it again is held against."""
        return {**describe(result), "listing": msgspec.to_builtins(self.fact), "manifest": manifest}

    def _find_cache(self, project: Project) -> CacheFile:
        return find_cache(self.workspace, project.id, str(self.source.resolve()), self.dataset, self.format)

    def _list_edited(self) -> frozenset[str] | None:
        """Return the keys of what was changed in the project since the last import; None: nobody knows."""
        if self.cache is None or self.project is None or self.is_doubted:
            return None
        try:
            changes = iter_changes(self.workspace.store, self.cache.head.manifest, self.project.manifest)
            return frozenset(change.key for change in changes)
        except CorruptData:  # the old manifest was collected meanwhile
            return None

    def _choose_known(self, importer: str, key_digest: Digest, edited: frozenset[str] | None) -> KnownItems:
        """Return what may be believed: not what was changed in the project since it was read.

        Keys alone where the files may mean something else now.
        """
        cache = self.cache
        if cache is None or cache.head.importer != importer:
            return KnownItems(tuple, 0, (), self.listing)
        return KnownItems(
            lambda: tuple(cache.iter_run(one) for one in RunOfItems),
            cache.head.scanned_at_ns,
            edited or (),
            self.listing,
            is_believed=edited is not None and cache.head.importer_key == key_digest,
        )

    def _take_all(
        self, run: Recorder, intake: Intake, importer: Importer, key: Any, draft: CacheDraft
    ) -> ManifestSummary:
        """Take all items in and return the manifest that they make, which is durable then."""
        with run.writer() as writer:
            declared = importer.read_schema(self.listing)
            with open_readers(self.workspace, writer, importer, self.listing.root, key) as readers:
                imported = (
                    self.narrowing.imported
                    if self.narrowing
                    else importer.iter_items(self.listing, intake.report)
                )
                intake.take_all(imported, readers, self.observer, total=_count_images(self.listing))
                if not intake.taken:
                    raise InvalidInput(_describe_failure(intake), hint="Nothing was imported.")
                readers.dismiss()  # their disks are busy while the manifest is made
                manifest = self._write_manifest(writer, intake, declared)
                writer.seal_ahead()  # as this one is while the next cache is written
                head = self._describe_next(intake, importer.name, _digest_key(key), manifest.digest)
                draft.write(head, intake.items, self.listing if head.file_count else None)
        if self.is_mending and self.project is not None and not self._has_manifest(self.project):
            raise self._refuse_mending()  # its damaged bytes are in the way, until a verify has found them
        return manifest

    def _refuse_mending(self) -> CorruptData:
        return CorruptData(
            f"The manifest of {self.project_name} is missing or damaged, and what {self.source} holds does"
            " not give it back; nothing was imported.",
            hint="mlwf verify --repair-from BACKUP mends it. Or import into another project.",
        )

    def _write_manifest(self, writer: StoreWriter, intake: Intake, declared: LabelSchema) -> ManifestSummary:
        """Write the project's items with what was taken in; classes in the order that the folder declares."""
        names = tuple(dict.fromkeys((*declared.class_names, *sorted(intake.class_names))))
        tags = tuple(intake.tags[name] for name in sorted(intake.tags))
        self.found = found = declared.merge(LabelSchema(define_classes(names, geometry=None), tags))
        if self.project is None or self.is_mending:
            self.joined = Joined(schema=found)
            manifest = write_rows(writer, found, intake.fresh.iter_sorted())
            if self.project is not None and manifest.digest != self.project.manifest:
                raise self._refuse_mending()
            return manifest
        store, base = self.workspace.store, self.project.manifest
        self.joined = join_schemas(read_summary(store, base).schema, found)
        return update_rows(
            store, writer, base, schema=self.joined.schema, changes=intake.changes, kept=intake.nodes
        )

    def _name_version(self, project: Project) -> Naming:
        """Name the state in which the project was left, where there is a message; inside a transaction."""
        if self.message is None:
            return Naming()
        if self.workspace.catalog.projects.get_by_id(project.id).head != project.head:
            raise Conflict(
                f"{project.name} was changed by somebody else meanwhile.", hint="Look at it and commit it."
            )
        before = self.workspace.catalog.versions.latest(project.id)
        version = pin_head(self.workspace, project, message=self.message, kind=VersionKind.MANUAL)
        return Naming(version.number, is_new=version != before)


def _pack(problems: Sequence[Problem]) -> tuple[ProblemRow, ...]:
    return tuple(ProblemRow(*astuple(problem)) for problem in problems)


def _digest_key(key: Any) -> Digest:
    return compute_digest(msgspec.msgpack.encode(key))


def _count_images(listing: FolderListing) -> int:
    return sum(len(page.list_ending(IMAGE_SUFFIXES)) for page in listing.pages)


def _describe_failure(intake: Intake) -> str:
    if not intake.problems:
        return f"No images were found in {intake.listing.root}."
    first = intake.problems[0]
    return f"Nothing in {intake.listing.root} could be imported; the first, {first.path}, {first.reason}."
