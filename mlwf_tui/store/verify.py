"""Checking every byte of every pack, and the index against them; names what is wrong, mends nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import CorruptData
from mlwf_tui.protocols import Observer
from mlwf_tui.store.chunks import decode_chunk_list
from mlwf_tui.store.codec import unpack
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.format import (
    PACK_HEADER,
    RECORD_HEADER_BYTES,
    Record,
    RecordKind,
    encode_record_header,
)
from mlwf_tui.store.index import Index
from mlwf_tui.store.packs import PACK_SUFFIX, list_packs, read_footer

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """What a check found; `ok` when there are no problems. A problem's path is the pack's or the index's."""

    ok: bool
    checked_bytes: int
    problems: tuple[Problem, ...]


def verify_packs(folder: Path, index: Index, observer: Observer) -> VerifyResult:
    """Check all packs of a folder and that the index names just what they hold."""
    known = index.list_packs()
    names = sorted(list_packs(folder))
    check = _Check(folder, index, observer)
    for name in sorted(known.keys() - set(names)):
        lost = index.count_rows(name)
        check.report(name, f"The pack is missing, and {lost} records with it.")
    with guard_storage(f"read {folder}"):
        check.total_bytes = sum(check.path_of(name).stat().st_size for name in names)
        for name in names:
            check.check_pack(name, is_known=name in known)
    return VerifyResult(
        ok=not check.problems, checked_bytes=check.checked_bytes, problems=tuple(check.problems)
    )


def is_sound(record: Record, payload: bytes) -> bool:
    """Return whether a payload is what its record says."""
    try:
        _check_payload(record, payload)
    except CorruptData:
        return False
    return True


def _check_payload(record: Record, payload: bytes) -> None:
    if record.kind == RecordKind.CHUNK_LIST:
        decode_chunk_list(payload)
    else:
        unpack(record, payload)
