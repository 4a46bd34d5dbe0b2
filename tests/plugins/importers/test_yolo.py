"""YOLO folders as Ultralytics, Roboflow and darknet write them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import AnnotatedObject, GeometryKind
from mlwf_tui.entities.folder import FoundFile
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.yolo import YoloImporter
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.importing import ReadItem, read_folder
from tests.making import Box, make_image, make_yolo, write_image


def read(root: Path) -> tuple[dict[str, ReadItem], list[Problem]]:
    items, problems = read_folder(YoloImporter(), root)
    return {f"{item.dataset}/{item.name}".lstrip("/"): item for item in items}, problems


def write_label(root: Path, text: str) -> Path:
    """Write a folder of one image of 64 x 48 with these label lines."""
    make_yolo(root, {"train/a.jpg": []}, class_names=["cat", "dog"])
    (root / "labels/train/a.txt").write_text(text)
    return root


def test_normalised_boxes_become_whole_pixels_again(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"train/a.jpg": [("cat", 3, 7, 20, 31)]}, class_names=["cat"])
    items, _ = read(tmp_path)
    assert tuple(items["a.jpg"].objects[0].geometry.bounds) == (3, 7, 20, 31)


def test_size_of_a_turned_photo_is_the_one_it_is_shown_with(tmp_path: Path) -> None:
    write_label(tmp_path, "0 0.5 0.5 1 1")
    (tmp_path / "images/train/a.jpg").write_bytes(make_image(orientation=6))
    items, _ = read(tmp_path)
    assert tuple(items["a.jpg"].objects[0].geometry.bounds) == (0, 0, 48, 64)


def test_segments_become_polygons(tmp_path: Path) -> None:
    items, _ = read(write_label(tmp_path, "1 0.25 0.25 0.75 0.25 0.5 0.75"))
    labelled = items["a.jpg"].objects[0]
    assert labelled.class_name == "dog"
    assert labelled.geometry.kind is GeometryKind.POLYGON
    assert labelled.geometry.points == ((16, 12), (48, 12), (32, 36))


def test_saved_predictions_have_their_confidence(tmp_path: Path) -> None:
    items, _ = read(write_label(tmp_path, "0 0.5 0.5 0.5 0.5 0.875"))
    assert items["a.jpg"].objects[0].confidence == 0.875


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 0.5 0.5 0 0.5", "line 2 has a box without area: left 32, right 32"),
        ("7 0.5 0.5 0.5 0.5", "line 2 has class 7, which has no name"),
        ("0.5 0.5 0.5 0.5 0.5", "line 2 has class 0.5, which has no name"),
        ("0 320 240 100 100", "line 2 has coordinates that are not between 0 and 1"),
        ("0 nan 0.5 0.5 0.5", "line 2 holds a number that is not finite"),
        ("cat 0.5 0.5 0.5 0.5", "line 2 holds something that is not a number"),
        ("0 0_1 0.5 0.1 0.1", "line 2 holds something that is not a number"),
        ("0_1 0.5 0.5 0.1 0.1", "line 2 holds something that is not a number"),
        ("0 0.5 0.5", "line 2 has 3 numbers, which make neither a box nor a polygon"),
    ],
)
def test_bad_line_is_left_out_and_reported_alone(tmp_path: Path, line: str, reason: str) -> None:
    good = "0 0.5 0.5 0.5 0.5"
    items, problems = read(write_label(tmp_path, f"{good}\n{line}\n{good}\n"))
    assert len(items["a.jpg"].objects) == 2
    assert problems == [Problem("labels/train/a.txt", reason)]


def test_image_with_an_unreadable_label_file_is_left_out(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"train/a.jpg": [], "train/b.jpg": []}, class_names=["cat"])
    (tmp_path / "labels/train/a.txt").write_bytes(b"\xff\xfe\0\1")
    items, problems = read(tmp_path)
    assert list(items) == ["b.jpg"]
    assert problems == [Problem("labels/train/a.txt", "is not UTF-8 text")]


def test_names_may_be_a_mapping_and_numbers(tmp_path: Path) -> None:
    write_label(tmp_path, "5 0.5 0.5 0.5 0.5")
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: {0: cat, 5: 5}\n")
    items, _ = read(tmp_path)
    assert items["a.jpg"].objects[0].class_name == "5"


@pytest.mark.parametrize(
    "names", ["[no, Yes, ~, 1_0, 2024-01-01, x]", "{0: no, 1: Yes, 2: ~, 3: 1_0, 4: 2024-01-01, 5: x}"]
)
def test_names_are_the_words_as_they_are_written(tmp_path: Path, names: str) -> None:
    write_label(tmp_path, "0 0.5 0.5 0.5 0.5")
    (tmp_path / "data.yaml").write_text(f"train: images/train\nnames: {names}\n")
    schema = YoloImporter().read_schema(scan_folder(tmp_path))
    assert schema.class_names == ("no", "Yes", "~", "1_0", "2024-01-01", "x")


@pytest.mark.parametrize("nodes", ["[no, off]", "{0: [no, off]}"])
def test_names_of_keypoints_are_the_words_as_they_are_written(tmp_path: Path, nodes: str) -> None:
    write_image(tmp_path / "images/train/a.jpg")
    text = f"train: images/train\nkpt_shape: [2, 3]\nnames: [cat]\nkpt_names: {nodes}\n"
    (tmp_path / "data.yaml").write_text(text)
    (definition,) = YoloImporter().read_schema(scan_folder(tmp_path)).classes
    assert definition.nodes == ("no", "off")


def test_roboflow_layout_with_its_wrong_relative_paths(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write_image(tmp_path / split / "images" / f"{split}.jpg")
        (tmp_path / split / "labels").mkdir()
        (tmp_path / split / "labels" / f"{split}.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnames: [cat]\n")
    items, problems = read(tmp_path)
    assert {key: item.split for key, item in items.items()} == {
        "train.jpg": Split.TRAIN,
        "valid.jpg": Split.VAL,
    }
    assert all(item.objects for item in items.values())
    assert problems == []


def test_splits_may_be_lists_of_files(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"x/a.jpg": [], "x/b.jpg": []}, class_names=["cat"])
    (tmp_path / "train.txt").write_text("./images/x/a.jpg\n../../etc/b.jpg\n")
    (tmp_path / "val.txt").write_text("images/x/b.jpg\nimages/x/a.jpg\n")
    (tmp_path / "data.yaml").write_text("train: train.txt\nval: [val.txt]\nnames: [cat]\n")
    items, problems = read(tmp_path)
    assert (items["x/a.jpg"].split, items["x/b.jpg"].split) == (Split.TRAIN, Split.VAL)
    reasons = {problem.path: problem.reason for problem in problems}
    assert "../../etc/b.jpg" in reasons["train.txt"]
    assert "another split has already: images/x/a.jpg" in reasons["data.yaml"]


@pytest.mark.parametrize("entry", ["../outside", "/etc", "../../outside"])
def test_split_outside_of_the_folder_is_reported_and_not_read(tmp_path: Path, entry: str) -> None:
    root = make_yolo(tmp_path / "given", {"train/a.jpg": []}, class_names=["cat"])
    write_image(tmp_path / "outside" / "secret.jpg")
    (root / "data.yaml").write_text(f"train: images/train\nval: {entry}\nnames: [cat]\n")
    items, problems = read(root)
    assert list(items) == ["a.jpg"]
    assert problems[0].path == "data.yaml"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("\\ud800", "val points to '\\ud800', which is no text that UTF-8 can write"),
        ("images/val\\0", "val points to 'images/val\\x00', which holds a zero"),
        ("images\\\\val", "val points to 'images\\val', which holds a backslash"),
    ],
)
def test_split_that_is_no_path_is_reported_with_what_is_wrong(
    tmp_path: Path, entry: str, reason: str
) -> None:
    make_yolo(tmp_path, {"train/a.jpg": []}, class_names=["cat"])
    (tmp_path / "data.yaml").write_text(f'train: images/train\nval: "{entry}"\nnames: [cat]\n')
    items, problems = read(tmp_path)
    assert list(items) == ["a.jpg"]
    assert problems == [Problem("data.yaml", reason)]


def test_moved_dataset_with_its_old_absolute_path_is_read_from_where_it_is(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"train/a.jpg": []}, class_names=["cat"])
    text = (tmp_path / "data.yaml").read_text()
    (tmp_path / "data.yaml").write_text(f"path: /somewhere/else\n{text}")
    assert list(read(tmp_path)[0]) == ["a.jpg"]


def test_images_labels_and_classes_txt_do_without_yaml(tmp_path: Path) -> None:
    write_image(tmp_path / "images/a.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("1 0.5 0.5 0.5 0.5")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    items, problems = read(tmp_path)
    assert items["a.jpg"].objects[0].class_name == "dog"
    assert problems == []


def test_labels_without_class_names_are_refused_with_what_to_do(tmp_path: Path) -> None:
    write_image(tmp_path / "images/a.jpg")
    (tmp_path / "labels").mkdir()
    assert YoloImporter().detect(scan_folder(tmp_path)) is not None
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path)
    assert "classes.txt" in caught.value.hint


def test_a_data_yaml_without_names_is_named(tmp_path: Path) -> None:
    write_label(tmp_path, "0 0.5 0.5 0.5 0.5")
    (tmp_path / "data.yaml").write_text("train: images/train\nnc: 2\n")
    with pytest.raises(InvalidInput, match=r"data\.yaml names no classes"):
        read(tmp_path)


def test_label_without_an_image_is_reported(tmp_path: Path) -> None:
    write_label(tmp_path, "")
    (tmp_path / "labels/train/gone.txt").write_text("0 0.5 0.5 0.5 0.5")
    assert read(tmp_path)[1] == [Problem("labels/train/gone.txt", "has no image")]


def test_images_that_no_split_names_are_reported(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"train/a.jpg": [], "extra/b.jpg": []}, class_names=["cat"])
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: [cat]\n")
    items, problems = read(tmp_path)
    assert list(items) == ["a.jpg"]
    assert "images/extra/b.jpg" in problems[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "names: [cat\n",
        "train: images/train\nnames: []\n",
        "train: images/train\nnames: {x: cat}\n",
        "train: {}\ntest: 5\nnames: [cat]\n",
        "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\ntrain: images/train\nnames: [*b]\n",
    ],
)
def test_broken_data_yaml_is_refused_in_words(tmp_path: Path, text: str) -> None:
    write_label(tmp_path, "")
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(InvalidInput):
        read(tmp_path)


_SHARES = st.one_of(
    st.floats(-0.2, 1.2).map(lambda share: f"{share:.6f}"),
    st.sampled_from(
        ["0", "1", "0.5", "1e-1", ".5", "nan", "inf", "-0", "1.01", "01", "+1", "0,5", "[1]", "x"]
    ),
)
_LINES = st.lists(
    st.tuples(st.sampled_from(["0", "1", "1.0", "2", "-1", ""]), st.lists(_SHARES, min_size=3, max_size=5)),
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(_LINES, st.sampled_from(["\n", "\r\n", "\n\n", " \n"]), st.sampled_from([" ", "  ", "\t"]))
def test_a_file_of_boxes_alone_is_read_as_one_with_other_lines(
    lines: list[tuple[str, list[str]]], ending: str, space: str
) -> None:
    """A polygon in the last line makes the importer look at each line."""
    text = ending.join(space.join((index, *shares)) for index, shares in lines)
    alone, alone_problems = _read_label(text)
    mixed, mixed_problems = _read_label(f"{text}\n0 0.1 0.1 0.2 0.1 0.2 0.2")
    assert mixed[: len(alone)] == alone
    assert [shape.geometry.kind for shape in mixed[len(alone) :]] == [GeometryKind.POLYGON]
    assert mixed_problems == alone_problems


def _read_label(text: str) -> tuple[tuple[AnnotatedObject, ...], list[Problem]]:
    problems: list[Problem] = []
    with TemporaryDirectory() as folder:
        Path(folder, "a.txt").write_text(text)
        source = FoundFile(folder, "a.txt", b"")
        key = {"class_names": {0: "cat", 1: "dog"}, "task": "detect"}
        read = YoloImporter().read_annotation(source, key, 640, 479, problems.append)
    return read.annotation.objects, problems


def test_a_list_names_images_from_the_root_from_its_own_folder_or_as_whole_paths(tmp_path: Path) -> None:
    names: dict[str, list[Box]] = {f"x/{name}.jpg": [] for name in "abcd"}
    make_yolo(tmp_path, names, class_names=["cat"])
    (tmp_path / "images" / "x" / "linked.jpg").symlink_to("d.jpg")
    lines = [
        "images/x/a.jpg",
        "x/b.jpg",
        f"{tmp_path}/images/x/c.jpg",
        "x/../x/d.jpg",
        "x/linked.jpg",
        "x/e.jpg",
    ]
    (tmp_path / "images" / "train.txt").write_text("\n".join(lines))
    (tmp_path / "data.yaml").write_text("train: images/train.txt\nnames: [cat]\n")
    items, problems = read(tmp_path)
    assert sorted(items) == [*sorted(names), "x/linked.jpg"]
    assert problems == [
        Problem("images/train.txt", "lists images that are not in the folder: x/e.jpg"),
    ]


@pytest.mark.parametrize("key", ["task", "path", "kpt_names", "nc", "download"])
def test_lists_of_lists_of_aliases_are_never_written_out(tmp_path: Path, key: str) -> None:
    make_yolo(tmp_path, {"train/a.jpg": [("cat", 3, 7, 20, 31)]}, class_names=["cat"])
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 12)]  # 10^12
    with (tmp_path / "data.yaml").open("a") as file:
        file.write("\n".join([*lines, f"{key}: *a11", ""]))
    items, problems = read(tmp_path)
    assert len(items["a.jpg"].objects) == 1
    assert problems == []


@pytest.mark.parametrize("index", [".inf", ".nan", "-.inf", "1e400"])
def test_an_index_that_is_no_number_is_refused_in_words(tmp_path: Path, index: str) -> None:
    write_image(tmp_path / "images/train/a.jpg")
    (tmp_path / "data.yaml").write_text(f"train: images/train\nnames: {{{index}: cat}}\n")
    with pytest.raises(InvalidInput):
        read(tmp_path)


def write_darknet(root: Path) -> Path:
    """Write a folder as CVAT exports it for darknet."""
    for image in ("obj_train_data/images/f0", "obj_train_data/f1", "obj_valid_data/v0", "obj_test_data/v0"):
        write_image(root / f"{image}.jpg")
        (root / f"{image}.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    lists = "train = data/train.txt\nvalid = data/valid.txt\ntest = data/test.txt\n"
    (root / "obj.data").write_text(f"classes = 2\n{lists}names = data/obj.names\nbackup = backup/\n")
    (root / "obj.names").write_text("cat\ndog\n")
    (root / "train.txt").write_text("data/obj_train_data/images/f0.jpg\ndata/obj_train_data/f1.jpg\n")
    (root / "valid.txt").write_text("data/obj_valid_data/v0.jpg\n")
    (root / "test.txt").write_text("data/obj_test_data/v0.jpg\n")
    return root


def test_darknet_folder_has_the_splits_of_its_lists(tmp_path: Path) -> None:
    items, problems = read(write_darknet(tmp_path))
    assert {key: item.split for key, item in items.items()} == {
        "f0.jpg": Split.TRAIN,
        "f1.jpg": Split.TRAIN,
        "v0.jpg": Split.TEST,
        "val/v0.jpg": Split.VAL,
    }
    assert {labelled.class_name for item in items.values() for labelled in item.objects} == {"dog"}
    assert problems == []
    detection = YoloImporter().detect(scan_folder(tmp_path))
    assert detection is not None
    assert detection.reason == "obj.data names classes and splits, labels are boxes, there are 4 images"


def test_darknet_folder_has_the_names_of_the_file_that_it_tells(tmp_path: Path) -> None:
    write_darknet(tmp_path)
    (tmp_path / "cfg").mkdir()
    (tmp_path / "obj.names").rename(tmp_path / "cfg" / "pets.names")
    text = (tmp_path / "obj.data").read_text().replace("data/obj.names", "/home/me/darknet/cfg/pets.names")
    (tmp_path / "obj.data").write_text(text)
    assert YoloImporter().read_schema(scan_folder(tmp_path)).class_names == ("cat", "dog")


def test_names_outside_of_a_darknet_folder_are_not_read(tmp_path: Path) -> None:
    root = write_darknet(tmp_path / "given")
    (tmp_path / "obj.names").write_text("secret\n")
    text = (root / "obj.data").read_text().replace("data/obj.names", "../obj.names")
    (root / "obj.data").write_text(text)
    assert YoloImporter().read_schema(scan_folder(root)).class_names == ("cat", "dog")
    (root / "obj.names").unlink()
    with pytest.raises(InvalidInput):
        read(root)


def test_names_without_lists_are_told_by_their_file(tmp_path: Path) -> None:
    write_darknet(tmp_path)
    (tmp_path / "obj.data").unlink()
    detection = YoloImporter().detect(scan_folder(tmp_path))
    assert detection is not None
    assert detection.reason == "obj.names names classes, there are 4 images, labels are boxes"


@pytest.mark.parametrize(
    "start", ["/content/pets/", "C:\\Users\\me\\pets\\", "C:/pets/", "data/", "../../x/"]
)
@pytest.mark.parametrize("is_list", [False, True])
def test_paths_of_another_machine_are_told_by_their_tails(tmp_path: Path, start: str, is_list: bool) -> None:
    make_yolo(tmp_path, {"train/a.jpg": [], "val/b.jpg": []}, class_names=["cat"])
    folders = {split: f"{start}images/{split}" for split in ("train", "val")}
    if "\\" in start:
        folders = {split: folder.replace("/", "\\") for split, folder in folders.items()}
    if is_list:
        sign = "\\" if "\\" in start else "/"
        (tmp_path / "train.txt").write_text(f"{folders['train']}{sign}a.jpg\n")
        (tmp_path / "val.txt").write_text(f"{folders['val']}{sign}b.jpg\n")
        folders = {split: f"{start}{split}.txt" for split in ("train", "val")}
    (tmp_path / "data.yaml").write_text(f"train: {folders['train']}\nval: {folders['val']}\nnames: [cat]\n")
    items, problems = read(tmp_path)
    assert {key: item.split for key, item in items.items()} == {"a.jpg": Split.TRAIN, "b.jpg": Split.VAL}
    assert problems == []


def test_a_tail_that_leaves_the_split_out_is_none(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"train/a.jpg": []}, class_names=["cat"])
    write_image(tmp_path / "b.jpg")
    (tmp_path / "val.txt").write_text("/content/val/b.jpg\n")
    (tmp_path / "data.yaml").write_text(
        "train: images/train\nval: val.txt\ntest: ../test/images\nnames: [cat]\n"
    )
    items, problems = read(tmp_path)
    assert list(items) == ["a.jpg"]
    assert problems[:2] == [
        Problem("val.txt", "lists images that are not in the folder: /content/val/b.jpg"),
        Problem("data.yaml", "test points to '../test/images', which is not there"),
    ]


def test_folders_tell_the_splits_where_data_yaml_names_nothing_that_is_there(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"train/a.jpg": [], "val/b.jpg": []}, class_names=["cat"])
    (tmp_path / "data.yaml").write_text("train: /content/y/pets\nval: /content/y/more\nnames: [cat]\n")
    items, problems = read(tmp_path)
    assert {key: item.split for key, item in items.items()} == {"a.jpg": Split.TRAIN, "b.jpg": Split.VAL}
    assert [problem.path for problem in problems] == ["data.yaml"] * 3
    assert problems[-1].reason.startswith("names no images that are there; the folders tell the splits")


def test_val_may_name_the_images_of_train(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"train/a.jpg": []}, class_names=["cat"])
    (tmp_path / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [cat]\n")
    items, problems = read(tmp_path)
    assert items["a.jpg"].split is Split.TRAIN
    assert problems == []


def test_a_label_may_have_a_suffix_in_upper_case(tmp_path: Path) -> None:
    make_yolo(tmp_path, {"train/B2.JPG": [("cat", 3, 7, 20, 31)]}, class_names=["cat"])
    (tmp_path / "labels/train/B2.txt").rename(tmp_path / "labels/train/B2.TXT")
    items, problems = read(tmp_path)
    assert len(items["B2.JPG"].objects) == 1
    assert problems == []
