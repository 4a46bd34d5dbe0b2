"""A classifier as one file, and the state that a fit is resumed from: reading them runs no code."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import torch

from mlwf_tui.errors import CorruptData, InvalidInput, StorageFailed
from mlwf_tui.plugins.trainers.tensor_file import read_tensors, write_tensors
from mlwf_tui.plugins.trainers.torchvision.library import build_network, report_failure
from mlwf_tui.protocols.trainers import STATE_NAME

FORMAT: Final = "mlwf classifier 1"
SUFFIX: Final = ".classifier"
BEST, LAST = f"best{SUFFIX}", f"last{SUFFIX}"
STATE, STATE_BEFORE = "state.bin", "state-before.bin"
MOST_SIDE_PX = 4096  # as ClassifierParams has it: images are made as large before they are looked at


class Classifier(msgspec.Struct, kw_only=True):
    """A network with all that is needed to use it."""

    architecture: str
    class_names: tuple[str, ...]
    image_size_px: int
    network: Any


def save_classifier(path: Path, classifier: Classifier) -> None:
    """Write a classifier, whole or not at all.

    Raises:
        StorageFailed: the disk is full, or cannot be written.
    """
    saved = {
        "format": FORMAT,
        "architecture": classifier.architecture,
        "class_names": list(classifier.class_names),
        "image_size_px": classifier.image_size_px,
        "weights": {key: value.cpu() for key, value in classifier.network.state_dict().items()},
    }
    buffer = io.BytesIO()
    torch.save(saved, buffer)
    part = path.with_suffix(".part")
    with _of_disk(path):
        part.write_bytes(buffer.getbuffer())
        part.replace(path)


def load_classifier(path: Path) -> Classifier:
    """Return the classifier of a file of ours, on the CPU; nothing in the file is run.

    Raises:
        InvalidInput: the file is missing, or not one that `save_classifier` makes.
    """
    saved = read_saved(path)
    with report_failure("read the weights"):
        network = build_network(saved["architecture"], len(saved["class_names"]))
        network.load_state_dict(saved["weights"])
    return Classifier(
        architecture=saved["architecture"],
        class_names=tuple(saved["class_names"]),
        image_size_px=saved["image_size_px"],
        network=network.eval(),
    )


def read_saved(path: Path) -> dict[str, Any]:
    """Return what a file of ours holds. Raises InvalidInput as `load_classifier` does."""
    if not path.is_file():
        raise InvalidInput(f"The weights {path} do not exist.", hint="Train the model again.")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, OSError) as error:
        raise InvalidInput(
            f"{path.name} does not hold weights that can be read safely.", hint="Train the model again."
        ) from error
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise InvalidInput(f"{path.name} is no classifier of ours.", hint="Give one that was trained here.")
    try:
        msgspec.convert(saved, _Saved)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{path.name} is damaged: {error}.", hint="Train the model again.") from error
    return saved


class _Saved(msgspec.Struct):
    """What a file of ours holds, as far as it is looked at before it is used."""

    architecture: str
    class_names: Annotated[list[str], msgspec.Meta(min_length=1)]
    image_size_px: Annotated[int, msgspec.Meta(ge=1, le=MOST_SIDE_PX)]
    weights: dict[str, Any]


def write_fit_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the state at the end of an epoch; the one before it stays, in case that this one is torn."""
    with _of_disk(folder):
        if (folder / STATE).exists():
            (folder / STATE).replace(folder / STATE_BEFORE)
        write_tensors(folder / STATE, state)


def read_fit_state(folder: Path) -> dict[str, Any] | None:
    """Return the newest whole state of an interrupted fit, or of one that has ended, or None."""
    for name in (STATE, STATE_NAME, STATE_BEFORE):
        try:
            state: dict[str, Any] | None = read_tensors(folder / name)
        except CorruptData:
            continue
        if state is not None:
            return state
    return None


def keep_fit_state(folder: Path) -> None:
    """Give the state of the last epoch the name that a model keeps it by; a fit without one has none."""
    with _of_disk(folder):
        if (folder / STATE).exists():
            (folder / STATE).replace(folder / STATE_NAME)


def read_kept_state(folder: Path) -> dict[str, Any]:
    """Return the state that a finished fit has kept, of a folder with the checkpoints of its model.

    Raises:
        InvalidInput: it kept none.
        CorruptData: it is not one of ours.
    """
    state: dict[str, Any] | None = read_tensors(folder / STATE_NAME)
    if state is None:
        raise InvalidInput("The run has kept no state to go on from.", hint="Start from its model instead.")
    return state


@contextmanager
def _of_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"The checkpoint {path} could not be written: {error.strerror or error}.",
            hint="Free some space, then mlwf resume goes on from the last whole one.",
        ) from error
