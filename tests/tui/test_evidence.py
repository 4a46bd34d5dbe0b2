"""The images behind a number, as the app shows them: keys, zoom, what is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.evidence import Fate, FatePick, Pick, Verdict
from mlwf_tui.tui.screens.choices import list_pane_hints, list_pane_keys
from mlwf_tui.tui.screens.evidence import EvidencePane
from mlwf_tui.tui.widgets.evidence_preview import FAINT_FILL, FILL, EvidencePreview
from mlwf_tui.tui.widgets.report_view import ReportView
from mlwf_tui.tui.widgets.stage import Stage
from mlwf_tui.workflow.compare import compare
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.tui.driving import Driver, drive
from tests.workflow.reporting import add_model, add_report, fill_val, predict


async def open_number(app: Driver, report: str, pick: Pick | FatePick) -> EvidencePreview:
    """Open what stands behind a number of a report, and return what shows its images."""
    await app.select(report)
    await app.press("enter")
    await app.until(lambda: isinstance(app.main.query_one(Stage).shown, ReportView))
    view = app.main.query_one("#report", ReportView)
    view.focus()
    await app.until_text("[Overview]" if isinstance(pick, Pick) else "1/5 Models")
    view.post_message(ReportView.TargetOpened(view, pick, None))
    await app.until(lambda: isinstance(app.main.query_one(Stage).shown, EvidencePane))
    await app.until(lambda: not app.main.is_busy)
    await app.settle()
    return app.main.query_one(EvidencePreview)


def read_letters(preview: EvidencePreview) -> list[str]:
    """Return the letters that stand on the picture, which comes after all that is told of it."""
    return [letter.text for letter in preview.picture.letters]


@pytest.mark.slow
async def test_a_picture_is_zoomed_and_moved_over_with_its_letters(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill_val(empty_home, tmp_path / "val")
    report = add_report(empty_home, add_model(empty_home, "new"), predict(empty_home, skips=2))
    async with drive(empty_home) as app:
        preview = await open_number(app, report.name, Pick(verdict=Verdict.MISSED))
        await app.until_text("missed  2 images")
        await app.until(lambda: read_letters(preview) == ["M", "M"], "the picture")
        whole = preview.picture.picture
        await app.press("w", *["plus"] * 4)
        await app.until_text("4× larger, 0 shows the whole")
        await app.until(lambda: preview.picture.picture is not whole)
        await app.press(*["h"] * 20, *["k"] * 20)  # to the upper left, where one of the two is
        await app.until(lambda: len(preview.picture.letters) == 1)
        (letter,) = preview.picture.letters
        assert 0.1 < letter.x < 0.4 and 0.1 < letter.y < 0.4  # at 4 of some 16 pixels
        await app.until_text("difference  000.png")  # not the next one
        await app.press("escape")
        await app.until(lambda: "larger" not in app.read_text() and len(preview.picture.letters) == 2)
        await app.press("j")  # of the whole picture it goes on to the next image
        await app.until_text("difference  001.png")
        await app.press("escape")
        await app.until(lambda: not app.main.query_one(EvidencePane).has_class("-bare"))


@pytest.mark.slow
async def test_regions_of_pixels_are_filled_and_left_out_by_their_sides(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill_val(empty_home, tmp_path / "val")
    said = predict(empty_home, skips=1, shift_px=4)
    report = add_report(empty_home, add_model(empty_home, "new"), said, evaluator="semantic")
    async with drive(empty_home) as app:
        preview = await open_number(app, report.name, Pick(of_class="cell"))
        await app.until_text("class cell  12 images")
        await app.until(lambda: read_letters(preview) == ["M"], "the picture")  # nothing was predicted
        await app.press("n")
        await app.until_text("difference  001.png")
        await app.until(lambda: sorted(read_letters(preview)) == ["F", "M", "X"], "the next picture")
        regions = preview.list_outlines()
        assert len(regions) == 6  # and those of spots, fainter
        assert all(of.geometry.kind is GeometryKind.MASK for of in regions)
        assert sorted({of.fill for of in regions}) == [FAINT_FILL, FILL]
        await app.press("comma", "t")
        assert len(preview.list_outlines()) == 6 - 2  # what was missed
        await app.press("comma", "p")
        assert not preview.list_outlines()
        await app.press("comma", "t", "comma", "d")
        await app.until_text("in the colours of the classes")
        assert [of.geometry.kind for of in preview.list_outlines()] == [GeometryKind.POLYGON] * 2


@pytest.mark.slow
async def test_an_image_is_opened_among_all_the_others(empty_home: Workspace, tmp_path: Path) -> None:
    fill_val(empty_home, tmp_path / "val")
    report = add_report(empty_home, add_model(empty_home, "new"), predict(empty_home, skips=2))
    async with drive(empty_home) as app:
        key = "main/001.png"
        await open_number(app, report.name, Pick(item=key))
        await app.until_text("all images  12 images")
        await app.until_text("difference  001.png")
        await app.press("n")
        await app.until(lambda: "difference  001.png" not in app.read_text())


@pytest.mark.slow
async def test_what_two_models_of_pixels_get_right_and_wrong_is_filled_and_left_out_by_model(
    empty_home: Workspace, tmp_path: Path
) -> None:
    fill_val(empty_home, tmp_path / "val")
    for name, skips, shift_px in (("old", 2, 0.0), ("new", 0, 4.0)):
        said = predict(empty_home, skips=skips, shift_px=shift_px)
        add_report(empty_home, add_model(empty_home, name), said, evaluator="semantic")
    report = compare(empty_home, ["new", "old"], observer=KeepingObserver()).report
    async with drive(empty_home) as app:
        pick = FatePick(fate=Fate.FIXED, of_class="cell")
        preview = await open_number(app, report.name, pick)
        await app.until_text("fixed, class cell  2 images")
        await app.until_text("0.00  0.67")  # IoU, before and now
        hints = [choice.label for choice in list_pane_hints(app.main.query_one(EvidencePane))]
        assert {"truth", "newer", "older"} <= set(hints) and "prediction" not in hints
        await app.until_text("difference  000.png")
        assert [letter.text for letter in preview.picture.letters] == ["W"]
        regions = preview.list_outlines()
        assert len(regions) == 6  # of each class what is found, missed by both, and made up by the newer
        assert sorted({of.fill for of in regions}) == [FAINT_FILL, FILL]
        await app.press("comma", "t")
        assert len(preview.list_outlines()) == 6 - 2  # nobody says anything where both miss it
        await app.press("comma", "p")
        assert not preview.list_outlines()  # the older model says nothing
        await app.press("comma", "t", "comma", "d")
        await app.until_text("in the colours of")
        assert [of.geometry.kind for of in preview.list_outlines()] == [GeometryKind.POLYGON] * 2
        await app.press("comma", "p")
        dashed = len(preview.list_outlines())
        await app.press("comma", "o")
        assert len(preview.list_outlines()) == dashed > 2


@pytest.mark.slow
async def test_keys_behind_one_for_another_image_mean_that_one(empty_home: Workspace, tmp_path: Path) -> None:
    fill_val(empty_home, tmp_path / "val")
    report = add_report(empty_home, add_model(empty_home, "new"), predict(empty_home, skips=2))
    async with drive(empty_home) as app:
        await open_number(app, report.name, Pick(verdict=Verdict.MISSED))
        keys = [choice.label for choice in list_pane_keys(app.main.query_one(EvidencePane))]
        assert "prediction" in keys and not {"newer", "older"} & set(keys)
        for key in ("w", "n", "plus", "plus"):  # in one burst, as over a slow line
            app.app.simulate_key(key)
        await app.until_text("difference  001.png")
        await app.until_text("2× larger")
        await app.press("N")
        await app.until_text("difference  000.png")
        assert "larger" not in app.read_text()
