"""An import that looks only at what has changed: it leaves and tells what one that looks at all would."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidInput
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.undo import undo
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver
from tests.making import write_image
from tests.reimporting import import_again, import_beside_blind, rename, write_label

NARROWED = "the folder is as the last import found it, but for"
PARTS = ("train", "val", "val/night")
CONFIG = "names: [cat, dog]\ntrain: train/images\nval: val/images\n"


@pytest.fixture(autouse=True)
def late_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is a minute ahead: files are not too young to be trusted, though just made."""
    real_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_time_ns() + 60_000_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A YOLO folder with two splits: twelve images in each of three folders, most with labels."""
    root = tmp_path / "given"
    for count, part in enumerate(PARTS):
        for number in range(12):
            add_pair(root, part, f"{part.replace('/', '-')}{number:02}", 100 * count + number)
    (root / "data.yaml").write_text(CONFIG)
    return root


@pytest.fixture
def known(workspace: Workspace, folder: Path) -> Workspace:
    """A home that has imported the folder."""
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    return workspace


def place(root: Path, kind: str, part: str, name: str) -> Path:
    top, _, rest = part.partition("/")
    return root / top / kind / rest / name


def add_pair(root: Path, part: str, stem: str, seed: int) -> None:
    write_image(place(root, "images", part, f"{stem}.png"), seed=seed)
    if seed % 5:
        write_label(place(root, "labels", part, f"{stem}.txt"), seed % 2, 0.3 + seed % 7 / 20)


def list_files(root: Path, kind: str) -> list[Path]:
    return sorted(path for path in root.glob(f"*/{kind}/**/*") if path.is_file())


# --- what one can do to a folder -------------------------------------------------------------------

Draw = random.Random


def change_label(root: Path, draw: Draw) -> None:
    """Change a label to another of the same size, with the same time of change."""
    path = draw.choice(list_files(root, "labels"))
    status = path.stat()
    write_label(path, draw.randrange(2), draw.choice((0.25, 0.45)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def change_image(root: Path, draw: Draw) -> None:
    write_image(draw.choice(list_files(root, "images")), seed=draw.randrange(1000, 9000))


def add_some(root: Path, draw: Draw) -> None:
    add_pair(root, draw.choice(PARTS), f"new{draw.randrange(1000)}", draw.randrange(1000, 9000))


def add_to_two_splits(root: Path, draw: Draw) -> None:
    path = draw.choice(list_files(root, "images"))
    other = root / ("val" if path.is_relative_to(root / "train") else "train") / "images" / path.name
    other.parent.mkdir(parents=True, exist_ok=True)
    write_image(other, seed=draw.randrange(1000, 9000))


def delete_pair(root: Path, draw: Draw) -> None:
    path = draw.choice(list_files(root, "images"))
    path.unlink()
    for label in list_files(root, "labels"):
        if label.stem == path.stem:
            label.unlink()


def delete_label(root: Path, draw: Draw) -> None:
    draw.choice(list_files(root, "labels")).unlink()


def delete_image(root: Path, draw: Draw) -> None:
    draw.choice(list_files(root, "images")).unlink()


def spoil_image(root: Path, draw: Draw) -> None:
    draw.choice(list_files(root, "images")).write_bytes(b"no image")


def spoil_label(root: Path, draw: Draw) -> None:
    draw.choice(list_files(root, "labels")).write_text("7 7 7\n0 0.5 0.5 0.1 0.1\n")


def change_places(root: Path, draw: Draw) -> None:
    one, other = draw.sample(list_files(root, "images"), 2)
    between = root / "between"
    one.rename(between)
    other.rename(one)
    between.rename(other)


def rename_file(root: Path, draw: Draw) -> None:
    path = draw.choice(list_files(root, draw.choice(("images", "labels"))))
    path.rename(path.with_stem(f"{path.stem}-{draw.randrange(100)}"))


def move_folder(root: Path, draw: Draw) -> None:
    split = draw.choice(("train", "val"))
    for kind in ("images", "labels"):
        inner = [path for path in (root / split / kind).glob("*") if path.is_dir()]
        source = inner[0] if inner else root / split / kind
        target = source.with_name(f"moved{split}") if inner else source / "inner"
        if not inner:
            (root / "aside").mkdir()
            for path in sorted(source.iterdir())[:5]:
                path.rename(root / "aside" / path.name)
            (root / "aside").rename(target)
        elif not target.exists():
            source.rename(target)


def change_classes(root: Path, draw: Draw) -> None:
    names = draw.choice(("cat, dog", "dog, cat", "dog, cat, bird"))
    (root / "data.yaml").write_text(CONFIG.replace("cat, dog", names))


def change_splits(root: Path, draw: Draw) -> None:
    first, second = draw.sample(("train", "val"), 2)
    text = f"names: [cat, dog]\ntrain: {first}/images\nval: {second}/images\n"
    (root / "data.yaml").write_text(text)


def add_something_else(root: Path, draw: Draw) -> None:
    (draw.choice((root, root / "train" / "images")) / f"notes{draw.randrange(100)}.md").write_text("x")


DEEDS: tuple[Callable[[Path, Draw], None], ...] = (
    change_label, change_label, change_image, add_some, add_some, delete_pair, delete_pair, delete_label,
    change_places, spoil_label,
)  # fmt: skip
RARE: tuple[Callable[[Path, Draw], None], ...] = (
    *DEEDS, rename_file, move_folder, add_to_two_splits, delete_image, spoil_image, change_classes,
    change_splits, add_something_else,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_any_edits_lead_to_what_a_blind_import_leaves(known: Workspace, folder: Path, seed: int) -> None:
    draw, narrowed = random.Random(seed), 0
    for round_ in range(9):
        for _ in range(draw.choice((1, 1, 3))):
            draw.choice(RARE if round_ > 3 else DEEDS)(folder, draw)
        result, _ = import_beside_blind(known, folder)
        narrowed += result.reason.startswith(NARROWED)
    assert narrowed  # or this would have tried nothing


def test_only_the_item_around_a_changed_file_is_looked_at(known: Workspace, folder: Path) -> None:
    write_label(folder / "train" / "labels" / "train03.txt", 0, 0.35)
    result, read = import_beside_blind(known, folder)
    assert result.reason == f"{NARROWED} 1 files"
    assert (read, result.items_updated, result.items_unchanged) == ({"train03.png"}, 1, 35)


@pytest.mark.parametrize(
    "deed", [change_label, change_image, add_some, delete_pair, spoil_label, spoil_image]
)
def test_a_deed_of_one_file_is_narrow_the_next_time_too(
    known: Workspace, folder: Path, deed: Callable[[Path, Draw], None]
) -> None:
    for seed in range(3):
        deed(folder, random.Random(seed))
        result, _ = import_beside_blind(known, folder)
        assert result.reason.startswith(NARROWED)


def test_a_new_image_beside_one_that_was_left_out_makes_all_be_looked_at(
    known: Workspace, folder: Path
) -> None:
    spoil_image(folder, random.Random(1))
    assert import_beside_blind(known, folder)[0].reason.startswith(NARROWED)
    add_pair(folder, "train", "later", 1)
    assert not import_beside_blind(known, folder)[0].reason.startswith(NARROWED)


def test_an_image_that_would_take_anothers_key_makes_all_be_looked_at(known: Workspace, folder: Path) -> None:
    write_image(folder / "val" / "images" / "train04.png", seed=4000)
    result, _ = import_beside_blind(known, folder)
    assert not result.reason.startswith(NARROWED)
    (folder / "train" / "images" / "train04.png").unlink()  # the other keeps its key all the same
    (folder / "train" / "labels" / "train04.txt").unlink()
    import_again(known, folder)


def test_a_changed_class_file_makes_all_be_looked_at(known: Workspace, folder: Path) -> None:
    (folder / "data.yaml").write_text(CONFIG.replace("cat, dog", "dog, cat"))
    assert len(import_again(known, folder)) == 36


def test_a_list_of_images_makes_all_be_looked_at(workspace: Workspace, folder: Path) -> None:
    names = [str(path.relative_to(folder)) for path in list_files(folder, "images")]
    (folder / "labels").mkdir()
    (folder / "labels" / "list.txt").write_text("\n".join(names[:20]))
    (folder / "rest.txt").write_text("\n".join(names[20:]))
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: labels/list.txt\nval: rest.txt\n")
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    (folder / "labels" / "list.txt").write_text("")
    assert not import_beside_blind(workspace, folder)[0].reason.startswith(NARROWED)


def test_a_label_in_upper_case_is_narrowed_as_any_other(known: Workspace, folder: Path) -> None:
    label = folder / "train" / "labels" / "train03.txt"
    label.rename(label.with_suffix(".TXT"))
    result, _ = import_beside_blind(known, folder)
    assert (result.items_unchanged, result.problems) == (36, ())
    write_label(label.with_suffix(".TXT"), 0, 0.35)
    result, read = import_beside_blind(known, folder)
    assert (result.reason, read) == (f"{NARROWED} 1 files", {"train03.png"})


def test_another_folder_that_data_yaml_may_mean_makes_all_be_looked_at(
    workspace: Workspace, folder: Path
) -> None:
    (folder / "data.yaml").write_text(CONFIG.replace("train/images", "/content/pets/train/images"))
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    add_pair(folder, "train", "more", 4)
    result, _ = import_beside_blind(workspace, folder)
    assert result.reason.startswith(NARROWED)
    write_image(folder / "pets" / "train" / "images" / "new.png", seed=1)
    result, _ = import_beside_blind(workspace, folder)
    assert not result.reason.startswith(NARROWED)
    assert "names no split for 13 images" in result.problems[0].reason


def test_what_the_project_has_otherwise_makes_all_be_looked_at(known: Workspace, folder: Path) -> None:
    write_label(folder / "train" / "labels" / "train03.txt", 0, 0.35)
    import_again(known, folder)
    undo(known, "pets")
    write_label(folder / "train" / "labels" / "train07.txt", 0, 0.4)
    assert import_again(known, folder) == {"train03.png", "train07.png"}


def test_a_cache_that_is_older_than_the_project_is_not_believed(known: Workspace, folder: Path) -> None:
    """As a kill leaves it between the catalog's transaction and the cache."""
    (path,) = (known.home / "cache" / "imports").iterdir()
    before = path.read_bytes()
    write_label(folder / "train" / "labels" / "train03.txt", 0, 0.35)
    import_again(known, folder)
    path.write_bytes(before)
    write_label(folder / "train" / "labels" / "train03.txt", 1, 0.45)
    result, read = import_beside_blind(known, folder)
    assert not result.reason.startswith(NARROWED)
    assert read == {"train03.png"}


