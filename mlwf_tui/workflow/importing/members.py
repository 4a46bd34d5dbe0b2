"""Goes through the members of a zip or tar archive, whoever made it; not a verb, writes nothing.

Python's own readers do the work, within bounds: a tar is read forward through a stream that counts what it
unpacks to, so that neither its headers nor what is skipped can fill memory or take for ever.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import IO, NamedTuple, Protocol

from mlwf_tui.errors import CorruptData, InvalidInput
from mlwf_tui.store.streams import ZstdStream

STEP_BYTES = 1 << 20
MAX_HEADER_BYTES = 16 << 20  # of a tar: long names and attributes, which are held in memory
MAX_DIRECTORY_BYTES = 1 << 29  # of a zip, likewise; some five million members

DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError,
    IndexError, OverflowError, NotImplementedError, RuntimeError, gzip.BadGzipFile, CorruptData,
)  # fmt: skip
"""What Python's readers raise where an archive is damaged or uses what they do not know."""

_BLOCK_BYTES = tarfile.BLOCKSIZE
_END = struct.Struct("<4s8xII2x")  # of a zip's directory: signature, size, offset
_END_BYTES = 22
_ZIP64_END = struct.Struct("<4s36xQ8x")  # signature, size
_MOST_COMMENT_BYTES = 1 << 16
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 1


class ArchiveKind(StrEnum):
    """How an archive is put together, told by its first bytes."""

    ZIP = "zip"
    TAR = "tar"
    GZIP = "tar.gz"
    BZIP2 = "tar.bz2"
    XZ = "tar.xz"
    ZSTD = "tar.zst"


class Member(NamedTuple):
    """One entry of an archive. `fault` says why it is not unpacked, in words that follow its name."""

    name: str
    size_bytes: int  # as declared
    is_folder: bool
    fault: str
    position: int  # how many bytes of the archive come before its end
    open: Callable[[], IO[bytes] | None]


class Budget(Protocol):
    """Bounds what an archive may unpack to."""

    def spend(self, size_bytes: int) -> None:
        """Take off what was unpacked.

        Raises:
            InvalidInput: nothing is left.
        """


def find_kind(head: bytes) -> ArchiveKind | None:
    """Return what the first kilobyte of a file says that it is, or None."""
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ArchiveKind.ZIP
    if head[:2] == b"\x1f\x8b":
        return ArchiveKind.GZIP
    if head[:3] == b"BZh":
        return ArchiveKind.BZIP2
    if head[:6] == b"\xfd7zXZ\x00":
        return ArchiveKind.XZ
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return ArchiveKind.ZSTD
    try:
        tarfile.TarInfo.frombuf(head[:_BLOCK_BYTES], "utf-8", "surrogateescape")
    except (tarfile.TarError, *DAMAGE):
        return None
    return ArchiveKind.TAR


def iter_members(file: IO[bytes], kind: ArchiveKind, budget: Budget) -> Iterator[Member]:
    """Yield an archive's members in its order; one is to be read before the next is asked for.

    Raises:
        InvalidInput: it is encrypted, or its headers are beyond all measure; the message follows its name.
        DAMAGE: it is damaged or cut off.
        OSError: the disk refused.
    """
    try:
        if kind is ArchiveKind.ZIP:
            yield from _iter_zip(file)
        else:
            yield from _iter_tar(file, kind, budget)
    except OSError as error:
        if error.errno is not None:
            raise  # of the disk
        raise CorruptData(str(error)) from error  # bzip2 has no error of its own


# --- zip -----------------------------------------------------------------------------------------


def _iter_zip(file: IO[bytes]) -> Iterator[Member]:
    _check_directory(file)
    position = 0
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            position += entry.compress_size
            if entry.flag_bits & _ENCRYPTED_FLAG:
                raise InvalidInput("is encrypted", hint="Unpack it with its password, and import the folder.")
            yield Member(
                _decode_zip_name(entry),
                entry.file_size,
                entry.is_dir(),
                _find_zip_fault(entry),
                position,
                lambda entry=entry: archive.open(entry),  # type: ignore[misc]
            )


