"""Walks the directories of a TIFF; knows no pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.exif import ORIENTATION_TAG, UPRIGHT, StoredSize

MAX_PARTS: Final = 1 << 20  # strips or tiles of a page

_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION = 254, 256, 257, 258, 259
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # of strips, of tiles
_WANTED: Final = frozenset(
    {_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, ORIENTATION_TAG, *_OFFSETS, *_COUNTS}
)
_REDUCED, _TRANSPARENCY = 1, 4
_RARE: Final = (34925, 50000, 50001)  # compressions: LZMA, Zstandard, WebP
_WHOLE_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}  # by type
_VALUE_BYTES: Final = {
    3: 2,
    4: 4,
    5: 8,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}  # else 1


class _Layout(NamedTuple):
    """How a TIFF writes numbers; a BigTIFF has wider ones."""

    order: str
    number: str  # how many entries a directory has
    entry: str  # tag, type, how many values
    word: str  # an offset

    @property
    def word_bytes(self) -> int:
        return struct.calcsize(self.word)

    @property
    def entry_bytes(self) -> int:
        return struct.calcsize(self.entry) + self.word_bytes


_LAYOUTS: Final = {
    (magic, order): _Layout(order, f"{order}{count}", f"{order}HH{word}", f"{order}{word}")
    for magic, count, word in ((42, "H", "I"), (43, "Q", "Q"))
    for order in "<>"
}
_Tags = Mapping[int, tuple[int, ...]]


def read_size(data: bytes) -> StoredSize:
    """Return the size and orientation of a TIFF of one page.

    What a page has beside itself, a smaller picture or what of it is transparent, is no page.

    Source: TIFF 6.0, section 2; BigTIFF's own description.

    Raises:
        InvalidInput: it has several pages, is cut off or damaged. The message follows its name.
    """
    try:
        directories = _iter_directories(data)
        first = next(directories, None)
        if first is None:
            raise InvalidInput("is cut off or damaged in its header")
        pages = 1 + sum(_is_page(tags) for tags in directories)
    except (struct.error, OverflowError) as error:  # of places beyond any memory
        raise InvalidInput("is cut off or damaged in its header") from error
    if pages > 1:
        raise InvalidInput(
            f"has {pages} pages, and an item is one image: split it into a file for each page",
            hint="ImageMagick: convert scan.tif scan-%03d.tif",
        )
    width_px, height_px = (_get(first, tag) for tag in (_WIDTH, _HEIGHT))
    if width_px < 1 or height_px < 1:
        raise InvalidInput("is an image without pixels")
    if not _is_whole(first, len(data)):
        raise InvalidInput("is cut off", hint="Copy the file again from where it came.")
    orientation = _get(first, ORIENTATION_TAG)
    return StoredSize(width_px, height_px, orientation if 1 <= orientation <= 8 else UPRIGHT)


def is_decoded_by_few(data: bytes) -> bool:
    """Whether an image is a TIFF that OpenCV, which decodes for trainers, has no reader of.

    That is one of 32 bits and more a value, or compressed as its builds are mostly made without.
    """
    try:
        first = next(_iter_directories(data), None) if data.startswith((b"II", b"MM")) else None
    except (struct.error, OverflowError, KeyError):  # damaged, which others tell
        return False
    return first is not None and (_get(first, _BITS) >= 32 or _get(first, _COMPRESSION) in _RARE)


def _iter_directories(data: bytes) -> Iterator[_Tags]:
    """Yield what each directory says, of the tags that matter here; a circle of directories ends.

    Hostile directories lie over each other, and so do the values they name, which a library would copy
    for each: so all of them together may not be larger than the file.
    """
    order = "<" if data.startswith(b"I") else ">"
    (magic,) = struct.unpack_from(f"{order}H", data, 2)
    layout = _LAYOUTS[magic, order]
    (at,) = struct.unpack_from(layout.word, data, 4 if magic == 42 else 8)
    seen: set[int] = set()
    room = len(data)
    while at and at not in seen:
        seen.add(at)
        (count,) = struct.unpack_from(layout.number, data, at)
        first = at + struct.calcsize(layout.number)
        behind = first + count * layout.entry_bytes
        room -= behind - at
        tags: dict[int, tuple[int, ...]] = {}
        for entry in range(first, behind, layout.entry_bytes):
            if room < 0:
                raise struct.error("the directories are larger than the file")
            room -= _read_entry(data, entry, layout, tags)
        yield tags
        (at,) = struct.unpack_from(layout.word, data, behind)


def _read_entry(data: bytes, at: int, layout: _Layout, tags: dict[int, tuple[int, ...]]) -> int:
    """Note what an entry says, if that matters; return the bytes of its values outside of it."""
    tag, kind, count = struct.unpack_from(layout.entry, data, at)
    at += struct.calcsize(layout.entry)
    size = count * _VALUE_BYTES.get(kind, 1)
    is_outside = size > layout.word_bytes
    if is_outside:  # the entry says where they are
        (at,) = struct.unpack_from(layout.word, data, at)
    if tag in _WANTED and kind in _WHOLE_NUMBERS:
        if at + size > len(data) or count > MAX_PARTS:  # before room is made for so many
            raise struct.error("the values lie behind the end")
        tags[tag] = struct.unpack_from(f"{layout.order}{count}{_WHOLE_NUMBERS[kind]}", data, at)
    return size if is_outside else 0


def _is_page(tags: _Tags) -> bool:
    return not _get(tags, _KIND) & (_REDUCED | _TRANSPARENCY)


def _is_whole(tags: _Tags, size_bytes: int) -> bool:
    """Say whether the strips or tiles lie within the file; where no lengths are told, whether they begin."""
    for offsets_tag, counts_tag in zip(_OFFSETS, _COUNTS, strict=True):
        offsets = tags.get(offsets_tag, ())
        if offsets:
            counts = tags.get(counts_tag) or (1,) * len(offsets)
            return all(offset + count <= size_bytes for offset, count in zip(offsets, counts, strict=False))
    return False


def _get(tags: _Tags, tag: int) -> int:
    values = tags.get(tag)
    return values[0] if values else 0
