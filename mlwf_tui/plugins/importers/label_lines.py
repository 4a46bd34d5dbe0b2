"""What importers of a text file for each image with an object a line share: all but the lines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, LabelSchema
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    Report,
    has_images,
    iter_fitting,
    read_bytes,
    split_lines,
    tell_images,
)
from mlwf_tui.plugins.importers.pairs import iter_by_stem
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem

_LOOKED_AT: Final = 5


class OfLabelLines:
    """All of such an importer but its lines, which a format's own class reads."""

    name: str
    summary: str
    title: str  # of the files, in sentences: "KITTI's lines"
    folders: frozenset[str]  # that hold them, in lower case
    layout: frozenset[str]

    def read_line(self, words: list[str]) -> AnnotatedObject:
        """Return the object of a line.

        Raises:
            InvalidInput: it is none; the message follows "line 3 ".
        """
        raise NotImplementedError

    def read_fact(self, line: str) -> dict[str, str | float | bool] | None:
        """Return what a line says of the image as custom facts, None where it is one of an object."""
        return None

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where such a folder holds a file that begins with an object."""
        files = iter_fitting(folder, {".txt"}, lambda page: self._is_label_folder(page.folder))
        first = next((file for file in islice(files, _LOOKED_AT) if self._is_fitting(file)), None)
        if first is None or not has_images(folder):
            return None
        return Detection(0.95, f"{first.relative} has {self.title}, {tell_images(folder)}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return nothing: the format declares no classes."""
        return LabelSchema()

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order, with its text file.

        Raises:
            InvalidInput: there is none.
        """
        yield from iter_by_stem(
            folder,
            self.layout,
            {".txt"},
            report,
            what=f"text file with {self.title}",
            is_source=lambda file: self._is_label_folder(file.folder),
        )

    def read_key(self, folder: FolderListing) -> None:
        """Return nothing: a text file says all by itself."""

    def read_annotation(
        self, source: FoundFile, key: None, width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the objects of a text file.

        Raises:
            InvalidInput: it is not text.
        """
        objects, custom = list[AnnotatedObject](), dict[str, str | float | bool]()
        for number, line in enumerate(split_lines(read_bytes(source.location)), start=1):
            try:
                if (fact := self.read_fact(line)) is not None:
                    custom |= fact
                elif words := line.split():
                    objects.append(self.read_line(words))
            except InvalidInput as error:
                report(Problem(source.relative, f"line {number} {error.message}"))
        return Description(Annotation(tuple(objects), custom=custom))

    def _is_label_folder(self, folder: str) -> bool:
        return folder.rpartition("/")[2].lower() in self.folders

    def _is_fitting(self, file: FoundFile) -> bool:
        try:
            lines = split_lines(read_bytes(file.location))
            first = next((line for line in lines if line and self.read_fact(line) is None), "")
            return bool(self.read_line(first.split()))
        except InvalidInput:
            return False
