"""Whether weights may be opened: those that a training of this home has made, and those that are harmless.

Weights from elsewhere are looked at by their trainer before any library opens them. Those that may run code
of their maker need a person's word, which the run notes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.model import Model
from mlwf_tui.errors import CorruptData, StorageFailed
from mlwf_tui.protocols.trainers import Trainer
from mlwf_tui.store.streams import compute_stream_digest
from mlwf_tui.workspace import Workspace


def check_model(workspace: Workspace, model: Model, *, is_trusted: bool) -> None:
    """Return if a model's weights may be opened; only those from elsewhere are looked at.

    Those that the store no longer has are no danger; whoever wants to open them is told.

    Raises:
        Untrusted: opening them may run code of their maker, and nobody vouches for them.
        InvalidInput: they are no weights.
    """
    if is_trusted or is_made_here(workspace, model):
        return
    trainer = workspace.registry.get_trainer(model.trainer)
    checkpoint = model.checkpoints[0]
    try:
        with tempfile.TemporaryDirectory(prefix="weights-", dir=workspace.home) as folder:
            path = Path(folder) / checkpoint.name
            try:
                workspace.store.write_file(checkpoint.blob, path)
            except CorruptData:
                return
            trainer.check_weights(path)
    except OSError as error:
        raise StorageFailed(
            f"The weights of {model.name} cannot be looked at: {error.strerror}.", hint="Free some space."
        ) from error


def check_file(workspace: Workspace, trainer: Trainer, path: Path, *, is_trusted: bool) -> None:
    """Return if a file of weights may be opened; what a training of this home has made is known by digest.

    Raises:
        Untrusted: opening it may run code of its maker, and nobody vouches for it.
        InvalidInput: it is no weights.
    """
    if is_trusted:
        return
    with path.open("rb") as file:
        digest = compute_stream_digest(file, lambda _: None)
    if not _is_known(workspace, digest):
        trainer.check_weights(path)


def is_made_here(workspace: Workspace, model: Model) -> bool:
    """Whether a training of this home has made the model; what a program has only entered is not."""
    run = workspace.catalog.runs.get(model.run_id)
    return run.verb == "train" and run.is_detached


def _is_known(workspace: Workspace, digest: Digest) -> bool:
    return any(
        checkpoint.blob == digest and is_made_here(workspace, model)
        for model in workspace.catalog.models.list()
        for checkpoint in model.checkpoints
    )
