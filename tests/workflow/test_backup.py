"""A backup opens like a home, costs only what is new, and survives whatever ends it."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from blake3 import blake3

import mlwf_tui
from mlwf_tui.catalog.copies import copy_catalog
from mlwf_tui.catalog.faults import copying
from mlwf_tui.entities.layout import MonitorLayout
from mlwf_tui.errors import Busy, Conflict, CorruptData, InvalidParameter, StorageFailed
from mlwf_tui.logs.log_file import LogFile
from mlwf_tui.logs.rotation import rotate
from mlwf_tui.store.format import RECORD_HEADER_BYTES
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.store.packs import read_footer
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.backup import BackupResult, backup
from mlwf_tui.workflow.collect import collect
from mlwf_tui.workflow.personal.layouts import read_layout, write_layout
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.verify import verify
from mlwf_tui.workspace import Workspace, open_workspace
from tests.fakes.observers import KeepingObserver
from tests.filling import flip, list_packs, make_blob, write_model, write_version

ROOT = Path(mlwf_tui.__file__).parents[1]
IMAGES = {f"{number}.jpg": make_blob(number) for number in range(10)}


def save(workspace: Workspace, folder: Path) -> BackupResult:
    result = backup(workspace, folder, KeepingObserver())
    assert result.ok, result.problems
    return result


def read_home(home: Path) -> dict[str, dict[str, bytes]]:
    """Return the images of all versions of a home, which is verified first, and model weights."""
    with open_workspace(home) as workspace:
        found = verify(workspace, KeepingObserver())
        assert found.ok, found.problems
        contents = {}
        for project in workspace.catalog.projects.list():
            for version in workspace.catalog.versions.list(project.id):
                items = iter_items(workspace.store, version.manifest)
                contents[version.ref] = {item.name: workspace.store.read(item.blob) for item in items}
        for model in workspace.catalog.models.list():
            contents[model.name] = {c.name: workspace.store.read(c.blob) for c in model.checkpoints}
        return contents


def read_lines(path: Path, *rows: int) -> list[str]:
    """Return these lines of a log, whatever of it is in parts."""
    with closing(LogFile(path)) as log:
        log.read_appended()
        return [log.read_line(row).text for row in rows]


def has_record(pack: Path, digest: bytes) -> bool:
    return any(record.digest == digest for record in read_footer(pack).records)


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    write_version(workspace, "cells", IMAGES)
    write_model(workspace, "net", make_blob(99, 3 << 20))
    folder = workspace.run_folder("0123")
    folder.mkdir(parents=True)
    (folder / "log").write_text("one\n")
    (workspace.home / "settings.toml").write_text('author = "ada"\n')
    return workspace


def test_a_backup_is_a_home_with_the_same_content(filled: Workspace, tmp_path: Path) -> None:
    result = save(filled, tmp_path / "copy")
    assert result.packs_copied == len(list_packs(filled.home))
    assert (result.files_copied, result.packs_removed) == (2, 0)
    assert read_home(tmp_path / "copy") == read_home(filled.home)
    assert (tmp_path / "copy" / "runs" / "0123" / "log").read_text() == "one\n"
    with open_workspace(tmp_path / "copy") as copy:
        assert copy.settings.author == "ada"


def test_backing_the_backup_up_restores(filled: Workspace, tmp_path: Path) -> None:
    save(filled, tmp_path / "copy")
    expected = read_home(filled.home)
    with open_workspace(tmp_path / "copy") as copy:
        save(copy, tmp_path / "restored")
    assert read_home(tmp_path / "restored") == expected
    with open_workspace(tmp_path / "restored") as restored:  # which then goes on in its place
        write_version(restored, "cells", {"a.jpg": make_blob(50)})
        save(restored, tmp_path / "copy")
    assert len(read_home(tmp_path / "copy")) == len(expected) + 1


def test_a_second_backup_copies_what_is_new(filled: Workspace, tmp_path: Path) -> None:
    save(filled, tmp_path / "copy")
    again = save(filled, tmp_path / "copy")
    assert (again.packs_copied, again.copied_bytes, again.files_copied) == (0, 0, 0)
    write_version(filled, "cells", {**IMAGES, "new.jpg": make_blob(60)})
    (filled.run_folder("0123") / "log").write_text("one\ntwo\n")
    third = save(filled, tmp_path / "copy")
    assert (third.packs_copied, third.files_copied) == (1, 1)
    assert read_home(tmp_path / "copy") == read_home(filled.home)
    assert (tmp_path / "copy" / "runs" / "0123" / "log").read_text() == "one\ntwo\n"


def test_what_the_home_has_collected_goes_from_the_backup_too(filled: Workspace, tmp_path: Path) -> None:
    write_version(filled, "gone", {**IMAGES, **{f"x{n}.jpg": make_blob(100 + n) for n in range(10)}})
    save(filled, tmp_path / "copy")
    filled.catalog.projects.delete(filled.catalog.projects.get("gone").id)
    collect(filled, KeepingObserver(), is_dry_run=False, grace_s=0)
    assert save(filled, tmp_path / "copy").packs_removed >= 1
    names = [{pack.name for pack in list_packs(home)} for home in (filled.home, tmp_path / "copy")]
    assert names[0] == names[1]
    assert read_home(tmp_path / "copy") == read_home(filled.home)


def test_the_last_copy_of_what_the_home_has_lost_stays(filled: Workspace, tmp_path: Path) -> None:
    save(filled, tmp_path / "copy")
    expected = read_home(filled.home)
    home = filled.home
    max(list_packs(home), key=lambda pack: pack.stat().st_size).unlink()
    with open_workspace(home) as crippled:
        result = backup(crippled, tmp_path / "copy", KeepingObserver())
        assert (result.ok, result.packs_removed) == (False, 0)
        assert read_home(tmp_path / "copy") == expected
        assert verify(crippled, KeepingObserver(), repair_from=tmp_path / "copy").ok
        save(crippled, tmp_path / "copy")
    assert read_home(tmp_path / "copy") == read_home(home) == expected


def test_of_a_damaged_pack_what_is_sound_is_copied(filled: Workspace, tmp_path: Path) -> None:
    image = blake3(IMAGES["0.jpg"]).digest()
    pack = next(path for path in list_packs(filled.home) if has_record(path, image))
    lost, *rest = read_footer(pack).records
    flip(pack, lost.offset + RECORD_HEADER_BYTES)
    for _ in range(2):  # once more adds nothing
        result = backup(filled, tmp_path / "copy", KeepingObserver())
        assert not result.ok
        assert f"{len(rest)} of its {len(rest) + 1} records were copied" in result.problems[0].reason
        copies = list_packs(tmp_path / "copy")
        assert len(copies) == len(list_packs(filled.home))
        with Store(tmp_path / "copy" / "store") as copy:
            assert copy.find_missing([record.digest for record in (lost, *rest)]) == {lost.digest}
            assert all(copy.read_record(record.digest) for record in rest)
    with open_workspace(tmp_path / "copy") as copied:  # nothing else is wrong there
        assert all("missing" in problem.reason for problem in verify(copied, KeepingObserver()).problems)
    flip(pack, lost.offset + RECORD_HEADER_BYTES)
    assert save(filled, tmp_path / "copy").packs_removed == 1  # the pack of what was sound
    assert read_home(tmp_path / "copy") == read_home(filled.home)


def test_only_what_was_copied_is_counted(filled: Workspace, tmp_path: Path) -> None:
    pack = max(list_packs(filled.home), key=lambda pack: pack.stat().st_size)
    pack.write_bytes(b"nothing")
    result = backup(filled, tmp_path / "copy", KeepingObserver())
    copies = list_packs(tmp_path / "copy")
    assert result.packs_copied == len(copies) == len(list_packs(filled.home)) - 1
    assert result.copied_bytes == sum(copy.stat().st_size for copy in copies)


def test_what_was_there_already_is_told_and_not_read(filled: Workspace, tmp_path: Path) -> None:
    first = save(filled, tmp_path / "copy")
    flip(list_packs(tmp_path / "copy")[0], 60)
    again = save(filled, tmp_path / "copy")
    assert (first.packs_kept, again.packs_kept) == (0, first.packs_copied)
    with open_workspace(tmp_path / "copy") as copy:
        assert not verify(copy, KeepingObserver()).ok


def test_a_pack_of_sound_records_that_is_damaged_between_them_is_whole_in_the_backup(
    filled: Workspace, tmp_path: Path
) -> None:
    pack = max(list_packs(filled.home), key=lambda pack: pack.stat().st_size)
    expected = pack.read_bytes()
    flip(pack, 30)  # in the head of its first record, which the table repeats
    result = backup(filled, tmp_path / "copy", KeepingObserver())
    assert [problem.path for problem in result.problems] == [f"packs/{pack.name}"]
    assert (tmp_path / "copy" / "store" / "packs" / pack.name).read_bytes() == expected
    flip(pack, 30)
    assert read_home(tmp_path / "copy") == read_home(filled.home)


def test_a_rotated_log_takes_no_more_room_in_the_copy_and_reads_the_same(
    filled: Workspace, tmp_path: Path
) -> None:
    log = filled.run_folder("0123") / "log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(200_000)))
    assert rotate(log, 512 << 10) >= 3
    expected = ["line 0", "line 100000", "line 199999"]
    assert read_lines(log, 0, 100_000, 199_999) == expected
    save(filled, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy:
        save(copy, tmp_path / "restored")
    for home in (tmp_path / "copy", tmp_path / "restored"):
        copied = home / "runs" / "0123" / "log"
        assert copied.stat().st_size == log.stat().st_size
        assert _count_data(copied) <= _count_data(log)
        assert read_lines(copied, 0, 100_000, 199_999) == expected
    with log.open("ab") as file:
        file.write(b"more\n")
    assert save(filled, tmp_path / "copy").files_copied == 1


def test_a_log_that_is_rotated_while_it_is_copied_is_whole_in_the_copy(
    filled: Workspace, tmp_path: Path
) -> None:
    log = filled.run_folder("0123") / "log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(100_000)))

    class Rotating(KeepingObserver):
        """Rotates the log at each look: before the log is copied, and before its parts are."""

        def check_cancelled(self) -> None:
            rotate(log, 200 << 10)

    backup(filled, tmp_path / "copy", Rotating())
    copied = tmp_path / "copy" / "runs" / "0123" / "log"
    assert read_lines(copied, 0, 50_000, 99_999) == ["line 0", "line 50000", "line 99999"]


def test_how_a_person_has_laid_out_the_monitor_is_in_the_backup(filled: Workspace, tmp_path: Path) -> None:
    layout = MonitorLayout(smoothing=0.6)
    with open_workspace(filled.home) as home:  # as who is named in its settings
        write_layout(home, layout)
    save(filled, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy:
        assert read_layout(copy) == layout


def test_checkpoints_of_a_fit_that_can_go_on_are_in_the_backup_until_it_is_over(
    filled: Workspace, tmp_path: Path
) -> None:
    weights = filled.run_folder("0123") / "fit" / "weights"
    weights.mkdir(parents=True)
    (weights / "last.pt").write_bytes(b"epoch 3")
    (weights / "before.pt").write_bytes(b"epoch 2")
    copied = tmp_path / "copy" / "runs" / "0123" / "fit" / "weights"
    save(filled, tmp_path / "copy")
    assert (copied / "last.pt").read_bytes() == b"epoch 3"
    (weights / "before.pt").unlink()
    save(filled, tmp_path / "copy")
    assert [path.name for path in copied.iterdir()] == ["last.pt"]
    shutil.rmtree(weights.parent)
    save(filled, tmp_path / "copy")
    assert not copied.parent.exists()
    assert (copied.parent.parent / "log").exists()


def test_what_only_means_something_to_a_living_job_is_not_in_the_backup(
    filled: Workspace, tmp_path: Path
) -> None:
    for name in ("lock", "control-12.json", "frozen-12.json"):
        (filled.run_folder("0123") / name).write_text("{}")
    save(filled, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy" / "runs" / "0123").iterdir()] == ["log"]


def test_an_open_catalog_of_the_copy_is_brought_up_to_date(filled: Workspace, tmp_path: Path) -> None:
    save(filled, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy:
        assert len(copy.catalog.projects.list()) == 1
        write_version(filled, "more", {"a.jpg": make_blob(70)})
        save(filled, tmp_path / "copy")
        assert [project.name for project in copy.catalog.projects.list()] == ["cells", "more"]
    assert read_home(tmp_path / "copy") == read_home(filled.home)


def test_a_log_that_a_dead_reader_of_the_copy_left_does_no_harm(filled: Workspace, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    save(filled, copy)
    with open_workspace(copy) as opened:
        opened.catalog.runs.create(
            "export", params={}, seed=None, author="", workspace="default", environment={}
        )
        for part in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
            shutil.copy(copy / part, tmp_path / part)
    with sqlite3.connect(copy / "catalog.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    for part in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
        shutil.move(tmp_path / part, copy / part)
    write_version(filled, "more", {"a.jpg": make_blob(70)})
    save(filled, copy)
    assert read_home(copy) == read_home(filled.home)


@pytest.mark.parametrize("place", [".", "store/copy", ".."])
def test_a_folder_in_the_home_or_around_it_is_refused(filled: Workspace, place: str) -> None:
    with pytest.raises(InvalidParameter):
        backup(filled, filled.home / place, KeepingObserver())


def test_a_link_into_the_home_is_refused(filled: Workspace, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(filled.home)
    with pytest.raises(InvalidParameter):
        backup(filled, tmp_path / "link" / "copy", KeepingObserver())


def test_another_home_is_refused_and_left_alone(filled: Workspace, tmp_path: Path) -> None:
    with open_workspace(tmp_path / "other") as other:
        write_version(other, "theirs", {"a.jpg": make_blob(80)})
    with pytest.raises(Conflict):
        backup(filled, tmp_path / "other", KeepingObserver())
    assert list(read_home(tmp_path / "other")) == ["theirs@1"]


def test_a_copy_that_was_worked_in_is_refused(filled: Workspace, tmp_path: Path) -> None:
    save(filled, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy:
        write_version(copy, "cells", {"mine.jpg": make_blob(81)})
    write_version(filled, "cells", {"a.jpg": make_blob(82)})
    with pytest.raises(Conflict, match=r"worked: its last change, version\.created of ") as told:
        backup(filled, tmp_path / "copy", KeepingObserver())
    assert f"mv {tmp_path / 'copy'} " in told.value.hint
    assert "mine.jpg" in read_home(tmp_path / "copy")["cells@2"]


def test_a_copy_from_which_was_exported_is_still_ours(filled: Workspace, tmp_path: Path) -> None:
    save(filled, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy, record(copy, "export", params={}) as run:
        run.write_folder("/somewhere")
    write_version(filled, "cells", {"a.jpg": make_blob(82)})
    save(filled, tmp_path / "copy")
    assert "cells@2" in read_home(tmp_path / "copy")


def test_a_copy_in_which_another_run_was_noted_is_refused(filled: Workspace, tmp_path: Path) -> None:
    save(filled, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy, record(copy, "shrink", params={}):
        pass
    with pytest.raises(Conflict, match=r"run\.created"):
        backup(filled, tmp_path / "copy", KeepingObserver())


def test_a_full_disk_is_that_of_the_copy(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "copy.sqlite")
    with (
        closing(connection),
        pytest.raises(StorageFailed, match=r"copy\.sqlite is full"),
        copying(tmp_path / "catalog.sqlite", tmp_path / "copy.sqlite"),
    ):
        connection.execute("PRAGMA max_page_count = 2")
        connection.executescript("CREATE TABLE a (b); CREATE TABLE c (d); CREATE TABLE e (f)")


def test_damage_of_a_catalog_is_one_sentence(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as connection:
        connection.executescript("CREATE TABLE a (b); CREATE TABLE c (d)")
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    with (tmp_path / "catalog.sqlite").open("r+b") as file:
        file.seek(page_bytes)
        file.write(bytes(100))
    with pytest.raises(CorruptData, match=r"is damaged: [^\n*]+\.$"):
        copy_catalog(tmp_path / "catalog.sqlite", tmp_path / "copy.sqlite")


def test_a_copy_whose_lost_runs_were_noted_is_still_ours(filled: Workspace, tmp_path: Path) -> None:
    run = filled.catalog.runs.create(
        "train", params={}, seed=0, author="", workspace="default", environment={}
    )
    save(filled, tmp_path / "copy")
    with open_workspace(tmp_path / "copy") as copy:
        copy.catalog.runs.finish(run.id, run.state.LOST, result={})
    save(filled, tmp_path / "copy")


@pytest.mark.parametrize("content", [b"hello", b"SQLite format 3\0" + bytes(84)])
def test_a_folder_with_something_else_is_refused(filled: Workspace, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "catalog.sqlite").write_bytes(content)
    with pytest.raises(Conflict):
        backup(filled, tmp_path / "photos", KeepingObserver())
    assert (tmp_path / "photos" / "catalog.sqlite").read_bytes() == content


def test_a_database_of_another_program_is_refused(filled: Workspace, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with sqlite3.connect(tmp_path / "photos" / "catalog.sqlite") as connection:
        connection.execute("CREATE TABLE migration (number, applied_at)")
    connection.close()
    with pytest.raises(Conflict):
        backup(filled, tmp_path / "photos", KeepingObserver())


def test_what_the_first_step_of_a_killed_backup_leaves_is_no_content(
    filled: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "backup.json.new").write_text("{")
    save(filled, tmp_path / "copy")
    assert not (tmp_path / "copy" / "backup.json.new").exists()


def test_a_file_is_refused(filled: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidParameter):
        backup(filled, tmp_path / "file", KeepingObserver())


def test_two_backups_to_one_folder_do_not_mix(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(filled, tmp_path / "copy")
    monkeypatch.setattr("mlwf_tui.store.store.COLLECTOR_TIMEOUT_S", 0.05)
    with Store(tmp_path / "copy" / "store") as store, store.hold_care(), pytest.raises(Busy):
        backup(filled, tmp_path / "copy", KeepingObserver())


BACK_UP = """
import sys
from contextlib import closing
from pathlib import Path
from mlwf_tui.workflow.backup import backup
from mlwf_tui.workspace import open_workspace
from tests.fakes.observers import KeepingObserver
with open_workspace(Path(sys.argv[1])) as workspace:
    print("begin", flush=True)
    backup(workspace, Path(sys.argv[2]), KeepingObserver())
