"""What a deletion takes out of sight comes back, as long as its bytes are there."""

from __future__ import annotations

import pytest

from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.store.manifests import iter_items, write_manifest
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.history import list_changes
from mlwf_tui.workflow.tag import tag
from mlwf_tui.workflow.undelete import list_deleted, undelete
from mlwf_tui.workflow.undo import redo, undo
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.filling import make_blob, write_model, write_version
from tests.states import SCHEMA, set_state

OLD = {"old.jpg": make_blob(1), "shared.jpg": make_blob(2)}
NEW = {"new.jpg": make_blob(3), "shared.jpg": make_blob(2)}


def bring_back(workspace: Workspace, ref: str, name: str = "") -> str:
    return undelete(workspace, ref, name=name, observer=KeepingObserver()).ref


def collect_now(workspace: Workspace) -> None:
    collect(workspace, KeepingObserver(), is_dry_run=False, grace_s=0)


@pytest.fixture
def cells(workspace: Workspace) -> Workspace:
    """`cells` with two versions."""
    write_version(workspace, "cells", OLD)
    write_version(workspace, "cells", NEW)
    return workspace


def test_a_deleted_project_comes_back_with_its_head_and_versions(cells: Workspace) -> None:
    describe(cells, "cells", "of March")
    before = cells.catalog.projects.get("cells")
    delete(cells, "cells")
    assert collect(cells, KeepingObserver(), is_dry_run=False).freed_bytes == 0
    assert [(one.kind, one.ref, one.id) for one in list_deleted(cells)] == [("project", "cells", before.id)]
    assert bring_back(cells, "cells") == "cells"
    after = cells.catalog.projects.get("cells")
    assert (after.id, after.head, after.description) == (before.id, before.head, "of March")
    assert [version.number for version in list_versions(cells, "cells")] == [2, 1]
    assert [cells.store.read(item.blob) for item in iter_items(cells.store, after.manifest)] == [
        *NEW.values()
    ]
    assert list_deleted(cells) == ()
    assert list_changes(cells, "cells")[-1].what == "undeleted"


def test_a_project_comes_back_with_what_it_had_to_undo_and_redo(cells: Workspace) -> None:
    heads = [cells.catalog.projects.get("cells").manifest]
    undo(cells, "cells")
    heads.append(cells.catalog.projects.get("cells").manifest)
    delete(cells, "cells")
    with pytest.raises(NotFound):
        undo(cells)
    bring_back(cells, "cells")
    redo(cells, "cells")
    assert cells.catalog.projects.get("cells").manifest == heads[0]
    undo(cells, "cells")
    assert cells.catalog.projects.get("cells").manifest == heads[1]


def test_what_was_collected_is_not_to_undo(cells: Workspace) -> None:
    set_state(cells, "cells", iter_items(cells.store, cells.catalog.projects.get("cells").manifest))
    set_state(cells, "cells", [])
    for number in (1, 2):
        delete(cells, f"cells@{number}", is_forced=True)
    delete(cells, "cells")
    collect_now(cells)
    with cells.store.writer() as writer:
        write_manifest(writer, SCHEMA, ())
    bring_back(cells, "cells")
    with pytest.raises(NotFound) as told:
        undo(cells, "cells")
    assert "went with a deletion" in told.value.hint


def test_what_came_back_is_not_collected(cells: Workspace) -> None:
    delete(cells, "cells")
    bring_back(cells, "cells")
    collect_now(cells)
    for version in list_versions(cells, "cells"):
        assert all(cells.store.read(item.blob) for item in iter_items(cells.store, version.manifest))


def test_what_was_collected_is_not_listed_and_does_not_come_back(cells: Workspace) -> None:
    delete(cells, "cells")
    collect_now(cells)
    assert list_deleted(cells) == ()
    with pytest.raises(NotFound, match="parts of cells are gone"):
        bring_back(cells, "cells")
    assert cells.catalog.projects.list() == ()


def test_a_project_of_which_another_keeps_a_part_does_not_come_back_in_part(cells: Workspace) -> None:
    write_version(cells, "other", NEW)
    delete(cells, "cells")
    collect_now(cells)
    with pytest.raises(NotFound, match="parts of cells are gone"):
        bring_back(cells, "cells")


