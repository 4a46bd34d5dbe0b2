"""Imports the masks of Pascal VOC: a picture of classes for each image, and one of objects where there is.

`SegmentationClass/` and `SegmentationObject/` beside `JPEGImages/`, splits in ImageSets/Segmentation, colours
of classes in labelmap.txt, else VOC's. The number of an object is that of its entry in the XML file, which
has its flags. Images without such a picture are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, ClassDefinition, LabelSchema, Tag
from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.voc_colors import LABELS_NAME, VOID, color_number, number_color
from mlwf_tui.plugins.importers.files import (
    Keys,
    Report,
    check_class_name,
    iter_fitting,
    iter_numbered,
    name_some,
    read_bytes,
    read_lines,
    report_faults,
    resolve_inside,
)
from mlwf_tui.plugins.importers.voc_objects import parse_voc, read_tags
from mlwf_tui.plugins.importers.voc_splits import MAP_FOLDERS, find_split_place, is_map, read_splits
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem

if TYPE_CHECKING:  # numpy is loaded where a picture is read
    import numpy as np
    from numpy.typing import NDArray

CLASSES: Final = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
"""The classes by number, from 1 on. Source: VOC 2012 development kit, VOCinit.m."""

_IMAGE_FOLDERS: Final = frozenset({"jpegimages", "images"})
_SUFFIXES: Final = IMAGE_SUFFIXES | {".txt", ".xml"}


class VocMasksImporter:
    """A mask for each object of SegmentationObject, or for each class of SegmentationClass."""

    name = "voc:segmentation"
    summary = "Pascal VOC: SegmentationClass/ and SegmentationObject/ with a PNG for each image"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where there is such a folder of PNGs, and one of images."""
        count = count_maps(folder)
        if not count or not any(not is_map(image) for _, image in iter_numbered(folder, IMAGE_SUFFIXES)):
            return None
        return Detection(
            0.94, f"{MAP_FOLDERS[-1]} holds {format_count(count, 'PNG')} of VOC's masks", self.name
        )

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the classes of labelmap.txt in its order, or VOC's, with their colours.

        Raises:
            InvalidInput: the file cannot be used.
        """
        return LabelSchema(
            tuple(
                ClassDefinition(name, "#" + code.to_bytes(3).hex())
                for name, code in _read_labels(folder).items()
                if code
            )
        )

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield every image that has a picture of masks in path order; the others are counted.

        Raises:
            InvalidInput: there is no such picture.
        """
        report_faults(folder, _SUFFIXES, report)
        if not count_maps(folder):
            raise InvalidInput(
                f"There is no {' or '.join(MAP_FOLDERS)} with PNGs in {folder.root}.",
                hint="Name another format with --format.",
            )
        finder, keys = FileFinder(folder), Keys()
        splits = read_splits(folder, report, "segmentation")
        left_out: list[str] = []
        for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
            if is_map(image):
                continue
            source = _find_map(image, finder)
            if source is None:
                left_out.append(image.relative)
                continue
            place = find_split_place(image, splits[position])
            if item := keys.make_item(image, place, report, source=source):
                yield item
        if left_out:
            images = format_count(len(left_out), "image")
            told = f"has no PNG of masks for {images}, left out: {name_some(left_out)}"
            report(Problem(MAP_FOLDERS[-1], told))

    def read_key(self, folder: FolderListing) -> dict[str, Any]:
        """Return the classes by the numbers of their colours, and a digest of all files beside the PNGs.

        An object's class and flags stand in other files than its mask: where one of these has changed,
        all are read anew.

        Raises:
            InvalidInput: labelmap.txt cannot be used.
        """
        state = hashlib.blake2b(digest_size=16)
        for _, file in iter_numbered(folder, {".png", ".xml"}):
            if is_map(file) or file.suffix == ".xml":
                state.update(file.relative.encode(errors="surrogateescape") + file.signature)
        labels = {number_color(code): name for name, code in _read_labels(folder).items() if code}
        return {"names": [[number, name] for number, name in labels.items()], "state": state.hexdigest()}

    def read_annotation(
        self, source: FoundFile, key: Mapping[str, Any], width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the masks of an image, objects before each other as they are numbered.

        Raises:
            InvalidInput: a PNG is none, or is not of the image's size.
        """
        size = (width_px, height_px)
        names = {int(number): str(name) for number, name in key["names"]}
        numbers = _decode(source.location, size)
        if MAP_FOLDERS[1] in source.folders:
            return Description(_read_classes(source, numbers, names, report))
        beside = _find_beside(source, MAP_FOLDERS[1], ".png")
        if beside is None:
            raise InvalidInput(f"has no {MAP_FOLDERS[1]} beside it that says of which class its objects are")
        classes = _decode(str(beside), size)
        return Description(_read_objects(source, numbers, classes, names, report))


def count_maps(folder: FolderListing) -> int:
    """Return how many PNGs there are in the folder that has the most of them."""
    counts = [
        sum(len(page.list_ending({".png"})) for page in folder.pages if name in page.folder.split("/"))
        for name in MAP_FOLDERS
    ]
    return max(counts)


def _find_map(image: FoundFile, finder: FileFinder) -> FoundFile | None:
    folders = list(image.folders)
    at = next((at for at, name in enumerate(folders) if name.lower() in _IMAGE_FOLDERS), len(folders))
    for name in MAP_FOLDERS:
        position = finder.find("/".join([*folders[:at], name, *folders[at + 1 :]]), f"{image.stem}.png")
        if position is not None:
            return finder.get(position)
    return None


def _find_beside(source: FoundFile, folder: str, suffix: str) -> Path | None:
    """Return the file of a PNG's stem in another folder of the same tree, where it is there."""
    parts = [folder if part == MAP_FOLDERS[0] else part for part in source.folders]
    path = resolve_inside(Path(source.root), "/".join([*parts, f"{source.stem}{suffix}"]))
    return path if path is not None and path.is_file() else None


def _read_labels(folder: FolderListing) -> Mapping[str, int]:
    """Return the colours 0xRRGGBB by class: `name:R,G,B:parts:actions` a line of labelmap.txt, or VOC's."""
    file = next(iter_fitting(folder, {".txt"}, lambda page: LABELS_NAME in page.list_names()), None)
    if file is None or file.name != LABELS_NAME:
        return {name: color_number(number) for number, name in enumerate(CLASSES, start=1)}
    found: dict[str, int] = {}
    try:
        for line in filter(None, read_lines(file.location)):
            words = line.rsplit(":", 3)
            numbers = words[1].split(",") if len(words) == 4 and words[1] else []
            if not all(w.strip().isdecimal() and len(w) < 5 and int(w) < 256 for w in numbers):
                if line.startswith("#"):
                    continue
                raise InvalidInput("has a colour that is not three numbers")
            if len(words) != 4 or len(numbers) not in (0, 3):
                raise InvalidInput("has a line that is not a name, a colour, parts and actions")
            code = int.from_bytes(bytes(map(int, numbers))) if numbers else color_number(len(found))
            found.setdefault(check_class_name(words[0]), code)
    except InvalidInput as error:
        raise InvalidInput(f"{file.relative} {error.message}.", hint="Mend it.") from error
    return found


# --- pixels --------------------------------------------------------------------------------------


def _decode(location: str, size: tuple[int, int]) -> NDArray[np.int64]:
    """Return the colours of a PNG (H, W) as 0xRRGGBB; a grey one without a palette has VOC's numbers."""
    import numpy as np

    from mlwf_tui.plugins.importers.label_maps import decode_map

    pixels = decode_map(read_bytes(location), size, has_palette_colors=True)
    if pixels.ndim == 3:
        channels = np.asarray(pixels, np.int64)
        return np.asarray((channels[..., 0] << 16) + (channels[..., 1] << 8) + channels[..., 2])
    values, places = np.unique(np.asarray(pixels, np.int64), return_inverse=True)
    if values[0] < 0 or values[-1] >= 1 << 24:
        raise InvalidInput("has numbers that are no objects")
    return np.array([color_number(int(value)) for value in values])[places].reshape(pixels.shape)


def _read_classes(
    source: FoundFile, colors: NDArray[np.int64], names: Mapping[int, str], report: Report
) -> Annotation:
    """Return a mask for each class."""
    from mlwf_tui.plugins.importers.label_maps import iter_masks

    objects = []
    for code, geometry in iter_masks(colors):
        number = number_color(code)
        if number in names:
            objects.append((number, AnnotatedObject(names[number], geometry)))
        elif number not in (0, VOID):
            report(Problem(source.relative, f"has pixels of {_tell(code)}, which is no class"))
    return Annotation(tuple(labelled for _, labelled in sorted(objects, key=lambda pair: pair[0])))


def _read_objects(
    source: FoundFile,
    colors: NDArray[np.int64],
    classes: NDArray[np.int64],
    names: Mapping[int, str],
    report: Report,
) -> Annotation:
    """Return a mask for each object, of the class that most of its pixels have."""
    from mlwf_tui.media.outlines import draw_mask
    from mlwf_tui.plugins.importers.label_maps import iter_masks

    entries = _list_entries(source, report)
    height_px, width_px = colors.shape
    objects = []
    for number, geometry in sorted((number_color(code), found) for code, found in iter_masks(colors)):
        if number in (0, VOID):
            continue
        found = _find_class(classes[draw_mask(geometry, width_px, height_px)], names)
        if found is None:
            report(Problem(source.relative, f"object {number} has no pixel of a class"))
            continue
        is_same = number <= len(entries) and entries[number - 1][0] == found
        objects.append(AnnotatedObject(found, geometry, tags=entries[number - 1][1] if is_same else ()))
    return Annotation(tuple(objects))


def _find_class(colors: NDArray[np.int64], names: Mapping[int, str]) -> str | None:
    """Return the class that most of an object's pixels (N,) have."""
    import numpy as np

    values, counts = np.unique(colors, return_counts=True)
    for at in np.argsort(-counts, kind="stable"):
        if (name := names.get(number_color(int(values[at])))) is not None:
            return name
    return None


def _list_entries(source: FoundFile, report: Report) -> list[tuple[str, tuple[Tag, ...]]]:
    """Return class and flags of the objects in the XML file of an image; one that cannot be read is told."""
    path = _find_beside(source, "Annotations", ".xml")
    if path is None:
        return []
    try:
        objects = parse_voc(str(path)).iterfind("object")
        return [((entry.findtext("name") or "").strip(), read_tags(entry)) for entry in objects]
    except InvalidInput as error:
        report(Problem(path.relative_to(source.root).as_posix(), f"{error.message}; its flags are not read"))
        return []


def _tell(code: int) -> str:
    red, green, blue = code.to_bytes(3)
    return f"colour {red} {green} {blue}"
