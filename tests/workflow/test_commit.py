"""The message that a commit without one gets, and what the app fills in before one is typed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema, define_classes
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.workflow.commit import commit, summarise_head
from mlwf_tui.workflow.projects import find_or_create_project
from mlwf_tui.workflow.restore import restore
from mlwf_tui.workflow.versions import list_versions, read_history
from mlwf_tui.workspace import Workspace
from tests.states import make_object, make_plain_item, set_state

ITEMS = [make_plain_item(f"main/{n}.jpg", make_object("car", 0)) for n in range(4)]


def test_the_first_version_says_what_there_is(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    assert summarise_head(workspace, "cells") == "4 items, 2 classes"
    assert commit(workspace, "cells").created
    assert list_versions(workspace, "cells")[0].message == "4 items, 2 classes"


def test_a_later_version_says_what_has_changed(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS, schema=LabelSchema(define_classes(("car",))))
    commit(workspace, "cells")
    relabelled = make_plain_item("main/1.jpg", make_object("dog", 0))
    moved = make_plain_item("main/2.jpg", make_object("car", 1), split=Split.VAL)
    named = replace(ITEMS[3], name="z.jpg")
    set_state(workspace, "cells", [relabelled, moved, named, make_plain_item("main/n.jpg")])
    text = "1 added, 1 removed, 1 renamed, 2 changed (1 relabelled), class dog added"
    assert summarise_head(workspace, "cells") == text
    commit(workspace, "cells", message="")
    assert list_versions(workspace, "cells")[0].message == text


def test_a_change_of_classes_alone_is_told(workspace: Workspace) -> None:
    names = ("car", "bus", "van", "dog", "cat")
    set_state(workspace, "cells", ITEMS, schema=LabelSchema(define_classes(names[:1])))
    commit(workspace, "cells")
    set_state(workspace, "cells", ITEMS, schema=LabelSchema(define_classes(names)))
    assert summarise_head(workspace, "cells") == "classes bus, van, dog and 1 more added"


def test_nothing_to_say_makes_no_version(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    commit(workspace, "cells", message="one")
    assert summarise_head(workspace, "cells") == ""
    again = commit(workspace, "cells")
    assert (again.version, again.created) == (1, False)


def test_what_cannot_be_committed_says_so(workspace: Workspace) -> None:
    find_or_create_project(workspace, "empty")
    with pytest.raises(InvalidInput, match="empty"):
        commit(workspace, "empty")
    with pytest.raises(NotFound):
        commit(workspace, "ghost")
    with pytest.raises(InvalidParameter, match="control character"):
        commit(workspace, "empty", message="a\x1b[31mb")


def test_the_history_tells_the_sizes_of_each_version(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS[:1])
    commit(workspace, "cells", message="one")
    set_state(workspace, "cells", ITEMS)
    commit(workspace, "cells", message="four")
    restore(workspace, "cells@1")
    found = [
        (entry.version.number, entry.version.item_count, entry.object_count, entry.size_bytes)
        for entry in read_history(workspace, "cells")
    ]
    assert found == [(3, 1, 1, 100), (2, 4, 4, 400), (1, 1, 1, 100)]


def test_a_version_whose_manifest_is_lost_is_listed_all_the_same(workspace: Workspace) -> None:
    set_state(workspace, "cells", ITEMS)
    commit(workspace, "cells", message="one")
    for pack in (workspace.home / "store" / "packs").glob("*.pack"):
        pack.write_bytes(b"\0" * pack.stat().st_size)
    (entry,) = read_history(workspace, "cells")
    assert (entry.version.message, entry.object_count, entry.size_bytes) == ("one", None, None)
