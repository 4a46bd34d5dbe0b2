"""The checkpoints that a fit can be resumed from: which one is whole; the library is not needed.

The library writes last.pt in place, so that a kill can tear it. The one before is therefore put aside
before each writing, by a rename that costs nothing.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

LAST, BEFORE, BEST = "last.pt", "before.pt", "best.pt"


def find_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint of the fit in `folder`, or None where there is none."""
    weights = folder / "train" / "weights"
    return next((path for path in (weights / LAST, weights / BEFORE) if _is_whole(path)), None)


def put_aside(weights: Path) -> None:
    """Keep last.pt under another name until a new one is whole."""
    last = weights / LAST
    if last.exists():
        last.replace(weights / BEFORE)


def prepare_resume(folder: Path) -> Path:
    """Return the checkpoint to go on from, as last.pt; a best.pt that was torn is taken away.

    Raises:
        FileNotFoundError: there is no whole checkpoint.
    """
    found = find_checkpoint(folder)
    if found is None:
        raise FileNotFoundError(f"{folder} holds no checkpoint to go on from")
    best = found.with_name(BEST)
    if best.exists() and not _is_whole(best):
        best.unlink()
    return found.replace(found.with_name(LAST))


def drop_aside(weights: Path) -> None:
    """Remove what was put aside, once the fit has ended."""
    (weights / BEFORE).unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    """Whether the archive has its end, which is written last, and nothing in it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
