"""Which checkpoints of an interrupted fit are whole; plain archives stand in for the library's."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mlwf_tui.plugins.trainers.ultralytics.checkpoints import (
    keep_best,
    list_checkpoints,
    prepare_resume,
    save_safely,
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "train" / "weights"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, text: str) -> bool:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", text * 100)
    return True


def read(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("data.pkl").decode()[:3]


def tear(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def test_a_folder_that_is_missing_or_empty_has_none(tmp_path: Path, weights: Path) -> None:
    assert list_checkpoints(tmp_path / "nowhere") == ()
    assert list_checkpoints(tmp_path) == ()


def test_a_kill_while_one_is_written_leaves_the_one_before(tmp_path: Path, weights: Path) -> None:
    last = weights / "last.pt"
    assert save_safely(weights, lambda: write(last, "one"))

    def die() -> bool:
        write(last, "two")
        tear(last)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_safely(weights, die)
    (left,) = list_checkpoints(tmp_path)
    assert read(prepare_resume(left, is_best=False)) == "one"
    assert list_checkpoints(tmp_path) == (last,)


def test_the_newest_comes_first(tmp_path: Path, weights: Path) -> None:
    for text in ("one", "two"):
        save_safely(weights, lambda text=text: write(weights / "last.pt", text))  # type: ignore[misc]
    assert [read(path) for path in list_checkpoints(tmp_path)] == ["two", "one"]


def test_where_nothing_is_saved_the_one_before_stays_the_last(tmp_path: Path, weights: Path) -> None:
    save_safely(weights, lambda: write(weights / "last.pt", "one"))
    assert not save_safely(weights, lambda: False)
    assert [read(path) for path in list_checkpoints(tmp_path)] == ["one"]


def test_a_best_one_that_was_torn_while_it_was_finished_comes_back(weights: Path) -> None:
    write(weights / "last.pt", "two")
    write(weights / "best.pt", "one")
    keep_best(weights)
    tear(weights / "best.pt")
    prepare_resume(weights / "last.pt", is_best=False)
    assert read(weights / "best.pt") == "one"


def test_a_torn_best_one_that_nothing_was_kept_of_is_not_kept(weights: Path) -> None:
    write(weights / "last.pt", "one")
    write(weights / "best.pt", "one")
    prepare_resume(weights / "last.pt", is_best=False)
    assert (weights / "best.pt").exists()
    tear(weights / "best.pt")
    prepare_resume(weights / "last.pt", is_best=False)
    assert not (weights / "best.pt").exists()


@pytest.mark.parametrize("is_torn", [False, True])
def test_a_best_one_that_a_kill_came_before_is_made_from_the_last(weights: Path, is_torn: bool) -> None:
    write(weights / "last.pt", "two")
    write(weights / "best.pt", "one")
    if is_torn:
        tear(weights / "best.pt")
    prepare_resume(weights / "last.pt", is_best=True)
    assert read(weights / "best.pt") == "two"
    assert read(weights / "last.pt") == "two"
