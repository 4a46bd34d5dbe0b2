"""Reports of a project in groups: only what was measured alike is ranked, and each says how sure it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlwf_tui.entities.measurement import Interval
from mlwf_tui.entities.part import Part
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.tui.widgets.board_plots import PLOTS
from mlwf_tui.tui.widgets.drawing import measure_line
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.leaderboard import read_leaderboard
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_yolo
from tests.workflow.reporting import CLASSES, add_model, add_report, fill_val, predict


@pytest.fixture
def measured(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Three models on one version, and one of them, not timed, on a second state of the same split."""
    fill_val(workspace, tmp_path / "val")
    for name, skips, speed, size in (("old", 4, 50.0, 7), ("new", 1, 40.0, 7), ("large", 2, 10.0, 90)):
        add_report(
            workspace, add_model(workspace, name, size=size), predict(workspace, skips=skips),
            images_per_second=speed,
        )  # fmt: skip
    more = make_yolo(tmp_path / "more", {"val/more.png": [("cell", 4, 4, 24, 24)]}, class_names=CLASSES)
    import_folder(workspace, more, "cells", observer=KeepingObserver())
    commit(workspace, "cells", message="one more")
    add_report(
        workspace, workspace.catalog.models.get("old"), predict(workspace, ref="cells@2"), ref="cells@2",
        images_per_second=0.0,
    )  # fmt: skip
    return workspace


def test_a_split_and_a_version_narrow_all_that_is_shown(measured: Workspace) -> None:
    new = measured.catalog.models.get("new")
    train = add_report(measured, new, {"main/z.png": []}, part=Part(split="train"))

    def list_titles(**asked: str) -> list[str]:
        return [group.title for group in read_leaderboard(measured, "cells", **asked).groups]

    assert list_titles() == ["cells@1, val", "cells@1, train", "cells@2, val"]
    assert list_titles(split="train") == ["cells@1, train"]
    assert read_leaderboard(measured, "cells", split="train").models[0].report == train.name
    assert list_titles(on="cells@2") == ["cells@2, val"]
    for asked, words in (
        ({"split": "test"}, "on the test split of cells"),
        ({"on": "cells@2", "split": "train"}, "on cells@2 (train)"),
    ):
        with pytest.raises(NotFound, match=re.escape(f"No model was measured {words}.")):
            read_leaderboard(measured, "cells", **asked)
    with pytest.raises(InvalidParameter, match="There is no split 'zork'"):
        read_leaderboard(measured, "cells", split="zork")


def test_reports_on_other_data_are_a_group_of_their_own(measured: Workspace) -> None:
    first, second = read_leaderboard(measured, "cells", metric="map50").groups

    assert (first.title, second.title) == ("cells@1, val", "cells@2, val")
    assert [(of.rank, of.model) for of in first.reports] == [(1, "new"), (2, "large"), (3, "old")]
    assert [(of.rank, of.model) for of in second.reports] == [(1, "old")]
    assert (first.metric, first.metric_name) == ("map50", "mAP50")
    best = first.reports[0]
    assert isinstance(best.interval, Interval)
    assert best.interval.low <= best.value <= best.interval.high
    assert best.recall == pytest.approx(22 / 24)
    assert best.size_bytes == len("new") * 7
    assert best.image_ms == 1000 / 40  # of a report that knows images a second alone
    by_recall = read_leaderboard(measured, "cells", metric="recall", on="cells@1").groups[0]
    assert (by_recall.metric, by_recall.reports[0].value) == ("recall", best.recall)

    report = measured.catalog.reports.get("new-on-cells-1")
    measured.catalog.reports.delete(report.id)
    with measured.catalog.transaction():
        measured.catalog.reports.create(
            name="lost", model_id=report.model_id, version_id=report.version_id, split=report.split,
            metrics=report.metrics, speed=report.speed, evaluation=type(report.evaluation)("f" * 64),
            run_id=report.run_id, settings=report.settings,
        )  # fmt: skip
    lost = read_leaderboard(measured, "cells").groups[0].reports[0]
    assert (lost.report, lost.rank, lost.interval) == ("lost", 1, None)  # its figures stand in the catalog


def test_models_are_ranked_by_reports_of_the_same_data_alone(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val")
    for name, skips in (("old", 4), ("new", 1)):
        add_report(workspace, add_model(workspace, name), predict(workspace, skips=skips))
    more = make_yolo(tmp_path / "more", {"train/y.png": [("cell", 4, 4, 24, 24)]}, class_names=CLASSES)
    import_folder(workspace, more, "cells", observer=KeepingObserver())
    commit(workspace, "cells", message="more to train on")
    third = add_model(workspace, "third", ref="cells@2")
    add_report(workspace, third, predict(workspace, skips=2), ref="cells@2")  # the same val split
    spots = Part(classes=("spot",))
    for name in ("old", "narrow"):
        model = workspace.catalog.models.find(name) or add_model(workspace, name)
        add_report(workspace, model, predict(workspace), part=spots)  # flawless, on half of the objects

    board = read_leaderboard(workspace, "cells", metric="map50")

    ranked = [(one.rank, one.model, one.report) for one in board.models]
    assert ranked == [
        (1, "new", "new-on-cells-1"), (2, "third", "third-on-cells-1"), (3, "old", "old-on-cells-1"),
    ]  # fmt: skip
    assert board.basis == "measured on cells@2 and cells@1, split val"


def test_the_trend_goes_by_when_models_were_made_and_the_front_by_what_nobody_beats(
    measured: Workspace,
) -> None:
    again = add_report(measured, measured.catalog.models.get("new"), predict(measured))
    group, untimed = read_leaderboard(measured, "cells").groups

    assert [of.model for of in group.list_trend()] == ["old", "new", "large"]
    assert {of.report for of in group.list_trend()} >= {again.name}  # the newest of each
    assert group.list_front() == {again.id}
    assert not untimed.list_front()
    for kind, draw in PLOTS.items():
        for width in (30, 78, 200):
            for of in (group, untimed):
                lines = draw(of, width, 12)
                text = "\n".join("".join(piece for piece, _ in line) for line in lines)
                assert max(map(measure_line, lines)) <= width
                is_missing = kind == "accuracy over speed" and of is untimed
                assert ("Nothing is known" in text) == is_missing

    gone = measured.catalog.models.get("large")
    measured.catalog.models.delete(gone.id)
    left = read_leaderboard(measured, "cells").groups[0]
    assert [of.model for of in left.list_trend()] == ["old", "new"]
    assert next(of for of in left.reports if of.model == "large").size_bytes is None
