"""Looks once at a folder of somebody else's files and stays inside of it; not a verb, reads no file."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IFREG, S_ISDIR, S_ISLNK, S_ISREG
from zlib import crc32

from mlwf_tui.entities.folder import PAGE_FILES, SIGNATURE_BYTES, Fault, FolderListing, Page
from mlwf_tui.entities.item import check_name
from mlwf_tui.errors import InvalidInput

_SIGNATURE = struct.Struct("<QqqQQ")  # size, mtime in ns, ctime in ns, inode, device
_RACY_NS = 2_000_000_000
"""A file that changed so shortly before the look may change again without its times telling."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEVICE_BITS = (1 << 64) - 1  # some systems have negative ones
_KIND_BITS = 0o170000  # of a mode
_FEWEST_OF_PAGE = PAGE_FILES // 2
_BORDER_BITS = 127
"""Of a name's checksum: where they are zeros a page ends, so that a new file moves no border but its own."""
_MAX_DEPTH = 200  # of folders in folders; no data set is as deep, and each takes a frame here


def scan_folder(root: Path) -> FolderListing:
    """Return what is below `root`, in path order.

    Hidden files and folders (`.git`, `._photo.jpg`) and `__MACOSX` are passed over.
    """
    root = root.resolve()
    scan = _Scan(root)
    started_ns = time.time_ns()
    scan.enter("", str(root), None)
    return FolderListing(root, tuple(scan.pages), tuple(scan.faults), started_ns)


def is_any_racy(listing: FolderListing) -> bool:
    """Say whether a signature of the listing is too young to be trusted."""
    youngest_ns = listing.scanned_at_ns - _RACY_NS
    return any(
        mtime_ns > youngest_ns or ctime_ns > youngest_ns
        for page in listing.pages
        for _, mtime_ns, ctime_ns, _, _ in _SIGNATURE.iter_unpack(page.signatures)
    )


def sign_status(status: os.stat_result) -> bytes:
    """Return the signature of a file's state."""
    device = status.st_dev & _DEVICE_BITS
    return _SIGNATURE.pack(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, device)


def is_racy(signature: bytes, scanned_at_ns: int) -> bool:
    """Say whether a signature is too young to be trusted: a later edit might leave it as it is."""
    _, mtime_ns, ctime_ns, _, _ = _SIGNATURE.unpack(signature)
    return bool(max(mtime_ns, ctime_ns) > scanned_at_ns - _RACY_NS)


def blank_racy(signatures: bytes, scanned_at_ns: int) -> bytes:
    """Return the signatures of a page, zeros for those that are too young: no file's are equal to these."""
    youngest_ns = scanned_at_ns - _RACY_NS
    racy = [
        index
        for index, (_, mtime_ns, ctime_ns, _, _) in enumerate(_SIGNATURE.iter_unpack(signatures))
        if mtime_ns > youngest_ns or ctime_ns > youngest_ns
    ]
    if not racy:
        return signatures
    blanked = bytearray(signatures)
    for index in racy:
        blanked[index * SIGNATURE_BYTES : (index + 1) * SIGNATURE_BYTES] = bytes(SIGNATURE_BYTES)
    return bytes(blanked)


def get_times_ns(signature: bytes) -> tuple[int, int]:
    """Return the times of the last change of a file's content, and of the file."""
    _, mtime_ns, ctime_ns, _, _ = _SIGNATURE.unpack(signature)
    return mtime_ns, ctime_ns


def get_size(signature: bytes) -> int:
    """Return the size in bytes that a signature tells."""
    size: int = _SIGNATURE.unpack(signature)[0]
    return size


def _ends_page(name: str, count: int) -> bool:
    return count == PAGE_FILES or not crc32(os.fsencode(name)) & _BORDER_BITS


