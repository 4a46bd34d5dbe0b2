"""Operations in the app: searched and picked, looked at before they are run, and put where a person wants."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.run import Progress
from mlwf_tui.tui.screens.counting_form import draw_progress
from mlwf_tui.tui.screens.operation_form import OperationForm
from mlwf_tui.tui.screens.picking import OperationPicker
from mlwf_tui.tui.screens.previewing import PreviewScreen
from mlwf_tui.tui.screens.verbs.transforming import describe_made
from mlwf_tui.tui.widgets.choice_field import ChoiceField
from mlwf_tui.tui.widgets.completing import ListSuggester
from mlwf_tui.tui.widgets.picture_side import PictureSide
from mlwf_tui.workflow.items import open_items, read_items
from mlwf_tui.workflow.projects import list_projects
from mlwf_tui.workflow.transform import TransformResult
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.tui.driving import NARROW, Driver, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds


async def _open_picker(app: Driver, title: str = "cells") -> OperationPicker:
    await app.select(title)
    await app.press("o")
    await app.until(lambda: isinstance(app.top, OperationPicker), "the picker")
    assert isinstance(app.top, OperationPicker)
    return app.top


async def _open_form(app: Driver, operation: str, title: str = "cells") -> OperationForm:
    picker = await _open_picker(app, title)
    await app.write(operation)
    await app.until(lambda: _find_chosen(picker) == operation, operation)
    await app.press("enter")
    await app.until(lambda: isinstance(app.top, OperationForm), "the form")
    assert isinstance(app.top, OperationForm)
    return app.top


def _find_chosen(picker: OperationPicker) -> str:
    return picker.chosen.name if picker.chosen is not None else ""


async def _choose_place(app: Driver, form: OperationForm, place: str) -> None:
    field = form.query_one("#field-the-place", ChoiceField)
    field.focus()
    await app.pilot.pause()
    while field.value != place:
        await app.press("right")


def _read_project_count(workspace: Workspace, name: str) -> int:
    return next(p.item_count for p in list_projects(workspace) if p.name == name)


async def test_o_picks_an_operation_and_makes_new_data(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await _open_form(app, "flip", "@1")
        assert "mlwf transform flip cells@1 --to cells-flip" in app.read_text()
        await app.press("enter")
        await app.until_text("Made cells-flip@1")
    assert {project.name for project in list_projects(projects_home)} == {"cells", "cells-flip", "parts"}


async def test_the_picker_says_what_the_chosen_operation_does_and_takes(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        picker = await _open_picker(app)
        await app.write("rotate")
        await app.until(lambda: _find_chosen(picker) == "rotate")
        text = app.read_text()
        assert "turn images by random angles" in text
        assert "makes new images · draws by the seed" in text
        assert "degrees" in text
        assert "0–180" in text


async def test_the_search_finds_what_is_only_spoken_of_after_what_is_called_so(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        picker = await _open_picker(app)
        await app.write("split")
        await app.until(lambda: _find_chosen(picker) == "split")
        await app.press("escape")
        await app.write("doubt flo")  # of no name
        await app.until_text("No operation speaks of")
        await app.press("escape")
        await app.write("crossing")  # of a parameter
        await app.until(lambda: _find_chosen(picker) == "mosaic")
        await app.press("escape")
        await app.write("no such thing")
        await app.until_text("No operation speaks of 'no such thing'")
        assert picker.chosen is None
        await app.press("enter")
        assert app.top is picker
        await app.press("escape")
        await app.until(lambda: picker.chosen is not None, "all operations again")
        await app.press("escape")
        await app.until(lambda: app.top is app.main, "the end of the picker")


async def test_the_pickers_keys_move_through_operations_groups_and_the_description(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home, size=NARROW) as app:
        picker = await _open_picker(app)
        first = _find_chosen(picker)
        await app.press("down")
        second = _find_chosen(picker)
        assert second > first
        await app.press("up")
        assert _find_chosen(picker) == first
        await app.press("ctrl+j")
        assert _find_chosen(picker) == second
        await app.press("ctrl+k", "up", "up")
        assert _find_chosen(picker) == first, "the list ends where it begins"
        await app.press("pagedown")
        assert _find_chosen(picker) > second
        await app.press("pageup")
        assert _find_chosen(picker) == first
        await app.press("tab")
        assert picker.chosen is not None
        assert picker.chosen.group == "annotations"
        await app.press("shift+tab", "shift+tab")
        assert picker.chosen.group != "pixels"
        await app.press("tab")
        assert _find_chosen(picker) == first, "the groups go round"
        told = picker.query_one("VerticalScroll")
        await app.press("shift+down")
        await app.until(lambda: told.scroll_y > 0, "the rest of the description")
        await app.press("shift+up")
        await app.until(lambda: told.scroll_y == 0, "the beginning of the description")


async def test_slash_before_what_is_searched_for_is_no_part_of_it_and_ctrl_u_empties_the_search(
    projects_home: Workspace,
) -> None:
    async with drive(projects_home) as app:
        picker = await _open_picker(app)
        await app.press(*"/flip")
        await app.until(lambda: _find_chosen(picker) == "flip")
        await app.press("ctrl+u")
        await app.write("/rotate")
        await app.until(lambda: _find_chosen(picker) == "rotate")


async def test_esc_in_the_form_goes_back_to_the_picker_as_it_was(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await _open_form(app, "flip")
        await app.press("escape")
        await app.until(lambda: isinstance(app.top, OperationPicker), "the picker again")
        assert isinstance(app.top, OperationPicker)
        assert _find_chosen(app.top) == "flip"
        await app.press("escape", "escape")
        await app.until(lambda: app.top is app.main, "the end of the picker")


async def test_a_result_comes_into_a_dataset_beside_what_a_project_has(projects_home: Workspace) -> None:
    before = _read_project_count(projects_home, "parts")
    async with drive(projects_home) as app:
        form = await _open_form(app, "flip")
        await _choose_place(app, form, "dataset")
        form.query_one("#field-the-project").focus()
        await app.pilot.pause()
        form.fill("the-project", "parts")
        form.fill("the-dataset", "mirrored//here")
        await app.press("enter")
        await app.until_text("✗")
        form.fill("the-dataset", "mirrored/here")
        await app.until_text("--to parts --dataset mirrored/here")
        await app.press("enter")
        await app.until_text("Made parts@2")
    assert _read_project_count(projects_home, "parts") > before
    source = open_items(projects_home, "parts")
    items = read_items(projects_home, source, range(source.item_count))
    assert {item.dataset for item in items} == {"main", "mirrored/here/main"}


async def test_in_place_moves_the_head_and_keeps_the_state_before(projects_home: Workspace) -> None:
    versions = len(list_versions(projects_home, "cells"))
    async with drive(projects_home) as app:
        form = await _open_form(app, "split")
        await _choose_place(app, form, "in-place")
        await app.until_text("mlwf transform split cells --in-place")
        assert not form.query_one("#row-the-new-project").display
        await app.press("enter")
        await app.until_text("Made cells@")
    assert {project.name for project in list_projects(projects_home)} == {"cells", "parts"}
    assert len(list_versions(projects_home, "cells")) == versions + 2  # the changed head, and the result


async def test_what_is_marked_comes_together_with_the_selection(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("space")
        await _open_form(app, "flip")
        assert "mlwf transform flip parts cells --to cells-flip" in app.read_text()
        await app.press("enter")
        await app.until_text("Made cells-flip@1: 15 items in")


async def test_the_form_says_which_objects_will_be_gone(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        form = await _open_form(app, "prepare")
        form.query_one("#field-task", ChoiceField).value = "pose"
        await app.press("ctrl+n")
        await app.until_text("46 → 0 objects")


def test_it_is_said_where_objects_were_lost() -> None:
    made = TransformResult(
        project="a", version=1, items_in=3, items_out=3, cached=False, run="", objects_in=1200, objects_out=7
    )
    assert describe_made(made) == "Made a@1: 3 items in, 3 out. Of 1,200 objects there are 7 now."


async def test_names_between_commas_are_completed_one_by_one() -> None:
    suggester = ListSuggester(("cells", "cells@1", "parts"))
    assert await suggester.get_suggestion("ce") == "cells"
    assert await suggester.get_suggestion("cells, pa") == "cells, parts"
    assert await suggester.get_suggestion("cells,ce") == "cells,cells@1"
    assert await suggester.get_suggestion("cells,") is None


async def test_ctrl_n_counts_what_would_be_done_and_does_nothing(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        form = await _open_form(app, "sample")
        form.fill("n", "5")
        await app.press("ctrl+n")
        await app.until_text("No image is made")
        assert "dropped" in app.read_text()
        form.fill("the-data", "no-such-project")
        await app.press("ctrl+n")
        await app.until_text("✗ ")
    assert {project.name for project in list_projects(projects_home)} == {"cells", "parts"}


async def test_ctrl_o_shows_some_items_before_and_after(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        form = await _open_form(app, "rotate")
        await app.press("ctrl+o")
        await app.until(lambda: isinstance(app.top, PreviewScreen), "the preview")
        screen = app.top
        assert isinstance(screen, PreviewScreen)
        await app.until(lambda: screen.preview is not None, "the made preview")
        await app.until_text("images to make")
        await app.settle()
        before, after = screen.query(PictureSide)
        assert before.picture.picture is not None
        assert after.picture.picture is not None
        assert before.picture.picture.pixels != after.picture.picture.pixels
        assert any(after.picture.picture.marks), "its boxes are drawn"
        assert "■ clump 1" in app.read_text()
        await _walk_through_items(app, screen)
        await _look_at_sides(app, before, after)
        await _try_seeds(app, screen, after)
        await app.press("escape")
        await app.until(lambda: app.top is form, "the form again")
        assert "--seed 1" in app.read_text(), "the seed that was looked at is the form's"
    assert {project.name for project in list_projects(projects_home)} == {"cells", "parts"}


async def _walk_through_items(app: Driver, screen: PreviewScreen) -> None:
    assert screen.preview is not None
    last = f"{len(screen.preview.pairs)} of {len(screen.preview.pairs)}"
    for on, back in (("n", "N"), ("j", "k"), ("right", "left"), ("down", "up")):
        await app.press(on)
        await app.until_text("2 of ")
        await app.press(back)
        await app.until_text("1 of ")
    await app.press("N")
    await app.until_text(last)
    await app.press("n")


async def _look_at_sides(app: Driver, before: PictureSide, after: PictureSide) -> None:
    await app.press("w")
    assert (before.display, after.display) == (True, False)
    await app.press("w")
    assert (before.display, after.display) == (False, True)
    await app.press("w")
    assert (before.display, after.display) == (True, True)
    await app.settle()


async def _try_seeds(app: Driver, screen: PreviewScreen, after: PictureSide) -> None:
    assert screen.preview is not None
    first, shown = screen.preview, screen.preview.pairs[0].after
    await app.press("s")
    await app.until(lambda: screen.preview is not first, "another preview")
    await app.until_text("seed 1")
    assert screen.preview.pairs[0].after != shown
    second = screen.preview
    await app.press("S")
    await app.until(lambda: screen.preview is not second, "the first preview again")
    assert screen.preview.pairs[0].after == shown
    third = screen.preview
    await app.press("S", "s")
    await app.until(lambda: screen.preview is not third, "the second preview again")
    await app.until_text("seed 1")


async def test_b_goes_through_the_sources_of_a_mosaic_and_enter_starts(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await _open_form(app, "mosaic")
        await app.press("ctrl+o")
        await app.until_text("source 1 of 4")
        await app.press("b")
        await app.until_text("source 2 of 4")
        await app.press("enter")
        await app.until_text("Made cells-mosaic@1")


async def test_a_preview_that_fails_says_why_and_goes_back(projects_home: Workspace) -> None:
    async with drive(projects_home, size=NARROW) as app:
        form = await _open_form(app, "drop_classes")
        form.fill("classes", "no-such-class")
        await app.press("ctrl+o")
        await app.until_text("No preview")
        assert "no-such-class" in app.read_text()
        await app.press("n", "w", "s", "b", "q")
        await app.until(lambda: app.top is form, "the form again")


async def test_a_preview_shows_what_is_dropped(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        form = await _open_form(app, "sample")
        form.fill("n", "5")
        await app.press("ctrl+o")
        await app.until_text("no image is made")
        for _ in range(6):
            if "The result does not have this item" in app.read_text():
                break
            await app.press("n")
        assert "- dropped" in app.read_text()
        await app.press("q")


def test_what_a_form_counts_is_named_with_how_far_it_is() -> None:
    assert draw_progress(Progress(step=0, total=None, message="measuring")) == "measuring…"
    assert draw_progress(Progress(step=1270, total=None, message="looking")) == "looking… 1,270"
    assert draw_progress(Progress(step=3, total=None, message="")) == "counting… 3"
