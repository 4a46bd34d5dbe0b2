"""The main places of the app look as they did when somebody last looked at them."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.threeway import MergeConflict
from mlwf_tui.registry import Registry
from mlwf_tui.settings import Settings
from mlwf_tui.store.store import Store
from mlwf_tui.tui.screens.comparing import DiffPane
from mlwf_tui.tui.screens.operation_form import OperationForm
from mlwf_tui.tui.screens.picking import OperationPicker
from mlwf_tui.tui.widgets.conflicts import ConflictChooser
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.picture_view import PictureView
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.run_monitor import RunMonitor
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workspace import Workspace
from tests.tui.driving import LEAST, SIZES, VERY_WIDE, Driver, drive
from tests.tui.homes import fill_home
from tests.tui.snapshot import assert_snapshot

MADE_AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SEEN_AT = datetime(2026, 3, 1, 11, 45, tzinfo=UTC)


@pytest.fixture
def still_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A full home whose clock goes a second a look, seen from a folder with a short name."""
    ticks = itertools.count()
    monkeypatch.chdir(tmp_path)
    home = Path("home")
    home.mkdir()
    with (
        Store(home / "store") as store,
        Catalog(home / "catalog.sqlite", clock=lambda: MADE_AT + timedelta(seconds=next(ticks))) as catalog,
    ):
        settings = Settings(author="ada")
        workspace = Workspace(home=home, settings=settings, store=store, catalog=catalog, registry=Registry())
        fill_home(workspace, Path("data"))
        yield workspace


async def _main(app: Driver) -> None:
    await app.select("cells")


async def _diff(app: Driver) -> None:
    await app.open_versions("cells")
    await app.select("@2")
    await app.press("d")
    await app.until(lambda: isinstance(app.main.query_one(Stage).shown, DiffPane))


async def _items(app: Driver) -> None:
    await app.open_versions("cells")
    await app.select("@1")
    await app.press("v")
    await app.until_text("read-only")


async def _conflicts(app: Driver) -> None:
    conflicts = [
        MergeConflict(
            key=f"main/cell-{n:02d}.jpg#object-1",
            item=f"main/cell-{n:02d}.jpg",
            what="object 1",
            ours="cell rectangle at 4,4 to 10,12",
            theirs="removed",
        )
        for n in range(3)
    ]
    app.main.put(ConflictChooser("cells", "cells-ada", conflicts), lambda _: None)
    await app.until_text("3 to settle")
    await app.press("t")


async def _report(app: Driver) -> None:
    await app.select("cells-val-1")
    await app.press("enter")
    await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
    await app.until_text("Classes")


async def _monitor(app: Driver) -> None:
    await app.select("train yolov10n-cells-1")
    await app.press("m")
    await app.until(lambda: isinstance(app.main.query_one(Stage).shown, RunMonitor))
    await app.until(lambda: not app.main.query_one(RunMonitor).has_class("-plain"))
    await app.until_text("epoch 20/20")
    plots = app.main.query_one(RunMonitor).metrics
    plots.focus()  # a slow machine leaves it where it was
    await app.until(lambda: plots.has_focus)
    await app.until_text("▌train/box_loss")


async def _live_monitor(app: Driver) -> None:
    await app.select("train yolov10s-cells-1")
    await app.press("m")
    await app.until_text("epoch 13/40")
    plots = app.main.query_one(RunMonitor).metrics
    plots.focus()
    await app.until(lambda: plots.has_focus)
    await app.until_text("▌train/box_loss")


async def _help(app: Driver) -> None:
    await app.press("question_mark")
    await app.until(lambda: isinstance(app.top, ContextMenu))


async def _menu(app: Driver) -> None:
    await app.select("parts")
    await app.press("x")
    await app.until(lambda: isinstance(app.top, ContextMenu))


async def _form(app: Driver) -> None:
    await app.select("cells")
    await app.press("b")
    await app.until(lambda: isinstance(app.top, Form))


async def _operations(app: Driver) -> None:
    await app.select("cells")
    await app.press("o")
    await app.until(lambda: isinstance(app.top, OperationPicker))
    await app.press("tab")


async def _operation(app: Driver) -> None:
    await _operations(app)
    await app.write("mirror images")
    await app.until_text("1 of ")
    await app.press("enter")
    await app.until(lambda: isinstance(app.top, OperationForm))
    await app.press("ctrl+n")
    await app.until_text("images to make")


async def _preview(app: Driver) -> None:
    await _operation(app)
    await app.press("ctrl+o")
    await app.until_text("All 14")
    await app.until(lambda: all(view.picture is not None for view in app.top.query(PictureView)))
    await app.until(lambda: not any(view.is_drawing for view in app.top.query(PictureView)))


PLACES: dict[str, Callable[[Driver], Awaitable[None]]] = {
    "main": _main,
    "items": _items,
    "diff": _diff,
    "conflicts": _conflicts,
    "report": _report,
    "monitor": _monitor,
    "help": _help,
    "menu": _menu,
    "form": _form,
    "operations": _operations,
    "operation": _operation,
    "preview": _preview,
}


@pytest.mark.parametrize(
    "size",
    [pytest.param(size, marks=[pytest.mark.slow] if size[0] > 80 else []) for size in (*SIZES, VERY_WIDE)],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
@pytest.mark.parametrize("place", PLACES)
async def test_it_looks_as_it_did(
    place: str, size: tuple[int, int], still_home: Workspace, request: pytest.FixtureRequest
) -> None:
    async with drive(still_home, size=size, clock=lambda: SEEN_AT) as app:
        await PLACES[place](app)
        await app.settle()
        await assert_snapshot(app, f"{place}-{size[0]}x{size[1]}", request, Path.cwd())


async def test_a_training_is_followed_in_the_least_window(
    still_home: Workspace, request: pytest.FixtureRequest
) -> None:
    async with drive(still_home, size=LEAST, clock=lambda: SEEN_AT) as app:
        await _live_monitor(app)
        await app.settle()
        await assert_snapshot(app, f"live-monitor-{LEAST[0]}x{LEAST[1]}", request, Path.cwd())