def test_two_imports_at_once_take_in_what_each_saw(known: Workspace, folder: Path) -> None:
    class Meeting(KeepingObserver):
        def progress(self, step: int, total: int | None, message: str) -> None:
            if total is not None and not self.steps:
                with open_workspace(known.home) as other:
                    write_label(folder / "train" / "labels" / "train07.txt", 0, 0.4)
                    import_folder(other, folder, "pets", observer=KeepingObserver())
                super().progress(step, total, message)

    write_label(folder / "train" / "labels" / "train03.txt", 0, 0.35)
    result = import_folder(known, folder, "pets", observer=Meeting())
    assert (result.items_updated, result.items_added) == (0, 0), "the other one has taken in both"
    assert import_again(known, folder) <= {"train07.png"}, "which this one has not seen changed"
    assert import_again(known, folder) == set()


def test_a_file_too_young_to_be_trusted_is_looked_at_again(
    known: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = folder / "train" / "labels" / "train03.txt"
    write_label(label, 0, 0.35)
    changed_at_ns = label.stat().st_ctime_ns
    (path,) = (known.home / "cache" / "imports").iterdir()
    path.unlink()
    monkeypatch.setattr(time, "time_ns", lambda: changed_at_ns + 1_000_000_000)
    import_folder(known, folder, "pets", observer=KeepingObserver())  # all are too young
    monkeypatch.setattr(time, "time_ns", lambda: changed_at_ns + 60_000_000_000)
    result, read = import_beside_blind(known, folder)
    assert len(read) == result.items_unchanged == 36
    assert import_again(known, folder) == set()


def test_a_clock_that_went_back_makes_all_be_looked_at(
    known: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: (folder / "data.yaml").stat().st_ctime_ns + 30_000_000_000)
    write_label(folder / "train" / "labels" / "train03.txt", 0, 0.35)
    assert not import_beside_blind(known, folder)[0].reason.startswith(NARROWED)


def test_a_folder_that_loses_everything_is_refused_as_before(known: Workspace, folder: Path) -> None:
    for split in ("train", "val"):
        shutil.rmtree(folder / split)
    with pytest.raises(InvalidInput):
        import_folder(known, folder, "pets", observer=KeepingObserver())


@pytest.mark.parametrize("share", [0.2, 0.7, 0.8, 0.9])
def test_a_damaged_cache_loses_no_change(known: Workspace, folder: Path, share: float) -> None:
    (path,) = (known.home / "cache" / "imports").iterdir()
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 1
    path.write_bytes(content)
    for seed in range(3):
        change_label(folder, random.Random(seed))
        add_some(folder, random.Random(seed))
        import_again(known, folder)


def test_plain_images_are_narrowed_too(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    for number in range(20):
        write_image(folder / f"part{number % 2}" / f"{number:02}.png", seed=number)
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    write_image(folder / "part0" / "02.png", seed=77)
    write_image(folder / "part1" / "new.png", seed=78)
    (folder / "part1" / "05.png").unlink()
    result, read = import_beside_blind(workspace, folder)
    assert result.reason == f"{NARROWED} 3 files"
    assert read == {"02.png", "new.png"}
    (folder / "part0").rename(folder / "other")
    result, read = import_beside_blind(workspace, folder)
    assert read == set()


@pytest.mark.slow
def test_many_items_are_kept_in_order_as_chunks_change(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    write_image(folder / "images" / "one" / "0000.png", seed=1)
    for number in range(1, 900):
        part = "one" if number < 500 else "two"
        path = folder / "images" / part / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "images" / "one" / "0000.png", path)
        write_label(folder / "labels" / part / f"{number:04}.txt", number % 2, number / 1000)
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n")
    import_folder(workspace, folder, "pets", observer=KeepingObserver())
    draw = random.Random(3)
    for round_ in range(4):
        for label in draw.sample(list(folder.glob("labels/*/*.txt")), 5):
            write_label(label, round_ % 2, draw.random() / 2 + 0.1)
        for number in draw.sample(range(10_000), 9):
            part = draw.choice(("one", "two"))
            if not (folder / "images" / part / f"{number:04}.png").exists():
                write_image(folder / "images" / part / f"{number:04}.png", seed=number)
        for image in draw.sample(list(folder.glob("images/*/*.png")), 4):
            image.unlink()
            (folder / "labels" / image.parent.name / f"{image.stem}.txt").unlink(missing_ok=True)
        result, read = import_beside_blind(workspace, folder)
        assert result.reason.startswith(NARROWED)
        assert len(read) < 20
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n# all are looked at\n")
    assert import_again(workspace, folder) == set()
    rename(folder, "two", "three")
    assert import_again(workspace, folder) == set()
