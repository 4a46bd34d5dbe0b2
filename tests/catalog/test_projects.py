from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest, ProjectId, RunId, StateId
from mlwf_tui.errors import Conflict, InvalidInput, NotFound

EMPTY = Digest("0" * 64)


def test_a_created_project_comes_back_as_it_was(catalog: Catalog) -> None:
    made = catalog.projects.create("bccd", workspace="lab", manifest=EMPTY, item_count=3, description="blood")
    assert catalog.projects.get("bccd") == made
    assert (made.workspace, made.name, made.description) == ("lab", "bccd", "blood")
    assert (made.manifest, made.item_count, made.latest_version) == (EMPTY, 3, None)
    assert made.created_at.utcoffset() == timedelta(0)
    assert made.created_at.microsecond == 678901


def test_its_first_state_can_be_read(catalog: Catalog, make: Any) -> None:
    project = make.project(item_count=3)
    state = catalog.projects.get_state(project.head)
    assert (state.project_id, state.manifest, state.item_count) == (project.id, project.manifest, 3)
    assert state.run_id is None


def test_a_taken_name_is_a_conflict_only_in_its_workspace(catalog: Catalog, make: Any) -> None:
    make.project("bccd")
    with pytest.raises(Conflict):
        make.project("bccd")
    assert make.project("bccd", workspace="lab").workspace == "lab"


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\nb", "x" * 256])
def test_a_name_that_is_no_file_name_is_refused(make: Any, name: str) -> None:
    with pytest.raises(InvalidInput):
        make.project(name)
    with pytest.raises(InvalidInput):
        make.project("fine", workspace=name)


def test_get_takes_a_name_a_workspace_and_name_or_an_id_prefix(catalog: Catalog, make: Any) -> None:
    project = make.project("bccd", workspace="lab")
    for ref in ("bccd", "lab/bccd", project.id, project.id[:11]):
        assert catalog.projects.get(ref) == project


def test_a_name_in_two_workspaces_asks_for_the_workspace(catalog: Catalog, make: Any) -> None:
    make.project("bccd", workspace="lab")
    make.project("bccd", workspace="clinic")
    with pytest.raises(InvalidInput, match="clinic/bccd, lab/bccd"):
        catalog.projects.get("bccd")
    assert catalog.projects.get("lab/bccd").workspace == "lab"


def test_an_id_prefix_of_many_projects_lists_some_of_them(catalog: Catalog, make: Any) -> None:
    ids = [make.project(f"project {number}").id for number in range(40)]
    shared = next(id[0] for id in ids if sum(other[0] == id[0] for other in ids) > 1)
    with pytest.raises(InvalidInput) as caught:
        catalog.projects.get(shared)
    assert sum(id in caught.value.message for id in ids) >= 2


def test_an_unknown_name_hints_at_close_ones(catalog: Catalog, make: Any) -> None:
    make.project("bccd")
    with pytest.raises(NotFound) as caught:
        catalog.projects.get("bccx")
    assert "bccd" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        catalog.projects.get("default/bccx")
    assert "default/bccd" in caught.value.hint
    with pytest.raises(NotFound):
        catalog.projects.get_by_id(ProjectId("bccd"))


def test_find_returns_none_where_get_raises(catalog: Catalog, make: Any) -> None:
    project = make.project("bccd")
    assert catalog.projects.find("bccd", "default") == project
    assert catalog.projects.find("bccd", "lab") is None


def test_lists_are_in_the_order_of_names(catalog: Catalog, make: Any) -> None:
    for name, workspace in (("b", "lab"), ("a", "lab"), ("c", "clinic")):
        make.project(name, workspace=workspace)
    assert [p.name for p in catalog.projects.list()] == ["c", "a", "b"]
    assert [p.name for p in catalog.projects.list("lab")] == ["a", "b"]
    assert catalog.projects.list_workspaces() == ("clinic", "lab")


