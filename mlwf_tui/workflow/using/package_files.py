"""The files of a package beside its weights: model.json, which says all of it, and a card for people."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mlwf_tui import __version__
from mlwf_tui.entities.card import show_safely
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import StorageFailed
from mlwf_tui.protocols.trainers import ExportResult
from mlwf_tui.workflow.transforming.record_files import clear_folders

DOCUMENT, CARD = "model.json", "README.md"
SCHEMA = 1  # of model.json; a number more where a key changes its meaning
_FOLDER = "packages"
_STEP_BYTES = 1 << 20
_COMPARED = {
    "box_px": ("boxes", " pixels"),
    "box_share": ("boxes", " of the picture's side"),
    "score": ("scores", ""),
    "example_score": ("scores of the example", ""),
}
"""What an `Agreement` compares, by its name: in words, and the unit of its difference."""


def describe_package(
    model: Model,
    made: ExportResult,
    *,
    version: Version | None,
    reports: tuple[Report, ...],
    licence: str,
    samples: str,
    splits: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return what model.json says, but for the files.

    `samples` says on what both forms were compared; `splits` are the version's items by split.
    """
    return {
        "schema": SCHEMA,
        "name": model.name,
        "description": model.description,
        "task": model.task,
        "architecture": model.architecture,
        **made.interface,
        "requires": list(made.requires),
        "example": made.example,
        "metrics": _keep_finite(model.metrics),
        "reports": [
            {"name": r.name, "version": r.version_ref, "split": r.split, "metrics": _keep_finite(r.metrics)}
            for r in reports
        ],
        "data": None
        if version is None
        else {
            "version": version.ref,
            "manifest": version.manifest,
            "items": version.item_count,
            "splits": dict(splits or {}),
        },
        "agreement": {
            "compared_on": samples,
            **{
                one.name: {"max_difference": one.difference, "tolerance": one.tolerance}
                for one in made.agreement
            },
        },
        "licence": licence or made.licence,
        "made_from": {
            "checkpoint": model.checkpoints[0].name,
            "blake3": model.checkpoints[0].blob,
            "run": model.run_id,
            "trained_at": model.created_at.isoformat(),
        },
        "made_with": {"mlwf": __version__, **made.environment},
    }


def _keep_finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return figures without those that JSON has no number for."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def write_document(folder: Path, document: Mapping[str, Any]) -> None:
    """Write model.json with the digests of all other files, which are there already."""
    files = {
        path.relative_to(folder).as_posix(): {"sha256": digest_file(path), "size_bytes": path.stat().st_size}
        for path in iter_files(folder)
        if path.name != DOCUMENT
    }
    text = json.dumps({**document, "files": files}, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / DOCUMENT).write_text(text + "\n", encoding="utf-8")


def place_package(home: Path, recipe: Digest) -> Path:
    """Return where a package is kept that was made by a recipe."""
    return home / "cache" / _FOLDER / recipe


def keep_package(made: Path, cached: Path) -> None:
    """Put a package where it is kept; another run may have made the same meanwhile, and its own stays.

    Raises:
        StorageFailed: the disk is full, or cannot be written.
    """
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        made.rename(cached)
    except OSError as error:
        if not is_whole(cached):
            raise StorageFailed(
                f"{cached} could not be written: {error.strerror}.", hint="Free some space, then try again."
            ) from error


def clear_packages(home: Path, since: datetime) -> None:
    """Remove kept packages that were made before; those that were written elsewhere stay there."""
    clear_folders(home / "cache" / _FOLDER, since)


def is_whole(folder: Path) -> bool:
    """Whether all files of a package are as its model.json says."""
    try:
        files = json.loads((folder / DOCUMENT).read_text("utf-8"))["files"]
        return all(digest_file(folder / name) == facts["sha256"] for name, facts in files.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def iter_files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, in order."""
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, as `sha256sum` prints it: who gets a package may not have BLAKE3."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_STEP_BYTES):
            hasher.update(part)
    return hasher.hexdigest()


def write_card(folder: Path, document: Mapping[str, Any]) -> None:
    """Write README.md: what the model is for, how it is run, how good it is, and where its limits are."""
    (folder / CARD).write_text("\n".join(_iter_card(document)) + "\n", encoding="utf-8")


def _iter_card(document: Mapping[str, Any]) -> Iterator[str]:
    side = document["input"]["shape"][2]
    yield from (f"# {_plain(document['name'])}", "")
    yield f"A model to {document['task']}, {_plain(document['architecture'])}, as {document['format']}."
    if document["description"]:
        yield from ("", _plain(document["description"]))
    yield from ("", "## Run it", "")
    if document["example"]:
        yield f"    pip install {' '.join(document['requires'])}"
        if (document["files_there"]) & {"sample.png"}:
            yield f"    python {document['example']} --check"
        yield f"    python {document['example']} PICTURE.png"
        yield ""
    yield f"`{DOCUMENT}` says exactly what goes in and out. Input: {side}×{side} pixels, RGB."
    yield from ("", "## Classes", "", ", ".join(map(_plain, document["classes"])))
    yield from ("", "## How good it is", "")
    yield from _iter_measures(document)
    yield from ("", "## Data", "")
    data = document["data"]
    if data:
        learned = data["splits"].get(Split.TRAIN)
        part = f"the train split of {_plain(data['version'])}" if learned else _plain(data["version"])
        count = f"{learned:,} of {data['items']:,}" if learned else f"{data['items']:,}"
        yield f"Trained on {part} ({count} items, manifest `{data['manifest'][:16]}`)."
    else:
        yield "What it was trained on is not known."
    yield from ("", "## Limits", "")
    yield "It knows its classes alone, on pictures like those it was trained on. The figures above are of its"
    yield "maker's pictures: measure it on your own before you rely on it."
    yield from ("", "## Licence", "", _plain(document["licence"]) + ".")


def _iter_measures(document: Mapping[str, Any]) -> Iterator[str]:
    if document["metrics"]:
        figures = ", ".join(f"{name} {value:.3f}" for name, value in document["metrics"].items())
        yield f"After training, on its validation split: {figures}."
    for report in document["reports"]:
        figures = ", ".join(f"{name} {value:.3f}" for name, value in list(report["metrics"].items())[:6])
        yield f"\nOn the {report['split']} split of {_plain(report['version'])}: {figures}."
    agreement = dict(document["agreement"])
    on = agreement.pop("compared_on")
    figures = ", ".join(_tell_difference(name, facts["max_difference"]) for name, facts in agreement.items())
    yield f"\nSet beside the model that it was made from, on {on}: {figures}."


def _tell_difference(name: str, value: float) -> str:
    """Return how far two forms of a model differ, as who gets a package reads it."""
    if name == "example_missing":
        return f"the example misses {round(value) or 'none'} of the objects"
    what, unit = _COMPARED.get(name, (name, ""))
    if not value:
        return f"{what} are the same"
    return f"{what} differ by {'less than 0.001' if value < 0.001 else f'at most {value:.3g}'}{unit}"


def _plain(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in show_safely(text, 500))
