"""Tags: names that stand wherever a version's number does."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.project import Version
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.history import list_changes, list_minor_versions
from mlwf_tui.workflow.refs import resolve
from mlwf_tui.workflow.restore import restore
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.tag import tag, untag
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.states import make_plain_item, set_state

ITEMS = [make_plain_item(f"main/{n}.jpg") for n in range(4)]


@pytest.fixture
def two(workspace: Workspace) -> Workspace:
    """`cells` with two versions."""
    for count in (2, 4):
        set_state(workspace, "cells", ITEMS[:count])
        commit(workspace, "cells", message=f"{count} items")
    return workspace


def test_a_tag_stands_wherever_a_number_does(two: Workspace) -> None:
    result = tag(two, "cells@1", "gold")
    assert (result.project, result.version, result.tag, result.tags) == ("cells", 1, "gold", ("gold",))
    found = resolve(two, "cells@gold")
    assert isinstance(found, Version)
    assert (found.number, found.tags) == (1, ("gold",))
    assert len(diff(two, "cells@gold", "cells").items) == 2
    assert show(two, "cells@gold").facts["tags"] == ["gold"]
    describe(two, "cells@gold", "the good one")
    assert restore(two, "cells@gold").version == 3
    assert [v.message for v in list_versions(two, "cells")] == [
        "restored from cells@1",
        "4 items",
        "the good one",
    ]
    assert "gold · the good one" in {node.detail for node in read_graph(two).nodes}


def test_a_tag_moves_only_by_force(two: Workspace) -> None:
    tag(two, "cells@1", "gold")
    assert tag(two, "cells@gold", "gold").version == 1
    with pytest.raises(Conflict, match="cells@1 is tagged gold already"):
        tag(two, "cells@2", "gold")
    assert tag(two, "cells@2", "gold", is_forced=True).version == 2
    assert [version.tags for version in list_versions(two, "cells")] == [("gold",), ()]


def test_a_removed_tag_means_nothing_any_more(two: Workspace) -> None:
    tag(two, "cells@2", "gold")
    tag(two, "cells@2", "silver")
    assert untag(two, "cells", "gold").tags == ("silver",)
    for act in (lambda: untag(two, "cells", "gold"), lambda: resolve(two, "cells@gold")):
        with pytest.raises(NotFound, match="no tag 'gold'"):
            act()


@pytest.mark.parametrize(
    "name", ["", "3", "007", "a@b", "a\x1bb", "-x", " x", "a/b", "x" * 300, "a b", "a\u3000b", "head"]
)
def test_names_that_could_be_mistaken_are_refused(two: Workspace, name: str) -> None:
    with pytest.raises(InvalidParameter):
        tag(two, "cells@1", name)


def test_a_tag_of_several_words_that_is_there_already_stays_usable(two: Workspace) -> None:
    version = two.catalog.versions.get(two.catalog.projects.get("cells").id, 1)
    two.catalog.tags.set(version, "the good one", is_moving=False)
    assert show(two, "cells@the good one").facts["number"] == 1
    assert tag(two, "cells@2", "the good one", is_forced=True).version == 2
    assert untag(two, "cells@2", "the good one").tags == ()


def test_only_versions_can_be_tagged(two: Workspace) -> None:
    with pytest.raises(InvalidParameter, match="names no version"):
        tag(two, "cells", "gold")
    with pytest.raises(NotFound):
        tag(two, "cells@3", "gold")


def test_anything_on_the_lineage_has_tags_that_others_may_have_too(two: Workspace) -> None:
    run, other = (run.id for run in two.catalog.runs.list()[:2])
    assert tag(two, run, "baseline").tags == ("baseline",)
    assert tag(two, f"run:{run}", "2026 spring").tags == ("2026 spring", "baseline")
    assert tag(two, run, "baseline").tags == ("2026 spring", "baseline")
    assert tag(two, other, "baseline").tags == ("baseline",)
    node = next(node for node in read_graph(two).nodes if node.id == f"run:{run}")
    assert node.tags == ("2026 spring", "baseline")
    assert show(two, run).facts["tags"] == ["2026 spring", "baseline"]
    describe(two, run, "the first one")
    assert untag(two, run, "baseline").tags == ("2026 spring",)
    with pytest.raises(NotFound, match="is not tagged 'baseline'"):
        untag(two, run, "baseline")
    told = [(change.what, change.text) for change in list_changes(two, run) if change.what != "state"]
    assert told[-4:] == [
        ("tag", "+baseline"), ("tag", "+2026 spring"), ("description", "the first one"), ("tag", "-baseline"),
    ]  # fmt: skip


def test_a_version_is_untagged_by_its_own_name_too(two: Workspace) -> None:
    tag(two, "cells@1", "gold")
    with pytest.raises(NotFound):
        untag(two, "cells@2", "gold")
    assert untag(two, "cells@1", "gold").version == 1


def test_a_project_is_not_tagged_without_its_version(two: Workspace) -> None:
    with pytest.raises(InvalidParameter, match="names no version"):
        tag(two, "cells", "gold")


def test_a_state_between_two_versions_can_be_described_and_tagged(two: Workspace) -> None:
    set_state(two, "cells", ITEMS[:1])
    state = list_minor_versions(two, "cells")[-1]
    ref = f"cells@{state.base}.{state.minor}"
    describe(two, ref, "only one left")
    assert tag(two, ref, "small").node == f"project:{state.id}"
    assert {change.text for change in list_changes(two, ref)} >= {"only one left", "+small"}
