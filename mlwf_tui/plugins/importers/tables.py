"""Files that describe many images: what they say is kept by an image's position until its turn has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Tag
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    Keys,
    Place,
    Report,
    find_place,
    iter_numbered,
    make_unread,
)
from mlwf_tui.plugins.importers.image_index import ImageIndex
from mlwf_tui.protocols.importers import Description, ImportedItem

Custom = dict[str, str | float | bool]


class OfManyImages:
    """What importers share whose items come with their annotations: no item has a file of its own."""

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: there is no file to read with it."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return nothing: there is no file to read."""
        return Description(Annotation())


@dataclass(slots=True)
class Entry:
    """What the files say of one image so far."""

    source: str
    split: Split = Split.NONE
    told_size_px: tuple[int, int] | None = None
    objects: list[AnnotatedObject] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    custom: Custom = field(default_factory=dict)


@dataclass(slots=True)
class Table:
    """What annotation files say of the images of a folder, by position."""

    folder: FolderListing
    finder: FileFinder
    index: ImageIndex
    entries: dict[int, Entry] = field(default_factory=dict)
    has_unread: bool = False  # whether a file could not be read: an image without entry may be one of its

    @classmethod
    def of(cls, folder: FolderListing) -> Table:
        """Return an empty table of a folder's images."""
        finder = FileFinder(folder)
        return cls(folder, finder, ImageIndex(folder, finder))

    def read_all(
        self,
        sources: Sequence[FoundFile],
        read: Callable[[FoundFile], None],
        report: Report,
        *,
        what: str,
    ) -> None:
        """Let `read` enter what each file says; one that cannot be used is reported.

        Raises:
            InvalidInput: there is none that can; `what` names them.
        """
        if not sources:
            raise InvalidInput(
                f"There is no {what} in {self.folder.root}.", hint="Name another format with --format."
            )
        faults = []
        for source in sources:
            try:
                read(source)
            except InvalidInput as error:
                self.has_unread = True
                faults.append(Problem(source.relative, error.message))
                report(faults[-1])
        if len(faults) == len(sources):
            raise make_unread(what, self.folder.root, faults)

    def enter(self, position: int, source: FoundFile, split: Split = Split.NONE) -> Entry:
        """Return the entry of an image, made where there is none."""
        entry = self.entries.setdefault(position, Entry(source.relative))
        if entry.split is Split.NONE:
            entry.split = split
        return entry

    def iter_items(
        self,
        layout: frozenset[str],
        report: Report,
        *,
        find: Callable[[FoundFile], Place] | None = None,
        is_image: Callable[[FoundFile], bool] = lambda image: True,
    ) -> Iterator[ImportedItem]:
        """Yield the images in path order, each with its entry, which is let go; without one no objects.

        Where a file could not be read, images without an entry are reported instead.
        """
        self.index.report_guesses(report)
        keys = Keys()
        for position, image in iter_numbered(self.folder, IMAGE_SUFFIXES):
            if not is_image(image):
                continue
            entry = self.entries.pop(position, None)
            if entry is None and self.has_unread:
                report(Problem(image.relative, "may belong to an annotation file that could not be read"))
                continue
            place = find(image) if find else find_place(image, layout)
            if entry is not None and entry.split is not Split.NONE:
                place = Place(place.dataset, entry.split)
            annotation, size = Annotation(), None
            if entry is not None:
                size = entry.told_size_px
                annotation = Annotation(tuple(entry.objects), tuple(entry.tags), entry.custom)
            if item := keys.make_item(image, place, report, annotation=annotation, told_size_px=size):
                yield item
