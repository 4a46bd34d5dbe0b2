"""A new model in another format, beside its weights: made where a training was asked to, `export=onnx`."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from mlwf_tui.entities.model import FileRole, ModelFile
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import Cancelled, MlwfError
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitResult, Trainer
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.training.starts import EXPORT_PARAM
from mlwf_tui.workflow.using.exports import PackageParams, export_weights

logger = logging.getLogger(__name__)


def keep_exported(
    recorder: Recorder,
    version: Version,
    trainer: Trainer,
    result: FitResult,
    class_names: tuple[str, ...],
    observer: Observer,
) -> tuple[tuple[ModelFile, ...], tuple[str, ...]]:
    """Store the new model in the format that was asked for; return its file, and what to note of it.

    A training is not lost for this: what goes wrong is a note of the run.
    """
    run, workspace = recorder.run, recorder.workspace
    format = str(run.params.get(EXPORT_PARAM, ""))
    if not format:
        return (), ()
    folder = workspace.run_folder(run.id) / "scratch" / "export"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        exported = export_weights(
            workspace,
            trainer,
            result.checkpoints[0],
            folder,
            name=run.params["name"],
            version=version,
            format=format,
            class_names=class_names,
            image_size_px=result.image_size_px,
            params=PackageParams(),
            is_trusted=True,  # made by this very run
            observer=observer,
        )
        path = _as_one_file(folder / "package" / exported.made.weights)
        with recorder.writer() as writer:
            digest, size_bytes = writer.put_file(path)
    except Cancelled:
        note = f"It was not exported to {format}: the run was to end. mlwf package does it later."
    except MlwfError as error:
        note = f"It was not exported to {format}: {error.message} {error.hint}".strip()
    except OSError as error:  # as on a full disk
        note = f"It was not exported to {format}: {error.strerror}. mlwf package does it later."
    else:
        return (ModelFile(path.name, digest, size_bytes, FileRole.PACKAGE),), ()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    logger.warning("%s", note)
    return (), (note,)


def _as_one_file(made: Path) -> Path:
    """Return what was made, zipped where it is a folder."""
    return Path(shutil.make_archive(str(made), "zip", made)) if made.is_dir() else made
