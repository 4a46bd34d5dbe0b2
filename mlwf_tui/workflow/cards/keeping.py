"""Makes the files beside a new model's weights, and keeps them in the store."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from mlwf_tui.entities.ids import ModelId
from mlwf_tui.entities.model import FileRole, Model, ModelFile
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import Cancelled, MlwfError, Paused
from mlwf_tui.formats.model_cards import write_model_card
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import FitResult, Trainer
from mlwf_tui.workflow.cards.gathering import gather_facts
from mlwf_tui.workflow.cards.glancing import MadeFile, Seen, look_at_validation
from mlwf_tui.workflow.running.recorder import Recorder

logger = logging.getLogger(__name__)
CARD_NAME = "model-card.md"


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
        problems=result.problems,
        notes=result.notes,
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
        """Raise Cancelled if the run should end now; for a pause at the end of an epoch it is too late."""
        try:
            self._observer.check_cancelled()
        except Paused as pause:
            if pause.is_urgent:
                raise
