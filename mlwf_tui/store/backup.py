"""Copies packs to another store and checks each copy; what is there already is left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import Cancelled
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.inspection import Inspection
from mlwf_tui.store.packs import list_packs, place_pack, sync_folder, write_all
from mlwf_tui.store.rewrite import salvage_pack
from mlwf_tui.store.verify import name_file

_PART_SUFFIX = ".part"  # of a pack that is being copied
_BUFFER_BYTES = 1 << 20
_THREADS = 2  # one reads and hashes while the other waits for the disk


class CopiedPacks(msgspec.Struct, frozen=True, kw_only=True):
    """What was copied, and which packs could not be as a whole, since their bytes are not what they were."""

    packs: int  # with those of what is sound in damaged ones
    size_bytes: int  # of these, as they lie in the target
    kept: int  # packs that were there already, told by name and size
    problems: tuple[Problem, ...]


def copy_packs(source: Path, target: Path, observer: Observer) -> CopiedPacks:
    """Copy the packs of one folder that another lacks; both locked against collect by the caller.

    A pack gets its name when all its bytes are there, sound and durable. What is sound in a damaged one
    becomes a pack of its own. A pack that is there in its size is not read again. Progress counts bytes.

    Raises:
        StorageFailed: the target's disk refused.
    """
    with guard_storage(f"write to {target}"):
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in target.glob(f"*{_PART_SUFFIX}"):  # of a backup that was killed
            part.unlink()
    copier = _Copier(source, target)
    present = sorted(list_packs(source))
    names = [name for name in present if not copier.has(name)]
    total = sum(copier.measure(name) for name in names)
    done, pack_count, size_bytes, problems = 0, 0, 0, []
    for name, copy in copier.copy_all(names, observer):
        done += copier.measure(name)
        observer.progress(done, total, "copying packs")
        pack_count += copy.packs
        size_bytes += copy.size_bytes
        if copy.reason:
            problems.append(Problem(name_file(name), copy.reason))
    with guard_storage(f"write to {target}"):
        sync_folder(target)
    kept = len(present) - len(names)
    return CopiedPacks(packs=pack_count, size_bytes=size_bytes, kept=kept, problems=tuple(problems))


class _Copy(NamedTuple):
    """What of one pack came to the target, and why that is not all of it."""

    packs: int
    size_bytes: int
    reason: str = ""


class _Copier:
    def __init__(self, source: Path, target: Path) -> None:
        self._source = source
        self._target = target
        self._is_stopped = Event()

    def measure(self, name: str) -> int:
        try:
            return place_pack(self._source, name).stat().st_size
        except OSError:
            return 0  # said when it is read

    def has(self, name: str) -> bool:
        """Return whether the target has a pack of this name and size; its bytes were checked as they came."""
        path = place_pack(self._target, name)
        return path.is_file() and path.stat().st_size == self.measure(name)

    def copy_all(self, names: list[str], observer: Observer) -> Iterator[tuple[str, _Copy]]:
        """Yield each name as it is done, with what was copied."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="copy-pack") as pool:
            try:
                for name, copy in zip(names, pool.map(self._copy, names), strict=True):
                    observer.check_cancelled()
                    yield name, copy
            finally:
                self._is_stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)

    def _copy(self, name: str) -> _Copy:
        part = self._target / f"{name}{_PART_SUFFIX}"
        try:
            if reason := self._copy_bytes(name, part):
                return _Copy(0, 0, f"{reason} Nothing of the pack was copied.")
            damages = Inspection(part, None, None).run(self._check_stopped).damages
            if damages:
                return self._salvage(part, damages[0].reason)
            with guard_storage(f"write {part}"):
                size_bytes = part.stat().st_size
                part.rename(place_pack(self._target, name))
            return _Copy(1, size_bytes)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()

    def _salvage(self, part: Path, reason: str) -> _Copy:
        saved = salvage_pack(part, self._target, self._check_stopped)
        told = f"{saved.saved_count} of its {saved.record_count} records were copied."
        return _Copy(saved.pack_count, saved.size_bytes, f"{reason} {told}")

    def _copy_bytes(self, name: str, part: Path) -> str:
        """Copy a pack to `part`, unchecked; return why not where the source cannot be read."""
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        try:
            source = os.open(place_pack(self._source, name), os.O_RDONLY)
        except OSError as error:
            return f"It cannot be read: {error.strerror}."
        try:
            with guard_storage(f"write {part}"), part.open("xb", buffering=0) as file:
                while size := _read_into(source, buffer):
                    self._check_stopped()
                    write_all(file.fileno(), buffer[:size])
                os.fsync(file.fileno())
        except _Unreadable as error:
            return f"It cannot be read: {error}."
        finally:
            os.close(source)
        return ""

    def _check_stopped(self, _: int = 0) -> None:
        if self._is_stopped.is_set():
            raise Cancelled("The backup was stopped.")


class _Unreadable(Exception):
    """The source failed: an OSError would look like the target's."""


def _read_into(descriptor: int, buffer: memoryview) -> int:
    try:
        return os.readv(descriptor, [buffer])
    except OSError as error:
        raise _Unreadable(error.strerror) from error
