"""Live plots: grouping, pages, keys, and that only what is new is drawn again."""

from __future__ import annotations

import math
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.entities.run import MetricPoint
from mlwf_tui.tui.widgets.metric_panels import MetricSeries, build_panels, choose_grid
from mlwf_tui.tui.widgets.metric_plots import MetricPlots

KEYS = ("metrics/mAP50", "train/box_loss", "lr/pg0", "lr/pg1", "val/box_loss", "custom/thing")


class PlotsApp(App[None]):
    def compose(self) -> ComposeResult:
        yield MetricPlots()


def make_points(key: str, count: int = 30) -> list[MetricPoint]:
    return [MetricPoint(key=key, value=1 / (step + 1), step=step) for step in range(count)]


async def fill(pilot: Pilot[None], keys: tuple[str, ...] = KEYS) -> MetricPlots:
    plots = pilot.app.query_one(MetricPlots)
    plots.focus()
    await pilot.app.workers.wait_for_complete()
    plots.show_metrics({key: make_points(key) for key in keys})
    await pilot.pause()
    return plots


def read_screen(plots: MetricPlots) -> list[str]:
    return [plots.render_line(y).text for y in range(plots.size.height)]


def test_what_matters_comes_first_then_panels_by_group_and_learning_rates_share_one() -> None:
    panels = build_panels(MetricSeries(key) for key in KEYS)
    assert [panel.title for panel in panels] == [
        "metrics/mAP50", "train/box_loss", "val/box_loss", "lr", "custom/thing",
    ]  # fmt: skip
    assert [series.key for series in panels[3].series] == ["lr/pg0", "lr/pg1"]


@pytest.mark.parametrize(("width", "columns"), [(59, 1), (60, 2), (139, 2), (140, 3)])
def test_the_grid_follows_the_width(width: int, columns: int) -> None:
    assert choose_grid(width, 40, 12)[0] == columns


def test_the_best_is_the_lowest_loss_and_the_highest_metric() -> None:
    loss, score = MetricSeries("train/box_loss"), MetricSeries("metrics/mAP50")
    for series in (loss, score):
        for step, value in enumerate([0.5, 0.9, math.nan, 0.1, 0.9]):
            series.add(MetricPoint(key=series.key, value=value, step=step))
    assert loss.find_best() == (0.1, 3)
    assert score.find_best() == (0.9, 1)
    assert loss.gaps == 1


def test_a_step_told_twice_keeps_its_last_value() -> None:
    series = MetricSeries("metrics/x")
    for step, value in ((1, 0.1), (2, math.nan), (2, 0.3), (1, 9.0)):
        series.add(MetricPoint(key=series.key, value=value, step=step))
    assert list(series.values) == [0.1, 0.3]
    assert series.gaps == 0


async def test_no_metrics_yet_is_said() -> None:
    async with PlotsApp().run_test(size=(80, 24)) as pilot:
        plots = pilot.app.query_one(MetricPlots)
        assert any("No metrics yet" in line for line in read_screen(plots))


async def test_every_plot_has_a_title_with_last_and_best_value() -> None:
    async with PlotsApp().run_test(size=(120, 40)) as pilot:
        plots = await fill(pilot)
        text = "\n".join(read_screen(plots))
        assert "train/box_loss" in text
        assert "best 0.03333 @29" in text
        assert "━pg0 ━pg1" in text


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
    async with PlotsApp().run_test(size=(120, 40)) as pilot:
        plots = await fill(pilot)
        await pilot.press("j", "enter")
        text = "\n".join(read_screen(plots))
        assert "train/box_loss" in text
        assert "metrics/mAP50" not in text
        await pilot.press("right")
        assert "val/box_loss" in "\n".join(read_screen(plots))
        await pilot.press("enter")
        assert "metrics/mAP50" in "\n".join(read_screen(plots))


async def test_smoothing_and_logarithms_are_said_while_they_are_on() -> None:
    async with PlotsApp().run_test(size=(120, 40)) as pilot:
        plots = await fill(pilot)
        before = read_screen(plots)
        await pilot.press("s", "l")
        after = read_screen(plots)
        assert "smoothed" in after[-1]
        assert "logarithmic" in after[-1]
        assert any("1e-1" in line for line in after)
        await pilot.press("s", "l")
        assert read_screen(plots) == before


async def test_new_points_redraw_only_their_own_plot() -> None:
    async with PlotsApp().run_test(size=(120, 40)) as pilot:
        plots = await fill(pilot)
        read_screen(plots)
        before = {panel.title: panel.lines for panel in plots._panels}
        plots.add_points([MetricPoint(key="val/box_loss", value=2.0, step=30)])
        plots._redraw()
        read_screen(plots)
        changed = [panel.title for panel in plots._panels if panel.lines is not before[panel.title]]
        assert changed == ["val/box_loss"]


async def test_a_new_metric_gets_its_own_plot() -> None:
    async with PlotsApp().run_test(size=(120, 40)) as pilot:
        plots = await fill(pilot)
        plots.add_points(make_points("train/cls_loss"))
        plots._redraw()
        assert "train/cls_loss" in "\n".join(read_screen(plots))


async def test_a_click_selects_a_plot_and_a_double_click_enlarges_it() -> None:
    async with PlotsApp().run_test(size=(120, 40)) as pilot:
        plots = await fill(pilot)
        await pilot.click(MetricPlots, offset=(100, 2))
        assert plots.cursor == 1
        await pilot.click(MetricPlots, offset=(100, 2), times=2)
        assert plots.is_maximized


@pytest.mark.parametrize("size", [(10, 3), (30, 8), (200, 60)])
async def test_every_size_is_drawn(size: tuple[int, int]) -> None:
    async with PlotsApp().run_test(size=size) as pilot:
        plots = await fill(pilot)
        assert {plots.render_line(y).cell_length for y in range(plots.size.height)} == {size[0]}


def test_every_binding_has_an_id_and_says_what_it_does() -> None:
    bindings: list[Any] = list(MetricPlots.BINDINGS)
    assert all(binding.id and binding.description for binding in bindings)
