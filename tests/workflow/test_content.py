"""What a project holds is counted once, and then only where it changed."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Split
from mlwf_tui.workflow.content import read_content
from mlwf_tui.workflow.show import show
from mlwf_tui.workspace import Workspace
from tests.states import make_object, make_plain_item, set_state

ITEMS = [make_plain_item(f"main/{n:04}.jpg", make_object("car")) for n in range(2000)]


class CountingReads:
    """Counts the blobs that a store reads."""

    def __init__(self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        read = workspace.store.read

        def counting_read(digest: Digest) -> bytes:
            self.count += 1
            return read(digest)

        monkeypatch.setattr(workspace.store, "read", counting_read)

    def take(self) -> int:
        count, self.count = self.count, 0
        return count


def test_counts_follow_the_changes(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = CountingReads(workspace, monkeypatch)
    set_state(workspace, "cells", ITEMS)
    first = show(workspace, "cells").facts
    assert first["datasets"] == [{"name": "main", "item_count": 2000}]
    assert first["splits"] == {"train": 2000}
    assert first["classes"][0]["object_count"] == 2000
    whole = reads.take()
    moved = make_plain_item("other/x.jpg", make_object("dog"), make_object("dog", 50), split=Split.VAL)
    set_state(workspace, "cells", [*ITEMS[1:], moved])
    reads.take()
    second = show(workspace, "cells").facts
    assert second["datasets"] == [{"name": "main", "item_count": 1999}, {"name": "other", "item_count": 1}]
    assert second["splits"] == {"train": 1999, "val": 1}
    assert [c["object_count"] for c in second["classes"]] == [1999, 2]
    assert reads.take() < whole / 4
    assert show(workspace, "cells").facts == second
    assert reads.take() == 1  # its header


def test_what_is_gone_is_not_counted_as_nothing(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS[:3])
    show(workspace, "cells")
    set_state(workspace, "cells", [make_plain_item("other/x.jpg", make_object("dog"))])
    project = workspace.catalog.projects.get("cells")
    content = read_content(workspace, project.id, project.manifest)
    assert (content.datasets, content.splits, content.classes) == ({"other": 1}, {"train": 1}, {"dog": 1})


def test_a_counted_state_that_is_gone_from_the_store_is_passed_over(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS[:3])
    project = workspace.catalog.projects.get("cells")
    counted = read_content(workspace, project.id, project.manifest)
    lost = Digest("f" * 64)
    workspace.catalog.projects.move_head(
        project.id, expected=project.head, manifest=lost, item_count=3, run_id=None, verb="import"
    )
    workspace.catalog.contents.keep(lost, counted)
    set_state(workspace, "cells", ITEMS[:5])
    head = workspace.catalog.projects.get("cells")
    assert read_content(workspace, head.id, head.manifest).datasets == {"main": 5}
