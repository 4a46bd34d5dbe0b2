"""Deleting versions: what keeps one, and what is left of it."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.errors import Busy, Conflict, InvalidInput, NotFound
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.delete import delete, list_reasons_to_keep
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.merge import plan_merge
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.restore import preview_restore, restore
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workflow.show import show
from mlwf_tui.workflow.tag import tag
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.states import make_plain_item, set_state

ITEMS = [make_plain_item(f"main/{n}.jpg") for n in range(4)]


@pytest.fixture
def three(workspace: Workspace) -> Workspace:
    """`cells` with three versions; its head stands on the last."""
    for count in (1, 2, 4):
        set_state(workspace, "cells", ITEMS[:count])
        commit(workspace, "cells", message=f"{count} items")
    return workspace


def list_numbers(workspace: Workspace) -> list[int]:
    return [version.number for version in list_versions(workspace, "cells")]


def test_a_version_that_nothing_needs_can_be_deleted(three: Workspace) -> None:
    assert delete(three, "cells@2") == "version"
    assert list_numbers(three) == [3, 1]
    with pytest.raises(NotFound, match="cells@2 was deleted"):
        restore(three, "cells@2")
    nodes = {node.title: node.state for node in read_graph(three).nodes if node.kind == "version"}
    assert nodes == {"cells@1": "manual", "cells@2": "deleted", "cells@3": "manual"}
    assert show(three, "cells@3").facts["parents"] == ["deleted"]


@pytest.mark.parametrize("reason", ["head", "tag", "restored", "copied"])
def test_a_version_that_something_needs_is_kept_unless_forced(three: Workspace, reason: str) -> None:
    match reason:
        case "head":
            ref, text = "cells@3", "the head of cells stands on it"
        case "tag":
            tag(three, "cells@1", "gold")
            ref, text = "cells@gold", "it is tagged gold"
        case "restored":
            restore(three, "cells@1")
            ref, text = "cells@1", "made the version cells@4 of it"
        case _:
            copy(three, "cells@1", "cells-b")
            ref, text = "cells@1", "made the version cells-b@1 of it"
    version = resolve_version(three, ref)
    assert any(text in told for told in list_reasons_to_keep(three, version))
    with pytest.raises(Conflict, match=text) as caught:
        delete(three, ref)
    assert "--force" in caught.value.hint
    assert version.number in list_numbers(three)
    delete(three, ref, is_forced=True)
    assert version.number not in list_numbers(three)


def test_the_head_keeps_its_items_when_its_version_is_deleted(three: Workspace) -> None:
    delete(three, "cells@3", is_forced=True)
    project = three.catalog.projects.get("cells")
    assert (project.latest_version, project.is_changed, project.item_count) == (2, True, 4)
    assert commit(three, "cells", message="again").version == 4
    assert "as cells@5" in preview_restore(three, "cells@1")


def test_not_even_force_deletes_what_a_run_is_reading(three: Workspace) -> None:
    with three.catalog.transaction():
        recorder = queue_run(three, "train", {"name": "m"}, 0)
        recorder.read_version("cells@1")
    with pytest.raises(Busy, match="train"):
        delete(three, "cells@1", is_forced=True)
    three.catalog.runs.finish(recorder.run_id, RunState.FAILED, result={})
    delete(three, "cells@1", is_forced=True)


def test_many_runs_are_counted(three: Workspace) -> None:
    for number in range(5):
        copy(three, "cells@1", f"copy-{number}")
    reasons = list_reasons_to_keep(three, resolve_version(three, "cells@1"))
    assert len(reasons) == 4
    assert reasons[-1] == "2 more runs read it"


def test_a_run_stays(three: Workspace) -> None:
    run = three.catalog.runs.list()[0]
    with pytest.raises(InvalidInput, match="history"):
        delete(three, run.id)


def test_a_merge_goes_back_behind_a_deleted_base(three: Workspace) -> None:
    copy(three, "cells@3", "side")
    delete(three, "cells@3", is_forced=True)
    assert plan_merge(three, "side", "cells@2").base == "cells@2"
