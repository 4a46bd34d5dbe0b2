"""One card of the lineage: its name, badge, tags, how far it is, and that it is as wide as its box."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from rich.segment import Segment
from textual.strip import Strip

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.run import ArtifactKind, Progress
from mlwf_tui.tui.widgets.drawing import measure_line
from mlwf_tui.tui.widgets.graph_cards import NodeCard, choose_drawing, split_title
from mlwf_tui.tui.widgets.graph_layout import SIZES
from mlwf_tui.tui.widgets.graph_rows import PIECE, RowPieces
from tests.fakes.graphs import BEGIN, make_node

VERSION = make_node("version", 1, state="manual", title="cells@2", detail="golden · relabelled")
BEST = "31 runs: 31 done · best val/map50 0.845 in f74"
SEARCH = replace(
    make_node(
        "run", 2, state="done", title="runs ×31", detail="31 runs: 31 done · best val/map50 0.845 in f74"
    ),
    members=("run:3",),
)


def draw(node: LineageNode, progress: Progress | None = None, width: int = 28) -> list[str]:
    drawing = choose_drawing(width, 3)
    lines = [drawing(NodeCard(node, True, False, BEGIN, progress), width, part) for part in range(3)]
    return ["".join(text for text, _ in line) for line in lines]


@pytest.mark.parametrize(
    ("node", "parts"),
    [
        (VERSION, ("cells", "@2")),
        (replace(VERSION, title="cells@2.1", kind="project"), ("cells", "@2.1")),
        (replace(VERSION, title="cells", kind="project"), ("cells", "")),
        (SEARCH, ("runs", "×31")),
        (replace(SEARCH, members=(), title="ada@home"), ("ada@home", "")),
        (replace(VERSION, title="▸12 cells@2"), ("cells@2", "▸12")),
    ],
)
def test_a_title_is_told_from_its_badge(node: LineageNode, parts: tuple[str, str]) -> None:
    assert split_title(node) == parts


def test_a_version_shows_its_number_its_tags_and_its_kind() -> None:
    head, detail, foot = draw(replace(VERSION, tags=("golden",)))
    assert head == "╭─ ◆ cells ─────────── @2 ─╮"
    assert detail == "│ #golden relabelled       ├"
    assert foot == "╰─ manual · now ─ version ─╯"


def test_many_runs_show_their_best_metric_first() -> None:
    head, detail, _ = draw(SEARCH)
    assert " ×31 ─╮" in head
    assert detail == "│ best map50 0.845 · 31 d… ├"


def test_a_run_that_goes_on_shows_how_far_it_is() -> None:
    run = make_node("run", 1, state="running", title="train")
    progress = Progress(step=3, total=12, message="epoch 3/12")
    _, detail, foot = draw(run, progress)
    assert "25%" in detail and "epoch 3/12" in detail
    assert "● running" in foot
    card = NodeCard(run, False, False, BEGIN, Progress(step=3, total=12, message=""))
    assert "25%" in "".join(text for text, _ in choose_drawing(22, 1)(card, 22, 0))


@pytest.mark.parametrize("kind", [*ArtifactKind, "run"])
@pytest.mark.parametrize("title", ["x", "größe-测试-" * 9, "", "a@" + "1" * 40, "▸1 x"])
def test_every_card_is_as_wide_as_its_box(kind: str, title: str) -> None:
    node = make_node(kind, 1, state="done", detail="d" * 99)
    shown = replace(node, title=title, tags=("long-" * 9,))
    for size in SIZES:
        drawing = choose_drawing(size.width, size.height)
        for part in range(size.height):
            for progress in (None, Progress(step=1, total=2, message="m" * 50)):
                line = drawing(NodeCard(shown, True, True, BEGIN, progress), size.width, part)
                assert measure_line(line) == size.width, (size, part, line)


def test_rows_are_drawn_once_as_long_as_nothing_changes() -> None:
    asked: list[tuple[int, int]] = []

    def draw_piece(row: int, left: int) -> Strip:
        asked.append((row, left))
        return Strip([Segment("".join(str((left + x) % 10) for x in range(PIECE)))])

    rows = RowPieces(draw_piece)
    for left in (60, 61, 62):
        assert rows.read(3, left, 10).text == "".join(str(x % 10) for x in range(left, left + 10))
    assert asked == [(3, 0), (3, PIECE)]
    rows.forget()
    rows.read(3, 0, 5)
    assert asked[-1] == (3, 0) and len(rows) == 1
