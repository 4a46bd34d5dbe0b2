"""Reports on the command line: their figures at other thresholds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.part import Part
from mlwf_tui.workflow.benchmarking.apart import find_apart
from mlwf_tui.workflow.compare import compare
from mlwf_tui.workflow.queue import pause_queue
from mlwf_tui.workspace import open_workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.fakes.seeing import add_seer
from tests.workflow.reporting import add_model, add_report, fill_val, predict

CELL = ("cell", 4, 4, 24, 24)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with open_workspace(tmp_path / "home") as workspace:
        fill_val(workspace, tmp_path / "val")
        add_report(workspace, add_model(workspace, "one"), predict(workspace, skips=6, shift_px=4))
    return tmp_path / "home"


def test_figures_are_counted_at_other_thresholds(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = ["--home", str(home), "report", "one-on-cells-1"]

    assert main([*report, "--confidence", "0", "--class-iou", "cell=0.9", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recall"] == pytest.approx(0.25)
    assert [(of["name"], of["hit_count"]) for of in found["classes"]] == [("cell", 0), ("spot", 6)]
    assert found["class_iou"] == {"cell": 0.9}

    assert main([*report, "--confidence", "0", "--iou", "0.5"]) == 0
    text = capsys.readouterr().out
    assert "at confidence 0.000 and IoU 0.50: precision 1.000  recall 0.500" in text
    assert main([*report, "--iou", "0.99999"]) == 0
    assert "and IoU 0.99999:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--html", "x.html"], "--html is of one report."),
        (["--iou", "0", "--items"], "--iou and --items are of one report."),
    ],
)
def test_what_is_of_one_report_is_refused_without_its_name(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    assert main(["--home", str(home), "report", *words]) == 2
    assert reason in capsys.readouterr().err
    assert not Path("x.html").exists()


def test_a_limit_is_that_of_every_list_of_a_leaderboard(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_workspace(home) as workspace:
        for name in ("two", "three"):
            add_report(workspace, add_model(workspace, name), predict(workspace))
    board = ["--home", str(home), "leaderboard", "cells"]

    assert main([*board, "--limit", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (len(found["models"]), [len(group["reports"]) for group in found["groups"]]) == (2, [2])
    assert main([*board, "--limit", "2", "--trend"]) == 0
    _, _, *rows = capsys.readouterr().out.strip().splitlines()
    assert [line.split()[3] for line in rows] == ["two", "three"]
    assert main([*board, "--split", "zork"]) == 2


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--class-iou", "cell"], "no IoU of a class"),
        (["--class-iou", "cow=0.5"], "no class 'cow'"),
        (["--iou", "2"], "IoU 2.0"),
        (["--confidence", "nan"], "nan is no confidence"),
        (["--iou", "0.6", "--out", "r.csv"], "as it was measured"),
    ],
)
def test_what_is_no_threshold_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    assert main(["--home", str(home), "report", "one-on-cells-1", *words]) == 2
    assert reason in capsys.readouterr().err


def test_images_behind_a_number_are_listed_and_written(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = ["--home", str(home), "report", "one-on-cells-1", "--items"]

    assert main([*report, "--where", "truth=cell predicted=none", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["where"], found["item_count"]) == ("cell missed", 6)
    assert [of["key"] for of in found["items"]] == [f"main/{n:03d}.png" for n in range(6)]
    assert {of["count"] for of in found["items"]} == {1} and {of["missed"] for of in found["items"]} == {2}

    assert main([*report, "--where", "verdict=found", "--iou", "0.9", "--limit", "3"]) == 0
    assert "found: 0 images at confidence 0.790 and IoU 0.90" in capsys.readouterr().out
    assert main([*report, "--out", str(tmp_path / "items.csv")]) == 0
    rows = (tmp_path / "items.csv").read_text().splitlines()
    assert rows[:2] == ["item,found,missed,false,confused,count", "main/000.png,0,2,0,0,2"]
    assert len(rows) == 13

    for strange in ("nan", "5", "-1", "inf"):
        for call in (report, report[:-1]):
            assert main([*call, "--confidence", strange]) == 2
            assert f"{strange} is no confidence: it is a number from 0 to 1." in capsys.readouterr().err
        assert main([*report, "--iou", strange]) == 2
        assert "Choose one of 0.5, 0.55, … 0.95" in capsys.readouterr().err

    assert main([*report, "--where", "colour=red"]) == 2
    assert "the fields are predicted, truth" in capsys.readouterr().err
    assert main([*report, "--out", str(tmp_path / "items.html")]) == 2
    assert main([*report[:-1], "--where", "truth=cell"]) == 2
    assert "Add --items" in capsys.readouterr().err


def test_images_of_a_report_of_pixels_are_listed_with_their_iou(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_workspace(home) as workspace:
        model = workspace.catalog.models.get("one")
        report = add_report(workspace, model, predict(workspace, skips=1, shift_px=4), evaluator="semantic")
    call = ["--home", str(home), "report", report.name, "--items"]

    assert main([*call, "--limit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{report.name}, all images: 12 images"
    assert lines[2].split() == ["ITEM", "COUNT", "FOUND", "MISSED", "FALSE", "CONFUSED", "IOU"]
    assert (lines[3].split()[0], lines[3].split()[-1]) == ("main/000.png", "0.000")
    assert main([*call, "--where", "truth=cell predicted=background", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["item_count"], found["confidence"], found["iou"]) == (12, None, None)
    assert main([*call, "--where", "error=segment class=cell", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["where"], found["item_count"]) == ("class cell, error: segment", 1)
    assert [(of["key"], of["count"]) for of in found["items"]] == [("main/000.png", 400)]  # all of it missed
    assert main([*call, "--where", "error=boundary", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["item_count"] == 11
    assert main([*call[:-2], "one-on-cells-1", "--items", "--where", "error=boundary"]) == 1
    assert "A report of objects has no error: boundary." in capsys.readouterr().err
    assert main([*call, "--iou", "0.75"]) == 2
    assert "at its own thresholds alone" in capsys.readouterr().err


def test_images_of_a_comparison_of_pixels_are_listed_with_their_iou_before_and_now(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_workspace(home) as workspace:
        for name, skips in (("two", 2), ("three", 6)):
            add_report(
                workspace, add_model(workspace, name), predict(workspace, skips=skips), evaluator="semantic"
            )
    call = ["--home", str(home)]
    assert main([*call, "compare", "three", "two"]) == 0
    told = capsys.readouterr().out
    assert "images: 0 fixed, 4 broken, 7 both wrong, 1 both right" in told
    assert "worse: main/002.png  IoU 0.944 → 0.000" in told
    report = [*call, "report", "three-against-two-1", "--items"]

    assert main([*report, "--where", "fate=broken class=cell"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "three-against-two-1, broken, class cell: 4 images"
    assert lines[2].split()[-3:] == ["IOU", "BEFORE", "IOU"]
    assert lines[3].split()[0] == "main/002.png" and lines[3].split()[-2:] == ["1.000", "0.000"]
    assert main([*report, "--where", "fate='both wrong'", "--limit", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["items"]
    assert [(of["key"], of["iou"], of["iou_before"]) for of in found] == [
        ("main/000.png", 0.0, 0.0), ("main/001.png", 0.0, 0.0),
    ]  # fmt: skip


def test_images_that_were_won_and_lost_are_listed_and_what_is_apart_offers_to_be_measured(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_workspace(home) as workspace:
        add_report(workspace, add_model(workspace, "two"), predict(workspace, skips=2))
        add_model(workspace, "new")
    call = ["--home", str(home)]
    assert main([*call, "compare", "two", "one"]) == 0
    assert "8 fixed, 0 broken" in capsys.readouterr().out
    report = [*call, "report", "two-against-one-1", "--items"]

    assert main([*report, "--where", "fate=fixed class=cell", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["where"], found["item_count"]) == ("fixed, class cell", 4)
    assert [of["key"] for of in found["items"]] == [f"main/{n:03d}.png" for n in range(2, 6)]
    assert main([*report, "--where", "fate='both wrong'", "--out", str(tmp_path / "lost.csv")]) == 0
    assert (tmp_path / "lost.csv").read_text().splitlines()[1] == "main/000.png,0,0,2,0,2"
    capsys.readouterr()
    for words, reason in (
        (["--where", "fate=good"], "There are: fixed"), (["--where", "pair=2"], "no pair 2"),
        (["--confidence", "0.5"], "confidence of each of its reports"),
    ):  # fmt: skip
        assert main([*report, *words]) in (2, 4)
        assert reason in capsys.readouterr().err

    assert main([*call, "compare", "new", "one"]) == 5
    refused = capsys.readouterr().err
    assert "mlwf benchmark new cells@1 --split val" in refused and "--measure does it first" in refused
    with open_workspace(home) as workspace:
        apart = find_apart(workspace, ["new", "two-on-cells-1"])
        assert apart is not None
        assert [(of.model, of.version, of.part.split) for of in apart.missing] == [("new", "cells@1", "val")]
        assert apart.refs == ("new", "two")
        assert find_apart(workspace, ["two", "one"]) is None


def test_all_of_a_comparison_is_checked_before_anything_is_measured(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_workspace(home) as workspace:
        old = workspace.catalog.reports.get("one-on-cells-1")
        add_report(workspace, add_model(workspace, "two"), predict(workspace))
        compare(workspace, ["one", "two"], observer=KeepingObserver())
        add_model(workspace, "fresh")
        add_model(workspace, "cars", classes=["car"])
        workspace.catalog.reports.create(
            name="of-before", model_id=old.model_id, version_id=old.version_id, split="val", metrics={},
            speed={}, evaluation=old.evaluation, run_id=old.run_id,
        )  # fmt: skip
        pause_queue(workspace)
        before = len(workspace.catalog.runs.list())

    for words, code, reason in (
        (["one", "--fail-if", "map50 is bad"], 2, "no condition"),
        (["one", "--fail-if", "map51 < 0"], 2, "no difference in 'map51'"),
        (["one", "--split", "vall"], 2, "no split 'vall'"),
        (["one", "--on", "cells@9"], 4, "cells@9"),
        (["one", "nobody"], 4, "nobody"),
        (["--on", "cells@1"], 2, "One model alone"),
        (["one", "fresh"], 2, "with itself"),
        (["one", "of-before"], 1, "were not kept"),
        (["one", "one-against-two-1"], 2, "compares models itself"),
        (["cars", "one"], 1, "no class in common"),
    ):
        assert main(["--home", str(home), "compare", "fresh", *words, "--measure", "--trust"]) == code
        assert reason in capsys.readouterr().err
    with open_workspace(home) as workspace:
        assert len(workspace.catalog.runs.list()) == before


def test_reports_of_one_model_on_other_data_cannot_be_made_comparable(home: Path, tmp_path: Path) -> None:
    with open_workspace(home) as workspace:
        fill_val(workspace, tmp_path / "others", images=3, project="others")
        one = workspace.catalog.models.get("one")
        add_report(workspace, one, predict(workspace, ref="others@1"), ref="others@1")

        apart = find_apart(workspace, ["one-on-others-1", "one-on-cells-1"])

        assert apart is not None and (apart.missing, apart.commands) == ((), ())
        assert "are of one model" in apart.message


@pytest.mark.slow
def test_measure_benchmarks_all_that_is_lacking_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        fill_val(workspace, tmp_path / "val", images=4, project="seen")
        part = Part(classes=("cell",), where="name != '000.png'")
        said = predict(workspace, ref="seen@1")
        del said["main/000.png"]
        add_report(workspace, add_seer(workspace, "one", [CELL]), said, ref="seen@1", part=part)
        add_seer(workspace, "two", [CELL])
        add_seer(workspace, "three", [CELL])

        call = ["--home", str(workspace.home), "compare", "two", "three", "one", "--json"]
        assert main([*call, "--measure", "--fail-if", "recall < 0"]) == 0

        document = json.loads(capsys.readouterr().out)
        assert list(document["metrics"]) == ["two", "three", "one"]
        assert document["pairs"][0]["comparison"]["item_count"] == 3
        (second, first) = (run for run in workspace.catalog.runs.list() if run.is_detached)
        assert second.started_at is not None and first.finished_at is not None
        assert first.finished_at <= second.started_at  # neither slows the other down
