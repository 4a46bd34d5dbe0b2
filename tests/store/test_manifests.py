"""Manifests against a plain dict: the same items whatever their history, and work as small as the change."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    Visibility,
    define_classes,
)
from mlwf_tui.entities.boxes import Boxes, Corners
from mlwf_tui.entities.change import ChangeKind, ItemChange
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Origin, Split
from mlwf_tui.entities.project import ManifestSummary
from mlwf_tui.errors import Conflict, CorruptData, InvalidInput
from mlwf_tui.store.format import RecordKind
from mlwf_tui.store.manifests import (
    compare_rows,
    encode,
    find_item,
    iter_changes,
    iter_items,
    move_row,
    read_summary,
    update_manifest,
    write_manifest,
)
from mlwf_tui.store.nodes import Header, read_header, read_root, starts_node
from mlwf_tui.store.rows import SchemaRow, decode_item, encode_item
from mlwf_tui.store.store import Store

DATASET = "d836"  # its 3,000 keys begin nodes of three levels, which takes 130,000 keys elsewhere
SCHEMA = LabelSchema(
    (ClassDefinition("car", "#ff0000", GeometryKind.RECTANGLE), ClassDefinition("tree")),
    (TagDefinition("weather", "text"),),
)
State = dict[str, Item]


def make_item(number: int, *, dataset: str = DATASET, size_bytes: int = 100) -> Item:
    box = AnnotatedObject("car", Geometry.rectangle(1.5, 2, 10, number % 50 + 3))
    return Item(
        dataset=dataset,
        name=f"{number:05}.jpg",
        blob=Digest(f"{number:064x}"),
        size_bytes=size_bytes,
        width_px=640,
        height_px=480,
        split=list(Split)[number % 4],
        annotation=Annotation((box,) * (number % 3)),
    )


def make_state(numbers: range) -> State:
    return {item.key: item for item in map(make_item, numbers)}


def write(store: Store, state: State, schema: LabelSchema = SCHEMA) -> ManifestSummary:
    with store.writer() as writer:
        return write_manifest(writer, schema, state.values())


def update(store: Store, base: Digest, changes: Mapping[str, Item | None]) -> ManifestSummary:
    with store.writer() as writer:
        return update_manifest(store, writer, base, schema=SCHEMA, changes=changes)


def apply(state: State, changes: Mapping[str, Item | None]) -> State:
    merged = {**state, **changes}
    return {key: item for key, item in merged.items() if item is not None}


def compare(before: State, after: State) -> list[ItemChange]:
    changes = []
    for key in sorted(before.keys() | after.keys(), key=str.encode):
        old, new = before.get(key), after.get(key)
        kind = ChangeKind.ADDED if old is None else ChangeKind.REMOVED if new is None else ChangeKind.CHANGED
        if old != new:
            changes.append(ItemChange(kind, key, old, new))
    return changes


def check(store: Store, summary: ManifestSummary, state: State) -> None:
    items = list(state.values())
    assert list(iter_items(store, summary.digest)) == sorted(items, key=lambda item: item.key.encode())
    assert summary.item_count == len(items)
    assert summary.object_count == sum(len(item.annotation.objects) for item in items)
    assert summary.size_bytes == sum(item.size_bytes for item in items)
    assert read_summary(store, summary.digest) == summary


@pytest.fixture(scope="module")
def shared() -> Iterator[Store]:
    """One store for all examples: what they write is told apart by digest."""
    with TemporaryDirectory() as folder, Store(Path(folder)) as store:
        yield store


# --- round trips ---------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8"), max_size=8)
numbers = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**60), 2**60).map(float)
    | st.integers(-(2**60), 2**60).map(lambda thousandths: thousandths / 1000)
    | st.integers(0, 10**6).map(lambda thousandths: thousandths / 1000)
)
points = st.lists(st.tuples(numbers, numbers), max_size=4).map(tuple)
tags = st.lists(st.builds(Tag, texts, st.none() | texts | numbers), max_size=2).map(tuple)
customs = st.dictionaries(texts, texts | numbers | st.booleans(), max_size=3)


@st.composite
def draw_geometry(draw: st.DrawFn) -> Geometry:
    drawn = draw(points)
    seen = tuple(draw(st.sampled_from(Visibility)) for _ in drawn) if draw(st.booleans()) else ()
    return Geometry(
        draw(st.sampled_from(GeometryKind)),
        drawn,
        draw(st.lists(points, max_size=2).map(tuple)),
        draw(st.lists(st.integers(0, 2**40), max_size=4).map(tuple)),
        draw(st.lists(texts, max_size=3).map(tuple)),
        () if set(seen) == {Visibility.VISIBLE} else seen,
    )


geometries = draw_geometry()
objects = st.builds(
    AnnotatedObject,
    texts,
    geometries,
    st.none() | numbers,
    texts,
    tags,
    customs,
)
annotation_values = st.builds(Annotation, st.lists(objects, max_size=3).map(tuple), tags, customs)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="/\\"),
    min_size=1,
    max_size=12,
)
good_names = names.filter(lambda name: name not in (".", ".."))
digests = st.binary(min_size=32, max_size=32).map(lambda raw: Digest(raw.hex()))
origins = st.lists(st.builds(Origin, digests, texts, digests), max_size=2).map(tuple)
items = st.builds(
    Item,
    dataset=st.lists(good_names, min_size=1, max_size=2).map("/".join),
    name=good_names,
    blob=digests,
    size_bytes=st.integers(0, 2**50),
    width_px=st.integers(0, 2**31),
    height_px=st.integers(0, 2**31),
    split=st.sampled_from(Split),
    annotation=annotation_values,
    origins=origins,
)


@given(items)
def test_any_item_comes_back_from_its_row(item: Item) -> None:
    decoded = decode_item(encode_item(item))
    assert decoded == item
    assert encode_item(decoded) == encode_item(item)
    for annotated, original in zip(decoded.annotation.objects, item.annotation.objects, strict=True):
        assert {k: type(v) for k, v in annotated.custom.items()} == {
            k: type(v) for k, v in original.custom.items()
        }
    assert [type(decoded.annotation.custom[k]) for k in item.annotation.custom] == list(
        map(type, item.annotation.custom.values())
    )


@given(items, good_names, good_names, st.none() | st.sampled_from(Split), st.booleans())
def test_a_moved_row_is_that_of_the_moved_item(
    item: Item, dataset: str, name: str, split: Split | None, is_annotated: bool
) -> None:
    moved = replace(
        item,
        dataset=dataset,
        name=name,
        split=split or item.split,
        annotation=item.annotation if is_annotated else Annotation(),
    )
    row = encode_item(item)
    assert move_row(row, dataset=dataset, name=name, split=split, is_annotated=is_annotated) == encode(moved)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_a_moved_row_has_as_many_objects_as_before(count: int) -> None:
    one = AnnotatedObject("cell", Geometry(GeometryKind.POINT, ((1.0, 2.0),)))
    item = replace(make_item(1), annotation=Annotation((one,) * count))
    moved = move_row(encode_item(item), dataset="other", name="a.jpg", split=None, is_annotated=True)
    assert moved.object_count == count


SIDES = ("blob", "width_px", "height_px", "split", "size_bytes", "origins", "tags", "custom", "objects")


@given(items, items, st.sets(st.sampled_from(SIDES)))
def test_rows_differ_in_the_sides_in_which_their_items_do(before: Item, other: Item, sides: set[str]) -> None:
    item_sides, annotation_sides = sides & set(SIDES[:6]), sides & set(SIDES[6:])
    annotation = replace(
        before.annotation, **{name: getattr(other.annotation, name) for name in annotation_sides}
    )
    after = replace(before, **{name: getattr(other, name) for name in item_sides}, annotation=annotation)
    # To Python True is 1, which is another row.
    assume(before.annotation != after.annotation or repr(before.annotation) == repr(after.annotation))
    expected = ItemChange(ChangeKind.CHANGED, before.key, before, after).aspects
    assert compare_rows(encode_item(before), encode_item(after)) == expected


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.integers(0, 40), items, max_size=8))
def test_any_items_come_back_from_a_manifest(shared: Store, drawn: dict[int, Item]) -> None:
    state = {item.key: item for item in drawn.values()}
    check(shared, write(shared, state), state)


corners = st.tuples(*[st.integers(-(10**7), 10**7) | st.integers(-50, 50).map(lambda px: 1000 * px)] * 4)


@given(items, st.lists(st.tuples(texts, corners), max_size=5))
def test_boxes_make_the_row_that_their_objects_make(item: Item, drawn: list[tuple[str, Corners]]) -> None:
    boxes = Boxes(tuple(name for name, _ in drawn), tuple(place for _, place in drawn))
    bare = replace(item, annotation=Annotation())
    assert encode_item(bare, boxes) == encode_item(replace(bare, annotation=boxes.to_annotation()))


def test_equal_items_have_equal_bytes_whatever_their_number_types() -> None:
    def make(one: float, custom: dict[str, str | float | bool]) -> Item:
        box = AnnotatedObject("a", Geometry.rectangle(0, 0.5, one, 2), one, custom=custom)
        return Item(
            dataset="d", name="n", blob=Digest("0" * 64), size_bytes=1, width_px=1, height_px=1,
            annotation=Annotation((box,)),
        )  # fmt: skip

    assert encode_item(make(1, {"a": 1, "b": 2.5})) == encode_item(make(1.0, {"b": 2.5, "a": 1.0}))


def test_the_schema_comes_back_in_its_order(store: Store) -> None:
    schema = LabelSchema(define_classes(("zebra", "ape")), (TagDefinition("b"), TagDefinition("a", "number")))
    assert read_summary(store, write(store, {}, schema).digest).schema == schema


@st.composite
def draw_class(draw: st.DrawFn) -> ClassDefinition:
    nodes = draw(st.lists(texts, max_size=4, unique=True))
    ends = st.sampled_from(nodes) if nodes else st.nothing()
    edges = draw(st.lists(st.tuples(ends, ends), max_size=4)) if nodes else []
    kind = draw(st.none() | st.sampled_from(GeometryKind))
    return ClassDefinition(draw(texts), draw(texts), kind, tuple(nodes), tuple(edges))


schemas = st.builds(
    LabelSchema,
    st.lists(draw_class(), max_size=3).map(tuple),
    st.lists(
        st.builds(
            TagDefinition,
            texts,
            texts,
            st.lists(texts, max_size=3).map(tuple),
            texts,
            st.sampled_from(("items", "objects", "any")),
        ),
        max_size=3,
    ).map(tuple),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schemas)
def test_any_schema_comes_back(shared: Store, schema: LabelSchema) -> None:
    digest = write(shared, {}, schema).digest
    assert read_summary(shared, digest).schema == schema
    assert write(shared, {}, read_summary(shared, digest).schema).digest == digest


def test_what_has_none_of_the_later_fields_is_written_as_before_they_came(store: Store) -> None:
    def unpack(encoded: bytes) -> Any:
        return msgspec.msgpack.decode(encoded)

    row = unpack(encode_item(make_item(1)))
    assert len(row) == 9
    assert len(row[8][0]) == 2
    header = unpack(store.read(write(store, {}).digest))
    assert header[2] == [[["car", "#ff0000", "rectangle"], ["tree", "#808080", None]], [["weather", "text"]]]


def test_keypoints_that_are_all_visible_are_those_without_visibility() -> None:
    places = ((1.0, 2.5), (3.0, 4.0))
    plain = Geometry(GeometryKind.KEYPOINTS, places)
    seen = replace(plain, visibility=(Visibility.VISIBLE,) * 2)

    def write_row(shape: Geometry) -> bytes:
        return encode_item(replace(make_item(0), annotation=Annotation((AnnotatedObject("car", shape),))))

    assert write_row(seen) == write_row(plain)
    hidden = replace(plain, visibility=(Visibility.HIDDEN, Visibility.MISSING))
    assert decode_item(write_row(hidden)).annotation.objects[0].geometry == hidden


def test_a_visibility_for_other_points_is_refused() -> None:
    shape = Geometry(GeometryKind.KEYPOINTS, ((1.0, 2.0),), visibility=(Visibility.HIDDEN,) * 2)
    item = replace(make_item(0), annotation=Annotation((AnnotatedObject("car", shape),)))
    with pytest.raises(InvalidInput, match="visibility for each"):
        encode_item(item)


@pytest.mark.parametrize(
    ("object_tail", "item_tail"),
    [
        ([0, [7]], []),  # no such visibility
        ([0, [2, 2]], []),  # two for one point
        ([0, [1.5]], []),
        ([0, [1], 3], []),
        ([], [{"a": None}]),
        ([], [{"a": [1]}]),
        ([], [[]]),
        ([], [{}, 1]),
        ([], [{}, [[bytes(31), "main/a.jpg", bytes(32)]]]),
        ([], [{}, [[bytes(32), "main/a.jpg"]]]),
        ([], [{}, [], 1]),
    ],
)
def test_later_fields_with_bad_values_are_damage(object_tail: list[object], item_tail: list[object]) -> None:
    shape = ["keypoints", [1, 2], [], [], [], *object_tail]
    row = ["main", "a.jpg", bytes(32), 1, 2, 3, "none", [], [["car", shape]], *item_tail]
    with pytest.raises(CorruptData):
        decode_item(msgspec.msgpack.encode(row))


@pytest.mark.parametrize(
    ("class_tail", "tag_tail"),
    [
        ([["nose"], [["nose", "tail"]]], []),
        ([["nose"], [["nose"]]], []),
        ([[3]], []),
        ([], [["red"], "", "everything"]),
        ([], [["red"], 3]),
    ],
)
def test_definitions_with_bad_values_are_damage(
    store: Store, class_tail: list[object], tag_tail: list[object]
) -> None:
    root = read_header(store, write(store, {}).digest).root
    schema = [[["car", "#fff", None, *class_tail]], [["age", "choice", *tag_tail]]]
    header = ["mlwf.manifest", 2, schema, root, 0, 0, 0]
    with store.writer() as writer:
        digest = writer.put(msgspec.msgpack.encode(header), kind=RecordKind.MANIFEST)
    with pytest.raises(CorruptData):
        read_summary(store, digest)


@pytest.mark.parametrize(
    "schema",
    [
        LabelSchema((ClassDefinition("car", edges=(("a", "b"),)),)),
        LabelSchema(tags=(TagDefinition("age", target="everything"),)),
    ],
)
def test_definitions_that_could_not_be_read_are_not_written(store: Store, schema: LabelSchema) -> None:
    with pytest.raises(InvalidInput):
        write(store, {}, schema)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused_by_name(store: Store, value: float) -> None:
    box = AnnotatedObject("car", Geometry.rectangle(0, 0, value, 1))
    bad = Item(
        dataset="d", name="bad.jpg", blob=Digest("0" * 64), size_bytes=1, width_px=1, height_px=1,
        annotation=Annotation((box,)),
    )  # fmt: skip
    with pytest.raises(InvalidInput, match=r"d/bad\.jpg"):
        write(store, {bad.key: bad})
    assert not list(store.folder.glob("packs/*"))


def test_two_items_of_one_key_conflict(store: Store) -> None:
    with pytest.raises(Conflict, match=r"d836/00001\.jpg"), store.writer() as writer:
        write_manifest(writer, SCHEMA, [make_item(1), make_item(1, size_bytes=7)])


def test_an_item_under_a_foreign_key_is_refused(store: Store) -> None:
    base = write(store, make_state(range(3)))
    with pytest.raises(InvalidInput):
        update(store, base.digest, {"d836/other.jpg": make_item(1)})


# --- the tree ------------------------------------------------------------------------------------

POOL = 3000
edits = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "change", "range"]),
        st.integers(0, POOL),
        st.integers(1, 90),
    ),
    max_size=6,
)


def make_changes(drawn: list[tuple[str, int, int]]) -> dict[str, Item | None]:
    changes: dict[str, Item | None] = {}
    for kind, start, length in drawn:
        for number in range(start, start + (length if kind == "range" else 1)):
            item = make_item(number, size_bytes=length + 200)
            changes[item.key] = None if kind in ("remove", "range") else item
    return changes


def list_borders(level: int) -> list[int]:
    return [n for n in range(POOL) if starts_node(make_item(n).key, level)]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, POOL), st.integers(0, POOL), edits)
@example(0, 0, [("add", 5, 1)])
@example(0, 1, [("remove", 0, 1)])
@example(0, POOL, [("range", 0, POOL)])
@example(0, POOL, [("range", 1, POOL)])
@example(0, POOL, [("remove", 706, 1)])
@example(0, POOL, [("remove", 706, 1), ("remove", 2286, 1), ("range", 1600, 90)])
@example(0, 600, [("add", 706, 1)])
@example(706, 800, [("remove", 706, 1)])
@example(700, 720, [("range", 0, 707), ("add", 2286, 1)])
@example(100, POOL, [("add", 0, 1), ("remove", 100, 1)])
def test_an_update_equals_a_fresh_manifest(
    shared: Store, start: int, stop: int, drawn: list[tuple[str, int, int]]
) -> None:
    before = make_state(range(start, stop))
    changes = make_changes(drawn)
    after = apply(before, changes)
    base = write(shared, before)
    updated = update(shared, base.digest, changes)
    assert updated == write(shared, after)
    check(shared, updated, after)
    assert list(iter_changes(shared, base.digest, updated.digest)) == compare(before, after)
    assert list(iter_changes(shared, updated.digest, base.digest)) == compare(after, before)


def test_every_border_may_come_and_go(shared: Store) -> None:
    before = make_state(range(POOL))
    base = write(shared, before)
    assert read_root(shared, read_header(shared, base.digest).root).level == 3
    assert len(list_borders(2)) == 2
    for number in (0, *list_borders(1), *list_borders(0)[:20]):
        key = make_item(number).key
        without = update(shared, base.digest, {key: None})
        assert without == write(shared, apply(before, {key: None}))
        assert update(shared, without.digest, {key: make_item(number)}) == base


def test_neighbouring_borders_may_go_at_once(shared: Store) -> None:
    before = make_state(range(POOL))
    base = write(shared, before)
    rng = random.Random(1)
    for _ in range(10):
        borders = {*rng.sample(list_borders(0), 30), *rng.sample(list_borders(1), 2)}
        changes: dict[str, Item | None] = dict.fromkeys(make_item(n).key for n in borders)
        updated = update(shared, base.digest, changes)
        assert updated == write(shared, apply(before, changes))


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(40)), st.lists(st.integers(1, 39), max_size=3))
def test_history_leaves_no_trace(shared: Store, order: list[int], cuts: list[int]) -> None:
    wanted = write(shared, make_state(range(0, 400, 10)))
    digest = write(shared, {}).digest
    bounds = [0, *sorted(set(cuts)), 40]
    for first, last in pairwise(bounds):
        new = [make_item(number * 10) for number in order[first:last]]
        noise = [make_item(number * 10 + 5) for number in order[first:last]]
        digest = update(shared, digest, {item.key: item for item in (*new, *noise)}).digest
        digest = update(shared, digest, {item.key: None for item in noise}).digest
    assert digest == wanted.digest


def test_trees_of_very_different_height_are_compared(shared: Store) -> None:
    for small in (range(0), range(1), range(1500, 1505), range(POOL - 40, POOL + 40)):
        few, many = make_state(small), make_state(range(POOL))
        before, after = write(shared, few).digest, write(shared, many).digest
        assert list(iter_changes(shared, before, after)) == compare(few, many)
        assert list(iter_changes(shared, after, before)) == compare(many, few)


def test_an_update_that_changes_nothing_writes_nothing(store: Store) -> None:
    state = make_state(range(500))
    base = write(store, state)
    packs = sorted(store.folder.glob("packs/*"))
    changes: dict[str, Item | None] = {"d836/missing.jpg": None, make_item(7).key: make_item(7)}
    assert update(store, base.digest, changes) == base
    assert sorted(store.folder.glob("packs/*")) == packs


def test_one_edit_stores_a_few_kilobytes(store: Store) -> None:
    base = write(store, make_state(range(20_000)))
    before = store.read_stats().stored_bytes
    item = make_item(12_345, size_bytes=1)
    update(store, base.digest, {item.key: item})
    assert store.read_stats().stored_bytes - before < 30_000


def test_a_change_of_schema_alone_rewrites_the_header_alone(store: Store) -> None:
    base = write(store, make_state(range(500)))
    with store.writer() as writer:
        updated = update_manifest(store, writer, base.digest, schema=LabelSchema(), changes={})
    assert updated.digest != base.digest
    assert updated.schema == LabelSchema()
    assert list(iter_changes(store, base.digest, updated.digest)) == []


class CountingStore(Store):
    """Counts how many blobs are read."""

    reads = 0

    def read(self, digest: Digest) -> bytes:
        self.reads += 1
        return super().read(digest)


def test_work_grows_with_the_difference_not_with_the_size(tmp_path: Path) -> None:
    with CountingStore(tmp_path / "store") as store:
        base = write(store, make_state(range(10_000))).digest
        item = make_item(5000, size_bytes=1)
        after = update(store, base, {item.key: item}).digest
        path_length = 2 + read_root(store, read_header(store, base).root).level  # a header, then each level
        store.reads = 0
        assert len(list(iter_changes(store, base, after))) == 1
        assert store.reads <= 2 * path_length
        store.reads = 0
        assert find_item(store, base, item.key) == make_item(5000)
        assert store.reads <= path_length
        store.reads = 0
        assert len(list(iter_items(store, base, prefix="d836/0500"))) == 10
        assert store.reads <= path_length + 2


@pytest.mark.parametrize("prefix", ["", "a/", "a/0", "b", "b/00007.jpg", "b/00007.jpgx", "a/b/", "z", "é"])
def test_a_prefix_picks_what_begins_with_it(shared: Store, prefix: str) -> None:
    datasets = ["a", "a/b", "a b", "b", "é", "\U0001f600", "\uffff"]
    state = {i.key: i for i in (make_item(n, dataset=d) for d in datasets for n in range(90))}
    digest = write(shared, state).digest
    wanted = sorted(key for key in state if key.startswith(prefix))
    assert [item.key for item in iter_items(shared, digest, prefix=prefix)] == wanted
    assert wanted == sorted(wanted, key=str.encode)


def test_find_item_knows_what_is_not_there(shared: Store) -> None:
    digest = write(shared, make_state(range(100))).digest
    assert find_item(shared, digest, "d836/00050.jpg") == make_item(50)
    for key in ("", "a", "d836/00050.jpf", "d836/00050.jpgx", "z"):
        assert find_item(shared, digest, key) is None
    assert find_item(shared, write(shared, {}).digest, "d836/00050.jpg") is None


# --- what may not be read ------------------------------------------------------------------------

GOOD_ROW = ["d", "n", b"\0" * 32, 1, 1, 1, "train", [], []]


def make_object_row(points: list[float]) -> list[object]:
    return ["car", ["polygon", points, [], [], []], None, "", [], {}]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, ".."), (0, "a/../b"), (0, "/etc"), (0, ""), (0, "a//b"), (0, 7),
        (1, ".."), (1, "a/b"), (1, "a\\b"), (1, ""), (1, "a\nb"), (1, "a\0"), (1, "x" * 300),
        (2, b"\0" * 31), (2, "0" * 64), (3, -1), (4, 1.5), (5, None), (6, "holdout"), (7, [["a"]]),
        (8, [make_object_row([1.0])]), (8, [["car"]]), (8, [make_object_row([1, "2"])]),  # type: ignore[list-item]
    ],
)  # fmt: skip
def test_a_row_that_lies_is_refused(place: int, value: object) -> None:
    row = list(GOOD_ROW)
    decode_item(msgspec.msgpack.encode(row))
    row[place] = value
    with pytest.raises(CorruptData):
        decode_item(msgspec.msgpack.encode(row))


@pytest.mark.parametrize(
    "row", [b"", b"\x90", b"\xc1", b"\xa2\xff\xfe", msgspec.msgpack.encode([*GOOD_ROW, 1])]
)
def test_a_row_that_is_none_is_refused(row: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_item(row)


def put_node(store: Store, node: object) -> Digest:
    with store.writer() as writer:
        root = writer.put(msgspec.msgpack.encode(node), kind=RecordKind.NODE)
        header = Header("mlwf.manifest", 1, SchemaRow([], []), bytes.fromhex(root), 2, 0, 2)
        return writer.put(msgspec.msgpack.encode(header), kind=RecordKind.MANIFEST)


def make_row(name: str) -> list[object]:
    return ["d", name, *GOOD_ROW[2:]]


@pytest.mark.parametrize(
    "node",
    [
        [0, [make_row("b"), make_row("a")]],
        [0, [make_row("a"), make_row("a")]],
        [0, [make_row("a"), ["d", ".."]]],
        [1, 1, []],
        [1, 0, [["d/a", b"\0" * 32, 1]]],
        [1, 1, [["d/b", b"\0" * 32, 1], ["d/a", b"\1" * 32, 1]]],
        [2, 1, []],
        "node",
    ],
)
def test_a_node_that_lies_is_refused(store: Store, node: object) -> None:
    digest = put_node(store, node)
    with pytest.raises(CorruptData):
        list(iter_items(store, digest))


def test_a_child_that_is_not_what_its_parent_says_is_refused(store: Store) -> None:
    with store.writer() as writer:
        leaf = bytes.fromhex(writer.put(msgspec.msgpack.encode([0, [make_row("a"), make_row("b")]])))
    for first_key, count in (("d/", 2), ("d/a", 3)):
        digest = put_node(store, [1, 1, [[first_key, leaf, count]]])
        with pytest.raises(CorruptData):
            list(iter_items(store, digest))
    deeper = put_node(store, [1, 2, [["d/a", leaf, 2]]])
    with pytest.raises(CorruptData):
        list(iter_items(store, deeper))
    assert len(list(iter_items(store, put_node(store, [1, 1, [["d/a", leaf, 2]]])))) == 2


def test_what_is_no_manifest_is_refused(store: Store) -> None:
    newer = Header("mlwf.manifest", 3, SchemaRow([], []), bytes(32), 0, 0, 0)
    with store.writer() as writer:
        digests = [writer.put(b"an image"), writer.put(msgspec.msgpack.encode(newer))]
    for digest in digests:
        with pytest.raises(CorruptData):
            read_summary(store, digest)
    with pytest.raises(CorruptData):
        read_summary(store, Digest("0" * 64))


def test_a_manifest_of_huge_shards_comes_back(store: Store) -> None:
    polygon = Geometry(GeometryKind.POLYGON, tuple((n + 0.25, n + 0.75) for n in range(40_000)))
    state = {}
    for number in range(5):
        item = make_item(number)
        annotation = Annotation((AnnotatedObject("car", polygon),))
        state[item.key] = Item(
            dataset="d", name=item.name, blob=item.blob, size_bytes=1, width_px=1, height_px=1,
            annotation=annotation,
        )  # fmt: skip
    check(store, write(store, state), state)
