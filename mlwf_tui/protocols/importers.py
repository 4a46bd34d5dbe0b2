"""The contract of importers: folders of images and annotations, read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import msgspec

from mlwf_tui.entities.annotation import Annotation, LabelSchema
from mlwf_tui.entities.boxes import Boxes
from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import Problem


class Detection(msgspec.Struct, frozen=True):
    """Why an importer thinks that a folder is in its format; the highest confidence wins."""

    confidence: float  # 0–1
    reason: str  # "Annotations/ holds VOC XML, JPEGImages/ holds 364 images"
    format: str = ""  # where the importer reads several: the full name of this one


class ImportedItem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One image file that an importer found, and where its annotation is.

    `source` is the file that describes this image alone; it is read by `Importer.read_annotation`, and
    only where it or the image has changed. `annotation` is what a file that describes many images
    says of it. Both None: the folder says nothing of the image, not that there is nothing on it.
    `split` is what the folder says, before any file is read. `told_size_px` is the width and height that such
    a file of many says the image has.
    """

    image: FoundFile
    dataset: str  # "" for the root of the import; may nest with "/"
    name: str
    split: Split = Split.NONE
    source: FoundFile | None = None
    annotation: Annotation | None = None
    told_size_px: tuple[int, int] | None = None
    is_displaced: bool = False  # it has another dataset than its folders say: its key was taken


class Description(NamedTuple):
    """What an item's own file says; `split` None where it says nothing of it, as is the size of the image."""

    annotation: Annotation | Boxes
    split: Split | None = None
    told_size_px: tuple[int, int] | None = None  # width, height


Pairing = Callable[[str, str], tuple[str, ...] | None]
"""From a file's folder and name to the folders in which files of the same stem decide with it over items.

None: what the file says, or that it is there, may concern other images as well.
"""


class Importer(Protocol):
    """Reads one dataset format from a folder, without touching it and without leaving it.

    One whose `detect` takes long, such as by loading a library, has a true `is_costly`: it is asked only
    where no other is sure. One that reads several formats has `choose(variant)`, which returns the
    importer of one of them; that one's name is `NAME:VARIANT`. Its `variants` are those to be offered.

    One whose items each follow from the files of one stem has `find_pairing(folder)`, which returns a
    `Pairing`, or None where they do not in that folder. Of a listing with some stems alone, but with all
    files of each, `iter_items` then yields what it would yield of them among all others, or it reports
    something, or an item is displaced. So an import looks only at what has changed.

    One whose `read_annotation` looks at nothing but the file itself has `parse_annotation(content, key,
    width_px, height_px, report)` as well, which makes the same of its bytes; `report` takes the reason of a
    problem. The import verb then reads the file together with seeing that nobody changes it.

    One that reads no annotation files has a false `has_annotations`: those that lie in the folder are told.
    """

    name: str
    summary: str

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return why the folder is in this format, or None. Reads little: names and a few heads."""

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the classes and tags that the folder declares, in the order that gives them their index.

        Empty where the format declares none; classes are then those of the objects.

        Raises:
            InvalidInput: the folder as a whole cannot be read in this format.
        """

    def iter_items(self, folder: FolderListing, report: Callable[[Problem], None]) -> Iterator[ImportedItem]:
        """Yield what can be imported, in path order, and report what cannot, by name and reason.

        Raises:
            InvalidInput: the folder as a whole cannot be read in this format.
        """

    def read_key(self, folder: FolderListing) -> Any:
        """Return what `read_annotation` needs to know of the folder: class names by index, or None.

        Made of mappings, lists, texts and numbers, since it may be sent to another process.
        """

    def read_annotation(
        self, source: FoundFile, key: Any, width_px: int, height_px: int, report: Callable[[Problem], None]
    ) -> Description:
        """Return what an item's own file says, in pixels of the image as it is shown.

        Boxes are as the file has them: the import verb checks them against the image. What cannot be
        used is reported.

        Raises:
            InvalidInput: the whole file cannot be used; the message follows its name.
        """
