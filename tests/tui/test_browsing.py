"""Looking through the items of any version: pictures, objects, filters and jumps, and nothing changed."""

from __future__ import annotations

import random

import pytest

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, LabelSchema, define_classes
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.store.manifests import write_manifest
from mlwf_tui.tui.screens.browsing import BrowsePane, _write_filter_help
from mlwf_tui.tui.screens.pages import MAX_PAGES, PAGE, ItemPages
from mlwf_tui.tui.widgets.item_preview import ItemPreview
from mlwf_tui.tui.widgets.pane_grid import PaneGrid
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.project_tree import ProjectTree
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.items import find_query_fault
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.making import make_image
from tests.tui.driving import SIZES, Driver, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds

LONG = 5000


async def browse(app: Driver, title: str) -> BrowsePane:
    await app.select(title)
    await app.press("v")
    await app.until_text("1 of ")
    await app.settle()
    return app.main.query_one(BrowsePane)


def make_long(workspace: Workspace) -> None:
    """Enter a project of some thousand items that share three images."""
    with workspace.store.writer() as writer:
        blobs = [writer.put(make_image(seed)) for seed in range(3)]
        box = AnnotatedObject("cell", Geometry.rectangle(4, 4, 30, 30))
        items = (
            Item(
                dataset="plate", name=f"{number:06}.jpg", blob=blobs[number % 3], size_bytes=1, width_px=64,
                height_px=48, split=Split.VAL if number % 100 == 7 else Split.TRAIN,
                annotation=Annotation((box,) * (number % 4)),
            )
            for number in range(LONG)
        )  # fmt: skip
        made = write_manifest(writer, LabelSchema(define_classes(("cell",))), items)
    workspace.catalog.projects.create("long", workspace="default", manifest=made.digest, item_count=LONG)


@pytest.mark.parametrize("size", SIZES)
async def test_v_shows_what_a_version_holds_and_says_that_it_only_reads(
    projects_home: Workspace, size: tuple[int, int]
) -> None:
    async with drive(projects_home, size=size) as app:
        await app.open_versions("cells")
        await browse(app, "@1")
        text = app.read_text()
        assert "cells@1  read-only   1 of 12 items" in text
        assert "cell-00.jpg  train · 64×48" in text
        assert "▀▀▀▀▀▀" in text or "▒" in text or "▓" in text
        assert "clump" in text
        assert app.main.query_one(PaneGrid).is_zoomed
        await app.press("j")
        await app.until_text("2 of 12 items")
        await app.until_text("cell-01.jpg  train")
    assert len(list_versions(projects_home, "cells")) == 2


