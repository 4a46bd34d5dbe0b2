"""Looks once at a folder of somebody else's files and stays inside of it; not a verb, reads no file."""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path

from mlwf_tui.entities.folder import Fault, FolderListing, FoundFile
from mlwf_tui.entities.item import check_name
from mlwf_tui.errors import InvalidInput

_SIGNATURE = struct.Struct("<QqqQQ")  # size, mtime in ns, ctime in ns, inode, device
_RACY_NS = 2_000_000_000
"""A file that changed so shortly before the look may change again without its times telling."""
_MAX_DEPTH = 200  # of folders in folders; no data set is as deep, and each takes a frame here


def scan_folder(root: Path) -> FolderListing:
    """Return what is below `root`, in path order.

    Hidden files and folders (`.git`, `._photo.jpg`) and `__MACOSX` are passed over.
    """
    root = root.resolve()
    scan = _Scan(root, str(root))
    started_ns = time.time_ns()
    scan.enter("")
    return FolderListing(root, tuple(scan.files), tuple(scan.faults), started_ns)


def sign_status(status: os.stat_result) -> bytes:
    """Return the signature of a file's state."""
    return _SIGNATURE.pack(
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev & 0xFFFF_FFFF_FFFF_FFFF,
    )


def is_racy(signature: bytes, scanned_at_ns: int) -> bool:
    """Say whether a signature is too young to be trusted: a later edit might leave it as it is."""
    return max(get_times_ns(signature)) > scanned_at_ns - _RACY_NS


def get_times_ns(signature: bytes) -> tuple[int, int]:
    """Return the times of the last change of a file's content, and of the file."""
    _, mtime_ns, ctime_ns, _, _ = _SIGNATURE.unpack(signature)
    return mtime_ns, ctime_ns


def get_size(signature: bytes) -> int:
    """Return the size in bytes that a signature tells."""
    size: int = _SIGNATURE.unpack(signature)[0]
    return size


@dataclass(slots=True)
class _Scan:
    root: Path
    root_text: str
    files: list[FoundFile] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def enter(self, folder: str) -> None:
        """List one folder, and those below it."""
        try:
            with os.scandir(f"{self.root_text}/{folder}") as scan:
                entries = sorted(scan, key=_get_name)
        except OSError as error:
            name = folder.rpartition("/")[2]
            self.faults.append(Fault(folder or ".", name, f"cannot be read: {error.strerror}", True))
            return
        prefix = f"{folder}/" if folder else ""
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name == "__MACOSX":
                continue
            try:
                self._take(entry, prefix + name)
            except OSError as error:  # it vanished meanwhile, or is a link to itself
                self.faults.append(Fault(prefix + name, name, f"cannot be read: {error.strerror}", False))

    def _take(self, entry: os.DirEntry[str], relative: str) -> None:
        # Most names are plain and most entries files: these two tests cost a microsecond, not ten.
        is_plain = entry.name.isprintable() and "\\" not in entry.name
        if is_plain and entry.is_file(follow_symlinks=False):
            signature = sign_status(entry.stat(follow_symlinks=False))
            self.files.append(FoundFile(self.root_text, relative, signature))
            return
        is_folder = entry.is_dir()
        fault = self._find_fault(entry, is_folder=is_folder)
        if is_folder and relative.count("/") >= _MAX_DEPTH:
            fault = f"lies more than {_MAX_DEPTH} folders deep"
        if fault:
            self.faults.append(Fault(relative, entry.name, fault, is_folder))
        elif is_folder:
            self.enter(relative)
        else:
            self.files.append(FoundFile(self.root_text, relative, sign_status(entry.stat())))

    def _find_fault(self, entry: os.DirEntry[str], *, is_folder: bool) -> str:
        try:
            check_name(entry.name, "name")
        except InvalidInput as error:
            return f"cannot be used: {error.message}"
        if is_folder:
            return "is a link to a folder, which is not followed" if entry.is_symlink() else ""
        if entry.is_symlink():
            # not Path.resolve, which raises on a link to itself
            target = Path(os.path.realpath(entry.path))
            if not target.is_relative_to(self.root):
                return "is a link that leads out of the folder"
            return "" if target.is_file() else "is a link to nothing"
        return "" if entry.is_file() else "is not a regular file"


def _get_name(entry: os.DirEntry[str]) -> str:
    return entry.name
