"""Every verb from Python, on a real home; what a verb does is tested with the workflow."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mlwf_tui.entities.change import ChangeKind
from mlwf_tui.entities.threeway import Side
from mlwf_tui.errors import Cancelled, Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.sdk import Home, open_home
from tests.fakes.observers import KeepingObserver, StoppingObserver


def test_the_home_is_the_one_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLWF_HOME", str(tmp_path / "set"))
    with open_home() as home:
        assert home.path == tmp_path / "set"
    with open_home(str(tmp_path / "given")) as home:
        assert home.path == tmp_path / "given"
        assert home.projects() == ()


def test_a_folder_becomes_versions_that_can_be_compared_and_brought_back(filled: Home, voc: Path) -> None:
    assert [(p.name, p.item_count, p.latest_version) for p in filled.projects()] == [("cells", 10, 1)]
    made = filled.transform("drop_classes", "cells@1", to="cells", params={"classes": "spot"})
    assert (made.version, made.items_in) == (2, 10)
    assert [version.number for version in filled.versions("cells")] == [2, 1]
    found = filled.diff("cells@1", "cells@2")
    assert found.count(ChangeKind.CHANGED) == sum(change.kind is ChangeKind.CHANGED for change in found.items)
    assert [change.name for change in found.classes] == ["spot"]
    assert filled.diff(None, "cells@2").items == found.items
    assert filled.restore("cells@1").version == 3
    assert filled.open_data("cells").schema.class_names == ("cell", "spot")
    assert filled.undo("cells").verb == "restore"
    assert filled.open_data("cells").schema.class_names == ("cell",)
    assert filled.redo().verb == "restore"
    assert filled.commit("cells").created is False
    with pytest.raises(InvalidParameter, match="The message 5 is no text"):
        filled.commit("cells", message=5)  # type: ignore[arg-type]


def test_names_are_given_and_taken(filled: Home) -> None:
    assert filled.tag("cells@1", "golden").tags == ("golden",)
    assert filled.open_data("cells@golden").ref == "cells@golden"
    assert filled.untag("cells", "golden").tags == ()
    filled.describe("cells", "red and white")
    filled.rename("cells", "blood")
    shown = filled.show("blood")
    assert (shown.kind, shown.facts["description"]) == ("project", "red and white")
    assert filled.delete("blood") == "project"
    with pytest.raises(NotFound):
        filled.versions("blood")


def test_a_copy_is_merged_back_with_choices(filled: Home) -> None:
    filled.copy("cells@1", "side")
    filled.transform("drop_classes", "side", to="side", params={"classes": "spot"})
    assert filled.plan_merge("cells", "side").is_fast_forward
    filled.transform("rename_classes", "cells", to="cells", params={"names": "spot=dot"})
    conflicts = filled.merge("cells", "side").conflicts
    assert conflicts
    merged = filled.merge("cells", "side", choices={c.key: Side.OURS for c in conflicts}, message="both")
    assert (merged.created, filled.versions("cells")[0].message) == (True, "both")


def test_a_checkout_is_edited_and_synced(filled: Home, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    assert filled.checkout("cells@1", folder).item_count == 10
    assert filled.status(folder).is_clean
    next(folder.rglob("a.jpg")).unlink()
    assert [change.kind for change in filled.status(str(folder)).changes] == [ChangeKind.REMOVED]
    with pytest.raises(Conflict):
        filled.checkout("cells@1", folder)
    synced = filled.sync(folder, message="without")
    assert (synced.items_removed, synced.version) == (1, 2)


def test_an_export_is_a_folder_of_files(filled: Home, tmp_path: Path) -> None:
    assert filled.export("cells@1", tmp_path / "yolo").item_count == 10
    assert list((tmp_path / "yolo").rglob("*.txt"))


def test_the_home_is_cared_for(filled: Home, tmp_path: Path) -> None:
    verified = filled.verify()
    assert (verified.ok, verified.problems) == (True, ())
    assert filled.backup(tmp_path / "backup").ok
    with open_home(tmp_path / "backup") as backup:
        assert len(backup.open_data("cells@1")) == 10
    assert filled.verify(repair_from=tmp_path / "backup").repaired == 0
    assert filled.stats().items == 10
    filled.delete("cells")
    assert filled.collect(grace_s=0).freed_bytes > 0
    assert filled.collect(is_dry_run=False, grace_s=0).live_bytes == 0


def test_operations_are_listed_with_their_parameters(home: Home) -> None:
    found = {operation.name: operation for operation in home.operations()}
    assert {param.name for param in found["split"].params} >= {"train", "val"}


def test_an_observer_is_told_and_may_stop_the_work(home: Home, voc: Path) -> None:
    observer = KeepingObserver()
    home.import_folder(voc, "cells", observer=observer)
    assert observer.steps
    with pytest.raises(Cancelled):
        home.import_folder(voc, "others", observer=StoppingObserver(looks_left=2))


def test_threads_share_one_home(filled: Home) -> None:
    failed: list[BaseException] = []

    def commit(number: int) -> None:
        try:
            filled.copy("cells@1", f"copy-{number}")
            filled.tag(f"copy-{number}@1", "first")
        except BaseException as error:  # noqa: BLE001 - a thread of a test hands over whatever it met
            failed.append(error)

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == []
    assert len(filled.projects()) == 7


def test_a_closed_home_says_so(filled: Home) -> None:
    items = filled.open_data("cells@1")
    looking = iter(items)
    next(looking)
    filled.close()
    for use in (filled.projects, lambda: items[0], lambda: list(items)):
        with pytest.raises(InvalidInput, match="was closed"):
            use()
    filled.close()  # twice does no harm


def test_a_project_is_checked_and_what_needs_no_eye_is_fixed(filled: Home) -> None:
    found = filled.check("cells@1", is_near=True)
    assert (found.items, found.images_not_compared) == (10, 0)
    copies = next(finding for finding in found.findings if finding.kind == "duplicate_image")
    made = filled.fix("cells", "duplicate_image")
    assert (made.created, made.version, len(made.dropped)) == (True, 2, copies.count)
    assert filled.undo("cells").verb == "check"
    with pytest.raises(InvalidInput, match="ghost"):
        filled.fix("cells", "ghost")
