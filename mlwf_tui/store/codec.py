"""Whether bytes are worth compressing, and unpacking them again within the size they declare."""

from __future__ import annotations

from threading import local

import zstandard
from blake3 import blake3

from mlwf_tui.errors import CorruptData
from mlwf_tui.store.chunks import decode_chunk_list
from mlwf_tui.store.format import Codec, Record, RecordKind

_LEVEL = 3
_NODE_LEVEL = 1  # a manifest's rows become 1 % larger by it, in three fifths of the time
_MIN_SIZE = 64
_MAX_RATIO = 0.97  # what gains less than 3 % is kept raw: reads are then a plain copy
_PROBE_FROM = 32 << 10  # under this a whole compression costs no more than the probe
_SAMPLE = 4 << 10

# A JPEG at zstd -3 gains 0.01 % at 0.4 GB/s; its first bytes tell in 70 ns.
_COMPRESSED_MAGICS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG",
    b"GIF8",
    b"PK\x03\x04",  # zip
    b"\x1f\x8b",  # gzip
    b"\x28\xb5\x2f\xfd",  # zstd
    b"\xfd7zXZ\x00",
    b"BZh",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\xff\x0a",  # JPEG XL
    b"\x00\x00\x00\x0cJXL ",
    b"\x00\x00\x00\x0cjP  ",  # JPEG 2000
)


class _Contexts(local):
    """What zstd works with, for each thread; to make it anew for a small blob takes a fifth of the time."""

    def __init__(self) -> None:
        self.compressors: dict[int, zstandard.ZstdCompressor] = {}
        self.decompressor = zstandard.ZstdDecompressor()

    def compress(self, raw: bytes, level: int) -> bytes:
        compressor = self.compressors.get(level)
        if compressor is None:
            compressor = self.compressors[level] = zstandard.ZstdCompressor(level=level)
        return compressor.compress(raw)


_contexts = _Contexts()


def compress(raw: bytes, kind: RecordKind = RecordKind.BLOB) -> tuple[Codec, bytes]:
    """Return the payload to store for `raw` and how it is encoded."""
    if len(raw) < _MIN_SIZE or _has_compressed_magic(raw) or not _is_probe_worth_it(raw):
        return Codec.RAW, raw
    packed = _contexts.compress(raw, _NODE_LEVEL if kind == RecordKind.NODE else _LEVEL)
    return (Codec.ZSTD, packed) if len(packed) < len(raw) * _MAX_RATIO else (Codec.RAW, raw)


def unpack(record: Record, payload: bytes) -> bytes:
    """Return the raw bytes of a record, checked against its digest.

    Raises:
        CorruptData: the payload does not unpack to exactly the declared size, or is other bytes.
    """
    raw = payload if record.codec == Codec.RAW else _decompress(record, payload)
    if len(raw) != record.raw_size or blake3(raw).digest() != record.digest:
        raise CorruptData("The stored bytes are not what their digest says.")
    return raw


def is_sound(record: Record, payload: bytes) -> bool:
    """Return whether a payload is what its record says."""
    try:
        if record.kind == RecordKind.CHUNK_LIST:
            decode_chunk_list(payload)
        else:
            unpack(record, payload)
    except CorruptData:
        return False
    return True


def _has_compressed_magic(raw: bytes) -> bool:
    if raw.startswith(_COMPRESSED_MAGICS):
        return True
    is_webp = raw[:4] == b"RIFF" and raw[8:12] == b"WEBP"
    return is_webp or raw[4:8] == b"ftyp"  # MP4, HEIF, AVIF


def _is_probe_worth_it(raw: bytes) -> bool:
    if len(raw) <= _PROBE_FROM:
        return True
    middle = len(raw) // 2
    samples = raw[:_SAMPLE] + raw[middle : middle + _SAMPLE] + raw[-_SAMPLE:]
    return len(_contexts.compress(samples, 1)) < len(samples) * _MAX_RATIO


def _decompress(record: Record, payload: bytes) -> bytes:
    try:
        # The library trusts the frame's own size, so a bomb must be refused before it unpacks.
        if zstandard.frame_content_size(payload) != record.raw_size:
            raise CorruptData("The compressed bytes declare another size than their record.")
        return _contexts.decompressor.decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CorruptData(f"The stored bytes do not unpack: {error}.") from error
