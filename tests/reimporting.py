"""Folders that are imported again after edits, beside a home that knows nothing but the images' keys."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from mlwf_tui.entities.ids import Digest
from mlwf_tui.store.store import INDEX
from mlwf_tui.workflow.import_ import ImportResult, import_folder
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver


def write_label(path: Path, number: int, left: float = 0.5) -> None:
    """Write a YOLO label of one box."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{number} {left} 0.5 0.25 0.25\n")


def import_again(workspace: Workspace, folder: Path, *, dataset: str = "") -> set[str]:
    """Import a folder as `import_beside_blind`, and return the names of the images that were read."""
    return import_beside_blind(workspace, folder, dataset=dataset)[1]


def import_beside_blind(
    workspace: Workspace, folder: Path, *, dataset: str = ""
) -> tuple[ImportResult, set[str]]:
    """Import a folder, and check that an import that reads everything leaves the same.

    What that one knows of the last import is which image had which key.

    Return the result, and the names of the images that were read.
    """
    blind_home = workspace.home.with_name("blind")
    shutil.copytree(workspace.home, blind_home)
    with closing(sqlite3.connect(blind_home / "store" / INDEX)) as index, index:
        index.execute("UPDATE era SET token = randomblob(16)")
    observer = KeepingObserver()
    result = import_folder(workspace, folder, "pets", dataset=dataset, observer=observer)
    with open_workspace(blind_home) as blind:
        expected = import_folder(blind, folder, "pets", dataset=dataset, observer=KeepingObserver())
        assert get_manifest(workspace) == get_manifest(blind)
        assert (result.items_added, result.items_updated) == (expected.items_added, expected.items_updated)
        assert result.items_unchanged == expected.items_unchanged
        assert sorted(result.problems, key=str) == sorted(expected.problems, key=str)
    shutil.rmtree(blind_home)
    return result, {name for _, total, name in observer.steps if total is not None}


def get_manifest(workspace: Workspace) -> Digest:
    """Return the manifest of the project's head."""
    return workspace.catalog.projects.get("pets").manifest


def rename(folder: Path, old: str, new: str) -> None:
    """Rename a folder of images and that of their labels."""
    for kind in ("images", "labels"):
        (folder / kind / old).rename(folder / kind / new)
