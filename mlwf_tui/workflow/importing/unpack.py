"""Unpacks an archive of somebody else's into a folder of the home, and takes it away; not a verb.

Only regular files are written, each by a path that was made of checked names, below a folder that nobody
else writes to. Links and devices are never made, so no path can lead out.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

import msgspec

from mlwf_tui.entities.folder import show_path
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import IMAGE_SUFFIXES, check_name
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import CorruptData, InvalidInput, MlwfError, StorageFailed
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.videos import VIDEO_SUFFIXES
from mlwf_tui.store.failures import guard_storage
from mlwf_tui.store.streams import compute_stream_digest
from mlwf_tui.workflow.importing.members import (
    DAMAGE,
    STEP_BYTES,
    ArchiveKind,
    Member,
    find_kind,
    iter_members,
)
from mlwf_tui.workflow.importing.signing import sign_status
from mlwf_tui.workflow.importing.unpacked import hold_place
from mlwf_tui.workflow.importing.videos import advise

_HEAD_BYTES = 1024
_MAX_DEPTH = 100
_MAX_PATH_BYTES = 3000  # below the folder; with the home before it no system call takes much more
_MB = 1_000_000
_OPEN_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive may unpack to before it is taken for a bomb."""

    ratio: int = 200  # its own size times this; folders of labels reach 50
    least_bytes: int = 1 << 30  # that any archive may unpack to
    files: int = 2_000_000
    spare_bytes: int = 256 << 20  # of the disk, which others write to as well
    look_bytes: int = 64 << 20  # unpacked between two looks at the disk


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """An archive file in one state; its digest tells whether it was imported before, wherever it lies."""

    path: Path
    kind: ArchiveKind
    size_bytes: int
    signature: bytes
    digest: Digest


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """The folder that holds what an archive held, and what was left out of it."""

    root: Path
    problems: tuple[Problem, ...]


def open_archive(path: Path, observer: Observer) -> Archive:
    """Return what a file is, having read it once.

    Raises:
        InvalidInput: it is no archive, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            kind = find_kind(file.read(_HEAD_BYTES))
            if kind is None:
                raise _make_foreign(path)
            status = os.fstat(file.fileno())
            file.seek(0)

            def tell(count: int) -> None:
                observer.check_cancelled()
                observer.progress(count // _MB, status.st_size // _MB, f"MB read of {path.name}")

            digest = compute_stream_digest(file, tell)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Check it.") from error
    return Archive(
        path=path, kind=kind, size_bytes=status.st_size, signature=sign_status(status), digest=digest
    )


def _make_foreign(path: Path) -> InvalidInput:
    """Return the error for a file that is no archive; of a video it says how its frames become items."""
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return InvalidInput(f"{path} is a video, which an import does not read.", hint=advise(str(path)))
    return InvalidInput(
        f"{path} is a file, but no archive that can be read.",
        hint=f"Give a folder, or one of {', '.join(ArchiveKind)}.",
    )


@contextmanager
def unpack(
    home: Path, archive: Archive, observer: Observer, *, limits: Limits | None = None
) -> Iterator[Unpacked]:
    """Give a folder with the archive's files for as long as the block runs.

    Where all lie below one folder, that one is given. Errors of the block name the archive in its place.

    Raises:
        InvalidInput: it is damaged, cut off, encrypted, changes meanwhile, or looks like a bomb.
        StorageFailed: the disk refused, or would be full.
    """
    with hold_place(home) as place:
        unpacking = _Unpacking(archive, place, observer, limits or Limits())
        with _naming(place, archive):
            unpacking.run()
            yield Unpacked(root=_find_root(place), problems=tuple(unpacking.problems))


@contextmanager
def _naming(place: Path, archive: Archive) -> Iterator[None]:
    """Let errors say the archive's name, where they would say that of a folder that will be gone."""
    try:
        yield
    except MlwfError as error:
        error.message = error.message.replace(str(place.resolve()), str(archive.path))
        error.message = error.message.replace(str(place), str(archive.path))
        error.args = (error.message,)
        raise


def _find_root(place: Path) -> Path:
    """Return the folder below which all lies; one that holds images itself keeps its name as a dataset."""
    root = place
    while True:
        entries = list(root.iterdir())
        if len(entries) != 1 or not entries[0].is_dir():
            return root
        inner = list(entries[0].iterdir())
        if all(path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES for path in inner):
            return root
        root = entries[0]


class _Budget:
    """Bounds what an archive unpacks to, by what it really is and not by what it says."""

    def __init__(self, archive: Archive, limits: Limits) -> None:
        self._archive = archive
        self._most = max(limits.least_bytes, limits.ratio * archive.size_bytes)
        self._left = self._most

    def spend(self, size_bytes: int) -> None:
        self._left -= size_bytes
        if self._left < 0:
            self.refuse(f"unpacks to more than {self._most // _MB:,} MB")

    def check(self, size_bytes: int) -> None:
        """See to it that so much may be unpacked, before any of it is."""
        if size_bytes > self._most:
            self.refuse(f"claims to unpack to {size_bytes // _MB:,} MB")

    def refuse(self, what: str) -> NoReturn:
        raise InvalidInput(
            f"{self._archive.path}, of {self._archive.size_bytes // 1000 + 1:,} kB, {what}:"
            " it looks like a bomb.",
            hint="If you trust it, unpack it yourself, and import the folder.",
        )


