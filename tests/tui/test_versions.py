"""Tags, copies, merges and deletions by their keys, on a real home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input

from mlwf_tui.entities.threeway import MergeConflict, Side
from mlwf_tui.tui.screens.choices import list_menu
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.conflicts import ConflictChooser
from mlwf_tui.tui.widgets.context_menu import MenuList
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.items import open_items, read_items
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workflow.tag import tag
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import Box, make_voc
from tests.tui.driving import NARROW, SIZES, Driver, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds

BASE: dict[str, list[Box]] = {"a.jpg": [("cell", 2, 2, 22, 22)], "b.jpg": [("cell", 5, 5, 25, 25)]}
OURS: dict[str, list[Box]] = {"a.jpg": [("cell", 4, 2, 24, 22)], "b.jpg": [("cell", 7, 5, 27, 25)]}
THEIRS: dict[str, list[Box]] = {"a.jpg": [("cell", 2, 6, 22, 26)], "b.jpg": [("cell", 5, 9, 25, 29)]}


def write_boxes(workspace: Workspace, folder: Path, boxes: dict[str, list[Box]], project: str) -> None:
    import_folder(workspace, make_voc(folder, boxes), project, observer=KeepingObserver())


@pytest.fixture
def parted_home(empty_home: Workspace, tmp_path: Path) -> Workspace:
    """`cells` and `ada`, copied from it; both have moved the boxes of the same two items since."""
    write_boxes(empty_home, tmp_path / "voc", BASE, "cells")
    commit(empty_home, "cells", message="base")
    copy(empty_home, "cells@1", "ada")
    write_boxes(empty_home, tmp_path / "ours", OURS, "cells")
    write_boxes(empty_home, tmp_path / "theirs", THEIRS, "ada")
    return empty_home


async def begin_merge(app: Driver) -> None:
    await app.select("cells")
    await app.press("M")
    assert isinstance(app.top, Form)
    await app.press("down")
    await app.write("ada")
    assert "$ mlwf merge cells ada" in app.read_text()
    await app.press("enter")


async def test_the_commit_message_is_filled_in_and_typing_replaces_it(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("c")
        await app.until_text("1 added")
        await app.press("enter")
        await app.until_text("Committed cells@3")
        await app.select("parts")
        await app.press("c")
        await app.until_text("1 item, 2 classes")
        await app.press("b", "o", "l", "t", "enter")
        await app.until_text("Committed parts@1")
    assert list_versions(projects_home, "cells")[0].message == "1 added"
    assert list_versions(projects_home, "parts")[0].message == "bolt"


async def test_a_tag_is_given_shown_and_taken_off(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("number_sign")
        await app.write("golden")
        await app.press("enter")
        await app.until_text("cells@golden means @1 now")
        await app.until_text("@1  #golden")
        await app.settle()
        await app.press("x", "slash")
        await app.write("untag")
        await app.press("enter")
        await app.until_text("cells@golden means nothing any more")
    assert list_versions(projects_home, "cells")[-1].tags == ()


async def test_a_tag_of_another_version_is_moved_after_a_yes(projects_home: Workspace) -> None:
    tag(projects_home, "cells@1", "golden")
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@2")
        for answer in ("n", "y"):
            await app.press("number_sign")
            await app.write("golden")
            await app.press("enter")
            await app.until_text("cells@1 is tagged golden already.")
            await app.press(answer)
            await app.until(lambda: app.top is app.main)
        await app.until_text("cells@golden means @2 now")
    assert [version.tags for version in list_versions(projects_home, "cells")] == [("golden",), ()]


async def test_a_name_that_cannot_be_taken_comes_back_with_what_is_wrong(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("C", *"parts", "enter")
        await app.until_text("has a project 'parts' already")
        assert isinstance(app.top, Prompt) and app.top.query_one(Input).value == "parts"
        await app.press("end", "2")
        assert "✗" not in app.read_text()
        await app.press("enter")
        await app.until_text("Made parts2 from cells")
    assert {project.name for project in list_projects(projects_home)} == {"cells", "parts", "parts2"}


async def test_a_merge_of_what_is_not_there_comes_back_where_the_cursor_was(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("M", "down")
        await app.write("nothing")
        await app.press("enter")
        await app.until_text("no project 'nothing'")
        await app.until(lambda: isinstance(app.top, Form) and app.top.focused is not None)
        assert app.top.focused is not None and app.top.focused.id == "field-ref"
        assert [field.value for field in app.top.query(Input)][:2] == ["cells", "nothing"]


async def test_of_several_tags_one_is_chosen_to_be_taken_off(projects_home: Workspace) -> None:
    for name in ("golden", "silver"):
        tag(projects_home, "cells@1", name)
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        app.main.action_perform("untag")
        await app.until(lambda: bool(app.top.query(MenuList)) and app.top.query_one(MenuList).has_focus)
        await app.press("j", "enter")
        await app.until_text("cells@silver means nothing any more")
    assert list_versions(projects_home, "cells")[-1].tags == ("golden",)


async def test_C_copies_a_version_into_a_project_of_its_own(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("C")
        assert isinstance(app.top, Prompt)
        assert "cells-copy" in app.read_text()
        await app.press("enter")
        await app.until_text("Made cells-copy from cells@1")
    assert {project.name: project.item_count for project in list_projects(projects_home)}["cells-copy"] == 12


@pytest.mark.parametrize("size", SIZES)
async def test_M_shows_conflicts_and_merges_what_was_chosen(
    parted_home: Workspace, size: tuple[int, int]
) -> None:
    async with drive(parted_home, size=size) as app:
        await begin_merge(app)
        await app.until_text("2 to settle")  # of each item the pixels, and the box with them
        assert "main/a.jpg" in app.read_text()
        await app.press("a")
        await app.until_text("Choose for every conflict first")
        await app.press("o", "t")
        await app.until_text("all settled")
        await app.press("a")
        await app.until_text("Merged into cells@3")
    source = open_items(parted_home, "cells")
    tops = [item.annotation.objects[0].geometry.bounds for item in read_items(parted_home, source, range(2))]
    assert [(box.left, box.top) for box in tops] == [(4, 2), (5, 9)]


async def test_conflicts_are_settled_at_once_and_one_by_one(parted_home: Workspace) -> None:
    async with drive(parted_home) as app:
        await begin_merge(app)
        await app.until_text("2 to settle")
        chooser = app.top
        assert isinstance(chooser, ConflictChooser)
        await app.press("enter")
        await app.press("T")
        assert [*chooser.choices.values()] == [Side.OURS, Side.THEIRS]
        await app.press("g", "enter")
        assert [*chooser.choices.values()] == [Side.THEIRS] * 2
        await app.press("escape")
        await app.until(lambda: app.top is app.main)
    assert [version.number for version in list_versions(parted_home, "cells")] == [1]


async def test_all_keys_of_the_conflicts_are_seen_on_80_columns(empty_home: Workspace) -> None:
    conflicts = [
        MergeConflict(key=f"item {place}.jpg", item=f"{place}.jpg", what="split", ours="val", theirs="test")
        for place in range(1_200)
    ]
    async with drive(empty_home, size=NARROW) as app:
        app.main.put(ConflictChooser("cells", "ada", conflicts), lambda _: None)
        await app.until_text("a merge  1,200 to settle ")
        await app.press("T")
        await app.until_text("a merge  all settled ")


async def test_the_form_of_a_sync_has_the_field_that_its_error_speaks_of(
    parted_home: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    checkout(parted_home, "cells@1", folder, observer=KeepingObserver())
    (label,) = folder.rglob("b.jpg.json")
    document = json.loads(label.read_text())
    document["objects"][0]["points"]["exterior"][0][1] = 9
    label.write_text(json.dumps(document))
    async with drive(parted_home) as app:
        await app.select("cells")
        app.main.action_perform("sync")
        await app.until(lambda: isinstance(app.top, Form))
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, ConflictChooser), "the conflicts")
        await app.press("escape")
        await app.until(lambda: isinstance(app.top, Form), "the form again")
        await app.until_text("--policy")
        assert app.top.query("#field-policy")


async def test_a_merge_without_conflicts_says_what_it_does_and_asks(
    parted_home: Workspace, tmp_path: Path
) -> None:
    write_boxes(parted_home, tmp_path / "base", BASE, "cells")  # back to what ada comes from
    async with drive(parted_home) as app:
        await begin_merge(app)
        await app.until(lambda: isinstance(app.top, Confirm))
        assert "2 changed" in app.read_text()
        await app.press("y")
        await app.until_text("Merged into cells@")
        await app.settle()
        await begin_merge(app)
        await app.until_text("cells holds ada already")


async def test_D_on_a_version_says_what_speaks_against_it(projects_home: Workspace) -> None:
    tag(projects_home, "cells@1", "golden")
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("D")
        await app.until_text("it is tagged golden")
        await app.press("n")
        await app.until(lambda: app.top is app.main)
        await app.press("D")
        await app.until_text("it is tagged golden")
        await app.press("y")
        await app.until_text("Deleted the version cells@1")
    assert [version.number for version in list_versions(projects_home, "cells")] == [2]


async def test_what_has_no_key_is_in_the_menu(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        assert app.main.entry is not None
        choices = {c.id: c for c in list_menu(app.main.entry, app.main.snapshot, ())}
        assert choices["untag"].reason == "It has no tag."
        assert not choices["tag"].reason and not choices["merge"].reason
