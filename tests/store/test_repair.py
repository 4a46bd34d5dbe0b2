"""Damaged packs are replaced by what is sound in them and what a second store has."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.format import Record
from mlwf_tui.store.packs import read_footer
from mlwf_tui.store.repair import repair_packs
from mlwf_tui.store.store import Store
from tests.fakes.observers import KeepingObserver
from tests.filling import flip, make_blob

BLOBS = [*(make_blob(seed) for seed in range(6)), b"text " * 1000, random.Random(9).randbytes(2 << 20)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with one pack, and the same in `backup`."""
    with Store(tmp_path / "store") as store, store.writer() as writer:
        for blob in BLOBS:
            writer.put(blob)
    shutil.copytree(tmp_path / "store", tmp_path / "backup")
    return tmp_path / "store"


def get_pack(folder: Path) -> Path:
    (path,) = folder.glob("packs/*.pack")
    return path


def refuse(digest: bytes) -> tuple[Record, bytes]:
    raise CorruptData("There is no such record.")


def repair(folder: Path) -> int:
    with Store(folder) as store, Store(folder.parent / "backup") as backup:
        check = store.verify(KeepingObserver())
        damaged = {damage.pack for damage in check.damages if not damage.is_of_index}
        missing = {blake3(blob).digest() for blob in BLOBS} - {row[0] for row in store.index.iter_rows()}
        return repair_packs(store, damaged, {*missing, *check.lost}, backup.read_record)


def assert_whole(folder: Path) -> None:
    with Store(folder) as store:
        assert [store.read(Digest(blake3(blob).hexdigest())) for blob in BLOBS] == BLOBS
        assert store.verify(KeepingObserver()).ok


def test_a_damaged_record_is_fetched_and_the_rest_is_kept(folder: Path) -> None:
    pack = get_pack(folder)
    flip(pack, 16 + 44 + 10)
    assert repair(folder) == 1
    assert_whole(folder)
    assert (folder / "damaged" / pack.name).exists()
    assert get_pack(folder).name != pack.name


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.9999])
def test_a_cut_pack_is_mended(folder: Path, share: float) -> None:
    pack = get_pack(folder)
    content = pack.read_bytes()
    pack.write_bytes(content[: int(len(content) * share)])
    repair(folder)
    assert_whole(folder)


def test_a_missing_pack_is_mended(folder: Path) -> None:
    get_pack(folder).unlink()
    assert repair(folder) >= len(BLOBS)
    assert_whole(folder)


def test_a_folder_in_the_place_of_a_pack_is_mended(folder: Path) -> None:
    pack = get_pack(folder)
    pack.unlink()
    pack.mkdir()
    repair(folder)
    assert_whole(folder)


def test_a_pack_whose_end_is_damaged_gives_back_all_without_a_backup(folder: Path) -> None:
    pack = get_pack(folder)
    flip(pack, pack.stat().st_size - 60)  # in the table
    with Store(folder) as store:
        assert repair_packs(store, {pack.stem}, (), refuse) == 0
    assert_whole(folder)


def test_what_nobody_has_is_missing_afterwards_and_the_rest_is_sound(folder: Path) -> None:
    pack = get_pack(folder)
    record = next(record for record in read_footer(pack)[1] if record.digest == blake3(BLOBS[2]).digest())
    flip(pack, record.offset + 44)
    with Store(folder) as store:
        assert repair_packs(store, {pack.stem}, (), refuse) == 0
        assert store.verify(KeepingObserver()).ok
        assert not store.contains(Digest(blake3(BLOBS[2]).hexdigest()))
        assert store.read(Digest(blake3(BLOBS[7]).hexdigest())) == BLOBS[7]


def test_a_damaged_backup_is_not_believed(folder: Path) -> None:
    pack = get_pack(folder)
    flip(pack, 16 + 44 + 10)
    flip(get_pack(folder.parent / "backup"), 16 + 44 + 11)
    assert repair(folder) == 0
    with Store(folder) as store:
        assert not store.contains(Digest(blake3(BLOBS[0]).hexdigest()))
