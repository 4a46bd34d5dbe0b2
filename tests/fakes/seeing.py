"""A trainer whose models see on every image what their weights, a JSON file, say; it needs no library.

A model may also be told of images that it cannot use, to write down what it looks at, and to wait for a
file once it has looked at some images.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry
from mlwf_tui.entities.model import Checkpoint, Model
from mlwf_tui.errors import Untrusted
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.protocols.trainers import (
    Agreement,
    EvaluateRequest,
    EvaluateResult,
    ExportRequest,
    ExportResult,
    ExportTarget,
    FitRequest,
    FitResult,
    ItemPrediction,
    PredictRequest,
)
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace
from tests.making import Box


@dataclass(frozen=True, slots=True)
class NoParams:
    """Nothing can be chosen."""


class SeeingTrainer:
    """Says of every image that the boxes of its weights are on it."""

    name = "seer"
    summary = "sees what it was told"
    licence = "none"
    file_suffixes: tuple[str, ...] = ()
    data_formats: Mapping[str, str] = {"detect": "yolo"}
    params_type: type[Any] = NoParams

    def list_architectures(self) -> tuple[str, ...]:
        return ("seer",)

    def find_task(self, architecture: str) -> str:
        return "detect"

    def check_settings(self, params: NoParams, extra: Mapping[str, Any]) -> None:
        """Everything goes."""

    def resolve_settings(
        self, params: NoParams, extra: Mapping[str, Any], *, task: str, has_gpu: bool
    ) -> Mapping[str, Any]:
        return {}

    def can_resume(self, folder: Path) -> bool:
        return False

    def fit(self, request: FitRequest, observer: Observer) -> FitResult:
        raise NotImplementedError

    def evaluate(self, request: EvaluateRequest, observer: Observer) -> EvaluateResult:
        """Look at the images batch by batch, two at once; one named `broken` is left out."""
        told = json.loads(request.weights.read_text("utf-8"))
        said: list[ItemPrediction] = []
        for start in range(0, len(request.paths), 2):
            _wait(told, start, observer)
            keys = [request.files[path] for path in request.paths[start : start + 2]]
            _trace(told, keys)
            good = [key for key in keys if key.rpartition("/")[2] not in told["broken"]]
            batch = [ItemPrediction(key=key, objects=_read_objects(told)) for key in good]
            said += batch
            if request.note is not None:
                request.note(batch)
        return EvaluateResult(predictions=tuple(said), speed={"images_per_second": 1.0})

    def predict(
        self, request: PredictRequest, items: Sequence[SourceItem], observer: Observer
    ) -> Iterator[ItemPrediction]:
        told = json.loads(request.weights.read_text("utf-8"))
        for number, source in enumerate(items):
            _wait(told, number, observer)
            _trace(told, [source.item.key])
            if source.item.name in told["broken"]:
                yield ItemPrediction(key=source.item.key, problem="The image cannot be decoded.")
            else:
                yield ItemPrediction(key=source.item.key, objects=_read_objects(told))

    @contextmanager
    def open_predictor(self, request: PredictRequest) -> Iterator[SeeingPredictor]:
        yield SeeingPredictor(json.loads(request.weights.read_text("utf-8")))

    def check_weights(self, path: Path) -> None:
        if "danger" in json.loads(path.read_text("utf-8")):
            raise Untrusted(f"The weights {path.name} name danger.", hint="--trust")

    def list_export_targets(self) -> tuple[ExportTarget, ...]:
        return (
            ExportTarget(name="onnx", summary="as it is"),
            ExportTarget(name="rare", summary="", missing="rare is not installed.", hint="pip install rare"),
        )

    def export(self, request: ExportRequest, observer: Observer) -> ExportResult:
        """Write the weights as they are; they tell how far the package is to differ, and of a gate."""
        told = json.loads(request.weights.read_text("utf-8"))
        if told["trace"]:
            with Path(told["trace"]).open("a", encoding="utf-8") as file:
                file.write(f"{request.format}\n")
        while told["gate"] and not Path(told["gate"]).exists():
            observer.check_cancelled()
            time.sleep(0.01)
        package = request.folder / "package"
        package.mkdir()
        (package / "seen.json").write_bytes(request.weights.read_bytes())
        (package / "sample.png").write_bytes(request.samples[0])
        return ExportResult(
            weights="seen.json",
            interface={
                "format": request.format,
                "weights": "seen.json",
                "classes": list(request.class_names),
                "input": {"shape": [1, 3, request.image_size_px, request.image_size_px]},
            },
            agreement=(Agreement(name="score", difference=told.get("differs", 0.0), tolerance=0.01),),
            licence="none",
            environment={"seer": "1"},
        )


class SeeingPredictor:
    """Sees what it was told on every image; an image whose bytes end in `broken` cannot be used.

    It waits for the file `gate` where there is to be one, and writes how many images it was given to `trace`.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def predict(self, images: Sequence[bytes]) -> tuple[ItemPrediction, ...]:
        if self._told["trace"]:
            with Path(self._told["trace"]).open("a", encoding="utf-8") as file:
                file.write(f"{len(images)}\n")
        while self._told["gate"] and not Path(self._told["gate"]).exists():
            time.sleep(0.01)
        return tuple(
            ItemPrediction(key="", problem="It cannot be decoded.")
            if data.endswith(b"broken")
            else ItemPrediction(key="", objects=_read_objects(self._told))
            for data in images
        )


def _wait(told: dict[str, Any], number: int, observer: Observer) -> None:
    while number == told["waits_after"] and not Path(told["gate"]).exists():
        observer.check_cancelled()
        time.sleep(0.02)
    observer.check_cancelled()


def _trace(told: dict[str, Any], keys: Sequence[str]) -> None:
    if told["trace"]:
        with Path(told["trace"]).open("a", encoding="utf-8") as file:
            file.writelines(f"{key}\n" for key in keys)


def _read_objects(told: dict[str, Any]) -> tuple[AnnotatedObject, ...]:
    return tuple(
        AnnotatedObject(name, Geometry.rectangle(left, top, right, bottom), told.get("confidence", 0.9))
        for name, left, top, right, bottom in told["boxes"]
    )


def add_seer(
    workspace: Workspace,
    name: str,
    boxes: Sequence[Box],
    *,
    broken: Sequence[str] = (),
    trace: str = "",
    gate: str = "",
    waits_after: int = -1,
    learned_from: str = "",
    **told_too: Any,
) -> Model:
    """Enter a model that sees these boxes on every image; its weights are in the store.

    It cannot use the images of the items named `broken`, writes the keys of those that it looks at to
    `trace`, and waits for the file `gate` once it has looked at `waits_after` of them.
    """
    with record(workspace, "train", params={"name": name}) as run:
        if learned_from:
            run.read_version(learned_from)
        with run.writer() as writer:
            told = {
                "boxes": boxes, "broken": broken, "trace": trace, "gate": gate, "waits_after": waits_after,
                **told_too,
            }  # fmt: skip
            content = json.dumps(told).encode()
            blob = writer.put(content)
        return run.write_model(
            name=name,
            architecture="seer",
            task="detect",
            trainer="seer",
            class_names=tuple(dict.fromkeys(box[0] for box in boxes)),
            image_size_px=32,
            checkpoints=(Checkpoint("best.json", blob, len(content)),),
            metrics={},
        )
