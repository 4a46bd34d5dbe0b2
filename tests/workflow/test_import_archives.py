"""Importing archives: as their folders, known again by their bytes, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import Cancelled, InvalidInput, NotFound
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.import_ import ImportResult, import_folder
from mlwf_tui.workflow.importing.members import ArchiveKind
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.making import write_image, write_voc_xml
from tests.workflow.archiving import pack, pack_files
from tests.workflow.test_import import list_items

Counts = tuple[int, int, int]


def write(path: Path, folder: Path, kind: ArchiveKind = ArchiveKind.ZIP, *, prefix: str = "") -> Path:
    path.write_bytes(pack(folder, kind, prefix=prefix))
    return path


def count(result: ImportResult) -> Counts:
    return result.items_added, result.items_updated, result.items_unchanged


def list_left(workspace: Workspace) -> list[Path]:
    return list((workspace.home / "cache" / "unpacked").iterdir())


@pytest.mark.parametrize("kind", ArchiveKind)
def test_an_archive_is_imported_as_its_folder_would_be(
    imported: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver, kind: ArchiveKind
) -> None:
    archive = write(tmp_path / "odd.name", voc, kind, prefix="VOC2007/")
    result = import_folder(imported, archive, "packed", observer=observer)
    assert (result.format, result.problems, count(result)) == ("voc", (), (5, 0, 0))
    assert list_items(imported, "packed") == list_items(imported)
    assert list_left(imported) == []
    text = [step[2] for step in observer.steps]
    assert any("MB/s" in line for line in text)


def test_the_same_archive_stays_packed_and_changes_nothing(
    workspace: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    archive = write(tmp_path / "voc.zip", voc)
    first = import_folder(workspace, archive, "cells", observer=observer)
    head = workspace.catalog.projects.get("cells").head
    os.utime(archive, (1, 1))  # its bytes alone tell
    again = KeepingObserver()

    result = import_folder(workspace, archive, "cells", observer=again)

    assert (count(first), count(result)) == ((5, 0, 0), (0, 0, 5))
    assert workspace.catalog.projects.get("cells").head == head
    assert not any("unpacked" in text for _, _, text in again.steps)


def test_a_copy_of_an_archive_elsewhere_changes_nothing_either(
    workspace: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    import_folder(workspace, write(tmp_path / "voc.zip", voc), "cells", observer=observer)
    head = workspace.catalog.projects.get("cells").head
    result = import_folder(
        workspace, write(tmp_path / "b.tar", voc, ArchiveKind.TAR), "cells", observer=observer
    )
    assert count(result) == (0, 0, 5)
    assert workspace.catalog.projects.get("cells").head == head


def test_an_archive_whose_project_was_changed_since_is_unpacked_again(
    workspace: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    archive = write(tmp_path / "voc.zip", voc)
    import_folder(workspace, archive, "cells", observer=observer)
    write_voc_xml(voc / "Annotations" / "a.xml", "a.jpg", [("cell", 1, 1, 9, 9)])
    import_folder(workspace, voc, "cells", observer=observer)
    result = import_folder(workspace, archive, "cells", observer=observer)
    assert (count(result), result.updates) == ((0, 1, 4), {"objects": 1})


def test_an_archive_that_was_made_anew_updates_what_differs(
    workspace: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    archive = write(tmp_path / "voc.tar.gz", voc, ArchiveKind.GZIP)
    import_folder(workspace, archive, "cells", observer=observer)
    write_image(voc / "JPEGImages" / "b.jpg", seed=77)
    write_image(voc / "JPEGImages" / "new.jpg", seed=78)
    write(archive, voc, ArchiveKind.GZIP)
    result = import_folder(workspace, archive, "cells", observer=observer)
    assert (count(result), result.updates) == ((1, 1, 4), {"pixels": 1})


def test_an_archive_goes_into_a_dataset_of_a_project(
    imported: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    archive = write(tmp_path / "voc.zip", voc)
    result = import_folder(imported, archive, "cells", dataset="march/first", observer=observer)
    assert count(result) == (5, 0, 0)
    assert "march/first/a.jpg" in list_items(imported)


def test_lineage_begins_with_the_archive(
    workspace: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    archive = write(tmp_path / "voc.zip", voc)
    import_folder(workspace, archive, "cells", observer=observer)
    graph = read_graph(workspace, "cells")
    assert [node.title for node in graph.nodes if node.kind == ArtifactKind.FOLDER] == ["voc.zip"]
    (run,) = list_runs(workspace)
    assert run.params["path"] == str(archive)


def test_what_was_left_out_of_an_archive_is_among_the_problems(
    workspace: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    archive = write(tmp_path / "voc.zip", voc)
    with zipfile.ZipFile(archive, "a") as made:
        made.writestr("../outside.jpg", b"x")
    for _ in range(2):  # the second time it stays packed
        result = import_folder(workspace, archive, "cells", observer=observer)
        assert [(problem.path, problem.reason) for problem in result.problems] == [
            ("../outside.jpg", "leads out of the archive, and was not unpacked")
        ]


def test_errors_name_the_archive_and_not_where_it_was_unpacked(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    archive = tmp_path / "notes.zip"
    archive.write_bytes(pack_files({"a.txt": b"no image"}, ArchiveKind.ZIP))
    for format in ("auto", "supervisely"):
        with pytest.raises(InvalidInput, match=r"notes\.zip") as caught:
            import_folder(workspace, archive, "cells", format=format, observer=observer)
        assert "unpacked" not in caught.value.message
        assert list_left(workspace) == []


def test_a_file_that_is_no_archive_is_refused(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    photo = write_image(tmp_path / "a.jpg")
    with pytest.raises(InvalidInput, match=r"a\.jpg is a file, but no archive"):
        import_folder(workspace, photo, "cells", observer=observer)
    with pytest.raises(NotFound, match="no folder or archive"):
        import_folder(workspace, tmp_path / "gone.zip", "cells", observer=observer)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInput, match="neither a folder nor a file"):
        import_folder(workspace, tmp_path / "pipe", "cells", observer=observer)


@pytest.mark.parametrize("looks", [1, 3, 15, 18])
def test_a_stopped_import_leaves_no_project_and_nothing_unpacked(
    workspace: Workspace, voc: Path, tmp_path: Path, looks: int
) -> None:
    archive = write(tmp_path / "voc.zip", voc)
    with pytest.raises(Cancelled):
        import_folder(workspace, archive, "cells", observer=StoppingObserver(looks_left=looks))
    assert workspace.catalog.projects.list() == ()
    unpacked = workspace.home / "cache" / "unpacked"
    assert not unpacked.exists() or list_left(workspace) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workspace import open_workspace
from tests.fakes.observers import KeepingObserver

class Killed(KeepingObserver):
    def progress(self, step, total, message):
        if message.endswith("c.jpg") and "unpacked" not in message:
            os.kill(os.getpid(), signal.SIGKILL)

with open_workspace(Path(sys.argv[1])) as workspace:
    import_folder(workspace, Path(sys.argv[2]), "cells", observer=Killed())
"""


def test_what_a_killed_import_left_is_gone_after_the_next(
    workspace: Workspace, voc: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    archive = write(tmp_path / "voc.zip", voc)
    command = [sys.executable, "-c", KILLED, str(workspace.home), str(archive)]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    assert len(list_left(workspace)) == 2  # the folder and its lock
    result = import_folder(workspace, voc, "cells", observer=observer)
    assert count(result) == (5, 0, 0)
    assert list_left(workspace) == []
