"""Pairs images with annotation files of their own: by stem, or by what the file itself names."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from mlwf_tui.entities.annotation import Annotation
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    Keys,
    Place,
    Report,
    check_bare_name,
    compose,
    find_folder_place,
    find_place,
    has_suffix,
    iter_numbered,
    report_faults,
    show_path,
)
from mlwf_tui.protocols.importers import ImportedItem

NONE: Final = -1
_SEVERAL: Final = -1


class StemIndex:
    """Finds an annotation's image: in the same dataset and split first, else wherever it is alone."""

    def __init__(self, folder: FolderListing, finder: FileFinder, layout: frozenset[str]) -> None:
        self._listing = folder
        self._finder = finder
        self._layout = layout
        self._folders: dict[Place, dict[str, None]] = {}
        for page in folder.pages:
            if page.list_ending(IMAGE_SUFFIXES):
                self._folders.setdefault(find_folder_place(page.folder, layout), {})[page.folder] = None
        self._by_name: dict[str, int] | None = None

    def find(self, file: FoundFile, name: str) -> int | None:
        """Return the position of the one image `name` (a file name or a stem) that belongs to `file`."""
        candidates = [
            position
            for folder in self._folders.get(find_place(file, self._layout), ())
            for position in self._iter_named(folder, name)
        ]
        if len(candidates) == 1:
            return candidates[0]
        found = self._list_by_name().get(compose(name), _SEVERAL)
        return None if found == _SEVERAL else found

    def _iter_named(self, folder: str, name: str) -> Iterator[int]:
        exact = self._finder.find(folder, name) if has_suffix(name, IMAGE_SUFFIXES) else None
        if exact is not None:
            yield exact
        for position, known in self._finder.iter_beginning(folder, f"{name}."):
            if has_suffix(known, IMAGE_SUFFIXES) and known.rpartition(".")[0] == name:
                yield position

    def _list_by_name(self) -> dict[str, int]:
        """Return the positions of all images by name and by stem; most folders never ask for it."""
        if self._by_name is None:
            self._by_name = {}
            for position, image in iter_numbered(self._listing, IMAGE_SUFFIXES):
                for known in map(compose, (image.name, image.name.rpartition(".")[0])):
                    self._by_name[known] = _SEVERAL if known in self._by_name else position
        return self._by_name


def match_sources(
    folder: FolderListing,
    index: StemIndex,
    suffixes: Collection[str],
    report: Report,
    *,
    read_image: Callable[[FoundFile], int] | None = None,
    is_source: Callable[[FoundFile], bool] = lambda file: True,
) -> array[int]:
    """Return for each position of the listing that of its image's annotation file, -1 where none is.

    A file belongs to the image of its own stem, as most tools have it; only where there is none, or
    more than one, the image is the one that the file itself names (`read_image`).
    """
    finder = FileFinder(folder)
    sources = array("q", [NONE]) * folder.count
    for position, file in iter_numbered(folder, suffixes):
        if not is_source(file):
            continue
        try:
            image = index.find(file, file.name.rpartition(".")[0])
            if image is None:
                if read_image is None:
                    raise InvalidInput("has no image of its name")
                image = read_image(file)
            if sources[image] != NONE:
                described = finder.get(image).relative
                raise InvalidInput(f"describes {described}, which another file describes already")
        except InvalidInput as error:
            report(Problem(file.relative, error.message))
        else:
            sources[image] = position
    return sources


def iter_paired(
    folder: FolderListing,
    finder: FileFinder,
    sources: Sequence[int],
    find: Callable[[int, FoundFile], Place],
    report: Report,
    *,
    is_image: Callable[[FoundFile], bool] = lambda image: True,
    empty: Annotation | None = None,
) -> Iterator[ImportedItem]:
    """Yield every image in path order with its annotation file; `empty` is for those without one."""
    keys = Keys()
    for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
        if not is_image(image):
            continue
        source = None if sources[position] == NONE else finder.get(sources[position])
        annotation = None if source else empty
        place = find(position, image)
        if item := keys.make_item(image, place, report, source=source, annotation=annotation):
            yield item


def iter_by_stem(
    folder: FolderListing,
    layout: frozenset[str],
    suffixes: Collection[str],
    report: Report,
    *,
    what: str,
    is_source: Callable[[FoundFile], bool] = lambda file: True,
    read_image_name: Callable[[FoundFile], str] | None = None,
) -> Iterator[ImportedItem]:
    """Yield every image in path order with the annotation file of its stem, or that names it.

    Raises:
        InvalidInput: there is no annotation file; `what` says what that would be.
    """
    report_faults(folder, IMAGE_SUFFIXES | frozenset(suffixes), report)
    if not any(is_source(file) for _, file in iter_numbered(folder, suffixes)):
        raise InvalidInput(f"There is no {what} in {folder.root}.", hint="Name another format with --format.")
    finder = FileFinder(folder)
    index = StemIndex(folder, finder, layout)

    def read_image(file: FoundFile) -> int:
        name = read_image_name(file) if read_image_name else file.stem
        position = index.find(file, check_bare_name(name))
        if position is None:
            raise InvalidInput(f"its image {show_path(name)} is missing")
        return position

    sources = match_sources(folder, index, suffixes, report, read_image=read_image, is_source=is_source)
    yield from iter_paired(folder, finder, sources, lambda at, image: find_place(image, layout), report)
