"""Looking through a version or head: pages, places, filters; nothing is restored for it."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.annotation import Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.part import ALL, Part
from mlwf_tui.entities.picture import Outline
from mlwf_tui.errors import CorruptData, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.expressions.parse import parse_item_condition
from mlwf_tui.workflow.benchmarking.parts import select_items
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.items import (
    find_item_place,
    find_named_place,
    find_query_fault,
    iter_matches,
    open_items,
    read_items,
)
from mlwf_tui.workflow.pictures import render_item
from mlwf_tui.workflow.restore import restore
from mlwf_tui.workspace import Workspace
from tests.states import make_object, make_plain_item, set_state

KEYS = ["main/a.jpg", "main/b.jpg", "main/c.jpg", "main/d.jpg", "main/e.png"]


def find(workspace: Workspace, query: str) -> list[str]:
    source = open_items(workspace, "cells")
    places = [place for _, found in iter_matches(workspace, source, query) for place in found]
    return [item.name[0] for item in read_items(workspace, source, places)]


def test_a_head_and_a_version_are_opened_by_their_refs(imported: Workspace) -> None:
    head = open_items(imported, "cells")
    assert (head.is_head, head.item_count, head.object_count) == (True, 5, 5)
    assert head.schema.class_names == ("cell", "spot")
    commit(imported, "cells", message="one")
    version = open_items(imported, "cells@1")
    assert (version.is_head, version.manifest) == (False, head.manifest)
    with pytest.raises(NotFound):
        open_items(imported, "cells@7")


def test_an_opened_source_stays_what_it_was_when_the_head_moves(imported: Workspace) -> None:
    source = open_items(imported, "cells")
    commit(imported, "cells", message="one")
    restore(imported, "cells@1")
    assert [item.key for item in read_items(imported, source, range(5))] == KEYS


def test_items_are_read_by_any_places(imported: Workspace) -> None:
    source = open_items(imported, "cells")
    assert [item.key for item in read_items(imported, source, range(1, 3))] == KEYS[1:3]
    assert [item.key for item in read_items(imported, source, (0, 2, 3))] == [KEYS[0], *KEYS[2:4]]
    assert [item.key for item in read_items(imported, source, (3, 0, 2))] == [KEYS[3], KEYS[0], KEYS[2]]
    assert read_items(imported, source, ()) == ()


def test_a_name_leads_to_the_item_by_its_key_before_a_part_of_it(imported: Workspace) -> None:
    source = open_items(imported, "cells")
    places = [
        find_named_place(imported, source, text, lambda: True)
        for text in ("main/c", "c.jpg", "E.PNG", "main/", ".png", "nowhere")
    ]
    assert places == [2, 2, 4, 0, 4, None]


def test_the_beginning_of_a_name_leads_to_the_item(imported: Workspace) -> None:
    source = open_items(imported, "cells")
    assert find_item_place(imported, source, "main/c") == 2
    assert find_item_place(imported, source, "nowhere") == 4  # the last one
    assert find_item_place(imported, source, "") == 0


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "abcde"),
        ("spot", "bc"),
        ("CELL spot", "b"),
        ("val", "d"),
        ("split:test", "e"),
        ("class:cell train", "ab"),
        ("name:main", ""),
        ("dataset:main jpg", "abcd"),
        ("jpg cell d.", "d"),
        ("tag:x", ""),
    ],
)
def test_a_filter_takes_words_of_keys_splits_classes_and_tags(
    imported: Workspace, query: str, names: str
) -> None:
    assert find(imported, query) == list(names)


@pytest.mark.parametrize(
    "query",
    ["count(cell) >= 1", "objects > 0 and width > 10", "none(spot)", "empty", 'name ~ "a*"', "split == val"],
)
def test_a_filter_takes_expressions_and_finds_what_they_say(imported: Workspace, query: str) -> None:
    source = open_items(imported, "cells")
    condition = parse_item_condition(query)
    items = read_items(imported, source, range(source.item_count))
    assert find(imported, query) == [item.name[0] for item in items if condition.matches(item)]


def test_an_expression_that_does_not_parse_is_said_with_its_place_and_words_never_are(
    imported: Workspace,
) -> None:
    schema = open_items(imported, "cells").schema
    assert "at character 10, its end" in find_query_fault("objects >", schema)
    assert "There is no class 'cel'" in find_query_fault("count(cel) > 1", schema)
    assert "Did you mean cell? " in find_query_fault("count(CELL) > 1", schema)
    for words in ("val cell", "zebra", "class:cell name:a(1)", "empty"):
        assert not find_query_fault(words, schema)
    with pytest.raises(InvalidParameter):
        find(imported, "objects >")


def test_a_tag_is_found_on_items_and_on_their_objects(workspace: Workspace) -> None:
    tagged = make_object("car", tags=(Tag("blurred"),))
    items = (
        make_plain_item("main/a.jpg", make_object("car"), tagged),
        make_plain_item("main/b.jpg", tags=(Tag("blurred"),)),
        make_plain_item("main/c.jpg", make_object("car")),
    )
    set_state(workspace, "cells", items)
    assert (find(workspace, "tag:blurred"), find(workspace, "blurr")) == (["a", "b"], ["a", "b"])
    assert find(workspace, "class:car tag:blurred") == ["a"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("tag(nigth)", "no tag 'nigth' .at character 5 .*Did you mean night"),
        ("objects > 9 or any(tag(blured))", "no tag 'blured' .at character 24 .*Did you mean blurred"),
        ("custom(sped) > 3", "no custom value 'sped' .*Did you mean speed"),
    ],
)
def test_a_filter_by_a_tag_or_value_that_is_not_there_says_so(
    workspace: Workspace, query: str, told: str
) -> None:
    tagged = make_object("car", tags=(Tag("blurred"),))
    item = make_plain_item("main/a.jpg", tagged, tags=(Tag("night"),))
    set_state(workspace, "cells", (replace(item, annotation=replace(item.annotation, custom={"speed": 5})),))
    with pytest.raises(InvalidParameter) as refused:
        find(workspace, query)
    assert re.search(told, f"{refused.value.message} {refused.value.hint}")
    for known in ("tag(night)", "any(tag(blurred))", "custom(speed) > 3", "custom(sped) > 3 or objects > 0"):
        assert find(workspace, known) == ["a"]
    with pytest.raises((InvalidParameter, NotFound), match=r"There is no (tag|custom value)"):
        select_items(workspace, open_items(workspace, "cells").manifest, Part(split=ALL, where=query))


def test_a_filter_says_how_far_it_has_come(imported: Workspace) -> None:
    steps = list(iter_matches(imported, open_items(imported, "cells"), "val"))
    assert steps == [(5, (3,))]


def test_an_items_picture_is_read_from_the_store(imported: Workspace) -> None:
    item = read_items(imported, open_items(imported, "cells"), range(1))[0]
    assert item.split is Split.TRAIN
    outlines = [Outline(o.geometry, (255, 0, 0)) for o in item.annotation.objects]
    picture = render_item(imported, item, outlines, columns=64, rows=24)
    assert (picture.columns, picture.rows) == (64, 24)
    assert picture.find_color(2, 3) == (255, 0, 0)


def test_a_blob_that_is_no_image_or_is_gone_is_said(imported: Workspace) -> None:
    item = read_items(imported, open_items(imported, "cells"), range(1))[0]
    with imported.store.writer() as writer:
        text = writer.put(b"no picture at all")
    with pytest.raises(InvalidInput, match=r"a\.jpg is not an image"):
        render_item(imported, replace(item, blob=text), (), columns=9, rows=9)
    with pytest.raises(CorruptData):
        render_item(imported, replace(item, blob=type(item.blob)("0" * 64)), (), columns=9, rows=9)
