"""Merging, copying, moving; choosing items by expressions, likeness and balance."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image, ImageEnhance

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    define_classes,
)
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Origin, Split
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import build_params
from mlwf_tui.plugins.operations.merging import Merge, MergeParams
from mlwf_tui.protocols.operations import SourceItem
from tests.making import make_item
from tests.operating import follow
from tests.plugins.operations.drawing import make_alike, make_plain

ROADS = LabelSchema((ClassDefinition("car", geometry=GeometryKind.RECTANGLE), ClassDefinition("tree")))
TOWNS = LabelSchema(
    (ClassDefinition("house"), ClassDefinition("car", geometry=GeometryKind.MASK)),
    (TagDefinition("night", "text"),),
)
SCHEMAS = {"towns": TOWNS, "roads": ROADS}


def make_sources() -> list[SourceItem]:
    """Return items of two projects as an engine hands them out: below their projects' names."""
    found = []
    for project, names in (("roads", ("a.jpg", "b.jpg")), ("towns", ("a.jpg",))):
        for name in names:
            source = make_item(name, [("car", 1, 1, 9, 9)], dataset=f"{project}/main")
            origin = Origin(Digest("x"), f"main/{name}", Digest("m"))
            found.append(SourceItem(source.item, source.read_image, origin, project))
    return found


def merge(**params: Any) -> tuple[LabelSchema, list[Item]]:
    built: MergeParams = build_params(MergeParams, params)
    schema = Merge().join_schemas(SCHEMAS, built)
    planned = Merge().plan(make_sources(), schema, built, seed=0)
    return Merge().transform_schema(schema, built), [one.item for one in planned]


def get_classes(items: list[Item]) -> list[str]:
    return [labelled.class_name for item in items for labelled in item.annotation.objects]


def test_classes_of_one_name_and_two_shapes_may_have_any_shape() -> None:
    schema, items = merge()
    assert schema.class_names == ("car", "tree", "house")
    assert schema.classes[0].geometry is None
    assert [item.key for item in items] == ["roads/main/a.jpg", "roads/main/b.jpg", "towns/main/a.jpg"]


def test_clashing_classes_may_be_kept_apart() -> None:
    schema, items = merge(clash="separate")
    assert schema.class_names == ("car", "tree", "house", "car (towns)")
    assert get_classes(items) == ["car", "car", "car (towns)"]


def test_clashing_classes_may_be_refused_and_mapped_away() -> None:
    with pytest.raises(InvalidInput, match="The class 'car' is of shape mask in towns"):
        merge(clash="refuse")
    schema, items = merge(clash="refuse", classes="towns/car=vehicle")
    assert schema.class_names == ("car", "tree", "house", "vehicle")
    assert get_classes(items) == ["car", "car", "vehicle"]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (
            ("nose", "left", "right"),
            "The class 'face' names 3 keypoints in b, and names 2 keypoints elsewhere.",
        ),
        (
            ("left", "nose"),
            "The class 'face' names 'left' as keypoint 1 in b, and names 'nose' as keypoint 1",
        ),
        ((), "The class 'face' names no keypoints in b, and names 2 keypoints elsewhere."),
    ],
)
def test_skeletons_that_clash_are_told_apart(other: tuple[str, ...], told: str) -> None:
    schemas = {
        name: LabelSchema((ClassDefinition("face", "#ff0000", None, nodes),))
        for name, nodes in (("a", ("nose", "left")), ("b", other))
    }
    with pytest.raises(InvalidInput) as caught:
        Merge().join_schemas(schemas, MergeParams(clash="refuse"))
    assert caught.value.message.startswith(told)


def test_a_mapping_for_all_projects_joins_classes() -> None:
    schema, items = merge(classes="car=thing,tree=thing,house=thing")
    assert schema.class_names == ("thing",)
    assert set(get_classes(items)) == {"thing"}


def test_a_class_that_no_project_has_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="no class 'towns/cra'") as caught:
        merge(classes="towns/cra=vehicle")
    assert "towns/car" in caught.value.hint


