"""Images are made by processes: the same on any number of them, none twice, and what fails is told."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import PIL
import pytest

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Origin
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.runs import get_run, list_runs
from mlwf_tui.workflow.transform import TransformResult, plan_transform, transform
from mlwf_tui.workflow.transforming.finished_drafts import (
    DraftLog,
    FinishedDraft,
    FinishedDrafts,
    iter_kept_blobs,
)
from mlwf_tui.workflow.transforming.record_files import RecordFile
from mlwf_tui.workflow.transforming.sources import Source, Sources
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.acting import install_plugins
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.states import make_plain_item, set_state

Scribble = Callable[..., TransformResult]
KEYS = [f"main/{letter}.png" for letter in "abcdefgh"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home with eight items, in which this process and its hands find the fake operations."""
    path = install_plugins(tmp_path / "plugins")
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(path.partition(":")[0])
    with open_workspace(tmp_path / "home") as workspace:
        set_state(workspace, "cells", [make_plain_item(key) for key in KEYS])
        yield workspace


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


def scribble(workspace: Workspace, *, to: str = "drawn", **options: Any) -> TransformResult:
    chosen = {key: options.pop(key) for key in ("workers", "is_strict", "dataset") if key in options}
    observer = options.pop("observer", KeepingObserver())
    refs = options.pop("refs", ["cells"])
    return transform(workspace, "scribble", refs, to=to, params=options, observer=observer, **chosen)


def list_items(workspace: Workspace, project: str) -> list[Item]:
    return list(iter_items(workspace.store, workspace.catalog.projects.get(project).manifest))


def find_manifest(workspace: Workspace, project: str) -> str:
    return workspace.catalog.projects.get(project).manifest


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_in_any_home_makes_the_same(
    home: Workspace, tmp_path: Path, workers: int
) -> None:
    scribble(home, copies=6, workers=1)
    with open_workspace(tmp_path / "other") as other:
        set_state(other, "cells", [make_plain_item(key) for key in KEYS])
        assert scribble(other, copies=6, workers=workers).images_made == 48
        assert find_manifest(home, "drawn") == find_manifest(other, "drawn")


def test_images_are_made_by_as_many_processes_as_are_asked_for(home: Workspace, trace: Path) -> None:
    scribble(home, copies=20, workers=3, trace=str(trace))
    pids = {line.split()[1] for line in trace.read_text().splitlines()}
    assert len(pids) == 3


def test_the_run_knows_which_libraries_have_made_the_pixels(home: Workspace) -> None:
    made = get_run(home, scribble(home, keep=False).run)
    assert made.environment["pillow"] == PIL.__version__
    assert "albumentations" not in made.environment, "it has had no part in it"
    known = get_run(home, scribble(home, keep=False).run)
    assert set(known.environment) == {"mlwf", "python"}


def test_a_made_item_knows_its_root_however_many_steps_ago(home: Workspace) -> None:
    scribble(home, to="once", keep=False)
    scribble(home, to="twice", refs=["once"], keep=False)
    source = list_items(home, "cells")[0]
    version = home.catalog.versions.get(home.catalog.projects.get("cells").id, 1)
    for project in ("once", "twice"):
        item = list_items(home, project)[0]
        assert item.origins == (Origin(source.blob, source.key, version.manifest),)
        assert item.roots == source.roots == (source.blob,)


def test_an_item_made_of_several_knows_all_of_them(home: Workspace) -> None:
    scribble(home, keep=False, joined=True)
    first, second, *_ = list_items(home, "drawn")
    assert [origin.key for origin in second.origins] == ["main/b.png", "main/a.png"]
    assert [origin.key for origin in first.origins] == ["main/a.png"]


def test_with_several_sources_the_root_has_its_key_in_its_own_project(home: Workspace) -> None:
    set_state(home, "more", [make_plain_item("x/y.png")])
    scribble(home, refs=["cells", "more"], keep=False)
    made = {item.key: item.origins[0].key for item in list_items(home, "drawn")}
    assert made["more/x/y-0.png"] == "x/y.png"
    assert made["cells/main/a-0.png"] == "main/a.png"


