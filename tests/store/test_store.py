"""What goes in comes out, once; what is damaged never does."""

from __future__ import annotations

import io
import random
import threading
from pathlib import Path

import pytest
from blake3 import blake3

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData, InvalidInput, NotFound
from mlwf_tui.store.packs import PACK_RECORDS, read_footer
from mlwf_tui.store.store import Store

MIB = 1 << 20


def make_bytes(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def put(store: Store, *blobs: bytes) -> list[Digest]:
    with store.writer() as writer:
        return [writer.put(blob) for blob in blobs]


def list_pack_paths(store: Store) -> list[Path]:
    return sorted(store.folder.glob("packs/*"))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 40_000, MIB - 1, MIB, MIB + 1, 3 * MIB])
def test_a_blob_comes_back_as_it_was(store: Store, size: int) -> None:
    blob = make_bytes(size)
    (digest,) = put(store, blob)
    assert digest == blake3(blob).hexdigest()
    assert store.read(digest) == blob
    assert b"".join(store.iter_chunks(digest)) == blob
    assert store.contains(digest)


def test_text_is_compressed_and_comes_back(store: Store) -> None:
    text = b'{"class": "car", "points": [1, 2, 3]}\n' * 20_000
    (digest,) = put(store, text)
    assert store.read(digest) == text
    assert store.read_stats().stored_bytes < len(text) / 20


def test_an_image_is_kept_raw(store: Store) -> None:
    jpeg_like = b"\xff\xd8\xff" + bytes(50_000)  # would shrink, but its first bytes say JPEG
    (digest,) = put(store, jpeg_like)
    assert store.read_stats().stored_bytes > len(jpeg_like)
    assert store.read(digest) == jpeg_like


def test_a_pack_of_tiny_blobs_ends_before_its_bytes_are_many(store: Store) -> None:
    count = PACK_RECORDS + 1
    with store.writer() as writer:
        for start in range(0, count, 1 << 12):
            writer.put_all(
                number.to_bytes(4, "big") for number in range(start, min(count, start + (1 << 12)))
            )
    assert store.read_stats().blob_count == count
    assert sorted(len(read_footer(path).records) for path in list_pack_paths(store)) == [1, PACK_RECORDS]


def test_put_twice_stores_once(store: Store, tmp_path: Path) -> None:
    blobs = [make_bytes(size, size) for size in (10, 80_000, 2 * MIB)]
    first = put(store, *blobs, *blobs)
    before = store.read_stats(), list_pack_paths(store)
    assert put(store, *blobs, *blobs) == first
    for number, blob in enumerate(blobs):
        (tmp_path / str(number)).write_bytes(blob)
    with store.writer() as writer:
        assert [writer.put_file(tmp_path / str(n)) for n in range(3)] == [
            (digest, len(blob)) for digest, blob in zip(first, blobs, strict=False)
        ]
    assert (store.read_stats(), list_pack_paths(store)) == before


def test_stats_count_blobs_and_their_bytes_once(store: Store) -> None:
    put(store, make_bytes(100), make_bytes(100), make_bytes(2 * MIB))
    stats = store.read_stats()
    assert (stats.blob_count, stats.raw_bytes, stats.pack_count) == (2, 100 + 2 * MIB, 1)
    assert stats.stored_bytes == sum(path.stat().st_size for path in list_pack_paths(store))


def test_a_file_of_5_mib_with_an_insert_in_front_shares_its_chunks(store: Store, tmp_path: Path) -> None:
    blob = make_bytes(5 * MIB)
    (tmp_path / "before").write_bytes(blob)
    (tmp_path / "after").write_bytes(make_bytes(1000, 1) + blob)
    with store.writer() as writer:
        writer.put_file(tmp_path / "before")
    stored = store.read_stats().stored_bytes
    with store.writer() as writer:
        digest, size = writer.put_file(tmp_path / "after")
    assert size == 5 * MIB + 1000
    assert store.read_stats().stored_bytes - stored < 300_000  # one chunk of at most 256 KiB, and the list
    assert store.read(digest) == make_bytes(1000, 1) + blob


def test_put_and_put_file_give_one_digest(store: Store, tmp_path: Path) -> None:
    for size in (0, MIB, MIB + 1):
        blob = make_bytes(size)
        (tmp_path / "file").write_bytes(blob)
        with store.writer() as writer:
            assert writer.put(blob) == writer.put_file(tmp_path / "file")[0]


def test_what_is_written_is_seen_after_the_writer_is_left(store: Store) -> None:
    with store.writer() as writer:
        digest = writer.put(b"soon")
        assert not store.contains(digest)
    assert store.read(digest) == b"soon"


