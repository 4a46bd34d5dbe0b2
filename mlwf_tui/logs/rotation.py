"""Moves the older bytes of a growing log into parts, from outside of whoever writes it; reading is elsewhere.

The writer keeps its descriptor and appends. What a part holds is then punched out of the log: the room is
free, while the log's length, and with it every offset, stays. So nothing can be lost between copying and
cutting, as it can where a log is truncated, and whoever reads needs no word of it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import logging
import os
from pathlib import Path

from mlwf_tui.logs.parts import list_parts, part_path

logger = logging.getLogger(__name__)

COPY_BYTES = 1 << 20
LOOK_BACK_BYTES = 1 << 16  # for the end of a line to cut at
KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02  # linux/falloc.h
UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def rotate(path: Path, part_bytes: int) -> int:
    """Move whole parts of `part_bytes` out of the log while it has more; return how many were made.

    Safe at any time, by several programs at once, and to be killed: a part is there before its bytes leave
    the log. Where the file system cannot punch holes, or is full, the log stays as it is.
    """
    try:
        if part_bytes <= 0 or path.stat().st_size < part_bytes:
            return 0  # the usual case costs one system call
        log = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return 0
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _make_parts(log, path, part_bytes)
    except BlockingIOError:
        return 0  # another program is at it
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            logger.warning("The log %s stays in one file for now: %s.", path, error.strerror)
        return 0
    finally:
        os.close(log)


def _make_parts(log: int, path: Path, part_bytes: int) -> int:
    parts = list_parts(path)
    start = parts[-1].end if parts else 0
    size = os.fstat(log).st_size
    if size < start:
        return 0  # it was begun anew: its offsets are not those of the parts
    _punch_rest(log, start)
    count = 0
    while size - start >= part_bytes:
        end = _find_cut(log, start, start + part_bytes)
        _write_part(log, path, start, end)
        _punch(log, start, end - start)
        start, count = end, count + 1
    return count


def _punch_rest(log: int, start: int) -> None:
    """Punch out what is in a part already: a program was killed before it did."""
    block_bytes = os.fstat(log).st_blksize
    try:
        first = os.lseek(log, 0, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:  # there is nothing but a hole
            raise
        return
    if first < start - block_bytes:
        _punch(log, 0, start)


def _find_cut(log: int, start: int, end: int) -> int:
    """Return where to cut: behind the last line before `end`, or there where a line is very long."""
    begin = max(start, end - LOOK_BACK_BYTES)
    return begin + (os.pread(log, end - begin, begin).rfind(b"\n") + 1 or end - begin)


def _write_part(log: int, path: Path, start: int, end: int) -> None:
    target = part_path(path, start)
    draft = target.with_name(f".{target.name}.new")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _punch(file, 0, 1)  # fails at once where holes are not known, before anything is copied
        while start < end:
            block = os.pread(log, min(COPY_BYTES, end - start), start)
            if not block:
                raise OSError(errno.EIO, "somebody has cut it short")
            _write_all(file, block)
            start += len(block)
        os.fsync(file)
        draft.rename(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
    _sync_folder(path.parent)


def _write_all(file: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(file, view) :]


def _punch(file: int, start: int, size: int) -> None:
    function = ctypes.CDLL(None, use_errno=True).fallocate
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if function(file, KEEP_SIZE_PUNCH_HOLE, start, size) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
