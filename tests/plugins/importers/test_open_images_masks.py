"""The masks of Open Images: a table of PNGs, one for each object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import NotFound
from mlwf_tui.plugins.importers.open_images import OpenImagesImporter
from mlwf_tui.plugins.importers.open_images_masks import OpenImagesMasksImporter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.format_folders import make_open_images, write_map
from tests.importing import ReadItem, read_folder
from tests.making import HEIGHT_PX, WIDTH_PX

HEADER = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n"
CAT, DOG = "a_m0cat_00000001.png", "a_m0dog_00000002.png"


def make(folder: Path, rows: str = "") -> Path:
    """Write boxes, and two masks of the first image; the second is half as large as the image."""
    make_open_images(folder)
    rows = rows or f"{CAT},a,/m/cat,00000001,0,1,0,1,0.75,\n{DOG},a,/m/dog,00000002,0,1,0,1,,\n"
    (folder / "annotations/train-annotations-object-segmentation.csv").write_text(HEADER + rows)
    cat = np.zeros((HEIGHT_PX, WIDTH_PX), np.int64)
    cat[5:30, 4:20] = 255
    write_map(folder / "masks" / CAT, cat)
    dog = np.zeros((HEIGHT_PX // 2, WIDTH_PX // 2), np.int64)
    dog[1:3, 2:5] = 255
    write_map(folder / "masks" / DOG, dog)
    return folder


def read(root: Path) -> tuple[dict[str, ReadItem], list[str]]:
    items, problems = read_folder(OpenImagesMasksImporter(), root)
    return {item.name: item for item in items}, [problem.reason for problem in problems]


def test_each_row_is_a_mask_in_pixels_of_its_image(tmp_path: Path) -> None:
    items, problems = read(make(tmp_path))
    assert problems == []
    assert sorted(items) == ["a.jpg", "b.png", "c.jpg"]
    cat, dog = items["a.jpg"].objects
    assert (cat.class_name, cat.geometry.kind) == ("cat", GeometryKind.MASK)
    assert tuple(cat.geometry.bounds) == (4, 5, 20, 30)
    assert cat.custom == {"box_id": "00000001", "predicted_iou": 0.75}
    assert tuple(dog.geometry.bounds) == (4, 2, 10, 6)
    assert items["a.jpg"].split is Split.TRAIN
    assert items["b.png"].objects == ()


def test_boxes_are_read_with_a_word_of_the_masks_and_no_mask_is_an_image(tmp_path: Path) -> None:
    make(tmp_path)
    detection = OpenImagesImporter().detect(scan_folder(tmp_path))
    assert detection is not None
    assert detection.format == ""
    assert "open_images:segmentation would read the masks" in detection.reason
    items, problems = read_folder(OpenImagesImporter(), tmp_path)
    assert sorted(item.name for item in items) == ["a.jpg", "b.png", "c.jpg"]
    assert [problem.reason for problem in problems] == ["2 masks are not read: open_images:segmentation does"]


def test_masks_are_chosen_where_they_are_all_there_is(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "annotations/oidv6-train-annotations-bbox.csv").unlink()
    detection = OpenImagesImporter().detect(scan_folder(tmp_path))
    assert detection is not None
    assert detection.format == "open_images:segmentation"
    assert OpenImagesImporter().choose("segmentation").name == detection.format


def test_rows_that_cannot_be_used_are_reported(tmp_path: Path) -> None:
    rows = f"gone.png,a,/m/cat,,,,,,,\n../x.png,a,/m/cat,,,,,,,\n{CAT},a,,,,,,,,\n{CAT},none,/m/cat,,,,,,,\n"
    make(tmp_path, rows + f"{DOG},a,/m/dog,,,,,,,\n")
    (tmp_path / "masks" / DOG).write_bytes(b"no PNG")
    items, problems = read(tmp_path)
    assert items["a.jpg"].objects == ()
    assert problems[:3] == [
        "line 2 names the mask gone.png, which is missing",
        "line 3 points to '../x.png', which is not a plain file name",
        "line 4 has no class",
    ]
    assert problems[3] == "1 row of images that are not in the folder"
    assert problems[4].startswith("is not a whole PNG")


def test_there_is_no_other_variant() -> None:
    with pytest.raises(NotFound):
        OpenImagesImporter().choose("boxes")
