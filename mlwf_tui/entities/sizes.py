"""Numbers of bytes as people read them, in one way wherever they are shown."""

from __future__ import annotations

from typing import Final

MIB: Final = 1 << 20
"""The unit of axes and columns whose title names it."""


def format_size(size_bytes: float) -> str:
    """Return a size with a binary unit: `1.4 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"