def test_what_fails_is_left_out_and_listed(home: Workspace) -> None:
    made = scribble(home, broken="b.png,d.png", crashing="c.png")
    assert [problem.path for problem in made.problems] == [f"main/{letter}-0.png" for letter in "bcd"]
    assert "cannot be decoded" in made.problems[0].reason
    fault = r"^scribble failed: ZeroDivisionError: no c.png \(scribbling.py, line \d+\)$"
    assert re.match(fault, made.problems[1].reason)
    assert (made.items_out, made.items_added, made.items_unchanged) == (13, 5, 8)
    run = get_run(home, made.run)
    assert run.state == "done"
    assert "partly: 3 of the images" in run.result["summary"]


def test_after_a_partial_result_only_what_failed_is_tried_again(home: Workspace, trace: Path) -> None:
    scribble(home, broken="b.png", trace=str(trace))
    trace.unlink()
    again = scribble(home, broken="b.png", trace=str(trace))
    assert (again.cached, again.images_resumed, again.images_made) == (False, 7, 0)
    assert trace.read_text().startswith("b-0.png")
    assert len(trace.read_text().splitlines()) == 1


def test_strict_changes_nothing_where_an_image_fails(home: Workspace) -> None:
    with pytest.raises(InvalidInput, match=r"main/b-0\.png could not be made"):
        scribble(home, broken="b.png", is_strict=True)
    assert home.catalog.projects.find("drawn", "default") is None
    assert [run.state for run in list_runs(home) if run.verb == "transform"] == ["failed"]


def test_where_every_image_fails_nothing_is_changed(home: Workspace) -> None:
    with pytest.raises(InvalidInput, match=r"None of 8 images could be made; the first, main/a-0\.png"):
        scribble(home, broken=",".join(key.rpartition("/")[2] for key in KEYS))
    assert home.catalog.projects.find("drawn", "default") is None


def test_what_nothing_is_left_of_is_no_problem(home: Workspace) -> None:
    made = scribble(home, emptied="a.png")
    assert (made.items_out, made.items_added, made.problems) == (15, 7, ())


def test_two_results_of_one_name_are_refused_before_any_is_made(home: Workspace, trace: Path) -> None:
    with pytest.raises(Conflict, match=r"Two results would be called main/same\.png"):
        scribble(home, name="same.png", trace=str(trace))
    assert not trace.exists()


def test_what_was_made_before_a_stop_is_not_made_again(home: Workspace, trace: Path) -> None:
    with pytest.raises(Cancelled):
        scribble(home, copies=4, workers=1, trace=str(trace), observer=StoppingObserver(looks_left=30))
    assert home.catalog.projects.find("drawn", "default") is None
    before = set(trace.read_text().splitlines())
    plan = plan_transform(
        home, "scribble", ["cells"], params={"copies": 4, "trace": str(trace)}, observer=KeepingObserver()
    )
    assert 0 < plan.images_resumed == len(before) < plan.images == 32
    made = scribble(home, copies=4, workers=1, trace=str(trace))
    assert (made.images_resumed, made.images_made) == (len(before), 32 - len(before))
    names = [line.split()[0] for line in trace.read_text().splitlines()]
    assert len(names) == len(set(names)) == 32
    assert not list((home.home / "cache" / "drafts").iterdir())


def test_an_operation_that_reads_all_before_it_plans_can_be_stopped(home: Workspace) -> None:
    manifest = home.catalog.projects.get("cells").manifest
    observer = StoppingObserver(looks_left=1)
    sources = Sources(home.store, (Source(manifest, "cells"),), between=observer.check_cancelled)
    assert [source.item.key for source in sources] == KEYS
    assert [source.item.key for source in sources] == KEYS  # remembered, so that nothing is waited for
    again = Sources(home.store, (Source(manifest, "cells"),), between=observer.check_cancelled)
    with pytest.raises(Cancelled):
        next(iter(again))


