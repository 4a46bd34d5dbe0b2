from __future__ import annotations

from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.errors import Conflict, NotFound


def list_events(catalog: Catalog) -> list[tuple[str, str]]:
    events = catalog.journal.read_since(0)
    return [(e.kind, e.payload.get("tag", "")) for e in events if e.kind.endswith("tagged")]


def test_a_tag_means_one_version_of_its_project(catalog: Catalog, make: Any) -> None:
    one, other = make.project("one"), make.project("other")
    first, second, foreign = make.version(one), make.version(one), make.version(other)
    catalog.tags.set(second, "gold", is_moving=False)
    catalog.tags.set(foreign, "gold", is_moving=False)
    assert catalog.tags.find_number(one.id, "gold") == second.number == 2
    assert catalog.tags.find_number(other.id, "gold") == 1
    assert catalog.tags.find_number(one.id, "silver") is None
    assert catalog.versions.get_by_id(second.id).tags == ("gold",)
    assert catalog.versions.get_by_id(first.id).tags == ()


def test_tags_come_in_the_order_of_their_letters(catalog: Catalog, make: Any) -> None:
    version = make.version(make.project())
    for name in ("v2", "best", "π", "to publish"):
        catalog.tags.set(version, name, is_moving=False)
    assert catalog.versions.list(version.project_id)[0].tags == ("best", "to publish", "v2", "π")


def test_a_tag_is_moved_only_when_that_is_meant(catalog: Catalog, make: Any) -> None:
    project = make.project()
    first, second = make.version(project), make.version(project)
    catalog.tags.set(first, "gold", is_moving=False)
    with pytest.raises(Conflict, match="bccd@1 is tagged gold") as caught:
        catalog.tags.set(second, "gold", is_moving=False)
    assert "--force" in caught.value.hint
    catalog.tags.set(second, "gold", is_moving=True)
    assert catalog.tags.find_number(project.id, "gold") == 2
    assert catalog.versions.get_by_id(first.id).tags == ()


def test_a_tag_that_is_there_already_changes_nothing(catalog: Catalog, make: Any) -> None:
    version = make.version(make.project())
    for _ in range(2):
        catalog.tags.set(version, "gold", is_moving=False)
    assert list_events(catalog) == [("version.tagged", "gold")]


def test_a_removed_tag_is_free_and_the_hint_knows_those_near(catalog: Catalog, make: Any) -> None:
    version = make.version(make.project())
    catalog.tags.set(version, "gold", is_moving=False)
    catalog.tags.set(version, "golden", is_moving=False)
    catalog.tags.remove(version, "gold")
    with pytest.raises(NotFound, match="'gold'") as caught:
        catalog.tags.get_number(version.project_id, "gold")
    assert "golden" in caught.value.hint
    assert list_events(catalog)[-1] == ("version.untagged", "gold")


def test_deleting_a_version_frees_its_tags(catalog: Catalog, make: Any) -> None:
    version = make.version(make.project())
    catalog.tags.set(version, "gold", is_moving=False)
    catalog.versions.delete(version.id)
    assert catalog.tags.find_number(version.project_id, "gold") is None
    catalog.tags.set(make.version(catalog.projects.get("bccd")), "gold", is_moving=False)
