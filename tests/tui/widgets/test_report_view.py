"""The report: what stands in it, at every size, and how its sections are reached."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.entities.evidence import Pick
from mlwf_tui.entities.measurement import ErrorKind
from mlwf_tui.entities.model import ClassMetrics, Evaluation
from mlwf_tui.tui.screens.choices import list_pane_hints, list_pane_keys
from mlwf_tui.tui.widgets.comparison_sections import draw_figures, list_comparison_sections
from mlwf_tui.tui.widgets.drawing import ROLE_STYLES, measure_line
from mlwf_tui.tui.widgets.report_confusion import draw_confusion
from mlwf_tui.tui.widgets.report_sections import SECTIONS, draw_classes
from mlwf_tui.tui.widgets.report_view import ReportView
from tests.fakes.reports import make_comparison, make_evaluation, make_report


class ReportApp(App[None]):
    def compose(self) -> ComposeResult:
        yield ReportView()


async def show(pilot: Pilot[None], evaluation: Evaluation | None = None) -> ReportView:
    view = pilot.app.query_one(ReportView)
    view.focus()
    await pilot.app.workers.wait_for_complete()
    view.show_report(make_report(), evaluation or make_evaluation())
    await settle(pilot, view)
    return view


async def settle(pilot: Pilot[None], view: ReportView) -> None:
    for _ in range(2 * len(SECTIONS)):
        await pilot.pause()
    assert view.is_drawn


def read_screen(view: ReportView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def test_no_report_says_how_to_get_one() -> None:
    async with ReportApp().run_test(size=(80, 24)) as pilot:
        assert any("press b" in line for line in read_screen(pilot.app.query_one(ReportView)))


async def test_the_first_screen_tells_the_headline() -> None:
    async with ReportApp().run_test(size=(80, 24)) as pilot:
        view = await show(pilot)
        text = "\n".join(read_screen(view))
        for fact in ("yolov10n-cells", "cells@1", "val, 72 items", "0.598", "0.871", "mean IoU", "4.70 ms"):
            assert fact in text


@pytest.mark.slow
async def test_tabs_are_gone_through_and_the_last_has_all_sections_on_one_page() -> None:
    async with ReportApp().run_test(size=(84, 24)) as pilot:
        view = await show(pilot)
        assert read_screen(view)[0].split() == [
            "[Overview]", "Classes", "Curves", "Confusion", "Errors", "Slices", "Speed", "Items", "All",
            "←", "→",
        ]  # fmt: skip
        for title in ("Classes", "Curves", "Confusion", "Errors", "Slices", "Speed", "Items", "All"):
            await pilot.press("right")
            await settle(pilot, view)
            assert view.tab == title and f"[{title}]" in read_screen(view)[0]
        for number, title in enumerate(SECTIONS, 1):
            assert f"{number}/{len(SECTIONS)} {title}" in "\n".join(read_screen(view))
            if number < len(SECTIONS):
                await pilot.press("right_parenthesis")
        await pilot.press("G", "right_parenthesis")
        assert view.tab == "Overview"  # past the last section
        await pilot.press("left", "g", "right_parenthesis", "right_parenthesis", "left_parenthesis")
        await settle(pilot, view)
        assert read_screen(view)[1].startswith(f"── 2/{len(SECTIONS)} Classes ")
        await pilot.click(view, offset=(13, 0))
        assert view.tab == "Classes"
        view.show_report(make_report(), make_evaluation())
        assert view.tab == "Classes"  # the next report is looked at there as well


class ListeningApp(ReportApp):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[ReportView.TargetOpened] = []

    def on_report_view_target_opened(self, event: ReportView.TargetOpened) -> None:
        self.opened.append(event)


async def test_the_cursor_goes_over_cells_and_rows_and_enter_asks_for_what_is_behind() -> None:
    app = ListeningApp()
    opened = app.opened
    async with app.run_test(size=(100, 30)) as pilot:
        view = await show(pilot, make_evaluation(3))
        await pilot.press("right", "right", "right")
        await settle(pilot, view)
        assert view.tab == "Confusion"
        await pilot.press("enter")  # on nothing: it shows where the cursor can stand
        assert opened == []
        await pilot.press("enter", "right", "enter", ">", "down", "enter")
        assert [event.target for event in opened] == [
            Pick(predicted="RBC", truth="RBC"), Pick(predicted="RBC", truth="WBC"),
            Pick(predicted="WBC", truth="WBC"),
        ]  # fmt: skip
        steps = [event.thresholds.confidence for event in opened if event.thresholds is not None]
        assert steps[0] == steps[1] < steps[2]
        view.show_tab("Errors")
        await settle(pilot, view)
        row = next(y for y, line in enumerate(read_screen(view)) if "localisation" in line)
        await pilot.click(view, offset=(3, row))
        await pilot.click(view, offset=(3, row))
        assert opened[-1].target == Pick(error=ErrorKind.LOCALISATION)


@pytest.mark.slow
async def test_where_nothing_can_be_opened_no_key_is_told_for_it() -> None:
    async with ReportApp().run_test(size=(84, 24)) as pilot:
        view = await show(pilot)
        for tab, can_open in (("Classes", True), ("Speed", False), ("Confusion", True)):
            view.show_tab(tab)
            await settle(pilot, view)
            assert ("images behind it" in [hint.label for hint in list_pane_hints(view)]) == can_open
            assert ("images behind it" in [key.label for key in list_pane_keys(view)]) == can_open


@pytest.mark.slow
async def test_enter_goes_to_the_first_number_that_can_be_opened_however_far_below() -> None:
    async with ReportApp().run_test(size=(84, 24)) as pilot:
        view = await show(pilot)
        view.show_tab("Curves")
        await settle(pilot, view)
        await pilot.press("enter")
        spot = view._cursor.spot
        assert spot is not None
        assert view.scroll_offset.y < spot.row < view.scroll_offset.y + view.size.height


async def test_keys_behind_one_for_a_tab_mean_what_is_on_it() -> None:
    app = ListeningApp()
    async with app.run_test(size=(100, 30)) as pilot:
        view = await show(pilot, make_evaluation(3))
        view.show_tab("Classes")
        await settle(pilot, view)
        view.action_move(1)
        view.action_move_columns(2)  # two keys in one turn of the loop, to the confusion
        view.action_move(1)
        view.action_open()
        await pilot.pause()
        assert view.tab == "Confusion"
        assert [event.target for event in app.opened] == [Pick(predicted="RBC", truth="RBC")]


async def test_the_classes_have_their_numbers_and_a_dash_where_there_is_none() -> None:
    async with ReportApp().run_test(size=(100, 24)) as pilot:
        view = await show(pilot)
        await pilot.press("right_parenthesis")
        await settle(pilot, view)
        row = next(line for line in read_screen(view) if "Platelets" in line)
        assert "0.500" in row
        assert row.endswith("–")  # noqa: RUF001


@pytest.mark.parametrize("name", ["rbc", "an uncommonly long name of a class"])
def test_few_columns_cost_a_class_its_counts_before_a_figure(name: str) -> None:
    one = ClassMetrics(
        name=name, truth_count=1234, prediction_count=987, map=0.5, map50=0.6, precision=0.7, recall=0.8,
        f1=0.123,
    )  # fmt: skip
    evaluation = replace(make_evaluation(), classes=(one,))
    for width, shown in ((100, "1,234 987"), (66, "1,234 987"), (60, "1,234"), (50, "")):
        header, row = (
            "".join(text for text, _ in line) for line in draw_classes(make_report(), evaluation, width)
        )
        assert header.split()[-1] == "F1" and row.endswith("0.600  0.700  0.800  0.123")
        assert len(header.rstrip()) == len(row) <= width
        counts = " ".join(row.split("0.500")[0].split()[-2:])
        assert counts.endswith(shown) and row.startswith(f" {name[:3]}")


async def test_another_width_draws_the_report_anew() -> None:
    async with ReportApp().run_test(size=(120, 40)) as pilot:
        view = await show(pilot)
        wide = view.virtual_size
        await pilot.resize_terminal(80, 24)
        await settle(pilot, view)
        assert view.virtual_size.width < wide.width


def test_a_large_confusion_matrix_shows_the_largest_classes() -> None:
    lines = draw_confusion(make_report(), make_evaluation(30), 80)
    text = "\n".join("".join(piece for piece, _ in line) for line in lines)
    assert "of 30 classes" in text
    assert "RBC" in text
    assert "none" in text


def test_nothing_has_a_name_of_its_own_in_a_confusion_with_a_class_that_is_called_none() -> None:
    evaluation = make_evaluation(3)
    classes = (*evaluation.classes[:2], replace(evaluation.classes[2], name="none"))

    lines = draw_confusion(make_report(), replace(evaluation, classes=classes), 80)

    text = "\n".join("".join(piece for piece, _ in line) for line in lines)
    assert text.splitlines()[1].split() == ["predicted", *(of.name for of in classes), "(none)"]
    assert "(none): last row, truths missed" in text


def test_errors_say_that_counts_and_losses_are_not_of_the_same_detections() -> None:
    evaluation = make_evaluation(3)

    lines = SECTIONS["Errors"](make_report(), evaluation, 100)

    text = "\n".join("".join(piece for piece, _ in line) for line in lines)
    assert f"≥ {evaluation.metrics['confidence']:.3f}  mAP50 lost, all confidences" in text
    assert "Counted from the confidence" in text


def test_confusion_shades_right_and_wrong_differently() -> None:
    lines = draw_confusion(make_report(), make_evaluation(3), 80)
    roles = {role for line in lines for _, role in line}
    assert "heat-4" in roles
    assert any(role.startswith("miss") for role in roles)


@pytest.mark.parametrize("width", [30, 60, 78, 118, 200])
@pytest.mark.parametrize("title", SECTIONS)
def test_sections_fit_their_width_and_use_known_roles(title: str, width: int) -> None:
    lines = SECTIONS[title](make_report(), make_evaluation(12), width)
    assert {role for line in lines for _, role in line} <= set(ROLE_STYLES)
    if width >= 78:
        assert max(measure_line(line) for line in lines) <= width


def test_an_evaluation_without_anything_is_drawn() -> None:
    empty = replace(
        make_evaluation(0), metrics={}, pr_curves=(), confidence_curves=(), confidence_histogram=(), items=()
    )
    for draw in SECTIONS.values():
        draw(make_report(), empty, 80)


def test_what_an_older_program_left_out_is_said_to_be_missing() -> None:
    old = replace(make_evaluation(), schema=1, errors=(), calibration=None, intervals={})
    for title in ("Errors", "Calibration"):
        text = "".join(piece for line in SECTIONS[title](make_report(), old, 100) for piece, _ in line)
        assert "measure again" in text


async def test_a_comparison_tells_the_verdict_the_intervals_and_the_causes() -> None:
    async with ReportApp().run_test(size=(110, 60)) as pilot:
        view = pilot.app.query_one(ReportView)
        view.show_comparison(make_comparison())
        await settle(pilot, view)
        text = "\n".join(read_screen(view))
    for fact in (
        "no measurable difference", "+0.050 … +0.110", "31 fixed", "12 broken", "corrected for the number",
        "2 →     5", "parameter epochs", "20", "40", "not every model knows Platelets", "★new", "5.2 MiB",
    ):  # fmt: skip
        assert fact in text, fact


@pytest.mark.parametrize("width", [30, 60, 78, 118, 200])
def test_sections_of_a_comparison_fit_their_width_and_use_known_roles(width: int) -> None:
    for draw in list_comparison_sections(make_comparison(300, 300)).values():
        lines = draw(width)
        assert {role for line in lines for _, role in line} <= set(ROLE_STYLES)
        if width >= 78:
            assert max(measure_line(line) for line in lines) <= width


def test_the_figures_of_a_comparison_stand_below_each_other_whatever_they_are_called() -> None:
    pair = make_comparison().pairs[0]
    found = pair.comparison
    of = next(iter(found.differences.values()))
    differences = {"map": of, "class_accuracy": of}
    lines = draw_figures(replace(pair, comparison=replace(found, differences=differences)), 0, 120)
    rows = ["".join(text for text, _ in line) for line in lines]
    told = [row for row in rows if row.startswith((" mAP ", " classification accuracy "))]
    assert len(told) == 2
    assert len({row.index(f"{of.value:+.3f}") for row in told}) == 1


def test_every_binding_has_an_id_and_says_what_it_does() -> None:
    bindings: list[Any] = list(ReportView.BINDINGS)
    assert all(binding.id and binding.description for binding in bindings)
