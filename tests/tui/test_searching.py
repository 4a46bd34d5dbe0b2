"""A search in the app: its page, and the form that begins one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.run_monitor import RunMonitor
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.run import start_run
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.searches import add_search
from tests.tui.driving import NARROW, drive

pytestmark = pytest.mark.slow  # each goes through the app, or through processes, for seconds


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        commit(workspace, "cells", message="first")
        yield workspace


async def test_a_search_opens_as_a_page_on_a_small_screen_and_its_form_says_the_command(
    home: Workspace,
) -> None:
    add_search(home, "cells@1")
    async with drive(home, size=NARROW) as app:
        await app.select("search")
        await app.press("enter")
        for text in ("1/6 Overview", "best map50 0.8000  trial 2", "2/6 Trials", "pruned"):
            await app.until_text(text)
        await app.until_text(" Trials ")  # the tab, though there are more than fit
        await app.press("right_parenthesis", "right_parenthesis")
        await app.until_text("75%")
        await app.press("right_parenthesis", "right_parenthesis")
        await app.until_text("map50 over 0.001..0.1:log, by powers")
        await app.press("escape")
        await app.select("cells")
        await app.press("S")
        await app.until_text("Search for parameters")
        await app.until_text("mlwf search")
        form = app.top
        assert isinstance(form, Form)
        form.fill("trials", "0")
        await app.press("enter")
        await app.until_text("trials must be ≥ 1")


async def test_programs_that_call_themselves_as_verbs_are_shown_as_what_they_are(home: Workspace) -> None:
    start_run(home, "search", arguments=["./look.py"])
    start_run(home, "sync", params={"project": "cells"}, arguments=["./copy.py"])
    async with drive(home) as app:
        await app.select("search")
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, RunMonitor))
        await app.press("escape")
        await app.open_versions("cells")
        await app.select("@1")
        await app.press("W")
        await app.until_text("mlwf checkout cells@1")
