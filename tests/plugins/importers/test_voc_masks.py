"""The masks of Pascal VOC as its own kit, CVAT and Datumaro write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlwf_tui.entities.annotation import GeometryKind, Tag
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput, NotFound
from mlwf_tui.formats.voc_colors import color_number, number_color
from mlwf_tui.plugins.importers.voc import VocImporter
from mlwf_tui.plugins.importers.voc_masks import VocMasksImporter
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.importing import ReadItem, read_folder
from tests.making import HEIGHT_PX, WIDTH_PX, make_voc, write_image

PALETTE = [channel for number in range(256) for channel in color_number(number).to_bytes(3)]
CAT, DOG, VOID = 8, 12, 255  # of VOC's twenty classes


def paint(path: Path, *boxes: tuple[int, int, int, int, int], mode: str = "P") -> Path:
    """Write a picture of boxes (number, edges): with VOC's palette, grey, or in colours."""
    numbers = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    for number, left, top, right, bottom in boxes:
        numbers[top:bottom, left:right] = number
    image = Image.fromarray(numbers)
    if mode != "L":
        image = Image.fromarray(numbers, "P")
        image.putpalette(PALETTE)
    path.parent.mkdir(parents=True, exist_ok=True)
    (image.convert("RGB") if mode == "RGB" else image).save(path)
    return path


def read(root: Path) -> tuple[dict[str, ReadItem], list[str]]:
    items, problems = read_folder(VocMasksImporter(), root)
    return {item.name: item for item in items}, [problem.reason for problem in problems]


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_each_object_is_a_mask_of_the_class_that_its_pixels_have(tmp_path: Path, mode: str) -> None:
    write_image(tmp_path / "JPEGImages/a.jpg")
    boxes = ((CAT, 4, 5, 10, 9), (VOID, 10, 5, 11, 9), (CAT, 20, 5, 30, 9), (DOG, 40, 5, 50, 9))
    paint(tmp_path / "SegmentationClass/a.png", *boxes, mode=mode)
    numbered = ((1, 4, 5, 10, 9), (VOID, 10, 5, 11, 9), (2, 20, 5, 30, 9), (3, 40, 5, 50, 9))
    paint(tmp_path / "SegmentationObject/a.png", *numbered, mode=mode)
    items, problems = read(tmp_path)
    assert problems == []
    assert [o.class_name for o in items["a.jpg"].objects] == ["cat", "cat", "dog"]
    assert {o.geometry.kind for o in items["a.jpg"].objects} == {GeometryKind.MASK}
    assert [tuple(o.geometry.bounds) for o in items["a.jpg"].objects] == [
        (4, 5, 10, 9), (20, 5, 30, 9), (40, 5, 50, 9),
    ]  # fmt: skip


def test_classes_alone_give_a_mask_for_each(tmp_path: Path) -> None:
    write_image(tmp_path / "JPEGImages/a.jpg")
    paint(tmp_path / "SegmentationClass/a.png", (CAT, 4, 5, 10, 9), (CAT, 20, 5, 30, 9), (DOG, 40, 5, 50, 9))
    items, problems = read(tmp_path)
    assert problems == []
    assert [o.class_name for o in items["a.jpg"].objects] == ["cat", "dog"]
    assert tuple(items["a.jpg"].objects[0].geometry.bounds) == (4, 5, 30, 9)


def test_labelmap_names_classes_and_colours_in_its_order(tmp_path: Path) -> None:
    write_image(tmp_path / "JPEGImages/a.jpg")
    paint(tmp_path / "SegmentationClass/a.png", (1, 4, 5, 10, 9), (2, 20, 5, 30, 9))
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::", "a:b:0,128,0::", "#x:128,0,0::"]
    (tmp_path / "labelmap.txt").write_text("\n".join(lines))
    schema = VocMasksImporter().read_schema(scan_folder(tmp_path))
    assert [(c.name, c.color) for c in schema.classes] == [("a:b", "#008000"), ("#x", "#800000")]
    items, problems = read(tmp_path)
    assert problems == []
    assert [o.class_name for o in items["a.jpg"].objects] == ["#x", "a:b"]