class _Unpacking:
    def __init__(self, archive: Archive, place: Path, observer: Observer, limits: Limits) -> None:
        self.archive = archive
        self.place = str(place)
        self.observer = observer
        self.limits = limits
        self.written = _Budget(archive, limits)
        self.problems: list[Problem] = []
        self.folders: set[str] = set()
        self.declared_bytes = 0
        self.unlooked_bytes = 0
        self.began_s = time.monotonic()

    def run(self) -> None:
        path = self.archive.path
        try:
            with path.open("rb") as file:
                self._take_all(file)
                status = os.fstat(file.fileno())
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Check it.") from error
        except DAMAGE as error:
            reason = (str(error) or type(error).__name__).rstrip(".")
            raise InvalidInput(
                f"{path} is damaged or cut off: {reason}.", hint="Get it again; nothing was imported."
            ) from error
        except InvalidInput as error:
            if not error.message.startswith(str(path)):
                raise InvalidInput(f"{path} {error.message}.", hint=error.hint) from error
            raise
        if sign_status(status) != self.archive.signature:
            raise InvalidInput(f"{path} changes while it is read.", hint="Try again once it is whole.")

    def _take_all(self, file: IO[bytes]) -> None:
        budget = _Budget(self.archive, self.limits)
        for count, member in enumerate(iter_members(file, self.archive.kind, budget), start=1):
            self.observer.check_cancelled()
            if count > self.limits.files:
                self.written.refuse(f"holds more than {self.limits.files:,} files")
            self.declared_bytes += member.size_bytes
            self.written.check(self.declared_bytes)
            self._tell(member)
            self._take(member)

    def _tell(self, member: Member) -> None:
        rate = member.position / _MB / max(1e-3, time.monotonic() - self.began_s)
        name = show_path(member.name.rpartition("/")[2])
        text = f"MB unpacked of {self.archive.path.name}, {rate:,.0f} MB/s: {name}"
        self.observer.progress(member.position // _MB, max(1, self.archive.size_bytes // _MB), text)

    def _take(self, member: Member) -> None:
        """Write a member, or note why not; hidden ones are passed over as in any folder."""
        if member.is_folder and not member.fault:
            return
        fault = member.fault
        parts, name_fault = split_name(member.name)
        fault = name_fault or fault
        if fault:
            self.problems.append(Problem(show_path(member.name), f"{fault}, and was not unpacked"))
        elif parts:
            self._write(member, parts)

    def _write(self, member: Member, parts: list[str]) -> None:
        relative = "/".join(parts)
        try:
            descriptor = self._create(parts)
        except OSError as error:
            if error.errno not in (
                errno.EEXIST,
                errno.ENOTDIR,
                errno.EISDIR,
                errno.ENAMETOOLONG,
                errno.EILSEQ,
            ):
                with guard_storage(f"unpack {relative}"):
                    raise
            self.problems.append(Problem(show_path(relative), f"{_say_clash(error)}, and was not unpacked"))
            return
        try:
            self._copy(member, descriptor)
        except DAMAGE as error:
            os.unlink(f"{self.place}/{relative}")  # noqa: PTH108
            if self.archive.kind is not ArchiveKind.ZIP:
                raise  # the rest of a stream is lost as well
            reason = str(error) or type(error).__name__
            self.problems.append(Problem(show_path(relative), f"is damaged in the archive: {reason}"))
        finally:
            os.close(descriptor)

    def _look_at_disk(self, size_bytes: int) -> None:
        """Give up before the disk is full, on which jobs may be going."""
        self.unlooked_bytes += size_bytes
        if self.unlooked_bytes < self.limits.look_bytes:
            return
        self.unlooked_bytes = 0
        if shutil.disk_usage(self.place).free < self.limits.spare_bytes:
            raise StorageFailed(
                f"{self.archive.path} was not unpacked: it would fill the disk of the home.",
                hint="Free some space there, or unpack it elsewhere and import the folder.",
            )

    def _create(self, parts: list[str]) -> int:
        folder = "/".join([self.place, *parts[:-1]])
        if folder not in self.folders:
            os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - a million times
            self.folders.add(folder)
        return os.open(f"{folder}/{parts[-1]}", _OPEN_FLAGS, 0o600)

    def _copy(self, member: Member, descriptor: int) -> None:
        stream = member.open()
        if stream is None:
            raise CorruptData("it holds no bytes")
        with stream:
            while part := _read(stream):
                self.observer.check_cancelled()
                self.written.spend(len(part))
                self._look_at_disk(len(part))
                with guard_storage(f"unpack {member.name}"):
                    view = memoryview(part)
                    while view:
                        view = view[os.write(descriptor, view) :]


def _read(stream: IO[bytes]) -> bytes:
    try:
        return stream.read(STEP_BYTES)
    except OSError as error:
        if error.errno is not None:
            raise  # of the disk
        raise CorruptData(str(error)) from error  # bzip2 has no error of its own


def split_name(name: str) -> tuple[list[str], str]:
    """Return the names on a member's way, none for what is passed over, and what is wrong with it."""
    if name.startswith("/") or (name[1:2] == ":" and name[:1].isalpha()):
        return [], "has an absolute path"
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        return [], "leads out of the archive"
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return [], ""
    if len(parts) > _MAX_DEPTH or len(name.encode("utf-8", "surrogatepass")) > _MAX_PATH_BYTES:
        return [], "lies too deep"
    try:
        for part in parts:
            check_name(part, "name")
    except InvalidInput as error:
        return [], f"cannot be used: {error.message.rstrip('.')}"
    return parts, ""


def _say_clash(error: OSError) -> str:
    if error.errno == errno.EEXIST:
        return "comes a second time, or under a name that is the same on this disk"
    if error.errno == errno.ENAMETOOLONG:
        return "lies too deep"
    if error.errno == errno.EILSEQ:
        return "has a name that this disk cannot hold"
    return "lies below what is a file in the archive"
