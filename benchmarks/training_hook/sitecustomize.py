"""Notes when the library's training loop begins and ends in a process; Python imports it by itself.

It works where its folder stands on PYTHONPATH and MLWF_TRAINING_MARKS names a file to append to: a JSON line
each for `start` (of the process), `first step`, `last step` and `exit`, with wall and CPU seconds, those of
ended children included, and at the last step what the library has measured, and the CPU seconds of this
thread that callbacks took at batches. The same for whoever trains.
"""

from __future__ import annotations

import atexit
import importlib.abc
import json
import os
import sys
import time
from collections.abc import Sequence
from functools import wraps
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

TRAINER = "ultralytics.engine.trainer"
BATCH_EVENTS = ("on_train_batch_start", "on_train_batch_end")
EVENTS = {"on_train_start": "first step", "on_train_end": "last step"}


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the trainer's module once, and lets its loader be followed by the hook."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = _read_clocks()
        self.between_s, self.batches = 0.0, 0

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != TRAINER:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_hook(module: ModuleType) -> None:
                execute(module)
                self.hook(module)

            spec.loader.exec_module = execute_and_hook  # type: ignore[method-assign]
        return spec

    def hook(self, module: ModuleType) -> None:
        run_callbacks = module.BaseTrainer.run_callbacks

        @wraps(run_callbacks)
        def run_and_note(trainer: Any, event: str) -> None:
            before_s = time.thread_time()
            run_callbacks(trainer, event)
            if event in BATCH_EVENTS:
                self.between_s += time.thread_time() - before_s
                self.batches += event == "on_train_batch_end"
            if event in EVENTS:
                self.note(EVENTS[event], _read_clocks(), trainer.metrics)

        module.BaseTrainer.run_callbacks = run_and_note
        self.note("start", self.started)
        atexit.register(lambda: self.note("exit", _read_clocks()))

    def note(self, mark: str, clocks: dict[str, float], metrics: dict[str, Any] | None = None) -> None:
        figures = {key: float(value) for key, value in (metrics or {}).items()}
        with self.path.open("a", encoding="utf-8") as file:
            between = {"between_s": self.between_s, "batches": self.batches}
            file.write(json.dumps({"mark": mark, **clocks, **between, "metrics": figures}) + "\n")


def _read_clocks() -> dict[str, float]:
    times = os.times()
    return {"wall_s": time.monotonic(), "cpu_s": sum(times[:4])}


if "MLWF_TRAINING_MARKS" in os.environ:
    sys.meta_path.insert(0, _Finder(Path(os.environ["MLWF_TRAINING_MARKS"])))
