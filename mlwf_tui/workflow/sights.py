"""What is found out by decoding images, once each, and kept in the home's cache by digest; not a verb."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from mlwf_tui.entities.ids import Digest
from mlwf_tui.errors import CorruptData, InvalidInput
from mlwf_tui.media.fingerprints import FINGERPRINT_VERSION, make_fingerprint
from mlwf_tui.media.looks import LOOK_VERSION, make_look
from mlwf_tui.media.pictures import is_huge
from mlwf_tui.media.probe import probe_image
from mlwf_tui.media.thumbnails import make_thumbnail
from mlwf_tui.media.tiff import is_decoded_by_few
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workspace import Workspace

UNREADABLE: Final = b""
"""Stands for what cannot be found out of an image, as its pixels cannot be decoded."""

THUMBNAIL_PX: Final = 64


class Sight(NamedTuple):
    """Something to find out of an image, as a few bytes."""

    name: str  # of the cache
    version: int  # of how it is found out
    make: Callable[[bytes], bytes]


FINGERPRINTS: Final = Sight("fingerprints", FINGERPRINT_VERSION, make_fingerprint)
LOOKS: Final = Sight("looks", LOOK_VERSION, make_look)
THUMBNAILS: Final = Sight("thumbnails", 2, lambda data: make_thumbnail(data, THUMBNAIL_PX).jpeg)

FEW: Final = b"few"
TIFFS: Final = Sight("tiffs", 1, lambda data: FEW if is_decoded_by_few(data) else b"many")
"""By how many programs a TIFF is decoded."""

BATCH: Final = 64  # images between two looks at whether it is still wanted
_BUSY_S: Final = 10.0
_KEEP_INTERVAL_S: Final = 2.0
_ASKED: Final = 500

logger = logging.getLogger(__name__)


def read_sights(workspace: Workspace, digests: Sequence[Digest], *, sight: Sight) -> dict[Digest, bytes]:
    """Return what is known of these blobs; nothing is decoded."""
    found: dict[Digest, bytes] = {}
    with _open_cache(workspace, sight) as cache:
        for start in range(0, len(digests), _ASKED):
            asked = [bytes.fromhex(digest) for digest in digests[start : start + _ASKED]]
            query = f"SELECT blob, print FROM prints WHERE blob IN ({','.join('?' * len(asked))})"
            found |= {Digest(blob.hex()): made for blob, made in cache.execute(query, asked)}
    return found


def make_sights(
    workspace: Workspace, digests: Sequence[Digest], observer: Observer, *, sight: Sight
) -> dict[Digest, bytes]:
    """Decode these blobs, a thread for each core, and keep what is found; a stop loses little.

    Very large ones are decoded one at a time: each takes up to a gigabyte.

    One whose bytes are missing or damaged in the store is left out: that is for verify to tell.

    Raises:
        Cancelled: the observer asked for it.
    """
    made: dict[Digest, bytes] = {}
    unkept: list[tuple[bytes, bytes]] = []
    turn = Lock()  # of very large ones
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool, _open_cache(workspace, sight) as cache:
        kept_at = time.monotonic()
        try:
            for start in range(0, len(digests), BATCH):
                observer.check_cancelled()
                batch = digests[start : start + BATCH]
                for digest, print in zip(
                    batch, pool.map(lambda d: _make(workspace, d, sight, turn), batch), strict=True
                ):
                    if print is not None:
                        made[digest] = print
                        unkept.append((bytes.fromhex(digest), print))
                observer.progress(start + len(batch), len(digests), "looking at the images")
                if time.monotonic() - kept_at > _KEEP_INTERVAL_S:
                    _keep(cache, unkept)
                    kept_at = time.monotonic()
        finally:
            _keep(cache, unkept)
    return made


def _make(workspace: Workspace, digest: Digest, sight: Sight, turn: Lock) -> bytes | None:
    try:
        data = workspace.store.read(digest)
        with turn if is_huge(probe_image(data)) else nullcontext():
            return sight.make(data)
    except InvalidInput:
        return UNREADABLE
    except CorruptData as error:
        logger.warning("%s is not looked at: %s", digest, error.message)
        return None


def _keep(cache: sqlite3.Connection, unkept: list[tuple[bytes, bytes]]) -> None:
    with cache:
        cache.executemany("INSERT OR REPLACE INTO prints VALUES (?, ?)", unkept)
    unkept.clear()


@contextmanager
def _open_cache(workspace: Workspace, sight: Sight) -> Iterator[sqlite3.Connection]:
    """Open a cache; one that is damaged, or was made in another way, begins anew."""
    path = workspace.cache_folder / f"{sight.name}.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        cache = _connect(path, sight.version)
    except sqlite3.DatabaseError:
        path.unlink()
        cache = _connect(path, sight.version)
    with closing(cache):
        yield cache


def _connect(path: Path, wanted: int) -> sqlite3.Connection:
    cache = sqlite3.connect(path, timeout=_BUSY_S)
    cache.execute("PRAGMA synchronous = OFF")  # what a power cut takes is made again
    (version,) = cache.execute("PRAGMA user_version").fetchone()
    if version != wanted:
        with cache:
            cache.execute("DROP TABLE IF EXISTS prints")
            cache.execute("CREATE TABLE prints (blob BLOB PRIMARY KEY, print BLOB NOT NULL) WITHOUT ROWID")
            cache.execute(f"PRAGMA user_version = {wanted}")
    cache.execute("SELECT count(*) FROM (SELECT 1 FROM prints LIMIT 1)").fetchone()
    return cache
