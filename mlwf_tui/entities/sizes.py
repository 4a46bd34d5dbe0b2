"""Numbers of bytes as people read them, in one way wherever they are shown."""

from __future__ import annotations

from typing import Final

MIB: Final = 1 << 20
"""The unit of axes and columns whose title names it."""


def format_size(size_bytes: float) -> str:
    """Return a size with a binary unit, below 100 with a decimal: `1.4 MiB`, `977 KiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size_bytes < 1024 or unit == "TiB":
            break
        size_bytes /= 1024
    decimals = 1 if size_bytes < 99.95 and unit != "B" else 0
    return f"{size_bytes:.{decimals}f} {unit}"
