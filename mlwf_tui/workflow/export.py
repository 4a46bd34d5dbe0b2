"""export: write a version, or a selection of it, out as a folder in some dataset format."""

from __future__ import annotations

import os
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec

from mlwf_tui.entities.abilities import Loss
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.ids import Digest, new_id
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.run import Problem, RunState
from mlwf_tui.entities.selection import WHOLE, Selection
from mlwf_tui.errors import Conflict, CorruptData, InvalidInput, InvalidParameter, StorageFailed
from mlwf_tui.protocols.exporters import ExportedItem, Exporter, RenamingExporter
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.locks import try_lock
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.exporting.definitions import list_definition_losses
from mlwf_tui.workflow.exporting.fitting import make_fitter
from mlwf_tui.workflow.exporting.linking import ImageLinks
from mlwf_tui.workflow.refs import by_name, resolve_manifest
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.whole_files import suggest_place
from mlwf_tui.workspace import Workspace

_SHOWN = 3
_BRING_BACK = (
    "Bring the bytes back with mlwf verify --repair-from, or by importing the images once more, and export"
)


class ExportPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What an export would write, and what the format cannot hold as it is."""

    ref: str
    format: str
    item_count: int
    object_count: int
    losses: tuple[Loss, ...]


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and what the format could not take."""

    version_ref: str
    folder: str
    format: str
    item_count: int
    object_count: int
    linked_count: int  # images that are links into the cache of exports
    losses: tuple[Loss, ...]
    problems: tuple[Problem, ...]
    run: str


class ImagesDamaged(CorruptData):
    """Images are damaged in the store: all other items were written, and nothing of these."""

    def __init__(self, damaged: Sequence[Problem], result: ExportResult) -> None:
        is_one = len(damaged) == 1
        super().__init__(
            f"{len(damaged):,} {'image is' if is_one else 'images are'} damaged in the store and"
            f" {'was left out with its' if is_one else 'were left out with their'} annotations:"
            f" {_list_keys(damaged)}. All else, {format_count(result.item_count, 'item')},"
            f" was written to {result.folder}.",
            hint=f"{_BRING_BACK} into another folder.",
        )
        self.damaged = tuple(damaged)
        self.result = result

    @property
    def details(self) -> Mapping[str, object]:
        """What was written, as `export` tells it, and all that was not because it is damaged."""
        return {**msgspec.to_builtins(self.result), "damaged": msgspec.to_builtins(self.damaged)}


def plan_export(
    workspace: Workspace,
    ref: str,
    *,
    format: str = "yolo",
    selection: Selection = WHOLE,
    observer: Observer,
) -> ExportPlan:
    """Return what `export` would write and lose, without writing or recording anything.

    Every item is read, no image.

    Raises:
        NotFound: there is no such project or version.
        InvalidParameter: there is no such format, class or tag.
        InvalidInput: nothing fits the selection.
    """
    exporter = find_exporter(workspace, format)
    _, manifest = resolve_manifest(workspace, ref)
    work = _Export(workspace, manifest, exporter, selection, observer)
    fitted = filter(None, map(work.fitter.fit, work.iter_selected("looking at what the format holds")))
    renamed = exporter.count_renamed(fitted) if isinstance(exporter, RenamingExporter) else 0
    deque(fitted, maxlen=0)  # of one that renames nothing they are looked at here
    return ExportPlan(
        ref=by_name(workspace, ref),
        format=exporter.name,
        item_count=work.fitter.item_count,
        object_count=work.fitter.object_count,
        losses=work.list_losses(renamed),
    )


