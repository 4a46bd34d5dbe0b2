"""Which packs a verify reads, and that nothing in them escapes it."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import Cancelled, CorruptData, MlwfError
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.format import RECORD_HEADER_BYTES
from mlwf_tui.store.index import Index
from mlwf_tui.store.inspection import Candidate, Findings, inspect_pack
from mlwf_tui.store.packs import read_footer
from mlwf_tui.store.store import Store
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.filling import flip

COUNT = 10


def put(store: Store, *blobs: bytes) -> list[Digest]:
    with store.writer() as writer:
        return [writer.put(blob) for blob in blobs]


def make_blob(seed: int, size: int = 2000) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of ten packs of one blob each."""
    with Store(tmp_path / "store") as store:
        for seed in range(COUNT):
            put(store, make_blob(seed))
    return tmp_path / "store"


def get_packs(folder: Path) -> list[Path]:
    return sorted(folder.glob("packs/*.pack"))


def count_checked(store: Store, *, share: float = 1.0, is_new_only: bool = False) -> int:
    """Return how many of the packs, which are of one size, a verify reads."""
    found = store.verify(KeepingObserver(), share=share, is_new_only=is_new_only)
    assert found.ok, found.problems
    return found.checked_bytes // get_packs(store.folder)[0].stat().st_size


def test_new_reads_what_was_written_since(folder: Path) -> None:
    with Store(folder) as store:
        assert count_checked(store, is_new_only=True) == COUNT
        assert count_checked(store, is_new_only=True) == 0
        put(store, make_blob(77))
        assert count_checked(store, is_new_only=True) == 1
        assert count_checked(store) == COUNT + 1


def test_what_was_verified_is_known_to_the_next_who_opens_the_store(folder: Path) -> None:
    with Store(folder) as store:
        count_checked(store)
    with Store(folder) as store:
        assert count_checked(store, is_new_only=True) == 0


def test_a_lost_index_means_only_that_all_is_read_again(folder: Path) -> None:
    with Store(folder) as store:
        count_checked(store)
    for path in folder.glob("index.sqlite*"):
        path.unlink()
    with Store(folder) as store:
        assert count_checked(store, is_new_only=True) == COUNT


def test_samples_go_round(folder: Path) -> None:
    with Store(folder) as store:
        read: list[str] = []
        for _ in range(4):
            before = {row.name: row.verified_turn for row in store.index.read_packs()}
            assert count_checked(store, share=0.3) == 3
            read += [row.name for row in store.index.read_packs() if row.verified_turn != before[row.name]]
        assert len(set(read[:9])) == 9
        assert set(read) == {path.stem for path in get_packs(folder)}


def test_a_stopped_verify_goes_on_with_new(folder: Path) -> None:
    with Store(folder) as store:
        with pytest.raises(Cancelled):
            store.verify(StoppingObserver(looks_left=2))
        done = sum(row.verified_turn is not None for row in store.index.read_packs())
        assert 0 < done < COUNT
        assert count_checked(store, is_new_only=True) == COUNT - done


def test_a_damaged_pack_is_never_taken_for_verified(folder: Path) -> None:
    pack = get_packs(folder)[4]
    flip(pack, 500)
    with Store(folder) as store:
        assert len(store.verify(KeepingObserver()).problems) == 1
        again = store.verify(KeepingObserver(), is_new_only=True)
        assert [problem.path for problem in again.problems] == [f"packs/{pack.name}"]
        flip(pack, 500)
        assert count_checked(store, is_new_only=True) == 1


def damage(store: Store, digest: Digest) -> str:
    """Damage a blob where it is read, and return its pack."""
    found = store.index.find(bytes.fromhex(digest))
    assert found is not None
    pack, record = found
    flip(store.path_of(pack), record.offset + RECORD_HEADER_BYTES + 9)
    return pack


def test_what_was_found_damaged_is_stored_again_and_read_from_there(folder: Path) -> None:
    blob = make_blob(70)
    with Store(folder) as store:
        digest = put(store, blob, make_blob(71))[0]
        pack = damage(store, digest)
        put(store, blob)  # nobody knows of the damage yet
        with pytest.raises(CorruptData):
            store.read(digest)
        eras = [store.index.read_era()]
        store.verify(KeepingObserver())
        eras.append(store.index.read_era())
        pack_count = len(get_packs(folder))
        for _ in range(2):
            assert put(store, blob) == [digest]
        assert store.read(digest) == blob
        assert len(get_packs(folder)) == pack_count + 1
        check = store.verify(KeepingObserver())
        assert ({damage.pack for damage in check.damages}, dict(check.lost)) == ({pack}, {})
        eras.append(store.index.read_era())
        assert eras[0] != eras[1] == eras[2]


