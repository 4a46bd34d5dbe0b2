"""Homes on a disk that can only be read: looked at and restored from, and never changed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui import workspace as workspace_module
from mlwf_tui.cli.main import main
from mlwf_tui.errors import StorageFailed
from mlwf_tui.sdk import open_home
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workspace import open_workspace
from tests.tui.driving import drive
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
        ("history", "cells"), ("leaderboard", "cells"),
    ],
)  # fmt: skip
def test_all_that_only_looks_works_and_leaves_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    before = list_files(home)
    assert main(["--home", str(home), *words]) == 0, capsys.readouterr()
    assert list_files(home) == before


@pytest.mark.parametrize("words", [("check", "cells"), ("lint",), ("doctor",)])
def test_what_finds_something_works(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    before = list_files(home)
    main(["--home", str(home), *words, "--json"])
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


async def test_the_app_shows_it_and_says_of_what_changes_it_that_it_cannot(home: Path) -> None:
    before = list_files(home)
    with open_workspace(home, may_be_read_only=True) as workspace:
        async with drive(workspace, size=(140, 40)) as app:
            assert "read-only" in app.read_text().splitlines()[-1]
            await app.select("cells")
            assert "train" not in app.read_text().splitlines()[-1]
            await app.press("t")
            await app.until_text("train: This home can only be read.")
            await app.press("V")
            await app.until_text("same bytes as")
            await app.press("escape", "v")
            await app.until_text("cell-00.jpg  train")
    assert list_files(home) == before


def test_a_program_reads_it_and_changes_nothing(home: Path) -> None:
    before = list_files(home)
    with open_home(home) as opened:
        assert "cells" in [project.name for project in opened.projects()]
        assert opened.open_data("cells@1")[0].name
        with pytest.raises(StorageFailed, match="can only be read"):
            opened.rename("cells", "other")
    assert list_files(home) == before


def test_a_home_that_is_not_there_or_is_for_work_is_refused(home: Path) -> None:
    with pytest.raises(StorageFailed, match="mounted read-only"), open_workspace(home):
        pass
    empty = home / "empty"
    with (
        pytest.raises(StorageFailed, match="mounted read-only"),
        open_workspace(empty, may_be_read_only=True),
    ):
        pass


def test_a_collect_by_the_copy_of_an_index_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = list_files(home)
    assert main(["--home", str(home), "collect", "--apply", "--grace", "0"]) == 1
    assert f"The store {home / 'store'} can only be read" in capsys.readouterr().err
    assert list_files(home) == before


@pytest.fixture
def full_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose disk is full: SQLite has failed to open its databases, and left stumps beside them."""
    home = tmp_path / "home"
    with open_workspace(home) as workspace:
        fill_finished(workspace, tmp_path)
    for name in ("catalog.sqlite", "store/index.sqlite"):
        (home / f"{name}-shm").write_bytes(b"abc")
        (home / f"{name}-wal").touch()
    look = os.statvfs

    def tell(path: Path) -> os.statvfs_result:
        values = list(look(path))
        if Path(path).is_relative_to(home):
            values[3] = values[4] = 0
        return os.statvfs_result(values)

    def refuse(home: Path) -> None:
        raise StorageFailed("disk I/O error")

    monkeypatch.setattr(os, "statvfs", tell)
    monkeypatch.setattr(workspace_module, "_open", refuse)
    return home


@pytest.mark.parametrize("words", [("projects",), ("runs",), ("show", "cells@1"), ("verify",), ("stats",)])
def test_a_home_on_a_full_disk_can_be_looked_at(full_home: Path, words: tuple[str, ...]) -> None:
    before = list_files(full_home)
    assert main(["--home", str(full_home), *words]) == 0
    assert list_files(full_home) == before


@pytest.mark.parametrize("words", [("rename", "cells", "other"), ("queue", "pause")])
def test_what_changes_a_home_on_a_full_disk_says_what_may_be_deleted(
    full_home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert main(["--home", str(full_home), *words]) == 1
    said = capsys.readouterr().err
    assert f"The disk of the home {full_home} is full." in said
    assert f"all in {full_home / 'cache'} may be deleted" in said


def test_a_home_that_cannot_be_opened_on_a_disk_with_room_says_why(
    full_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(
        workspace_module, "_open", lambda home: (_ for _ in ()).throw(StorageFailed("refused"))
    )
    assert main(["--home", str(full_home), "projects"]) == 1
    assert "refused" in capsys.readouterr().err
