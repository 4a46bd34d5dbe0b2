"""package: write a model as a folder or a .zip that others can run, and see that it still says the same."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlwf_tui.entities.card import Card
from mlwf_tui.entities.ids import Digest, VersionId, new_id
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound, StorageFailed
from mlwf_tui.params import ParamSpec, build_params, describe_params
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import ExportResult, ExportTarget
from mlwf_tui.settings import expand_path
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.content import read_content
from mlwf_tui.workflow.reports import list_benchmarks
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.using.exports import PackageParams, check_format, export_weights
from mlwf_tui.workflow.using.package_files import (
    DOCUMENT,
    describe_package,
    is_whole,
    iter_files,
    keep_package,
    place_package,
    write_card,
    write_document,
)
from mlwf_tui.workflow.using.trust import check_model
from mlwf_tui.workflow.using.weights import open_weights
from mlwf_tui.workflow.whole_files import suggest_place
from mlwf_tui.workspace import Workspace

DEFAULT_FORMAT = "onnx"


def list_params() -> tuple[ParamSpec, ...]:
    """Return the declared parameters of package."""
    return describe_params(PackageParams)


def list_targets(workspace: Workspace, model_ref: str) -> tuple[ExportTarget, ...]:
    """Return the forms in which a model can be packaged, and what is missing for each here."""
    model = workspace.catalog.models.get(model_ref)
    return workspace.registry.get_trainer(model.trainer).list_export_targets()


def submit_package(
    workspace: Workspace,
    model_ref: str,
    target: Path,
    *,
    format: str = DEFAULT_FORMAT,
    params: Mapping[str, Any],
    is_trusted: bool = False,
    terms: Terms | None = None,
) -> Run:
    """Queue the packaging of a model into `target`, a folder or a .zip, and return at once.

    Raises:
        NotFound: there is no such model.
        InvalidParameter: there is no such format, or what makes it is not installed.
        Untrusted: opening the weights may run code of their maker, and nobody vouches for them.
        Conflict: there is something at `target`.
    """
    target = expand_path(target)
    model = workspace.catalog.models.get(model_ref)
    checked = asdict(build_params(PackageParams, params))
    check_format(workspace.registry.get_trainer(model.trainer), format)
    _check_place(workspace, target)
    check_model(workspace, model, is_trusted=is_trusted)
    needs_gpu = format == "tensorrt"
    agreed = check_terms(
        workspace,
        terms or Terms(wants=None if needs_gpu else Wants()),
        uses_gpu=True,
        device=checked["device"],
    )
    shown = {"model": model.name, "target": str(target), "format": format, **checked}
    with workspace.catalog.transaction():
        trust = {"is_trusted": True} if is_trusted else {}
        recorder = queue_run(workspace, "package", {**shown, **trust}, None, terms=agreed)
        recorder.read_model(model.id)
    return start_queued(workspace, recorder.run)


def perform_package(recorder: Recorder, model: Model, observer: Observer) -> None:
    """Do a queued packaging: called by the worker."""
    workspace, run = recorder.workspace, recorder.run
    names = PackageParams.__dataclass_fields__
    params = build_params(PackageParams, {k: v for k, v in run.params.items() if k in names})
    target, format = Path(run.params["target"]), run.params["format"]
    _check_place(workspace, target)
    recipe = _digest(model, format, params, list_benchmarks(workspace, model_id=model.id))
    cached = place_package(workspace.home, recipe)
    is_cached = is_whole(cached)
    if not is_cached:
        shutil.rmtree(cached, ignore_errors=True)
        _make(recorder, model, params, cached, observer)
    _place(cached, target)
    document = json.loads((cached / DOCUMENT).read_text("utf-8"))
    with recorder.finishing():
        _note_output(recorder, model, target, format)
        recorder.result = {
            "model": model.name,
            "format": format,
            "target": str(target),
            "files": sorted([*document["files"], DOCUMENT]),
            "agreement": document["agreement"],
            "size_bytes": sum(path.stat().st_size for path in iter_files(cached)),
            "cached": is_cached,
            "run": run.id,
            "summary": f"{model.name} as {format} in {target}",
        }


def _make(recorder: Recorder, model: Model, params: PackageParams, cached: Path, observer: Observer) -> None:
    """Let the trainer write the package, refuse one that disagrees, and keep it."""
    workspace, run = recorder.workspace, recorder.run
    version = _find_version(workspace, model)
    with open_weights(workspace, model, run.id) as (weights, scratch):
        folder = scratch / "export"
        folder.mkdir()
        made, compared_on = export_weights(
            workspace,
            workspace.registry.get_trainer(model.trainer),
            weights,
            folder,
            name=model.name,
            version=version,
            format=run.params["format"],
            class_names=model.class_names,
            image_size_px=model.image_size_px,
            params=params,
            is_trusted=bool(run.params.get("is_trusted")),
            observer=observer,
        )
        _describe(workspace, model, made, folder / "package", version, params.licence, compared_on)
        keep_package(folder / "package", cached)


def _describe(
    workspace: Workspace,
    model: Model,
    made: ExportResult,
    folder: Path,
    version: Version | None,
    licence: str,
    samples: str,
) -> None:
    reports = list_benchmarks(workspace, model_id=model.id)
    content = None if version is None else read_content(workspace, version.project_id, version.manifest)
    document = describe_package(
        model,
        made,
        version=version,
        reports=reports,
        licence=licence,
        samples=samples,
        splits=None if content is None else content.splits,
    )
    write_card(folder, {**document, "files_there": {path.name for path in iter_files(folder)}})
    write_document(folder, document)


def _find_version(workspace: Workspace, model: Model) -> Version | None:
    """Return the version that the model was trained on."""
    run = workspace.catalog.runs.get(model.run_id)
    found = next((one for one in run.inputs if one.kind is ArtifactKind.VERSION), None)
    try:
        return None if found is None else workspace.catalog.versions.get_by_id(VersionId(found.id))
    except NotFound:
        return None  # deleted since


def _digest(model: Model, format: str, params: PackageParams, reports: tuple[Report, ...]) -> Digest:
    """Return the digest of all that decides what is in a package; its date does not."""
    given = {name: value for name, value in asdict(params).items() if name != "device"}
    recipe = {
        "package": model.checkpoints[0].blob,
        "name": [model.name, model.description],
        "classes": model.class_names,
        "image_size_px": model.image_size_px,
        "trainer": model.trainer,
        "format": format,
        "params": given,
        "reports": [[report.id, report.name] for report in reports],  # its card says how good the model is
    }
    return compute_digest(json.dumps(recipe, sort_keys=True).encode())


def _check_place(workspace: Workspace, target: Path) -> None:
    """Raise where a package would be written over something, or into the home."""
    if target.is_relative_to(workspace.home):
        raise InvalidParameter(f"{target} is inside of the home.", hint="Choose a place of your own.")
    try:
        is_empty = target.is_dir() and target.suffix != ".zip" and not any(target.iterdir())
        if target.exists() and not is_empty:
            raise Conflict(f"There is something at {target}.", hint="Choose another place, or empty it.")
    except OSError as error:
        raise StorageFailed(f"{target} cannot be read: {error.strerror}.", hint="Choose another.") from error


def _place(source: Path, target: Path) -> None:
    """Put a copy of the package at `target`, a folder or a .zip, at once and whole."""
    with _beside(target) as fresh:
        if target.suffix == ".zip":
            with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in iter_files(source):
                    archive.write(path, (Path(target.stem) / path.relative_to(source)).as_posix())
        else:
            for path in iter_files(source):  # copytree would go on after a full disk, and tell of each file
                place = fresh / path.relative_to(source)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, place)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a name beside `target` for what takes its place at the end; nothing stays after a failure."""
    fresh = target.with_name(f".{target.name[:80]}-{new_id()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield fresh
        if target.is_file():  # put there in the minutes since it was looked at
            raise Conflict(f"There is something at {target}.", hint="Choose another place.")
        if target.is_dir():
            target.rmdir()  # it was empty
        fresh.rename(target)
    except OSError as error:
        raise StorageFailed(
            f"{target} could not be written: {error.strerror or error}.",
            hint=suggest_place(error),
        ) from error
    finally:
        if fresh.is_dir():
            shutil.rmtree(fresh, ignore_errors=True)
        else:
            fresh.unlink(missing_ok=True)


def _note_output(recorder: Recorder, model: Model, target: Path, format: str) -> None:
    """Note the package as an output, a folder or a file, with a card that says what it is."""
    catalog = recorder.workspace.catalog
    if target.is_dir():
        made = recorder.write_folder(str(target))
    else:
        stat = target.stat()
        made = catalog.artifacts.add_file(
            str(target),
            is_weights=False,
            is_output=True,
            signature=f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}",
            digest=None,
            size_bytes=stat.st_size,
        )
        recorder.write_artifact(made)
    card = Card(title=f"{target.name} ({format})", description=f"a package of {model.name} as {format}")
    author = recorder.workspace.settings.author
    catalog.cards.change(f"{made.kind}:{made.id}", lambda before: card, author=author)
