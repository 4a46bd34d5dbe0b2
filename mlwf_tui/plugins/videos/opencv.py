"""Reads videos with OpenCV, which brings FFmpeg with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.videos import containers
from mlwf_tui.protocols.videos import Frame

QUALITY = 95  # of JPEG: frames were compressed more than that already
CONTAINERS = ("mov", "avi", "matroska", "mpeg", "mpegvideo", "mpegts", "asf", "flv")
"""FFmpeg's names of what VIDEO_SUFFIXES are; none of them names further files."""
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"  # the only way in which OpenCV takes options of FFmpeg


class OpenCvReader:
    """Frames of whatever FFmpeg reads, as JPEG."""

    name = "opencv"

    def count_frames(self, path: Path) -> int | None:
        """Return what the container says, which may be wrong, or None.

        Raises:
            InvalidInput: it is no video.
        """
        with _open(path) as video:
            count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        return count if count > 0 else None

    def iter_frames(self, path: Path, *, every: int) -> Iterator[Frame]:
        """Yield frames; those between are not decoded into pixels.

        Raises:
            InvalidInput: it is no video, or has no frame.
        """
        index = 0
        with _open(path) as video:
            while video.grab():
                if index % every == 0:
                    is_there, pixels = video.retrieve()
                    if is_there:
                        yield _encode(index, pixels)
                index += 1
        if not index:
            raise InvalidInput(f"{path} has no frame that can be read.", hint="Is it whole?")

    def is_cut_off(self, path: Path) -> bool:
        """Return whether its container says that it is longer than the file.

        Raises:
            InvalidInput: it cannot be read.
        """
        try:
            return containers.is_cut_off(path)
        except OSError as error:
            raise _make_unreadable(path, error) from error


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Give FFmpeg a file that is open already, so that its name can mean nothing: no protocol, no pattern.

    What is in it decides by itself what else is read, as a playlist does; so only containers are let in.
    """
    try:
        with path.open("rb") as file:
            video = _open_container(f"file:/proc/self/fd/{file.fileno()}")
            try:
                if not video.isOpened():
                    raise InvalidInput(
                        f"{path} is no video that can be read.", hint="Give one as FFmpeg reads it."
                    )
                yield video
            finally:
                video.release()
    except OSError as error:
        raise _make_unreadable(path, error) from error


def _make_unreadable(path: Path, error: OSError) -> InvalidInput:
    return InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Look at its rights.")


def _open_container(url: str) -> Any:
    before = os.environ.get(_OPTIONS)
    os.environ[_OPTIONS] = f"protocol_whitelist;file|format_whitelist;{','.join(CONTAINERS)}"
    try:
        return cv2.VideoCapture(url, cv2.CAP_FFMPEG)  # others read what is numbered alike in the folder
    finally:
        if before is None:
            del os.environ[_OPTIONS]
        else:
            os.environ[_OPTIONS] = before


def _encode(index: int, pixels: Any) -> Frame:
    height_px, width_px = pixels.shape[:2]
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return Frame(index=index, width_px=width_px, height_px=height_px, data=data.tobytes(), suffix=".jpg")