def export(
    workspace: Workspace,
    ref: str,
    folder: Path,
    *,
    format: str = "yolo",
    selection: Selection = WHOLE,
    is_linked: bool = False,
    observer: Observer,
) -> ExportResult:
    """Write the selected items of `ref` into `folder`, which is made, or must be empty.

    Images are copied; linked, they are hard links to read-only files in the home's cache of exports,
    where both lie on one file system.

    Raises:
        NotFound: there is no such project or version.
        Conflict: the folder holds something.
        InvalidParameter: there is no such format, class or tag.
        InvalidInput: nothing fits the selection, or the format holds nothing of it.
        StorageFailed: the folder cannot be written.
        ImagesDamaged: some images are damaged in the store; the folder holds all other items.
        CorruptData: all images are, or something else than images; nothing was written.
    """
    folder = expand_path(folder)
    exporter = find_exporter(workspace, format)
    _check_target(workspace, folder)
    params = {
        "data": by_name(workspace, ref),
        "folder": str(folder),
        "format": exporter.name,
        "is_linked": is_linked,
    }
    wanted = {} if selection.is_everything else {"selection": msgspec.to_builtins(selection)}
    with record(workspace, "export", params={**params, **wanted}) as run:
        version = run.read_version(ref)
        links = ImageLinks(workspace) if is_linked else None
        with _new_folder(folder) as fresh:
            work = _Export(workspace, version.manifest, exporter, selection, observer)
            written = exporter.write(work.iter_exported(links), work.fitter.schema, fresh, observer)
        run.write_folder(str(folder))
        result = ExportResult(
            version_ref=version.ref,
            folder=str(folder),
            format=exporter.name,
            item_count=len(written.files),
            object_count=work.fitter.object_count,
            linked_count=links.linked_count if links else 0,
            losses=work.list_losses(written.renamed_count),
            problems=(*work.damaged, *written.problems),
            run=run.run_id,
        )
        summary = f"{format_count(len(written.files), 'item')} as {exporter.name}"
        run.result = {**msgspec.to_builtins(result), "summary": summary}
        if work.damaged:
            error = ImagesDamaged(work.damaged, result)
            # Closed here, with what was written: another try would find the folder in its way.
            run.close(RunState.FAILED, result=run.result, error=error.message, hint=error.hint)
            raise error
    return result


def list_export_formats(workspace: Workspace) -> tuple[str, ...]:
    """Return the names of the formats that can be written."""
    return workspace.registry.list_names("exporters")


class _Export:
    """One export: the selected items of a manifest, fitted to a format."""

    def __init__(
        self,
        workspace: Workspace,
        manifest: Digest,
        exporter: Exporter,
        selection: Selection,
        observer: Observer,
    ) -> None:
        summary = read_summary(workspace.store, manifest)
        selection.check(summary.schema)
        self._workspace, self._manifest = workspace, manifest
        self._selection, self._observer = selection, observer
        self.item_count = summary.item_count
        self.damaged: list[Problem] = []  # items whose image is damaged in the store
        self.fitter = make_fitter(
            exporter.abilities,
            selection.select_schema(summary.schema),
            partial(self.iter_selected, "looking for skeletons and tags"),
        )

    def iter_selected(self, doing: str) -> Iterator[Item]:
        """Yield the items that a person wants, telling the observer how many were looked at.

        Raises:
            InvalidInput: there is none.
        """
        is_any = False
        for count, item in enumerate(iter_items(self._workspace.store, self._manifest), start=1):
            self._observer.check_cancelled()
            self._observer.progress(count, self.item_count, doing)
            selected = self._selection.select(item)
            if selected is not None:
                is_any = True
                yield selected
        if not is_any and self.item_count:
            raise InvalidInput("No item fits the selection.", hint="Ask for other datasets, splits or tags.")

    def list_losses(self, renamed_count: int) -> tuple[Loss, ...]:
        """Return what was lost of the items that were fitted, and of the definitions."""
        fitter = self.fitter
        definitions = list_definition_losses(fitter.abilities, fitter.schema, fitter.used_classes)
        return (*fitter.list_losses(), *definitions, *_count_renamed(renamed_count))

    def iter_exported(self, links: ImageLinks | None) -> Iterator[ExportedItem]:
        """Yield the items that fit, with a way to their bytes; those whose image is damaged are noted.

        Raises:
            CorruptData: all images are damaged.
        """
        is_any = False
        for item in self.iter_selected("writing files"):
            if not self.fitter.has_place(item):
                self.fitter.fit(item)  # which counts what is lost with it
                continue
            try:
                # Before the exporter has the item: it may have written of it by when it asks for the image.
                read, link = self._find_image(item, links)
            except CorruptData as error:
                self.damaged.append(Problem(item.key, error.message))
                continue
            fitted = self.fitter.fit(item)
            if fitted is not None:
                is_any = True
                yield ExportedItem(fitted, read, link)
        if self.damaged and not is_any:
            raise _describe_loss(self.damaged)

    def _find_image(
        self, item: Item, links: ImageLinks | None
    ) -> tuple[Callable[[], bytes], Callable[[Path], bool] | None]:
        """Return the ways to an item's image, whose bytes are there and sound, as `ExportedItem` has them."""
        if links is None:
            image = self._workspace.store.read(item.blob)
            return lambda: image, None
        shared = links.share(item)
        return shared.read_bytes, partial(links.link, shared)


