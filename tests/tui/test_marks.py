"""What is marked, what a verb is done to then, and that it is done to all of it."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.expressions.parse import parse_item_condition
from mlwf_tui.tui.keys import KEYS_BY_ID
from mlwf_tui.tui.screens.choices import list_menu
from mlwf_tui.tui.screens.marks import (
    Marks,
    choose_compared,
    choose_sides,
    choose_targets,
    describe_marks,
    join_excerpt,
    reach,
)
from mlwf_tui.tui.screens.outline import make_dataset_entry, make_item_entry
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.verbs.conditions import write_condition
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry, EntryKind, Excerpt
from mlwf_tui.tui.widgets.model_comparison import ModelComparison
from mlwf_tui.workflow.items import open_items, read_items
from mlwf_tui.workspace import Workspace
from tests.tui.driving import drive
from tests.tui.homes import add_model

PROJECT = Entry(kind=EntryKind.PROJECT, key="head:1", ref="cells", title="cells")


def make_entry(kind: EntryKind, name: str) -> Entry:
    return Entry(kind=kind, key=f"{kind.value}:{name}", ref=name, title=name)


def make_plain_item(name: str, dataset: str = "plate") -> Item:
    return Item(dataset=dataset, name=name, blob=Digest("ab"), size_bytes=1, width_px=8, height_px=8)


RUNS = tuple(make_entry(EntryKind.RUN, name) for name in "abc")
ITEMS = tuple(make_item_entry(PROJECT, make_plain_item(f"{name}.jpg")) for name in "abc")


def test_marks_keep_their_order_and_say_each_change() -> None:
    changes: list[int] = []
    marks = Marks(lambda: changes.append(len(marks)))
    for entry in (RUNS[1], RUNS[0], RUNS[1]):
        marks.toggle(entry)
    assert list(marks.entries) == [RUNS[0]]
    assert changes == [1, 2, 1]
    marks.add(RUNS)
    assert list(marks.entries) == [*RUNS]
    marks.add(RUNS[:2])
    assert list(marks.entries) == [RUNS[2]]
    assert marks.clear()
    assert not marks.clear()


def test_a_verb_is_done_to_the_marks_of_the_kind_of_the_selection() -> None:
    model = make_entry(EntryKind.MODEL, "m")
    assert choose_targets(RUNS[2], (RUNS[0], model, RUNS[1])) == (RUNS[0], RUNS[1])
    assert choose_targets(model, RUNS) == (model,)
    elsewhere = make_item_entry(make_entry(EntryKind.VERSION, "cells@1"), make_plain_item("z.jpg"))
    assert choose_targets(ITEMS[0], (ITEMS[1], elsewhere)) == (ITEMS[1],), "of another version"


def test_two_are_compared_the_marks_first() -> None:
    assert choose_sides(RUNS[0], ()) == (RUNS[0],)
    assert choose_sides(RUNS[0], (RUNS[1],)) == (RUNS[1], RUNS[0])
    assert choose_sides(RUNS[0], (RUNS[1], RUNS[2])) == (RUNS[1], RUNS[2])
    assert choose_sides(RUNS[0], (PROJECT,)) == (RUNS[0],), "data is not compared with a run"


def test_the_selection_is_what_may_be_better_than_one_mark() -> None:
    assert choose_compared(RUNS[0], ()) == (RUNS[0],)
    assert choose_compared(RUNS[0], (RUNS[0],)) == (RUNS[0],)
    assert choose_compared(RUNS[0], (RUNS[1], PROJECT)) == (RUNS[0], RUNS[1])
    assert choose_compared(RUNS[0], (RUNS[1], RUNS[2])) == (RUNS[1], RUNS[2])


def test_what_is_marked_is_counted_in_few_words() -> None:
    assert describe_marks((PROJECT,)) == "cells"
    assert describe_marks(ITEMS[:1]) == "1 item"
    assert describe_marks((*RUNS, PROJECT)) == "3 runs, 1 project"


def test_a_key_that_knows_no_items_acts_on_what_they_lie_in() -> None:
    assert reach(KEYS_BY_ID["train"], ITEMS[0]) == PROJECT
    assert reach(KEYS_BY_ID["delete"], ITEMS[0]) == ITEMS[0]
    assert reach(KEYS_BY_ID["stop"], ITEMS[0]) == ITEMS[0]


def test_items_are_joined_and_meant_by_a_condition_that_no_other_meets() -> None:
    odd = make_item_entry(PROJECT, make_plain_item('say "a\\b".jpg'))
    excerpt = join_excerpt((ITEMS[0], odd))
    assert excerpt.item_count == 2
    condition = parse_item_condition(write_condition(excerpt))
    every = [*(entry.entity.items[0] for entry in (*ITEMS, odd) if isinstance(entry.entity, Excerpt))]
    assert [condition.matches(item) for item in every] == [True, False, False, True]


def test_a_dataset_is_meant_with_those_below_it_and_no_other() -> None:
    excerpt = join_excerpt((make_dataset_entry(PROJECT, "a[1]*", 3),))
    condition = parse_item_condition(write_condition(excerpt))
    datasets = ("a[1]*", "a[1]*/b", "a[1]*c", "a1x/b", "b")
    found = [condition.matches(make_plain_item("x.jpg", dataset)) for dataset in datasets]
    assert found == [True, True, False, False, False]


@pytest.mark.parametrize("entry", [*(make_entry(kind, "x") for kind in EntryKind), ITEMS[0]])
def test_every_thing_has_a_menu_that_begins_with_opening_it(entry: Entry) -> None:
    choices = list_menu(entry, Snapshot(), ())
    if entry.kind not in (EntryKind.SECTION, EntryKind.PLANNED):
        assert choices[0].id == "open"
        assert len(choices) > 3


def test_a_version_is_never_changed_by_the_menu_of_its_items() -> None:
    version = make_entry(EntryKind.VERSION, "cells@1")
    of_version, of_head = (
        {c.id: c.reason for c in list_menu(make_item_entry(within, make_plain_item("a.jpg")), Snapshot(), ())}
        for within in (version, PROJECT)
    )
    assert of_version["delete"] == "A version never changes: open cells itself."
    assert not of_head["delete"]
    assert not of_version["export"]


@pytest.mark.slow
async def test_marked_models_and_runs_are_starred_tagged_deleted_and_unmarked(full_home: Workspace) -> None:
    for name in ("second", "third"):
        add_model(full_home, name=name)
    async with drive(full_home) as app:
        await app.select("third")
        await app.press("space")
        await app.select("second")
        await app.press("space")
        await app.until_text("◆ 2 models marked")
        await app.press("asterisk")
        await app.until_text("Starred 2 models")
        starred = [model.name for model in full_home.catalog.models.list() if model.is_starred]
        assert sorted(starred) == ["second", "third"]
        await app.select("third")
        await app.press("space")
        await app.select("second")
        await app.press("space", "D")
        await app.until(lambda: isinstance(app.top, Confirm))
        await app.until_text("Delete 2 models")
        await app.press("y")
        await app.until_text("Deleted 2 models")
        await app.until(lambda: not len(app.main.marks), "no marks")
        await app.select("commit cells")
        await app.press("space")
        await app.until(lambda: len(app.main.marks) == 1)
        await app.press("u")
        assert not len(app.main.marks), "u takes the marks away first"
        await app.press("space", "escape")
        assert not len(app.main.marks)


async def test_esc_takes_marks_away_first_where_one_marks_and_the_foot_says_so(full_home: Workspace) -> None:
    add_model(full_home, name="second")
    async with drive(full_home) as app:
        await app.select("second")
        assert "esc" not in app.read_text().splitlines()[-1]
        await app.press("space")
        await app.until_text("esc no marks")
        await app.press("escape")
        await app.until_text("No longer marked: second.")
        await app.until(lambda: "esc" not in app.read_text().splitlines()[-1])
        await app.press("ctrl+e", "slash")
        await app.write("yolov10n")
        await app.press("enter")
        await app.until_text("/yolov10n")
        await app.settle()
        await app.press("space", "space")
        await app.until_text("◆ 2 marked")
        await app.until_text("esc no marks")
        await app.press("d")
        await app.until(lambda: isinstance(app.main.focused, ModelComparison))
        await app.until_text("esc back")
        await app.press("escape")
        assert len(app.main.marks) == 2, "where nothing is marked, it goes back"
        await app.until_text("esc no marks")
        await app.press("escape")
        await app.until_text("No longer marked: 2 models.")
        await app.until_text("/yolov10n")
        await app.until_text("esc back")
        await app.press("escape")
        await app.until(lambda: "/yolov10n" not in app.read_text())
        await app.press("space", "slash")
        await app.write("no such model")
        await app.press("enter")
        await app.until_text("esc shows all of them again.")
        await app.press("escape")
        await app.until_text("◆ 1 marked")


@pytest.mark.slow
async def test_marked_items_are_taken_out_and_tagged_as_one_change_each(projects_home: Workspace) -> None:
    async with drive(projects_home) as app:
        await app.select("cells")
        await app.press("v")
        await app.until_text("1 of 14 items")
        await app.settle()
        await app.press("space", "space")
        await app.until_text("◆ 2 items marked")
        await app.until(lambda: app.main.entry is not None and app.main.entry.kind is EntryKind.ITEM)
        await app.press("number_sign")
        await app.write("night")
        await app.press("enter")
        await app.until_text("Tagged 2 items with night")
        await app.settle()
        await app.until_text("3 of 14 items")
        await app.press("v", "space", "j", "space", "D")
        await app.until(lambda: isinstance(app.top, Confirm))
        await app.press("y")
        await app.until_text("Took 2 items out")
        await app.until_text("of 12 items")
    source = open_items(projects_home, "cells")
    items = read_items(projects_home, source, source.places)
    assert [item.name for item in items if item.annotation.tags] == ["cell-00.jpg", "cell-01.jpg"]
    assert source.item_count == 12
