"""Gives a model's weights to a trainer as a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.model import Model
from mlwf_tui.workspace import Workspace


@contextmanager
def open_weights(workspace: Workspace, model: Model, run_id: RunId) -> Iterator[tuple[Path, Path]]:
    """Give the model's first checkpoint as a file, its digest verified, alone in a scratch folder.

    Both are gone afterwards.
    """
    scratch = workspace.run_folder(run_id) / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # of a job of the run that was killed
    scratch.mkdir(parents=True, exist_ok=True)
    weights = scratch / model.checkpoints[0].name
    try:
        workspace.store.write_file(model.checkpoints[0].blob, weights)
        yield weights, scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
