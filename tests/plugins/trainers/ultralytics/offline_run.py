"""A program for the tests: fit, evaluate and predict in a process that may not look up any host.

It prints one JSON document. Arguments: the data folder, a folder to work in, further parameters as
JSON, and after how many looks the observer asks for a stop (-1 never).
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import sys
import time
from pathlib import Path
from typing import Any

from mlwf_tui.entities.item import Split
from mlwf_tui.params import build_params
from mlwf_tui.plugins.trainers.ultralytics import UltralyticsTrainer
from mlwf_tui.protocols.trainers import EvaluateRequest, FitRequest, FitResult, PredictRequest
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.making import make_item

LOOK_UPS: list[str] = []


def forbid_network() -> None:
    """Note every look-up and connection, and refuse it."""

    def refuse(*arguments: Any, **_: Any) -> Any:
        LOOK_UPS.append(str(arguments[-2:]))
        raise OSError("this test has no network")

    socket.getaddrinfo = refuse
    socket.gethostbyname = refuse
    socket.socket.connect = refuse  # type: ignore[method-assign]


def main(data: Path, work: Path, values: dict[str, Any], looks: int) -> dict[str, Any]:
    trainer = UltralyticsTrainer()
    observer = StoppingObserver(looks_left=looks) if looks >= 0 else KeepingObserver()
    started_s = time.monotonic()
    fitted = trainer.fit(
        FitRequest(
            architecture=values.pop("architecture", "yolov10p"),
            data=data,
            class_names=(),
            folder=work / "fit",
            params=build_params(trainer.params_type, values.pop("params", {})),
            extra=values.pop("extra", {}),
            seed=values.pop("seed", 0),
        ),
        observer,
    )
    usage = resource.getrusage(resource.RUSAGE_SELF)
    times = {"fit_s": time.monotonic() - started_s, "fit_cpu_s": usage.ru_utime + usage.ru_stime}
    return {**times, **_describe(fitted, observer), **_use(trainer, fitted, data, work), "look_ups": LOOK_UPS}


def _describe(fitted: FitResult, observer: KeepingObserver) -> dict[str, Any]:
    return {
        "metrics": fitted.metrics,
        "checkpoints": [str(path) for path in fitted.checkpoints],
        "is_stopped": fitted.is_stopped,
        "image_size_px": fitted.image_size_px,
        "environment": fitted.environment,
        "steps": observer.steps,
        "reported": observer.metrics,
    }


def _use(trainer: UltralyticsTrainer, fitted: FitResult, data: Path, work: Path) -> dict[str, Any]:
    names = {p.relative_to(data).as_posix(): f"main/{p.name}" for p in data.glob("images/*/*")}
    weights, size_px = fitted.checkpoints[0], fitted.image_size_px
    measure = EvaluateRequest(
        weights=weights,
        data=data,
        files=names,
        split=Split.VAL,
        folder=work / "evaluate",
        image_size_px=size_px,
    )
    evaluated = trainer.evaluate(measure, KeepingObserver())
    use = PredictRequest(weights=weights, image_size_px=size_px, confidence=0.01, folder=work / "predict")
    items = [make_item(f"{number}.png", seed=number) for number in range(3)]
    applied = list(trainer.predict(use, items, KeepingObserver()))
    return {
        "evaluated": {p.key: len(p.objects) for p in evaluated.predictions},
        "is_sorted": all(_is_sorted(p.objects) for p in (*evaluated.predictions, *applied)),
        "speed": evaluated.speed,
        "library": evaluated.library_metrics,
        "applied": [p.key for p in applied],
    }


def _is_sorted(objects: tuple[Any, ...]) -> bool:
    confidences = [found.confidence for found in objects]
    return confidences == sorted(confidences, reverse=True) and all(0 <= c <= 1 for c in confidences)


if __name__ == "__main__":
    forbid_network()
    with contextlib.redirect_stdout(sys.stderr):
        document = main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(document))
