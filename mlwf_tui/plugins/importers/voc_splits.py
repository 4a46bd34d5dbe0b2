"""The splits of Pascal VOC: ImageSets/Main or ImageSets/Segmentation hold a list of stems for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mlwf_tui.entities.folder import FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import Place, Report, find_place, iter_numbered, name_some, read_lines

LAYOUT: Final = frozenset({"annotations", "jpegimages", "images", "xmls"})
MAP_FOLDERS: Final = ("SegmentationObject", "SegmentationClass")
"""The folders of pictures that say what stands where, the one that tells more first."""

_SPLITS: Final = (Split.NONE, Split.TRAIN, Split.VAL, Split.TEST)


def is_map(image: FoundFile) -> bool:
    """Say whether a picture is an annotation and no image of its own."""
    return not set(MAP_FOLDERS).isdisjoint(image.folders)


def find_split_place(image: FoundFile, code: int) -> Place:
    """Return where an image goes; `code` is what `read_splits` says of it."""
    place = find_place(image, LAYOUT)
    return Place(place.dataset, _SPLITS[code]) if code else place


def read_splits(folder: FolderListing, report: Report, kind: str = "main") -> bytearray:
    """Return for each position the number of the split that the lists in every ImageSets/KIND give, or 0."""
    splits = bytearray(folder.count)
    by_base: dict[str, dict[str, FoundFile]] = {}
    for _, file in iter_numbered(folder, {".txt"}):
        if _is_list(file, kind):
            by_base.setdefault("/".join(file.folders[:-2]), {})[file.name.lower()] = file
    for base, files in by_base.items():
        stems = {
            image.stem: position
            for position, image in iter_numbered(folder, IMAGE_SUFFIXES)
            if _is_below(image, base) and not is_map(image)
        }
        for name, split in _choose_lists(files):
            _read_list(files[name], split, stems, splits, report)
    return splits


def _is_list(file: FoundFile, kind: str) -> bool:
    return tuple(name.lower() for name in file.folders[-2:]) == ("imagesets", kind)


def _is_below(image: FoundFile, base: str) -> bool:
    return not base or image.relative.startswith(f"{base}/")


def _choose_lists(files: Mapping[str, FoundFile]) -> list[tuple[str, Split]]:
    chosen = [("train.txt", Split.TRAIN), ("val.txt", Split.VAL), ("test.txt", Split.TEST)]
    if "train.txt" not in files and "val.txt" not in files:
        chosen[:2] = [("trainval.txt", Split.TRAIN)]
    return [(name, split) for name, split in chosen if name in files]


def _read_list(
    file: FoundFile, split: Split, stems: Mapping[str, int], splits: bytearray, report: Report
) -> None:
    """Enter the images that one list names; an image that stands in two keeps its first split."""
    try:
        names = [line for line in read_lines(file.path) if line]
    except InvalidInput as error:
        report(Problem(file.relative, error.message))
        return
    missing = [name for name in names if name not in stems]
    if missing:
        report(Problem(file.relative, f"lists images that are missing: {name_some(missing)}"))
    code, twice = _SPLITS.index(split), []
    for name in names:
        if name not in stems:
            continue
        if splits[stems[name]] in (0, code):
            splits[stems[name]] = code
        else:
            twice.append(name)
    if twice:
        report(Problem(file.relative, f"lists images of another split: {name_some(twice)}"))