def test_rename_frees_the_old_name_and_refuses_a_taken_one(catalog: Catalog, make: Any) -> None:
    project = make.project("a")
    other = make.project("b")
    assert catalog.projects.rename(project.id, "c").name == "c"
    assert catalog.projects.rename(other.id, "a").name == "a"
    with pytest.raises(Conflict):
        catalog.projects.rename(other.id, "c")
    assert catalog.projects.rename(other.id, "a").name == "a"


def test_describe_replaces_the_description(catalog: Catalog, make: Any) -> None:
    project = make.project()
    described = catalog.projects.describe(project.id, "blood cells")
    assert described.description == "blood cells"
    assert described.updated_at > project.updated_at


def test_a_deleted_project_is_hidden_and_its_name_is_free(catalog: Catalog, make: Any) -> None:
    project = make.project("bccd")
    version = make.version(project)
    catalog.projects.delete(project.id)
    for ref in ("bccd", project.id):
        with pytest.raises(NotFound):
            catalog.projects.get(ref)
    with pytest.raises(NotFound):
        catalog.projects.delete(project.id)
    with pytest.raises(NotFound):
        make.version(project)
    assert catalog.projects.list() == ()
    assert catalog.projects.list_workspaces() == ()
    assert catalog.versions.get_by_id(version.id) == version
    assert make.project("bccd").id != project.id


def test_head_moves_only_from_where_it_is_expected(catalog: Catalog, make: Any) -> None:
    project = make.project()
    make.move(project, "m1", item_count=5)
    moved = catalog.projects.get("bccd")
    assert moved.item_count == 5
    assert moved.updated_at > project.updated_at
    with pytest.raises(Conflict):
        catalog.projects.move_head(
            project.id, expected=project.head, manifest=EMPTY, item_count=0, run_id=None, verb="import"
        )
    assert catalog.projects.get("bccd") == moved


def test_a_move_remembers_its_run_and_refuses_one_that_is_not_there(catalog: Catalog, make: Any) -> None:
    project, run = make.project(), make.run()
    state = catalog.projects.move_head(
        project.id, expected=project.head, manifest=EMPTY, item_count=0, run_id=run.id, verb="import"
    )
    assert catalog.projects.get_state(state.id) == state
    assert state.run_id == run.id
    with pytest.raises(NotFound):
        catalog.projects.move_head(
            project.id, expected=state.id, manifest=EMPTY, item_count=0, run_id=RunId("x"), verb="import"
        )
    assert catalog.projects.get("bccd").head == state.id


def test_a_project_without_version_is_changed_once_it_holds_or_did_something(
    catalog: Catalog, make: Any
) -> None:
    assert not make.project("empty").is_changed
    assert make.project("full", item_count=1).is_changed
    emptied = make.project("emptied")
    make.move(emptied, "m", item_count=0)
    assert catalog.projects.get("emptied").is_changed


def test_a_project_is_changed_while_head_and_latest_version_differ(catalog: Catalog, make: Any) -> None:
    project = make.project()
    make.move(project, "m1")
    make.version(project, "m1")
    assert not catalog.projects.get("bccd").is_changed
    make.move(project, "m2")
    assert catalog.projects.get("bccd").is_changed
    make.move(project, "m1")
    assert not catalog.projects.get("bccd").is_changed
    assert catalog.projects.get("bccd").latest_version == 1


def test_a_head_that_is_as_a_version_names_the_newest_of_them(catalog: Catalog, make: Any) -> None:
    project = make.project()
    assert catalog.projects.get("bccd").head_version is None
    for number, manifest in enumerate(("m1", "m2", "m1", "m3"), start=1):
        make.move(project, manifest)
        make.version(project, manifest)
        assert catalog.projects.get("bccd").head_version == number
    make.move(project, "m1")
    found = catalog.projects.get("bccd")
    assert (found.head_version, found.latest_version, found.is_changed) == (3, 4, True)
    make.move(project, "m4")
    assert catalog.projects.get("bccd").head_version is None


def test_an_unknown_state_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        catalog.projects.get_state(StateId("x"))
