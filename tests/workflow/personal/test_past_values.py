"""What was entered in forms is remembered by person, the newest first, and read without trust."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mlwf_tui.workflow.personal.layouts import find_own_folder
from mlwf_tui.workflow.personal.past_values import (
    MAX_LENGTH,
    MAX_VALUES,
    keep_past_values,
    read_past_values,
)
from mlwf_tui.workspace import Workspace


def test_values_are_kept_once_and_the_newest_first(workspace: Workspace) -> None:
    assert read_past_values(workspace) == {}
    for value in ("a", "b", "a"):
        keep_past_values(workspace, {"path": value, "empty": ""})
    assert read_past_values(workspace) == {"path": ("a", "b")}
    keep_past_values(workspace, {"message": "x", "path": "y" * (MAX_LENGTH + 1)})
    assert read_past_values(workspace) == {"path": ("a", "b"), "message": ("x",)}
    for number in range(2 * MAX_VALUES):
        keep_past_values(workspace, {"path": str(number)})
    assert read_past_values(workspace)["path"] == tuple(
        str(number) for number in range(2 * MAX_VALUES - 1, MAX_VALUES - 1, -1)
    )


def test_a_damaged_file_is_as_if_it_was_not_there(workspace: Workspace) -> None:
    keep_past_values(workspace, {"path": "a"})
    (find_own_folder(workspace) / "past-values.json").write_text('{"path": 3}')
    assert read_past_values(workspace) == {}
    keep_past_values(workspace, {"path": "b"})
    assert read_past_values(workspace) == {"path": ("b",)}


def test_a_disk_that_refuses_is_logged_and_leaves_nothing_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep_past_values(workspace, {"path": "a"})

    def refuse(self: Path, to: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", refuse)
    keep_past_values(workspace, {"path": "b"})
    assert "No space left" in caplog.text
    assert [path.name for path in find_own_folder(workspace).iterdir()] == ["past-values.json"]
    assert read_past_values(workspace) == {"path": ("a",)}
