"""Items as the cache of an import holds them: in chunks that can be read, kept or changed one by one.

A chunk is told by its run, the image that it begins with, and a digest of its own. The chunks of a run
follow each other in path order, so that a million items are met again one after the other, and the few
around a change are found without a look at the others.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import msgspec

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import ProblemRow
from mlwf_tui.errors import CorruptData
from mlwf_tui.store.digests import compute_digest

DIGEST_HEX = 64
_CHUNK_ITEMS = 256
_CHUNK = struct.Struct("<BIH")  # run, size of the body, size of the path that stands before it
_FIRST_BYTES = 4096  # no path is longer
_MEMORY_BYTES = 1 << 20


class CachedItem(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one image led to. `key` is empty where it was left out.

    The signatures are empty where a later edit might not have shown in them.
    """

    image: str
    image_signature: bytes
    source: str
    source_signature: bytes
    key: str
    split: Split  # that the folder gave
    has_own_split: bool  # where the item's own file says it
    problems: tuple[ProblemRow, ...] = ()


class RunOfItems(IntEnum):
    """How the items of a run came to be known; those of each run were met in path order."""

    KEPT = 0
    READ = 1
    MOVED = 2


KeptChunks = dict[int, list[CachedItem]]
"""Items of chunks that stay decoded, by where those begin, for who writes them again around a change."""

MOST_KEPT = 128
"""About 15 MB of items."""


class NextItems(Protocol):
    """Gathers the items of the next cache."""

    def add(self, run: RunOfItems, item: CachedItem) -> None:
        """Take an item that comes behind all others of its run in path order."""

    def copy_to(self, file: IO[bytes]) -> None:
        """Write all items to a file.

        Raises:
            OSError: the disk refused, now or before.
            CorruptData: what is taken over from the last cache is damaged.
        """


class Chunk(NamedTuple):
    """Where a chunk stands in a file, and what is in it."""

    run: int
    first: str  # the place of its first image
    start: int
    end: int


_encoder = msgspec.msgpack.Encoder()
_items_decoder = msgspec.msgpack.Decoder(list[CachedItem])


def to_place(path: str) -> str:
    """Return what orders paths as a listing does: a folder's files stand where its name does."""
    return path.replace("/", "\0")


def iter_chunks(file: IO[bytes], start: int, end: int) -> Iterator[Chunk]:
    """Yield the chunks of a part of a file; their bodies are not looked at.

    Raises:
        CorruptData: they do not end there.
    """
    descriptor, at, known = file.fileno(), start, _CHUNK.size + DIGEST_HEX
    while at < end:
        header = os.pread(descriptor, known + _FIRST_BYTES, at)
        if len(header) < known:
            raise _describe_damage(file)
        run, size, first_size = _CHUNK.unpack_from(header)
        first = header[known : known + first_size].decode("utf-8", "replace")
        chunk = Chunk(run, first, at, at + known + first_size + size)
        yield chunk
        at = chunk.end
    if at != end:
        raise _describe_damage(file)


def read_chunk(file: IO[bytes], chunk: Chunk) -> bytes:
    """Return the body of a chunk.

    Raises:
        CorruptData: it is not what was written.
    """
    content = os.pread(file.fileno(), chunk.end - chunk.start, chunk.start)
    known = _CHUNK.size + DIGEST_HEX
    if content[_CHUNK.size : known] != _sign(content[: _CHUNK.size] + content[known:]):
        raise _describe_damage(file)
    return content[known + _CHUNK.unpack_from(content)[2] :]


def read_items(file: IO[bytes], chunk: Chunk) -> list[CachedItem]:
    """Return the items of a chunk.

    Raises:
        CorruptData: as `read_chunk`.
    """
    return _items_decoder.decode(read_chunk(file, chunk))  # its digest says that it is ours


def pack_chunk(run: int, first: str, body: bytes) -> bytes:
    """Return a chunk as it stands in a file."""
    path = first.encode()
    header = _CHUNK.pack(run, len(body), len(path))
    return header + _sign(header + path + body) + path + body


