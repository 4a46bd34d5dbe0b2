"""Two models set beside each other from the app, on a real home."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlwf_tui.entities.run import RunState
from mlwf_tui.tui.screens.board import BoardPane
from mlwf_tui.tui.screens.choices import list_pane_hints, list_pane_keys
from mlwf_tui.tui.screens.evidence import EvidencePane
from mlwf_tui.tui.screens.outline import make_report_entry
from mlwf_tui.tui.widgets.choice_field import ChoiceField
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.evidence_preview import EvidencePreview
from mlwf_tui.tui.widgets.form import Form
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.seeing import add_seer
from tests.tui.driving import Driver, drive
from tests.workflow.reporting import add_model, add_report, fill_val, predict


def count_found(app: Driver) -> int:
    """Return how many objects the report on the screen says were found."""
    found = re.search(r"F (\d+) found", app.read_text())
    assert found is not None, app.read_text()
    return int(found[1])


@pytest.mark.slow
async def test_the_bar_compares_the_selected_model_with_another_and_shows_the_report(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill_val(empty_home, tmp_path / "val")
    add_report(empty_home, add_model(empty_home, "old"), predict(empty_home, skips=6))
    add_report(empty_home, add_model(empty_home, "new"), predict(empty_home))
    async with drive(empty_home) as app:
        await app.select("new")
        await app.press("|")
        assert isinstance(app.top, Form)
        await app.until_text("mlwf compare new old")
        await app.press("ctrl+g")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        await app.until_text("new is better than old")
        await app.until_text("12 fixed")
        await app.until_text("differences")
        view = app.main.query_one("#report", ReportView)
        assert "next tab, or cell" not in [choice.label for choice in list_pane_hints(view)]
        assert {"next cell", "cell before"} <= {choice.label for choice in list_pane_keys(view)}
        await app.select("cells")
        await app.press("%")
        await app.until_text("cells@1, val  detect, 2 reports")
        board = app.main.query_one(BoardPane)
        await app.until(lambda: board.table.has_focus)
        await app.press("space", "down", "comma", "p")
        await app.until_text("✓ 1 marked, d compares, esc unmarks")
        await app.until_text("accuracy over speed")
        await app.press("d")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        await app.press("]")  # evidence
        await app.press("]")
        await app.until(lambda: app.main.query_one(Stage).shown is board)
        await app.press("enter")
        await app.until_text("[Overview]")
        await app.until_text("on  ◆ cells@1")
        assert "next tab, or cell" in [choice.label for choice in list_pane_hints(view)]
    assert "new-against-old-1" in {report.name for report in empty_home.catalog.reports.list()}
    entries = {report.name: make_report_entry(report) for report in empty_home.catalog.reports.list()}
    assert entries["new-on-cells-1"].note == "mAP 0.879"
    assert entries["new-against-old-1"].note.startswith("mAP +0.4")  # a difference


@pytest.mark.slow
async def test_the_bar_compares_marked_reports_the_newer_model_with_the_older(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill_val(empty_home, tmp_path / "val")
    for name, skips in (("old", 6), ("mid", 3), ("new", 0)):
        add_report(empty_home, add_model(empty_home, name), predict(empty_home, skips=skips))
    async with drive(empty_home) as app:
        await app.select("new-on-cells-1")
        await app.press("|")
        await app.until_text("compare: Mark another report first")
        await app.press("space")
        await app.select("old-on-cells-1")
        await app.press("|")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        await app.until_text("new is better than old")
        await app.select("new-against-old-1")
        await app.press("|")
        await app.until_text("select a report of one.")
        await app.select("old-on-cells-1")
        await app.press("space")
        await app.select("mid-on-cells-1")
        await app.press("space", "|")
        await app.until(lambda: isinstance(app.top, Form))
        await app.until_text("Compare 3 reports")
        await app.until_text("mlwf compare old-on-cells-1 mid-on-cells-1 new-on-cells-1")
        await app.press("ctrl+g")
        await app.until_text("old-against-new-1")
    made = {report.name for report in empty_home.catalog.reports.list()}
    assert {"new-against-old-1", "old-against-new-1"} <= made


@pytest.mark.slow
async def test_the_bar_offers_the_selected_model_beside_the_marked_one(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill_val(empty_home, tmp_path / "val")
    for name in ("old", "mid", "new"):
        add_model(empty_home, name)
    async with drive(empty_home) as app:
        await app.select("old")
        await app.press("space")
        await app.select("mid")
        await app.press("|")
        await app.until_text("mlwf compare mid old")


@pytest.mark.slow
async def test_who_measured_can_be_chosen(empty_home: Workspace, tmp_path: Path) -> None:
    fill_val(empty_home, tmp_path / "val")
    add_report(empty_home, add_model(empty_home, "old"), predict(empty_home, skips=6))
    add_report(empty_home, add_model(empty_home, "new"), predict(empty_home))
    async with drive(empty_home) as app:
        await app.select("new")
        await app.press("|")
        field = app.top.query_one("#field-evaluator", ChoiceField)
        field.focus()
        while field.value != "detect":
            await app.press("right")
        await app.until_text("mlwf compare new old --evaluator detect")
        await app.press("ctrl+g")
        await app.until_text("new is better than old")
        await app.press("escape")
        await app.select("new")
        await app.press("|")
        field = app.top.query_one("#field-evaluator", ChoiceField)
        while field.value != "classify":
            field.focus()
            await app.press("right")
        await app.press("ctrl+g")
        await app.until_text("classify")
        assert isinstance(app.top, Form), "what does not fit is told on the form"


@pytest.mark.slow
async def test_what_is_not_measured_is_queued_with_the_comparison_where_a_person_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch) as home:
        fill_val(home, tmp_path / "val")
        pause_queue(home)
        add_report(home, add_model(home, "old"), predict(home, skips=6))
        add_seer(home, "new", [("cell", 4, 4, 24, 24)], danger=True)
        async with drive(home) as app:
            await app.select("new")
            await app.press("|")
            await app.until_text("mlwf compare new old")
            await app.press("ctrl+g")
            await app.until(lambda: isinstance(app.top, Confirm))
            await app.until_text("mlwf benchmark new cells@1 --split val")
            await app.press("y")
            await app.until_text("name danger")
            assert not [run for run in home.catalog.runs.list() if run.state is RunState.QUEUED]
            await app.press("y")
            await app.until_text("The compare run waits for")
        comparison, benchmark = (run for run in home.catalog.runs.list() if run.state is RunState.QUEUED)
    assert benchmark.params["is_trusted"] is True
    assert comparison.terms is not None and comparison.terms.after == (benchmark.id,)


async def test_x_on_a_report_writes_it_as_the_files_ending_says(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill_val(empty_home, tmp_path / "val")
    report = add_report(empty_home, add_model(empty_home, "new"), predict(empty_home, skips=6))
    page = tmp_path / "page.html"
    async with drive(empty_home) as app:
        await app.select(report.name)
        await app.press("X")
        await app.write(str(page))
        await app.until_text("mlwf report new-on-cells-1 --out")
        await app.press("ctrl+g")
        await app.until_text("is written to")
    assert report.name in page.read_text()
    assert "data:image/jpeg;base64," in page.read_text()


@pytest.mark.slow
async def test_keys_on_a_report_change_its_thresholds_and_0_goes_back(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill_val(empty_home, tmp_path / "val")
    report = add_report(empty_home, add_model(empty_home, "new"), predict(empty_home, shift_px=4))
    kept = empty_home.store.read(report.evaluation)
    async with drive(empty_home) as app:
        await app.select(report.name)
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        await app.until_text("the report's own;")
        view = app.main.query_one("#report", ReportView)
        view.focus()
        await app.until_text("precision, recall, F1 at confidence 0.790")
        await app.press(">", ">", ">")  # faster than they are answered: the last one holds
        await app.until_text("precision, recall, F1 at confidence 0.900")
        await app.until_text("report's own 0.790, 0.50")
        before = count_found(app)
        await app.press(*["}"] * 6)
        await app.until_text("hit from IoU 0.80")
        await app.until(lambda: count_found(app) != before, "fewer hits at more IoU")
        assert count_found(app) < before
        assert "precision, recall, F1 at confidence 0.900" in app.read_text()  # of the numbers drawn anew
        await app.press("0")
        await app.until_text("the report's own;")
        await app.until_text("precision, recall, F1 at confidence 0.790")

        await app.press(">", ">")  # what stands behind a number is at the thresholds that hold
        await app.until_text("at confidence 0.850")
        await app.press("down", "right", "enter")  # found, missed
        await app.until_text("missed  6 images  confidence 0.850 and IoU 0.50")
        await app.until(lambda: not app.main.is_busy)
        await app.until_text("M  cell")
        preview = app.main.query_one(EvidencePreview)
        assert {letter.text for letter in preview.list_letters()} == {"M"}
        whole = len(preview.list_outlines())
        assert whole > 10  # dashes
        await app.press("comma", "d")
        await app.until_text("in the colours of the classes")
        assert len(preview.list_outlines()) == 2 and not preview.list_letters()
        await app.press("comma", "t")
        await app.until_text("○ truth")
        assert not preview.list_outlines()  # nothing was said of it
        await app.press("n", "w")
        await app.until(lambda: app.main.query_one(EvidencePane).has_class("-bare"))
        await app.press("escape", "escape")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
    assert empty_home.store.read(report.evaluation) == kept


async def test_a_report_whose_predictions_were_not_kept_stays_at_its_own_thresholds(
    full_home: Workspace,
) -> None:
    async with drive(full_home) as app:
        await app.select("cells-val-1")
        await app.press("enter")
        await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
        app.main.query_one("#report", ReportView).focus()
        await app.until_text("the report's own;")
        await app.press(">")
        await app.until_text("✗ 1")
        await app.until_text("confidence 0.310  hit from IoU 0.50  the report's own;")
