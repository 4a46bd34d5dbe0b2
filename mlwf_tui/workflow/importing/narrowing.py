"""Narrows an import to the files around what has changed since the last one of its folder; not a verb.

Most importers make an item of files of one stem: an image and its label. What the others became is then as
it was, and neither the importer nor the intake has to see them: only the scan, which is how it is known
that their files have not changed. Wherever it is not certain that looking at all files would lead to the
very same, there is no narrowing, and all are looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from mlwf_tui.entities.folder import SIGNATURE_BYTES, FileFinder, FolderListing, Page
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem, ProblemRow
from mlwf_tui.errors import CorruptData, InvalidInput
from mlwf_tui.protocols.importers import ImportedItem, Importer, Pairing
from mlwf_tui.store.manifests import find_rows
from mlwf_tui.store.nodes import KeptNodes
from mlwf_tui.store.store import Store
from mlwf_tui.workflow.importing.cached_items import CachedItem, KeptChunks, find_items, to_place
from mlwf_tui.workflow.importing.import_cache import Head, ImportCache
from mlwf_tui.workflow.importing.known_items import KnownItems
from mlwf_tui.workflow.importing.listing_changes import FolderChange, iter_folder_changes

MOST_CHANGES = 100_000
"""Each is held in memory; beyond, looking at all files costs little more."""


class Narrowing(msgspec.Struct, frozen=True, kw_only=True):
    """What an import has to look at. `former` is what the last one made of the same images."""

    listing: FolderListing  # of those files alone
    imported: tuple[ImportedItem, ...]
    former: Mapping[str, CachedItem]
    chunks: KeptChunks  # of the cache, as far as looked at
    new_keys: frozenset[str]  # of those imported that the project has no items under
    nodes: KeptNodes  # of the project's manifest, as far as looked at
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
        changes, count = _gather_changes(cache, listing)
        around = _find_around(changes, pairing)
        if around is None or count > min(MOST_CHANGES, listing.count // 2):
            return None
        part = _cut(listing, around)
        images = _list_images(part, changes, around.folders)
        chunks: KeptChunks = {}
        former = find_items(cache.file, cache.items_end, images, around.folders, chunks)
        imported = _ask(importer, part)
        nodes: KeptNodes = {}
        new_keys = (
            None if imported is None else _find_new_keys(store, head, former, imported, find_key, nodes)
        )
        if imported is None or new_keys is None:
            return None
    except (CorruptData, InvalidInput):  # looking at all of it says what is wrong
        return None
    return Narrowing(
        listing=part,
        imported=imported,
        former=former,
        chunks=chunks,
        new_keys=new_keys,
        nodes=nodes,
        change_count=count,
        head=head,
    )


def _gather_changes(cache: ImportCache, listing: FolderListing) -> tuple[list[FolderChange], int]:
    """Return what has changed and how many files that are; no more than a few above MOST_CHANGES."""
    changes: list[FolderChange] = []
    count = 0
    for change in iter_folder_changes(cache.iter_pages(), listing.pages):
        changes.append(change)
        count += len(change.names)
        if count > MOST_CHANGES:
            break
    return changes, count


class _Around(NamedTuple):
    """What lies around a change: all files of some folders, those of some stems in others."""

    folders: set[str]
    stems: dict[str, set[str]]  # by the folders that have files of them


def _find_around(changes: Iterable[FolderChange], pairing: Pairing) -> _Around | None:
    """Return what lies around changes, None where what has changed may concern all files."""
    around = _Around({folder for folder, _, is_whole in changes if is_whole}, {})
    for folder, names, _ in changes:
        stems: dict[tuple[str, ...], set[str]] = {}
        for name in names:
            folders = pairing(folder, name)
            if folders is None:
                return None
            if folders not in stems:
                stems[folders] = set()
            stems[folders].add(name.rpartition(".")[0])
        for folders, found in stems.items():
            for paired in set(folders) - around.folders:
                around.stems.setdefault(paired, set()).update(found)
    return around


def _cut(listing: FolderListing, around: _Around) -> FolderListing:
    """Return a listing with what lies around changes alone, in the same order."""
    finder = FileFinder(listing)
    positions = sorted(
        position
        for folder, wanted in around.stems.items()
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
        if page.folder in around.folders:
            pages.append(page._replace(start=start))
        elif first < taken:
            pages.append(_cut_page(page, [at - page.start for at in positions[first:taken]], start))
        else:
            continue
        start = pages[-1].end
    return FolderListing(listing.root, tuple(pages), (), listing.scanned_at_ns)


def _list_images(part: FolderListing, changes: Iterable[FolderChange], besides: Container[str]) -> set[str]:
    """Return the images that there are, or have changed, in other folders than those `besides`."""
    images = {
        _join(page.folder, name)
        for page in part.pages
        if page.folder not in besides
        for _, name in page.list_ending(IMAGE_SUFFIXES)
    }
    images.update(
        _join(folder, name) for folder, names, _ in changes if folder not in besides for name in names
    )
    return images


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


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


def _find_new_keys(
    store: Store,
    head: Head,
    former: Mapping[str, CachedItem],
    imported: Iterable[ImportedItem],
    find_key: Callable[[ImportedItem], str],
    nodes: KeptNodes,
) -> frozenset[str] | None:
    """Return the keys that images come to have, None where one is that of an item that is not looked at.

    Raises:
        InvalidInput: an image can have no key.
        CorruptData: the manifest cannot be read.
    """
    known = {image: item.key for image, item in former.items()}
    keys = {item.image.relative: find_key(item) for item in imported}
    if len(set(keys.values())) < len(keys):
        return None
    if head.left_out and any(image not in known for image in keys):
        return None  # the keys of those that were left out are not known
    new = {key for image, key in keys.items() if known.get(image) != key} - set(known.values())
    return frozenset(new) if next(find_rows(store, head.manifest, new, nodes), None) is None else None


def _take(counts: Counter[ProblemRow], problem: ProblemRow) -> bool:
    if not counts[problem]:
        return False
    counts[problem] -= 1
    return True
