"""Goes on with a finished fit for more epochs: makes of what its model has kept what a resumed one reads.

The library strips its checkpoints at the end of what going on needs; the fit state of the last epoch has it.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.trainers.ultralytics.checkpoints import BEST, LAST
from mlwf_tui.plugins.trainers.ultralytics.library import read_checkpoint
from mlwf_tui.protocols.trainers import STATE_NAME, FitRequest


def keep_state(weights: Path, epoch: int) -> Path | None:
    """Return the state of the last epoch under the name that a model keeps it by, where it is there."""
    state = weights / f"state-{epoch}.bin"
    return state.replace(weights / STATE_NAME) if state.exists() else None


def prepare_continuing(request: FitRequest, settings: Mapping[str, Any]) -> Path:
    """Write the checkpoint of a fit that was interrupted after the last epoch of the finished one.

    Raises:
        InvalidInput: the finished fit has kept no state, or no epoch is left to do.
        CorruptData: its state is not one of ours.
    """
    import torch

    from mlwf_tui.plugins.trainers.tensor_file import read_tensors

    assert request.continues is not None, "asked only of such a fit"
    state = read_tensors(request.continues / STATE_NAME)
    if state is None:
        raise InvalidInput("The run has kept no state to go on from.", hint="Start from its model instead.")
    epoch = int(state["saved"]["epoch"])
    weights = request.folder / "train" / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(request.continues / STATE_NAME, weights / f"state-{epoch}.bin")
    if (request.continues / BEST).exists():
        shutil.copyfile(request.continues / BEST, weights / BEST)
    saved = dict(read_checkpoint(request.continues / LAST))
    _write_results(weights.parent / "results.csv", saved.get("train_results") or {})
    saved |= state["saved"] | {
        "model": None,
        "ema": saved["model"],
        "optimizer": None,  # it is in the state, unrounded
        "stopper": state["saved"]["stopper"] | {"best_epoch": epoch + 1},  # patience counts from here
        "train_args": saved["train_args"] | settings | {"epochs": epoch + 1 + request.more_epochs},
    }
    part = weights / f"{LAST}.part"
    torch.save(saved, part)  # last: from here on a second job of the run resumes it like any other
    return part.replace(weights / LAST)


def _write_results(path: Path, results: Mapping[str, Sequence[Any]]) -> None:
    """Write the curves of the finished fit, which the library appends to."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if results:
            writer.writerow(results)
            writer.writerows(zip(*results.values(), strict=True))