def _check_directory(file: IO[bytes]) -> None:
    """See to it that the directory, which is read as a whole, is of a size that can be."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - _MOST_COMMENT_BYTES - _ZIP64_END.size - 20))
    tail = file.read()
    file.seek(0)
    declared = []
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and len(tail) - at >= _END.size:
        declared.append(_END.unpack_from(tail, at)[1])
    at = tail.rfind(b"PK\x06\x06")
    if at >= 0 and len(tail) - at >= _ZIP64_END.size:
        declared.append(_ZIP64_END.unpack_from(tail, at)[1])
    sizes = [found for found in declared if found != 0xFFFFFFFF and found <= size]
    if sizes and max(sizes) > MAX_DIRECTORY_BYTES:
        raise InvalidInput(
            f"has a directory of {max(sizes) >> 20:,} MiB", hint="Unpack it, and import the folder."
        )


def _decode_zip_name(entry: zipfile.ZipInfo) -> str:
    """Return a name as its maker meant it: many write UTF-8 and do not say so."""
    name = entry.filename
    if not entry.flag_bits & _UTF8_FLAG:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:  # it is in the code page that the format names, or nobody knows in which
            name = entry.filename
    return name.replace("\\", "/") if "/" not in name else name  # some tools of Windows write these


def _find_zip_fault(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "is a link"
    kind = stat.S_IFMT(mode)
    return "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "is a device or a pipe"


# --- tar -----------------------------------------------------------------------------------------


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Forward:
    """The file that tarfile reads: forward only, in bounded steps, each byte counted."""

    def __init__(self, source: _Source, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._position = 0
        self.last = b""  # what was read last

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise InvalidInput(
                f"has a header of more than {MAX_HEADER_BYTES >> 20} MiB", hint="Nothing was imported."
            )
        parts, missing = [], size
        while missing and (part := self._source.read(missing)):
            parts.append(part)
            missing -= len(part)
            self._budget.spend(len(part))
        self.last = b"".join(parts)
        self._position += len(self.last)
        return self.last

    def seek(self, position: int, whence: int = 0) -> int:
        if whence or position < self._position:
            raise tarfile.StreamError("its headers lead backwards")
        while self._position < position and self.read(min(STEP_BYTES, position - self._position)):
            pass
        return self._position

    def tell(self) -> int:
        return self._position


def _open_source(file: IO[bytes], kind: ArchiveKind) -> _Source:
    match kind:
        case ArchiveKind.GZIP:
            return gzip.GzipFile(fileobj=file, mode="rb")
        case ArchiveKind.BZIP2:
            return bz2.BZ2File(file)
        case ArchiveKind.XZ:
            return lzma.LZMAFile(file)
        case ArchiveKind.ZSTD:
            return ZstdStream(file)
        case _:
            return file


def _iter_tar(file: IO[bytes], kind: ArchiveKind, budget: Budget) -> Iterator[Member]:
    stream = _Forward(_open_source(file, kind), budget)
    with tarfile.TarFile(fileobj=stream, mode="r", encoding="utf-8") as archive:  # type: ignore[arg-type]
        while (entry := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined] # it keeps all of them, a kilobyte each
            yield Member(
                _decode_tar_name(entry.name),
                entry.size,
                entry.isdir(),
                _find_tar_fault(entry),
                file.tell(),
                lambda entry=entry: archive.extractfile(entry),  # type: ignore[misc]
            )
        # tarfile takes a header that makes no sense for the end; the real end is a block of zeros.
        if stream.last != bytes(_BLOCK_BYTES):
            raise CorruptData("its end is missing")
        while stream.read(STEP_BYTES):  # what packed it has a checksum at its end
            pass


def _decode_tar_name(name: str) -> str:
    """Return a name that is no UTF-8 as Windows or Latin-1 would show it."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape")
        try:
            return raw.decode("cp1252")
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    return name


def _find_tar_fault(entry: tarfile.TarInfo) -> str:
    if entry.issym() or entry.islnk():
        return "is a link"
    if not (entry.isreg() or entry.isdir()):
        return "is a device or a pipe"
    if entry.isdir():
        return ""
    try:
        tarfile.data_filter(entry, ".")
    except tarfile.FilterError as error:
        return f"cannot be unpacked safely: {error}"
    return ""
