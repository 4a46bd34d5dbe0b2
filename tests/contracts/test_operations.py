"""What every operation must do, whoever wrote it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    define_classes,
)
from mlwf_tui.entities.item import Split, check_name
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.media.probe import probe_image
from mlwf_tui.params import build_params, describe_params
from mlwf_tui.protocols import Draft, ImageOperation, SourceItem
from mlwf_tui.registry import Registry
from tests.making import make_item
from tests.operating import Made, follow

NAMES = Registry().list_names("operations")
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "anonymize": {"classes": ("cat",)},
    "copy": {"to": "copies"},
    "drop_classes": {"classes": ("dog",)},
    "drop_objects": {"min_area_px": 20},
    "filter": {"classes": ("cat",), "min_objects": 1},
    "kfold": {"folds": 2},
    "move": {"to": "moved"},
    "rename_classes": {"names": ("cat=lion",)},
    "resize": {"longest_px": 32},
    "sample": {"n": 2},
    "split_by": {"val": "night"},
    "tag": {"tag": "checked"},
    "tiles": {"width_px": 40, "height_px": 30},
}
POLYGON = AnnotatedObject(
    "cat",
    Geometry(GeometryKind.POLYGON, ((10.0, 10.0), (40.0, 12.0), (25.0, 40.0))),
    confidence=0.75,
    author="ada",
    tags=(Tag("blurred"),),
    custom={"truncated": True},
)
MASK = AnnotatedObject("dog", Geometry(GeometryKind.MASK, ((20.0, 10.0), (24.0, 14.0)), runs=(1, 6, 2, 7)))
SCHEMA = LabelSchema(define_classes(("cat", "dog")))
ITEMS = [
    make_item("a.jpg", [("cat", 4, 5, 30, 30), ("dog", 10, 20, 50, 48)], seed=1),
    make_item("b.png", [("dog", 1, 2, 40, 44)], objects=[POLYGON, MASK], seed=2),
    make_item("c.jpg", dataset="other", split=Split.VAL, seed=3),
    make_item("d.bmp", [("cat", 0, 0, 64, 48)], split=Split.NONE, seed=4),
]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def apply(name: str, items: Sequence[SourceItem], *, seed: int = 0) -> list[Made]:
    return follow(name, items, seed=seed, schema=SCHEMA, **NEEDED.get(name, {}))


def test_name_is_the_registered_one_and_summary_is_told(name: str) -> None:
    operation = Registry().get_operation(name)
    assert operation.name == name
    assert operation.summary
    assert operation.version >= 1


def test_params_are_a_frozen_dataclass_with_help(name: str) -> None:
    params_type = Registry().get_operation(name).params_type
    assert params_type.__dataclass_params__.frozen
    assert all(spec.help for spec in describe_params(params_type))
    assert all(field.default is not dataclasses.MISSING for field in dataclasses.fields(params_type))


def test_same_seed_gives_the_same_bytes(name: str) -> None:
    assert apply(name, ITEMS, seed=7) == apply(name, ITEMS, seed=7)


def test_order_of_the_items_does_not_matter(name: str) -> None:
    there = {result.item.key: result for result in apply(name, ITEMS, seed=3)}
    back = {result.item.key: result for result in apply(name, ITEMS[::-1], seed=3)}
    assert there == back


def test_keys_are_unique_good_names(name: str) -> None:
    results = apply(name, ITEMS)
    keys = [result.item.key for result in results]
    assert len(keys) == len(set(keys))
    for result in results:
        check_name(result.item.name, "name")


def test_new_images_are_as_their_items_say(name: str) -> None:
    for result in apply(name, ITEMS):
        if result.image is not None:
            facts = probe_image(result.image)
            assert (facts.width_px, facts.height_px) == (result.item.width_px, result.item.height_px)
            assert facts.format == ("png" if result.item.name.endswith(".png") else "jpeg")
            assert result.item.size_bytes == len(result.image)


def test_unchanged_pixels_keep_their_blob_and_size(name: str) -> None:
    by_key = {source.item.key: source.item for source in ITEMS}
    by_blob = {source.item.blob: source.item for source in ITEMS}
    for result in apply(name, ITEMS):
        if result.image is None:
            source = by_blob[result.item.blob]
            assert by_key.get(result.item.key, source) is source
            assert (result.item.width_px, result.item.height_px) == (source.width_px, source.height_px)


def test_objects_lie_inside_of_their_image(name: str) -> None:
    for seed in range(5):
        for result in apply(name, ITEMS, seed=seed):
            for labelled in result.item.annotation.objects:
                bounds = labelled.geometry.bounds
                assert 0 <= bounds.left < bounds.right <= result.item.width_px
                assert 0 <= bounds.top < bounds.bottom <= result.item.height_px


def test_classes_of_objects_are_in_the_schema_of_the_result(name: str) -> None:
    operation = Registry().get_operation(name)
    params = build_params(operation.params_type, NEEDED.get(name, {}))
    schema = operation.transform_schema(SCHEMA, params)
    for result in apply(name, ITEMS):
        assert {labelled.class_name for labelled in result.item.annotation.objects} <= set(schema.class_names)


def test_confidence_author_tags_and_custom_are_kept(name: str) -> None:
    if name == "sample":
        pytest.skip("may leave the item out")
    drawn = [
        labelled
        for result in apply(name, ITEMS)
        for labelled in result.item.annotation.objects
        if labelled.author
    ]
    assert drawn
    for labelled in drawn:
        assert (labelled.confidence, labelled.author) == (0.75, "ada")
        assert (labelled.tags, labelled.custom) == ((Tag("blurred"),), {"truncated": True})


def test_a_draft_that_was_sent_to_another_process_becomes_the_same(name: str) -> None:
    operation = Registry().get_operation(name)
    params = build_params(operation.params_type, NEEDED.get(name, {}))
    for planned in operation.plan(ITEMS, SCHEMA, params, seed=2):
        if isinstance(planned, Draft):
            sources = [ITEMS[position] for position in planned.sources]
            sent = msgspec.msgpack.decode(msgspec.msgpack.encode(planned), type=Draft)
            make = cast(ImageOperation, operation).make
            assert make(sent, sources, params) == make(planned, sources, params)


def test_an_image_that_cannot_be_decoded_is_refused_by_name(name: str) -> None:
    operation = Registry().get_operation(name)
    params = build_params(operation.params_type, NEEDED.get(name, {}))
    for planned in operation.plan(ITEMS, SCHEMA, params, seed=0):
        if isinstance(planned, Draft):
            broken = [
                replace(ITEMS[at], read_image=lambda: b"\xff\xd8\xff garbage") for at in planned.sources
            ]
            with pytest.raises(InvalidInput, match=ITEMS[planned.sources[0]].item.name):
                cast(ImageOperation, operation).make(planned, broken, params)


def test_a_class_that_does_not_exist_is_refused_with_the_nearest_name(name: str) -> None:
    operation = Registry().get_operation(name)
    if "classes" not in {spec.name for spec in describe_params(operation.params_type)} or name == "merge":
        pytest.skip("takes no classes")
    params = build_params(operation.params_type, {**NEEDED.get(name, {}), "classes": ("dgo",)})
    with pytest.raises(InvalidParameter, match="'dgo'") as caught:
        list(operation.plan(ITEMS, SCHEMA, params, seed=0))
    assert "dog" in caught.value.hint
    with pytest.raises(InvalidParameter, match="'dgo'"):
        operation.transform_schema(SCHEMA, params)


def test_group_is_one_that_is_listed(name: str) -> None:
    assert Registry().get_operation(name).group in ("pixels", "annotations", "selection", "splits", "merging")


def test_no_items_give_no_results(name: str) -> None:
    if name == "sample":
        pytest.skip("two of none cannot be had")
    assert apply(name, []) == []
