"""A sync of folders that were renamed: their files are known, and it makes what reading them would."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mlwf_tui.entities.ids import Digest
from mlwf_tui.workflow.checkout import checkout
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.importing.reading import read_stable
from mlwf_tui.workflow.status import read_status
from mlwf_tui.workflow.sync import SyncResult, sync
from mlwf_tui.workflow.trees.state import distrust, get_state, write_state
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_image
from tests.reimporting import write_label

DATASETS = ("day", "night", "rain")
SIZES = {"day": (64, 48), "night": (64, 48), "rain": (32, 24)}


@pytest.fixture
def folder(workspace: Workspace, tmp_path: Path) -> Path:
    """A checkout of three datasets, one with images of another size, whose files are all known."""
    source = tmp_path / "source"
    for count, dataset in enumerate(DATASETS):
        for number in range(5):
            name = f"{dataset}{number}"
            write(source / "images" / dataset / f"{name}.png", 10 * count + number, SIZES[dataset])
            write_label(source / "labels" / dataset / f"{name}.txt", number % 2, 0.3 + number / 20)
    (source / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n")
    import_folder(workspace, source, "pets", observer=KeepingObserver())
    checkout(workspace, "pets", tmp_path / "out", observer=KeepingObserver())
    settle(workspace, tmp_path / "out")
    return tmp_path / "out"


def write(path: Path, seed: int, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_image(seed, width_px=size[0], height_px=size[1], format="png"))


def settle(workspace: Workspace, folder: Path) -> None:
    """Sync until no file is too young any more to be known by its signature; the first may write some."""
    for _ in range(2):
        time.sleep(0.05)
        sync(workspace, folder, observer=KeepingObserver())
    assert all(get_state(folder).files.values())


def keep_names_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the names of files as they are read."""
    names: list[str] = []

    def keep(path: str, signature: bytes, max_bytes: int) -> tuple[bytes, bytes]:
        names.append(Path(path).name)
        return read_stable(path, signature, max_bytes)

    monkeypatch.setattr("mlwf_tui.workflow.trees.edits.read_stable", keep)
    return names


def get_manifest(workspace: Workspace) -> Digest:
    return workspace.catalog.projects.get("pets").manifest


def sync_beside_blind(workspace: Workspace, folder: Path) -> SyncResult:
    """Sync a folder, and check that a sync that knows no file leaves the same."""
    blind_home, blind_folder = workspace.home.with_name("blind"), folder.with_name("blind-out")
    shutil.copytree(workspace.home, blind_home)
    shutil.copytree(folder, blind_folder, symlinks=True)
    write_state(blind_folder, distrust(get_state(blind_folder)))
    with open_workspace(blind_home) as blind:
        expected = sync(blind, blind_folder, observer=KeepingObserver())
        result = sync(workspace, folder, observer=KeepingObserver())
        assert get_manifest(workspace) == get_manifest(blind)
    counts = [
        (one.items_added, one.items_removed, one.items_updated, one.items_renamed)
        for one in (result, expected)
    ]
    assert counts[0] == counts[1]
    assert read_status(workspace, folder, observer=KeepingObserver()).changes == ()
    shutil.rmtree(blind_home)
    shutil.rmtree(blind_folder)
    return result


def test_of_a_renamed_dataset_no_file_is_read(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "day").rename(folder / "noon")
    names = keep_names_read(monkeypatch)
    result = sync(workspace, folder, observer=KeepingObserver())
    assert (result.items_renamed, result.items_updated, names) == (5, 0, [])
    (folder / "noon").rename(folder / "day")
    assert sync(workspace, folder, observer=KeepingObserver()).items_renamed == 5
    assert names == []


def test_datasets_that_change_places_are_known(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):  # the same names in both
        for kind, suffix in (("img", ""), ("ann", ".json")):
            path = folder / "night" / kind / f"night{number}.png{suffix}"
            path.rename(path.with_name(f"day{number}.png{suffix}"))
    settle(workspace, folder)
    for before, after in (("day", "between"), ("night", "day"), ("between", "night")):
        (folder / before).rename(folder / after)
    names = keep_names_read(monkeypatch)
    assert sync(workspace, folder, observer=KeepingObserver()).items_updated == 5 * 2
    assert names == []


