"""The label files of a YOLO folder: which is whose, and what task they tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import Report, has_suffix, iter_numbered, read_bytes
from mlwf_tui.plugins.importers.yolo_config import Config

_NOT_LABELS: Final = frozenset({"classes.txt", "readme.txt", "requirements.txt"})
_SAMPLES = 50  # label files that are looked at for the task
_SAMPLE_LINES = 20
_CORNERS_WORDS = 9  # a class and four corners


def find_task(folder: FolderListing, config: Config) -> tuple[str, str]:
    """Return what the labels are for (detect, segment, pose or obb) and how that is known."""
    if config.task:
        by = "kpt_shape" if config.keypoint_shape else "task"
        return config.task, f"{by} in {config.file_name} says {config.task}"
    counts = {len(words) for words in _iter_samples(folder)} - {0}
    if counts == {_CORNERS_WORDS}:
        return "obb", "every label looked at has four corners; yolo:segment reads polygons"
    if any(count >= 7 for count in counts):
        return "segment", "labels are polygons"
    return "detect", "labels are boxes"


def _iter_samples(folder: FolderListing) -> Iterator[list[bytes]]:
    """Yield the words of some lines of some label files."""
    files = (
        file
        for _, file in iter_numbered(folder, {".txt"})
        if file.name.lower() not in _NOT_LABELS and "labels" in file.folders
    )
    for file in islice(files, _SAMPLES):
        try:
            content = read_bytes(file.location)
        except InvalidInput:
            continue  # the import reports it
        for line in content.splitlines()[:_SAMPLE_LINES]:
            yield line.split()


class Labels:
    """Finds the label files of images, and knows in the end which belong to none."""

    def __init__(self, folder: FolderListing, finder: FileFinder) -> None:
        self._listing = folder
        self._finder = finder
        self._used = bytearray(folder.count)  # by position

    def find(self, image: FoundFile) -> FoundFile | None:
        """Return an image's label file: below labels/ for images/, else beside it."""
        folder, _, name = image.relative.rpartition("/")
        stem = name.rpartition(".")[0]
        for candidate in _list_label_folders(folder):
            position = self._finder.find(candidate, f"{stem}.txt")
            if position is None:
                position = self._find_in_other_case(candidate, stem)
            if position is not None:
                self._used[position] = True
                return self._finder.get(position)
        return None

    def _find_in_other_case(self, folder: str, stem: str) -> int | None:
        found = self._finder.iter_beginning(folder, f"{stem}.")
        return next((at for at, name in found if name[len(stem) :].lower() == ".txt"), None)

    def report_orphans(self, report: Report) -> None:
        """Report the label files that were not found for any image."""
        for page in self._listing.pages:
            if "labels" not in page.folder.split("/") or 0 not in self._used[page.start : page.end]:
                continue
            for index, name in page.list_ending({".txt"}):
                if not self._used[page.start + index] and name.lower() not in _NOT_LABELS:
                    report(Problem(f"{page.folder}/{name}", "has no image"))


def find_paired_folders(folder: str, name: str) -> tuple[str, str] | None:
    """Return the folders of the images and labels of one stem, None for what may be anything else."""
    suffix = name[name.rfind(".") :]
    if suffix in IMAGE_SUFFIXES:  # most
        return _pair_folder(folder)
    is_label = suffix.lower() == ".txt" and name.lower() not in _NOT_LABELS
    return _pair_folder(folder) if is_label or has_suffix(name, IMAGE_SUFFIXES) else None


@lru_cache(maxsize=1024)
def _pair_folder(folder: str) -> tuple[str, str] | None:
    parts = folder.split("/")
    kinds = [index for index, part in enumerate(parts) if part in ("images", "labels")]
    if len(kinds) != 1:  # none, or several of which any may be meant
        return None
    before, after = parts[: kinds[0]], parts[kinds[0] + 1 :]
    return "/".join((*before, "images", *after)), "/".join((*before, "labels", *after))


@lru_cache(maxsize=1024)  # a million images lie in few folders
def _list_label_folders(folder: str) -> tuple[str, ...]:
    """Return the folders that may hold the labels of the images in one."""
    parts = folder.split("/")
    if "images" not in parts:
        return (folder,)
    last = len(parts) - 1 - parts[::-1].index("images")
    return "/".join((*parts[:last], "labels", *parts[last + 1 :])), folder
