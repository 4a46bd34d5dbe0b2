"""The checkpoints that a fit can be resumed from: which one is whole; the library is not needed.

The library writes last.pt in place, so that a kill can tear it. The one before is therefore put aside
before each writing, by a rename that costs nothing.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

LAST, BEFORE, BEST = "last.pt", "before.pt", "best.pt"


def list_checkpoints(folder: Path) -> tuple[Path, ...]:
    """Return the whole checkpoints of the fit in `folder` that it may go on from, the newest first."""
    weights = folder / "train" / "weights"
    return tuple(path for path in (weights / LAST, weights / BEFORE) if _is_whole(path))


def save_safely(weights: Path, save: Callable[[], bool]) -> bool:
    """Let the library write last.pt while the one before is kept; it may find nothing to save."""
    last, before = weights / LAST, weights / BEFORE
    if last.exists():
        last.replace(before)
    is_saved = save()
    if not last.exists() and before.exists():
        before.replace(last)
    return is_saved


def prepare_resume(chosen: Path) -> Path:
    """Make a checkpoint the last one, and return its path; a best.pt that was torn is taken away."""
    best = chosen.with_name(BEST)
    if best.exists() and not _is_whole(best):
        best.unlink()
    return chosen.replace(chosen.with_name(LAST))


def _is_whole(path: Path) -> bool:
    """Whether the archive has its end, which is written last, and nothing in it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
