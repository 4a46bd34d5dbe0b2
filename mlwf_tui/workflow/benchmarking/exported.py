"""A model in the form that another runtime loads, to be timed there: written once, and kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.model import Model
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import Trainer
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.using.exports import PackageParams, check_format, export_weights
from mlwf_tui.workflow.using.package_files import (
    DOCUMENT,
    is_whole,
    keep_package,
    place_package,
    write_document,
)
from mlwf_tui.workspace import Workspace

OWN: Final = "pytorch"
RUNTIMES: Final[Mapping[str, str]] = MappingProxyType({OWN: "", "onnxruntime": "onnx"})
"""What the speed can be measured with, and the format of `package` that it loads; the first as trained."""
_SCHEMA = 1


def check_runtime(trainer: Trainer, runtime: str) -> None:
    """Raise InvalidParameter where a trainer's models cannot be written here for a runtime."""
    if not RUNTIMES[runtime]:
        return
    try:
        check_format(trainer, RUNTIMES[runtime])
    except InvalidParameter as error:
        raise InvalidParameter(
            f"The speed cannot be measured with {runtime}. {error.message}", hint=error.hint
        ) from error


def get_exported(
    workspace: Workspace,
    trainer: Trainer,
    model: Model,
    weights: Path,
    scratch: Path,
    runtime: str,
    observer: Observer,
    *,
    is_trusted: bool,
) -> Path:
    """Return the file of a model that a runtime loads, made from `weights` where it is not there yet.

    It takes any number of images at once, and was compared with the weights on drawn pictures.

    Raises:
        InvalidInput: both do not say the same.
    """
    format = RUNTIMES[runtime]
    kept = place_package(workspace.home, _digest(model, format))
    if not is_whole(kept):
        shutil.rmtree(kept, ignore_errors=True)
        folder = scratch / "export"
        folder.mkdir()
        exported = export_weights(
            workspace,
            trainer,
            weights,
            folder,
            name=model.name,
            version=None,
            format=format,
            class_names=model.class_names,
            image_size_px=model.image_size_px,
            params=PackageParams(sample=False, device="cpu"),
            has_any_batch=True,
            is_trusted=is_trusted,
            observer=observer,
        )
        write_document(folder / "package", {"schema": _SCHEMA, "weights": exported.made.weights})
        keep_package(folder / "package", kept)
    name: str = json.loads((kept / DOCUMENT).read_text("utf-8"))["weights"]
    return kept / name


def _digest(model: Model, format: str) -> Digest:
    decides = ["exported", _SCHEMA, model.checkpoints[0].blob, model.trainer, format, model.image_size_px]
    return compute_digest(json.dumps(decides).encode())
