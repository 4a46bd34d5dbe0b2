"""Frames of a real video file, every n-th, the same each time."""

from __future__ import annotations

import os
import shutil
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


@pytest.mark.parametrize(
    "name",
    [
        "-i.avi", "a'b\"c`$(d).avi", "new\nline.avi", "a%03d.avi", "a00.avi", "concat:good.avi", "http:x.avi",
        "pipe:0.avi", "file:x.avi", "a|b;c.avi", "-safe 0.avi", os.fsdecode(b"\xff.avi"),
    ],
)  # fmt: skip
def test_a_name_is_a_name_whatever_ffmpeg_would_make_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "good.avi", frames=3)
    shutil.copyfile("good.avi", tmp_path / name)
    reader = OpenCvReader()

    for path in (Path(name), tmp_path / name):
        assert reader.count_frames(path) == 3
        assert [frame.index for frame in reader.iter_frames(path, every=1)] == [0, 1, 2]
    (tmp_path / name).unlink()
    with pytest.raises(InvalidInput, match="cannot be read"):  # nor is another file meant by it
        reader.count_frames(Path(name))


def test_a_file_that_names_others_is_no_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file,http,tcp")
    write_video(tmp_path / "good.avi", frames=3)
    (tmp_path / "concat.mp4").write_text("ffconcat version 1.0\nfile good.avi\n")
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\ngood.avi\n#EXT-X-ENDLIST\n"
    (tmp_path / "hls.mp4").write_text(playlist)
    (tmp_path / "asx.wmv").write_text('<asx version="3.0"><entry><ref href="good.avi"/></entry></asx>')
    (tmp_path / "sdp.mp4").write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 9 RTP/AVP 96\n")
    for number in range(3):  # one of a sequence, as it was numbered
        _, picture = cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))
        (tmp_path / f"seq{number:02}.mp4").write_bytes(picture.tobytes())

    for name in ("concat.mp4", "hls.mp4", "asx.wmv", "sdp.mp4", "seq00.mp4"):
        with pytest.raises(InvalidInput, match="no video"):
            list(OpenCvReader().iter_frames(tmp_path / name, every=1))
    assert os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] == "protocol_whitelist;file,http,tcp"


@pytest.mark.parametrize(("suffix", "code"), [(".mp4", "mp4v"), (".mkv", "mp4v"), (".mov", "mp4v")])
def test_containers_of_all_kinds_are_read_though_their_names_are_not_told(
    tmp_path: Path, suffix: str, code: str
) -> None:
    path = tmp_path / f"a{suffix}"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10, (64, 48))
    for _ in range(4):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()

    assert len(list(OpenCvReader().iter_frames(path, every=1))) == 4


@pytest.mark.parametrize(
    ("suffix", "code"), [(".avi", "MJPG"), (".mp4", "mp4v"), (".mkv", "mp4v"), (".webm", "VP80")]
)
def test_a_container_says_where_the_end_of_its_file_is_missing(
    tmp_path: Path, suffix: str, code: str
) -> None:
    path = tmp_path / f"a{suffix}"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10, (64, 48))
    for number in range(8):
        writer.write(np.full((48, 64, 3), 30 * number, np.uint8))
    writer.release()
    whole = path.read_bytes()
    reader = OpenCvReader()

    assert not reader.is_cut_off(path)
    for kept in (len(whole) - 1, len(whole) // 2, 20):
        path.write_bytes(whole[:kept])
        assert reader.is_cut_off(path), kept
    path.write_bytes(whole + b"\0" * 100)
    assert not reader.is_cut_off(path)


def test_an_mp4_of_a_recorder_that_never_ended_is_not_called_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\0mdat" + b"\0" * 50)
    assert not OpenCvReader().is_cut_off(path)
    path.write_bytes(b"\x1aE\xdf\xa3\x80" + b"\x18S\x80g\x01" + b"\xff" * 7 + b"\0" * 9)
    assert not OpenCvReader().is_cut_off(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        OpenCvReader().is_cut_off(tmp_path / "none.avi")
