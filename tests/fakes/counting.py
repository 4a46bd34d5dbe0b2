"""A trainer that counts epochs into a file: it can be paused and resumed, and needs no library."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import Cancelled, Paused
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

BATCHES = 4


@dataclass(frozen=True, slots=True)
class CountParams:
    epochs: int = param(3, "how far to count", low=1)
    batch_s: float = param(0.01, "how long a batch takes", low=0)
    gate: str = param("", "an epoch waits for the file GATE-EPOCH, where one is named")
    device: str = param("auto", "auto, cpu, or a number")


class CountingTrainer:
    """Each epoch takes four batches and ends with a checkpoint; items called torn are left out."""

    name = "counter"
    summary = "counts"
    licence = "none"
    file_suffixes: tuple[str, ...] = ()
    data_formats: Mapping[str, str] = {"detect": "yolo"}
    params_type: type[Any] = CountParams

    def list_architectures(self) -> tuple[str, ...]:
        return ("counter",)

    def find_task(self, architecture: str) -> str:
        return "detect"

    def check_settings(self, params: CountParams, extra: Mapping[str, Any]) -> None:
        """Everything goes."""

    def resolve_settings(
        self, params: CountParams, extra: Mapping[str, Any], *, task: str, has_gpu: bool
    ) -> Mapping[str, Any]:
        return {"epochs": params.epochs}

    def can_resume(self, folder: Path) -> bool:
        return (folder / "epoch").exists()

    def fit(self, request: FitRequest, observer: Observer) -> FitResult:
        params: CountParams = request.params
        checkpoint = request.folder / "epoch"
        first = int(checkpoint.read_text()) + 1 if request.is_resumed else 1
        is_stopped = is_pausing = False
        for epoch in range(first, params.epochs + 1):
            batches = 0
            while not is_stopped and (batches < BATCHES or not _is_open(params.gate, epoch)):
                try:
                    observer.check_cancelled()
                except Paused as pause:
                    if pause.is_urgent:
                        raise
                    is_pausing = True
                except Cancelled:
                    is_stopped = True
                time.sleep(params.batch_s)
                batches += 1
                observer.progress(epoch, params.epochs, f"epoch {epoch}")
            checkpoint.write_text(str(epoch))
            observer.metric("epoch", float(epoch), epoch)
            if is_stopped:
                break
            if is_pausing:
                observer.check_cancelled()
        return FitResult(
            checkpoints=(checkpoint,),
            architecture=request.architecture,
            task="detect",
            image_size_px=32,
            metrics={"map50": 0.5},
            environment={"gpus": params.device},
            is_stopped=is_stopped,
            problems=tuple(
                Problem(key, "The image is torn.") for key in request.files.values() if "torn" in key
            ),
        )

    def evaluate(self, request: EvaluateRequest, observer: Observer) -> EvaluateResult:
        said = tuple(ItemPrediction(key=request.files[path]) for path in request.paths)
        return EvaluateResult(predictions=said, speed={"images_per_second": 1.0})

    def predict(
        self, request: PredictRequest, items: Sequence[SourceItem], observer: Observer
    ) -> Iterator[ItemPrediction]:
        return (ItemPrediction(key=source.item.key, objects=()) for source in items)


def _is_open(gate: str, epoch: int) -> bool:
    return not gate or Path(f"{gate}-{epoch}").exists()
