"""A file of one's own is there whole or not at all, and takes nobody's place."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.whole_files import create_file, replace_file, suggest_place


def refuse_links(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)


@pytest.mark.parametrize("has_links", [True, False], ids=["links", "no links, as on FAT"])
def test_a_new_file_is_whole_and_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:
        refuse_links(monkeypatch, errno.EPERM)
    create_file(tmp_path / "report.html", b"all of it")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "report.html", b"another")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"report.html": b"all of it"}


def test_a_file_that_cannot_be_placed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_links(monkeypatch, errno.ENOSPC)
    with pytest.raises(StorageFailed, match="No space left"):
        create_file(tmp_path / "report.html", b"all of it")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageFailed, match="no such folder"):
        create_file(tmp_path / "nowhere" / "report.html", b"all of it")


def test_a_full_disk_is_told_of_the_file_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    path = tmp_path / "report.html"
    for write in (create_file, replace_file):
        with pytest.raises(StorageFailed) as caught:
            write(path, b"all of it")
        assert caught.value.message == f"{path} cannot be written: No space left on device."
        assert caught.value.hint == "Free some space on its disk, or choose another place."
        assert list(tmp_path.iterdir()) == []


def test_on_a_disk_without_links_a_second_try_finds_nothing_in_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_links(monkeypatch, errno.EPERM)
    target = tmp_path / "report.html"
    replace = Path.replace

    def refuse_the_last(self: Path, to: Path) -> Path:
        if to == target:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return replace(self, to)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse_the_last)
        with pytest.raises(StorageFailed, match="Input/output error"):
            create_file(target, b"all of it")
    create_file(target, b"all of it")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"report.html": b"all of it"}


def test_only_a_full_disk_asks_for_space() -> None:
    assert suggest_place(OSError(errno.ENOENT, "")) == "Choose another place."
    assert suggest_place(OSError(errno.ENOSPC, "")).startswith("Free some space")
