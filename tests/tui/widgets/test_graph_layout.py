"""Boxes do not touch, edges arrive, and the same graph gives the same picture."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_tui.entities.lineage import LineageGraph
from mlwf_tui.tui.widgets import graph_layout
from mlwf_tui.tui.widgets.graph_drawing import Highlight, _Cell, _draw_cells, draw_row, find_highlight
from mlwf_tui.tui.widgets.graph_layout import COMPACT, DOTS, FULL, SIZES, BoxSize, lay_out
from mlwf_tui.tui.widgets.graph_routing import DOWN, LEFT, RIGHT, UP, GraphLayout
from tests.fakes.graphs import BEGIN, make_chain, make_graph, make_history, make_node


def draw(graph: LineageGraph, size: BoxSize = FULL) -> list[str]:
    layout = lay_out(graph, size)
    return [
        "".join(text for text, _ in draw_row(layout, graph.nodes, row, 0, layout.width, None, BEGIN)[0])
        for row in range(layout.height)
    ]


def assert_boxes_are_apart(layout: GraphLayout) -> None:
    for column in layout.columns:
        for above, below in pairwise(column):
            assert layout.boxes[above].y + layout.boxes[above].height <= layout.boxes[below].y
    lefts = [layout.boxes[column[0]].x for column in layout.columns if column]
    width = layout.boxes[0].width
    assert all(left + width < right for left, right in pairwise(lefts))


def test_an_empty_graph_has_no_size() -> None:
    layout = lay_out(LineageGraph((), ()))
    assert (layout.width, layout.height, layout.boxes) == (0, 0, ())


def test_a_chain_runs_straight_from_left_to_right() -> None:
    lines = draw(make_chain(3))
    assert len(lines) == 3
    assert lines[1].count("├───▶│") == 2
    assert "version 0" in lines[0]
    assert lines[0].index("version 0") < lines[0].index("run 1") < lines[0].index("version 2")


def test_a_fan_joins_its_lines_at_the_trunk() -> None:
    nodes = [make_node("version", 0), *(make_node("run", number) for number in (1, 2, 3))]
    lines = draw(make_graph(nodes, [("version:0", f"run:{number}") for number in (1, 2, 3)]))
    text = "\n".join(lines)
    assert "├─┼─▶│" in text
    assert "╭─▶│" in text
    assert "╰─▶│" in text


def test_an_edge_over_a_column_goes_round_the_box_in_it() -> None:
    graph = make_graph(
        [make_node("version", 0), make_node("run", 1), make_node("model", 2), make_node("run", 3)],
        [("version:0", "run:1"), ("run:1", "model:2"), ("model:2", "run:3"), ("version:0", "run:3")],
    )
    layout = lay_out(graph)
    passed = layout.boxes[1]
    for row in range(passed.y, passed.y + passed.height):
        lines = layout.iter_horizontals(row, passed.x, passed.x + passed.width)
        assert all(line[1] <= passed.x or line[0] >= passed.x + passed.width - 1 for line in lines)
    assert sum(row.count("▶") for row in draw(graph)) == 3  # both inputs of the last run share one head


def test_lines_of_two_sources_that_only_cross_have_no_joint() -> None:
    cells = {5: _Cell(across=LEFT | RIGHT, across_ends={1}, along=UP | DOWN, along_source=2)}
    assert _draw_cells(cells, 5, 6, None) == [("│", "box--line")]
    cells[5].is_across_lit = True
    assert _draw_cells(cells, 5, 6, Highlight(0, frozenset(), frozenset(), {})) == [("─", "box--lit")]


def test_lines_of_one_source_that_meet_have_a_joint() -> None:
    cells = {5: _Cell(across=LEFT | RIGHT, across_ends={1, 2}, along=UP | DOWN, along_source=2)}
    assert _draw_cells(cells, 5, 6, None) == [("┼", "box--line")]


def test_a_line_leaves_its_row_before_another_arrives_on_it() -> None:
    nodes = [make_node("version", number) for number in range(2)] + [make_node("run", 2), make_node("run", 3)]
    edges = [("version:0", "run:2"), ("version:0", "run:3"), ("version:1", "run:2")]
    layout = lay_out(make_graph(nodes, edges))
    for lines in layout.horizontals.values():
        leaving = [
            (right, layout.get_link(link).source) for _, right, link, has_head in lines if not has_head
        ]
        arriving = [(left, layout.get_link(link).source) for left, _, link, has_head in lines if has_head]
        for right, source in leaving:
            assert all(other == source or right <= left for left, other in arriving)


def test_compact_boxes_take_one_row() -> None:
    lines = draw(make_chain(3), COMPACT)
    assert len(lines) == 1
    assert "◆ version 0" in lines[0]


def test_sources_stand_beside_their_first_use() -> None:
    chain = make_chain(5)
    late = make_node("folder", 9)
    graph = make_graph(
        [*chain.nodes, late], [*((e.source, e.target) for e in chain.edges), (late.id, "run:3")]
    )
    layout = lay_out(graph)
    assert layout.column_of[5] == layout.column_of[3] - 1


def test_the_same_graph_is_laid_out_alike() -> None:
    graph = make_history(200, seed=3)
    assert lay_out(graph) == lay_out(graph)


def test_what_is_not_connected_stands_below() -> None:
    graph = make_graph(
        [make_node("folder", 0), make_node("run", 1), make_node("folder", 2), make_node("run", 3)],
        [("folder:0", "run:1"), ("folder:2", "run:3")],
    )
    layout = lay_out(graph)
    assert layout.boxes[2].y > layout.boxes[0].y + layout.boxes[0].height
    assert layout.boxes[2].x == layout.boxes[0].x


def test_edges_that_name_no_node_are_left_out() -> None:
    layout = lay_out(make_graph([make_node("run", 0)], [("run:0", "model:7"), ("folder:8", "run:0")]))
    assert len(layout.links) == 0


def test_a_cycle_is_drawn_with_stubs_and_does_not_hang() -> None:
    nodes = [make_node("version", 0), make_node("run", 1)]
    layout = lay_out(make_graph(nodes, [("version:0", "run:1"), ("run:1", "version:0")]))
    assert len(list(layout.iter_links())) >= 2


def test_edges_too_long_to_lead_through_end_in_stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_layout, "MAX_WAYPOINTS", 2)
    chain = make_chain(20)
    edges = [*((e.source, e.target) for e in chain.edges), ("version:0", "run:19")]
    layout = lay_out(make_graph(chain.nodes, edges))
    stubs = [link for link in layout.iter_links() if (link.source, link.target) == (0, 19)]
    assert len(stubs) == 2
    assert layout.children[0] == (1, 19)


def test_the_trace_reaches_through_the_whole_graph_and_no_further() -> None:
    graph = make_graph(
        [make_node("version", 0), make_node("run", 1), make_node("model", 2), make_node("run", 3)],
        [("version:0", "run:1"), ("run:1", "model:2"), ("version:0", "run:3")],
    )
    trace = find_highlight(lay_out(graph), 1)
    assert trace.upstream == {0, 1}
    assert trace.downstream == {1, 2}
    assert not trace.has_node(3)
    assert not trace.has_edge(0, 3)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 120), seed=st.integers(0, 1000), size=st.sampled_from(SIZES))
def test_boxes_never_overlap_and_every_edge_ends_at_its_box(count: int, seed: int, size: BoxSize) -> None:
    graph = make_history(count, seed)
    layout = lay_out(graph, size)
    assert_boxes_are_apart(layout)
    numbers = {node.id: number for number, node in enumerate(graph.nodes)}
    heads = {(line[1], row) for row, lines in layout.horizontals.items() for line in lines if line[3]}
    for edge in graph.edges:
        source, target = layout.boxes[numbers[edge.source]], layout.boxes[numbers[edge.target]]
        assert source.x + source.width < target.x
        assert (target.x - 1, target.middle) in heads
    assert all(box.y >= 0 and box.y + box.height <= layout.height for box in layout.boxes)
    assert all(layout.find_node_at(box.x, box.y) == number for number, box in enumerate(layout.boxes))


def test_as_dots_every_node_is_its_glyph() -> None:
    assert draw(make_chain(3), DOTS) == [" ◆ ───▶ ƒ ───▶ ◆ "]