def test_a_version_comes_back_with_those_of_its_tags_that_are_free(cells: Workspace) -> None:
    tag(cells, "cells@1", "gold")
    tag(cells, "cells@1", "first")
    delete(cells, "cells@1", is_forced=True)
    tag(cells, "cells@2", "gold")
    with pytest.raises(NotFound) as told:
        cells.catalog.versions.get(cells.catalog.projects.get("cells").id, 1)
    assert "mlwf undelete cells@1" in told.value.hint
    result = undelete(cells, "cells@1", observer=KeepingObserver())
    assert (result.ref, result.tags, result.tags_taken) == ("cells@1", ("first",), ("gold",))
    assert [(version.number, version.tags) for version in list_versions(cells, "cells")] == [
        (2, ("gold",)), (1, ("first",)),
    ]  # fmt: skip
    with pytest.raises(InvalidParameter, match="keeps its number"):
        delete(cells, "cells@1", is_forced=True)
        bring_back(cells, "cells@1", name="first")


def test_the_latest_version_is_the_latest_again(cells: Workspace) -> None:
    delete(cells, "cells@2", is_forced=True)
    assert cells.catalog.projects.get("cells").is_changed
    bring_back(cells, "cells@2")
    assert cells.catalog.projects.get("cells").latest_version == 2
    assert not cells.catalog.projects.get("cells").is_changed


def test_the_versions_of_a_deleted_project_have_no_line_of_their_own(cells: Workspace) -> None:
    delete(cells, "cells@1", is_forced=True)
    delete(cells, "cells")
    assert [one.ref for one in list_deleted(cells)] == ["cells"]
    bring_back(cells, "cells")
    assert [one.ref for one in list_deleted(cells)] == ["cells@1"]


def test_a_model_comes_back_with_its_weights(workspace: Workspace) -> None:
    write_model(workspace, "the net", make_blob(7))
    delete(workspace, "the net")
    with pytest.raises(NotFound) as told:
        workspace.catalog.models.get("the net")
    assert told.value.hint == "Bring it back: mlwf undelete 'the net'"
    assert bring_back(workspace, "the net") == "the net"
    (checkpoint, *_) = workspace.catalog.models.get("the net").checkpoints
    assert workspace.store.read(checkpoint.blob) == make_blob(7)


def test_a_name_that_is_taken_meanwhile_has_to_be_another(cells: Workspace) -> None:
    delete(cells, "cells")
    write_version(cells, "cells", NEW)
    with pytest.raises(Conflict) as told:
        bring_back(cells, "cells")
    assert "--name" in told.value.hint
    assert bring_back(cells, "cells", name="cells-of-march") == "cells-of-march"
    assert [project.name for project in cells.catalog.projects.list()] == ["cells", "cells-of-march"]


def test_of_several_of_one_name_it_is_the_one_that_was_deleted_last(workspace: Workspace) -> None:
    for images in (OLD, NEW):
        write_version(workspace, "cells", images)
        delete(workspace, "cells")
    last, first = list_deleted(workspace)
    assert bring_back(workspace, "cells") == "cells"
    assert workspace.catalog.projects.get("cells").id == last.id
    assert bring_back(workspace, first.id, name="first") == "first"
    assert workspace.catalog.projects.get("first").id == first.id


def test_a_name_of_two_kinds_has_to_be_an_id(workspace: Workspace) -> None:
    write_version(workspace, "net", OLD)
    write_model(workspace, "net", make_blob(7))
    model = workspace.catalog.models.get("net")
    workspace.catalog.models.delete(model.id)
    workspace.catalog.projects.delete(workspace.catalog.projects.get("net").id)
    with pytest.raises(InvalidParameter, match="may be the project"):
        bring_back(workspace, "net")
    assert undelete(workspace, model.id, observer=KeepingObserver()).kind == "model"


def test_what_was_never_deleted_is_not_found(cells: Workspace) -> None:
    with pytest.raises(NotFound, match="Nothing called 'cells' was deleted"):
        bring_back(cells, "cells")
