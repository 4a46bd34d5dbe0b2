from __future__ import annotations

from typing import Any

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.project import ManifestContent
from tests.catalog.conftest import digest

CONTENT = ManifestContent(datasets={"main": 364}, splits={"train": 300, "val": 64}, classes={"RBC": 4155})


def test_what_was_counted_is_found_again(catalog: Catalog) -> None:
    assert catalog.contents.find(digest("a")) is None
    for _ in range(2):
        catalog.contents.keep(digest("a"), CONTENT)
    assert catalog.contents.find(digest("a")) == CONTENT
    assert catalog.journal.latest() == 0


def test_the_newest_counted_state_of_a_project_is_known(catalog: Catalog, make: Any) -> None:
    project, other = make.project("one"), make.project("other")
    assert catalog.contents.find_counted(project.id) is None
    for manifest in "abc":
        make.move(project, manifest)
    make.move(other, "d")
    for manifest in ("a", "b", "d"):
        catalog.contents.keep(digest(manifest), CONTENT)
    assert catalog.contents.find_counted(project.id) == digest("b")
