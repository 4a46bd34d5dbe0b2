from __future__ import annotations

import math
from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.workflow.history import list_changes
from mlwf_tui.workflow.leaderboard import read_leaderboard
from mlwf_tui.workflow.model_diff import diff_models
from mlwf_tui.workflow.models import choose_experiments, filter_experiments, read_experiments
from mlwf_tui.workflow.star import star_model
from mlwf_tui.workflow.versions import list_versions
from mlwf_tui.workspace import Workspace
from tests.tui.homes import add_model, add_report, fill_projects


@pytest.fixture
def home(workspace: Workspace, tmp_path: Path) -> Workspace:
    fill_projects(workspace, tmp_path)
    add_model(workspace, "cells@1", "first", metrics={"map50": 0.5, "map": 0.3}, more_params={"lr0": "0.01"})
    add_model(workspace, "cells@2", "second", metrics={"map50": 0.7, "map": 0.4}, more_params={"lr0": "0.02"})
    add_model(workspace, "cells@2", "third", metrics={"map50": 0.6, "map": 0.5})
    return workspace


def names(found: object) -> list[str]:
    return [one.name for one in found]  # type: ignore[attr-defined]  # experiments, or models


def test_models_are_found_by_metrics_parameters_and_words(home: Workspace) -> None:
    found = read_experiments(home)
    assert names(found) == ["third", "second", "first"]
    assert names(choose_experiments(found, where="map50 > 0.5 and task = detect")) == ["third", "second"]
    assert names(choose_experiments(found, where="lr0 = 0.02")) == ["second"]
    assert names(choose_experiments(found, query="cells@1 YOLO")) == ["first"]
    assert names(choose_experiments(found, sort="map50")) == ["second", "third", "first"]
    assert names(choose_experiments(found, sort="lr0")) == ["first", "second", "third"]
    assert found[1].facts["data"] == "cells@2"


def test_a_filter_is_a_condition_or_words(home: Workspace) -> None:
    found = read_experiments(home)
    assert names(filter_experiments(found, "map50 >= 0.6")) == ["third", "second"]
    assert names(filter_experiments(found, "second")) == ["second"]
    assert names(filter_experiments(found, "")) == names(found)
    with pytest.raises(InvalidParameter):
        filter_experiments(found, "map50 >")


def test_what_is_no_field_is_refused_with_what_is_near(home: Workspace) -> None:
    with pytest.raises(InvalidParameter, match="mep50") as caught:
        choose_experiments(read_experiments(home), sort="mep50")
    assert "map50" in caught.value.hint


def test_a_star_is_found_again_and_told_in_the_history(home: Workspace) -> None:
    star_model(home, "first")
    assert names(choose_experiments(read_experiments(home), where="starred")) == ["first"]
    star_model(home, "first", is_starred=False)
    assert not choose_experiments(read_experiments(home), where="starred")
    assert [change.text for change in list_changes(home, "first") if change.what == "star"] == [
        "★",
        "taken away",
    ]


def test_several_models_are_compared_by_what_differs(home: Workspace) -> None:
    found = diff_models(home, ["first", "second", "third"])
    assert [(side.name, side.data) for side in found.sides] == [
        ("first", "cells@1"), ("second", "cells@2"), ("third", "cells@2"),
    ]  # fmt: skip
    params = {one.name: one.values for one in found.params}
    assert params["lr0"] == ("0.01", "0.02", None)
    assert "epochs" not in params
    assert found.items[0] is None
    assert found.items[1] == found.items[2] == {"added": 1, "removed": 0, "renamed": 0, "changed": 3}
    assert found.main_key is not None
    assert all(curve is not None for curve in found.curves[found.main_key])
    with pytest.raises(NotFound):
        diff_models(home, ["first", "nothing"])
    with pytest.raises(InvalidParameter):
        diff_models(home, ["first"])


def test_without_reports_a_leaderboard_rests_on_validations(home: Workspace) -> None:
    board = read_leaderboard(home, "cells", metric="map50")
    assert [(one.rank, one.model, one.value) for one in board.models] == [
        (1, "second", 0.7), (2, "third", 0.6), (3, "first", 0.5),
    ]  # fmt: skip
    assert "different versions" in board.basis
    assert read_leaderboard(home, "cells").metric == "map"


def test_reports_on_one_version_decide_and_the_others_have_no_rank(home: Workspace) -> None:
    version = list_versions(home, "cells")[0]
    first, third = (home.catalog.models.get(name) for name in ("first", "third"))
    add_report(home, first, version, "one")
    add_report(home, third, version, "two")
    board = read_leaderboard(home, "cells", metric="map50")
    assert [(one.rank, one.model, one.report) for one in board.models][2:] == [(None, "second", "")]
    assert {(one.rank, one.model) for one in board.models[:2]} == {
        (1, "first"),
        (1, "third"),
    }
    assert (board.version, board.split) == (version.ref, "val")
    assert "without a rank" in board.basis


def test_a_metric_that_is_no_number_ranks_nobody_and_is_never_the_best(home: Workspace) -> None:
    add_model(home, "cells@2", "broken", metrics={"map50": math.nan, "map": math.nan})
    board = read_leaderboard(home, "cells", metric="map50")
    assert [one.model for one in board.models] == ["second", "third", "first"]
    found = diff_models(home, ["broken", "first", "second"])
    assert {one.name: one.best for one in found.metrics} == {"map50": 2, "map": 2}


def test_a_leaderboard_of_what_was_not_measured_is_refused(home: Workspace) -> None:
    with pytest.raises(NotFound, match="No model was measured on"):
        read_leaderboard(home, "cells", on="cells@1")
    with pytest.raises(NotFound, match="nonsense"):
        read_leaderboard(home, "cells", metric="nonsense")
    assert not read_leaderboard(home, "parts").models
