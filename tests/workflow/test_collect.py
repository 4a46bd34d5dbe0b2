"""What a collect keeps and what it lets go, alone and among other processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import mlwf_tui
from mlwf_tui.entities.run import ArtifactKind, ArtifactRef, RunState
from mlwf_tui.errors import Busy, CorruptData
from mlwf_tui.store.collect import MAX_DEAD_SHARE
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.transform import transform
from mlwf_tui.workflow.undo import redo, undo
from mlwf_tui.workflow.verify import verify
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.filling import flip, list_packs, make_blob, write_model, write_version

ROOT = Path(mlwf_tui.__file__).parents[1]
OLD = {"old.jpg": make_blob(1), "shared.jpg": make_blob(2)}
NEW = {"new.jpg": make_blob(3), "shared.jpg": make_blob(2)}
StartPython = Callable[..., "subprocess.Popen[str]"]


def has(workspace: Workspace, seed: int) -> bool:
    return workspace.store.contains(compute_digest(make_blob(seed)))


def clear(workspace: Workspace, grace_s: float = 0.0) -> int:
    """Collect, check that all is well, and return how many bytes were freed."""
    result = collect(workspace, KeepingObserver(), is_dry_run=False, grace_s=grace_s)
    assert result.problems == ()
    found = verify(workspace, KeepingObserver())
    assert found.ok, found.problems
    return result.freed_bytes


def test_versions_keep_all_that_they_name(workspace: Workspace) -> None:
    write_version(workspace, "cells", OLD)
    write_version(workspace, "cells", NEW)
    assert clear(workspace) == 0
    assert has(workspace, 1)


def test_a_deleted_project_goes_after_its_grace_and_what_it_shares_stays(workspace: Workspace) -> None:
    write_version(workspace, "cells", OLD)
    write_version(workspace, "other", NEW)
    workspace.catalog.projects.delete(workspace.catalog.projects.get("cells").id)
    assert clear(workspace, grace_s=3600) == 0
    assert has(workspace, 1)
    assert clear(workspace) > 5000
    assert [has(workspace, seed) for seed in (1, 2, 3)] == [False, True, True]


def test_a_deleted_version_goes_and_its_project_stays(workspace: Workspace) -> None:
    first = write_version(workspace, "cells", OLD)
    write_version(workspace, "cells", NEW)
    workspace.catalog.versions.delete(first.id)
    assert clear(workspace, grace_s=3600) == 0
    project = workspace.catalog.projects.get("cells")
    workspace.catalog.projects._heads.discard(project.id, "done")  # type: ignore[arg-type]
    assert clear(workspace) > 0
    assert [has(workspace, seed) for seed in (1, 2, 3)] == [False, True, True]


def test_what_undo_and_redo_can_reach_stays(workspace: Workspace) -> None:
    first = write_version(workspace, "cells", OLD)
    second = write_version(workspace, "cells", NEW)
    for version in (first, second):
        workspace.catalog.versions.delete(version.id)
    clear(workspace)
    assert undo(workspace, "cells").item_count == 2
    clear(workspace)
    assert [has(workspace, seed) for seed in (1, 2, 3)] == [True, True, True]
    assert redo(workspace, "cells").item_count == 2
    undo(workspace, "cells")
    undo(workspace, "cells")
    clear(workspace)
    assert [has(workspace, seed) for seed in (1, 2, 3)] == [True, True, True]


def test_a_head_that_is_replaced_for_good_goes_after_its_grace(workspace: Workspace) -> None:
    version = write_version(workspace, "cells", OLD)
    undo(workspace, "cells")
    write_version(workspace, "cells", NEW)  # what was undone can no longer be redone
    workspace.catalog.versions.delete(version.id)
    assert clear(workspace, grace_s=3600) == 0
    assert clear(workspace) > 0
    assert not has(workspace, 1)


def test_models_keep_their_weights_until_they_are_deleted(workspace: Workspace) -> None:
    model = write_model(workspace, "net", make_blob(9, 3 << 20))
    assert clear(workspace) == 0
    workspace.catalog.models.delete(model.id)
    assert clear(workspace, grace_s=3600) == 0
    assert clear(workspace) > 3 << 20


def test_what_an_unfinished_run_reads_stays(workspace: Workspace) -> None:
    version = write_version(workspace, "cells", OLD)
    settings = workspace.settings
    run = workspace.catalog.runs.create(
        "train", params={}, seed=0, author="", workspace=settings.workspace, environment={},
        state=RunState.QUEUED,
    )  # fmt: skip
    workspace.catalog.runs.add_input(run.id, ArtifactRef(ArtifactKind.VERSION, version.id))
    workspace.catalog.projects.delete(version.project_id)
    clear(workspace)
    assert has(workspace, 1)
    workspace.catalog.runs.finish(run.id, RunState.STOPPED, result={})
    clear(workspace)
    assert not has(workspace, 1)


def test_what_a_failed_run_left_behind_goes(workspace: Workspace) -> None:
    with suppress(ZeroDivisionError), record(workspace, "fill", params={}) as run:
        with run.writer() as writer:
            writer.put(make_blob(1))
        raise ZeroDivisionError
    assert has(workspace, 1)
    assert clear(workspace) > 5000
    assert not has(workspace, 1)


def test_a_dry_run_says_what_would_go_and_lets_all_stay(workspace: Workspace) -> None:
    version = write_version(workspace, "cells", OLD)
    workspace.catalog.projects.delete(version.project_id)
    before = list_packs(workspace.home)
    planned = collect(workspace, KeepingObserver(), grace_s=0)
    assert planned.freed_bytes > 10_000
    assert list_packs(workspace.home) == before
    assert clear(workspace) == planned.freed_bytes


def test_a_manifest_that_cannot_be_read_lets_nothing_go(workspace: Workspace) -> None:
    gone = write_version(workspace, "gone", OLD)
    write_version(workspace, "cells", NEW)
    workspace.catalog.projects.delete(gone.project_id)
    for pack in list_packs(workspace.home):
        flip(pack, pack.stat().st_size - 120)
        flip(pack, 16 + 44 + 3)
    before = list_packs(workspace.home)
    with pytest.raises(CorruptData, match="nothing is deleted"):
        collect(workspace, KeepingObserver(), is_dry_run=False, grace_s=0)
    assert list_packs(workspace.home) == before


def test_a_recipe_whose_result_was_collected_is_followed_anew(
    imported: Workspace, observer: KeepingObserver
) -> None:
    def follow() -> bool:
        done = transform(imported, "flip", ["cells"], to="flipped", params={}, observer=observer)
        return done.cached

    assert not follow()
    assert follow()
    imported.catalog.projects.delete(imported.catalog.projects.get("flipped").id)
    clear(imported)
    assert not follow()
    assert follow()
    clear(imported)


def test_a_run_that_is_open_makes_a_collect_busy(workspace: Workspace) -> None:
    version = write_version(workspace, "cells", OLD)
    workspace.catalog.projects.delete(version.project_id)
    with record(workspace, "fill", params={}), pytest.raises(Busy):
        collect(workspace, KeepingObserver(), is_dry_run=False, grace_s=0, timeout_s=0.05)
    assert clear(workspace) > 0


def test_bytes_that_an_open_run_relies_on_are_there_when_it_names_them(workspace: Workspace) -> None:
    """A run finds bytes in the store that nothing names, does not put them again, and names them late."""
    version = write_version(workspace, "gone", OLD)
    workspace.catalog.projects.delete(version.project_id)
    with suppress(Busy), record(workspace, "fill", params={}) as run:
        with run.writer() as writer:
            writer.put(OLD["old.jpg"])  # it is there already
        with pytest.raises(Busy):
            collect(workspace, KeepingObserver(), is_dry_run=False, grace_s=0, timeout_s=0.05)
    write_version(workspace, "cells", OLD)
    clear(workspace)
    assert has(workspace, 1)


def test_no_verb_writes_to_the_store_behind_its_run() -> None:
    """A writer of a verb comes from its run, which holds the store until the catalog names the bytes."""
    allowed = {"recorder.py", "projects.py", "reading_hand.py", "making_hand.py"}  # hands are part of a run
    files = (ROOT / "mlwf_tui" / "workflow").glob("*.py")
    assert {path.name for path in files if "store.writer(" in path.read_text("utf-8")} <= allowed


# --- with other processes --------------------------------------------------------------------------

START = """
import sys
from pathlib import Path
from mlwf_tui.errors import Busy, NotFound
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workspace import open_workspace
from mlwf_tui.store.manifests import iter_items
from tests.fakes.observers import KeepingObserver
from tests.filling import make_blob, write_version
with open_workspace(Path(sys.argv[1])) as workspace:
    start, rounds = int(sys.argv[2]), int(sys.argv[3])
