"""What is noted of a folder or archive, to know later whether it still holds the same files; not a verb."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from mlwf_tui.entities.folder import SIGNATURE_BYTES, FolderListing
from mlwf_tui.entities.ids import Digest
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.workflow.importing.scan import scan_folder

_SIGNATURE_WORDS = SIGNATURE_BYTES // 8  # the first is the file's size


class SourceFact(msgspec.Struct, frozen=True, kw_only=True):
    """The digest of a folder's names and sizes, or of an archive's bytes; `file_count` is a folder's."""

    digest: Digest
    file_count: int | None = None


def describe_listing(listing: FolderListing) -> SourceFact:
    """Return what is noted of a folder.

    Times and inodes are left out, which a copy of the folder has otherwise. What was edited at the same
    size is told by what an import then makes of it.
    """
    digests = []
    for page in listing.pages:
        sizes = memoryview(page.signatures).cast("Q")[::_SIGNATURE_WORDS].tobytes()
        names = b"\0".join((os.fsencode(page.folder), os.fsencode(page.names)))
        digests.append(compute_digest(b"\0".join((names, sizes))))
    return SourceFact(digest=compute_digest("".join(digests).encode()), file_count=listing.count)


def look_at_source(path: Path, observer: Observer) -> SourceFact:
    """Return what a folder or archive holds now; an archive is read once.

    Raises:
        InvalidInput: it cannot be read, or is no archive.
        Cancelled: the observer asked for it.
    """
    source = expand_path(path)
    observer.progress(0, None, f"looking through {source.name}")
    if source.is_dir():
        return describe_listing(scan_folder(source))
    from mlwf_tui.workflow.importing.unpack import open_archive  # Python's archive readers take 10 ms

    return SourceFact(digest=open_archive(source, observer).digest)
