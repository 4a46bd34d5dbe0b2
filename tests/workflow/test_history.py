from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from mlwf_tui.entities.card import Card
from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.history import list_changes, list_minor_versions
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.projects import find_or_create_project
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.restore import preview_restore, restore
from mlwf_tui.workflow.run import finish_run, put_card, start_run
from mlwf_tui.workflow.tag import tag
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import write_image
from tests.states import make_plain_item, set_state
from tests.tui.homes import fill_finished


def add_image(workspace: Workspace, folder: Path, seed: int) -> None:
    write_image(folder / f"{seed}.png", seed)
    import_folder(workspace, folder, "cells", dataset="more", observer=KeepingObserver())


def test_every_name_and_description_is_kept_with_its_author(workspace: Workspace, tmp_path: Path) -> None:
    fill_finished(workspace, tmp_path)
    describe(workspace, "yolov10n-cells-1", "first try")
    describe(workspace, "yolov10n-cells-1", "the best so far")
    rename(workspace, "yolov10n-cells-1", "net")
    changes = list_changes(workspace, "net")
    assert [(c.what, c.text, c.before) for c in changes if c.what in ("name", "description")] == [
        ("description", "first try", ""),
        ("description", "the best so far", "first try"),
        ("name", "net", "yolov10n-cells-1"),
    ]
    author = workspace.settings.author
    assert {c.author for c in changes if c.what == "description"} == {author}
    assert [c.at for c in changes] == sorted(c.at for c in changes)


def test_a_restored_head_is_told_by_its_own_version_and_all_that_was_done_by_whom(
    workspace: Workspace,
) -> None:
    find_or_create_project(workspace, "cells")
    for number in range(2):
        set_state(workspace, "cells", [make_plain_item(f"main/{number}.jpg")])
        commit(workspace, "cells")
    restore(workspace, "cells@1")
    project = workspace.catalog.projects.get("cells")
    delete(workspace, "cells")
    workspace.catalog.projects.undelete(project.id, "cells", project.workspace)
    changes = list_changes(workspace, "cells")
    assert [c.text for c in changes if c.what == "head"] == [
        "import, now @1 with 1 item",
        "import, now @2 with 1 item",
        "restore, now @3 with 1 item",
    ]
    author = workspace.settings.author
    assert {c.author for c in changes if c.what in ("created", "deleted")} == {author}


def test_a_project_tells_its_heads_and_its_versions(workspace: Workspace, tmp_path: Path) -> None:
    fill_finished(workspace, tmp_path)
    describe(workspace, "cells@1", "as it came")
    tag(workspace, "cells@1", "raw")
    texts = [(c.what, c.text) for c in list_changes(workspace, "cells")]
    assert ("head", "import, now @1 with 12 items") in texts
    assert ("version", "@1 first plate") in texts
    assert ("description", "@1 as it came") in texts
    assert ("tag", "@1 +raw") in texts


def test_a_change_says_which_state_it_made_and_whose_run_it_was(workspace: Workspace, tmp_path: Path) -> None:
    fill_finished(workspace, tmp_path)
    changes = list_changes(workspace, "cells")
    heads = [(change.ref, change.author) for change in changes if change.what == "head"]
    author = workspace.settings.author
    assert heads[0] == ("@1", author), "a version names what the first import made"
    assert heads[-1] == ("@2.1", author)
    assert [change.ref for change in changes if change.what == "version"] == ["@1", "@2"]
    restored = restore(workspace, f"cells{heads[-1][0]}")
    assert restored.project == "cells"
    undo(workspace, "cells")
    last = list_changes(workspace, "cells")[-1]
    assert (last.what, last.ref, last.author) == ("head", "@2", author)


def test_a_runs_states_and_titles_are_kept_though_it_is_finished(workspace: Workspace) -> None:
    run = start_run(workspace, "tool")
    finish_run(workspace, run, RunState.FAILED, error="no luck")
    for title in ("one", "two"):
        rename(workspace, run.id, title)
    describe(workspace, run.id, "why it failed")
    changes = [(c.what, c.text, c.before) for c in list_changes(workspace, run.id)]
    assert changes[-3:] == [
        ("title", "one", ""),
        ("title", "two", "one"),
        ("description", "why it failed", ""),
    ]
    assert ("state", "failed", "") in changes
    assert workspace.catalog.runs.get(run.id).error == "no luck"
    for name in ("x" * 201, "two\nlines", "bell\a"):
        with pytest.raises(InvalidParameter):
            rename(workspace, run.id, name)
    with pytest.raises(InvalidParameter):
        describe(workspace, run.id, "x" * 2_001)


def test_what_several_say_of_one_card_at_once_is_all_kept(workspace: Workspace) -> None:
    said = (Card(title="a"), Card(description="b"), Card(url="/c", url_title="d"))
    runs = [start_run(workspace, "tool") for _ in range(20)]
    all_here = Barrier(len(said))

    def say(card: Card) -> None:
        for run in runs:
            all_here.wait(timeout=60)
            put_card(workspace, f"run:{run.id}", card)

    with ThreadPoolExecutor(len(said)) as pool:
        list(pool.map(say, said))
    whole = Card(title="a", description="b", url="/c", url_title="d")
    assert [workspace.catalog.cards.get(f"run:{run.id}") for run in runs] == [whole] * len(runs)


def test_a_folder_is_described_by_its_path_and_its_node(imported: Workspace, voc: Path) -> None:
    describe(imported, str(voc), "from the microscope")
    (node,) = [n for n in imported.catalog.lineage.read_graph().nodes if n.kind == "folder"]
    assert node.detail == "from the microscope"
    assert [c.text for c in list_changes(imported, node.id) if c.what == "description"] == [node.detail]
    with pytest.raises(InvalidInput):
        commit(imported, "cells", message="one")
        rename(imported, "cells@1", "name")
    with pytest.raises(NotFound):
        list_changes(imported, "/no/such/folder")


def test_edits_between_versions_are_minor_versions_and_come_back(imported: Workspace, tmp_path: Path) -> None:
    commit(imported, "cells", message="one")
    for seed in (1, 2):
        add_image(imported, tmp_path / "more", seed)
    commit(imported, "cells", message="two")
    add_image(imported, tmp_path / "more", 3)
    undo(imported, "cells")
    minor = [(s.base, s.minor, s.item_count) for s in list_minor_versions(imported, "cells")]
    assert minor == [(1, 1, 6), (2, 1, 8)]
    assert diff(imported, "cells@1", "cells@1.1").count("added") == 1  # type: ignore[arg-type]
    found = diff(imported, None, "cells@2.1")
    assert (found.before, found.after, found.count(ChangeKind.ADDED)) == ("cells@2", "cells@2.1", 1)
    assert "6 items" in preview_restore(imported, "cells@1.1")
    restored = restore(imported, "cells@1.1")
    assert (restored.version, restored.created) == (3, True)
    version = imported.catalog.versions.get(imported.catalog.projects.get("cells").id, 3)
    assert (version.item_count, version.message) == (6, "restored from cells@1.1")
    assert [(s.base, s.minor) for s in list_minor_versions(imported, "cells")] == [(2, 1)], (
        "1.1 has a version now"
    )
    restore(imported, "cells@2.1")
    assert imported.catalog.projects.get("cells").item_count == 8
    with pytest.raises(NotFound):
        restore(imported, "cells@1.7")
    with pytest.raises(InvalidParameter):
        tag(imported, "cells@1", "1.5")
