"""What lies at a path of the lineage now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlwf_tui.errors import NotFound
from mlwf_tui.workflow.graphs import path_contents
from mlwf_tui.workflow.graphs.path_contents import PathEntry, read_path


def test_a_folder_lists_what_is_in_it_and_folders_have_no_size(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("hello")
    (tmp_path / "a").mkdir()
    found = read_path(str(tmp_path))
    assert found.entries == (PathEntry(name="a", size_bytes=None), PathEntry(name="b.txt", size_bytes=5))
    assert not found.is_cut and found.size_bytes is None


def test_a_large_folder_and_a_long_file_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_contents, "MAX_ENTRIES", 3)
    for number in range(5):
        (tmp_path / f"{number}").write_bytes(b"x" * 9000)
    assert len(read_path(str(tmp_path)).entries) == 3 and read_path(str(tmp_path)).is_cut
    found = read_path(str(tmp_path / "0"))
    assert (found.size_bytes, len(found.text), found.is_cut) == (9000, path_contents.MAX_HEAD_BYTES, True)


def test_bytes_are_no_text_and_a_pipe_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"\0\1\2")
    assert read_path(str(tmp_path / "weights.pt")).text == ""
    os.mkfifo(tmp_path / "pipe")
    assert read_path(str(tmp_path / "pipe")).size_bytes is None


@pytest.mark.parametrize("path", ["/nowhere/at/all", ""])
def test_what_is_gone_says_so(path: str) -> None:
    with pytest.raises(NotFound):
        read_path(path or "/nowhere")
