"""What paths that another machine wrote mean in a folder: the longest of their tails that is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mlwf_tui.plugins.importers.files import SPLIT_WORDS, resolve_inside

_MOST_PARTS = 32  # a folder is not nested deeper than that; a hostile path may be


def iter_tails(path: str) -> Iterator[str]:
    """Yield the tails of a path that any system wrote, the longest first.

    None leaves out a folder that is named like a split: `images` alone is not what `val/images` means.
    """
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")][-_MOST_PARTS:]
    splits = (at for at, part in enumerate(parts) if part.lower() in SPLIT_WORDS)
    last = max(splits, default=len(parts) - 1)
    for start in range(last + 1):
        if ".." not in parts[start:]:
            yield "/".join(parts[start:])


def find_tail(root: Path, starts: Iterable[Path], path: str) -> Path | None:
    """Return what the longest tail of a path names below one of some folders, inside of the root."""
    folders = tuple(starts)
    for tail in iter_tails(path):
        for start in folders:
            found = resolve_inside(root, str(start / tail))
            if found is not None and found.exists():
                return found
    return None
