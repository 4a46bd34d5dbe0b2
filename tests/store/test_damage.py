"""Flipped bits, cut packs and lost indexes: always named, never returned, mended where bytes allow."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
import zstandard
from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import Cancelled, CorruptData, MlwfError
from mlwf_tui.store.chunks import ChunkRef, decode_chunk_list, encode_chunk_list
from mlwf_tui.store.codec import unpack
from mlwf_tui.store.format import PACK_HEADER, RECORD_HEADER_BYTES, Codec, Record, RecordKind
from mlwf_tui.store.packs import read_footer
from mlwf_tui.store.store import Store
from mlwf_tui.store.verify import StoreCheck
from tests.fakes.observers import KeepingObserver, StoppingObserver

MIB = 1 << 20
BLOBS = (
    b"",
    b"x",
    b"annotation " * 500,
    random.Random(1).randbytes(70_000),
    random.Random(2).randbytes(3 * MIB),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Store(tmp_path / "filled") as store, store.writer() as writer:
        for blob in BLOBS:
            writer.put(blob)
    return tmp_path / "filled"


def get_pack(folder: Path) -> Path:
    (path,) = folder.glob("packs/*.pack")
    return path


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x40
    path.write_bytes(content)


def verify(folder: Path) -> StoreCheck:
    with Store(folder) as store:
        return store.verify(KeepingObserver())


def read_or_refuse(folder: Path) -> list[bool]:
    """Return for each blob whether it came back; a wrong byte fails the test."""
    came_back = []
    with Store(folder) as store:
        for blob in BLOBS:
            try:
                found = store.read(Digest(blake3(blob).hexdigest()))
            except MlwfError as error:
                assert isinstance(error, CorruptData), error
                came_back.append(False)
            else:
                assert found == blob
                came_back.append(True)
    return came_back


def remove_index_files(folder: Path) -> None:
    for path in folder.glob("index.sqlite*"):
        path.unlink()


def test_a_sound_store_verifies_clean(folder: Path) -> None:
    with Store(folder) as store:
        observer = KeepingObserver()
        result = store.verify(observer)
    assert (result.ok, result.problems) == (True, ())
    assert result.checked_bytes == get_pack(folder).stat().st_size
    assert observer.steps[-1][:2] == (result.checked_bytes, result.checked_bytes)


def test_an_empty_store_verifies_clean(store: Store) -> None:
    assert store.verify(KeepingObserver()) == StoreCheck(checked_bytes=0)


def test_a_verify_can_be_stopped(folder: Path) -> None:
    with Store(folder) as store, pytest.raises(Cancelled):
        store.verify(StoppingObserver(looks_left=0))


@pytest.mark.slow
def test_a_flipped_bit_anywhere_is_found_and_never_returned(folder: Path) -> None:
    pack = get_pack(folder)
    size, records, *_ = read_footer(pack)
    table_start = records[-1].end
    offsets = {0, 7, 8, 12, *range(size - 56, size, 5), *range(table_start, size - 56, 29)}
    for record in (*records[:4], records[-1]):
        offsets.update(range(record.offset, record.offset + RECORD_HEADER_BYTES, 3))
        offsets.update(
            range(record.offset + RECORD_HEADER_BYTES, record.end, max(1, record.stored_size // 3))
        )
    for offset in sorted(offsets):
        flip(pack, offset)
        result = verify(folder)
        assert not result.ok, offset
        assert all(pack.name in problem.path for problem in result.problems), offset
        read_or_refuse(folder)
        flip(pack, offset)
    assert verify(folder).ok
    assert read_or_refuse(folder) == [True] * len(BLOBS)


def test_a_flipped_bit_in_a_payload_spoils_that_blob_alone(folder: Path) -> None:
    records = {record.digest: record for record in read_footer(get_pack(folder))[1]}
    flip(get_pack(folder), records[blake3(BLOBS[3]).digest()].offset + RECORD_HEADER_BYTES + 100)
    assert read_or_refuse(folder) == [True, True, True, False, True]
    with Store(folder) as store, pytest.raises(CorruptData) as caught:
        store.read(Digest(blake3(BLOBS[3]).hexdigest()))
    assert blake3(BLOBS[3]).hexdigest() in caught.value.message
    assert get_pack(folder).stem in caught.value.message


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_cut_pack_is_found_and_never_returned(folder: Path, share: float) -> None:
    pack = get_pack(folder)
    content = pack.read_bytes()
    pack.write_bytes(content[: int(len(content) * share)])
    assert not verify(folder).ok
    assert False in read_or_refuse(folder)


def test_a_pack_that_goes_missing_is_named(folder: Path) -> None:
    name = get_pack(folder).name
    with Store(folder) as store:
        get_pack(folder).unlink()
        result = store.verify(KeepingObserver())
    assert [problem.path for problem in result.problems] == [f"packs/{name}"]
    assert "missing" in result.problems[0].reason


def test_what_a_missing_pack_held_is_not_found_and_can_be_put_again(folder: Path) -> None:
    get_pack(folder).unlink()
    with Store(folder) as store:
        assert not store.contains(Digest(blake3(BLOBS[3]).hexdigest()))
        with store.writer() as writer:
            digests = [writer.put(blob) for blob in BLOBS]
        assert [store.read(digest) for digest in digests] == list(BLOBS)
    assert verify(folder).ok


def test_a_pack_under_a_wrong_name_is_named(folder: Path) -> None:
    pack = get_pack(folder)
    pack.rename(pack.with_name("0" * 64 + ".pack"))
    remove_index_files(folder)
    result = verify(folder)
    assert [problem.reason for problem in result.problems] == ["The pack's bytes are not what its name says."]


def test_a_deleted_index_is_made_again_at_open(folder: Path) -> None:
    remove_index_files(folder)
    assert read_or_refuse(folder) == [True] * len(BLOBS)
    assert verify(folder).ok


@pytest.mark.parametrize("content", [b"", b"this is no database" * 1000])
def test_an_overwritten_index_is_made_again_at_open(folder: Path, content: bytes) -> None:
    remove_index_files(folder)
    (folder / "index.sqlite").write_bytes(content)
    assert read_or_refuse(folder) == [True] * len(BLOBS)
    assert verify(folder).ok


def test_a_damaged_page_of_the_index_is_named_and_mended(folder: Path) -> None:
    with sqlite3.connect(folder / "index.sqlite") as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'blobs'").fetchone()
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with (folder / "index.sqlite").open("r+b") as file:
        file.seek((page - 1) * page_size)
        file.write(b"\xff" * page_size)
    with Store(folder) as store:
        with pytest.raises(CorruptData, match=r"index\.sqlite"):
            store.read(Digest(blake3(BLOBS[0]).hexdigest()))
        assert [problem.path for problem in store.verify(KeepingObserver()).problems] == ["index.sqlite"]
        store.rebuild_index()
        assert store.verify(KeepingObserver()).ok
    assert read_or_refuse(folder) == [True] * len(BLOBS)


def test_a_rebuilt_index_is_the_same(folder: Path) -> None:
    with Store(folder) as store:
        before = store.read_stats()
        store.rebuild_index()
        assert store.read_stats() == before
        assert store.verify(KeepingObserver()).ok


def test_a_rebuild_saves_what_a_pack_without_a_footer_still_holds(folder: Path) -> None:
    pack = get_pack(folder)
    flip(pack, pack.stat().st_size - 1)
    remove_index_files(folder)
    with Store(folder) as store:
        assert not store.contains(Digest(blake3(BLOBS[3]).hexdigest()))
        store.rebuild_index()
    assert read_or_refuse(folder) == [True] * len(BLOBS)
    assert not verify(folder).ok


def test_a_wrong_row_of_the_index_is_found_and_mended(folder: Path) -> None:
    digest = blake3(BLOBS[3]).digest()
    with sqlite3.connect(folder / "index.sqlite") as connection:
        connection.execute("UPDATE blobs SET offset = offset + 1 WHERE digest = ?", (digest,))
    connection.close()
    assert ["The index is wrong" in problem.reason for problem in verify(folder).problems] == [True]
    assert read_or_refuse(folder) == [True, True, True, False, True]
    with Store(folder) as store:
        store.rebuild_index()
    assert verify(folder).ok
    assert read_or_refuse(folder) == [True] * len(BLOBS)


def test_a_row_too_few_and_a_row_too_many_are_found(folder: Path) -> None:
    digest = blake3(BLOBS[3]).digest()
    with sqlite3.connect(folder / "index.sqlite") as connection:
        connection.execute("UPDATE blobs SET digest = zeroblob(32) WHERE digest = ?", (digest,))
    connection.close()
    reasons = " ".join(problem.reason for problem in verify(folder).problems)
    assert f"does not name the record {digest.hex()}" in reasons
    assert "names 1 records that the pack does not hold" in reasons


def test_a_missing_chunk_is_named(folder: Path) -> None:
    records = read_footer(get_pack(folder))[1]
    chunk = next(record for record in records if record.kind == RecordKind.CHUNK)
    with sqlite3.connect(folder / "index.sqlite") as connection:
        connection.execute("DELETE FROM blobs WHERE digest = ?", (chunk.digest,))
    connection.close()
    assert any("lacks its chunk" in problem.reason for problem in verify(folder).problems)
    assert read_or_refuse(folder) == [True, True, True, True, False]


def make_record(payload: bytes, raw: bytes, raw_size: int) -> Record:
    return Record(RecordKind.BLOB, Codec.ZSTD, raw_size, len(payload), blake3(raw).digest(), 0)


def test_a_bomb_is_refused_before_it_unpacks() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 30))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1 << 30))
    for payload in (bomb, unsized):
        with pytest.raises(CorruptData):
            unpack(make_record(payload, b"", 1000), payload)


def test_bytes_behind_a_compressed_payload_are_refused() -> None:
    raw = b"text " * 100
    payload = zstandard.ZstdCompressor().compress(raw)
    assert unpack(make_record(payload, raw, len(raw)), payload) == raw
    with pytest.raises(CorruptData):
        unpack(make_record(payload + b"!", raw, len(raw)), payload + b"!")


def test_a_chunk_list_comes_back_and_every_flipped_bit_in_it_is_refused() -> None:
    chunks = [ChunkRef(70_000, bytes([n]) * 32) for n in range(3)]
    payload = encode_chunk_list(chunks)
    assert decode_chunk_list(payload) == chunks
    for offset in range(len(payload)):
        damaged = bytearray(payload)
        damaged[offset] ^= 1
        with pytest.raises(CorruptData):
            decode_chunk_list(bytes(damaged))


def test_a_pack_begins_with_its_magic_and_version(folder: Path) -> None:
    assert get_pack(folder).read_bytes()[:16] == PACK_HEADER == b"MLWFPACK\x02\0\0\0\0\0\0\0"


def test_a_pack_is_named_by_its_ends_and_what_no_digest_in_it_vouches_for(folder: Path) -> None:
    content = get_pack(folder).read_bytes()
    unvouched = b"".join(
        content[record.offset + RECORD_HEADER_BYTES : record.end]
        for record in read_footer(get_pack(folder)).records
        if record.codec == Codec.ZSTD or record.kind == RecordKind.CHUNK_LIST
    )
    assert unvouched
    assert get_pack(folder).stem == blake3(content[:16] + unvouched + content[-56:]).hexdigest()
