"""What a training notes beside its parameters."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import CODE_PATCH
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workflow.training.records import MAX_PATCH_BYTES, digest_splits, keep_code
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.states import make_object, make_plain_item, set_state

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of the user's own with one commit, and a change since."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text("epochs = 3\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init"], ["add", "."], ["commit", "-m", "one"]):
        subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)
    (folder / "train.py").write_bytes(b"epochs = 4  # \xff\n")
    return folder


@needs_git
def test_the_code_of_a_run_is_kept_and_can_be_brought_back(
    imported: Workspace, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    imported.catalog.queue.set_up(imported.place)
    imported.catalog.queue.set_paused(imported.place, is_paused=True, author="")
    changed = (repository / "train.py").read_bytes()

    run = submit_train(imported, "cells", model="yolov10p", params={})

    noted = imported.catalog.runs.get(run.id).environment
    assert len(noted["commit"]) == 40
    collect(imported, KeepingObserver(), is_dry_run=False, grace_s=0)
    patch = imported.store.read(imported.catalog.runs.get(run.id).environment[CODE_PATCH])  # type: ignore[arg-type]
    subprocess.run(["git", "-C", str(repository), "checkout", "."], check=True, capture_output=True)
    subprocess.run(["git", "-C", str(repository), "apply", "-"], input=patch, check=True)
    assert (repository / "train.py").read_bytes() == changed


@needs_git
def test_changes_without_bounds_are_not_kept_and_that_is_said(workspace: Workspace, repository: Path) -> None:
    (repository / "train.py").write_text("x" * (2 * MAX_PATCH_BYTES))

    assert keep_code(workspace, repository)[CODE_PATCH] == "not kept: longer than 1 MB"


@needs_git
def test_code_as_committed_has_no_patch_and_other_folders_have_no_code(
    workspace: Workspace, repository: Path, tmp_path: Path
) -> None:
    subprocess.run(["git", "-C", str(repository), "checkout", "."], check=True, capture_output=True)

    assert set(keep_code(workspace, repository)) == {"commit", "code"}
    assert keep_code(workspace, tmp_path) == {}


def test_a_splits_digest_changes_with_its_items_and_no_other(workspace: Workspace) -> None:
    def digest(*, size: float) -> dict[str, str]:
        items = [
            make_plain_item("main/a.jpg", make_object(size=10)),
            make_plain_item("main/b.jpg", make_object(size=size), split=Split.VAL),
        ]
        set_state(workspace, "things", items)
        return dict(digest_splits(workspace, resolve_manifest(workspace, "things")[1]))

    before, same, other = digest(size=10), digest(size=10), digest(size=11)

    assert before == same
    assert before["split train"] == other["split train"]
    assert before["split val"] != other["split val"]
    assert before["split train"].endswith("(1 items)")