def test_items_keep_their_datasets_and_clashing_names_are_settled() -> None:
    _, items = merge(datasets="keep")
    assert [item.key for item in items] == ["main/a.jpg", "main/b.jpg", "main/a_towns.jpg"]
    _, items = merge(datasets="keep", same_name="first")
    assert [item.key for item in items] == ["main/a.jpg", "main/b.jpg"]
    with pytest.raises(InvalidInput, match=r"main/a\.jpg is in roads and in towns"):
        merge(datasets="keep", same_name="refuse")


def test_tags_of_two_kinds_take_texts() -> None:
    other = LabelSchema((), (TagDefinition("night", "number", target="items"),))
    params = MergeParams()
    (tag,) = Merge().join_schemas({"a": other, "b": TOWNS}, params).tags
    assert (tag.value_type, tag.target) == ("text", "any")
    with pytest.raises(InvalidInput, match="The tag 'night'"):
        Merge().join_schemas({"a": other, "b": LabelSchema((), TOWNS.tags)}, MergeParams(clash="refuse"))


# --- copy and move ---------------------------------------------------------------------------------

ITEMS = [
    make_plain("a.jpg", "cat", dataset="one/x"),
    make_plain("b.jpg", dataset="two"),
    make_plain("a.jpg", dataset="two"),
]


def list_keys(name: str, items: list[SourceItem] = ITEMS, **params: Any) -> list[str]:
    return [made.item.key for made in follow(name, items, **params)]


def test_items_are_moved_below_a_dataset_or_right_into_it() -> None:
    assert list_keys("move", to="new", datasets="one") == ["new/one/x/a.jpg", "two/b.jpg", "two/a.jpg"]
    assert list_keys("move", to="new", flat=True) == ["new/a.jpg", "new/b.jpg", "new/a_1.jpg"]
    assert list_keys("move", to="two", where="not empty", flat=True) == [
        "two/a_1.jpg",
        "two/b.jpg",
        "two/a.jpg",
    ]
    assert list_keys("move", ending="_old", datasets="one")[0] == "one/x/a_old.jpg"


def test_copies_stand_beside_the_items() -> None:
    assert list_keys("copy", to="new", datasets="two") == [
        "one/x/a.jpg", "two/b.jpg", "new/two/b.jpg", "two/a.jpg", "new/two/a.jpg",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "params", [{}, {"to": "../x"}, {"to": "x", "datasets": "tow"}, {"to": "x", "where": "("}]
)
def test_a_move_to_nowhere_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        list_keys("move", **params)


# --- filter ----------------------------------------------------------------------------------------


def list_kept(**params: Any) -> list[str]:
    sure = AnnotatedObject("cat", Geometry.rectangle(1, 1, 5, 5), confidence=0.9)
    unsure = replace(sure, confidence=0.2)
    items = [
        make_plain("IMG_1.jpg", "dog", split=Split.VAL, tags=(Tag("night"),)),
        make_plain("IMG_2.jpg"),
        make_item("x.jpg", objects=[sure, unsure]),
    ]
    schema = LabelSchema(define_classes(("cat", "dog")))
    return [made.item.name for made in follow("filter", items, schema=schema, **params)]


def test_items_are_kept_by_each_condition_and_by_all_together() -> None:
    assert list_kept(where="has(dog) or empty") == ["IMG_1.jpg", "IMG_2.jpg"]
    assert list_kept(names="IMG_*") == ["IMG_1.jpg", "IMG_2.jpg"]
    assert list_kept(names="IMG_*", invert=True) == ["x.jpg"]
    assert list_kept(max_objects=0) == ["IMG_2.jpg"]
    assert list_kept(tags="night") == ["IMG_1.jpg"]
    assert list_kept(min_width_px=20) == ["x.jpg"]
    assert list_kept(where="not empty", splits="val,train", classes="cat", min_objects=1) == ["x.jpg"]


def test_unsure_objects_are_left_out() -> None:
    sure = AnnotatedObject("cat", Geometry.rectangle(1, 1, 5, 5), confidence=0.9)
    by_hand, unsure = replace(sure, confidence=None), replace(sure, confidence=0.2)
    (made,) = follow("filter", [make_item(objects=[sure, by_hand, unsure])], min_confidence=0.5)
    assert made.item.annotation.objects == (sure, by_hand)


