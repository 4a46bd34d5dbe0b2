"""The images behind the numbers of a comparison: the counts, and what of each image is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.evidence import Fate, FatePick
from mlwf_tui.entities.measurement import ComparisonReport
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound
from mlwf_tui.workflow.compare import compare
from mlwf_tui.workflow.reporting.export_report import export_report
from mlwf_tui.workflow.reporting.pair_evidence import open_pair, write_fate_table
from mlwf_tui.workflow.reporting.pairs import PairEvidence
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.workflow.reporting import CLASSES, add_model, add_report, fill_val, predict

SMALL = ("object size", "small")


@pytest.fixture
def body(workspace: Workspace, tmp_path: Path) -> ComparisonReport:
    fill_val(workspace, tmp_path / "val")
    add_report(workspace, add_model(workspace, "old"), predict(workspace, skips=6))
    add_report(workspace, add_model(workspace, "new"), predict(workspace, skips=2))
    return compare(workspace, ["new", "old"], observer=KeepingObserver()).body


@pytest.mark.parametrize(
    "pick",
    [
        FatePick(slice=("class", "cell")),
        FatePick(slice=SMALL, of_class="cell"),
        FatePick(fate=Fate.FIXED, slice=("class", "spot"), of_class="spot"),
        FatePick(fate=Fate.BOTH_RIGHT, slice=SMALL),
        FatePick(fate=Fate.FIXED, item="main/003.png"),
    ],
)
def test_as_many_objects_are_meant_as_are_counted(
    workspace: Workspace, body: ComparisonReport, pick: FatePick
) -> None:
    evidence = open_pair(workspace, body)
    found = evidence.list_items(pick)
    assert found
    for of in found:
        _, seen = evidence.look(of.key, pick)
        meant = [one for one in seen if one.is_meant]
        assert len(meant) == of.count
        if pick.slice is not None and pick.slice[0] == "class":
            assert {one.newer.truth_class for one in meant if one.newer} == {pick.slice[1]}
    others = {of.key for of in evidence.list_items(FatePick())} - {of.key for of in found}
    assert not any(one.is_meant for key in others for one in evidence.look(key, pick)[1])


def test_an_image_alone_is_there_unchanged_as_well_and_not_where_more_is_asked(
    workspace: Workspace, body: ComparisonReport
) -> None:
    evidence = open_pair(workspace, body)
    (unchanged,) = evidence.list_items(FatePick(item="main/011.png"))
    assert (unchanged.count, unchanged.both_right) == (0, 2)
    assert evidence.list_items(FatePick(item="main/011.png", fate=Fate.BROKEN)) == ()


def test_what_the_reports_do_not_know_is_refused_with_the_nearest_name(
    workspace: Workspace, body: ComparisonReport
) -> None:
    evidence = open_pair(workspace, body)
    with pytest.raises(InvalidParameter, match="no class 'cel'") as refused:
        evidence.list_items(FatePick(of_class="cel"))
    assert "Did you mean cell?" in refused.value.hint
    with pytest.raises(NotFound, match="no slice object size: smal") as lacking:
        evidence.list_items(FatePick(slice=("object size", "smal")))
    assert "Did you mean object size: small?" in lacking.value.hint
    with pytest.raises(NotFound, match="'main/none' was not measured"):
        evidence.list_items(FatePick(item="main/none"))


def test_reports_that_list_the_same_classes_in_another_order_are_looked_behind(
    workspace: Workspace, tmp_path: Path
) -> None:
    fill_val(workspace, tmp_path / "val")
    fill_val(workspace, tmp_path / "turned", project="turned", classes=CLASSES[::-1])
    only_cells = {
        key: [one for one in found if one.class_name == "cell"] for key, found in predict(workspace).items()
    }
    add_report(workspace, add_model(workspace, "old", ref="turned@1"), only_cells, ref="turned@1")
    add_report(workspace, add_model(workspace, "new"), predict(workspace))
    body = compare(workspace, ["new", "old"], observer=KeepingObserver()).body

    evidence = open_pair(workspace, body)

    assert _count(evidence, FatePick(fate=Fate.FIXED, of_class="spot")) == 12
    assert _count(evidence, FatePick(fate=Fate.BOTH_RIGHT, of_class="cell")) == 12
    _, seen = evidence.look("main/000.png", FatePick(fate=Fate.FIXED))
    assert [(one.fate, one.newer and one.newer.truth_class) for one in seen] == [
        (Fate.FIXED, "spot"), (Fate.BOTH_RIGHT, "cell"),
    ]  # fmt: skip
    assert all(one.newer and one.older and one.newer.truth == one.older.truth for one in seen)


def test_images_of_pixels_are_won_and_lost_by_their_iou_and_drawn_with_what_both_say(
    workspace: Workspace, tmp_path: Path
) -> None:
    fill_val(workspace, tmp_path / "val")
    for name, skips, shift_px in (("old", 2, 0.0), ("new", 0, 4.0)):
        said = predict(workspace, skips=skips, shift_px=shift_px)
        add_report(workspace, add_model(workspace, name), said, evaluator="semantic")
    made = compare(workspace, ["new-on-cells-1", "old-on-cells-1"], observer=KeepingObserver())
    (pair,) = made.body.pairs

    evidence = open_pair(workspace, made.body)

    assert (evidence.is_of_pixels, evidence.names) == (True, ("new", "old"))
    won, lost = (evidence.list_items(FatePick(fate=fate)) for fate in (Fate.FIXED, Fate.BROKEN))
    assert [of.key for of in won] == ["main/000.png", "main/001.png"]
    assert all(of.iou_before == 0 and of.iou == pytest.approx(2 / 3, abs=0.1) for of in won)
    assert len(lost) == 10
    assert all(of.iou and of.iou_before and of.iou < 0.7 < 0.9 < of.iou_before for of in lost)
    assert (pair.comparison.truths_fixed, pair.comparison.truths_broken) == (2, 10)
    assert evidence.list_items(FatePick(fate=Fate.BOTH_WRONG)) == ()
    pick = FatePick(fate=Fate.BROKEN, of_class="cell")
    item, seen = evidence.look(lost[0].key, pick)
    assert item.key == lost[0].key
    missed, made_up = [one for one in seen if one.is_meant]
    assert made_up.newer and made_up.newer.predicted_class == "cell" and made_up.older is None
    assert missed.newer and missed.older
    assert (missed.newer.predicted_class, missed.older.predicted_class) == ("", "cell")
    assert missed.region is not None and made_up.pixels == missed.pixels == 20 * 4
    shapes = [of for one in seen for side in (one.newer, one.older) if side
              for of in (side.truth, side.predicted) if of]  # fmt: skip
    assert len(shapes) == 6  # two classes: what is so, and what each of the two says
    assert {of.kind for of in shapes} == {GeometryKind.POLYGON}  # the borders, which can be drawn in dashes
    rows = write_fate_table(won).splitlines()
    assert rows[0] == "item,fixed,broken,both_wrong,both_right,count,iou_before,iou"
    assert rows[1].startswith("main/000.png,") and ",0.0,0.6" in rows[1]
    with pytest.raises(InvalidInput, match="no object size: small"):
        evidence.list_items(FatePick(slice=SMALL))
    page = export_report(workspace, made.report.name, tmp_path / "compared.html").read_text("utf-8")
    assert "Images: 2 fixed, 10 broken, 0 both wrong, 0 both right." in page
    assert "Difference in IoU by class" in page and "IoU 1.000 → 0.633" in page


def _count(evidence: PairEvidence, pick: FatePick) -> int:
    return sum(of.count for of in evidence.list_items(pick))
