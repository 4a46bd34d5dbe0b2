"""Gives back the files beside a model's weights, and makes a card where none was kept; decodes no picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlwf_tui.entities.ids import VersionId
from mlwf_tui.entities.model import FileRole, Model, Report
from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import MlwfError, NotFound
from mlwf_tui.formats.model_cards import write_model_card
from mlwf_tui.workflow.cards.gathering import gather_facts
from mlwf_tui.workflow.reports import list_benchmarks
from mlwf_tui.workspace import Workspace

SHOWN_METRICS = ("map", "map50", "precision", "recall", "top1")


def read_card(workspace: Workspace, model: Model) -> str:
    """Return a model's card as Markdown, with what was measured since; made now where none was kept.

    Raises:
        NotFound: none was kept, and the version that the model was trained on is gone.
        CorruptData: its bytes are damaged.
    """
    kept = model.find_files(FileRole.CARD)
    text = workspace.store.read(kept[0].blob).decode() if kept else _make_card(workspace, model)
    return text + _write_reports(list_benchmarks(workspace, model_id=model.id))


def _make_card(workspace: Workspace, model: Model) -> str:
    run = workspace.catalog.runs.get(model.run_id)
    read = next((ref for ref in run.inputs if ref.kind is ArtifactKind.VERSION), None)
    if read is None:
        raise NotFound(
            f"What {model.name} was trained on is not known, so it has no card.", hint="mlwf describe it."
        )
    version = workspace.catalog.versions.get_by_id(VersionId(read.id))
    try:
        licence = workspace.registry.get_trainer(model.trainer).licence
    except MlwfError:  # the plug-in is not installed any more
        licence = ""
    return write_model_card(gather_facts(workspace, model, run, version, licence=licence))


def _write_reports(reports: Sequence[Report]) -> str:
    if not reports:
        return ""
    lines = ["", "## Measured since", "", "| report | on | split | metrics |", "|---|---|---|---|"]
    for report in reports:
        shown = [(key, value) for key, value in report.metrics.items() if key in SHOWN_METRICS]
        metrics = ", ".join(f"{key} {value:.3f}" for key, value in shown)
        lines.append(f"| {report.name} | {report.version_ref} | {report.split} | {metrics} |")
    return "\n".join(lines) + "\n"


def write_files(workspace: Workspace, model: Model, folder: Path) -> list[Path]:
    """Write the files beside a model's weights into a folder, which is made; return their paths.

    Raises:
        CorruptData: their bytes are damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for file in model.files:
        path = folder / Path(file.name).name
        path.write_bytes(workspace.store.read(file.blob))
        paths.append(path)
    return paths
