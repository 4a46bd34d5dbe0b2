"""Texts fit their cells, bars are exact, and every role has a colour in every theme."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from mlwf_tui.tui.widgets.drawing import (
    ROLE_STYLES,
    build_strip,
    draw_bar,
    draw_message,
    draw_message_row,
    fit,
    fit_middle,
    fit_tail,
)
from mlwf_tui.tui.widgets.metric_plots import MetricPlots


class RolesApp(App[None]):
    def compose(self) -> ComposeResult:
        yield MetricPlots()


@given(text=st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=40), width=st.integers(1, 30))
@pytest.mark.parametrize("align", ["left", "right", "center"])
def test_a_text_takes_exactly_its_cells(align: str, text: str, width: int) -> None:
    assert cell_len(fit(text, width, align)) == width


def test_of_several_lines_the_first_is_drawn() -> None:
    assert fit("one\ntwo", 5) == fit_middle("one\ntwo", 5) == fit_tail("one\ntwo", 5) == "one  "


def test_a_cut_text_ends_with_an_ellipsis() -> None:
    assert fit("abcdef", 4) == "abc…"
    assert fit("abcd", 4) == "abcd"
    assert fit("ab", 0) == ""


def test_a_name_is_cut_in_its_middle_and_takes_exactly_its_cells() -> None:
    assert fit_middle("yolo-on-cells-seed-7", 11) == "yolo-…eed-7"
    assert fit_middle("abc", 5) == "abc  "
    for width in range(1, 12):
        for text in ("abcdefghijkl", "漢字漢字漢字漢字"):
            assert cell_len(fit_middle(text, width)) == width


def test_a_bar_is_exact_to_an_eighth() -> None:
    assert draw_bar(0.5, 8) == "████    "
    assert draw_bar(1 / 16, 8) == "▌       "
    assert draw_bar(7, 3) == "███"
    assert draw_bar(-1, 3) == "   "
    assert draw_bar(math.nan, 3) == "   "


def test_a_message_stands_in_the_middle() -> None:
    lines = draw_message("title", "hint", 20, 5)
    assert len(lines) == 5
    assert lines[1][0][0].strip() == "title"
    assert lines[2][0][0].strip() == "hint"
    assert [draw_message_row(y, "title", "hint", 20, 5) for y in range(7)] == [*lines, [], []]


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_every_role_has_a_style_in_every_theme(theme: str) -> None:
    app = RolesApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = theme
        await pilot.pause()
        plots = app.query_one(MetricPlots)
        strip = build_strip(
            [(role, role) for role in ROLE_STYLES],
            lambda role: plots.get_component_rich_style(f"ink--{role}"),
            500,
        )
        assert all(segment.style is not None and segment.style.color is not None for segment in strip)
