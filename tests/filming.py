"""Writes small real videos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_video(path: Path, *, frames: int) -> Path:
    """Write frames of 64×48 pixels that grow greener, as Motion JPEG, and return the path."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    assert writer.isOpened()
    for number in range(frames):
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:, :, 1] = number * 20 % 256
        writer.write(picture)
    writer.release()
    return path
