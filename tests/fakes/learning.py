"""A trainer whose model is as good as its parameters say: for searches, without a library."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlwf_tui.errors import Cancelled, InvalidParameter, Paused
from mlwf_tui.params import param
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import (
    EvaluateRequest,
    EvaluateResult,
    FitRequest,
    FitResult,
    ItemPrediction,
    PredictRequest,
)

POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class LearnParams:
    x: float = param(0.5, "the model is best at 0.7", low=0, high=1)
    kind: str = param("good", "good, bad, or broken, which fails")
    epochs: int = param(4, "how far to learn", low=1)
    gate: str = param("", "every epoch but the first waits until this file is there, where one is named")
    device: str = param("auto", "auto, cpu, or a number")


class LearningTrainer:
    """Tells map50 after each epoch, up to what its parameters are worth."""

    name = "learner"
    summary = "learns"
    licence = "none"
    file_suffixes: tuple[str, ...] = (".learned",)
    data_formats: Mapping[str, str] = {"detect": "yolo"}
    params_type: type[Any] = LearnParams

    def list_architectures(self) -> tuple[str, ...]:
        return ("learner",)

    def find_task(self, architecture: str) -> str:
        return "detect"

    def check_weights(self, path: Path) -> None:
        """Everything goes."""

    def check_settings(self, params: LearnParams, extra: Mapping[str, Any]) -> None:
        if params.kind == "odd":
            raise InvalidParameter("There is no odd kind.", hint="Choose another.")

    def resolve_settings(
        self, params: LearnParams, extra: Mapping[str, Any], *, task: str, has_gpu: bool
    ) -> Mapping[str, Any]:
        return {"epochs": params.epochs, **extra}

    def can_resume(self, folder: Path) -> bool:
        return (folder / "epoch").exists()

    def fit(self, request: FitRequest, observer: Observer) -> FitResult:
        params: LearnParams = request.params
        if params.kind == "broken":
            raise RuntimeError("it is broken")
        checkpoint = request.folder / "epoch"
        first = int(checkpoint.read_text()) + 1 if request.is_resumed else 1
        worth = (1 - abs(params.x - 0.7)) * (0.5 if params.kind == "bad" else 1.0)
        is_stopped, quality = False, 0.0
        for epoch in range(first, params.epochs + 1):
            is_stopped = _wait(params.gate if epoch > 1 else "", observer)
            quality = worth * epoch / params.epochs
            observer.metric("metrics/mAP50(B)", quality, epoch)
            observer.progress(epoch, params.epochs, f"epoch {epoch}")
            checkpoint.write_text(str(epoch))
            if is_stopped:
                break
        return FitResult(
            checkpoints=(checkpoint,),
            architecture=request.architecture,
            task="detect",
            image_size_px=32,
            metrics={"map50": quality, "seed": float(request.seed)},
            environment={"device": params.device},
            is_stopped=is_stopped,
        )

    def evaluate(self, request: EvaluateRequest, observer: Observer) -> EvaluateResult:
        said = tuple(ItemPrediction(key=request.files[path]) for path in request.paths)
        return EvaluateResult(predictions=said, speed={"images_per_second": 1.0})

    def predict(
        self, request: PredictRequest, items: Sequence[SourceItem], observer: Observer
    ) -> Iterator[ItemPrediction]:
        return (ItemPrediction(key=source.item.key, objects=()) for source in items)


def _wait(gate: str, observer: Observer) -> bool:
    """Wait for the gate; return whether it is to stop meanwhile. Lets Paused out."""
    while True:
        try:
            observer.check_cancelled()
        except Paused:
            raise
        except Cancelled:
            return True
        if not gate or Path(gate).exists():
            return False
        time.sleep(POLL_S)