@dataclass(slots=True)
class _OpenPage:
    """The next page of a folder, while its files are being looked at."""

    folder: str
    names: list[str] = field(default_factory=list)
    signatures: list[bytes] = field(default_factory=list)

    def pack(self, start: int) -> Page:
        """Return the page, and begin the next."""
        page = Page(start, self.folder, "/".join(self.names), b"".join(self.signatures))
        self.names.clear()
        self.signatures.clear()
        return page


@dataclass(slots=True)
class _Scan:
    root: Path
    pages: list[Page] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def enter(self, folder: str, name: str, parent: int | None) -> None:
        """List a folder, which is `name` in the folder that `parent` is open on, and those below it."""
        try:
            descriptor = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
            try:
                self._list(folder, descriptor, sorted(os.listdir(descriptor)))  # noqa: PTH208
            finally:
                os.close(descriptor)
        except OSError as error:
            shown = folder.rpartition("/")[2]
            self.faults.append(Fault(folder or ".", shown, f"cannot be read: {error.strerror}", True))

    def _list(self, folder: str, descriptor: int, names: list[str]) -> None:
        # Names and then each one's status: DirEntry objects would take a seventh longer, and more room.
        # What is asked of each file besides, and called by its short name, takes a quarter of the time.
        page, stat_of = _OpenPage(folder), os.stat
        add_name, add_signature, pack = page.names.append, page.signatures.append, _SIGNATURE.pack
        for name in names:
            if name[0] == "." or name == "__MACOSX":
                continue
            try:
                status = stat_of(name, dir_fd=descriptor, follow_symlinks=False)
                is_file = status.st_mode & _KIND_BITS == S_IFREG
                if not is_file or not name.isprintable() or "\\" in name:  # few
                    odd = self._take_odd(page, name, status, descriptor)
                    if odd is None:
                        continue
                    status = odd
            except OSError as error:  # it vanished meanwhile, or is a link to itself
                relative = f"{folder}/{name}" if folder else name
                self.faults.append(Fault(relative, name, f"cannot be read: {error.strerror}", False))
                continue
            add_name(name)
            device = status.st_dev & _DEVICE_BITS
            add_signature(pack(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, device))
            if len(page.names) >= _FEWEST_OF_PAGE and _ends_page(name, len(page.names)):
                self._close(page)
        self._close(page)

    def _close(self, page: _OpenPage) -> None:
        if page.names:
            self.pages.append(page.pack(self.pages[-1].end if self.pages else 0))

    def _take_odd(
        self, page: _OpenPage, name: str, status: os.stat_result, descriptor: int
    ) -> os.stat_result | None:
        """Enter a folder or note a fault; return the status of what is a file all the same."""
        relative = f"{page.folder}/{name}" if page.folder else name
        is_link = S_ISLNK(status.st_mode)
        if is_link:
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=descriptor)
        is_folder = S_ISDIR(status.st_mode)
        fault = self._find_fault(relative, name, status, is_link=is_link)
        if is_folder and relative.count("/") >= _MAX_DEPTH:
            fault = f"lies more than {_MAX_DEPTH} folders deep"
        if fault:
            self.faults.append(Fault(relative, name, fault, is_folder))
        elif is_folder:
            self._close(page)  # what follows its name stands behind its files
            self.enter(relative, name, descriptor)
        else:
            return status
        return None

    def _find_fault(self, relative: str, name: str, status: os.stat_result, *, is_link: bool) -> str:
        try:
            check_name(name, "name")
        except InvalidInput as error:
            return f"cannot be used: {error.message}"
        if is_link:
            if S_ISDIR(status.st_mode):
                return "is a link to a folder, which is not followed"
            # not Path.resolve, which raises on a link to itself
            if not Path(os.path.realpath(self.root / relative)).is_relative_to(self.root):
                return "is a link that leads out of the folder"
            return "" if S_ISREG(status.st_mode) else "is a link to nothing"
        return "" if S_ISDIR(status.st_mode) or S_ISREG(status.st_mode) else "is not a regular file"
