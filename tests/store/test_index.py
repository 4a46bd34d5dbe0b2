"""An index that a crash, a disk or a person has spoilt: the store opens again, and nothing is lost."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import MlwfError
from mlwf_tui.store.index import Index
from mlwf_tui.store.store import Store
from tests.fakes.observers import KeepingObserver

BLOBS = [random.Random(seed).randbytes(3000) for seed in range(12)]
PARTS = ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm")


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A store as a power cut leaves it: copied while it was open, its last packs in the log alone."""
    folder = tmp_path / "live"
    with Store(folder) as store:
        for start in range(0, len(BLOBS), 3):
            with store.writer() as writer:
                for blob in BLOBS[start : start + 3]:
                    writer.put(blob)
        assert (folder / "index.sqlite-wal").stat().st_size > 0
        shutil.copytree(folder, tmp_path / "torn")
    return tmp_path / "torn"


def assert_whole(folder: Path) -> None:
    with Store(folder) as store:
        assert [store.read(Digest(blake3(blob).hexdigest())) for blob in BLOBS] == BLOBS
        assert store.verify(KeepingObserver()).ok
        with store.writer() as writer:
            digest = writer.put(b"life goes on")
        assert store.read(digest) == b"life goes on"
    assert_reopens(folder, digest)


def assert_reopens(folder: Path, digest: Digest) -> None:
    with Store(folder) as store:
        assert store.read(digest) == b"life goes on"


def test_a_log_that_was_not_played_in_is_played_in(torn: Path) -> None:
    assert_whole(torn)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_a_torn_log_costs_nothing(torn: Path, share: float) -> None:
    log = torn / "index.sqlite-wal"
    content = log.read_bytes()
    log.write_bytes(content[: int(len(content) * share)])
    assert_whole(torn)


def test_a_log_of_garbage_costs_nothing(torn: Path) -> None:
    log = torn / "index.sqlite-wal"
    log.write_bytes(random.Random(5).randbytes(log.stat().st_size))
    assert_whole(torn)


def test_shared_memory_of_garbage_costs_nothing(torn: Path) -> None:
    (torn / "index.sqlite-shm").write_bytes(random.Random(6).randbytes(32768))
    assert_whole(torn)


@pytest.mark.parametrize("part", PARTS)
def test_an_emptied_part_costs_nothing(torn: Path, part: str) -> None:
    (torn / part).write_bytes(b"")
    assert_whole(torn)


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_costs_nothing(torn: Path, part: str) -> None:
    (torn / part).unlink()
    assert_whole(torn)


@pytest.mark.parametrize("part", PARTS)
def test_a_folder_in_the_place_of_a_part_is_moved_away(torn: Path, part: str) -> None:
    (torn / part).unlink()
    (torn / part).mkdir()
    (torn / part / "somebody's").write_bytes(b"file")
    assert_whole(torn)
    assert [path.read_bytes() for path in torn.glob("*.odd/*")] == [b"file"]


@pytest.mark.parametrize("size", [1, 50, 100, 1000, 4096, 6000])
def test_a_cut_index_costs_nothing(torn: Path, size: int) -> None:
    with Store(torn):
        pass  # the log is played in
    with (torn / "index.sqlite").open("r+b") as file:
        file.truncate(size)
    with Store(torn) as store:
        if not store.verify(KeepingObserver()).ok:
            store.rebuild_index()
    assert_whole(torn)


@pytest.mark.parametrize("seed", range(12))
def test_garbage_in_the_index_is_never_a_traceback_and_a_rebuild_mends_it(torn: Path, seed: int) -> None:
    with Store(torn):
        pass
    index = torn / "index.sqlite"
    content = bytearray(index.read_bytes())
    dice = random.Random(seed)
    for _ in range(20):
        start = dice.randrange(len(content))
        content[start : start + 40] = dice.randbytes(min(40, len(content) - start))
    index.write_bytes(content)
    with Store(torn) as store:
        for blob in BLOBS:
            with suppress(MlwfError):
                assert store.read(Digest(blake3(blob).hexdigest())) == blob
        check = store.verify(KeepingObserver())
        assert all(problem.reason for problem in check.problems)
        store.rebuild_index()
    assert_whole(torn)


def test_an_index_of_the_first_format_is_brought_to_this_one(torn: Path) -> None:
    with Store(torn) as store:
        stats = store.read_stats()
    with sqlite3.connect(torn / "index.sqlite") as connection:
        connection.execute("ALTER TABLE packs DROP COLUMN verified_turn")
        connection.execute("ALTER TABLE packs DROP COLUMN is_name_checked")
        connection.execute("DROP TABLE era")
        connection.execute("DROP TABLE damaged")
        connection.execute("DELETE FROM migrations WHERE version > 1")
    connection.close()
    with Store(torn) as store:
        assert store.read_stats() == stats
    assert_whole(torn)


def test_an_era_ends_with_a_loss_and_lasts_through_all_else(tmp_path: Path) -> None:
    with Store(tmp_path / "one") as store:
        era = store.index.read_era()
        with store.writer() as writer:
            writer.put(BLOBS[0])
        assert store.index.read_era() == era
    with Store(tmp_path / "one") as store:
        assert store.index.read_era() == era
        store.path_of(store.index.read_packs()[0].name).unlink()
    with Store(tmp_path / "one") as store:
        later = store.index.read_era()
        store.rebuild_index()
        assert len({era, later, store.index.read_era()}) == 3


def test_what_a_missing_pack_held_is_read_from_the_pack_that_holds_it_as_well(tmp_path: Path) -> None:
    with Store(tmp_path / "one") as one, Store(tmp_path / "other") as other:
        with one.writer() as writer:
            digest = writer.put(BLOBS[0])
        with other.writer() as writer:
            writer.put(BLOBS[0])
            writer.put(BLOBS[1])
    (first,) = (tmp_path / "one" / "packs").glob("*.pack")
    (second,) = (tmp_path / "other" / "packs").glob("*.pack")
    shutil.copy(second, first.parent)
    with Store(tmp_path / "one") as one:  # both are known, the blob is read from the first
        assert one.read_stats().pack_count == 2
    first.unlink()
    with Store(tmp_path / "one") as one:
        assert one.read(digest) == BLOBS[0]
        assert one.verify(KeepingObserver()).ok


def test_it_is_closed_only_when_no_thread_is_in_the_middle_of_a_query(tmp_path: Path) -> None:
    with Store(tmp_path / "store"):
        pass
    index = Index(tmp_path / "store" / "index.sqlite")
    closing = Thread(target=index.close)
    with index._read_lock:  # as a query has it
        closing.start()
        closing.join(0.05)
        assert closing.is_alive()
        assert index._reader.execute("SELECT 1").fetchone() == (1,)
    closing.join(10)
    assert not closing.is_alive()
