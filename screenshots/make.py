"""Remakes the pictures in this folder from the real app on a real run of the demo.

    python -m screenshots.make [HOME [NAME…]]

Names make only those again. Those of PNG_NAMES become PNG files as well, where rsvg-convert (librsvg) is
installed. Without HOME the demo is run first, in a home of its own, and a second model is trained for less
long and set beside the first: about four minutes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from mlwf_tui.tui.widgets.evidence_preview import EvidencePreview
from mlwf_tui.workflow.pipelines.drafts import keep_draft, open_pipeline
from mlwf_tui.workspace import Workspace, open_workspace
from screenshots.rasterising import write_png
from screenshots.side_by_side import draw_side_by_side
from tests.tui.driving import Driver, drive

FOLDER = Path(__file__).parent
RECIPE = "yolo-training-set"
PNG_NAMES = (
    "lineage", "items", "thumbnails", "monitor", "runs", "history", "report", "slices", "compare", "evidence",
)  # fmt: skip
PNG_WIDTH_PX = 1482  # as wide as the SVG of 120 columns
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
    await app.select("train yolov10p")
    await app.press("m")
    await app.press("2", "z")


async def open_report(app: Driver) -> None:
    """Open the benchmark of the first model, over the whole screen."""
    await app.select("yolov10p-digits-augmented-1-on")
    await app.press("enter")
    await app.until_text("[Overview]")
    await app.press("2", "z")


async def show_report(app: Driver) -> None:
    """The benchmark's report, all of it on one page."""
    await open_report(app)
    await app.press("left")
    await app.until_text("[All]")


async def show_slices(app: Driver) -> None:
    """Where the model fails: the parts of the measured set, the worst first."""
    await open_report(app)
    await app.press(*["right"] * 5)
    await app.until_text("[Slices]")


async def show_evidence(app: Driver) -> None:
    """The images behind a number: what was missed."""
    await open_report(app)
    await app.press(*["right"] * 4)
    await app.until_text("[Errors]")
    await app.press(*["down"] * 6, "enter")
    await app.until_text("missed")
    preview = app.main.query_one(EvidencePreview)
    await app.until(lambda: preview.picture.picture is not None, "the picture")


async def show_leaderboard(app: Driver) -> None:
    """All reports of a project, ranked where they were measured alike."""
    await app.select("digits-augmented")
    await app.press("%")


async def show_thumbnails(app: Driver) -> None:
    """Many items at a glance, their boxes drawn."""
    await app.select("digits-augmented")
    await app.press("v")
    await app.until_text("digits_0000")
    await app.press("Z")
    await app.settle()


async def show_compare(app: Driver) -> None:
    """Two models side by side, and whether one is really better."""
    await app.select("quick-against")
    await app.press("enter")
    await app.press("2", "z")


async def show_models(app: Driver) -> None:
    """All models with what they were made of."""
    await app.press("ctrl+e")


async def show_pipeline(app: Driver) -> None:
    """A ready recipe in the editor of pipelines."""
    workspace = app.main.workspace
    keep_draft(workspace, open_pipeline(workspace, RECIPE))
    await app.press("ctrl+y")


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


async def show_scope(app: Driver) -> None:
    """The lineage of one project, with the line of crumbs that leads out of it."""
    await app.select("digits-augmented")
    await app.press("L")
    await app.settle()
    await app.press("z")


async def show_history(app: Driver) -> None:
    """What was ever said and done of a project, and the states that come back from there."""
    await app.select("digits")
    await app.press("H")
    await app.until_text("History of digits")
    await app.press("j", "j")


async def show_check(app: Driver) -> None:
    """What is wrong or suspicious in a project, with the picture of one finding."""
    await app.select("digits-augmented")
    await app.press("V")
    await app.until(lambda: app.main._views.active == "check", "what was found")


async def show_card_menu(app: Driver) -> None:
    """Everything that can be done with a model's card."""
    await app.select("yolov10p")
    await app.press("2", "x")


async def show_runs(app: Driver) -> None:
    """All runs, with their curves."""
    await app.press("J")
    await app.until_text("Runs ")
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
    "scope": (show_scope, WIDE),
    "history": (show_history, WIDE),
    "check": (show_check, WIDE),
    "card": (show_card_menu, WIDE),
    "panes": (show_panes, WIDE),
    "monitor": (show_monitor, WIDE),
    "report": (show_report, WIDE),
    "slices": (show_slices, WIDE),
    "evidence": (show_evidence, WIDE),
    "leaderboard": (show_leaderboard, WIDE),
    "thumbnails": (show_thumbnails, WIDE),
    "compare": (show_compare, WIDE),
    "models": (show_models, WIDE),
    "pipeline": (show_pipeline, WIDE),
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
    path = FOLDER / f"{name}.svg"
    path.write_text(svg, encoding="utf-8")
    print(f"{name}: {size[0]} × {size[1]}")
    if name in PNG_NAMES and shutil.which("rsvg-convert"):
        write_png(path, path.with_suffix(".png"), PNG_WIDTH_PX)


def write_side_by_side(workspace: Workspace) -> None:
    """Write the lineage as we draw it beside its Mermaid text."""
    (FOLDER / "mermaid.svg").write_text(draw_side_by_side(workspace), encoding="utf-8")


def fill(home: Path) -> None:
    """Run the demo, and train, measure and compare a second model."""
    for words in (
        ("demo", "--no-tui"),
        ("train", "digits-augmented", "--model", "yolov10p", "-p", "epochs=4", "--name", "quick"),
        ("benchmark", "quick", "digits-augmented@1"),
        ("compare", "quick", "yolov10p-digits-augmented-1"),
    ):
        command = [sys.executable, "-m", "mlwf_tui", "--home", str(home), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    os.environ["COLORTERM"] = "truecolor"  # as in the terminals of most
    with tempfile.TemporaryDirectory(prefix="mlwf-screenshots-") as scratch:
        home = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch)
        if len(sys.argv) == 1:
            fill(home)
        for name, (situation, size) in SITUATIONS.items():
            if sys.argv[2:] and name not in sys.argv[2:]:
                continue
            with open_workspace(home) as workspace:
                asyncio.run(take(workspace, name, situation, size))
        with open_workspace(home) as workspace:
            write_side_by_side(workspace)


if __name__ == "__main__":
    main()
