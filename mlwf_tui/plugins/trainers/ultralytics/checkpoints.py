"""The checkpoints that a fit can be resumed from: which one is whole; the library is not needed.

The library writes last.pt in place, so that a kill can tear it. The one before is therefore put aside
before each writing, by a rename that costs nothing.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

PERIODIC = "epoch*.pt"
LAST, BEFORE, BEST, KEPT = "last.pt", "before.pt", "best.pt", "best-kept.pt"


def list_checkpoints(folder: Path) -> tuple[Path, ...]:
    """Return the whole checkpoints of the fit in `folder` that it may go on from, the newest first."""
    weights = folder / "train" / "weights"
    return tuple(path for path in (weights / LAST, weights / BEFORE) if is_whole(path))


def save_safely(weights: Path, save: Callable[[], bool]) -> bool:
    """Let the library write last.pt while the one before is kept; it may find nothing to save."""
    last, before = weights / LAST, weights / BEFORE
    if last.exists():
        last.replace(before)
    is_saved = save()
    if not last.exists() and before.exists():
        before.replace(last)
    return is_saved


def keep_best(weights: Path) -> None:
    """Put a copy of best.pt aside, before it is rewritten in place."""
    if (weights / BEST).exists():
        shutil.copyfile(weights / BEST, weights / KEPT)


def prepare_resume(chosen: Path, *, is_best: bool) -> Path:
    """Make a checkpoint the last one and best.pt whole, and return the checkpoint's path.

    `is_best` where no checkpoint before it was better: it may then have come to no best.pt any more, or to
    a torn one, since the library writes that second, as the same bytes.
    """
    last = chosen.replace(chosen.with_name(LAST))
    best, kept = chosen.with_name(BEST), chosen.with_name(KEPT)
    if is_best:
        part = best.with_suffix(f".{os.getpid()}.part")  # several processes may do the same
        shutil.copyfile(last, part)
        part.replace(best)
    elif best.exists() and not is_whole(best):
        best.unlink()
        if is_whole(kept):
            kept.replace(best)
    return last


def list_periodic(weights: Path) -> list[Path]:
    """Return the checkpoints that were written every so many epochs, the oldest first."""
    return sorted(weights.glob(PERIODIC), key=lambda path: int(path.stem.removeprefix("epoch")))


def drop_old_periodic(weights: Path, kept: int) -> None:
    """Take away all of them but the newest `kept`."""
    found = list_periodic(weights)
    for path in found[: max(0, len(found) - kept)]:
        path.unlink()


def is_whole(path: Path) -> bool:
    """Whether the archive has its end, which is written last, and nothing in it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
