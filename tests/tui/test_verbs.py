"""Each verb's key asks what it must and does what it says, on a real home."""

from __future__ import annotations

import itertools
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input
from textual.widgets._toast import Toast

from mlwf_tui import processes
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.widgets.completing import FolderSuggester
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.progress import ProgressDialog
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.models import list_models
from mlwf_tui.workflow.projects import create_project, list_projects, write_empty_manifest
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.running.jobs import queue_run
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.undo import redo, undo
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.tui.driving import SIZES, Driver, drive
from tests.tui.homes import write_images


async def test_c_commits_the_head_with_a_message(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("c")
        assert isinstance(app.top, Prompt)
        await app.write("bolts only")
        await app.press("enter")
        await app.until_text("Committed parts@1")
    assert [version.message for version in list_versions(projects_home, "parts")] == ["bolts only"]


async def test_c_on_a_committed_head_says_that_nothing_changed(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("u")
        await app.until_text("Took back the import in cells")
        await app.settle()
        await app.press("c")
        await app.until_text("Nothing has changed since @2")
        assert app.top is app.main


@pytest.mark.parametrize("size", SIZES)
async def test_r_says_what_restoring_does_and_does_it(
    projects_home: Workspace, size: tuple[int, int]
) -> None:
    async with drive(projects_home, size=size) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("r")
        await app.until_text("Save the uncommitted head of cells as @3")
        assert isinstance(app.top, Confirm)
        await app.press("y")
        await app.until_text("Restored cells@1 as cells@4")
    versions = list_versions(projects_home, "cells")
    assert [version.number for version in versions] == [4, 3, 2, 1]
    assert versions[0].manifest == versions[3].manifest


async def test_esc_at_the_question_restores_nothing(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("r")
        await app.until(lambda: isinstance(app.top, Confirm))
        await app.press("escape")
    assert len(list_versions(projects_home, "cells")) == 2


async def test_that_there_is_nothing_to_undo_is_no_error(empty_home: Workspace) -> None:
    async with drive(empty_home) as app:
        for key, words in (("u", "There is nothing to undo."), ("U", "There is nothing to redo.")):
            await app.press(key)
            await app.until_text(words)
        assert not [said for said in app.main.said if said.is_error]


async def test_what_is_told_does_not_cover_a_dialog(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        app.main.notify("Described cells.", timeout=600)
        await app.until_text("Described cells.")
        await app.press("R")
        assert isinstance(app.top, Prompt)
        await app.until(lambda: bool(app.top.query(Toast)))
        await app.until_text("Described cells.")
        assert app.read_text().count("Described cells.") == 1
        box = app.top.query_one("Prompt > Vertical").region
        assert box.height and not any(toast.region.overlaps(box) for toast in app.top.query(Toast))
        await app.press("escape")
        await app.until_text("Described cells.")


@pytest.mark.slow
async def test_u_takes_the_last_change_back_and_U_does_it_again(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("u")
        await app.until_text("13 items now")
        await app.press("U")
        await app.until_text("14 items now")
        await app.press("u")
        await app.until(lambda: sum("13 items now" in said.text for said in app.main.said) == 2)
        await app.press("ctrl+r")
        await app.until(lambda: sum("14 items now" in said.text for said in app.main.said) == 2)


@pytest.mark.slow
async def test_i_imports_a_folder_and_shows_its_progress(empty_home: Workspace, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "new", {"train/a.jpg": 1, "train/b.jpg": 2})
    async with drive(empty_home) as app:
        await app.press("i")
        assert isinstance(app.top, Form)
        await app.write(str(folder))
        await app.press("down")
        await app.write("fresh")
        assert "$ mlwf import /" in app.read_text()
        await app.press("enter")
        await app.until_text("Imported into fresh: 2 new")
        await app.until(lambda: app.top is app.main)
        await app.settle()
        await app.press("i")
        await app.until_text("↑ 1")
        path, project = (app.top.query_one(f"#field-{name}", Input) for name in ("path", "project"))
        await app.press("up")
        assert path.value == str(folder), "as in a shell"
        await app.press("down")
        assert path.value == ""
        await app.press("tab")
        assert app.top.focused is project
        project.value = "fr"
        await app.until(lambda: project._suggestion == "fresh", "the completion")
        await app.press("tab")
        assert (project.value, app.top.focused) == ("fresh", project)
        await app.press("tab")
        assert app.top.focused is not project
    assert [project.item_count for project in list_projects(empty_home)] == [2]


async def test_folders_are_suggested_before_archives_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("pictures.tar.gz", "plain.txt"):
        (tmp_path / name).touch()
    sources = FolderSuggester((".zip", ".tar.gz"))
    assert await sources.get_suggestion(f"{tmp_path}/p") == f"{tmp_path}/photos"
    assert await sources.get_suggestion(f"{tmp_path}/pi") == f"{tmp_path}/pictures.tar.gz"
    assert await sources.get_suggestion(f"{tmp_path}/pl") is None
    assert await FolderSuggester().get_suggestion(f"{tmp_path}/pi") is None


@pytest.mark.slow
async def test_i_imports_an_archive_as_well(empty_home: Workspace, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "new", {"train/a.jpg": 1, "train/b.jpg": 2})
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as made:
        for path in folder.rglob("*.*"):
            made.write(path, path.relative_to(folder))
    async with drive(empty_home) as app:
        await app.press("i")
        await app.write(str(tmp_path / "photos.zip"))
        await app.press("down")
        await app.write("fresh")
        await app.press("enter")
        await app.until_text("Imported into fresh: 2 new")
        assert "Read as yolo." in app.main.said[-1].text
    assert [project.item_count for project in list_projects(empty_home)] == [2]


@pytest.mark.slow
async def test_an_import_that_fails_says_why_and_the_app_goes_on(
    empty_home: Workspace, tmp_path: Path
) -> None:
    async with drive(empty_home) as app:
        await app.press("i")
        await app.write(str(tmp_path / "nowhere"))
        await app.press("down")
        await app.write("fresh")
        await app.press("enter")
        await app.until(lambda: any(said.is_error for said in app.main.said))
        await app.until(lambda: isinstance(app.top, Form))
        await app.press("escape")
        await app.until(lambda: app.top is app.main)
        await app.press("exclamation_mark")
        await app.until_text("nowhere")


def _work_until_cancelled(observer: ScreenObserver) -> None:
    for step in itertools.count():
        observer.progress(step, None, f"step {step}")
        observer.check_cancelled()


async def test_esc_asks_before_it_cancels_a_long_verb(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        app.main.do_long("Endless", _work_until_cancelled, lambda _: None)
        await app.until_text("so far")
        await app.press("escape", "escape")
        assert isinstance(app.top, ProgressDialog)
        await app.press("escape", "enter")
        await app.until(lambda: isinstance(app.top, ProgressDialog), "a hasty ⏎ to be a no")
        await app.press("escape", "y")
        await app.until_text("The work was cancelled")
        await app.until(lambda: app.top is app.main)


@pytest.mark.slow
async def test_a_long_verb_goes_on_behind_and_p_shows_it_again(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        app.main.do_long("Endless", _work_until_cancelled, lambda _: None)
        await app.until(lambda: isinstance(app.top, ProgressDialog))
        await app.press("enter")
        await app.until(lambda: app.top is app.main)
        await app.until(lambda: "⧗" in app.read_text().splitlines()[-1])
        await app.press("p")
        assert isinstance(app.top, ProgressDialog)
        await app.press("escape", "y")
        await app.until(lambda: app.top is app.main)


async def test_a_fault_inside_a_verb_is_told_and_the_app_goes_on(projects_home: Workspace) -> None:
    def fail(observer: ScreenObserver) -> None:
        raise ValueError("a fault of ours")

    async with drive(projects_home) as app:
        app.main.do_long("Faulty", fail, lambda _: None)
        await app.until_text("ValueError: a fault of ours")
        await app.until(lambda: app.top is app.main)
        assert "✗ 1" in app.read_text().splitlines()[-1]


@pytest.mark.slow
async def test_t_offers_every_declared_parameter_and_its_command_line(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("cells")
        await app.press("t")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        text = app.read_text()
        assert "epochs" in text
        assert "mlwf train cells --model yolov10n" in text


@pytest.mark.slow
async def test_a_number_out_of_bounds_is_said_beside_its_field(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("cells")
        await app.press("t")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        app.top.query_one("#field-epochs").focus()
        await app.pilot.pause()
        await app.write("none-such")
        await app.press("enter")
        await app.until_text("epochs must be a whole number")


async def test_b_on_a_model_asks_for_data_and_split(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("yolov10n-cells-1")
        await app.press("b")
        await app.until(lambda: isinstance(app.top, Form))
        assert "mlwf benchmark yolov10n-cells-1 cells" in app.read_text()


@pytest.mark.slow
async def test_b_with_data_that_has_no_such_split_says_so(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("parts")
        await app.press("b")
        await app.until(lambda: isinstance(app.top, Form))
        await app.press("enter")
        await app.until(lambda: any("val split" in said.text for said in app.main.said))


async def test_a_form_whose_verb_failed_comes_back_filled_in(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("yolov10n-cells-1")
        await app.press("b")
        await app.until(lambda: isinstance(app.top, Form))
        await app.press("down")
        await app.write("no-such-data")
        await app.press("enter")
        await app.until(lambda: any("no-such-data" in said.text for said in app.main.said))
        await app.until(lambda: isinstance(app.top, Form), "the form again")
        assert "mlwf benchmark yolov10n-cells-1 no-such-data" in app.read_text()


async def test_keys_that_come_in_a_burst_reach_the_field_they_are_meant_for(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("yolov10n-cells-1")
        await app.press("b")
        await app.until(lambda: isinstance(app.top, Form))
        for key in ("down", "x", "down", "right", "down", "0"):
            app.app.simulate_key(key)
        await app.until_text("mlwf benchmark yolov10n-cells-1 x --split test --device 0")


async def test_a_asks_where_the_labelled_items_go(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("parts")
        await app.press("a")
        await app.until(lambda: isinstance(app.top, Form))
        assert "mlwf apply yolov10n-cells-1 parts --to parts-labelled" in app.read_text()


async def test_a_without_any_model_says_to_train_one(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("a")
        await app.until_text("There is no model yet")


@pytest.fixture
def sleeper(projects_home: Workspace) -> Iterator[Run]:
    """A run whose process only waits, in a session of its own, as a worker's is."""
    recorder = queue_run(projects_home, "train", {"data": "cells@2", "name": "long-one"}, 0)
    run = projects_home.catalog.runs.start(recorder.run_id)
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    identity = processes.identify(process.pid)
    assert identity is not None
    projects_home.catalog.jobs.create(run.id, identity)
    yield run
    process.kill()
    process.wait()


async def test_s_asks_and_stops_the_run(projects_home: Workspace, sleeper: Run) -> None:
    async with drive(projects_home) as app:
        await app.select("train long-one")
        await app.press("s")
        await app.until(lambda: isinstance(app.top, Confirm))
        await app.press("y")
        await app.until(lambda: get_run(projects_home, sleeper.id).state.is_finished, "the end of the run")
        await app.until_text("■ train long-one")
    assert get_run(projects_home, sleeper.id).state is RunState.STOPPED


async def test_s_on_a_finished_run_says_that_it_is_done(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("import parts")
        await app.press("s")
        await app.until_text("The run is done already")


async def test_e_rewords_a_version(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("e")
        await app.until(lambda: isinstance(app.top, Prompt))
        await app.press("end")
        await app.write(" of March")
        await app.press("enter")
        await app.until_text("message       first plate of March")


async def test_of_words_of_several_lines_lists_show_the_first_and_e_keeps_all(
    projects_home: Workspace,
) -> None:
    describe(projects_home, "cells@1", "first plate\n\nof March")
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.until_text("of March")
        assert re.search(r"@1  first plate +[^│]*\w│", app.read_text()), (
            "how old it is stands in the same row"
        )
        await app.press("e")
        await app.until(lambda: isinstance(app.top, Prompt))
        assert app.top.query_one(Input).value == "first plate↵↵of March"
        await app.press("end")
        await app.write(" again")
        await app.press("enter")
        await app.until_text("of March again")
        await app.press("H")
        await app.until_text("first plate  ← first plate")
        assert all(line[-1] in "│╮╯" for line in app.read_text().splitlines()[:-1])
    assert list_versions(projects_home, "cells")[-1].message == "first plate\n\nof March again"


async def test_R_renames_a_project(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("R")
        await app.press("end", *["backspace"] * 5)
        await app.write("bolts")
        await app.press("enter")
        await app.until(lambda: {p.name for p in app.main.snapshot.projects} == {"cells", "bolts"})


@pytest.mark.slow
async def test_D_deletes_only_after_a_yes(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        await app.select("yolov10n-cells-1")
        await app.press("D")
        await app.until(lambda: isinstance(app.top, Confirm))
        await app.press("enter")  # the button that a hasty ⏎ presses says no
        await app.until(lambda: app.top is app.main)
        assert len(list_models(full_home)) == 1
        await app.press("D")
        await app.press("y")
        await app.until(lambda: not app.main.snapshot.models)


async def test_what_was_deleted_comes_back_from_a_list(full_home: Workspace) -> None:
    async with drive(full_home) as app:
        delete(full_home, "parts")
        await app.press("colon")
        await app.write("bring back what")
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, ContextMenu))
        create_project(full_home, "parts", write_empty_manifest(full_home))  # has its name meanwhile
        await app.press("enter")
        await app.until_text("has a project 'parts' already")
        await app.press("end", "2", "enter")
        await app.until(lambda: any(project.name == "parts2" for project in app.main.snapshot.projects))
        await app.until_text("The project parts2 is back.")


async def until_said(app: Driver, text: str) -> None:
    """Wait until the app has told a text, however a toast breaks it."""
    await app.until(lambda: any(text in said.text for said in app.main.said), text)


@pytest.mark.slow
async def test_u_after_a_deletion_brings_back_what_was_deleted(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("D", "y")
        await until_said(app, "Deleted the project parts. u brings it back.")
        await app.until(lambda: [project.name for project in app.main.snapshot.projects] == ["cells"])
        await app.press("u")
        await until_said(app, "The project parts is back.")
        await app.until(lambda: app.main.entry is not None and app.main.entry.ref == "parts")
        await app.select("cells")
        await app.press("u")
        await until_said(app, "Took back the import in cells")


@pytest.mark.slow
async def test_u_after_several_were_deleted_brings_all_of_them_back(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        for name in ("cells", "parts"):
            await app.select(name)
            await app.press("space")
        await app.select("parts")
        await app.press("D", "y")
        await until_said(app, "Deleted 2 projects. u brings back what was deleted.")
        await app.until(lambda: not app.main.snapshot.projects)
        await app.press("u")
        await until_said(app, "Brought back 2 of 2 that were deleted.")
        await app.until(lambda: len(app.main.snapshot.projects) == 2)


@pytest.mark.slow
async def test_u_after_a_deletion_and_something_else_takes_the_latter_back(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("parts")
        await app.press("D", "y")
        await until_said(app, "Deleted the project parts.")
        await app.select("cells")
        await app.press("e")
        await app.write("plates")
        await app.press("enter")
        await until_said(app, "Described cells.")
        await app.press("u")
        await until_said(app, "Took back the import in cells")
    assert [project.name for project in list_projects(projects_home)] == ["cells"]


async def test_y_says_which_way_the_ref_was_copied(
    projects_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@2")
        await app.press("y")
        await app.until_text("OSC 52")
        assert app.app.clipboard == "cells@2"


async def _open_menu(app: Driver, title: str) -> str:
    await app.select(title)
    await app.press("x")
    await app.until(lambda: isinstance(app.top, ContextMenu))
    return app.read_text()


@pytest.mark.slow
async def test_x_lists_what_can_be_done_and_why_the_rest_cannot(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        text = await _open_menu(app, "parts")
        assert "commit" in text
        assert "Commit first, or mark what to compare with" in text
        await app.press("c")
        await app.until(lambda: isinstance(app.top, Prompt))


@pytest.mark.parametrize("title", ["cells", "yolov10n-cells-1", "cells-val-1", "train yolov10s-cells-1"])
async def test_x_has_a_menu_for_every_kind(full_home: Workspace, title: str) -> None:
    async with drive(full_home) as app:
        await _open_menu(app, title)
        menu = app.top
        assert isinstance(menu, ContextMenu)
        assert {"open", "yank", "history"} <= {choice.id for choice in menu.choices}
        await app.press("G")
        assert "results" in app.read_text(), "the last line, whatever the screen has room for"


async def test_u_without_a_project_asks_before_it_changes_one(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("Models")
        await app.press("u")
        await app.until_text("Take back the import in parts? 1 item now, 0 then.")
        await app.press("n")
        assert app.top is app.main and find_item_counts(projects_home)["parts"] == 1
        await app.press("u")
        await app.until(lambda: isinstance(app.top, Confirm), "the question")
        await app.press("y")
        await app.until_text("Took back the import in parts: 0 items now")
        await app.settle()
        await app.press("U")  # the undo is what was done last here
        await app.until_text("Did the import in parts again: 1 item now")
        describe(projects_home, "cells", "stained")
        await app.select("cells")
        await app.press("u")
        await app.until_text("Took back the import in cells: 13 items now")
        await app.settle()
        await app.press("e")
        await app.write("plates")
        await app.press("enter")
        await app.until_text("Described cells.")
        await app.select("Models")
        await app.press("U")
        await app.until_text("Do the import in cells again? 13 items now, 14 then.")
        assert find_item_counts(projects_home) == {"cells": 13, "parts": 1}


async def test_what_u_has_asked_of_is_what_is_taken_back_or_nothing(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("Models")
        await app.press("u")
        await app.until_text("Take back the import in parts?")
        undo(projects_home, "cells")
        undo(projects_home, "parts")
        redo(projects_home, "parts")
        await app.press("y")
        await app.until_text("The project was changed meanwhile")
        assert find_item_counts(projects_home) == {"cells": 13, "parts": 1}


def find_item_counts(workspace: Workspace) -> dict[str, int]:
    return {project.name: project.item_count for project in list_projects(workspace)}


@pytest.mark.slow
async def test_a_project_that_was_just_made_is_selected(projects_home: Workspace, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "new", {"train/a.jpg": 1, "train/b.jpg": 2})
    async with drive(projects_home) as app:
        await app.select("Models")
        await app.press("i")
        await app.until(lambda: isinstance(app.top, Form), "the form")
        await app.write(str(folder))
        await app.press("down")
        await app.write("fresh")
        await app.press("enter")
        await app.until(lambda: app.main.entry is not None and app.main.entry.ref == "fresh", "the project")
        await app.settle()
        await app.press("C")
        await app.until_text("Copy fresh")
        await app.press("enter")
        await app.until(lambda: app.main.entry is not None and app.main.entry.ref == "fresh-copy", "the copy")


@pytest.mark.slow
async def test_long_names_leave_room_for_what_headings_count(projects_home: Workspace) -> None:
    rename(projects_home, "cells", "plates-of-the-second-laboratory-" * 3 + "end")
    async with drive(projects_home, size=SIZES[-1]) as app:
        await app.select("plates")
        await app.press("H")
        await app.until_text("7 changes, 3 states")
        assert "History of plates-of" in app.read_text()
        await app.press("v")
        await app.until_text("1 of 14 items  ")
        assert re.search("head of plates-.*….*-end .*1 of 14 items  [0-9]+ objects", app.read_text())
        await app.press("1", "d")
        told = "plates-.*….*@2 → plates-.*….*-end   .1 added"
        await app.until(lambda: re.search(told, app.read_text()) is not None, "the heading")


async def test_help_tells_what_the_signs_at_the_foot_mean(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.press("question_mark")
        menu = app.top
        assert isinstance(menu, ContextMenu)
        assert [choice.label for choice in menu.choices if choice.key == "✎"] == ["described"]
        await app.press("slash")
        await app.write("described")
        await app.until_text("of all that can be described, how much is")


async def test_the_menu_of_data_offers_all_that_is_done_with_its_folder(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        for title in ("cells", "@2"):
            await app.select(title)
            await app.press("x")
            menu = app.top
            assert isinstance(menu, ContextMenu)
            folders = [choice.id for choice in menu.choices if choice.group == "Folders"]
            assert folders == ["checkout", "export", "status", "sync"]
            await app.press("escape")
