"""Pictures on which two forms of a model are compared: of the version it was trained on, else drawn ones."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import CorruptData, InvalidInput
from mlwf_tui.media.probe import probe_image
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workspace import Workspace

COUNT = 4
_MOST_ITEMS = 100_000  # of a version that are looked at
_BLOCK_PX = 16


class Samples(NamedTuple):
    """Encoded pictures, and where they come from, in words."""

    images: tuple[bytes, ...]
    origin: str


def choose_samples(workspace: Workspace, version: Version | None, side_px: int) -> Samples:
    """Return pictures of a version, validation items first; drawn ones where it has none, or is gone."""
    if version is not None:
        items = list(islice(iter_items(workspace.store, version.manifest), _MOST_ITEMS))
        items.sort(key=lambda item: item.split is not Split.VAL)  # stable: in key order each
        images = tuple(islice(_iter_readable(workspace, items), COUNT))
        if images:
            return Samples(images, f"{len(images)} pictures of {version.ref}")
    return Samples(tuple(draw_picture(side_px, seed) for seed in range(COUNT)), f"{COUNT} drawn pictures")


def draw_picture(side_px: int, seed: int) -> bytes:
    """Return a PNG of coloured blocks, the same for the same seed."""
    drawn = random.Random(seed)
    lines = bytearray()
    for top in range(0, side_px, _BLOCK_PX):
        blocks = b"".join(drawn.randbytes(3) * _BLOCK_PX for _ in range(0, side_px, _BLOCK_PX))
        lines += (b"\0" + blocks[: side_px * 3]) * min(_BLOCK_PX, side_px - top)
    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(lines))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def _iter_readable(workspace: Workspace, items: Sequence[Item]) -> Iterator[bytes]:
    for item in items:
        try:
            data = workspace.store.read(item.blob)
            probe_image(data)
        except (CorruptData, InvalidInput):
            continue
        yield data
