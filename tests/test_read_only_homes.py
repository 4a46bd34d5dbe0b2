"""Homes on a disk that can only be read: looked at and restored from, and never changed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.errors import StorageFailed
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workspace import open_workspace
from tests.tui.homes import fill_finished


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose disk says that it is mounted read-only, and its files as they then are."""
    home = tmp_path / "home"
    with open_workspace(home) as workspace:
        fill_finished(workspace, tmp_path)
    look = os.statvfs

    def tell(path: Path) -> os.statvfs_result:
        values = list(look(path))
        values[8] |= os.ST_RDONLY if Path(path).is_relative_to(home) else 0
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "statvfs", tell)
    return home


def list_files(home: Path) -> dict[str, tuple[int, int]]:
    found = {path: path.stat() for path in (home, *home.rglob("*"))}
    return {str(path): (status.st_size, status.st_mtime_ns) for path, status in found.items()}


@pytest.mark.parametrize(
    "words",
    [
        ("show", "yolov10n-cells-1"), ("show", "cells@1"), ("runs",), ("queue",),
        ("diff", "cells@1", "cells@2"), ("graph",), ("trace", "cells@2"), ("stats",), ("verify",),
    ],
)  # fmt: skip
def test_all_that_only_looks_works_and_leaves_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    before = list_files(home)
    assert main(["--home", str(home), *words]) == 0, capsys.readouterr()
    assert list_files(home) == before


def test_doctor_works(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = list_files(home)
    main(["--home", str(home), "doctor", "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert "error" not in document
    assert list_files(home) == before


@pytest.mark.parametrize(
    "words",
    [
        ("delete", "cells", "--yes"), ("rename", "cells", "other"), ("undo",), ("queue", "pause"),
        ("export", "cells@1", "out", "--format", "coco"), ("export", "cells@1", "out", "--detach"),
    ],
)  # fmt: skip
def test_what_changes_it_is_refused_and_says_how_to_restore(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = list_files(home)
    assert main(["--home", str(home), *words]) == 1
    said = capsys.readouterr().err
    assert f"The home {home} can only be read." in said
    assert f"mlwf --home {home} backup DEST" in said
    assert list_files(home) == before


def test_a_backup_restores_it_with_what_lies_in_its_log(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = home.rename(tmp_path / "used")
    with open_workspace(used) as workspace:
        rename(workspace, "cells", "renamed")
        assert (used / "catalog.sqlite-wal").stat().st_size > 0
        shutil.copytree(used, home, ignore=shutil.ignore_patterns("*-shm"))
    before = list_files(home)
    assert main(["--home", str(home), "backup", str(tmp_path / "restored")]) == 0
    assert list_files(home) == before
    with open_workspace(tmp_path / "restored") as workspace:
        assert [project.name for project in workspace.catalog.projects.list()] == ["parts", "renamed"]
    assert main(["--home", str(tmp_path / "restored"), "verify"]) == 0


def test_an_index_that_is_missing_is_made_beside_it(home: Path) -> None:
    (home / "store/index.sqlite").unlink()
    before = list_files(home)
    assert main(["--home", str(home), "verify"]) == 0
    assert list_files(home) == before


def test_a_home_that_is_not_there_or_is_for_an_app_is_refused(home: Path) -> None:
    with pytest.raises(StorageFailed, match="mounted read-only"), open_workspace(home):
        pass
    empty = home / "empty"
    with (
        pytest.raises(StorageFailed, match="mounted read-only"),
        open_workspace(empty, may_be_read_only=True),
    ):
        pass
