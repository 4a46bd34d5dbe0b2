"""A dialog that stands open is about what was looked at, though its name was given to another meanwhile."""

from __future__ import annotations

import pytest

from mlwf_tui.tui.screens.operation_form import OperationForm
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.workflow.copy import copy
from mlwf_tui.workflow.rename import rename
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.tui.driving import Driver, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds


def give_name_away(workspace: Workspace) -> None:
    """Let `cells` be `old`, and another project be `cells`."""
    rename(workspace, "cells", "old")
    copy(workspace, "old", "cells")


async def browse(app: Driver) -> None:
    await app.select("cells")
    await app.press("enter")
    await app.until_text("uncommitted, c commits")
    await app.press("enter")
    await app.until_text("head of cells  1 of 14 items")
    await app.settle()


async def test_items_are_taken_out_of_the_project_that_was_looked_at(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app)
        await app.press("D")
        await app.until_text("The head of cells will lack main/cell-00.jpg.")
        give_name_away(projects_home)
        await app.press("y")
        await app.until_text("Took main/cell-00.jpg out: old@")
    assert projects_home.catalog.projects.get("old").item_count == 13
    assert projects_home.catalog.projects.get("cells").item_count == 14


async def test_the_head_of_the_items_follows_a_rename(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await browse(app)
        rename(projects_home, "cells", "tissue")
        await app.until_text("head of tissue  1 of 14 items")


async def test_the_version_is_restored_that_was_looked_at(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("r")
        await app.until(lambda: isinstance(app.top, Confirm))
        give_name_away(projects_home)
        count = len(list_versions(projects_home, "cells"))
        await app.press("y")
        await app.until_text("as old@")
    assert list_versions(projects_home, "old")[0].kind == "restored"
    assert len(list_versions(projects_home, "cells")) == count


async def test_a_form_transforms_the_data_that_it_was_opened_for(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("o")
        await app.until_text("Transform cells@1 with")
        await app.write("flip")
        await app.press("enter")
        await app.until(lambda: isinstance(app.top, OperationForm), "the form")
        read = list_versions(projects_home, "cells")[-1]
        give_name_away(projects_home)
        await app.press("enter")
        await app.until_text("Made cells-flip@1")
    made = next(run for run in projects_home.catalog.runs.list() if run.verb == "transform")
    assert [one.id for one in made.inputs] == [read.id]