def find_exporter(workspace: Workspace, format: str) -> Exporter:
    """Return what writes a format.

    Raises:
        InvalidParameter: there is no such format.
    """
    names = list_export_formats(workspace)
    if format.replace(":", "-") not in names:
        raise InvalidParameter(
            f"There is no format {format!r} to export.", hint=f"There is: {', '.join(names)}."
        )
    return workspace.registry.get_exporter(format)


def _describe_loss(damaged: Sequence[Problem]) -> CorruptData:
    images = "The one image that fits is"
    if len(damaged) > 1:
        images = f"All {len(damaged):,} images that fit are"
    return CorruptData(
        f"{images} damaged in the store, and nothing was written: {_list_keys(damaged)}. {damaged[0].reason}",
        hint=f"{_BRING_BACK} again.",
    )


def _list_keys(damaged: Sequence[Problem]) -> str:
    shown = ", ".join(problem.path for problem in damaged[:_SHOWN])
    return f"{shown} and {len(damaged) - _SHOWN:,} more" if len(damaged) > _SHOWN else shown


def _count_renamed(count: int) -> tuple[Loss, ...]:
    loss = Loss(what="names of files → others", count=count, unit="item", item_count=count, is_left_out=False)
    return (loss,) if count else ()


def _check_target(workspace: Workspace, folder: Path) -> None:
    if folder.is_relative_to(workspace.home):
        raise InvalidParameter(f"{folder} is inside of the home.", hint="Choose a folder of your own.")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Conflict(f"{folder} is not an empty folder.", hint="Choose another, or empty it.")
    except OSError as error:
        raise StorageFailed(f"{folder} cannot be read: {error.strerror}.", hint="Choose another.") from error


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` that takes its place at the end; nothing stays after a failure.

    What a killed export to the same folder has left is removed first.
    """
    start = f".{folder.name[:80]}-"
    _remove_stale(folder.parent, start)
    try:
        with _hold_fresh(folder.parent, start) as fresh:
            yield fresh
            if folder.exists():
                folder.rmdir()  # it was empty
            fresh.rename(folder)
    except OSError as error:
        raise StorageFailed(
            f"{folder} could not be written: {error.strerror or error}.",
            hint=suggest_place(error),
        ) from error


@contextmanager
def _hold_fresh(parent: Path, start: str) -> Iterator[Path]:
    """Make a folder and hold its lock, which says that its writer lives; it is removed where it still is."""
    fresh, descriptor = _make_locked(parent, start)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        os.close(descriptor)


def _make_locked(parent: Path, start: str) -> tuple[Path, int]:
    while True:
        fresh = parent / f"{start}{new_id()}"
        fresh.mkdir(parents=True)
        with suppress(FileNotFoundError):  # between two calls another export may take it for a dead one's
            descriptor = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY)
            if _take_lock(descriptor) and os.fstat(descriptor).st_nlink:
                return fresh, descriptor
            os.close(descriptor)


def _take_lock(descriptor: int) -> bool:
    try:
        return try_lock(descriptor)
    except OSError:
        return True  # of a file system that locks no folders, where none is taken for stale either


def _remove_stale(parent: Path, start: str) -> None:
    """Remove the folders of exports that nobody writes any more."""
    pattern = re.compile(re.escape(start) + "[0-9a-f]{12}")
    with suppress(OSError):  # writing there says what is wrong
        for name in filter(pattern.fullmatch, os.listdir(parent)):  # noqa: PTH208 - names only
            with suppress(OSError):  # it is no folder, not ours, or its writer has just ended
                _remove_if_unlocked(parent / name)


def _remove_if_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if try_lock(descriptor):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)
