"""What is said of files that lie in a folder and are not read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from mlwf_tui.entities.folder import SIGNATURE_BYTES, FolderListing, Page
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.images import ImagesImporter
from mlwf_tui.workflow.import_ import ImportResult, import_folder
from mlwf_tui.workflow.importing.unread import find_unread_annotations
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_voc, write_image

VIA = {"a.jpg9": {"filename": "a.jpg", "size": 9, "regions": [], "file_attributes": {}}}
STUDIO = [{"id": 1, "annotations": [{"result": []}], "data": {"image": "/data/upload/a.jpg"}}]
RESULTS = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "score": 0.5}]
CREATE_ML = [{"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": {"x": 1}}]}]
VIA_CSV = (
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
)


def read(workspace: Workspace, folder: Path, format: str = "auto") -> ImportResult:
    return import_folder(workspace, folder, "cells", format=format, observer=KeepingObserver())


def read_problems(workspace: Workspace, folder: Path) -> list[tuple[str, bool, str]]:
    return [(problem.path, problem.is_taken, problem.reason) for problem in read(workspace, folder).problems]


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("via_region_data.json", json.dumps(VIA), "VIA's JSON"),
        ("via_export_csv.csv", VIA_CSV, "VIA's CSV"),
        ("_annotations.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n", "TensorFlow's CSV"),
        ("project-1.json", json.dumps(STUDIO), "Label Studio's JSON"),
        ("predictions.json", json.dumps(RESULTS), "COCO results"),
        ("_annotations.createml.json", json.dumps(CREATE_ML), "CreateML's JSON"),
        ("labels.json", "{}", "annotations"),
        ("a.txt", "a picture of cells", "annotations"),
    ],
)
def test_annotations_of_a_format_that_is_not_read_are_told(
    name: str, text: str, told: str, tmp_path: Path, workspace: Workspace
) -> None:
    write_image(tmp_path / "a.jpg")
    write(tmp_path / name, text)
    result = read(workspace, tmp_path)
    (problem,) = result.problems
    assert (result.format, problem.path, problem.is_taken) == ("images", name, True)
    assert told in problem.reason
    assert "not read" in problem.reason


def test_files_that_are_no_annotations_are_not_told(tmp_path: Path, workspace: Workspace) -> None:
    write_image(tmp_path / "a.jpg")
    for name in ("README.txt", "requirements.txt", "package.json", "train.txt", "a.jpg.aux.xml", "b.py"):
        write(tmp_path / name)
    assert read_problems(workspace, tmp_path) == []


def test_a_person_who_asks_for_the_images_alone_gets_them_without_a_word(
    tmp_path: Path, workspace: Workspace
) -> None:
    write_image(tmp_path / "a.jpg")
    write(tmp_path / "via_region_data.json", json.dumps(VIA))
    assert read(workspace, tmp_path, format="images").problems == ()


def test_a_hundred_thousand_files_are_one_problem(tmp_path: Path) -> None:
    names = [f"{at:06}{suffix}" for at in range(512) for suffix in (".jpg", ".json")]
    pages = tuple(
        Page(at * 1024, f"{at}", "/".join(names), bytes(SIGNATURE_BYTES * 1024)) for at in range(200)
    )
    (problem,) = find_unread_annotations(FolderListing(tmp_path, pages, (), 0), ImagesImporter())
    assert problem.path == "0/000000.json"
    assert "102,399 more .json files" in problem.reason


def test_a_repeated_import_tells_it_again(tmp_path: Path, workspace: Workspace) -> None:
    folder = tmp_path / "in"
    write_image(folder / "a.jpg")
    write(folder / "via_region_data.json", json.dumps(VIA))
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    for source in (folder, tmp_path / "in.zip"):
        first, second = read_problems(workspace, source), read_problems(workspace, source)
        assert len(first) == 1
        assert second == first


def test_what_is_gone_is_told_no_longer(tmp_path: Path, workspace: Workspace) -> None:
    for at in range(6):
        write_image(tmp_path / f"{at}.jpg", at)
    write(tmp_path / "via_region_data.json", json.dumps(VIA))
    assert len(read_problems(workspace, tmp_path)) == 1
    (tmp_path / "via_region_data.json").unlink()
    assert read_problems(workspace, tmp_path) == []


@pytest.mark.parametrize("format", ["coco", "voc"])
def test_a_format_that_does_not_fit_leads_to_what_is_not_read(
    format: str, tmp_path: Path, workspace: Workspace
) -> None:
    write_image(tmp_path / "a.jpg")
    write(tmp_path / "via_region_data.json", json.dumps(VIA))
    with pytest.raises(InvalidInput) as caught:
        read(workspace, tmp_path, format=format)
    assert "via_region_data.json looks like VIA's JSON, which is not read" in caught.value.hint
    assert "--format images reads the images without" in caught.value.hint


def test_images_of_kinds_that_are_not_read_are_left_out_by_kind_and_number(
    tmp_path: Path, workspace: Workspace
) -> None:
    make_voc(tmp_path, {"a.jpg": []})
    for name in ("b.HEIC", "c.jfif", "d.avif"):
        write(tmp_path / "JPEGImages" / name)
    assert read(workspace, tmp_path).problems == (
        Problem(
            "JPEGImages/b.HEIC",
            "is one of 3 images of kinds that are not read (.heic, .jfif, .avif):"
            " rename .jfif to .jpg, convert the others to JPEG or PNG",
        ),
    )


@pytest.mark.parametrize(("name", "way"), [("a.heic", "convert it to JPEG"), ("a.jfif", "rename .jfif to")])
def test_a_folder_of_such_images_alone_says_so(
    name: str, way: str, tmp_path: Path, workspace: Workspace
) -> None:
    write(tmp_path / name)
    with pytest.raises(InvalidInput, match=rf"No images.*{name} is an image of a kind.*{way}"):
        read(workspace, tmp_path)
