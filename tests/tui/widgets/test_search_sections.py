"""The page of a search: what stands in it, at 80 columns and more, with no, one and many trials."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.axis import read_axis
from mlwf_tui.entities.search import SearchPlan, Trial, TrialState
from mlwf_tui.tui.widgets.drawing import ROLE_STYLES, Line, measure_line
from mlwf_tui.tui.widgets.search_sections import SearchPage, list_sections

PLAN = SearchPlan(
    data="cells@2",
    model="yolov10n",
    axes=(
        read_axis("lr0", "0.0001..0.01:log"),
        read_axis("batch", "4,8,16"),
        read_axis("mosaic", "0.0..1.0"),
    ),
)


def make_trial(number: int, value: float | None, state: TrialState = TrialState.DONE) -> Trial:
    curve = tuple((step, (value or 0.0) * step / 4) for step in range(1, 5))
    values = {"lr0": number / 10_000, "batch": (4, 8, 16)[number % 3], "mosaic": number / 10}
    return Trial(
        number=number, run=f"r{number}", state=state, values=values, value=value, curve=curve,
        model="cells-3" if number == 3 else "", error="it is broken" if state is TrialState.FAILED else "",
    )  # fmt: skip


TRIALS = (
    make_trial(1, 0.4), make_trial(2, 0.2, TrialState.PRUNED), make_trial(3, 0.8),
    make_trial(4, None, TrialState.FAILED), make_trial(5, 0.6), make_trial(6, 0.1, TrialState.RUNNING),
)  # fmt: skip


def draw(trials: tuple[Trial, ...], width: int, importance: dict[str, float] | None = None) -> dict[str, str]:
    page = SearchPage(
        title="search 3f9a of cells@2", state="running", summary="5 of 20 trials", plan=PLAN, trials=trials,
        importance=importance or {},
    )  # fmt: skip
    drawn = {title: section(width) for title, section in list_sections(page).items()}
    for title, lines in drawn.items():
        assert all(measure_line(line) <= width for line in lines), title
        assert all(role in ROLE_STYLES for line in lines for _, role in line), title
    return {title: "\n".join(map(read, lines)) for title, lines in drawn.items()}


def read(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()


@pytest.mark.parametrize("width", [40, 60, 78, 140])
@pytest.mark.parametrize("trials", [(), TRIALS[:1], TRIALS])
def test_every_section_fits_every_width(trials: tuple[Trial, ...], width: int) -> None:
    draw(trials, width, {"lr0": 0.7, "batch": 0.2, "mosaic": 0.1} if len(trials) > 4 else {})


def test_the_best_trial_stands_at_the_top_with_what_to_type() -> None:
    text = draw(TRIALS, 78)["Overview"]
    assert "best map50 0.8000  trial 3" in text
    assert "-p lr0=0.0003" in text
    assert "▲ cells-3" in text
    assert "No trial is done yet" in draw((), 78)["Overview"]


def test_trials_are_listed_best_first_with_their_states() -> None:
    lines = draw(TRIALS, 78)["Trials"].split("\n")
    assert [line.split()[:2] for line in lines[1:4]] == [["3", "done"], ["5", "done"], ["1", "done"]]
    assert any(line.split()[:2] == ["2", "pruned"] for line in lines)
    assert any("it is broken" in line for line in lines)
    assert "not shown: batch, mosaic" in draw(TRIALS, 40)["Trials"]


def test_bars_are_as_long_as_the_parameters_are_important() -> None:
    text = draw(TRIALS, 78, {"lr0": 0.75, "batch": 0.25})["Importance"].split("\n")
    assert [line.count("█") for line in text] == [30, 10]
    assert "75%" in text[0]
    assert "four trials" in draw(TRIALS, 78)["Importance"]


def test_history_and_slices_have_a_point_for_each_trial_that_is_done() -> None:
    drawn = draw(TRIALS, 78)
    assert drawn["History"].count("●") == 1 + 3  # one in the legend
    assert (drawn["Slices"].count("●"), drawn["Slices"].count("◆")) == (3 * 2, 1 + 3)
    for label in ("0.0001", "0.001", "0.01", "16", "map50 over 4,8,16"):
        assert label in drawn["Slices"]
