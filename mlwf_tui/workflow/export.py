"""export: write a version out as a folder in some dataset format."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import new_id
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import Conflict, InvalidParameter, StorageFailed
from mlwf_tui.protocols import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.exports import iter_exported
from mlwf_tui.workflow.recorder import record
from mlwf_tui.workspace import Workspace


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and what the format could not take."""

    version_ref: str
    folder: str
    format: str
    item_count: int
    problems: tuple[Problem, ...]
    run: str


def export(workspace: Workspace, ref: str, folder: Path, *, format: str, observer: Observer) -> ExportResult:
    """Write all items of `ref` into `folder`, which is made, or must be empty.

    Raises:
        NotFound: there is no such project or version.
        Conflict: the folder holds something.
        InvalidParameter: there is no such format.
        StorageFailed: the folder cannot be written.
    """
    folder = expand_path(folder)
    names = workspace.registry.list_names("exporters")
    if format not in names:
        raise InvalidParameter(
            f"There is no format {format!r} to export.", hint=f"There is: {', '.join(names)}."
        )
    _check_target(workspace, folder)
    with record(workspace, "export", params={"data": ref, "folder": str(folder), "format": format}) as run:
        version = run.read_version(ref)
        schema = read_summary(workspace.store, version.manifest).schema
        items = iter_exported(workspace, version.manifest, version.item_count, observer)
        with _new_folder(folder) as fresh:
            written = workspace.registry.get_exporter(format).write(items, schema, fresh, observer)
        run.write_folder(str(folder))
        result = ExportResult(
            version_ref=version.ref,
            folder=str(folder),
            format=format,
            item_count=len(written.files),
            problems=written.problems,
            run=run.run_id,
        )
        summary = f"{len(written.files):,} items as {format}"
        run.result = {**msgspec.structs.asdict(result), "summary": summary}
    return result


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
    """Give an empty folder beside `folder` that takes its place at the end; nothing stays after a failure."""
    fresh = folder.with_name(f".{folder.name[:80]}-{new_id()}")
    try:
        fresh.mkdir(parents=True)
        yield fresh
        if folder.exists():
            folder.rmdir()  # it was empty
        fresh.rename(folder)
    except OSError as error:
        raise StorageFailed(
            f"{folder} could not be written: {error.strerror or error}.",
            hint="Free some space, or choose another.",
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