"""


def kill_backup(home: Path, folder: Path, delay_s: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BACK_UP, str(home), str(folder)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begin\n"
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(60)


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_leaves_the_former_backup_and_the_next_one_goes_on(
    filled: Workspace, tmp_path: Path, seed: int
) -> None:
    copy, dice = tmp_path / "copy", random.Random(seed)
    save(filled, copy)
    before = read_home(copy)
    write_model(filled, "large", make_blob(7, 20 << 20))
    write_version(filled, "cells", {"a.jpg": make_blob(90)})
    after = read_home(filled.home)
    kill_backup(filled.home, copy, dice.uniform(0.0, 0.12))
    assert read_home(copy) in (before, after)
    save(filled, copy)
    assert read_home(copy) == after
    assert not list(copy.rglob("*.part"))


@pytest.mark.parametrize("seed", range(4))
def test_a_first_backup_that_was_killed_can_be_gone_on_with(
    filled: Workspace, tmp_path: Path, seed: int
) -> None:
    write_model(filled, "large", make_blob(7, 20 << 20))
    kill_backup(filled.home, tmp_path / "copy", random.Random(seed).uniform(0.0, 0.1))
    save(filled, tmp_path / "copy")
    assert read_home(tmp_path / "copy") == read_home(filled.home)


def _count_data(path: Path) -> int:
    """Return how many bytes of a file are no hole; blocks would count the file system's own as well."""
    size, at, count = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError as error:  # a hole up to the end
                assert error.errno == errno.ENXIO
                break
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            count, at = count + end - at, end
    return count
