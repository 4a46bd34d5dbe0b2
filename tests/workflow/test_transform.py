from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.cli.main import main
from mlwf_tui.entities.run import ArtifactKind
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.calls import submit_call
from mlwf_tui.workflow.copy import copy as copy_project
from mlwf_tui.workflow.diff import diff
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.operations import list_operations
from mlwf_tui.workflow.runs import get_run, list_runs
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import ActingObserver, KeepingObserver, StoppingObserver
from tests.making import make_voc
from tests.states import set_state


def test_a_transform_commits_its_source_first_and_its_result(
    imported: Workspace, observer: KeepingObserver
) -> None:
    result = transform(imported, "sample", ["cells"], to="few", params={"n": 2}, observer=observer)
    assert imported.catalog.projects.get("cells").latest_version == 1
    run = get_run(imported, result.run)
    assert [(a.kind, a.title) for a in run.inputs] == [(ArtifactKind.VERSION, "cells@1")]
    assert [(a.kind, a.title) for a in run.outputs] == [(ArtifactKind.VERSION, "few@1")]
    assert [r.verb for r in list_runs(imported)] == ["commit", "transform", "import"]


def test_the_same_recipe_is_followed_once(imported: Workspace, observer: KeepingObserver) -> None:
    first = transform(imported, "sample", ["cells"], to="a", params={"n": 2}, seed=3, observer=observer)
    again = transform(imported, "sample", ["cells"], to="b", params={"n": 2}, seed=3, observer=observer)
    other = transform(imported, "sample", ["cells"], to="c", params={"n": 2}, seed=5, observer=observer)
    assert (first.cached, again.cached, other.cached) == (False, True, False)
    manifests = [imported.catalog.projects.get(name).manifest for name in "abc"]
    assert manifests[0] == manifests[1] != manifests[2]


def test_a_result_into_the_same_project_again_makes_no_version(
    imported: Workspace, observer: KeepingObserver
) -> None:
    transform(imported, "sample", ["cells"], to="few", params={"n": 2}, observer=observer)
    again = transform(imported, "sample", ["cells"], to="few", params={"n": 2}, observer=observer)
    assert (again.version, again.cached) == (1, True)


def test_several_sources_become_datasets(imported: Workspace, observer: KeepingObserver) -> None:
    transform(imported, "sample", ["cells"], to="few", params={"n": 2}, observer=observer)
    merged = transform(
        imported,
        "filter",
        ["cells", "few"],
        to="both",
        params={"splits": "train,val,test"},
        observer=observer,
    )
    assert merged.items_in == 7
    manifest = imported.catalog.projects.get("both").manifest
    assert {item.dataset for item in iter_items(imported.store, manifest)} == {"cells/main", "few/main"}


def test_what_is_wrong_is_said_before_anything_is_done(
    imported: Workspace, observer: KeepingObserver
) -> None:
    before = list_runs(imported)
    with pytest.raises(NotFound, match="nope"):
        transform(imported, "nope", ["cells"], to="x", params={}, observer=observer)
    with pytest.raises(NotFound):
        transform(imported, "flip", ["ghosts"], to="x", params={}, observer=observer)
    with pytest.raises(InvalidParameter, match="copies"):
        transform(imported, "flip", ["cells"], to="x", params={"copies": 0}, observer=observer)
    with pytest.raises(InvalidParameter):
        transform(imported, "flip", ["cells"], to="../x", params={}, observer=observer)
    assert list_runs(imported) == before


def test_a_transform_that_leaves_no_item_changes_nothing(
    imported: Workspace, observer: KeepingObserver
) -> None:
    with pytest.raises(InvalidInput):
        transform(imported, "filter", ["cells"], to="cells", params={"min_objects": 99}, observer=observer)
    assert imported.catalog.projects.get("cells").item_count == 5
    assert {run.verb: run.state for run in list_runs(imported)}["transform"] == "failed"


def test_a_stopped_transform_leaves_no_target(imported: Workspace) -> None:
    with pytest.raises(Cancelled):
        transform(imported, "flip", ["cells"], to="x", params={}, observer=StoppingObserver(looks_left=2))
    assert imported.catalog.projects.find("x", "default") is None


def test_every_operation_is_listed_with_its_parameters(workspace: Workspace) -> None:
    operations = {operation.name: operation for operation in list_operations(workspace)}
    assert {"crop", "rotate", "noise", "split"} <= set(operations)
    assert all(p.help for operation in operations.values() for p in operation.params)


