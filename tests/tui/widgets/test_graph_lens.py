"""What a lens leaves of a graph, and what can be written as a filter."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlwf_tui.entities.card import Card
from mlwf_tui.entities.lineage import LineageGraph, index_neighbours, measure_distances
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.tui.widgets.graph_filter import find_fault, parse_filter
from mlwf_tui.tui.widgets.graph_lens import (
    NOTHING_HIDDEN,
    Lens,
    Scope,
    apply_lens,
    enter_scope,
    find_stand_in,
    step_back,
    toggle_fold,
)
from tests.fakes.graphs import BEGIN, make_chain, make_graph, make_history, make_node

NOW = BEGIN + timedelta(days=1)
FORK = make_graph(
    [
        make_node("version", 0),
        make_node("run", 1, state="failed"),
        replace(make_node("run", 2), author="Ada"),
        make_node("model", 3),
        make_node("folder", 4),
        replace(make_node("version", 5), tags=("best",)),
        make_node("run", 6),
    ],
    [
        ("version:0", "run:1"),
        ("version:0", "run:2"),
        ("run:2", "model:3"),
        ("folder:4", "run:2"),
        ("version:5", "run:6"),
    ],
)


def list_ids(graph: LineageGraph) -> list[str]:
    return [node.id for node in graph.nodes]


def list_edges(graph: LineageGraph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


def filtered(text: str) -> LineageGraph:
    return apply_lens(FORK, Lens(filter=parse_filter(text, NOW)))


def test_no_lens_leaves_the_graph_as_it_is() -> None:
    assert apply_lens(FORK, NOTHING_HIDDEN) is FORK


def test_a_scope_is_what_a_thing_came_from_and_what_came_of_it() -> None:
    scope = Scope(title="run", starts=frozenset({"run:2"}))
    assert list_ids(apply_lens(FORK, Lens(scopes=(scope,)))) == ["version:0", "run:2", "model:3", "folder:4"]


def test_an_edge_leads_past_what_is_hidden() -> None:
    drawn = apply_lens(make_chain(5), Lens(hidden=frozenset({"run:1", "version:2"})))
    assert list_edges(drawn) == {("version:0", "run:3"), ("run:3", "version:4")}


def test_folding_leaves_out_what_came_of_a_node_and_what_only_that_has_read() -> None:
    drawn = apply_lens(FORK, Lens(folded=frozenset({"version:0"})))
    assert list_ids(drawn) == ["version:0", "version:5", "run:6"]
    assert drawn.nodes[0].title == "▸3 version 0"


def test_for_what_is_folded_stands_the_node_nearest_above_it() -> None:
    chain, lens = make_chain(7), Lens(folded=frozenset({"version:0", "version:4"}))
    drawn = list_ids(apply_lens(chain, lens))
    assert drawn == ["version:0"]
    assert find_stand_in(chain, lens, (), "run:5", drawn) == "version:0"  # the other fold is folded itself
    lens = Lens(folded=frozenset({"version:0"}))
    drawn = list_ids(apply_lens(FORK, lens))
    stand_ins = {node.id: find_stand_in(FORK, lens, (), node.id, drawn) for node in FORK.nodes}
    assert stand_ins["model:3"] == stand_ins["folder:4"] == "version:0"  # what only it has read as well
    assert stand_ins["run:6"] == "run:6"
    group = replace(make_node("folder", 9), members=("model:3", "folder:4"))
    drawn = list_ids(apply_lens(FORK, NOTHING_HIDDEN, [group]))
    assert find_stand_in(FORK, NOTHING_HIDDEN, [group], "model:3", drawn) == "folder:9"


def test_a_group_stands_for_its_members_until_it_is_opened() -> None:
    group = replace(make_node("folder", 9), members=("model:3", "folder:4"))
    drawn = apply_lens(FORK, NOTHING_HIDDEN, [group])
    assert "folder:9" in list_ids(drawn) and "model:3" not in list_ids(drawn)
    lens, stand_in = toggle_fold(NOTHING_HIDDEN, group, [group])
    assert stand_in == "model:3"
    assert apply_lens(FORK, lens, [group]) is FORK
    again, stand_in = toggle_fold(lens, FORK.nodes[4], [group])
    assert (again, stand_in) == (NOTHING_HIDDEN, "folder:9")


def test_a_group_within_another_is_drawn_once_that_is_opened_and_folds_back_the_same_way() -> None:
    outer = replace(make_node("run", 8, title="runs ×3"), members=("run:1", "run:2", "model:3", "folder:4"))
    inner = replace(make_node("folder", 9), members=("model:3", "folder:4"))
    groups = [outer, inner]
    assert set(list_ids(apply_lens(FORK, NOTHING_HIDDEN, groups))) == {
        "run:8",
        "version:0",
        "version:5",
        "run:6",
    }
    lens, stand_in = toggle_fold(NOTHING_HIDDEN, outer, groups)
    assert stand_in == "run:1"
    assert {"folder:9", "run:1", "run:2"} <= set(list_ids(apply_lens(FORK, lens, groups)))
    lens, stand_in = toggle_fold(lens, inner, groups)
    assert stand_in == "model:3"
    assert set(list_ids(apply_lens(FORK, lens, groups))) == set(list_ids(FORK))
    lens, stand_in = toggle_fold(lens, FORK.nodes[4], groups)
    assert stand_in == "folder:9"
    lens, stand_in = toggle_fold(lens, FORK.nodes[1], groups)
    assert (lens, stand_in) == (NOTHING_HIDDEN, "run:8")


def hide(graph: LineageGraph, *ids: str) -> LineageGraph:
    nodes = (replace(n, card=Card(is_hidden=True)) if n.id in ids else n for n in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def test_what_was_hidden_for_all_is_left_out_until_it_is_asked_for() -> None:
    graph = hide(FORK, "run:2")
    assert "run:2" not in list_ids(apply_lens(graph, NOTHING_HIDDEN))
    assert ("version:0", "model:3") in list_edges(apply_lens(graph, NOTHING_HIDDEN))
    assert list_ids(apply_lens(graph, Lens(filter=parse_filter("hidden:yes", NOW)))) == ["run:2"]
    assert len(apply_lens(graph, Lens(filter=parse_filter("hidden:all", NOW))).nodes) == len(graph.nodes)
    scope = Scope(title="run", starts=frozenset({"run:2"}))
    assert "run:2" in list_ids(apply_lens(graph, Lens(scopes=(scope,)))), "it was asked for by name"


def test_a_group_shows_its_hidden_members_one_by_one_where_they_are_asked_for() -> None:
    group = replace(make_node("folder", 9), members=("model:3", "folder:4"))
    graph = hide(FORK, "folder:4")
    assert "folder:9" in list_ids(apply_lens(graph, NOTHING_HIDDEN, [group]))
    assert list_ids(apply_lens(graph, Lens(filter=parse_filter("hidden:yes", NOW)), [group])) == ["folder:4"]
    gone = hide(FORK, "model:3", "folder:4")
    assert "folder:9" not in list_ids(apply_lens(gone, NOTHING_HIDDEN, [group]))


def test_a_scope_of_a_member_holds_its_group() -> None:
    group = replace(make_node("folder", 9), members=("folder:4",))
    scope = Scope(title="folder", starts=frozenset({"folder:4"}))
    drawn = apply_lens(FORK, Lens(scopes=(scope,)), [group])
    assert set(list_ids(drawn)) == {"folder:9", "run:2", "model:3"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("kind:model,version", ["version:0", "model:3", "version:5"]),
        ("state:failed", ["run:1"]),
        ("author:ada", ["run:2", "model:3"]),
        ("author:nobody,ADA", ["run:2", "model:3"]),
        ("KIND:Model", ["model:3"]),
        ("-kind:run,version,report,folder", ["model:3"]),
        ('"run 1"', ["run:1"]),
        ('"1 run"', []),
        ('kind:run -"run 1"', ["run:2", "run:6"]),
        ("tag:best", ["version:5"]),
        ("RUN 1", ["run:1"]),
        ("since:24h before:2026-01-01T00:02", ["version:0", "run:1"]),
        ("before:2025-12-31", []),
    ],
)
def test_a_filter_leaves_what_all_of_it_holds_of(text: str, left: list[str]) -> None:
    assert list_ids(filtered(text)) == left


def test_models_hang_on_the_versions_that_a_filter_leaves() -> None:
    assert list_edges(filtered("kind:model,version")) == {("version:0", "model:3")}


@pytest.mark.parametrize(
    "text",
    [
        "colour:red", "kind:", "since:soon", "since:0001-01-01", "before:2026-13-01", "since:7y",
        "hidden:soon", "kind:banana",
        "state:banana", "since:7d,1d", "since:7d since:1d", 'tag:"open', "-kind:banana",
    ],
)  # fmt: skip
def test_what_cannot_be_a_filter_says_so(text: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_filter(text, NOW)


def test_a_word_with_a_colon_is_written_in_quotes() -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_filter("p:flip", NOW)
    assert '"p:flip"' in caught.value.hint
    assert parse_filter('"p: Flip"', NOW).words == ("p: flip",)
    assert not find_fault("kind:run", NOW) and "version" in find_fault("kind:banana", NOW)


@pytest.fixture
def in_kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "NPT-05:45")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_kathmandu")
def test_days_are_those_of_this_machine_as_the_details_tell_them() -> None:
    assert parse_filter("since:2026-01-02", NOW).since == datetime(2026, 1, 1, 18, 15, tzinfo=UTC)
    assert parse_filter("since:2026-01-02T00:00Z", NOW).since == datetime(2026, 1, 2, tzinfo=UTC)


def test_the_last_that_narrows_is_taken_back_first() -> None:
    model = Scope(title="model", starts=frozenset({"model:3"}))
    lens = enter_scope(Lens(scopes=(Scope(title="a", starts=frozenset()),)), model)
    lens = replace(lens, hidden=frozenset({"run:1"}), filter=parse_filter("x", NOW))
    steps = [lens := step_back(lens) for _ in range(4)]
    assert not steps[0].filter.is_set and steps[0].hidden
    assert not steps[1].hidden and steps[1].scopes[-1] == model
    assert [len(step.scopes) for step in steps] == [2, 2, 1, 0]


def test_a_scope_that_was_entered_before_is_gone_back_to() -> None:
    scopes = [Scope(title=title, starts=frozenset()) for title in "aba"]
    lens = NOTHING_HIDDEN
    for scope in scopes:
        lens = enter_scope(lens, scope)
    assert [scope.title for scope in lens.scopes] == ["a"]


@given(count=st.integers(2, 60), seed=st.integers(0, 100), kept=st.sets(st.integers(0, 60)))
def test_what_hung_together_still_does_when_nodes_between_are_hidden(
    count: int, seed: int, kept: set[int]
) -> None:
    graph = make_history(count, seed)
    hidden = frozenset(node.id for number, node in enumerate(graph.nodes) if number not in kept)
    drawn = apply_lens(graph, Lens(hidden=hidden))
    before, _ = index_neighbours(graph)
    after, _ = index_neighbours(drawn)
    for node in drawn.nodes:
        wanted = measure_distances([node.id], before).keys() - hidden
        assert measure_distances([node.id], after).keys() == wanted
