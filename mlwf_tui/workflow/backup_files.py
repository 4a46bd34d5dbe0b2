"""Copies what a home holds beside catalog and store: settings, layouts, what runs have left; not a verb."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlwf_tui.protocols.observer import Observer
from mlwf_tui.workflow.retry import FIT_FOLDER

LOG = "log"
COPY_BYTES = 1 << 20
OF_A_PROCESS = ("control-", "frozen-", ".")  # how names begin that mean nothing in a copy


def copy_files(home: Path, target: Path, observer: Observer) -> int:
    """Copy what is missing in `target` or differs there, checkpoints of unfinished fits included.

    What a fit has cleared away goes from the copy too; a run's log, or anything else, never does.
    Returns how many files were copied.

    Raises:
        OSError: the target's disk refused.
    """
    count = 0
    for path in _iter_files(home):
        observer.check_cancelled()
        count += copy_file(path, target / path.relative_to(home))
    for fit in target.glob(f"runs/*/{FIT_FOLDER}*"):  # those put away by a retry too
        _clear_fit(home / fit.relative_to(target), fit)
    return count


def copy_file(source: Path, target: Path) -> bool:
    """Copy a file if it differs in size or time, whole or not at all and durable; say whether it was.

    Holes stay holes: of a rotated log only a small part is there. What is written to the source meanwhile
    is not in the copy, which then differs for the next time.
    """
    with suppress(FileNotFoundError):  # whoever wrote it has cleared it away meanwhile
        if not source.is_file() or (target.exists() and _stamp(source.stat()) == _stamp(target.stat())):
            return False
        with source.open("rb", buffering=0) as reading:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = os.fstat(reading.fileno())
            part = target.with_name(f".{target.name}.new")
            with part.open("wb", buffering=0) as writing:
                _copy_data(reading.fileno(), writing.fileno(), found.st_size)
                os.fchmod(writing.fileno(), found.st_mode & 0o777)
                os.utime(writing.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))
                os.fsync(writing.fileno())
            part.replace(target)
        return True
    return False


def _iter_files(home: Path) -> Iterator[Path]:
    """Yield the files to copy, each run's log before the others of the run are looked for.

    So no line of a log is missed that is rotated meanwhile: it is in a part before it leaves the log.
    """
    yield home / "settings.toml"
    yield from _iter_below(home / "users")
    for run in sorted(home.glob("runs/*")):
        yield run / LOG
        yield from (path for path in _iter_below(run) if path not in (run / LOG, run / "lock"))


def _iter_below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names) if not name.startswith(OF_A_PROCESS))


def _copy_data(reading: int, writing: int, size: int) -> None:
    """Copy the first `size` bytes, where there are any, and leave the holes between them out."""
    end = 0
    while end < size:
        try:
            start = os.lseek(reading, end, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole follows, or the file has become shorter
            break
        end = min(size, os.lseek(reading, start, os.SEEK_HOLE))
        while start < end and (block := os.pread(reading, min(COPY_BYTES, end - start), start)):
            start += os.pwrite(writing, block, start)
        if start < end:
            break  # it has become shorter
    os.ftruncate(writing, size)


def _clear_fit(source: Path, copy: Path) -> None:
    """Take out of the copy of a fit's folder what the fit has cleared away, or all of it once it is over."""
    if not source.parent.exists():
        return  # the home has lost the whole run: what is here may be the last copy
    if not source.exists():
        shutil.rmtree(copy)
        return
    for path in _iter_below(copy):
        if not (source / path.relative_to(copy)).exists():
            path.unlink()


def _stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns
