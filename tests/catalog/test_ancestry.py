"""Common ancestors over projects, merges and deleted versions; hypothesis checks them against sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.project import Project, Version, VersionKind


def add(catalog: Catalog, project: Project, *parents: Version) -> Version:
    return catalog.versions.create(
        project.id,
        manifest=Digest("m"),
        item_count=0,
        message="",
        kind=VersionKind.MANUAL,
        author="",
        parents=[parent.id for parent in parents],
    )


def test_a_branch_meets_its_project_where_it_left(catalog: Catalog, make: Any) -> None:
    main, branch = make.project("main"), make.project("branch")
    base = add(catalog, main, add(catalog, main))
    ours = add(catalog, main, base)
    theirs = add(catalog, branch, add(catalog, branch, base))
    found = catalog.versions.find_common_ancestor(ours.id, theirs.id)
    assert found == base
    assert catalog.versions.find_common_ancestor(theirs.id, ours.id) == base


def test_of_a_version_and_its_descendant_it_is_the_version(catalog: Catalog, make: Any) -> None:
    project = make.project()
    first = add(catalog, project)
    last = add(catalog, project, add(catalog, project, first))
    for one, other in ((first, last), (last, first), (first, first)):
        assert catalog.versions.find_common_ancestor(one.id, other.id) == first


def test_a_merge_moves_the_meeting_point(catalog: Catalog, make: Any) -> None:
    main, branch = make.project("main"), make.project("branch")
    root = add(catalog, main)
    theirs = add(catalog, branch, root)
    merged = add(catalog, main, theirs, add(catalog, main, root))
    later = add(catalog, branch, theirs)
    assert catalog.versions.find_common_ancestor(merged.id, later.id) == theirs


def test_of_histories_merged_crosswise_the_newest_is_taken(catalog: Catalog, make: Any) -> None:
    main, branch = make.project("main"), make.project("branch")
    root = add(catalog, main)
    ours, theirs = add(catalog, main, root), add(catalog, branch, root)
    one, other = add(catalog, main, ours, theirs), add(catalog, branch, theirs, ours)
    assert catalog.versions.find_common_ancestor(one.id, other.id) == theirs
    assert catalog.versions.find_common_ancestor(other.id, one.id) == theirs


def test_strangers_have_none(catalog: Catalog, make: Any) -> None:
    one, other = add(catalog, make.project("one")), add(catalog, make.project("other"))
    assert catalog.versions.find_common_ancestor(one.id, other.id) is None


def test_a_deleted_ancestor_is_walked_through(catalog: Catalog, make: Any) -> None:
    main, branch = make.project("main"), make.project("branch")
    root = add(catalog, main)
    base = add(catalog, main, root)
    ours, theirs = add(catalog, main, base), add(catalog, branch, base)
    catalog.versions.delete(base.id)
    assert catalog.versions.find_common_ancestor(ours.id, theirs.id) == root


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 30), max_size=2), min_size=2, max_size=14))
def test_it_is_a_common_ancestor_that_no_other_descends_from(
    tmp_path: Path, drawn: Sequence[Sequence[int]]
) -> None:
    with Catalog(tmp_path / "catalog.sqlite") as catalog:
        for project in catalog.projects.list():
            catalog.projects.delete(project.id)
        project = catalog.projects.create("p", workspace="default", manifest=Digest("m"), item_count=0)
        versions: list[Version] = []
        reach: list[set[int]] = []  # of each version its ancestors and itself
        for number, choices in enumerate(drawn):
            parents = sorted({choice % number for choice in choices}) if number else []
            versions.append(add(catalog, project, *(versions[parent] for parent in parents)))
            reach.append({number}.union(*(reach[parent] for parent in parents)))
        ours, theirs = len(drawn) - 2, len(drawn) - 1
        common = reach[ours] & reach[theirs]
        found = catalog.versions.find_common_ancestor(versions[ours].id, versions[theirs].id)
        if found is None:
            assert not common
        else:
            number = found.number - 1
            assert number in common
            assert not any(number in reach[other] for other in common - {number})
