"""Which images of a YOLO folder are of which split: folders and list files that data.yaml names."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from mlwf_tui.entities.folder import FileFinder, FolderListing
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    SOME,
    Report,
    find_path_fault,
    format_count,
    has_suffix,
    name_some,
    read_lines,
    resolve_inside,
    show_path,
)
from mlwf_tui.plugins.importers.yolo_config import Config

SPLITS: Final = (Split.NONE, Split.TRAIN, Split.VAL, Split.TEST)


def choose_splits(
    folder: FolderListing, config: Config, finder: FileFinder, report: Report
) -> bytearray | None:
    """Return for each position of the listing the place of its image's split in SPLITS, 0 where none is.

    An image that two splits name keeps the first. None where the folders tell the splits.
    """
    if not config.entries:
        return None
    splits = bytearray(folder.count)  # a byte for each file: a million are no burden
    for split, entries in config.entries.items():
        code, twice = SPLITS.index(split), array("q")
        for entry in entries:
            for position in _expand(folder, config, split, entry, finder, report):
                if splits[position] in (0, code):
                    splits[position] = code
                else:
                    twice.append(position)
        if twice:
            images = format_count(len(twice), "image")
            named = f"{images} that another split has already: {_name_some(finder, twice)}"
            report(Problem(config.file_name, f"{split} names {named}"))
    unlisted = array("q", (at for at in _iter_positions(folder, "") if not splits[at]))
    if unlisted:
        named = f"{format_count(len(unlisted), 'image')}: {_name_some(finder, unlisted)}"
        report(Problem(config.file_name, f"names no split for {named}"))
    return splits


def has_lists(root: Path, config: Config) -> bool:
    """Say whether data.yaml names a file where the images of a split are listed."""
    targets = (
        _resolve_entry(root, config.base, entry) for entries in config.entries.values() for entry in entries
    )
    return any(target is not None and not target.is_dir() for target in targets)


def _name_some(finder: FileFinder, positions: array[int]) -> str:
    return name_some([finder.get(position).relative for position in positions[:SOME]], len(positions))


def _iter_positions(folder: FolderListing, base: str) -> Iterator[int]:
    """Yield the positions of the images below a folder, which ends with a slash, or is empty for the root."""
    for page in folder.pages:
        if f"{page.folder}/".startswith(base):
            for index, _ in page.list_ending(IMAGE_SUFFIXES):
                yield page.start + index


def _expand(
    folder: FolderListing, config: Config, split: Split, entry: str, finder: FileFinder, report: Report
) -> Iterable[int]:
    """Return the positions of the images that a split's entry names: a folder or a list file."""
    root = folder.root
    target = _resolve_entry(root, config.base, entry)
    if target is None:
        fault = find_path_fault(entry)
        reason = f"which {fault}" if fault else "outside of the folder"
        report(Problem(config.file_name, f"{split} points to '{show_path(entry)}', {reason}"))
        return ()
    if not target.exists():
        report(Problem(config.file_name, f"{split} points to '{show_path(entry)}', which is not there"))
        return ()
    if target.suffix.lower() == ".txt" and target.is_file():
        return _expand_list(root, config.base, target, finder, report)
    return _iter_positions(folder, "" if target == root else f"{target.relative_to(root).as_posix()}/")


def _resolve_entry(root: Path, base: Path, entry: str) -> Path | None:
    """Return where an entry points, or None where that is outside of the root.

    Exports of Roboflow write `../train/images` for `train/images`; Ultralytics forgives that too.
    """
    target = resolve_inside(root, str(base / entry))
    if target is None and entry.startswith("../"):
        return resolve_inside(root, str(base / entry.removeprefix("../")))
    return target


def _expand_list(root: Path, base: Path, file: Path, finder: FileFinder, report: Report) -> array[int]:
    relative = file.relative_to(root).as_posix()
    found = array("q")
    try:
        lines = [line for line in read_lines(file) if line]
    except InvalidInput as error:
        report(Problem(relative, error.message))
        return found
    missing: list[str] = []
    starts = [folder.relative_to(root).as_posix() for folder in (base, file.parent)]
    for line in lines:
        position = _find_listed(root, starts, line, finder)
        if position is None:
            missing.append(line)
        else:
            found.append(position)
    if missing:
        report(Problem(relative, f"lists images that are not in the folder: {name_some(missing)}"))
    return found


def _find_listed(root: Path, starts: Sequence[str], line: str, finder: FileFinder) -> int | None:
    """Return the position of the image that a line names, from the first of the folders that has it."""
    if not has_suffix(line, IMAGE_SUFFIXES):
        return None
    for start in starts:
        plain = line.removeprefix("./") if start == "." else f"{start}/{line.removeprefix('./')}"
        position = finder.find(*_split(plain))
        if position is None:  # asking the system takes fifty times as long
            path = resolve_inside(root, f"{start}/{line}" if line[0] != "/" else line)
            position = finder.find(*_split(path.relative_to(root).as_posix())) if path else None
        if position is not None:
            return position
    return None


def _split(relative: str) -> tuple[str, str]:
    folder, _, name = relative.rpartition("/")
    return folder, name
