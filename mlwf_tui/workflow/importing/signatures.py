"""What the signature of a file says of it, and whether it can be trusted; not a verb."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mlwf_tui.entities.folder import SIGNATURE_BYTES, FolderListing
from mlwf_tui.workflow.importing.signing import SIGNATURE

_TIMES = struct.Struct("<8xqq16x")  # of a signature
_RACY_NS = 2_000_000_000
"""A file that changed so shortly before the look may change again without its times telling."""


def is_any_racy(listing: FolderListing) -> bool:
    """Say whether a signature of the listing is too young to be trusted."""
    youngest_ns = listing.scanned_at_ns - _RACY_NS
    return any(
        mtime_ns > youngest_ns or ctime_ns > youngest_ns
        for page in listing.pages
        for mtime_ns, ctime_ns in iter_times_ns(page.signatures)
    )


def is_racy(signature: bytes, scanned_at_ns: int) -> bool:
    """Say whether a signature is too young to be trusted: a later edit might leave it as it is."""
    _, mtime_ns, ctime_ns, _, _ = SIGNATURE.unpack(signature)
    return bool(max(mtime_ns, ctime_ns) > scanned_at_ns - _RACY_NS)


def blank_racy(signatures: bytes, scanned_at_ns: int) -> bytes:
    """Return the signatures of a page, zeros for those that are too young: no file's are equal to these."""
    youngest_ns = scanned_at_ns - _RACY_NS
    racy = [
        index
        for index, (mtime_ns, ctime_ns) in enumerate(iter_times_ns(signatures))
        if mtime_ns > youngest_ns or ctime_ns > youngest_ns
    ]
    if not racy:
        return signatures
    blanked = bytearray(signatures)
    for index in racy:
        blanked[index * SIGNATURE_BYTES : (index + 1) * SIGNATURE_BYTES] = bytes(SIGNATURE_BYTES)
    return bytes(blanked)


def iter_times_ns(signatures: bytes) -> Iterator[tuple[int, int]]:
    """Yield what `get_times_ns` tells of each of some signatures that stand side by side."""
    return _TIMES.iter_unpack(signatures)


def get_times_ns(signature: bytes) -> tuple[int, int]:
    """Return the times of the last change of a file's content, and of the file."""
    _, mtime_ns, ctime_ns, _, _ = SIGNATURE.unpack(signature)
    return mtime_ns, ctime_ns


def get_size(signature: bytes) -> int:
    """Return the size in bytes that a signature tells."""
    size: int = SIGNATURE.unpack(signature)[0]
    return size
