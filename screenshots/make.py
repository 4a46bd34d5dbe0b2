"""Remakes the pictures in this folder from the real app on a real run of the demo.

    python -m screenshots.make [HOME]

Without HOME the demo is run first, in a home of its own, which takes about two minutes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from mlwf_tui.workspace import Workspace, open_workspace
from tests.tui.driving import Driver, drive

FOLDER = Path(__file__).parent
VERY_WIDE, WIDE, NARROW = (180, 24), (120, 40), (80, 24)
Situation = Callable[[Driver], Awaitable[None]]


async def show_lineage(app: Driver) -> None:
    """The whole life of the sample project, from data to measured model."""
    await app.select("digits-augmented")
    await app.press("2", "z")


async def show_panes(app: Driver) -> None:
    """The three panes: tree, lineage, details."""
    await app.select("yolov10p")


async def show_monitor(app: Driver) -> None:
    """The training's live log and metrics."""
    await app.select("train")
    await app.press("m")
    await app.press("2", "z")


async def show_report(app: Driver) -> None:
    """The benchmark's report."""
    await app.select("yolov10p-digits-augmented-1-on")
    await app.press("enter")
    await app.press("2", "z")


async def show_diff(app: Driver) -> None:
    """What the split changed."""
    await app.open_versions("digits")
    await app.select("@2")
    await app.press("d")


async def show_items(app: Driver) -> None:
    """The items of a version, read straight from the packs."""
    await app.select("digits-augmented")
    await app.press("v")


async def show_menu(app: Driver) -> None:
    """The context menu of a version, over the three panes."""
    await app.open_versions("digits")
    await app.select("@1")
    await app.press("x")


async def show_restore(app: Driver) -> None:
    """The one line that says what a restore will do."""
    await app.open_versions("digits")
    await app.select("@2")
    await app.press("r")


async def show_train(app: Driver) -> None:
    """The form of a training, with the command line it stands for."""
    await app.select("digits-augmented")
    await app.press("t")


async def show_operations(app: Driver) -> None:
    """The picker of operations, searched."""
    await app.select("digits")
    await app.press("o")
    await app.until_text("type to search")
    await app.write("rot")


async def show_preview(app: Driver) -> None:
    """Some items before and after an operation that is not run yet."""
    await app.select("digits")
    await app.press("o")
    await app.until_text("type to search")
    await app.write("mosaic")
    await app.press("enter")
    await app.until_text("^o preview")
    await app.press("ctrl+o")
    await app.until_text("images to make")
    await app.press("n")


async def show_runs(app: Driver) -> None:
    """All runs, with their curves."""
    await app.press("w")
    await app.press("2", "z")


async def show_machine(app: Driver) -> None:
    """The machine, watched for a while."""
    await app.press("E")
    await asyncio.sleep(20)  # history comes with time


async def show_help(app: Driver) -> None:
    """The keys of the tree."""
    await app.select("digits")
    await app.press("question_mark")


SITUATIONS: dict[str, tuple[Situation, tuple[int, int]]] = {
    "lineage": (show_lineage, VERY_WIDE),
    "panes": (show_panes, WIDE),
    "monitor": (show_monitor, WIDE),
    "report": (show_report, WIDE),
    "diff": (show_diff, WIDE),
    "items": (show_items, WIDE),
    "menu": (show_menu, WIDE),
    "restore": (show_restore, WIDE),
    "train": (show_train, WIDE),
    "help": (show_help, WIDE),
    "operations": (show_operations, WIDE),
    "preview": (show_preview, WIDE),
    "runs": (show_runs, WIDE),
    "machine": (show_machine, WIDE),
    "small": (show_menu, NARROW),
}


async def take(workspace: Workspace, name: str, situation: Situation, size: tuple[int, int]) -> None:
    """Bring the app into a situation and write its picture."""
    async with drive(workspace, size=size, clock=lambda: datetime.now(UTC)) as app:
        await situation(app)
        await app.settle()
        for _ in range(20):  # plots and logs are drawn a moment after their data has come
            await app.pilot.pause(0.05)
        svg = app.app.export_screenshot(title="mlwf")
    (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"{name}: {size[0]} × {size[1]}")


def main() -> None:
    os.environ["COLORTERM"] = "truecolor"  # as in the terminals of most
    with tempfile.TemporaryDirectory(prefix="mlwf-screenshots-") as scratch:
        home = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch)
        if len(sys.argv) == 1:
            command = [sys.executable, "-m", "mlwf_tui", "--home", str(home), "demo", "--no-tui"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for name, (situation, size) in SITUATIONS.items():
            with open_workspace(home) as workspace:
                asyncio.run(take(workspace, name, situation, size))


if __name__ == "__main__":
    main()
