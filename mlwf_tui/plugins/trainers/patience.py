"""What is said of a fit that patience has ended before its last epoch; when that is so, its trainer knows."""

from __future__ import annotations


def describe_early_end(epochs_done: int, epochs: int, best_epoch: int, patience: int) -> str:
    """Return it as a sentence; of a fit that goes on `best_epoch` is at least the one it goes on from."""
    return (
        f"It stopped early after epoch {epochs_done} of {epochs}: none since epoch {best_epoch} was better "
        f"(patience={patience})."
    )