class AllItems:
    """Gathers all items anew, outside of memory where they are many."""

    def __init__(self, folder: Path) -> None:
        from tempfile import SpooledTemporaryFile  # 3 ms that an import of a few changes can do without

        self._file: IO[bytes] = SpooledTemporaryFile(_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115 - `close`
        self._chunks: dict[RunOfItems, list[CachedItem]] = {run: [] for run in RunOfItems}
        self.fault: OSError | None = None  # of the disk; what was gathered is then of no use

    def add(self, run: RunOfItems, item: CachedItem) -> None:
        """Take an item; see `NextItems`."""
        chunk = self._chunks[run]
        chunk.append(item)
        if len(chunk) == _CHUNK_ITEMS:
            self._write(run)

    def copy_to(self, file: IO[bytes]) -> None:
        """Write all items to a file; see `NextItems`."""
        for run in RunOfItems:
            self._write(run)
        if self.fault is not None:
            raise self.fault
        self._file.seek(0)
        while part := self._file.read(_MEMORY_BYTES):
            file.write(part)

    def close(self) -> None:
        """Let go of what was gathered."""
        self._file.close()

    def _write(self, run: RunOfItems) -> None:
        chunk = self._chunks[run]
        if chunk and self.fault is None:
            try:
                self._file.write(_pack_items(run, chunk))
            except OSError as error:
                self.fault = error
        chunk.clear()


class ChangedItems:
    """Gathers what a few images led to, and puts it among the items of the last cache.

    The chunks around them are written anew, all others copied as they are.
    """

    def __init__(self, last: IO[bytes], end: int, replaced: Collection[str], read: KeptChunks) -> None:
        """`replaced` are images whose items are not taken over, `read` the chunks that were read before."""
        self._last = last
        self._end = end  # of the items in that file
        self._read = read
        self._replaced = set(replaced)
        self._items: list[tuple[str, CachedItem]] = []  # behind their places

    def add(self, run: RunOfItems, item: CachedItem) -> None:
        """Take an item, in any order."""
        self._items.append((to_place(item.image), item))

    def copy_to(self, file: IO[bytes]) -> None:
        """Write all items to a file; see `NextItems`."""
        chunks = list(iter_chunks(self._last, 0, self._end))
        largest = max(Counter(chunk.run for chunk in chunks).items(), key=lambda pair: pair[1])[0]
        self._replaced.update(item.image for _, item in self._items)
        places = sorted(map(to_place, self._replaced))
        self._items.sort(key=itemgetter(0))
        taken = 0
        for chunk, upper in pair_with_next(chunks):
            before = taken
            if chunk.run == largest:  # one run takes all that is new: it stays in order
                while taken < len(self._items) and (not upper or self._items[taken][0] < upper):
                    taken += 1
            if before < taken or holds_any(chunk, upper, places):
                self._write_anew(file, chunk, [item for _, item in self._items[before:taken]])
            else:
                _copy(self._last, chunk, file)

    def _write_anew(self, file: IO[bytes], chunk: Chunk, added: Sequence[CachedItem]) -> None:
        before = self._read.get(chunk.start) or read_items(self._last, chunk)
        items = [item for item in before if item.image not in self._replaced]
        if len(added) < _CHUNK_ITEMS:
            for item in added:  # to sort all costs as much as to read and write them
                insort(items, item, key=_get_place)
        else:
            items = sorted(chain(items, added), key=_get_place)
        for at in range(0, len(items), _CHUNK_ITEMS):
            file.write(_pack_items(chunk.run, items[at : at + _CHUNK_ITEMS]))


def find_items(
    file: IO[bytes], end: int, images: Collection[str], folders: Collection[str], kept: KeptChunks
) -> Mapping[str, CachedItem]:
    """Return the items of some images, and of all those in some folders; only chunks around them are read.

    The chunks that were read are put into `kept`, as far as it may grow.

    Raises:
        CorruptData: something that is read is damaged.
    """
    places, starts = sorted(map(to_place, images)), sorted(map(_get_start, folders))
    wanted, whole, found = set(images), set(folders), {}
    for chunk, upper in pair_with_next(list(iter_chunks(file, 0, end))):
        has_whole = bool(whole) and (holds_any(chunk, upper, starts) or _is_below(chunk.first, whole))
        if not (has_whole or holds_any(chunk, upper, places)):
            continue
        items = read_items(file, chunk)
        if len(kept) < MOST_KEPT:
            kept[chunk.start] = items
        for item in items:
            if item.image in wanted or (has_whole and item.image.rpartition("/")[0] in whole):
                found[item.image] = item
    return found


def _get_place(item: CachedItem) -> str:
    return to_place(item.image)


def _get_start(folder: str) -> str:
    """Return a place before those of all files of a folder, and behind those before it."""
    return f"{to_place(folder)}\0" if folder else ""


def _is_below(place: str, folders: Container[str]) -> bool:
    """Say whether a place is in one of some folders, or in one below it."""
    names = place.split("\0")[:-1]
    return "" in folders or any("/".join(names[: end + 1]) in folders for end in range(len(names)))


def pair_with_next(chunks: list[Chunk]) -> Iterator[tuple[Chunk, str]]:
    """Yield chunks with the first place of the next one of their run, empty where there is none."""
    uppers: list[str] = []
    firsts: dict[int, str] = {}
    for chunk in reversed(chunks):
        uppers.append(firsts.get(chunk.run, ""))
        firsts[chunk.run] = chunk.first
    return zip(chunks, reversed(uppers), strict=True)


def holds_any(chunk: Chunk, upper: str, places: Sequence[str]) -> bool:
    """Say whether one of the sorted places is in a chunk, or would be; `upper` is where the next begins."""
    at = bisect_left(places, chunk.first)
    return at < len(places) and (not upper or places[at] < upper)


def _pack_items(run: int, items: Sequence[CachedItem]) -> bytes:
    return pack_chunk(run, to_place(items[0].image), _encoder.encode(items))


def _copy(source: IO[bytes], chunk: Chunk, target: IO[bytes]) -> None:
    """Copy a chunk unopened: its digest goes along."""
    target.write(os.pread(source.fileno(), chunk.end - chunk.start, chunk.start))


def _sign(body: bytes) -> bytes:
    return compute_digest(body).encode()


def _describe_damage(file: IO[bytes]) -> CorruptData:
    return CorruptData(f"A part of {file.name} is damaged.", hint="It is made anew by the next import.")
