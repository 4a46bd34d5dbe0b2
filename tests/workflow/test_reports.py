"""Reports as files: one page with everything in it, tables, and nothing that a name could smuggle in."""

from __future__ import annotations

import csv
import json
import re
import resource
from pathlib import Path
from xml.dom import minidom

import msgspec
import pytest

from mlwf_tui.entities.measurement import Interval
from mlwf_tui.entities.model import Curve
from mlwf_tui.errors import Conflict, InvalidParameter, NotFound, StorageFailed
from mlwf_tui.workflow.compare import compare
from mlwf_tui.workflow.reporting.charts import draw_bars, draw_counts, draw_lines
from mlwf_tui.workflow.reporting.export_report import export_report
from mlwf_tui.workflow.reporting.words import write_table
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.workflow.reporting import add_model, add_report, fill_val, predict


@pytest.fixture
def measured(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill_val(workspace, tmp_path / "val")
    add_report(workspace, add_model(workspace, "old"), predict(workspace, skips=2))
    add_report(workspace, add_model(workspace, "new"), predict(workspace, skips=1))
    return workspace


def test_a_page_has_its_charts_and_pictures_in_it_and_asks_for_nothing(
    measured: Workspace, tmp_path: Path
) -> None:
    page = export_report(measured, "old-on-cells-1", tmp_path / "r.html").read_text()

    assert "main/000.png" in page
    assert page.count('class="v-missed"') == 4 and 'class="v-found"' not in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "mAP50" in page and "0.833" in page  # 20 of 24
    asked = re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', page)
    assert not asked
    assert "<script" not in page


def test_a_comparison_is_written_with_what_became_worse(measured: Workspace, tmp_path: Path) -> None:
    made = compare(measured, ["old", "new"], observer=KeepingObserver())

    page = export_report(measured, made.report.name, tmp_path / "c.html").read_text()
    text = export_report(measured, made.report.name, tmp_path / "c.md").read_text()
    rows = list(csv.reader(export_report(measured, made.report.name, tmp_path / "c.csv").open()))

    assert page.count("data:image/jpeg;base64,") == 1
    assert "no measurable difference" in text
    assert "| old | yolov10n |" in text and "Objects: 0 fixed" in text
    assert page.count("mAP over ") == 2  # ms an image, MiB of weights
    assert [row[:2] for row in rows[1:]] == [["old", "new"]] * (len(rows) - 1)
    assert len(rows) > 5
    differences = made.report.metrics
    assert {row[2]: float(row[3]) for row in rows[1:]} == dict(differences)
    assert all(float(low) <= float(high) for _, _, _, _, low, high, *_ in rows[1:])


def test_json_and_csv_hold_the_figures(measured: Workspace, tmp_path: Path) -> None:
    body = json.loads(export_report(measured, "new-on-cells-1", tmp_path / "r.json").read_text())
    rows = list(csv.reader(export_report(measured, "new-on-cells-1", tmp_path / "r.csv").open()))

    assert body["body"]["metrics"]["recall"] == pytest.approx(22 / 24)
    assert [row[:3] for row in rows[1:]] == [["cell", "12", "11"], ["spot", "12", "11"]]
    assert [float(row[6]) for row in rows[1:]] == pytest.approx([11 / 12, 11 / 12])


def test_what_cannot_be_written_is_refused_and_nothing_is_overwritten(
    measured: Workspace, tmp_path: Path
) -> None:
    there = tmp_path / "there.html"
    there.write_text("mine")

    with pytest.raises(Conflict, match="exists already"):
        export_report(measured, "old-on-cells-1", there)
    with pytest.raises(InvalidParameter, match="cannot be written as 'pdf'"):
        export_report(measured, "old-on-cells-1", tmp_path / "r.pdf")
    with pytest.raises(NotFound):
        export_report(measured, "nothing", tmp_path / "r.html")
    with pytest.raises(StorageFailed, match="cannot be written"):
        export_report(measured, "old-on-cells-1", tmp_path / "none" / "r.html")
    assert there.read_text() == "mine"


def test_a_disk_that_fills_half_way_leaves_no_half_file(measured: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StorageFailed, match="cannot be written"):
            export_report(measured, "old-on-cells-1", folder / "r.html")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not list(folder.iterdir())
    assert export_report(measured, "old-on-cells-1", folder / "r.html").stat().st_size > 4096


def test_damaged_predictions_are_told_and_those_that_were_not_kept_are_left_out(
    measured: Workspace, tmp_path: Path
) -> None:
    report = measured.catalog.reports.get("old-on-cells-1")
    body = msgspec.structs.asdict(report)
    values = {name: body[name] for name in ("model_id", "version_id", "split", "metrics", "speed", "run_id")}
    with measured.store.writer() as writer:
        damaged = writer.put(b"no predictions")
    with measured.catalog.transaction():
        lost = type(damaged)("f" * 64)
        for name, predictions in (("damaged", damaged), ("of-before", None), ("lost", lost)):
            measured.catalog.reports.create(
                name=name, evaluation=report.evaluation, predictions=predictions, **values
            )

    for name, reason in (
        ("damaged", "predictions of damaged cannot be read"), ("of-before", "were not kept"), ("lost", "fff"),
    ):  # fmt: skip
        page = export_report(measured, name, tmp_path / f"{name}.html").read_text()
        assert "They cannot be shown." in page and reason in page
        assert "mAP50" in page and "0.833" in page  # the rest is there
    made = compare(measured, ["old-on-cells-1", "new-on-cells-1"], observer=KeepingObserver())
    with measured.catalog.transaction():
        measured.catalog.reports.delete(report.id)
        again = measured.catalog.reports.create(
            name="old-on-cells-1", evaluation=report.evaluation, predictions=lost, **values
        )
    body_text = measured.store.read(made.report.evaluation).replace(report.id.encode(), again.id.encode())
    with measured.store.writer() as writer:
        changed = writer.put(body_text)
    with measured.catalog.transaction():
        measured.catalog.reports.create(
            name="pair", evaluation=changed, predictions=None, kind=made.report.kind,
            **{**values, "metrics": made.report.metrics},
        )  # fmt: skip
    page = export_report(measured, "pair", tmp_path / "pair.html").read_text()
    assert "What old-on-cells-1 found is not drawn." in page and page.count('class="truth"') > 1


def test_a_comparison_is_written_though_its_reports_and_version_were_deleted(
    measured: Workspace, tmp_path: Path
) -> None:
    made = compare(measured, ["old", "new"], observer=KeepingObserver())
    measured.catalog.reports.delete(measured.catalog.reports.get("old-on-cells-1").id)

    page = export_report(measured, made.report.name, tmp_path / "one.html").read_text()
    assert 'class="old"' in page and 'class="truth"' in page

    measured.catalog.versions.delete(made.report.version_id)
    page = export_report(measured, made.report.name, tmp_path / "none.html").read_text()
    assert "data:image/jpeg" not in page and "no measurable difference" in page


def test_two_reports_of_one_model_each_show_what_they_found(measured: Workspace, tmp_path: Path) -> None:
    model = measured.catalog.models.get("new")
    again = add_report(measured, model, predict(measured, skips=3))
    made = compare(measured, [again.name, "new-on-cells-1"], observer=KeepingObserver())

    page = export_report(measured, made.report.name, tmp_path / "r.html").read_text()

    assert page.count('rect class="old"') == 4  # of the two images that only the first report's model missed
    assert page.count('rect class="found"') == 0


def test_charts_are_well_formed_whatever_the_names_are() -> None:
    name = "<script>\x1b[31m\u202e&\ufffe\"'"
    curve = Curve(name=name, x=(0.0, 1.0), y=(0.5, 30.0))
    charts = [
        draw_lines([curve] * 9, title=name, x_label=name, y_label=name),
        draw_bars([name] * 70, [0.5, None] * 35, title=name, x_label=name, intervals=[Interval(0.1, 0.2)]),
        draw_counts([name] * 40, [[3] * 40] * 40, title=name),
    ]
    for chart in charts:
        assert minidom.parseString(chart).getElementsByTagName("svg")
        assert "<script" not in chart


def test_a_name_is_no_formula_in_a_spreadsheet() -> None:
    rows: list[list[str | float | None]] = [["=1+1"], ["-0.5"], [-0.5], [None], ["@x"], ["a"]]
    assert write_table(["a"], rows) == "a\n'=1+1\n'-0.5\n-0.5\n\"\"\n'@x\na\n"
