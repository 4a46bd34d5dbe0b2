"""Makes archives for tests: of a folder in every kind, and of hostile members one by one."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import zstandard

from mlwf_tui.workflow.importing.members import ArchiveKind

_MODES = {ArchiveKind.TAR: "w", ArchiveKind.GZIP: "w:gz", ArchiveKind.BZIP2: "w:bz2", ArchiveKind.XZ: "w:xz"}


def pack(folder: Path, kind: ArchiveKind, *, prefix: str = "") -> bytes:
    """Return an archive of a folder's files, below `prefix` where one is given."""
    files = {
        f"{prefix}{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return pack_files(files, kind)


def pack_files(files: Mapping[str, bytes], kind: ArchiveKind) -> bytes:
    """Return an archive of files by name."""
    stream = io.BytesIO()
    if kind is ArchiveKind.ZIP:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
            for name, data in files.items():
                made.writestr(name, data)
        return stream.getvalue()
    tar = pack_members([make_member(name, data) for name, data in files.items()])
    if kind is ArchiveKind.ZSTD:
        return zstandard.ZstdCompressor(write_checksum=True).compress(tar)
    if kind is ArchiveKind.TAR:
        return tar
    module = {ArchiveKind.GZIP: "gzip", ArchiveKind.BZIP2: "bz2", ArchiveKind.XZ: "lzma"}[kind]
    packed: bytes = __import__(module).compress(tar)
    return packed


def make_member(
    name: str, data: bytes = b"", *, type: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of a tar."""
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(data), type, link
    return member, data


def pack_members(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Return a tar of members as they are given."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as made:
        for member, data in members:
            made.addfile(member, io.BytesIO(data))
    return stream.getvalue()