def test_what_was_edited_in_a_renamed_dataset_is_read(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "day").rename(folder / "noon")
    edit_annotation(folder / "noon" / "ann" / "day3.png.json")
    names = keep_names_read(monkeypatch)
    sync(workspace, folder, observer=KeepingObserver())
    assert names == ["day3.png.json"]


def test_annotations_that_come_to_images_of_another_size_are_read(workspace: Workspace, folder: Path) -> None:
    for number in range(5):
        path = folder / "rain" / "img" / f"rain{number}.png"
        path.rename(path.with_name(f"day{number}.png"))
    (folder / "rain" / "ann").rename(folder / "aside")
    (folder / "day" / "ann").rename(folder / "rain" / "ann")
    sync_beside_blind(workspace, folder)


def test_two_names_of_one_file_are_read(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "day" / "img" / "day9.png").hardlink_to(folder / "day" / "img" / "day1.png")
    settle(workspace, folder)
    (folder / "day").rename(folder / "noon")
    names = keep_names_read(monkeypatch)
    sync_beside_blind(workspace, folder)
    assert {"day1.png", "day9.png"} <= set(names)


# --- what one can do to a checkout ----------------------------------------------------------------

Draw = random.Random


def list_files(folder: Path, kind: str) -> list[Path]:
    return sorted(path for path in folder.glob(f"*/{kind}/*") if path.is_file())


def edit_annotation(path: Path) -> None:
    document = json.loads(path.read_text())
    if isinstance(document["objects"], list):  # it was not spoiled
        document["objects"] = document["objects"][1:]
    path.write_text(json.dumps(document))


def rename_dataset(folder: Path, draw: Draw) -> None:
    datasets = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    path = draw.choice(datasets)
    path.rename(path.with_name(f"set{draw.randrange(1000)}"))


def change_places(folder: Path, draw: Draw) -> None:
    one, other = draw.sample(sorted(path for path in folder.iterdir() if (path / "img").is_dir()), 2)
    kind = draw.choice(("", "img", "ann"))
    one.joinpath(kind).rename(folder / "between")
    other.joinpath(kind).rename(one / kind)
    (folder / "between").rename(other / kind)


def edit_some(folder: Path, draw: Draw) -> None:
    edit_annotation(draw.choice(list_files(folder, "ann")))


def replace_image(folder: Path, draw: Draw) -> None:
    path = draw.choice(list_files(folder, "img"))
    write(path, draw.randrange(1000, 9000), draw.choice(list(SIZES.values())))


def remove_some(folder: Path, draw: Draw) -> None:
    draw.choice(list_files(folder, draw.choice(("img", "ann")))).unlink()


def rename_file(folder: Path, draw: Draw) -> None:
    path = draw.choice(list_files(folder, draw.choice(("img", "ann"))))
    path.rename(path.with_name(f"n{draw.randrange(1000)}{''.join(path.suffixes)}"))


def spoil_annotation(folder: Path, draw: Draw) -> None:
    draw.choice(list_files(folder, "ann")).write_text('{"objects": 1}')


def link_file(folder: Path, draw: Draw) -> None:
    path = draw.choice(list_files(folder, "img"))
    os.link(path, path.with_name(f"link{draw.randrange(1000)}.png"))


DEEDS: tuple[Callable[[Path, Draw], None], ...] = (
    rename_dataset, rename_dataset, change_places, change_places, edit_some, replace_image, remove_some,
    rename_file, spoil_annotation, link_file,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_whatever_was_done_a_sync_makes_what_reading_all_would(
    workspace: Workspace, folder: Path, seed: int
) -> None:
    draw, done = random.Random(seed), Counter[str]()
    for _ in range(6):
        for deed in draw.choices(DEEDS, k=draw.randint(1, 4)):
            deed(folder, draw)
            done[deed.__name__] += 1
        sync_beside_blind(workspace, folder)
        time.sleep(0.05)
        sync(workspace, folder, observer=KeepingObserver())
    assert done["rename_dataset"] + done["change_places"] > 2


def test_a_sync_that_finds_nothing_leaves_the_state_alone(workspace: Workspace, folder: Path) -> None:
    before = (folder / ".mlwf" / "state").stat()
    sync(workspace, folder, observer=KeepingObserver())
    after = (folder / ".mlwf" / "state").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    (folder / "day").rename(folder / "noon")
    sync(workspace, folder, observer=KeepingObserver())
    assert (folder / ".mlwf" / "state").stat().st_ino != before.st_ino