def test_flags_come_from_the_entry_of_the_same_number_and_class(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": [("cat", 4, 5, 10, 9), ("cat", 20, 5, 30, 9)]})
    path = tmp_path / "Annotations/a.xml"
    flag = "<name>cat</name><difficult>1</difficult>"
    path.write_text(path.read_text().replace("<name>cat</name>", flag))
    paint(tmp_path / "SegmentationClass/a.png", (CAT, 4, 5, 10, 9), (DOG, 20, 5, 30, 9))
    paint(tmp_path / "SegmentationObject/a.png", (1, 4, 5, 10, 9), (2, 20, 5, 30, 9))
    items, _ = read(tmp_path)
    assert [o.tags for o in items["a.jpg"].objects] == [(Tag("difficult"),), ()]


def test_splits_are_those_of_segmentation_and_images_without_masks_are_counted(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": [], "b.jpg": []}, splits={"val": ["a"]})
    paint(tmp_path / "SegmentationClass/a.png", (CAT, 4, 5, 10, 9))
    (tmp_path / "ImageSets/Segmentation").mkdir()
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text("a\n")
    items, problems = read(tmp_path)
    assert {name: item.split for name, item in items.items()} == {"a.jpg": Split.TRAIN}
    assert problems == ["has no PNG of masks for 1 image, left out: JPEGImages/b.jpg"]


def test_boxes_are_read_with_a_word_of_the_masks_and_no_mask_is_an_image(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": [("cat", 4, 5, 10, 9)], "b.jpg": []}, splits={"train": ["a", "b"]})
    paint(tmp_path / "SegmentationClass/a.png", (CAT, 4, 5, 10, 9))
    detection = VocImporter().detect(scan_folder(tmp_path))
    assert detection is not None
    assert detection.format == ""
    assert detection.reason.endswith("voc:segmentation would read 1 mask")
    items, problems = read_folder(VocImporter(), tmp_path)
    assert [(item.name, item.split) for item in items] == [("a.jpg", Split.TRAIN), ("b.jpg", Split.TRAIN)]
    assert [problem.reason for problem in problems] == [
        "holds 1 mask, which voc:segmentation reads and this format does not"
    ]


@pytest.mark.parametrize("has_xml", [True, False])
def test_masks_of_every_image_are_preferred(tmp_path: Path, has_xml: bool) -> None:
    make_voc(tmp_path, {"a.jpg": [("cat", 4, 5, 10, 9)] if has_xml else None})
    paint(tmp_path / "SegmentationClass/a.png", (CAT, 4, 5, 10, 9))
    detection = VocImporter().detect(scan_folder(tmp_path))
    assert detection is not None
    assert detection.format == "voc:segmentation"
    assert Registry().get_importer(detection.format).name == detection.format


def test_what_a_picture_cannot_say_is_reported(tmp_path: Path) -> None:
    for stem in "abcd":
        write_image(tmp_path / f"JPEGImages/{stem}.jpg")
    paint(tmp_path / "SegmentationClass/a.png", (77, 4, 5, 10, 9))
    paint(tmp_path / "SegmentationClass/b.png", (77, 4, 5, 10, 9))
    paint(tmp_path / "SegmentationObject/b.png", (1, 4, 5, 10, 9))
    paint(tmp_path / "SegmentationObject/c.png", (1, 4, 5, 10, 9))
    Image.new("P", (3, 3)).save(tmp_path / "SegmentationClass/d.png")
    _, problems = read(tmp_path)
    red, green, blue = color_number(77).to_bytes(3)
    assert problems == [
        f"has pixels of colour {red} {green} {blue}, which is no class",
        "object 1 has no pixel of a class",
        "has no SegmentationClass beside it that says of which class its objects are",
        f"is 3×3, but the image is {WIDTH_PX}×{HEIGHT_PX}",
    ]


def test_a_changed_picture_of_classes_or_xml_file_is_seen_in_the_key(tmp_path: Path) -> None:
    make_voc(tmp_path, {"a.jpg": []})
    path = paint(tmp_path / "SegmentationClass/a.png", (CAT, 4, 5, 10, 9))
    paint(tmp_path / "SegmentationObject/a.png", (1, 4, 5, 10, 9))
    before = VocMasksImporter().read_key(scan_folder(tmp_path))
    assert VocMasksImporter().read_key(scan_folder(tmp_path)) == before
    paint(path, (DOG, 4, 5, 10, 10))
    assert VocMasksImporter().read_key(scan_folder(tmp_path)) != before


@pytest.mark.parametrize("line", ["cat", "cat:1,2::", "cat:1,2,300::", "cat:a,b,c::", ":1,2,3::"])
def test_a_bad_labelmap_is_refused(tmp_path: Path, line: str) -> None:
    write_image(tmp_path / "JPEGImages/a.jpg")
    paint(tmp_path / "SegmentationClass/a.png", (1, 4, 5, 10, 9))
    (tmp_path / "labelmap.txt").write_text(line)
    with pytest.raises(InvalidInput):
        VocMasksImporter().read_schema(scan_folder(tmp_path))


def test_there_is_no_other_variant() -> None:
    with pytest.raises(NotFound):
        VocImporter().choose("boxes")


def test_numbers_and_colours_are_each_others() -> None:
    assert [color_number(number) for number in (0, 1, 2, 255)] == [0, 0x800000, 0x008000, 0xE0E0C0]
    for number in (*range(300), 0xABCDEF, (1 << 24) - 1):
        assert number_color(color_number(number)) == number
