"""The digest of bytes that are not stored: recipes and other keys; blobs get theirs as they are put."""

from __future__ import annotations

from blake3 import blake3

from mlwf_tui.entities.ids import Digest


def compute_digest(data: bytes) -> Digest:
    """Return the BLAKE3-256 digest of `data`."""
    return Digest(blake3(data).hexdigest())
