"""Writes versions out as folders for trainers, once per manifest and format; not a verb."""

from __future__ import annotations

import fcntl
import json
import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import StorageFailed
from mlwf_tui.processes import read_boot_id
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.exporting.ahead import ImagesAhead
from mlwf_tui.workflow.exporting.fitting import Fitter, make_fitter
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
MARKER = "export.json"
RULES = 3
"""Raised where the same data come to be written, or looked through by a trainer, otherwise: what was written
before is then written anew."""
LOCK_POLL_S = 0.2


class ExportedVersion(msgspec.Struct, frozen=True):
    """A manifest as files; `files` maps each image's path inside the folder to its item key."""

    folder: Path
    files: Mapping[str, str]


def export_manifest(
    workspace: Workspace,
    manifest: Digest,
    format: str,
    observer: Observer,
    *,
    unsplit_as: Split = Split.NONE,
) -> ExportedVersion:
    """Return the folder that holds `manifest` in `format`, written now where it is not there whole.

    Items without a split are written as if they were of `unsplit_as`.

    A marker is written last, so a folder that a killed process left half-written is done anew, as is one
    that was written before the machine was started: nobody waited for the disk, and with the power files may
    have gone that the marker names.

    Raises:
        StorageFailed: the disk is full or cannot be written.
    """
    folder = _name_folder(workspace, manifest, format, unsplit_as)
    try:
        with _lock(folder.with_suffix(".lock"), observer):
            files = _read_marker(folder)
            if files is None:
                files = _write_export(workspace, manifest, format, folder, unsplit_as, observer)
    except OSError as error:
        raise StorageFailed(
            f"The version could not be written to {folder}: {error.strerror or error}.",
            hint=f"Free some space; {workspace.exports_folder} may be emptied when no run is going.",
        ) from error
    return ExportedVersion(folder, files)


def find_export(workspace: Workspace, manifest: Digest, format: str) -> Path | None:
    """Return the folder that holds `manifest` in `format`, or None where it is still to be written."""
    folder = _name_folder(workspace, manifest, format, Split.NONE)
    return None if _read_marker(folder) is None else folder


def _name_folder(workspace: Workspace, manifest: Digest, format: str, unsplit_as: Split) -> Path:
    ending = "" if unsplit_as is Split.NONE else f"-all-{unsplit_as}"
    return workspace.exports_folder / f"{manifest[:20]}-{format}{ending}"


def _write_export(
    workspace: Workspace,
    manifest: Digest,
    format: str,
    folder: Path,
    unsplit_as: Split,
    observer: Observer,
) -> Mapping[str, str]:
    """Write the folder anew, and return the items of its images."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    summary = read_summary(workspace.store, manifest)
    exporter = workspace.registry.get_exporter(format)
    fitter = make_fitter(exporter.abilities, summary.schema, partial(iter_items, workspace.store, manifest))
    with ImagesAhead(workspace.store.read) as ahead:
        told = _iter_told(workspace, manifest, summary.item_count, observer)
        items = ahead.iter_items(_iter_fitted(told, fitter, unsplit_as))
        written = exporter.write(items, fitter.schema, folder, observer)
    files = dict(written.files)
    marker = folder / f"{MARKER}.tmp"
    document = {
        "format": format, "manifest": manifest, "files": files, "rules": RULES, "boot": read_boot_id(),
    }  # fmt: skip
    marker.write_text(json.dumps(document))
    marker.rename(folder / MARKER)
    return files


def _read_marker(folder: Path) -> Mapping[str, str] | None:
    """Return what a whole folder's marker says of its images, None where it is not there, torn or old."""
    try:
        document = json.loads((folder / MARKER).read_text("utf-8"))
        files: Mapping[str, str] = document["files"]
        is_of_now = (document.get("rules"), document.get("boot")) == (RULES, read_boot_id())
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        logger.warning("%s is damaged, and the version is written out anew", folder / MARKER)
        return None
    return files if is_of_now else None


def _iter_told(workspace: Workspace, manifest: Digest, item_count: int, observer: Observer) -> Iterator[Item]:
    """Yield a manifest's items, reporting each to the observer; without an end, which is not the run's."""
    for count, item in enumerate(iter_items(workspace.store, manifest), start=1):
        observer.check_cancelled()
        observer.progress(count, None, f"writing the data out, {count:,} of {item_count:,}")
        yield item


def _iter_fitted(items: Iterable[Item], fitter: Fitter, unsplit_as: Split) -> Iterator[Item]:
    """Yield what fits of items."""
    for item in items:
        fitted = fitter.fit(replace(item, split=unsplit_as) if item.split is Split.NONE else item)
        if fitted is not None:
            yield fitted


@contextmanager
def _lock(path: Path, observer: Observer) -> Iterator[None]:
    """Hold an exclusive lock that the kernel drops if this process dies; waiting can be cancelled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        while not _try_lock(file):
            observer.check_cancelled()
            observer.progress(0, None, "waiting for another run to write the same data out")
            time.sleep(LOCK_POLL_S)
        yield


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
