"""Live plots: grouping, keys, mouse, several runs, and that only what is new is drawn again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.entities.layout import MonitorLayout, XAxis
from mlwf_tui.entities.mark import Mark, MarkKind
from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.tui.screens.choices import list_pane_hints
from mlwf_tui.tui.widgets.metric_panels import RunLines, build_panels, choose_grid
from mlwf_tui.tui.widgets.metric_plots import MetricPlots
from mlwf_tui.tui.widgets.plot_set import PlotSet
from tests.tui.options import choose

KEYS = ("metrics/mAP50", "train/box_loss", "lr/pg0", "lr/pg1", "val/box_loss", "custom/thing")
WIDE = (120, 40)


class PlotsApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.layouts: list[MonitorLayout] = []

    def compose(self) -> ComposeResult:
        yield MetricPlots()

    def on_metric_plots_layout_changed(self, event: MetricPlots.LayoutChanged) -> None:
        self.layouts.append(event.layout)


def make_points(key: str, count: int = 30, *, scale: float = 1.0) -> list[MetricPoint]:
    return [
        MetricPoint(key=key, value=scale / (step + 1), step=step, at=1000.0 + 10 * step)
        for step in range(count)
    ]


async def fill(pilot: Pilot[None], keys: Sequence[str] = KEYS) -> MetricPlots:
    plots = pilot.app.query_one(MetricPlots)
    plots.focus()
    plots.show_metrics({key: make_points(key) for key in keys})
    await pilot.pause()
    return plots


async def fill_runs(pilot: Pilot[None], count: int) -> MetricPlots:
    plots = pilot.app.query_one(MetricPlots)
    plots.focus()
    plots.show_runs([RunLines(f"run{n}", f"model-{n}", started_s=1000.0) for n in range(count)])
    for n in range(count):
        plots.add_points(make_points("metrics/mAP50", scale=1.0 + n), f"run{n}")
        plots.add_points(make_points("train/box_loss", scale=2.0 + n), f"run{n}")
    await pilot.pause()
    return plots


def read_screen(plots: MetricPlots) -> list[str]:
    return [plots.render_line(y).text for y in range(plots.size.height)]


def read_text(plots: MetricPlots) -> str:
    return "\n".join(read_screen(plots))


def test_what_matters_comes_first_then_panels_by_group_and_learning_rates_share_one() -> None:
    panels = build_panels(KEYS)
    assert [panel.title for panel in panels] == [
        "metrics/mAP50", "train/box_loss", "val/box_loss", "lr", "custom/thing",
    ]  # fmt: skip
    assert panels[3].keys == ("lr/pg0", "lr/pg1")


def test_panels_come_as_they_are_wanted_and_what_is_hidden_does_not() -> None:
    panels = build_panels(KEYS, wanted=[("custom/thing", "val/box_loss"), ("gone",)], hidden=["lr/pg0"])
    assert [panel.keys for panel in panels] == [
        ("custom/thing", "val/box_loss"), ("metrics/mAP50",), ("train/box_loss",), ("lr/pg1",),
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "columns"), [(59, 1), (60, 2), (139, 2), (140, 3)])
def test_the_grid_follows_the_width(width: int, columns: int) -> None:
    assert choose_grid(width, 40, 12)[0] == columns


async def test_without_room_for_curves_each_plot_has_a_row_of_figures() -> None:
    async with PlotsApp().run_test(size=(60, 6)) as pilot:
        plots = await fill(pilot)
        rows = read_screen(plots)
        assert rows[0].split() == ["▌metrics/mAP50", "0.03333", "train/box_loss", "0.03333"]
        assert rows[1].split()[:3] == ["val/box_loss", "0.03333", "lr"]
        assert "pg0 0.03333" in rows[1], "of several curves the values stand behind the title"
        assert "custom/thing" in rows[2]
        assert plots.page_count == 1
        assert {"smooth", "log scale"}.isdisjoint(choice.label for choice in list_pane_hints(plots))
        await pilot.press("plus", "comma", "s", "0")  # what changes curves does no harm
        await pilot.press("enter")
        await pilot.pause()
        assert "└" in read_text(plots), "one plot alone has room"
        assert "smooth" in {choice.label for choice in list_pane_hints(plots)}
        await pilot.press("enter")
        await pilot.resize_terminal(60, 20)
        assert "└" in read_text(plots)
        await pilot.resize_terminal(60, 4)
        assert plots.page_count == 1
        assert "└" not in read_text(plots)


async def test_rows_of_figures_go_on_on_the_next_page() -> None:
    async with PlotsApp().run_test(size=(60, 3)) as pilot:
        plots = await fill(pilot)
        assert plots.page_count == 2
        await pilot.press("right")
        assert "custom/thing" in read_screen(plots)[0]


async def test_no_metrics_yet_is_said() -> None:
    async with PlotsApp().run_test(size=(80, 24)) as pilot:
        plots = pilot.app.query_one(MetricPlots)
        assert any("No metrics yet" in line for line in read_screen(plots))


async def test_every_plot_has_a_title_with_last_and_best_value() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        text = read_text(plots)
        assert "train/box_loss" in text
        assert "best 0.03333 @29" in text
        assert "● pg0 0.03333" in text
        assert "■ pg1 0.03333" in text


async def test_left_and_right_turn_the_page() -> None:
    async with PlotsApp().run_test(size=(59, 20)) as pilot:
        plots = await fill(pilot)
        assert (plots.page, plots.page_count) == (0, 3)
        assert "metrics/mAP50" in read_screen(plots)[0]
        await pilot.press("right")
        assert plots.page == 1
        assert "val/box_loss" in read_screen(plots)[0]
        await pilot.press("right", "right", "right")
        assert plots.page == 2
        await pilot.press("left")
        assert plots.page == 1


async def test_enter_gives_one_plot_the_whole_place_and_back() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        await pilot.press("j", "enter")
        text = read_text(plots)
        assert "train/box_loss" in text
        assert "metrics/mAP50" not in text
        await pilot.press("right")
        assert "val/box_loss" in read_text(plots)
        await pilot.press("enter")
        assert "metrics/mAP50" in read_text(plots)


async def test_smoothing_goes_round_and_is_said_while_it_is_on() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        before = read_screen(plots)
        await choose(pilot, "s")
        assert "smoothed 0.6, raw faint" in read_screen(plots)[-1]
        await choose(pilot, "s", "s", "s")
        assert read_screen(plots) == before


async def test_the_selected_plot_alone_gets_a_log_scale() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        await pilot.press("j")
        await choose(pilot, "l")
        lines = read_screen(plots)
        assert sum(line.count(" log ") for line in lines) == 1
        assert any("1e-1" in line for line in lines)
        assert plots.layout_now.logarithmic == ("train/box_loss",)


async def test_new_points_redraw_only_their_own_plot() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        read_screen(plots)
        before = {panel.title: panel.plotted for panel in plots._plots.panels}
        plots.add_points([MetricPoint(key="val/box_loss", value=2.0, step=30, at=1300.0)])
        plots._redraw_changed()
        changed = [panel.title for panel in plots._plots.panels if panel.plotted is not before[panel.title]]
        assert changed == ["val/box_loss"]


async def test_the_figure_of_a_new_point_is_shown_before_its_curve_is_drawn() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        read_screen(plots)
        plots.add_points([MetricPoint(key="val/box_loss", value=0.7654, step=30, at=1300.0)])
        assert " 0.7654 " in read_text(plots)


async def test_a_new_metric_gets_its_own_plot() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        plots.add_points(make_points("train/cls_loss"))
        assert "train/cls_loss" in read_text(plots)


async def test_several_runs_share_their_plots_each_with_its_own_colour_and_marker() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill_runs(pilot, 3)
        curves = plots._plots.panels[0].list_curves(plots._plots.view)
        assert [(curve.run.title, curve.role, curve.marker) for curve in curves] == [
            ("model-0", "series-0", "●"), ("model-1", "series-1", "■"), ("model-2", "series-2", "▲"),
        ]  # fmt: skip
        drawn = "".join(text for line in plots._plots.panels[0].plotted.lines for text, _ in line)
        assert all(marker in drawn for marker in "●■▲")
        legend = read_screen(plots)[1]
        assert all(name in legend for name in ("● model-0", "■ model-1", "▲ model-2"))


async def test_points_of_a_run_that_was_put_away_are_left_out() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill_runs(pilot, 1)
        plots.add_points(make_points("late/thing"), "run7")
        assert "late/thing" not in read_text(plots)


async def test_the_axis_goes_from_steps_to_epochs_to_time() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot, ("train/box_loss", "batch/loss"))
        points = [
            MetricPoint(key="epoch", value=float(n), step=10 * n, at=1000.0 + 60 * n) for n in range(1, 6)
        ]
        plots.add_points(points)
        assert "over steps" in read_screen(plots)[-1]
        await choose(pilot, "e")
        assert "over epochs" in read_screen(plots)[-1]
        await choose(pilot, "e")
        assert "over time" in read_screen(plots)[-1]
        assert "4m" in read_text(plots)
        assert plots.layout_now.x_axis is XAxis.TIME


async def test_a_run_that_tells_no_epochs_says_so() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot, ("train/box_loss",))
        await choose(pilot, "e")
        assert "no epochs are told" in read_screen(plots)[-1]


@pytest.mark.slow
async def test_the_cursor_shows_the_value_of_every_curve_where_it_stands() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill_runs(pilot, 2)
        await pilot.press("enter")
        await choose(pilot, "c")
        assert "at 29" in read_text(plots)
        for _ in range(200):
            await pilot.press("left")
        text = read_text(plots)
        assert "at 0" in text
        rows = [line.split() for line in read_screen(plots) if "metrics/mAP50" in line][1:]
        assert [float(row[3]) for row in rows] == [1.0, 2.0]
        assert "│" in text
        await pilot.press("escape")
        assert "at 0" not in read_text(plots)


async def test_the_cursor_stands_at_the_same_moment_in_every_plot() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = pilot.app.query_one(MetricPlots)
        plots.focus()
        batch = [MetricPoint(key="batch/loss", value=n, step=n, at=1000.0 + n) for n in range(300)]
        plots.show_metrics({"metrics/mAP50": make_points("metrics/mAP50"), "batch/loss": batch})
        await choose(pilot, "c")
        for _ in range(3):
            await pilot.press("left")
        first, second = (panel.find_cursor(plots._plots.view) for panel in plots._plots.panels)
        assert first is not None
        assert second == 10 * first


async def test_zoom_and_pan_by_key_and_back_to_all() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        panel = plots._plots.panels[0]
        await pilot.press("plus", "plus")
        low, high = panel.find_limits(plots._plots.view) or (0.0, 0.0)
        assert (round(high - low, 2), high) == (7.25, 29.0)
        assert "zoomed, 0 shows all" in read_screen(plots)[-1]
        await pilot.press("left_parenthesis")
        assert (panel.find_limits(plots._plots.view) or (0.0, 0.0))[1] < high
        await pilot.press("0")
        assert panel.find_limits(plots._plots.view) == (0.0, 29.0)
        await pilot.press("minus")
        assert panel.find_limits(plots._plots.view) == (0.0, 29.0)


async def test_a_zoom_to_the_end_goes_on_with_the_run_and_another_stands_still() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        panel = plots._plots.panels[1]
        await pilot.press("plus")
        point = MetricPoint(key="train/box_loss", value=0.1, step=40, at=1400.0)
        plots.add_points([point])
        assert (panel.find_limits(plots._plots.view) or (0.0, 0.0))[1] == 40
        await pilot.press("left_parenthesis")
        before = panel.find_limits(plots._plots.view)
        plots.add_points([MetricPoint(key="train/box_loss", value=0.1, step=60, at=1600.0)])
        assert panel.find_limits(plots._plots.view) == before


async def test_the_wheel_zooms_where_the_mouse_is_and_a_drag_pans_all_plots() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        plotted = plots._plots.panels[0].plotted
        x = plotted.find_x(20) or 0.0
        event = events.MouseScrollUp(plots, 20, 4, 0, 0, 0, False, False, False)
        plots.post_message(event)
        await pilot.pause()
        low, high = plots._plots.panels[0].find_limits(plots._plots.view) or (0.0, 0.0)
        assert low <= x <= high
        assert high - low < 20
        before = [panel.find_limits(plots._plots.view) for panel in plots._plots.panels]
        await pilot.mouse_down(MetricPlots, offset=(30, 4))
        await pilot.hover(MetricPlots, offset=(20, 4))
        await pilot.mouse_up(MetricPlots, offset=(20, 4))
        after = [panel.find_limits(plots._plots.view) for panel in plots._plots.panels]
        assert all(
            a is not None and b is not None and a[0] > b[0] for a, b in zip(after, before, strict=True)
        )


async def test_a_click_selects_a_plot_and_a_double_click_enlarges_it() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        await pilot.click(MetricPlots, offset=(100, 4))
        assert plots.cursor == 1
        assert "at " in read_text(plots)
        await pilot.click(MetricPlots, offset=(100, 4), times=2)
        assert plots.is_maximized


async def test_plots_can_be_moved_joined_hidden_and_all_is_remembered() -> None:
    app = PlotsApp()
    async with app.run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        await choose(pilot, "n")
        assert [panel.title for panel in plots._plots.panels][:2] == ["train/box_loss", "metrics/mAP50"]
        assert plots.cursor == 1
        await choose(pilot, "o")
        assert plots._plots.panels[1].title == "metrics/mAP50 + val/box_loss"
        await choose(pilot, "o")
        assert [panel.title for panel in plots._plots.panels][1:3] == ["metrics/mAP50", "val/box_loss"]
        await pilot.press("delete")
        assert "metrics/mAP50" not in read_text(plots)
        assert app.layouts[-1] == plots.layout_now
        assert plots.layout_now.hidden == ("metrics/mAP50",)
        assert "1 hidden, ,a shows them" in read_text(plots)
        await choose(pilot, "a")
        assert plots._plots.panels[0].title == "metrics/mAP50"


async def test_an_action_that_has_lost_its_key_to_another_is_told_without_one() -> None:
    app = PlotsApp()
    async with app.run_test(size=WIDE) as pilot:
        app.set_keymap({"metrics.log": "comma a"})
        plots = await fill(pilot)
        await pilot.press("delete")
        assert "1 hidden, no key shows them" in read_text(plots)


async def test_a_remembered_layout_is_used_for_the_next_run() -> None:
    layout = MonitorLayout(
        smoothing=0.9, x_axis=XAxis.TIME, panels=(("val/box_loss", "train/box_loss"),), hidden=("lr/pg0",),
        maximized="metrics/mAP50", window=(0.5, 1.0),
    )  # fmt: skip
    async with PlotsApp().run_test(size=WIDE) as pilot:
        pilot.app.query_one(MetricPlots).use_layout(layout)
        plots = await fill(pilot)
        assert plots._plots.panels[0].title == "val/box_loss + train/box_loss"
        assert plots._plots.panels[plots.cursor].title == "metrics/mAP50"
        assert plots.is_maximized
        assert plots._plots.panels[0].find_limits(plots._plots.view) == (145.0, 290.0)
        assert "smoothed 0.9" in read_screen(plots)[-1]


async def test_values_that_are_no_numbers_are_holes_with_a_mark() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = pilot.app.query_one(MetricPlots)
        values = [1.0, 2.0, math.nan, 3.0, math.inf]
        plots.show_metrics(
            {"loss": [MetricPoint(key="loss", value=value, step=step) for step, value in enumerate(values)]}
        )
        mark = Mark(kind=MarkKind.NOT_FINITE, key="loss", step=4, message="The loss is lost.", hint="Stop.")
        plots.show_marks([mark])
        text = read_text(plots)
        assert text.count("×") == 2
        assert "2 not finite" in text
        assert "⚠" in text
        assert "Stop." not in text
        plots.focus()
        await pilot.press("enter")
        assert "The loss is lost. Stop." in read_text(plots)


@pytest.mark.parametrize("size", [(10, 3), (30, 8), (200, 60)])
async def test_every_size_is_drawn(size: tuple[int, int]) -> None:
    async with PlotsApp().run_test(size=size) as pilot:
        plots = await fill_runs(pilot, 3)
        for key in ("enter", "c", "s", "plus", "e"):
            assert {plots.render_line(y).cell_length for y in range(plots.size.height)} == {size[0]}
            await pilot.press(key)


async def test_another_size_is_drawn_anew() -> None:
    async with PlotsApp().run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        read_screen(plots)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert {plots.render_line(y).cell_length for y in range(plots.size.height)} == {80}
        assert "over steps" in read_screen(plots)[-1]


def test_every_binding_has_an_id_and_says_what_it_does() -> None:
    bindings: list[Any] = list(MetricPlots.BINDINGS)
    assert all(binding.id and binding.description for binding in bindings)


def test_what_is_narrower_than_a_dot_waits_until_a_view_is_out_of_patience() -> None:
    plots = PlotSet()
    plots.show_runs([RunLines("run", "model")])
    plots.add_points(make_points("train/box_loss", 10_100), "run")
    plots.renew_view(is_patient=True)
    (panel,) = plots.panels
    assert panel.plot(plots.view, 60, 12)
    plots.add_points([MetricPoint(key="train/box_loss", value=9.0, step=10_100, at=0.0)], "run")
    assert not panel.plot(plots.view, 60, 12)
    assert panel.is_behind
    plots.renew_view()
    assert panel.plot(plots.view, 60, 12)
    assert not panel.is_behind
    assert not panel.plot(plots.view, 60, 12)


def test_a_curve_that_has_grown_by_a_dot_is_drawn_at_once() -> None:
    plots = PlotSet()
    plots.show_runs([RunLines("run", "model")])
    plots.add_points(make_points("train/box_loss", 50), "run")
    plots.renew_view(is_patient=True)
    (panel,) = plots.panels
    assert panel.plot(plots.view, 60, 12)
    plots.add_points([MetricPoint(key="train/box_loss", value=0.1, step=51, at=9000.0)], "run")
    assert panel.plot(plots.view, 60, 12)


async def test_the_plot_under_the_cursor_is_marked_as_long_as_the_plots_have_the_focus() -> None:
    app = PlotsApp()
    async with app.run_test(size=WIDE) as pilot:
        plots = await fill(pilot)
        app.screen.set_focus(None)
        await pilot.pause()
        plots._draw_all()  # nothing is left to be drawn again later
        assert "▌" not in read_text(plots)
        plots.focus()
        await pilot.pause()
        assert read_text(plots).startswith("▌metrics/mAP50")
        app.screen.set_focus(None)
        await pilot.pause()
        assert "▌" not in read_text(plots)