def test_collect_keeps_images_that_a_second_try_will_use(home: Workspace) -> None:
    with pytest.raises(Cancelled):
        scribble(home, copies=4, workers=1, observer=StoppingObserver(looks_left=30))
    kept = set(iter_kept_blobs(home.home, None))
    assert kept
    collect(home, KeepingObserver(), is_dry_run=False)
    assert all(home.store.contains(blob) for blob in kept)
    collect(home, KeepingObserver(), is_dry_run=False, grace_s=0)
    assert not any(home.store.contains(blob) for blob in kept)
    assert not list((home.home / "cache" / "drafts").iterdir())
    assert scribble(home, copies=4, workers=1).images_made == 32


def test_a_draft_whose_image_is_gone_is_made_again(home: Workspace, tmp_path: Path) -> None:
    log = DraftLog(tmp_path / "drafts")
    with home.store.writer() as writer:
        blob = bytes.fromhex(writer.put(b"an image"))
    log.append([FinishedDraft(b"1" * 16, blob, None), FinishedDraft(b"2" * 16, bytes(32), None)])
    log.append([FinishedDraft(b"3" * 16, b"", None)])
    log.close()
    known = FinishedDrafts(home.store, tmp_path / "drafts")
    assert (b"1" * 16 in known, b"2" * 16 in known, b"3" * 16 in known) == (True, False, True)
    known.close()


@pytest.mark.parametrize("cut_bytes", [1, 5, 40])
def test_a_torn_end_of_a_log_is_not_believed(home: Workspace, tmp_path: Path, cut_bytes: int) -> None:
    log = DraftLog(tmp_path / "drafts")
    log.append([FinishedDraft(bytes([number]) * 16, b"", None) for number in range(5)])
    log.close()
    (path,) = (tmp_path / "drafts").iterdir()
    path.write_bytes(path.read_bytes()[:-cut_bytes] + bytes(cut_bytes))
    known = FinishedDrafts(home.store, tmp_path / "drafts")
    assert 3 <= len(known) <= 4
    assert bytes(16) in known
    known.close()


def test_what_another_release_has_noted_is_passed_over(home: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "cache" / "drafts" / "recipe"
    records = RecordFile(folder)
    whole = FinishedDraft(b"draft", b"", None)
    records.append([msgspec.msgpack.encode(said) for said in (["draft"], {"draft": 1}, whole)])
    records.close()
    finished = FinishedDrafts(home.store, folder)
    assert (len(finished), finished.find(b"draft")) == (1, whole)
    finished.close()
    assert list(iter_kept_blobs(home.home, None)) == []


def test_a_lost_cache_folder_costs_work_and_nothing_else(home: Workspace) -> None:
    with pytest.raises(Cancelled):
        scribble(home, copies=4, workers=1, observer=StoppingObserver(looks_left=30))
    shutil.rmtree(home.home / "cache")
    assert scribble(home, copies=4).images_made == 32


def test_a_dataset_gets_the_result_beside_what_is_there(home: Workspace) -> None:
    made = scribble(home, to="cells", dataset="drawn", keep=False)
    keys = [item.key for item in list_items(home, "cells")]
    assert keys == sorted([*KEYS, *[f"drawn/main/{letter}-0.png" for letter in "abcdefgh"]])
    assert (made.items_out, made.version) == (8, 2)


def test_a_name_that_is_taken_in_the_dataset_is_refused_before_anything_is_made(
    home: Workspace, trace: Path
) -> None:
    scribble(home, to="all", dataset="drawn", keep=False)
    with pytest.raises(Conflict, match=r"another item drawn/main/a-0\.png"):
        transform(
            home, "scribble", ["cells"], to="all", dataset="drawn", seed=1,
            params={"keep": False, "trace": str(trace)}, observer=KeepingObserver(),
        )  # fmt: skip
    assert not trace.exists()
    again = scribble(home, to="all", dataset="drawn", keep=False)
    assert (again.cached, again.version) == (True, 1)


def test_no_image_is_written_where_pixels_stay(home: Workspace) -> None:
    blobs = {item.blob for item in list_items(home, "cells")}
    observer = KeepingObserver()
    transform(home, "rename_classes", ["cells"], to="cells", params={"names": "car=bus"}, observer=observer)
    assert {item.blob for item in list_items(home, "cells")} == blobs
    assert not any(home.store.contains(Digest(blob)) for blob in blobs)  # nor was one read: there is none
