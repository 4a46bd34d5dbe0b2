"""The lineage view through its keys, its mouse and its messages."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mlwf_tui.entities.lineage import LineageEdge, LineageGraph
from mlwf_tui.entities.run import ArtifactKind, Progress
from mlwf_tui.tui.widgets.drawing import KIND_GLYPHS
from mlwf_tui.tui.widgets.graph_filter import parse_filter
from mlwf_tui.tui.widgets.lineage_view import LineageView
from tests.fakes.graphs import BEGIN, make_chain, make_graph, make_history, make_node
from tests.tui.options import choose

PROGRESS = Progress(step=1, total=2, message="")
FORK = make_graph(
    [
        make_node("version", 0),
        make_node("run", 1, state="running"),
        make_node("run", 2),
        make_node("model", 3),
    ],
    [("version:0", "run:1"), ("version:0", "run:2"), ("run:1", "model:3")],
)


class LineageApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str]] = []
        self.menu_at: tuple[int, int] | None = None

    def compose(self) -> ComposeResult:
        yield LineageView(now=lambda: BEGIN)

    def on_lineage_view_selected(self, event: LineageView.Selected) -> None:
        self.heard.append(("selected", event.node.id))

    def on_lineage_view_failed(self, event: LineageView.Failed) -> None:
        self.heard.append(("failed", str(event.error)))

    def on_lineage_view_activated(self, event: LineageView.Activated) -> None:
        self.heard.append(("activated", event.node.id))

    def on_lineage_view_menu_requested(self, event: LineageView.MenuRequested) -> None:
        self.heard.append(("menu", event.node.id))
        self.menu_at = (event.screen_offset.x, event.screen_offset.y)


async def show(pilot: Pilot[None], graph: LineageGraph) -> LineageView:
    view = pilot.app.query_one(LineageView)
    view.focus()
    view.show_graph(graph)
    await settle(pilot)
    return view


async def settle(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


def read_screen(view: LineageView) -> str:
    return "\n".join(view.render_line(y).text for y in range(view.size.height))


async def test_an_empty_graph_says_which_key_makes_something() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, LineageGraph((), ()))
        assert "Press i to import" in read_screen(view)


async def test_a_node_shows_title_detail_state_and_age() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        text = read_screen(view)
        assert "◆ version 0" in text
        assert "0 items" in text
        assert "● running · now" in text


@pytest.mark.parametrize("kind", [*ArtifactKind, "run"])
async def test_every_kind_of_node_is_drawn_large_and_small(kind: str) -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_graph([make_node(kind, 1, title="a thing")], []))
        assert f"{KIND_GLYPHS[kind]} a thing" in read_screen(view)
        await pilot.press("minus")
        await settle(pilot)
        assert f"{KIND_GLYPHS[kind]} a thing" in read_screen(view)


async def test_the_arrows_walk_along_the_edges() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        view.select("version:0")
        await pilot.press("right")
        assert view.selected == "run:1"
        await pilot.press("down")
        assert view.selected == "run:2"
        await pilot.press("up", "right")
        assert view.selected == "model:3"
        await pilot.press("h", "h")
        assert view.selected == "version:0"
        await pilot.press("left")
        assert view.selected == "version:0"


async def test_a_step_back_along_an_edge_and_forth_again_ends_where_it_began() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        view.select("run:2")
        await pilot.press("h", "l")
        assert view.selected == "run:2"
        await pilot.press("left_curly_bracket")
        assert view.selected == "run:1"
        await pilot.press("right_curly_bracket")
        assert view.selected == "run:2"


async def test_a_running_card_shows_how_far_it_is_and_other_progress_costs_no_drawing() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        view.show_progress({"run:1": Progress(step=1, total=4, message="epoch 1/4")})
        assert "25% epoch" in read_screen(view)
        drawn = len(view._rows)
        view.show_progress({"run:1": Progress(step=1, total=4, message="epoch 1/4"), "run:99": PROGRESS})
        assert len(view._rows) == drawn > 0


async def test_g_goes_to_the_oldest_and_capital_g_to_the_newest() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_chain(30))
        await pilot.press("G")
        assert view.selected == "run:29"
        assert "run 29" in read_screen(view)
        await pilot.press("g")
        assert view.selected == "version:0"
        assert view.scroll_offset.x == 0


async def test_every_step_is_told_and_enter_opens() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        view.select("version:0")
        await pilot.press("l", "enter")
        await pilot.pause()
        assert app.heard == [("selected", "version:0"), ("selected", "run:1"), ("activated", "run:1")]


async def test_x_asks_for_the_menu_below_the_box() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, make_chain(3))
        view.select("version:0")
        await pilot.press("x")
        await pilot.pause()
        assert app.heard[-1] == ("menu", "version:0")
        assert app.menu_at == (0, 3)


async def test_a_click_selects_and_a_double_click_opens() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, make_chain(3))
        await pilot.click(LineageView, offset=(40, 1))
        assert view.selected == "run:1"
        await pilot.click(LineageView, offset=(40, 1), times=2)
        await pilot.pause()
        assert app.heard[-1] == ("activated", "run:1")


async def test_a_right_click_asks_for_the_menu_where_it_was() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        await show(pilot, make_chain(3))
        await pilot.click(LineageView, offset=(5, 1), button=3)
        await pilot.pause()
        assert app.heard[-1] == ("menu", "version:0")
        assert app.menu_at == (5, 1)


async def test_selection_survives_a_new_graph_and_a_new_state_needs_no_layout() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        view.select("run:1")
        done = make_graph(
            [FORK.nodes[0], replace(FORK.nodes[1], state="done"), *FORK.nodes[2:]],
            [(edge.source, edge.target) for edge in FORK.edges],
        )
        view.show_graph(done)
        assert not view.is_laying_out
        assert view.selected == "run:1"
        assert "✓ done" in read_screen(view)


async def test_the_selected_box_stays_at_its_place_when_the_graph_grows() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_chain(20))
        await pilot.press("G")
        column = read_screen(view).splitlines()[0].index("run 19")
        await show(pilot, make_chain(25))
        assert view.selected == "run:19"
        assert read_screen(view).splitlines()[0].index("run 19") == column


async def test_minus_makes_small_boxes_and_plus_large_ones() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_chain(3))
        await pilot.press("minus")
        await settle(pilot)
        assert view.virtual_size.height == 1
        await pilot.press("plus")
        await settle(pilot)
        assert view.virtual_size.height == 3


async def test_a_graph_shown_while_another_is_laid_out_wins() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.query_one(LineageView)
        view.show_graph(make_history(400))
        view.show_graph(make_chain(3))
        await settle(pilot)
        await settle(pilot)
        assert "version 0" in read_screen(view)
        assert view.virtual_size.height == 3
        assert not view.is_laying_out


async def test_a_long_title_is_cut_with_an_ellipsis() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_graph([make_node("model", 1, title="a very long name " * 4)], []))
        assert "…" in read_screen(view)
        assert all(
            view.render_line(y).cell_length == view.scrollable_size.width for y in range(view.size.height)
        )


@pytest.mark.parametrize("size", [(10, 3), (40, 10), (200, 50)])
async def test_every_size_is_drawn(size: tuple[int, int]) -> None:
    app = LineageApp()
    async with app.run_test(size=size) as pilot:
        view = await show(pilot, make_history(60))
        await pilot.press("G", "H", "L", "ctrl+d", "ctrl+u")
        assert view.selected is not None


async def test_no_color_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, FORK)
        view.select("run:1")
        await pilot.pause()
        assert "┏━ ƒ run 1" in read_screen(view)


def test_every_binding_has_an_id_and_says_what_it_does() -> None:
    bindings: list[Any] = list(LineageView.BINDINGS)
    assert all(binding.id and binding.description for binding in bindings)


async def test_minus_twice_makes_dots_and_the_cursor_is_in_brackets() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_chain(3))
        view.select("run:1")
        await pilot.press("minus", "minus", "minus")
        await settle(pilot)
        assert read_screen(view).splitlines()[0].rstrip() == " ◆ ───▶[ƒ]───▶ ◆"
        await pilot.press("plus", "plus", "plus")
        await settle(pilot)
        assert view.virtual_size.height == 3


async def test_full_stop_brings_the_selected_node_to_the_middle() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_chain(30))
        view.select("run:15")
        await pilot.press("full_stop")
        await pilot.pause()
        middle = read_screen(view).splitlines()[0].index("run 15")
        assert 26 <= middle <= 46


async def test_a_large_graph_has_a_map_that_says_what_is_seen() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 32)) as pilot:
        view = await show(pilot, make_history(300))
        corner = [line[-26:] for line in read_screen(view).splitlines()[-9:]]
        assert any("╭────────────────────────╮" in line for line in corner)
        await pilot.press("Z")
        await pilot.pause()
        assert "╭────────────────────────╮" not in read_screen(view)
        await pilot.press("Z")
        await pilot.pause()
        assert "╭────────────────────────╮" in read_screen(view)


async def test_the_map_makes_way_for_the_cursor() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_history(300))
        assert "╭────────────────────────╮" not in read_screen(view), "it would lie over cards unasked"
        await pilot.press("Z")
        for number in range(0, 300, 10):
            view.select(f"run:{number}")
            await pilot.pause()
            text = read_screen(view)
            assert "╰────────────────────────╯" in text
            if view.selected_node is not None:
                assert f"┏━ ƒ {view.selected_node.title} " in text


async def test_a_small_graph_has_a_map_only_when_it_is_wanted() -> None:
    app = LineageApp()
    async with app.run_test(size=(80, 24)) as pilot:
        view = await show(pilot, make_chain(3))
        assert "⠂" not in read_screen(view)
        await pilot.press("Z")
        await pilot.pause()
        assert "╰────────────────────────╯" in read_screen(view)
        assert "│····" in read_screen(view)


async def test_capital_f_folds_what_came_of_a_node_and_unfolds_it() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        view.select("version:0")
        await choose(pilot, "f")
        await settle(pilot)
        assert "◆ version 0 ━━━━━━━ ▸3 ━┓" in read_screen(view)
        assert "run 1" not in read_screen(view)
        await choose(pilot, "f")
        await settle(pilot)
        assert "model 3" in read_screen(view)


async def test_a_group_is_drawn_as_one_until_it_is_unfolded() -> None:
    app = LineageApp()
    files = [make_node("file", number) for number in (1, 2, 3)]
    graph = make_graph([*files, make_node("run", 4)], [(node.id, "run:4") for node in files])
    folder = replace(make_node("folder", 1, title="plates ×3"), members=tuple(node.id for node in files))
    async with app.run_test(size=(120, 30)) as pilot:
        view = app.query_one(LineageView)
        view.focus()
        view.show_graph(graph, (folder,))
        await settle(pilot)
        assert "×3 ─╮" in read_screen(view) and "file 2" not in read_screen(view)
        view.select("folder:1")
        await choose(pilot, "f")
        await settle(pilot)
        assert "file 2" in read_screen(view) and "×3" not in read_screen(view)
        await choose(pilot, "f")
        await settle(pilot)
        assert view.selected == "folder:1" and "▢ plates ━━━━━━━━━━ ×3 ━┓" in read_screen(view)


async def test_backspace_hides_a_node_and_capital_s_shows_all_again() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, make_chain(3))
        view.select("run:1")
        await pilot.press("backspace")
        await settle(pilot)
        assert "run 1" not in read_screen(view)
        assert view.selected == "version:0"
        await pilot.press("right")
        assert view.selected == "version:2"
        assert view.narrowing == "1 hidden · 2 of 3"
        await choose(pilot, "a")
        await settle(pilot)
        assert "run 1" in read_screen(view)
        assert not view.narrowing


async def test_what_is_hidden_stays_hidden_when_the_graph_grows() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, make_chain(3))
        view.select("run:1")
        await pilot.press("delete")
        await settle(pilot)
        view.show_graph(make_chain(4))
        await settle(pilot)
        assert "run 3" in read_screen(view) and "run 1" not in read_screen(view)


async def test_a_graph_that_cannot_be_laid_out_is_told_and_the_next_one_is_drawn() -> None:
    broken = replace(FORK, edges=(LineageEdge("version:0", []),))  # type: ignore[arg-type]
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, broken)
        await settle(pilot)
        assert "The lineage cannot be drawn" in read_screen(view)
        assert [what for what, _ in app.heard] == ["failed"]
        view.show_graph(FORK)
        await settle(pilot)
        assert "version 0" in read_screen(view)


async def test_a_filter_takes_the_cursor_to_a_card_that_is_drawn() -> None:
    app = LineageApp()
    apart = make_graph([make_node("version", 0), make_node("run", 1), make_node("model", 3)],
                       [("version:0", "run:1")])  # fmt: skip
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, apart)
        view.select("version:0")
        view.filter_nodes(parse_filter("kind:model", BEGIN))
        await settle(pilot)
        assert view.selected_node is not None and view.selected_node.id == "model:3"
        assert app.heard[-1] == ("selected", "model:3")
        assert not view.hides_all
        view.filter_nodes(parse_filter("zebra", BEGIN))
        await settle(pilot)
        assert view.hides_all and view.selected_node is None


async def test_a_filter_that_leaves_nothing_says_how_to_go_on() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        view.filter_nodes(parse_filter("zebra", BEGIN))
        await settle(pilot)
        assert "Nothing of the lineage is left" in read_screen(view)
        assert ",a shows all of it" in read_screen(view)
        below = view.render_line(view.size.height)
        assert not below.text.strip(), "Textual asks for a row below while a scrollbar goes"
        assert view.go_back()
        await settle(pilot)
        assert "version 0" in read_screen(view)
        assert not view.go_back()


def list_lit(view: LineageView) -> set[str]:
    highlight = view._lights.highlight
    assert highlight is not None
    return {node.id for number, node in enumerate(view.graph.nodes) if highlight.has_node(number)}


async def test_comma_lights_the_past_or_the_future_alone() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, FORK)
        view.select("run:1")
        assert list_lit(view) == {"version:0", "run:1", "model:3"}
        await choose(pilot, "t")
        assert list_lit(view) == {"version:0", "run:1"}
        await choose(pilot, "t")
        assert list_lit(view) == {"run:1", "model:3"}
        await choose(pilot, "t")
        assert list_lit(view) == {"version:0", "run:1", "model:3"}


async def test_capital_j_lights_the_ways_between_a_node_and_the_cursor() -> None:
    app = LineageApp()
    async with app.run_test(size=(120, 30)) as pilot:
        view = await show(pilot, make_chain(7))
        view.select("run:1")
        await choose(pilot, "w")
        await pilot.press("right", "right")
        assert view.selected == "run:3"
        assert list_lit(view) == {"run:1", "version:2", "run:3"}
        assert view.narrowing == "ways to run 1"
        await choose(pilot, "w")
        assert len(list_lit(view)) == 7
