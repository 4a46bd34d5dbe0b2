"""Changed copies: pixels and objects agree, and only what was asked for is changed."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.protocols.operations import SourceItem
from tests.making import make_image, make_item
from tests.operating import follow

AUGMENTATIONS = ("augment", "blur", "brightness", "crop", "flip", "noise", "rotate")


def decode(image: bytes | None) -> NDArray[np.uint8]:
    """Return an encoded image as (H, W, 3) RGB."""
    assert image is not None
    return np.asarray(Image.open(BytesIO(image)).convert("RGB"))


def find_white(image: bytes | None) -> tuple[int, int, int, int]:
    """Return the box around the white pixels."""
    is_white = decode(image).min(axis=2) > 190
    rows, columns = np.flatnonzero(is_white.any(axis=1)), np.flatnonzero(is_white.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("flip", {"axis": "horizontal"}),
        ("flip", {"axis": "vertical"}),
        ("crop", {"min_size": 0.4, "max_size": 0.9}),
        ("rotate", {"degrees": 45}),
        ("rotate", {"right_angles": True}),
        ("augment", {"noise": 0}),
        ("resize", {"longest_px": 512, "enlarge": True}),
        ("resize", {"longest_px": 100}),
    ],
)
def test_box_stays_around_what_it_was_drawn_around(name: str, params: dict[str, Any]) -> None:
    box = ("cat", 150.0, 60.0, 210.0, 100.0)
    item = make_item("a.png", [box], width_px=256, height_px=192)
    if name != "resize":
        params = {**params, "keep_originals": False, "copies": 8}
    results = follow(name, [item], **params)
    assert results
    for result in results:
        (labelled,) = result.item.annotation.objects
        assert find_white(result.image) == pytest.approx(tuple(labelled.geometry.bounds), abs=1.5)


@pytest.mark.parametrize(
    ("name", "params"), [("flip", {}), ("crop", {}), ("rotate", {"degrees": 30}), ("augment", {})]
)
def test_mask_and_polygon_stay_where_the_box_is(name: str, params: dict[str, Any]) -> None:
    box = ("cat", 100.0, 60.0, 160.0, 120.0)
    corners = ((100.0, 60.0), (160.0, 60.0), (160.0, 120.0), (100.0, 120.0))
    mask = Geometry(GeometryKind.MASK, (corners[0], corners[2]), runs=(0, 3600))
    objects = [
        AnnotatedObject("cat", Geometry(GeometryKind.POLYGON, corners)),
        AnnotatedObject("cat", mask),
    ]
    item = make_item("a.png", [box], objects=objects, width_px=256, height_px=192)
    for result in follow(name, [item], copies=6, keep_originals=False, **params):
        rectangle, polygon, moved = (o.geometry.bounds for o in result.item.annotation.objects)
        assert tuple(polygon) == tuple(rectangle)
        assert tuple(moved) == pytest.approx(tuple(rectangle), abs=1.5)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_copies_differ_from_the_original_and_from_each_other(name: str) -> None:
    item = make_item("a.png", [("cat", 10, 10, 40, 40)])
    params: dict[str, Any] = {"axis": "random"} if name == "flip" else {}
    images = {result.image for result in follow(name, [item], copies=6, keep_originals=False, **params)}
    assert item.read_image() not in images
    assert len(images) >= (2 if name == "flip" else 6)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_copy_does_not_depend_on_other_items(name: str) -> None:
    items = [make_item(f"{letter}.jpg", [("cat", 10, 10, 40, 40)], seed=1) for letter in "ab"]
    alone = follow(name, items[:1], seed=5, copies=2)
    assert follow(name, items, seed=5, copies=2)[: len(alone)] == alone


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_another_seed_gives_other_pixels(name: str) -> None:
    params: dict[str, Any] = {"axis": "random"} if name == "flip" else {}
    items = [make_item(f"{number}.jpg") for number in range(4)]
    first, second = (
        [result.image for result in follow(name, items, seed=seed, keep_originals=False, **params)]
        for seed in (1, 2)
    )
    assert first != second


@pytest.mark.parametrize("name", ["blur", "brightness", "noise"])
def test_changes_of_light_leave_objects_alone(name: str) -> None:
    item = make_item("a.jpg", [("cat", 10, 10, 40, 40), ("dog", -5, 3, 70, 12)])
    (result,) = follow(name, [item], keep_originals=False)
    assert [o.class_name for o in result.item.annotation.objects] == ["cat", "dog"]
    assert result.item.annotation.objects[0] == item.item.annotation.objects[0]


def test_originals_come_first_and_copies_are_numbered() -> None:
    names = [result.item.name for result in follow("flip", [make_item("a.jpg")], copies=2)]
    assert names == ["a.jpg", "a_aug1.jpg", "a_aug2.jpg"]


def test_copies_keep_dataset_and_split() -> None:
    (result,) = follow("flip", [make_item(dataset="x/y")], keep_originals=False)
    assert (result.item.dataset, result.item.split) == ("x/y", Split.TRAIN)


def test_only_chosen_splits_and_items_without_one_are_copied() -> None:
    items = [make_item(f"{split}.jpg", split=split) for split in Split]
    names = [result.item.name for result in follow("flip", items, keep_originals=False)]
    assert names == ["train_aug1.jpg", "val.jpg", "test.jpg", "none_aug1.jpg"]
    names = [result.item.name for result in follow("flip", items, keep_originals=False, splits="val")]
    assert names == ["train.jpg", "val_aug1.jpg", "test.jpg", "none_aug1.jpg"]


def test_split_that_no_item_has_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="No image is in the splits test"):
        follow("flip", [make_item()], splits="test")


def test_split_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="holdout"):
        follow("flip", [make_item()], splits="holdout")


def test_names_of_copies_step_aside_for_items_that_are_there() -> None:
    items = [make_item("a.jpg"), make_item("a_aug1.jpg", split=Split.VAL), make_item("a.bmp")]
    names = [result.item.name for result in follow("flip", items)]
    assert names == ["a.jpg", "a_aug2.jpg", "a_aug1.jpg", "a.bmp", "a_aug1.png"]


def test_longest_name_still_fits() -> None:
    results = follow("flip", [make_item("ü" * 125 + ".jpg")])
    assert len(results[1].item.name.encode()) <= 255
    assert results[1].item.name.endswith("_aug1.jpg")


def test_png_stays_without_loss() -> None:
    item = make_item("a.png")
    (result,) = follow("flip", [item], keep_originals=False)
    assert np.array_equal(decode(result.image), decode(item.read_image())[:, ::-1])


def test_turned_photo_is_changed_as_it_is_shown() -> None:
    data = make_image(boxes=[("cat", 0, 0, 20, 10)], orientation=6)  # shown 48 x 64, white at the top right
    source = make_item("a.jpg", [("cat", 38, 0, 48, 20)], width_px=48, height_px=64)
    (result,) = follow("flip", [SourceItem(source.item, lambda: data)], keep_originals=False)
    (labelled,) = result.item.annotation.objects
    assert tuple(labelled.geometry.bounds) == (0, 0, 10, 20)
    assert find_white(result.image) == pytest.approx((0, 0, 10, 20), abs=1)


@pytest.mark.parametrize(
    ("suffix", "made"), [("gif", "png"), ("webp", "jpg"), ("tiff", "png"), ("bmp", "png")]
)
def test_every_format_can_be_changed(suffix: str, made: str) -> None:
    (result,) = follow("flip", [make_item(f"a.{suffix}")], keep_originals=False)
    assert result.item.name == f"a_aug1.{made}"


def test_image_that_cannot_be_decoded_is_named() -> None:
    source = make_item("a.jpg")
    with pytest.raises(InvalidInput, match=r"main/a\.jpg cannot be decoded"):
        follow("flip", [SourceItem(source.item, lambda: b"\xff\xd8\xff garbage")])


def test_image_of_another_size_than_its_item_is_named() -> None:
    source = make_item("a.jpg")
    with pytest.raises(InvalidInput, match=r"main/a\.jpg has 8x8 pixels"):
        follow("flip", [SourceItem(source.item, lambda: make_image(width_px=8, height_px=8))])


def test_crop_holds_the_centre_of_an_object() -> None:
    item = make_item("a.png", [("cat", 200, 150, 256, 192)], width_px=256, height_px=192)
    results = follow("crop", [item], copies=20, keep_originals=False, min_size=0.3, max_size=0.3)
    assert all(result.item.annotation.objects for result in results if result.image)


def test_crop_to_a_pixel_works_at_the_border() -> None:
    objects = [AnnotatedObject("dot", Geometry(GeometryKind.POINT, ((64.0, 48.0),)))]
    results = follow("crop", [make_item(objects=objects)], copies=20, min_size=0.05, max_size=0.05)
    assert len(results) == 21


def test_augment_without_any_chance_is_refused() -> None:
    chances: dict[str, Any] = dict.fromkeys(("crop", "rotate", "noise", "brightness", "flip"), 0)
    with pytest.raises(InvalidParameter, match="every probability is 0"):
        follow("augment", [make_item()], **chances)


def test_augment_with_one_chance_does_that_every_time() -> None:
    chances: dict[str, Any] = dict.fromkeys(("crop", "rotate", "noise", "brightness"), 0)
    item = make_item("a.png")
    results = follow("augment", [item], copies=5, keep_originals=False, flip=0.01, **chances)
    mirrored = decode(item.read_image())[:, ::-1]
    assert all(np.array_equal(decode(result.image), mirrored) for result in results)


def test_resize_leaves_smaller_images_untouched() -> None:
    (result,) = follow("resize", [make_item()], longest_px=100)
    assert result.image is None


def test_resize_keeps_names_and_makes_room_for_new_suffixes() -> None:
    items = [make_item("a.jpg"), make_item("a.webp"), make_item("b.PNG"), make_item("b.TIF")]
    results = follow("resize", items, longest_px=32)
    assert [result.item.name for result in results] == ["a.jpg", "a_1.jpg", "b.PNG", "b.png"]
    assert {(result.item.width_px, result.item.height_px) for result in results} == {(32, 24)}
