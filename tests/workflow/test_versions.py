"""commit, versions, diff, restore, undo and redo, as one story and one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.projects import find_or_create_project
from mlwf_tui.workflow.restore import preview_restore, restore
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workflow.undo import redo, undo
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import write_image, write_voc_xml


def test_a_commit_names_the_head_once(imported: Workspace) -> None:
    first = commit(imported, "cells", message="as imported")
    again = commit(imported, "cells", message="the same")
    assert (first.version, first.created) == (1, True)
    assert (again.version, again.created) == (1, False)
    assert [v.message for v in list_versions(imported, "cells")] == ["as imported"]


def test_an_empty_project_cannot_be_committed(workspace: Workspace) -> None:
    find_or_create_project(workspace, "empty")
    with pytest.raises(InvalidInput, match="empty"):
        commit(workspace, "empty", message="nothing")


def test_a_diff_counts_items_and_objects(imported: Workspace, voc: Path, observer: KeepingObserver) -> None:
    commit(imported, "cells", message="one")
    write_voc_xml(voc / "Annotations" / "a.xml", "a.jpg", [("cell", 2, 3, 20, 21), ("nucleus", 4, 4, 9, 9)])
    write_image(voc / "JPEGImages" / "f.jpg", seed=77)
    import_folder(imported, voc, "cells", observer=observer)
    found = diff(imported, "cells@1", "cells")
    assert [(c.key, c.kind) for c in found.items] == [
        ("main/a.jpg", ChangeKind.CHANGED),
        ("main/f.jpg", ChangeKind.ADDED),
    ]
    assert [(c.name, c.kind, c.objects_added) for c in found.classes] == [("nucleus", ChangeKind.ADDED, 1)]
    assert diff(imported, "cells", "cells@1").count(ChangeKind.REMOVED) == 1


def test_restore_saves_what_no_version_named_and_makes_a_new_version(
    imported: Workspace, observer: KeepingObserver
) -> None:
    commit(imported, "cells", message="one")
    transform(imported, "filter", ["cells"], to="cells", params={"classes": "spot"}, observer=observer)
    undo(imported, "cells")
    redo(imported, "cells")
    import_head = imported.catalog.projects.get("cells").manifest
    assert "cells@1" in preview_restore(imported, "cells@1")
    result = restore(imported, "cells@1")
    assert (result.version, result.created, result.saved_version) == (3, True, None)
    versions = list_versions(imported, "cells")
    assert [v.number for v in versions] == [3, 2, 1]
    assert versions[0].manifest == versions[2].manifest
    assert versions[1].manifest == import_head


def test_restore_of_a_changed_head_commits_it_first(
    imported: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    commit(imported, "cells", message="one")
    write_image(voc / "JPEGImages" / "f.jpg", seed=77)
    import_folder(imported, voc, "cells", observer=observer)
    assert "@2" in preview_restore(imported, "cells@1")
    result = restore(imported, "cells@1")
    assert (result.version, result.saved_version) == (3, 2)
    assert [v.item_count for v in list_versions(imported, "cells")] == [5, 6, 5]


def test_restoring_what_the_head_holds_makes_nothing(imported: Workspace) -> None:
    commit(imported, "cells", message="one")
    assert not restore(imported, "cells@1").created
    assert "nothing will change" in preview_restore(imported, "cells@1")


def test_a_version_that_does_not_exist_is_not_found(imported: Workspace) -> None:
    commit(imported, "cells", message="one")
    with pytest.raises(NotFound, match="cells@7"):
        restore(imported, "cells@7")
    with pytest.raises(InvalidParameter):
        restore(imported, "cells")
    with pytest.raises(NotFound, match="no tag 'x'"):
        restore(imported, "cells@x")
    with pytest.raises(InvalidParameter):
        restore(imported, "cells@")


def test_undo_and_redo_walk_back_and_forth(imported: Workspace, observer: KeepingObserver) -> None:
    commit(imported, "cells", message="one")
    one = imported.catalog.projects.get("cells").manifest
    transform(imported, "sample", ["cells"], to="cells", params={"n": 2}, observer=observer)
    two = imported.catalog.projects.get("cells").manifest
    assert undo(imported).verb == "transform"
    assert imported.catalog.projects.get("cells").manifest == one
    assert redo(imported, "cells").item_count == 2
    assert imported.catalog.projects.get("cells").manifest == two
    undo(imported)
    assert undo(imported).verb == "import"
    assert imported.catalog.projects.get("cells").item_count == 0
    with pytest.raises(NotFound):
        undo(imported)


def test_nothing_leaves_a_cycle_in_the_lineage(imported: Workspace, observer: KeepingObserver) -> None:
    commit(imported, "cells", message="one")
    transform(imported, "sample", ["cells"], to="cells", params={"n": 3}, observer=observer)
    undo(imported)
    restore(imported, "cells@2")
    restore(imported, "cells@1")
    redo_possible = list_versions(imported, "cells")
    assert len(redo_possible) >= 3
    graph = read_graph(imported)
    following = {node.id: [e.target for e in graph.edges if e.source == node.id] for node in graph.nodes}
    done: set[str] = set()

    def visit(node: str, path: frozenset[str]) -> None:
        assert node not in path
        if node not in done:
            for target in following[node]:
                visit(target, path | {node})
            done.add(node)

    for node in following:
        visit(node, frozenset())
