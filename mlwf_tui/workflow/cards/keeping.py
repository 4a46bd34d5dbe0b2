"""Makes the files beside a new model's weights, keeps them in the store, and gives them back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import ModelId, VersionId
from mlwf_tui.entities.model import FileRole, Model, ModelFile, Report
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import Cancelled, MlwfError, NotFound
from mlwf_tui.formats.model_cards import write_model_card
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitResult, Trainer
from mlwf_tui.workflow.cards.gathering import gather_facts
from mlwf_tui.workflow.cards.glancing import MadeFile, Seen, look_at_validation
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workspace import Workspace

logger = logging.getLogger(__name__)
CARD_NAME = "model-card.md"
SHOWN_METRICS = ("map", "map50", "precision", "recall", "top1")


def keep_model_files(
    recorder: Recorder,
    version: Version,
    trainer: Trainer,
    result: FitResult,
    class_names: Sequence[str],
    environment: Mapping[str, str],
    observer: Observer,
    *,
    device: str = "auto",
) -> tuple[ModelFile, ...]:
    """Put a card, the confusion and some pictures of a new model into the store.

    A model is not lost for its pictures: where they cannot be made, or somebody wants the run to end now,
    it has its card alone, and the log says why.
    """
    run = recorder.run
    model = Model(
        id=ModelId(""),
        name=run.params["name"],
        description="",
        architecture=result.architecture,
        task=result.task,
        trainer=trainer.name,
        class_names=tuple(class_names),
        image_size_px=result.image_size_px,
        checkpoints=(),
        metrics=result.metrics,
        run_id=run.id,
        created_at=datetime.now(UTC),
    )
    seen = _look(recorder, version, trainer, result, model, observer, device)
    facts = gather_facts(
        recorder.workspace,
        model,
        msgspec.structs.replace(run, environment={**environment, **result.environment}),
        version,
        licence=trainer.licence,
        is_stopped=result.is_stopped,
        glance=seen.glance,
    )
    card = MadeFile(CARD_NAME, write_model_card(facts).encode(), FileRole.CARD)
    with recorder.writer() as writer:
        return tuple(
            ModelFile(made.name, writer.put(made.data), len(made.data), made.role)
            for made in (card, *seen.files)
        )


def _look(
    recorder: Recorder,
    version: Version,
    trainer: Trainer,
    result: FitResult,
    model: Model,
    observer: Observer,
    device: str,
) -> Seen:
    scratch = recorder.workspace.run_folder(recorder.run_id) / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        return look_at_validation(
            recorder.workspace,
            version,
            trainer,
            result.checkpoints[0],
            scratch,
            task=model.task,
            class_names=model.class_names,
            image_size_px=model.image_size_px,
            device=device,
            observer=_Quiet(observer),
        )
    except Cancelled:
        logger.info("No pictures were made: the run is to end.")
    except MlwfError as error:
        logger.warning("No pictures were made: %s %s", error.message, error.hint)
    return Seen(None, ())


class _Quiet:
    """An observer that passes on wishes alone: the training's progress is over."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Say nothing."""

    def metric(self, key: str, value: float, step: int) -> None:
        """Say nothing."""

    def check_cancelled(self) -> None:
        """Raise Cancelled if the run should end."""
        self._observer.check_cancelled()


def read_card(workspace: Workspace, model: Model) -> str:
    """Return a model's card as Markdown, with what was measured since; made now where none was kept.

    Raises:
        NotFound: none was kept, and the version that the model was trained on is gone.
        CorruptData: its bytes are damaged.
    """
    kept = model.find_files(FileRole.CARD)
    text = workspace.store.read(kept[0].blob).decode() if kept else _make_card(workspace, model)
    reports = [report for report in workspace.catalog.reports.list() if report.model_id == model.id]
    return text + _write_reports(reports)


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
