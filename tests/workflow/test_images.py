"""Importing images of every kind: by content, upright, as they are; what cannot be used is named."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

from PIL import Image

from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.exporting.exports import MARKER, export_manifest
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_image, make_yolo


def write_pages(path: Path) -> None:
    page = Image.new("RGB", (20, 20))
    page.save(path, save_all=True, append_images=[page, page])


def test_every_kind_is_imported_byte_by_byte(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    data = {f"a.{suffix}": make_image(format=suffix) for suffix in ("jpeg", "png", "webp", "bmp", "gif")}
    data["a.tif"] = make_image(format="tiff")
    data["a png.jpg"] = make_image(format="png")  # a suffix that lies
    for name, content in data.items():
        (folder / name).write_bytes(content)

    result = import_folder(workspace, folder, "kinds", observer=observer)

    assert (result.items_added, result.problems) == (len(data), ())
    manifest = workspace.catalog.projects.get("kinds").manifest
    assert {i.name: workspace.store.read(i.blob) for i in iter_items(workspace.store, manifest)} == data


def test_what_cannot_be_used_is_named_with_its_reason(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes(make_image()[:-50])
    (folder / "good.jpg").write_bytes(make_image())
    (folder / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (folder / "text.png").write_bytes(b"<html></html>")
    write_pages(folder / "scan.tif")

    result = import_folder(workspace, folder, "kinds", observer=observer)

    assert result.items_added == 1
    assert {problem.path: problem.reason for problem in result.problems} == {
        "cut.jpg": "is cut off",
        "empty.jpg": "is empty",
        "phone.jpg": "is a HEIC, which is not read: convert it to JPEG or PNG",
        "scan.tif": "has 3 pages, and an item is one image: split it into a file for each page",
        "text.png": "is not an image",
    }


def test_boxes_of_a_turned_photo_lie_on_it_as_it_is_shown(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    folder = make_yolo(tmp_path / "yolo", {"train/a.jpg": [("cell", 16, 12, 32, 24)]}, class_names=["cell"])
    photo = make_image(width_px=64, height_px=48, orientation=6)
    (folder / "images" / "train" / "a.jpg").write_bytes(photo)

    import_folder(workspace, folder, "photos", observer=observer)

    project = workspace.catalog.projects.get("photos")
    (item,) = iter_items(workspace.store, project.manifest)
    assert (item.width_px, item.height_px) == (48, 64)
    # The file says 0.25 to 0.5 of each side; of the upright photo that is another place in pixels.
    assert item.annotation.objects[0].geometry.bounds == (12, 16, 24, 32)

    written = export_manifest(workspace, project.manifest, "yolo", observer)
    (image,) = written.files
    label = (written.folder / image.replace("images/", "labels/")).with_suffix(".txt")
    assert (written.folder / image).read_bytes() == photo
    assert [float(word) for word in label.read_text().split()[1:]] == [0.375, 0.375, 0.25, 0.25]
    with Image.open(BytesIO(photo)) as stored:
        assert stored.size == (64, 48)


def test_an_export_whose_marker_cannot_be_relied_on_is_written_anew(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    folder = make_yolo(tmp_path / "yolo", {"train/a.jpg": [("cell", 16, 12, 32, 24)]}, class_names=["cell"])
    import_folder(workspace, folder, "photos", observer=observer)
    manifest = workspace.catalog.projects.get("photos").manifest
    written = export_manifest(workspace, manifest, "yolo", observer)
    (image,) = written.files
    marker = json.loads((written.folder / MARKER).read_text())
    of_earlier_boot, of_earlier_rules = {**marker, "boot": "before"}, {**marker, "rules": 1}
    of_earlier_build = dict(marker)
    del of_earlier_build["boot"]
    for torn in (
        "",
        '{"format": "yo',
        "[]",
        json.dumps(of_earlier_boot),
        json.dumps(of_earlier_rules),
        json.dumps(of_earlier_build),
    ):
        (written.folder / MARKER).write_text(torn)
        (written.folder / image).write_bytes(b"")
        assert export_manifest(workspace, manifest, "yolo", observer) == written
        assert (written.folder / image).stat().st_size
    (written.folder / "mine.txt").write_text("mine")
    assert export_manifest(workspace, manifest, "yolo", observer) == written
    assert (written.folder / "mine.txt").exists()  # it was whole, and was not written again
