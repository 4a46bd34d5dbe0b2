"""Finds what differs between two listings of a folder; not a verb, reads no file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from mlwf_tui.entities.folder import SIGNATURE_BYTES, Page


class FolderChange(NamedTuple):
    """Files of one folder that are new, gone or other than before."""

    folder: str
    names: Sequence[str]
    is_whole: bool  # the folder had no files before, or has none now: they are all of them


def iter_folder_changes(before: Iterable[Page], after: Sequence[Page]) -> Iterator[FolderChange]:
    """Yield the files that differ, each once; a folder may come several times.

    Pages that are equal are not opened; since a page's borders follow from names, one file that is
    added leaves all others of its folder as they are.
    """
    unmatched = {(page.folder, page.names): page for page in after}
    kept: set[str] = set()  # folders of files that were there before and are there now
    old: dict[str, list[Page]] = {}
    for page in before:
        known = unmatched.pop((page.folder, page.names), None)
        if known is None:
            old.setdefault(page.folder, []).append(page)
            continue
        kept.add(page.folder)
        if known.signatures != page.signatures:
            names = page.list_names()
            places = _iter_differing(known.signatures, page.signatures, 0, len(names))
            yield FolderChange(page.folder, [names[place] for place in places], False)
    new: dict[str, list[Page]] = {}
    for page in unmatched.values():
        new.setdefault(page.folder, []).append(page)
    for folder in dict.fromkeys((*old, *new)):
        pages, others = old.get(folder, ()), new.get(folder, ())
        is_whole = folder not in kept and not (pages and others)
        yield FolderChange(folder, _list_differing(pages, others), is_whole)


def _list_differing(before: Sequence[Page], after: Sequence[Page]) -> Sequence[str]:
    """Return the names of a folder's files that are in some pages and not the same in others."""
    old, new = _join(before), _join(after)
    if not (old.names and new.names):  # pages that are new or gone, as with a folder that was renamed
        return old.names or new.names
    gone, come = set(old.names).difference(new.names), set(new.names).difference(old.names)
    # Names are sorted, so those that are on both sides stand in the same order.
    old, new = old.leave_out(gone), new.leave_out(come)
    places = _iter_differing(old.signatures, new.signatures, 0, len(new.names))
    return sorted(chain(gone, come, [new.names[place] for place in places]))


class _Files(NamedTuple):
    """Names of files in order, and their signatures."""

    names: list[str]
    signatures: bytes

    def leave_out(self, names: Collection[str]) -> _Files:
        """Return the files without some of them."""
        if not names:
            return self
        kept: list[str] = []
        signatures: list[bytes] = []
        start = 0
        for place in (*sorted(bisect_left(self.names, name) for name in names), len(self.names)):
            kept += self.names[start:place]
            signatures.append(self.signatures[start * SIGNATURE_BYTES : place * SIGNATURE_BYTES])
            start = place + 1
        return _Files(kept, b"".join(signatures))


def _join(pages: Sequence[Page]) -> _Files:
    names = [name for page in pages for name in page.list_names()]
    return _Files(names, b"".join([page.signatures for page in pages]))


def _iter_differing(one: bytes, other: bytes, start: int, end: int) -> Iterator[int]:
    """Yield the places of the signatures that differ: halves that are equal are passed over at once."""
    if (
        one[start * SIGNATURE_BYTES : end * SIGNATURE_BYTES]
        == (other[start * SIGNATURE_BYTES : end * SIGNATURE_BYTES])
    ):
        return
    if end - start == 1:
        yield start
        return
    middle = (start + end) // 2
    yield from _iter_differing(one, other, start, middle)
    yield from _iter_differing(one, other, middle, end)
