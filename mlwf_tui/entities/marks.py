"""Marks: what a person should know without having looked, and what to do about it."""

from __future__ import annotations

import msgspec


class Mark(msgspec.Struct, frozen=True):
    """Something that is not as it should be. `kind` stays the same while the thing lasts."""

    kind: str  # "gpu_idle", "disk_full", …
    message: str
    hint: str = ""
