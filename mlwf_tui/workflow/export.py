"""export: write a version, or a selection of it, out as a folder in some dataset format."""

from __future__ import annotations

import os
import re
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec

from mlwf_tui.entities.abilities import Loss
from mlwf_tui.entities.ids import Digest, new_id
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.run import Problem
from mlwf_tui.entities.selection import WHOLE, Selection
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, StorageFailed
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
            problems=written.problems,
            run=run.run_id,
        )
        summary = f"{len(written.files):,} items as {exporter.name}"
        run.result = {**msgspec.to_builtins(result), "summary": summary}
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
        """Yield the items that fit, with a way to their bytes."""
        read = self._workspace.store.read
        for item in self.iter_selected("writing files"):
            fitted = self.fitter.fit(item)
            if fitted is not None:
                link = partial(links.link, fitted) if links else None
                yield ExportedItem(fitted, partial(read, item.blob), link)


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