async def test_a_head_is_named_as_such_and_enter_on_its_row_opens_it(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("enter")
        await app.until_text("uncommitted, c commits")
        await app.press("enter")
        await app.until_text("head of cells  1 of 14 items")


async def test_esc_gives_the_room_back_and_goes_to_the_projects(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app, "cells")
        await app.press("escape")
        assert isinstance(app.main.focused, ProjectTree)
        assert not app.main.query_one(PaneGrid).is_zoomed
        assert "1 Projects" in app.read_text()


async def test_another_pane_ends_the_zoom_and_z_is_left_to_the_person(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app, "cells")
        await app.press("1")
        assert not app.main.query_one(PaneGrid).is_zoomed
        await app.press("2", "z")
        assert app.main.query_one(PaneGrid).is_zoomed
        await app.press("escape")
        assert not app.main.query_one(PaneGrid).is_zoomed
        assert app.main.query_one(BrowsePane).display


async def test_the_object_under_the_cursor_is_outlined_apart(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        pane = await browse(app, "cells")
        preview = pane.query_one(ItemPreview)
        before = preview.picture.picture
        assert len(preview.list_outlines()) == 5
        preview.objects.focus()
        await app.settle()
        assert len(preview.list_outlines()) == 6
        assert preview.picture.picture != before
        await app.press("1", "2")
        await app.settle()
        assert len(preview.list_outlines()) == 5


async def test_w_gives_the_picture_all_room_and_the_keys_go_on(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        pane = await browse(app, "cells")
        picture = pane.query_one(PictureView)
        narrow = picture.size.width
        await app.press("w")
        await app.settle()
        assert picture.size.width > narrow
        await app.press("j", "n")
        await app.until_text("3 of 14 items")
        await app.until_text("cell-02.jpg")
        await app.press("escape")
        await app.settle()
        assert picture.size.width == narrow
        assert pane.display


async def test_slash_filters_and_esc_shows_all_again(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app, "cells")
        await app.press("slash")
        assert isinstance(app.top, Prompt)
        await app.write("val clump")
        await app.press("enter")
        await app.until_text("1 of 4 items that match, of 14")
        await app.settle()
        await app.until_text("cell-08.jpg  val")
        await app.press("escape")
        await app.until_text("1 of 14 items")


async def test_an_expression_filters_and_its_fault_is_said_while_it_is_typed(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        await browse(app, "cells")
        await app.press("slash")
        await app.write("count(clump) > ")
        await app.until_text("does not parse at character 15, its end")
        await app.press("enter")
        assert isinstance(app.top, Prompt)
        await app.write("0")
        await app.until(lambda: "does not parse" not in app.read_text())
        await app.press("enter")
        await app.until_text("that match, of 14")
        await app.press("escape")
        await app.until_text("1 of 14 items")


async def test_what_the_filter_shows_as_an_example_can_be_typed(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        pane = await browse(app, "cells")
        await app.press("slash")
        await app.until_text("count(")
        shown = app.read_text()
        example = shown[shown.index("count(") :].split(" and ")[0]
        assert pane._source is not None
        assert not find_query_fault(example, pane._source.schema)


async def test_a_filter_that_nothing_matches_says_how_to_go_on(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app, "cells")
        await app.press("slash")
        await app.write("zebra")
        await app.press("enter")
        await app.until_text("No item matches")
        await app.until_text("esc shows all of them again")


async def test_nothing_is_done_to_an_item_that_a_filter_hides(projects_home: Workspace) -> None:
    before = list_versions(projects_home, "cells")
    async with drive(projects_home) as app:
        pane = await browse(app, "cells")
        await app.press("slash")
        await app.write("zebra")
        await app.press("enter")
        await app.until_text("No item matches")
        assert app.main.entry is None
        for key in ("x", "number_sign", "D"):
            await app.press(key)
            await app.settle()
            assert app.top is app.main
        copy(projects_home, "parts", "later")
        await app.until(lambda: len(app.main.snapshot.projects) == 3)
        await app.settle()
        assert app.main.entry is None
        await app.press("escape")
        await app.until_text("1 of 14 items")
        await app.settle()
        assert pane.entry is not None
        assert app.main.entry == pane.entry
    assert list_versions(projects_home, "cells") == before


async def test_the_question_about_an_item_names_it_as_it_is_called(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app, "cells")
        await app.press("D")
        await app.until_text("The head of cells will lack main/cell-00.jpg.")


async def test_an_operation_that_is_not_for_single_items_is_told_so(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app, "cells")
        await app.press("o")
        await app.until_text("4 of 4")
        await app.write("flip")
        await app.until_text("Not for some items alone")
        await app.press("escape")
        await app.write("zebra")
        await app.until_text("No operation speaks of 'zebra'")


async def test_f_goes_to_a_name_and_G_to_the_end_of_a_long_list(empty_home: Workspace) -> None:
    make_long(empty_home)
    async with drive(empty_home) as app:
        await browse(app, "long")
        await app.press("G")
        await app.until_text("5,000 of 5,000 items")
        await app.until_text("004999.jpg  train")
        await app.press("f")
        await app.write("plate/003210")
        await app.press("enter")
        await app.until_text("3,211 of 5,000 items")
        await app.until_text("003210.jpg  train")
        await app.press("f")
        await app.write("4321.jp")
        await app.press("enter")
        await app.until_text("4,322 of 5,000 items")
        await app.press("f")
        await app.write("nowhere")
        await app.until_text("No item's name holds “nowhere”.")
        await app.press("enter")
        await app.until_text("4,322 of 5,000 items")


async def test_a_filter_of_a_long_list_counts_all_matches_and_f_goes_on_among_them(
    empty_home: Workspace,
) -> None:
    make_long(empty_home)
    async with drive(empty_home) as app:
        await browse(app, "long")
        await app.press("slash")
        await app.write("split:val")
        await app.press("enter")
        await app.until_text("of 50 items that match, of 5,000")
        await app.settle()
        await app.press("f")
        await app.write("plate/002")
        await app.press("enter")
        await app.until_text("21 of 50 items")
        await app.until_text("002007.jpg  val")


async def test_a_picture_that_cannot_be_drawn_says_why_in_its_place(empty_home: Workspace) -> None:
    with empty_home.store.writer() as writer:
        item = Item(
            dataset="main", name="broken.jpg", blob=writer.put(b"not a jpeg"), size_bytes=9, width_px=4,
            height_px=4,
        )  # fmt: skip
        made = write_manifest(writer, LabelSchema(), [item])
    empty_home.catalog.projects.create("odd", workspace="default", manifest=made.digest, item_count=1)
    async with drive(empty_home) as app:
        await browse(app, "odd")
        await app.until_text("broken.jpg is not an image")
        assert not app.main.said


async def test_another_size_draws_another_picture(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        pane = await browse(app, "cells")
        picture = pane.query_one(PictureView).picture
        assert picture is not None
        await app.pilot.resize_terminal(80, 24)
        await app.settle()
        other = pane.query_one(PictureView).picture
        assert other is not None and other.columns < picture.columns


async def test_the_foot_says_the_keys_of_the_view(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app, "cells")
        foot = app.read_text().splitlines()[-1]
        assert "/ filter  f go to name  w large picture  Z thumbnails  esc back" in foot
        await app.pilot.click("StatusBar", offset=(foot.index("f go to name"), 0))
        await app.until(lambda: isinstance(app.top, Prompt))


def test_only_pages_that_are_looked_at_are_wanted_the_last_first() -> None:
    wanted: list[int] = []
    pages = ItemPages(range(1_000_000), lambda: wanted.append(1))
    assert len(pages) == 1_000_000
    for row in (0, 1, 500_000, 999_999, 300):
        assert pages[row] == ("…", "", "", "", "")
    assert len(wanted) == 4
    found = [pages.take_wanted() for _ in range(4)]
    assert [page[0] for page in found if page] == [300 // PAGE, 999_999 // PAGE, 500_000 // PAGE]


def test_pages_that_were_read_long_ago_are_dropped() -> None:
    pages = ItemPages(range(PAGE * 200), lambda: None)
    item = Item(dataset="a", name="b", blob=Digest("0"), size_bytes=1, width_px=1, height_px=1)
    for number in random.Random(0).sample(range(200), 150):
        pages.keep(number, (item,) * PAGE)
    assert sum(pages.find_item(number * PAGE) is not None for number in range(200)) == MAX_PAGES


async def test_capital_z_shows_thumbnails_that_share_the_cursor_with_the_list(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home, size=(120, 40)) as app:
        await app.open_versions("cells")
        pane = await browse(app, "@1")
        await app.press("Z")
        await app.until_text("▸cell-00.jpg")
        await app.settle()
        assert "▀▀" in app.read_text() or "▒" in app.read_text()
        await app.press(*["l"] * 9, *["h"] * 7)
        await app.until_text("3 of 12 items")
        await app.press("Z", *["j"] * 6, *["k"] * 6)
        await app.settle()
        await app.until_text("3 of 12 items")
        await app.press("Z")
        await app.until_text("▸cell-02.jpg")
        await app.press("enter")
        await app.until_text("cell-02.jpg  train")
        await app.press("escape")
        await app.until_text("▸cell-02.jpg")
        await app.press("escape")
        await app.until_text("3 of 12 items")
        assert not pane.has_class("-grid")


async def test_items_are_sorted_by_a_menu_or_the_header_and_found_while_a_name_is_typed(
    empty_home: Workspace,
) -> None:
    make_long(empty_home)
    async with drive(empty_home, size=(160, 45)) as app:
        pane = await browse(app, "long")
        await app.press("comma", "s", "j", "j", "enter")
        await app.settle()
        assert "obj ▲" in app.read_text()
        assert pane.entry is not None and pane.entry.title == "000000.jpg"
        await app.press("comma", "r")
        await app.settle()
        await app.until_text("000003.jpg  train")
        await app.press("G")
        await app.until_text("004996.jpg  train")
        header = pane.table.region
        await app.pilot.click(pane.table, offset=(4, 0))
        await app.settle()
        assert "item ▲" in app.read_text(), header
        await app.until_text("000000.jpg  train")
        await app.press("slash")
        await app.write("split:val")
        await app.press("enter")
        await app.until_text("of 50 items that match")
        await app.settle()
        await app.press("comma", "r")
        await app.until_text("004907.jpg  val")
        await app.press("escape")
        await app.until_text("1 of 5,000 items")
        await app.press("f")
        await app.write("plate/0012")
        await app.until_text("001200.jpg  train")
        await app.press("escape")
        await app.until_text("1 of 5,000 items")


async def test_a_picture_is_drawn_larger_and_moved_over_and_what_lies_on_it_is_chosen(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        pane = await browse(app, "cells")
        await app.press("enter")
        await app.settle()
        preview = pane.query_one(ItemPreview)
        assert "■ cell 4   ■ clump 1" in app.read_text(), "the legend"
        whole = preview.picture.picture
        await app.press("plus", "plus")
        await app.settle()
        await app.until_text("2× larger")
        near = preview.picture.picture
        assert near is not None and whole is not None and near.columns >= whole.columns
        await app.press("l", "j")
        await app.settle()
        assert preview.picture.picture != near, "moved over"
        assert "1 of 14 items" in app.read_text(), "and not to the next item"
        await app.press("escape")
        await app.settle()
        assert preview.picture.picture == whole
        await app.press("comma", "b")
        await app.settle()
        assert not any(preview.picture.picture.marks), "no boxes"
        await app.press("comma", "n")
        await app.settle()
        rows = app.read_text().splitlines()
        assert any("clump" in row and "▀" in row for row in rows), "names over the picture"
        await app.press("l")
        await app.until_text("2 of 14 items")
        await app.press("escape")
        assert not pane.has_class("-bare")


async def test_a_dataset_is_opened_alone_from_the_tree_and_has_a_menu(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("Datasets")
        await app.press("l", "j")
        await app.until(lambda: app.main.entry is not None and app.main.entry.kind.value == "dataset")
        assert app.main.entry is not None
        name = app.main.entry.title
        await app.press("enter")
        await app.until_text(f"head of cells  {name}  1 of")
        await app.settle()
        await app.press("escape")
        await app.select(name)
        await app.press("X")
        await app.until_text("Export cells")
        assert f"--dataset {name}" in app.read_text()
        await app.press("escape", "x")
        await app.until_text("Take a tag off")


async def test_items_stay_seen_until_those_of_a_newer_head_are_read(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        pane = await browse(app, "cells")
        await app.press("j", "j")
        item = pane._rows.find_item(2)
        assert item is not None
        await app.until_text(f"{item.name}  {item.split.value}")
        seen = set[str]()

        def is_renewed() -> bool:
            text = app.read_text()
            seen.update(word for word in ("No objects", "│ … ", f"{item.name}  ") if word in text)
            assert f"{item.name}  " in text
            return "3 of 13 items" in text

        undo(projects_home, "cells")
        app.main.reload()
        await app.until(is_renewed, "the items of the newer head")
        await app.settle()
        assert seen == {f"{item.name}  "} and pane._rows.find_item(pane.table.cursor) == item


@pytest.mark.parametrize(
    ("names", "word", "name"),
    [(("2 cells", "RBC"), "rbc", "RBC"), (('"',), "cat", '"""'), ((), "cat", "cat")],
)
def test_the_help_of_the_filter_shows_a_class_that_is_there(
    names: tuple[str, ...], word: str, name: str
) -> None:
    told = _write_filter_help(names)
    assert f"class:{word} looks" in told
    assert f"count({name}) > 20" in told