def test_a_damaged_pack_of_just_what_is_put_is_written_anew(folder: Path) -> None:
    with Store(folder) as store:
        digest = put(store, make_blob(0))[0]
        damage(store, digest)
        with pytest.raises(CorruptData):
            store.read(digest)
        assert not store.verify(KeepingObserver()).ok
        put(store, make_blob(0))
        assert store.read(digest) == make_blob(0)
        assert store.index.find_unstored([bytes.fromhex(digest)]) == set()
        assert store.verify(KeepingObserver()).ok


@pytest.mark.parametrize("seed", range(70, 76))  # the packs come in any order
def test_a_damaged_record_takes_no_sound_ones_place(folder: Path, seed: int) -> None:
    with Store(folder) as store:
        digest = put(store, make_blob(seed), make_blob(seed + 10))[0]
        damage(store, digest)
        store.verify(KeepingObserver())
        put(store, make_blob(seed))
        missing = store.index.find(blake3(make_blob(0)).digest())
        assert missing is not None
        store.path_of(missing[0]).unlink()
    with Store(folder) as store:  # which asks all packs anew what they hold
        assert store.read(digest) == make_blob(seed)


def test_a_pack_that_is_sound_again_is_read_again(folder: Path) -> None:
    with Store(folder) as store:
        pack = get_packs(folder)[4]
        flip(pack, 500)
        assert not store.verify(KeepingObserver()).ok
        flip(pack, 500)
        assert store.verify(KeepingObserver()).ok
        digests = [record.digest for record in read_footer(pack).records]
        assert store.index.find_unstored(digests) == set()


def test_a_pack_that_rots_after_it_was_verified_is_found(folder: Path) -> None:
    with Store(folder) as store:
        count_checked(store)
        flip(get_packs(folder)[0], 300)
        assert not store.verify(KeepingObserver()).ok


def test_each_bit_of_a_small_pack_is_checked(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        put(store, b"raw", b"packed " * 40)
        (pack,) = get_packs(tmp_path / "store")
        assert store.verify(KeepingObserver()).ok
        for offset in range(pack.stat().st_size):
            flip(pack, offset)
            assert not store.verify(KeepingObserver()).ok, offset
            flip(pack, offset)
        assert store.verify(KeepingObserver()).ok


@pytest.mark.parametrize("kind", ["folder", "empty", "missing", "half", "another", "unreadable"])
def test_whatever_becomes_of_a_pack_is_named_and_the_others_are_read(folder: Path, kind: str) -> None:
    packs = get_packs(folder)
    broken = packs[3]
    content = broken.read_bytes()
    with Store(folder) as store:
        broken.unlink()
        match kind:
            case "folder":
                broken.mkdir()
            case "empty":
                broken.write_bytes(b"")
            case "half":
                broken.write_bytes(content[: len(content) // 2])
            case "another":
                broken.write_bytes(packs[5].read_bytes())
            case "unreadable":
                broken.symlink_to(broken)
        check = store.verify(KeepingObserver())
        assert {problem.path for problem in check.problems} == {f"packs/{broken.name}"}
        assert [digest.hex() for digest in check.lost] == [
            blake3(make_blob(seed)).hexdigest() for seed in range(COUNT) if make_blob(seed) in content
        ]
    with Store(folder) as store:  # and it opens with all that is left
        read = []
        for seed in range(COUNT):
            try:
                read.append(store.read(Digest(blake3(make_blob(seed)).hexdigest())))
            except MlwfError:
                read.append(b"")
        assert read == [b"" if make_blob(seed) in content else make_blob(seed) for seed in range(COUNT)]
        if kind != "missing":
            assert not store.verify(KeepingObserver()).ok


def test_a_lost_chunk_takes_its_blob_with_it(tmp_path: Path) -> None:
    large = random.Random(1).randbytes(3 << 20)
    with Store(tmp_path / "store") as store:
        (digest,) = put(store, large)
        (pack,) = get_packs(tmp_path / "store")
        flip(pack, 1 << 20)
        check = store.verify(KeepingObserver())
        assert bytes.fromhex(digest) in check.lost
        assert any(digest in problem.reason for problem in check.problems)


def test_a_fault_in_the_middle_ends_the_inspecting_before_the_index_is_closed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that went on would ask a closed index, which ends the process."""
    ended = []

    def inspect(candidates: Sequence[Candidate], observer: Observer) -> Generator[Findings, None, None]:
        try:
            for candidate in candidates:
                yield inspect_pack(folder / "packs", None, candidate, lambda _: None)
        finally:
            ended.append(True)

    def refuse(self: Index, pack: str, *, is_sound: bool, damaged: Sequence[bytes]) -> None:
        raise CorruptData("The index is damaged.")

    monkeypatch.setattr(Index, "mark_verified", refuse)
    with Store(folder) as store:
        with pytest.raises(CorruptData) as caught:  # which holds the frames that it came through
            store.verify(KeepingObserver(), inspect_all=inspect)
        assert ended == [True], caught.value
