"""A preview shows the very results of a transform, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidParameter, NotFound
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.preview import Preview, Previewer, preview
from mlwf_tui.workflow.runs import list_runs
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workflow.transforming.planning import Fate
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.acting import install_plugins
from tests.fakes.observers import KeepingObserver
from tests.states import make_object, make_plain_item, set_state

COUNT = 40


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    path = install_plugins(tmp_path / "plugins")
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(path.partition(":")[0])
    with open_workspace(tmp_path / "home") as workspace:
        items = [
            make_plain_item(
                f"main/{number:02}.png", make_object(), split=Split.VAL if number % 10 == 0 else Split.TRAIN
            )
            for number in range(COUNT)
        ]
        set_state(workspace, "cells", items)
        yield workspace


def show(workspace: Workspace, operation: str = "scribble", **options: Any) -> Preview:
    chosen = {key: options.pop(key) for key in ("keys", "count") if key in options}
    return preview(workspace, operation, ["cells"], params=options, observer=KeepingObserver(), **chosen)


def list_files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_the_images_shown_are_those_that_a_transform_makes(home: Workspace) -> None:
    shown = show(home, count=5)
    transform(home, "scribble", ["cells"], to="drawn", params={}, observer=KeepingObserver())
    manifest = home.catalog.projects.get("drawn").manifest
    made = {item.key: item for item in iter_items(home.store, manifest)}
    assert len(shown.pairs) == 5
    for pair in shown.pairs:
        assert pair.after is not None
        assert pair.fate is Fate.ADDED
        assert home.store.read(made[pair.after.item.key].blob) == pair.after.image


def test_nothing_is_written_and_nothing_recorded(home: Workspace) -> None:
    before = list_files(home.home), list_runs(home), home.catalog.projects.get("cells")
    show(home, count=3)
    assert (list_files(home.home), list_runs(home), home.catalog.projects.get("cells")) == before


def test_counts_are_of_all_items(home: Workspace) -> None:
    counts = show(home, copies=3, keep=False).counts
    assert (counts.items_in, counts.items_added, counts.items_dropped, counts.images) == (40, 120, 40, 120)
    assert counts.items_out == 120


def test_results_are_spread_over_the_project(home: Workspace) -> None:
    keys = [pair.before[0].item.key for pair in show(home, count=4).pairs]
    assert keys == sorted(keys)
    assert keys[0] < "main/10.png" < "main/20.png" < keys[-1]


def test_asked_for_an_item_its_results_are_shown(home: Workspace) -> None:
    shown = show(home, keys=("main/07.png",), copies=2)
    assert {pair.before[0].item.key for pair in shown.pairs} == {"main/07.png"}
    names = {pair.after.item.name for pair in shown.pairs if pair.after}
    assert names == {"07.png", "07-0.png", "07-1.png"}


def test_what_is_dropped_is_shown_beside_what_is_kept(home: Workspace) -> None:
    fates = [pair.fate for pair in show(home, "filter", splits="val", count=4).pairs]
    assert sorted(fates) == [Fate.DROPPED, Fate.DROPPED, Fate.UNCHANGED, Fate.UNCHANGED]


def test_an_operation_that_leaves_nothing_shows_what_it_drops(home: Workspace) -> None:
    shown = show(home, "filter", min_objects=9, count=3)
    assert [pair.fate for pair in shown.pairs] == [Fate.DROPPED] * 3
    assert all(pair.after is None for pair in shown.pairs)


def test_a_changed_annotation_is_shown_on_the_same_image(home: Workspace) -> None:
    (pair,) = show(home, "rename_classes", names="car=bus", count=1).pairs
    assert pair.after is not None
    assert pair.fate is Fate.CHANGED
    assert pair.before[0].item.annotation.objects[0].class_name == "car"
    assert pair.after.item.annotation.objects[0].class_name == "bus"


def test_an_image_that_cannot_be_made_says_why(home: Workspace) -> None:
    (pair, _) = show(home, keys=("main/03.png",), broken="03.png").pairs
    assert (pair.after, pair.problem) == (None, "The image 03.png cannot be decoded.")


def test_a_picture_of_several_has_all_of_them_before(home: Workspace) -> None:
    shown = show(home, keys=("main/03.png",), joined=True, keep=False)
    (pair,) = shown.pairs
    assert [image.item.name for image in pair.before] == ["03.png", "00.png"]


def test_one_previewer_shows_one_operation_after_the_other(home: Workspace) -> None:
    with Previewer(home) as previewer:
        first, second = (
            previewer.preview(
                "scribble", ["cells"], params={"copies": copies}, count=1, observer=KeepingObserver()
            )
            for copies in (1, 2)
        )
    assert (first.counts.images, second.counts.images) == (40, 80)


def test_what_is_wrong_is_said(home: Workspace) -> None:
    with pytest.raises(NotFound) as unknown:
        show(home, "scrible")
    assert "Did you mean scribble?" in unknown.value.hint
    with pytest.raises(InvalidParameter) as misspelt:
        show(home, copys=2)
    assert "Did you mean copies?" in misspelt.value.hint
