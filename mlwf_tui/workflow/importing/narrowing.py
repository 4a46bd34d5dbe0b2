"""Narrows an import to the files around what has changed since the last one of its folder; not a verb.

Most importers make an item of files of one stem: an image and its label. What the others became is then as
it was, and neither the importer nor the intake has to see them: only the scan, which is how it is known
that their files have not changed. Wherever it is not certain that looking at all files would lead to the
very same, there is no narrowing, and all are looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from mlwf_tui.entities.folder import SIGNATURE_BYTES, FileFinder, FolderListing, Page
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import CorruptData, InvalidInput, NotFound
from mlwf_tui.protocols.importers import ImportedItem, Importer, Pairing
from mlwf_tui.store.manifests import find_rows
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.importing.cached_items import CachedItem, find_items, to_place
from mlwf_tui.workflow.importing.import_cache import Head, ImportCache
from mlwf_tui.workflow.importing.known_items import KnownItems
from mlwf_tui.workflow.importing.listing_changes import FileChange, iter_file_changes

MOST_CHANGES = 100_000
"""Each is held in memory; beyond, looking at all files costs little more."""


class Narrowing(msgspec.Struct, frozen=True, kw_only=True):
    """What an import has to look at. `former` is what the last one made of the same images."""

    listing: FolderListing  # of those files alone
    imported: tuple[ImportedItem, ...]
    former: Mapping[str, CachedItem]
    change_count: int  # of files
    head: Head  # of the last import

    @property
    def known(self) -> KnownItems:
        """What may be believed of the items."""
        items = sorted(self.former.values(), key=lambda item: to_place(item.image))
        return KnownItems(lambda: (iter(items),), self.head.scanned_at_ns, (), self.listing)

    @property
    def unseen_count(self) -> int:
        """How many items stay as they are without being looked at."""
        return self.head.item_count - sum(bool(item.key) for item in self.former.values())

    @property
    def unseen_left_out(self) -> int:
        """How many of the images that are not looked at were left out."""
        return self.head.left_out - sum(not item.key for item in self.former.values())

    @property
    def unseen_problems(self) -> list[Problem]:
        """The problems of what is not looked at."""
        gone = Counter(problem for item in self.former.values() for problem in item.problems)
        return [Problem(*problem) for problem in self.head.problems if not _take(gone, problem)]


def narrow(
    store: Store,
    cache: ImportCache,
    listing: FolderListing,
    importer: Importer,
    find_key: Callable[[ImportedItem], str],
) -> Narrowing | None:
    """Return what an import of the listing has to look at, None where that is all of it.

    `cache` is that of the last import by the same importer, whose manifest is the project's now.
    `find_key` gives the key of an item.
    """
    head = cache.head
    if not head.file_count or listing.faults or listing.scanned_at_ns < head.scanned_at_ns:
        return None
    find_pairing = getattr(importer, "find_pairing", None)
    pairing = find_pairing(listing) if find_pairing else None
    if pairing is None:
        return None
    try:
        changes = list(islice(iter_file_changes(cache.iter_pages(), listing.pages), MOST_CHANGES + 1))
        stems = _find_stems(changes, pairing)
        if stems is None or len(changes) > min(MOST_CHANGES, listing.count // 2):
            return None
        part = _cut(listing, stems)
        images = {file.relative for file in part.iter_files() if file.suffix in IMAGE_SUFFIXES}
        images.update(change.relative for change in changes)
        former = find_items(cache.file, cache.items_end, images)
        imported = _ask(importer, part)
        if imported is None or not _are_keys_free(store, head, former, imported, find_key):
            return None
    except (CorruptData, NotFound, InvalidInput):  # looking at all of it says what is wrong
        return None
    return Narrowing(listing=part, imported=imported, former=former, change_count=len(changes), head=head)


def _find_stems(changes: Iterable[FileChange], pairing: Pairing) -> dict[str, set[str]] | None:
    """Return the stems of which something has changed, by the folders that have files of them."""
    stems: dict[str, set[str]] = {}
    for folder, name in changes:
        folders = pairing(folder, name)
        if folders is None:
            return None
        stem = name.rpartition(".")[0]
        for paired in folders:
            if paired not in stems:
                stems[paired] = set()
            stems[paired].add(stem)
    return stems


def _cut(listing: FolderListing, stems: Mapping[str, set[str]]) -> FolderListing:
    """Return a listing with the files of some stems alone, in the same order."""
    finder = FileFinder(listing)
    positions = sorted(
        position
        for folder, wanted in stems.items()
        for stem in sorted(wanted)
        for position, name in finder.iter_beginning(folder, f"{stem}.")
        if name.rpartition(".")[0] == stem
    )
    pages: list[Page] = []
    taken = start = 0
    for page in listing.pages:
        first = taken
        while taken < len(positions) and positions[taken] < page.end:
            taken += 1
        if first < taken:
            pages.append(_cut_page(page, [at - page.start for at in positions[first:taken]], start))
            start = pages[-1].end
    return FolderListing(listing.root, tuple(pages), (), listing.scanned_at_ns)


def _cut_page(page: Page, places: Sequence[int], start: int) -> Page:
    names, signatures, size = page.list_names(), page.signatures, SIGNATURE_BYTES
    chosen = "/".join(names[place] for place in places)
    return Page(
        start, page.folder, chosen, b"".join(signatures[at * size : (at + 1) * size] for at in places)
    )


def _ask(importer: Importer, part: FolderListing) -> tuple[ImportedItem, ...] | None:
    """Return the items of some files, None where they do not go without the others.

    Raises:
        InvalidInput: the importer says so.
    """
    if part.is_empty:
        return ()
    problems: list[Problem] = []
    imported = tuple(importer.iter_items(part, problems.append))
    return None if problems or any(item.is_displaced for item in imported) else imported


def _are_keys_free(
    store: Store,
    head: Head,
    former: Mapping[str, CachedItem],
    imported: Iterable[ImportedItem],
    find_key: Callable[[ImportedItem], str],
) -> bool:
    """Say whether no image gets the key of one that is not looked at.

    Raises:
        InvalidInput: an image can have no key.
        NotFound, CorruptData: the manifest cannot be read.
    """
    known = {image: item.key for image, item in former.items()}
    keys = {item.image.relative: find_key(item) for item in imported}
    if len(set(keys.values())) < len(keys):
        return False
    new = {key for image, key in keys.items() if known.get(image) != key}
    if head.left_out and any(image not in known for image in keys):
        return False  # the keys of those that were left out are not known
    return next(find_rows(store, head.manifest, new - set(known.values())), None) is None


def _take(counts: Counter[tuple[str, str]], problem: tuple[str, str]) -> bool:
    if not counts[problem]:
        return False
    counts[problem] -= 1
    return True
