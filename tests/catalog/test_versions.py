from __future__ import annotations

from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest, ProjectId, VersionId
from mlwf_tui.entities.project import VersionKind
from mlwf_tui.errors import NotFound

MANIFEST = Digest("a" * 64)


def test_a_created_version_comes_back_as_it_was(catalog: Catalog, make: Any) -> None:
    project = make.project()
    first = make.version(project)
    second = catalog.versions.create(
        project.id,
        manifest=MANIFEST,
        item_count=12,
        message="more cells",
        kind=VersionKind.MERGED,
        author="grace",
        parents=(first.id,),
    )
    assert catalog.versions.get(project.id, 2) == catalog.versions.get_by_id(second.id) == second
    assert (second.ref, second.kind, second.author) == ("bccd@2", VersionKind.MERGED, "grace")
    assert (second.parents, second.manifest, second.item_count) == ((first.id,), MANIFEST, 12)


def test_numbers_count_up_in_each_project_by_itself(catalog: Catalog, make: Any) -> None:
    one, other = make.project("one"), make.project("other")
    assert [make.version(one).number for _ in range(3)] == [1, 2, 3]
    assert make.version(other).number == 1
    assert [version.number for version in catalog.versions.list(one.id)] == [3, 2, 1]


def test_those_of_all_projects_come_by_project(catalog: Catalog, make: Any) -> None:
    one, other = make.project("one"), make.project("other")
    make.project("none")
    for project in (one, other, one):
        make.version(project)
    assert catalog.versions.list_by_project() == {
        project.id: catalog.versions.list(project.id) for project in (one, other)
    }


def test_the_latest_is_none_before_the_first(catalog: Catalog, make: Any) -> None:
    project = make.project()
    assert catalog.versions.latest(project.id) is None
    version = make.version(project)
    assert catalog.versions.latest(project.id) == version
    assert catalog.projects.get("bccd").latest_version == 1


def test_a_missing_version_says_which_there_are(catalog: Catalog, make: Any) -> None:
    project = make.project()
    with pytest.raises(NotFound, match="no version yet"):
        catalog.versions.get(project.id, 1)
    make.version(project)
    make.version(project)
    with pytest.raises(NotFound, match="bccd@3") as caught:
        catalog.versions.get(project.id, 3)
    assert "@2" in caught.value.hint
    with pytest.raises(NotFound):
        catalog.versions.get_by_id(VersionId("x"))


def test_a_version_of_nothing_or_with_unknown_parents_is_refused(catalog: Catalog, make: Any) -> None:
    project = make.project()
    for project_id, parents in ((ProjectId("x"), ()), (project.id, (VersionId("x"),))):
        with pytest.raises(NotFound):
            catalog.versions.create(
                project_id,
                manifest=MANIFEST,
                item_count=0,
                message="",
                kind=VersionKind.MANUAL,
                author="",
                parents=parents,
            )
    assert catalog.versions.list(project.id) == ()


def test_describe_replaces_the_message_only(catalog: Catalog, make: Any) -> None:
    version = make.version(make.project(), message="before")
    described = catalog.versions.describe(version.id, "after")
    assert described.message == "after"
    assert (described.manifest, described.number, described.created_at) == (
        version.manifest, version.number, version.created_at,
    )  # fmt: skip


def test_a_version_takes_the_new_name_of_its_project(catalog: Catalog, make: Any) -> None:
    project = make.project("before")
    version = make.version(project)
    catalog.projects.rename(project.id, "after")
    assert catalog.versions.get_by_id(version.id).ref == "after@1"


def test_a_version_costs_the_same_after_many(
    catalog: Catalog, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    project = make.project()

    def count_queries() -> int:
        caplog.clear()
        with caplog.at_level("DEBUG", "peewee"):
            make.version(project)
        return len(caplog.records)

    before = count_queries()
    for _ in range(200):
        make.version(project)
    assert count_queries() == before


def test_a_deleted_version_is_gone_but_its_number_is_not_given_again(catalog: Catalog, make: Any) -> None:
    project = make.project()
    first, second, third = (make.version(project, manifest) for manifest in "abc")
    catalog.versions.delete(second.id)
    assert [version.number for version in catalog.versions.list(project.id)] == [3, 1]
    with pytest.raises(NotFound, match="bccd@2 was deleted"):
        catalog.versions.get(project.id, 2)
    for gone in (catalog.versions.get_by_id, catalog.versions.delete):
        with pytest.raises(NotFound):
            gone(second.id)
    catalog.versions.delete(third.id)
    assert catalog.projects.get("bccd").latest_version == first.number == 1
    assert catalog.versions.read_next_number(project.id) == 4
    assert make.version(project).number == 4
    kinds = [event.kind for event in catalog.journal.read_since(0)]
    assert kinds.count("version.deleted") == 2


def test_a_project_whose_versions_are_all_deleted_has_none(catalog: Catalog, make: Any) -> None:
    project = make.project(item_count=3)
    catalog.versions.delete(make.version(project, "bccd").id)
    found = catalog.projects.get("bccd")
    assert (found.latest_version, found.is_changed) == (None, True)