def test_an_expression_that_does_not_parse_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidParameter, match="at character 8"):
        list_kept(where="width >> 3")


# --- deduplicate -----------------------------------------------------------------------------------


def test_of_copies_the_one_that_is_tested_on_stays() -> None:
    first = make_item("a.jpg", seed=1)
    copies = [
        SourceItem(replace(first.item, name=name, split=split), first.read_image)
        for name, split in (("b.jpg", Split.TEST), ("c.jpg", Split.VAL))
    ]
    other = make_item("z.jpg", seed=2)
    assert list_keys("deduplicate", [first, *copies, other]) == ["main/b.jpg", "main/z.jpg"]


def test_of_equal_copies_the_first_or_the_most_labelled_stays() -> None:
    first = make_item("a.jpg", seed=1)
    box = AnnotatedObject("cat", Geometry.rectangle(1, 1, 5, 5))
    annotation = replace(first.item.annotation, objects=(box,))
    labelled = SourceItem(replace(first.item, name="b.jpg", annotation=annotation), first.read_image)
    assert list_keys("deduplicate", [first, labelled]) == ["main/a.jpg"]
    assert list_keys("deduplicate", [first, labelled], keep="most_objects") == ["main/b.jpg"]


def test_images_that_look_alike_are_found_through_their_pixels() -> None:
    items = [make_alike(0, "a.jpg", 95), make_alike(0, "b.jpg", 40), make_alike(1, "c.jpg", 95)]
    assert list_keys("deduplicate", items) == ["main/a.jpg", "main/b.jpg", "main/c.jpg"]
    assert list_keys("deduplicate", items, how="look_alike") == ["main/a.jpg", "main/c.jpg"]


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_copy_in_another_light_is_found(factor: float) -> None:
    items = [make_alike(0, "a.jpg", 95), make_alike(1, "c.jpg", 95)]
    picture = ImageEnhance.Brightness(Image.open(BytesIO(items[0].read_image()))).enhance(factor)
    file = BytesIO()
    picture.save(file, "jpeg", quality=90)
    copy = SourceItem(replace(items[0].item, name="b.jpg", blob=Digest("b" * 64)), file.getvalue)
    assert list_keys("deduplicate", [*items, copy], how="look_alike") == ["main/a.jpg", "main/c.jpg"]


# --- balance ---------------------------------------------------------------------------------------

UNEVEN = [
    make_plain(f"{n:03}.jpg", "dog" if n % 10 == 0 else "cat", split=Split.TEST if n == 5 else Split.TRAIN)
    for n in range(100)
]


def count(**params: Any) -> Counter[str]:
    made = follow("balance", UNEVEN, **params)
    assert len({one.item.key for one in made}) == len(made)
    return Counter(o.class_name for one in made for o in one.item.annotation.objects)


def test_rare_classes_are_repeated_and_frequent_ones_reduced() -> None:
    assert count(strength=1) == {"cat": 90, "dog": pytest.approx(90, abs=6)}
    assert count(strength=0.5) == {"cat": 90, "dog": pytest.approx(30, abs=5)}
    assert count(strength=0) == {"cat": 90, "dog": 10}
    assert count(strength=1, max_times=3) == {"cat": 90, "dog": 30}
    reduced = count(strength=1, how="reduce")
    assert reduced["dog"] == 10
    assert 5 <= reduced["cat"] <= 20
    assert count(strength=1, classes="cat") == {"cat": 90, "dog": 10}


def test_only_the_splits_that_are_named_are_balanced() -> None:
    assert count(strength=1, splits="val") == {"cat": 90, "dog": 10}


def test_a_repeated_item_has_the_pixels_and_the_root_of_its_source() -> None:
    made = [one.item for one in follow("balance", UNEVEN, strength=1)]
    repeated = [item for item in made if item.name.startswith("010_rep")]
    assert repeated
    assert {item.roots for item in repeated} == {(Digest("010.jpg"),)}
