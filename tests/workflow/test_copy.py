"""Copies: a project that goes on from another, without a byte being written."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.projects import find_or_create_project, list_projects
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.tag import tag
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.states import make_plain_item, set_state

ITEMS = [make_plain_item(f"main/{n}.jpg") for n in range(4)]


def list_packs(workspace: Workspace) -> dict[Path, int]:
    return {path: path.stat().st_size for path in (workspace.home / "store" / "packs").iterdir()}


def test_a_copy_stands_on_the_version_that_it_goes_on_from(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    commit(workspace, "cells", message="one")
    set_state(workspace, "cells", ITEMS[:2])
    commit(workspace, "cells", message="two")
    packs = list_packs(workspace)
    result = copy(workspace, "cells@1", "cells-b")
    assert (result.project, result.version, result.source, result.item_count) == ("cells-b", 1, "cells@1", 4)
    assert list_packs(workspace) == packs
    project = workspace.catalog.projects.get("cells-b")
    (version,) = list_versions(workspace, "cells-b")
    source = list_versions(workspace, "cells")[-1]
    assert (project.manifest, project.is_changed) == (source.manifest, False)
    assert (version.parents, version.message) == ((source.id,), "copy of cells@1")
    run = list_runs(workspace)[0]
    assert (run.verb, [r.id for r in run.inputs], [r.id for r in run.outputs]) == (
        "copy", [source.id], [version.id],
    )  # fmt: skip


def test_a_head_that_was_changed_is_committed_first(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    assert copy(workspace, "cells", "cells-b").source == "cells@1"
    assert [version.message for version in list_versions(workspace, "cells")] == ["before copy"]
    assert copy(workspace, "cells", "cells-c").source == "cells@1"


def test_a_tag_may_be_copied(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    commit(workspace, "cells", message="one")
    tag(workspace, "cells@1", "gold")
    assert copy(workspace, "cells@gold", "cells-b").source == "cells@1"


def test_the_two_go_their_own_ways(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    copy(workspace, "cells", "cells-b")
    set_state(workspace, "cells-b", ITEMS[:1])
    assert workspace.catalog.projects.get("cells").item_count == 4
    undo(workspace, "cells-b")
    assert workspace.catalog.projects.get("cells-b").item_count == 4
    with pytest.raises(NotFound, match="nothing to undo") as refused:
        undo(workspace, "cells-b")
    assert refused.value.hint == "All was undone; a redo does it again."


def test_what_cannot_be_copied_leaves_nothing(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    find_or_create_project(workspace, "empty")
    for error, ref, name in (
        (Conflict, "cells", "empty"),
        (NotFound, "cells@4", "b"),
        (NotFound, "ghost", "b"),
        (InvalidParameter, "cells", "a@b"),
        (InvalidInput, "empty", "b"),
    ):
        with pytest.raises(error):
            copy(workspace, ref, name)
    assert [project.name for project in list_projects(workspace)] == ["cells", "empty"]
    assert list_versions(workspace, "cells") == ()
    assert list_runs(workspace) == ()


def test_a_copy_is_drawn_with_its_source(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    copy(workspace, "cells", "cells-b")
    titles = {n.title for n in workspace.catalog.lineage.read_graph().nodes if n.kind == ArtifactKind.VERSION}
    assert titles == {"cells@1", "cells-b@1"}
