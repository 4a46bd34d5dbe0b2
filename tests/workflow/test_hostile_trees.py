"""Folders that somebody made carelessly or on purpose: nothing blocks, nothing leaves, all is named."""

from __future__ import annotations

import json
import os
import resource
import socket
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import Conflict, CorruptData, InvalidInput, MlwfError
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import EncodedItem, iter_items, write_rows
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.import_ import ImportResult, import_folder
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.sync import sync
from mlwf_tui.workflow.trees.files import TreeFiles
from mlwf_tui.workflow.trees.state import get_state, write_state
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_image, write_image, write_voc_xml


@pytest.fixture
def folder(imported: Workspace, tmp_path: Path, observer: KeepingObserver) -> Path:
    checkout(imported, "cells", tmp_path / "out", observer=observer)
    return tmp_path / "out"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder with one good image."""
    write_image(tmp_path / "given" / "good.jpg", 50)
    return tmp_path / "given"


def take(workspace: Workspace, root: Path, format: str = "auto") -> ImportResult:
    return import_folder(workspace, root, "odd", format=format, observer=KeepingObserver())


def list_items(workspace: Workspace, project: str = "odd") -> dict[str, Item]:
    manifest = workspace.catalog.projects.get(project).manifest
    return {item.key: item for item in iter_items(workspace.store, manifest)}


def list_outside(tmp_path: Path) -> dict[str, bytes]:
    outside = tmp_path / "outside"
    return {str(path): path.read_bytes() for path in outside.rglob("*") if path.is_file()}


def explain(result: ImportResult) -> dict[str, str]:
    return {problem.path: problem.reason for problem in result.problems}


# --- names ---------------------------------------------------------------------------------------


def test_names_that_look_alike_are_different_items(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    names = [unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD")]
    names += ["a.jpg", "A.jpg", "A.JPG", "-rf.jpg", "--help.png", " .jpg", "~.jpg", "$(x).jpg", "%s.jpg"]
    for seed, name in enumerate(names):
        write_image(tmp_path / "given" / name, seed)
    assert take(workspace, tmp_path / "given").problems == ()
    assert set(list_items(workspace)) == {f"main/{name}" for name in names}
    checkout(workspace, "odd", tmp_path / "out", observer=observer)
    assert {path.name for path in (tmp_path / "out" / "main" / "img").iterdir()} == set(names)
    assert read_status(workspace, tmp_path / "out", observer=observer).is_clean


@pytest.mark.parametrize(
    "name", [b"bad\xff.jpg", b"line\nbreak.jpg", b"\x1b[2J.jpg", b"back\\slash.jpg", b"\xed\xa0\x80.jpg"]
)
@pytest.mark.parametrize("is_folder", [True, False])
def test_a_name_that_cannot_be_used_is_told_so_that_a_terminal_can_show_it(
    imported: Workspace, folder: Path, given: Path, observer: KeepingObserver, name: bytes, is_folder: bool
) -> None:
    for parent in (given, folder / "main" / "img"):
        path = parent / os.fsdecode(name)
        write_image(path / "a.jpg" if is_folder else path, 3)
    result = take(imported, given)
    assert set(list_items(imported)) == {"main/good.jpg"}
    status = read_status(imported, folder, observer=observer)
    synced = sync(imported, folder, observer=observer)
    for problems in (result.problems, status.problems, synced.problems):
        assert len(problems) == 1
        assert (problems[0].path + problems[0].reason).isprintable()
    assert len(list_items(imported, "cells")) == 5


def test_the_folder_itself_may_have_any_name(
    workspace: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd \xff\n"))
    write_image(root / "a.jpg")
    assert take(workspace, root).problems == ()
    assert take(workspace, root).items_unchanged == 1
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/out \xfe"))
    checkout(workspace, "odd", out, observer=observer)
    write_image(out / "main" / "img" / "b.jpg", 9)
    sync(workspace, out, observer=observer)
    assert set(list_items(workspace)) == {"main/a.jpg", "main/b.jpg"}
    assert read_status(workspace, out, observer=observer).is_clean


def test_a_name_too_long_for_its_annotation_is_named_and_the_others_are_written(
    workspace: Workspace, given: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    long = "x" * 251 + ".jpg"
    write_image(given / long, 5)
    take(workspace, given)
    result = checkout(workspace, "odd", tmp_path / "out", observer=observer)
    assert [problem.path for problem in result.problems] == [f"main/{long}"]
    assert (tmp_path / "out" / "main" / "img" / "good.jpg").is_file()
    assert read_status(workspace, tmp_path / "out", observer=observer).is_clean
    sync(workspace, tmp_path / "out", observer=observer)
    assert f"main/{long}" in list_items(workspace)


@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_name_too_long_for_its_annotation_is_left_out_of_a_sync(
    imported: Workspace, folder: Path, observer: KeepingObserver, is_renamed: bool
) -> None:
    long = "x" * 251 + ".jpg"
    images = folder / "main" / "img"
    if is_renamed:
        (images / "a.jpg").rename(images / long)
    else:
        write_image(images / long, 5)
    before = list_items(imported, "cells")
    for _ in range(2):
        status = read_status(imported, folder, observer=observer)
        assert ([problem.path for problem in status.problems], status.changes) == ([f"main/img/{long}"], ())
        result = sync(imported, folder, observer=observer)
        assert [problem.path for problem in result.problems] == [f"main/img/{long}"]
        assert list_items(imported, "cells") == before
    kept_in = checkout(imported, "cells", folder, is_forced=True, observer=observer).kept_in
    assert (folder / kept_in / "main" / "img" / long).is_file()
    assert (images / "a.jpg").is_file()
    assert read_status(imported, folder, observer=observer).problems == ()


@pytest.mark.parametrize("title", ["", "  ", "\x1b[2J", "a\nb"])
def test_an_object_whose_class_cannot_be_shown_changes_nothing_of_its_item(
    imported: Workspace, folder: Path, observer: KeepingObserver, title: str
) -> None:
    path, before = folder / "main" / "ann" / "b.jpg.json", list_items(imported, "cells")
    document = json.loads(path.read_text())
    document["objects"][0]["classTitle"] = title
    path.write_text(json.dumps(document))
    for _ in range(2):  # it is said as long as it is so
        result = sync(imported, folder, observer=observer)
        assert [problem.path for problem in result.problems] == ["main/ann/b.jpg.json"]
        assert result.problems[0].reason.isprintable()
    assert list_items(imported, "cells") == before
    assert take(imported, folder).format == "supervisely"


@pytest.mark.parametrize("name", ["", "\x1b[2J"])
def test_a_label_schema_that_cannot_be_shown_is_named_and_the_old_one_stays(
    imported: Workspace, folder: Path, observer: KeepingObserver, name: str
) -> None:
    (folder / "meta.json").write_text(json.dumps({"classes": [{"title": name}]}))
    result = sync(imported, folder, observer=observer)
    assert [problem.path for problem in result.problems] == ["meta.json"]
    with pytest.raises(InvalidInput):
        take(imported, folder, "supervisely")


@pytest.mark.parametrize(
    "shape",
    [
        {"geometryType": "rectangle", "geometry": {"points": [[1, 1]]}},
        {"geometryType": "mask", "geometry": {"points": [[1, 1]]}},
        {"geometryType": "bitmap", "geometry": {"points": [[1, 1]], "runs": [5]}},
        {"geometryType": "rectangle", "points": {"exterior": [[1e308, -1e308], [1e308, 1e308]]}},
        {"geometryType": "rectangle", "points": {"exterior": [[1, 1], [1e999, 2]]}},
        {"geometryType": "polygon", "points": {"exterior": []}},
    ],
)
def test_a_shape_that_makes_no_sense_stops_nothing(
    imported: Workspace, folder: Path, observer: KeepingObserver, shape: dict[str, object]
) -> None:
    path = folder / "main" / "ann" / "b.jpg.json"
    document = json.loads(path.read_text())
    document["objects"][0] = {"classTitle": "cell", **shape}
    path.write_text(json.dumps(document).replace("Infinity", "1e999"))
    read_status(imported, folder, observer=observer)
    sync(imported, folder, observer=observer)
    assert take(imported, folder).items_added == 5
    assert read_status(imported, folder, observer=observer).is_clean


# --- trees ---------------------------------------------------------------------------------------


def test_very_deep_folders_are_named_not_entered(
    imported: Workspace, folder: Path, given: Path, observer: KeepingObserver
) -> None:
    for parent in (given, folder):
        write_image(parent.joinpath(*["d"] * 300) / "deep.jpg", 3)
    assert any("deep" in reason for reason in explain(take(imported, given)).values())
    assert read_status(imported, folder, observer=observer).problems
    sync(imported, folder, observer=observer)
    checkout(imported, "cells", folder, observer=observer)


def test_paths_longer_than_the_system_takes_are_named(
    imported: Workspace, folder: Path, given: Path, observer: KeepingObserver
) -> None:
    for parent in (given, folder):
        descriptor = os.open(parent, os.O_RDONLY)
        for _ in range(25):
            os.mkdir("d" * 200, dir_fd=descriptor)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        os.close(os.open("far.jpg", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
        os.close(descriptor)
    assert any("too long" in reason for reason in explain(take(imported, given)).values())
    assert read_status(imported, folder, observer=observer).problems
    sync(imported, folder, observer=observer)
    checkout(imported, "cells", folder, observer=observer)


def test_links_are_followed_to_files_inside_and_nowhere_else(
    workspace: Workspace, given: Path, tmp_path: Path
) -> None:
    write_image(tmp_path / "outside" / "secret.jpg", 9)
    links = {
        "inside.jpg": "good.jpg",
        "outside.jpg": "../outside/secret.jpg",
        "absolute.jpg": str(tmp_path / "outside" / "secret.jpg"),
        "broken.jpg": "nothing.jpg",
        "loop.jpg": "loop.jpg",
        "one.jpg": "other.jpg",
        "other.jpg": "one.jpg",
        "folder.jpg": "../outside",
        "self": ".",
        "proc.jpg": "/proc/self/environ",
    }
    for name, target in links.items():
        (given / name).symlink_to(target)
    result = take(workspace, given)
    assert set(list_items(workspace)) == {"main/good.jpg", "main/inside.jpg"}
    assert set(explain(result)) == set(links) - {"inside.jpg"}


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        os.chdir(path.parent)  # the address of a socket is 107 bytes at most
        opened.bind(path.name)


def make_device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("devices are made by root only")


SPECIALS: list[Callable[[Path], None]] = [make_pipe, make_socket, make_device]


@pytest.mark.parametrize("make", SPECIALS)
def test_pipes_sockets_and_devices_are_named_and_never_opened(
    workspace: Workspace,
    voc: Path,
    observer: KeepingObserver,
    make: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(voc)
    for path in ("JPEGImages/b.jpg", "Annotations/a.xml", "ImageSets/Main/train.txt"):
        (voc / path).unlink()
        make(voc / path)
    reasons = explain(take(workspace, voc))
    for path in ("JPEGImages/b.jpg", "Annotations/a.xml", "ImageSets/Main/train.txt"):
        assert reasons[path] == "is not a regular file"
    assert "main/a.jpg" in list_items(workspace)


@pytest.mark.parametrize("name", ["meta.json", "_annotations.coco.json", "data.yaml", "classes.txt"])
@pytest.mark.parametrize("make", SPECIALS)
def test_a_pipe_where_a_format_has_its_main_file_blocks_nothing(
    workspace: Workspace,
    given: Path,
    make: Callable[[Path], None],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(given)
    make(given / name)
    (given / "labels").mkdir()
    for format in workspace.registry.list_names("importers"):
        try:
            take(workspace, given, format)
        except InvalidInput as error:
            assert error.hint


@pytest.mark.parametrize("make", SPECIALS)
@pytest.mark.parametrize("path", ["main/img/a.jpg", "main/ann/a.jpg.json", "meta.json"])
def test_a_pipe_in_a_checkout_is_named_and_the_item_stays(
    imported: Workspace,
    folder: Path,
    observer: KeepingObserver,
    make: Callable[[Path], None],
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    before = list_items(imported, "cells")
    (folder / path).unlink()
    make(folder / path)
    assert path in {problem.path for problem in read_status(imported, folder, observer=observer).problems}
    sync(imported, folder, observer=observer)
    assert list_items(imported, "cells") == before
    with pytest.raises(Conflict):
        checkout(imported, "cells@1", folder, observer=observer)


@pytest.mark.parametrize("name", ["state", "lock"])
@pytest.mark.parametrize("make", SPECIALS)
def test_a_pipe_for_a_checkouts_own_state_blocks_nothing(
    imported: Workspace,
    folder: Path,
    observer: KeepingObserver,
    make: Callable[[Path], None],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    (folder / ".mlwf" / name).unlink()
    make(folder / ".mlwf" / name)
    for verb in (read_status, sync):
        try:
            verb(imported, folder, observer=observer)
        except MlwfError as error:
            assert error.hint


def test_a_file_of_gigabytes_is_refused_at_a_glance(
    workspace: Workspace, voc: Path, observer: KeepingObserver
) -> None:
    take(workspace, voc)
    for path in ("JPEGImages/huge.jpg", "Annotations/a.xml", "huge.json", "meta.json"):
        with (voc / path).open("wb") as file:
            file.truncate(5 << 30)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for format in workspace.registry.list_names("importers"):
        try:
            take(workspace, voc, format)
        except InvalidInput as error:
            assert error.hint
    assert "larger" in explain(take(workspace, voc, "voc"))["JPEGImages/huge.jpg"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 300 << 10


@pytest.mark.parametrize("path", ["main/img/a.jpg", "main/ann/a.jpg.json", "meta.json", ".mlwf/state"])
def test_gigabytes_in_a_checkout_are_refused_at_a_glance(
    imported: Workspace, folder: Path, observer: KeepingObserver, path: str
) -> None:
    with (folder / path).open("r+b") as file:
        file.truncate(5 << 30)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        assert [p.path for p in read_status(imported, folder, observer=observer).problems] == [path]
        sync(imported, folder, observer=observer)
    except InvalidInput as error:
        assert path == ".mlwf/state"
        assert error.hint
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 300 << 10


def test_empty_files_and_hard_links_are_taken_as_they_are(
    workspace: Workspace, given: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    (given / "empty.jpg").touch()
    (given / "twin.jpg").hardlink_to(given / "good.jpg")
    assert explain(take(workspace, given)) == {"empty.jpg": "is empty"}
    items = list_items(workspace)
    assert items["main/good.jpg"].blob == items["main/twin.jpg"].blob
    checkout(workspace, "odd", tmp_path / "out", observer=observer)
    image = tmp_path / "out" / "main" / "img" / "good.jpg"
    keep = tmp_path / "keep.jpg"
    keep.hardlink_to(image)
    image.write_bytes(make_image(7))
    checkout(workspace, "odd", tmp_path / "out", is_forced=True, observer=observer)
    assert keep.read_bytes() == make_image(7)
    assert image.read_bytes() == make_image(50)


def test_what_may_not_be_read_is_named(workspace: Workspace, given: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    write_image(given / "shut.jpg").chmod(0)
    write_image(given / "closed" / "a.jpg").parent.chmod(0)
    assert set(explain(take(workspace, given))) == {"shut.jpg", "closed"}
    (given / "closed").chmod(0o755)


def count_looks(look: Callable[..., Any], looks: Counter[str]) -> Callable[..., Any]:
    """Return a way to list folders that counts its calls."""

    def counting(path: Any = ".") -> Any:
        looks[str(path)] += 1
        return look(path)

    return counting


@pytest.mark.slow
def test_a_hundred_thousand_other_files_and_folders_are_looked_at_once(
    workspace: Workspace, given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20_000):
        (given / f"empty{number}").mkdir()
    for number in range(100_000):
        os.close(os.open(f"{given}/{number}.dat", os.O_CREAT | os.O_WRONLY))
    looks: Counter[str] = Counter()
    for name in ("scandir", "listdir"):
        monkeypatch.setattr(os, name, count_looks(getattr(os, name), looks))
    assert take(workspace, given).problems == ()
    assert 20_000 <= looks.total() < 20_100  # nobody goes through all of them once more


# --- files that change ---------------------------------------------------------------------------


@dataclass
class MeddlingObserver(KeepingObserver):
    """Does something to the folder once, after the look at it and before its first file is read."""

    meddle: Callable[[], object] | None = None

    def check_cancelled(self) -> None:
        if self.meddle is not None:
            meddle, self.meddle = self.meddle, None
            meddle()


def change_after_reads(
    monkeypatch: pytest.MonkeyPatch, path: Path, change: Callable[[], object], *, times: int
) -> None:
    """See to it that a file changes behind the back of whoever has just read from it."""
    read, probe = os.read, path.stat()
    left = times

    def read_and_change(descriptor: int, length: int) -> bytes:
        nonlocal left
        content = read(descriptor, length)
        if left and os.path.samestat(os.fstat(descriptor), probe):
            left -= 1
            change()
        return content

    monkeypatch.setattr(os, "read", read_and_change)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b" ")


@pytest.mark.parametrize("path", ["JPEGImages/a.jpg", "Annotations/a.xml"])
def test_a_file_that_grows_all_the_time_is_named(
    workspace: Workspace, voc: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    change_after_reads(monkeypatch, voc / path, lambda: append(voc / path), times=1000)
    said = explain(take(workspace, voc))
    assert list(said) == [path]
    assert said[path].startswith("changes while it is read")


@pytest.mark.parametrize("path", ["JPEGImages/a.jpg", "Annotations/a.xml"])
def test_a_file_that_grows_once_is_read_again(
    workspace: Workspace, voc: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    before = (voc / path).stat().st_size
    change_after_reads(monkeypatch, voc / path, lambda: append(voc / path), times=1)
    take(workspace, voc)
    assert (voc / path).stat().st_size == before + 1
    if path.endswith(".jpg"):
        assert list_items(workspace)["main/a.jpg"].size_bytes == before + 1


def make_labelled(root: Path) -> Path:
    """Make a folder of one image with a label, and return where the label is."""
    label = root / "labels" / "a.txt"
    for folder in (root / "images", label.parent):
        folder.mkdir(parents=True)
    (root / "classes.txt").write_text("cell\nspot\n")
    write_image(root / "images" / "a.jpg", 1)
    label.write_text("0 0.5 0.5 0.25 0.25\n")
    return label


def test_a_label_that_grows_all_the_time_is_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = make_labelled(tmp_path / "yolo")
    change_after_reads(monkeypatch, label, lambda: append(label), times=1000)
    with pytest.raises(InvalidInput, match=r"labels/a\.txt, changes while it is read"):
        take(workspace, tmp_path / "yolo")


def test_a_label_that_is_rewritten_while_it_is_read_is_read_again(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = make_labelled(tmp_path / "yolo")

    def rewrite() -> None:
        label.write_text("1 0.5 0.5 0.25 0.25\n0 0.5 0.5 0.5 0.5\n")

    change_after_reads(monkeypatch, label, rewrite, times=1)
    take(workspace, tmp_path / "yolo")
    (item,) = list_items(workspace).values()
    assert [labelled.class_name for labelled in item.annotation.objects] == ["spot", "cell"]


def test_a_pipe_that_takes_the_place_of_a_label_is_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = make_labelled(tmp_path / "yolo")

    def replace_by_pipe() -> None:
        label.unlink()
        os.mkfifo(label)

    change_after_reads(monkeypatch, tmp_path / "yolo" / "images" / "a.jpg", replace_by_pipe, times=1)
    with pytest.raises(InvalidInput, match=r"labels/a\.txt, is not a file"):
        take(workspace, tmp_path / "yolo")


def test_what_happens_between_the_look_and_the_reading_is_seen(workspace: Workspace, given: Path) -> None:
    for name in ("gone.jpg", "shrunk.jpg", "changed.jpg", "pipe.jpg", "folder.jpg"):
        write_image(given / name, 1)

    def meddle() -> None:
        for name in ("gone.jpg", "pipe.jpg", "folder.jpg"):
            (given / name).unlink()
        os.truncate(given / "shrunk.jpg", 100)
        write_image(given / "changed.jpg", 2)
        os.mkfifo(given / "pipe.jpg")
        (given / "folder.jpg").mkdir()

    result = import_folder(workspace, given, "odd", observer=MeddlingObserver(meddle=meddle))
    assert set(explain(result)) == {"gone.jpg", "shrunk.jpg", "pipe.jpg", "folder.jpg"}
    blob = list_items(workspace)["main/changed.jpg"].blob
    assert workspace.store.read(blob) == make_image(2)
    again = take(workspace, given)
    assert set(explain(again)) == {"shrunk.jpg", "pipe.jpg"}


def test_an_annotation_that_was_half_written_at_first_is_read_whole(
    workspace: Workspace, voc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = voc / "Annotations" / "a.xml"
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    change_after_reads(monkeypatch, path, lambda: path.write_bytes(whole), times=1)
    assert take(workspace, voc).problems == ()
    assert len(list_items(workspace)["main/a.jpg"].annotation.objects) == 1


def test_files_of_a_checkout_that_vanish_while_they_are_read_are_named(
    imported: Workspace, folder: Path
) -> None:
    image, annotation = folder / "main" / "img" / "a.jpg", folder / "main" / "ann" / "b.jpg.json"
    for path in (image, annotation):
        path.write_bytes(path.read_bytes() + b" ")

    def meddle() -> None:
        image.unlink()
        annotation.unlink()

    before = list_items(imported, "cells")
    result = sync(imported, folder, observer=MeddlingObserver(meddle=meddle))
    assert {p.path for p in result.problems} == {"main/img/a.jpg", "main/ann/b.jpg.json"}
    assert list_items(imported, "cells") == before


@pytest.mark.parametrize("mtime_s", [0, 4_000_000_000])
def test_odd_times_hide_no_edit(workspace: Workspace, given: Path, mtime_s: int) -> None:
    path = given / "good.jpg"
    os.utime(path, (mtime_s, mtime_s))
    take(workspace, given)
    changed = bytearray(path.read_bytes())
    changed[-100] ^= 1
    path.write_bytes(changed)
    os.utime(path, (mtime_s, mtime_s))
    assert take(workspace, given).items_updated == 1


def test_an_edit_of_the_same_size_in_the_same_moment_is_seen(workspace: Workspace, voc: Path) -> None:
    path = voc / "Annotations" / "a.xml"
    take(workspace, voc)
    status = path.stat()
    for name in ("spot", "cell", "spot"):
        write_voc_xml(path, "a.jpg", [(name, 2, 3, 20, 21)])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert path.stat().st_size == status.st_size
        assert take(workspace, voc).items_updated == 1
        assert list_items(workspace)["main/a.jpg"].annotation.objects[0].class_name == name


# --- checkouts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", ["main", "main/img", "main/ann"])
def test_items_behind_a_linked_folder_are_not_taken_for_removed(
    imported: Workspace, folder: Path, observer: KeepingObserver, tmp_path: Path, moved: str
) -> None:
    before = list_items(imported, "cells")
    (folder / moved).rename(tmp_path / "outside")
    (folder / moved).symlink_to(tmp_path / "outside")
    status = read_status(imported, folder, observer=observer)
    assert status.changes == ()
    assert [problem.path for problem in status.problems] == [moved]
    sync(imported, folder, observer=observer)
    assert list_items(imported, "cells") == before
    kept = list_outside(tmp_path)
    with pytest.raises(Conflict, match="cannot take in"):
        checkout(imported, "cells", folder, observer=observer)
    result = checkout(imported, "cells", folder, is_forced=True, observer=observer)
    assert (folder / result.kept_in / moved).readlink() == tmp_path / "outside"
    assert list_outside(tmp_path) == kept
    assert read_status(imported, folder, observer=observer).is_clean


def test_an_edit_that_cannot_be_read_is_an_edit_and_not_written_over(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    mine = {
        "main/ann/a.jpg.json": b'{"objects": [',
        "main/img/b.jpg": b"a project of my picture editor",
        "main/img/new.jpg": b"half an im",
        "main/ann/orphan.jpg.json": b"{}",
        "meta.json": b"{",
    }
    for path, content in mine.items():
        (folder / path).write_bytes(content)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(Conflict, match="cannot take in"):
        checkout(imported, "cells@1", folder, observer=observer)
    assert {path: (folder / path).read_bytes() for path in mine} == mine
    result = checkout(imported, "cells@1", folder, is_forced=True, observer=observer)
    assert {path: (folder / result.kept_in / path).read_bytes() for path in mine} == mine
    assert (folder / "notes.txt").read_text() == "mine"
    assert read_status(imported, folder, observer=observer).is_clean


def test_edited_classes_take_no_other_file_aside(
    imported: Workspace, folder: Path, observer: KeepingObserver
) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "meta.json").write_text('{"classes": []}')
    checkout(imported, "cells@1", folder, is_forced=True, observer=observer)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_file_in_the_place_of_a_folder_is_told(
    imported: Workspace, tmp_path: Path, observer: KeepingObserver
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "main").write_text("mine")
    (tmp_path / "two" / "main" / "img" / "a.jpg").mkdir(parents=True)
    for name in ("one", "two"):
        with pytest.raises(Conflict):
            checkout(imported, "cells", tmp_path / name, is_forced=True, observer=observer)
    assert (tmp_path / "one" / "main").read_text() == "mine"


@pytest.mark.parametrize("link", ["main", "main/img", "main/ann", ".mlwf"])
def test_nothing_is_written_through_a_linked_folder(
    imported: Workspace, tmp_path: Path, observer: KeepingObserver, link: str
) -> None:
    (tmp_path / "outside").mkdir()
    path = tmp_path / "out" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "outside")
    with pytest.raises(Conflict):
        checkout(imported, "cells", tmp_path / "out", is_forced=True, observer=observer)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("name", ["state", "lock"])
def test_a_checkouts_own_files_are_not_written_through_links(
    imported: Workspace, folder: Path, tmp_path: Path, observer: KeepingObserver, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    path = folder / ".mlwf" / name
    path.rename(outside / name)
    path.symlink_to(outside / name)
    (folder / ".mlwf" / f"state.{os.getpid()}.tmp").symlink_to(outside / "planted")
    before = list_outside(tmp_path)
    write_image(folder / "main" / "img" / "new.jpg", 8)
    try:
        sync(imported, folder, observer=observer)
    except MlwfError as error:
        assert error.hint
    assert list_outside(tmp_path) == before


def test_a_read_only_folder_is_told(imported: Workspace, tmp_path: Path, observer: KeepingObserver) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "out").mkdir(mode=0o555)
    with pytest.raises(MlwfError) as caught:
        checkout(imported, "cells", tmp_path / "out", observer=observer)
    assert caught.value.hint


@pytest.mark.parametrize(
    "path",
    [
        "../outside/img/x.jpg",
        "../../outside/img/x.jpg",
        "/outside/img/x.jpg",
        "main/img/../../../outside/x.jpg",
        "main/img/..",
        "main/../../outside/x.jpg",
        "main//img/x.jpg",
        "main/img/a\0b.jpg",
        "",
        ".",
        "..",
    ],
)
def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    write_image(tmp_path / "outside" / "img" / "x.jpg", 4)
    write_image(tmp_path / "outside" / "x.jpg", 4)
    write_image(tmp_path / "out" / "good.jpg", 4)
    before = sorted(str(found) for found in tmp_path.rglob("*"))
    kept = list_outside(tmp_path)
    with TreeFiles(tmp_path / "out") as files:
        for act in (
            lambda: files.write(path, b"x", is_replacing=True),
            lambda: files.write(path, b"x", is_replacing=False),
            lambda: files.rename("good.jpg", path),
            lambda: files.rename(path, "stolen.jpg"),
            lambda: files.remove(path),
        ):
            with pytest.raises(Conflict):
                act()
        files.remove_empty_folders({path})
    assert sorted(str(found) for found in tmp_path.rglob("*")) == before
    assert list_outside(tmp_path) == kept


def test_a_checkout_whose_state_was_forged_harms_nothing_outside(
    imported: Workspace, folder: Path, tmp_path: Path, observer: KeepingObserver
) -> None:
    for path in ("img/x.jpg", "datasets/d/img/x.jpg", "x.jpg"):
        write_image(tmp_path / "outside" / path, 4)
    folder = folder.rename(tmp_path / "outside" / "out")
    paths = ["../img/x.jpg", "../datasets/d/img/x.jpg", "../x.jpg", "main/img/../../../x.jpg"]
    paths += [str(tmp_path / "outside" / "x.jpg"), "main/img/a\0b.jpg", "", "."]
    state = get_state(folder)
    forged = msgspec.structs.replace(state, files=state.files | dict.fromkeys(paths, b""))
    for act in (
        lambda: read_status(imported, folder, observer=observer),
        lambda: sync(imported, folder, observer=observer),
        lambda: checkout(imported, "cells@1", folder, observer=observer),
        lambda: checkout(imported, "cells@1", folder, is_forced=True, observer=observer),
    ):
        write_state(folder, forged)
        try:
            act()
        except MlwfError as error:
            assert error.hint
        for path in ("img/x.jpg", "datasets/d/img/x.jpg", "x.jpg"):
            assert (tmp_path / "outside" / path).read_bytes() == make_image(4)


HOSTILE_KEYS = [
    ("..", "x.jpg"),
    ("../outside", "x.jpg"),
    ("/outside", "x.jpg"),
    ("main/../../outside", "x.jpg"),
    ("main", "../../../outside/x.jpg"),
    ("main", "/outside/x.jpg"),
    ("main", ".."),
    ("main", "a\0b.jpg"),
    ("main", "a\nb.jpg"),
    ("", "x.jpg"),
    ("main", ""),
    ("main", "x" * 300),
]


def set_head(workspace: Workspace, dataset: str, name: str) -> None:
    """Give the project `cells` a manifest that another program wrote, with one item in it."""
    blob = bytes.fromhex(list_items(workspace, "cells")["main/a.jpg"].blob)
    row = msgspec.msgpack.encode([dataset, name, blob, 9, 64, 48, "none", [], []])
    with record(workspace, "import", params={}) as run, run.writer() as writer:
        encoded = EncodedItem(f"{dataset}/{name}", row, 0, 9)
        summary = write_rows(writer, LabelSchema(), [encoded])
        with run.finishing():
            run.write_head(workspace.catalog.projects.get("cells"), summary)


@pytest.mark.parametrize("is_in_place", [True, False])
@pytest.mark.parametrize(("dataset", "name"), HOSTILE_KEYS)
def test_a_manifest_with_a_hostile_key_is_refused(
    imported: Workspace,
    tmp_path: Path,
    observer: KeepingObserver,
    dataset: str,
    name: str,
    is_in_place: bool,
) -> None:
    write_image(tmp_path / "outside" / "x.jpg", 4)
    if is_in_place:
        checkout(imported, "cells", tmp_path / "out", observer=observer)
    set_head(imported, dataset, name)
    before = list_outside(tmp_path)
    with pytest.raises(CorruptData):
        checkout(imported, "cells", tmp_path / "out", observer=observer)
    assert list_outside(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == {"home", "voc", "outside", "out"}
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {"main", "meta.json", ".mlwf"}


def test_a_state_of_brackets_in_brackets_is_refused(folder: Path) -> None:
    body = b"\x81\xa1x" + b"\x91" * 5000  # {"x": [[[…
    (folder / ".mlwf" / "state").write_bytes(compute_digest(body).encode() + body)
    with pytest.raises(InvalidInput, match="another build"):
        get_state(folder)
