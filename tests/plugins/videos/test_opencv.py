"""Frames of a real video file, every n-th, the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.videos.opencv import OpenCvReader
from tests.filming import write_video


def test_every_nth_frame_comes_with_its_number_and_its_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", frames=10)
    reader = OpenCvReader()

    frames = list(reader.iter_frames(path, every=4))

    assert reader.count_frames(path) == 10
    assert [frame.index for frame in frames] == [0, 4, 8]
    assert {(frame.width_px, frame.height_px, frame.suffix) for frame in frames} == {(64, 48, ".jpg")}
    for frame in frames:
        pixels: Any = cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_COLOR)
        assert abs(float(pixels[:, :, 1].mean()) - 20 * frame.index) < 8
    assert list(reader.iter_frames(path, every=4)) == frames


def test_what_is_no_video_and_what_is_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video at all")
    with pytest.raises(InvalidInput, match="no video"):
        list(OpenCvReader().iter_frames(path, every=1))
    whole = write_video(tmp_path / "b.avi", frames=10).read_bytes()
    path = tmp_path / "c.avi"
    path.write_bytes(whole[: len(whole) // 2])
    try:
        assert 0 < len(list(OpenCvReader().iter_frames(path, every=1))) < 10
    except InvalidInput as error:
        assert error.hint
