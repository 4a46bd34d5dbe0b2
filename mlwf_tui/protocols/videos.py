"""The contract of readers of videos: they give frames as images, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".ts", ".flv"}
)
"""What the names of video files end with, in lower case."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of a video, encoded as an image; the same bytes for the same video at any time."""

    index: int  # among all frames of the video, from 0
    width_px: int
    height_px: int
    data: bytes
    suffix: str  # of its format: ".jpg"


class VideoReader(Protocol):
    """Reads videos with one library; may be slow to import, runs in a worker."""

    name: str

    def count_frames(self, path: Path) -> int | None:
        """Return how many frames the file says that it has, None where it does not.

        Raises InvalidInput where it is no video.
        """

    def iter_frames(self, path: Path, *, every: int) -> Iterator[Frame]:
        """Yield the first frame and every n-th after it, upright, up to the end or to where it is damaged.

        Raises InvalidInput where it is no video, or has no frame.
        """

    def is_cut_off(self, path: Path) -> bool:
        """Whether the file is shorter than its container says; False where that says nothing of it.

        Raises InvalidInput where it cannot be read.
        """