@pytest.mark.parametrize(
    "words",
    [
        ["split", "-p", "look_alikes=true"],
        ["kfold", "-p", "folds=2", "-p", "look_alikes=true"],
        ["deduplicate", "-p", "how=look_alike"],
    ],
)
def test_an_image_that_cannot_be_compared_is_listed_and_kept(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    names = [f"{number}.jpg" for number in range(8)]
    make_voc(tmp_path / "voc", {name: [] for name in names})
    import_folder(workspace, tmp_path / "voc", "some", observer=KeepingObserver())
    items = list(iter_items(workspace.store, workspace.catalog.projects.get("some").manifest))
    with workspace.store.writer() as writer:
        torn = writer.put(b"\xff\xd8\xff no picture")
    set_state(workspace, "pool", [replace(items[0], blob=torn), *items[1:]])
    home = ["--home", str(workspace.home)]
    assert main([*home, "transform", words[0], "pool", "--to", "out", *words[1:]]) == 3
    told = capsys.readouterr().out
    assert f"{items[0].key}: The image " in told
    kept = [item.key for item in iter_items(workspace.store, workspace.catalog.projects.get("out").manifest)]
    assert items[0].key in kept
    assert main([*home, "transform", words[0], "pool", "--to", "no", "--strict", *words[1:]]) == 1
    assert workspace.catalog.projects.find("no", "default") is None


@pytest.mark.parametrize(("same_name", "added"), [("first", 0), ("rename", 5)])
def test_items_that_a_merge_leaves_in_their_datasets_are_unchanged(
    imported: Workspace, observer: KeepingObserver, same_name: str, added: int
) -> None:
    copy_project(imported, "cells", "twin")
    merged = transform(
        imported,
        "merge",
        ["cells", "twin"],
        to="all",
        params={"datasets": "keep", "same_name": same_name},
        observer=observer,
    )
    counts = (merged.items_in, merged.items_added, merged.items_changed, merged.items_unchanged)
    assert counts == (10, added, 0, 5)
    assert merged.items_dropped == 5
    found = diff(imported, "cells@1", "all@1")
    assert [change.kind for change in found.items] == ["added"] * added


def make_elsewhere(home: Path, name: str) -> Callable[[], None]:
    """Return what makes a project of that name, with a version, in another process's place."""

    def make() -> None:
        with open_workspace(home) as other:
            transform(other, "sample", ["cells"], to=name, params={"n": 1}, observer=KeepingObserver())

    return make


def test_a_new_project_that_somebody_else_makes_meanwhile_gets_a_version(imported: Workspace) -> None:
    observer = ActingObserver(moment="planning", act=make_elsewhere(imported.home, "few"))
    made = transform(imported, "sample", ["cells"], to="few", params={"n": 2}, observer=observer)
    assert observer.has_acted
    assert (made.version, made.items_out) == (2, 2)
    assert imported.catalog.projects.get("few").item_count == 2


def test_a_dataset_of_a_project_that_somebody_else_makes_meanwhile_is_refused(imported: Workspace) -> None:
    observer = ActingObserver(moment="planning", act=make_elsewhere(imported.home, "few"))
    with pytest.raises(Conflict, match="Somebody else made the project few meanwhile"):
        transform(imported, "sample", ["cells"], to="few", dataset="new", params={"n": 2}, observer=observer)
    assert imported.catalog.projects.get("few").item_count == 1


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("split", {"train": 0.9}),
        ("sample", {"n": 1, "fraction": 0.5}),
        ("mixup", {"low": 0.9, "high": 0.1}),
        ("mosaic", {"splits": "trian"}),
        ("filter", {"where": "has(sell)"}),
        ("drop_classes", {"classes": "sell"}),
    ],
)
def test_parameters_that_do_not_fit_are_refused_before_a_changed_head_becomes_a_version(
    imported: Workspace, observer: KeepingObserver, operation: str, params: dict[str, object]
) -> None:
    before = list_runs(imported)
    with pytest.raises(InvalidParameter):
        transform(imported, operation, ["cells"], to="x", params=params, observer=observer)
    call = {"operation": operation, "refs": ["cells"], "to": "x", "params": params, "seed": 0}
    with pytest.raises(InvalidParameter):
        submit_call(imported, "transform", call)
    assert list_runs(imported) == before
    assert imported.catalog.projects.get("cells").latest_version is None