def test_an_exception_in_the_writer_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writer() as writer:
        digest = writer.put(b"never")
        raise ZeroDivisionError
    assert not store.contains(digest)
    assert list_pack_paths(store) == []


def test_a_full_pack_is_sealed_and_the_next_one_begun(store: Store) -> None:
    blobs = [make_bytes(MIB, seed) for seed in range(70)]
    digests = put(store, *blobs)
    assert store.read_stats().pack_count == 2
    assert [store.read(digest) for digest in digests] == blobs


def test_packs_filled_before_an_exception_are_kept_for_the_next_try(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writer() as writer:
        for seed in range(70):
            writer.put(make_bytes(MIB, seed))
        raise ZeroDivisionError
    assert store.read_stats().pack_count == 1
    assert not list(store.folder.glob("packs/*.tmp"))


def test_threads_put_and_read_at_once(store: Store) -> None:
    blobs = [make_bytes(20_000, seed) for seed in range(200)]
    with store.writer() as writer:
        threads = [threading.Thread(target=lambda: [writer.put(blob) for blob in blobs]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert store.read_stats().blob_count == 200
    wrong: list[int] = []

    def read_all() -> None:
        wrong.extend(
            n for n, blob in enumerate(blobs) if store.read(Digest(blake3(blob).hexdigest())) != blob
        )

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_more_packs_than_descriptors_can_be_read(store: Store) -> None:
    blobs = [f"blob {number}".encode() for number in range(80)]
    digests = [put(store, blob)[0] for blob in blobs]
    assert [store.read(digest) for digest in digests] == blobs
    assert [store.read(digest) for digest in digests] == blobs


def test_a_digest_that_the_store_lacks_is_a_loss(store: Store) -> None:
    with pytest.raises(CorruptData):
        store.read(Digest("0" * 64))
    assert not store.contains(Digest("0" * 64))


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "0" * 63, "../" * 16])
def test_what_is_no_digest_is_refused(store: Store, text: str) -> None:
    with pytest.raises(InvalidInput):
        store.read(Digest(text))


def test_a_missing_source_is_not_found(store: Store, tmp_path: Path) -> None:
    with store.writer() as writer:
        with pytest.raises(NotFound):
            writer.put_file(tmp_path / "missing")
        with pytest.raises(InvalidInput):
            writer.put_file(tmp_path)
        digest = writer.put(b"the writer goes on")
    assert store.contains(digest)


def test_write_file_replaces_what_is_there(store: Store, tmp_path: Path) -> None:
    small, large = make_bytes(10), make_bytes(2 * MIB)
    target = tmp_path / "out.bin"
    for digest, blob in zip(put(store, small, large), (small, large), strict=True):
        store.write_file(digest, target)
        assert target.read_bytes() == blob
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.bin"]


def test_write_file_of_a_damaged_blob_leaves_the_old_file(store: Store, tmp_path: Path) -> None:
    (digest,) = put(store, make_bytes(2 * MIB))
    (pack,) = list_pack_paths(store)
    content = bytearray(pack.read_bytes())
    content[MIB] ^= 1
    pack.write_bytes(content)
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    with pytest.raises(CorruptData, match=pack.stem):
        store.write_file(digest, target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.bin"]


def test_a_chunk_can_be_read_as_a_blob_of_its_own(store: Store) -> None:
    blob = make_bytes(2 * MIB)
    (digest,) = put(store, blob)
    chunk = next(store.iter_chunks(digest))
    packs = list_pack_paths(store)
    (chunk_digest,) = put(store, chunk)
    assert store.read(chunk_digest) == chunk
    assert list_pack_paths(store) == packs


def test_a_stream_is_never_held_whole(store: Store, tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "large"
    with path.open("wb") as file:
        for seed in range(24):
            file.write(make_bytes(MIB, seed))
    tracemalloc.start()
    with store.writer() as writer:
        digest, size = writer.put_file(path)
    peak_writing = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    read = sum(len(chunk) for chunk in store.iter_chunks(digest))
    peak_reading = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == size == 24 * MIB
    assert max(peak_writing, peak_reading) < 6 * MIB


def test_blake3_is_checked_by_chunks_of_a_real_stream() -> None:
    from mlwf_tui.store.chunks import cut

    blob = make_bytes(3 * MIB)
    chunks = list(cut(io.BytesIO(blob)))
    assert b"".join(chunks) == blob
    assert all(16 << 10 <= len(chunk) <= 256 << 10 for chunk in chunks[:-1])
