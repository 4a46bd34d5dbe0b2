"""Models that no training made, for what is decided before any weights are opened."""

from __future__ import annotations

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.model import Checkpoint, Model
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace


def add_model(
    workspace: Workspace, name: str, *, task: str = "detect", class_names: tuple[str, ...] = ("cell",)
) -> Model:
    """Enter a model whose weights are not in the store."""
    with record(workspace, "train", params={"name": name}) as run:
        return run.write_model(
            name=name,
            architecture="yolov10p",
            task=task,
            trainer="ultralytics",
            class_names=class_names,
            image_size_px=96,
            checkpoints=(Checkpoint("best.pt", Digest("0" * 64), 1),),
            metrics={},
        )