"""
COLLECT = """
    busy = 0
    for _ in range(rounds):
        try:
            collect(workspace, KeepingObserver(), is_dry_run=False, grace_s=0, timeout_s=1)
        except Busy:
            busy += 1
    print("busy", busy)
"""
WRITE = """
    for round in range(rounds):
        name = f"p{start}"
        # A version that stays, and one that is dead at once; both share an image with other writers.
        kept = write_version(workspace, name, {"s.jpg": make_blob(1), "o.jpg": make_blob(start + round)})
        dead = {"s.jpg": make_blob(2), "g.jpg": make_blob(10 * (start + round))}
        gone = write_version(workspace, f"{name}x", dead)
        workspace.catalog.projects.delete(gone.project_id)
    print("versions", kept.number)
"""
READ = """
    version = workspace.catalog.versions.get(workspace.catalog.projects.get("cells").id, 1)
    count = 0
    for _ in range(rounds):
        for item in iter_items(workspace.store, version.manifest):
            assert len(workspace.store.read(item.blob)) == item.size_bytes
            count += 1
    print("read", count)
"""


@pytest.fixture
def start_python(workspace: Workspace) -> Iterator[StartPython]:
    """Start a process on the home; it is killed at the end if it still lives."""
    started: list[subprocess.Popen[str]] = []

    def start(body: str, number: int, rounds: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", START + body, str(workspace.home), str(number), str(rounds)],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.strip()


def test_writers_and_collectors_at_once_lose_nothing(workspace: Workspace, start_python: StartPython) -> None:
    writers = [start_python(WRITE, start, 12) for start in (1000, 2000)]
    collectors = [start_python(COLLECT, 0, 6) for _ in range(2)]
    assert [finish(process) for process in writers] == ["versions 12", "versions 12"]
    for process in collectors:
        assert finish(process).startswith("busy")
    clear(workspace)
    for start in (1000, 2000):
        assert all(has(workspace, start + round) for round in range(12))
    # What was put together while it lived may leave a few dead bytes in a large pack.
    left = collect(workspace, KeepingObserver(), is_dry_run=True, grace_s=0)
    assert left.freed_bytes == 0
    assert left.dead_bytes <= MAX_DEAD_SHARE * workspace.store.read_stats().stored_bytes


def test_a_reader_is_not_disturbed_by_collects(workspace: Workspace, start_python: StartPython) -> None:
    write_version(workspace, "cells", {f"{n}.jpg": make_blob(n) for n in range(30)})
    reader = start_python(READ, 0, 40)
    for number in range(8):  # each makes the packs of the last one worth rewriting
        gone = write_version(workspace, "gone", {f"{n}.jpg": make_blob(n) for n in range(number, 60)})
        workspace.catalog.projects.delete(gone.project_id)
        with suppress(Busy):
            collect(workspace, KeepingObserver(), is_dry_run=False, grace_s=0, timeout_s=1)
    assert finish(reader) == "read 1200"
    clear(workspace)


def test_the_grace_is_counted_from_now(workspace: Workspace) -> None:
    version = write_version(workspace, "cells", OLD)
    workspace.catalog.projects.delete(version.project_id)
    later = datetime.now(UTC) + timedelta(hours=1)
    titles = [root.title for root in workspace.catalog.roots.read(since=later)]
    assert titles == []
    assert "cells@1" in [
        root.title for root in workspace.catalog.roots.read(since=later - timedelta(hours=2))
    ]
