"""The contract of samples: small projects, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Sample(Protocol):
    """Makes a small project on the spot, for a first look without data or network."""

    name: str
    summary: str

    def write(self, folder: Path, *, seed: int, image_count: int) -> None:
        """Write an annotated folder that an importer can read; the same bytes for the same seed and count."""

    def write_unlabelled(self, folder: Path, *, seed: int, image_count: int) -> None:
        """Write images of the same kind that `write` never makes, without annotations."""
