"""Which images of a YOLO folder are of which split: folders and list files that data.yaml names."""

from __future__ import annotations

import posixpath
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.folder import FileFinder, FolderListing
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    SOME,
    Report,
    find_path_fault,
    has_suffix,
    name_some,
    read_lines,
    resolve_inside,
    show_path,
)
from mlwf_tui.plugins.importers.foreign_paths import find_tail, iter_tails
from mlwf_tui.plugins.importers.yolo_config import Config

SPLITS: Final = (Split.NONE, Split.TRAIN, Split.VAL, Split.TEST)


def choose_splits(
    folder: FolderListing, config: Config, finder: FileFinder, report: Report
) -> bytearray | None:
    """Return for each position of the listing the place of its image's split in SPLITS, 0 where none is.

    An image that two splits name keeps the first. None where the folders tell the splits, as they do where
    what the file names is not there.
    """
    if not config.entries:
        return None
    splits = bytearray(folder.count)  # a byte for each file: a million are no burden
    seen: set[Path | None] = set()
    for split, entries in config.entries.items():
        code, twice = SPLITS.index(split), array("q")
        targets = {entry: _resolve_entry(folder.root, config.base, entry) for entry in entries}
        for entry, target in targets.items():
            if target is not None and target in seen:
                continue  # where there is nothing else to measure on, `val` often names the images of `train`
            for position in _expand(folder, config, split, entry, target, finder, report):
                if splits[position] in (0, code):
                    splits[position] = code
                else:
                    twice.append(position)
        seen.update(targets.values())
        if twice:
            images = format_count(len(twice), "image")
            named = f"{images} that another split has already: {_name_some(finder, twice)}"
            report(Problem(config.file_name, f"{split} names {named}"))
    unlisted = array("q", (at for at in _iter_positions(folder, "") if not splits[at]))
    if unlisted and not any(splits):
        reason = (
            "names no images that are there; the folders tell the splits. Mend its paths, and import again"
        )
        report(Problem(config.file_name, reason, is_taken=True))
        return None
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


def find_places(root: Path, config: Config) -> dict[str, str]:
    """Return what is taken for those entries that are not where they point, as paths from the root."""
    found = {}
    for entry in (entry for entries in config.entries.values() for entry in entries):
        target = _resolve_entry(root, config.base, entry)
        if (
            target is not None
            and target.exists()
            and target != resolve_inside(root, str(config.base / entry))
        ):
            found[entry] = target.relative_to(root).as_posix()
    return found


def _name_some(finder: FileFinder, positions: array[int]) -> str:
    return name_some([finder.get(position).relative for position in positions[:SOME]], len(positions))


def _iter_positions(folder: FolderListing, base: str) -> Iterator[int]:
    """Yield the positions of the images below a folder, which ends with a slash, or is empty for the root."""
    for page in folder.pages:
        if f"{page.folder}/".startswith(base):
            for index, _ in page.list_ending(IMAGE_SUFFIXES):
                yield page.start + index


def _expand(
    folder: FolderListing,
    config: Config,
    split: Split,
    entry: str,
    target: Path | None,
    finder: FileFinder,
    report: Report,
) -> Iterable[int]:
    """Return the positions of the images that a split's entry names; its target is a folder or a list."""
    root = folder.root
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

    Exports of Roboflow write `../train/images` for `train/images`, others whole paths of the machine that
    made them: what is not there is told by the longest tail that is.
    """
    target = resolve_inside(root, str(base / entry))
    if target is not None and target.exists():
        return target
    return (
        find_tail(root, (base, root), entry)
        or target
        or resolve_inside(root, str(base / entry.removeprefix("../")))
    )


def _expand_list(root: Path, base: Path, file: Path, finder: FileFinder, report: Report) -> array[int]:
    relative = file.relative_to(root).as_posix()
    found = array("q")
    try:
        lines = [line for line in read_lines(file) if line]
    except InvalidInput as error:
        report(Problem(relative, error.message))
        return found
    missing: list[str] = []
    starts = tuple(dict.fromkeys(folder.relative_to(root).as_posix() for folder in (base, file.parent, root)))
    folders: dict[str, tuple[str, ...]] = {}  # a million images lie in few
    for line in lines:
        named, name = _split(line.replace("\\", "/"))
        if named not in folders:
            folders[named] = _list_folders(root, starts, named, finder)
        position = _find_listed(folders[named], name, finder)
        if position is None:
            missing.append(line)
        else:
            found.append(position)
    if missing:
        report(Problem(relative, f"lists images that are not in the folder: {name_some(missing)}"))
    return found


def _list_folders(root: Path, starts: Sequence[str], named: str, finder: FileFinder) -> tuple[str, ...]:
    """Return the folders of the listing that a list may mean, those first to which its path leads."""
    paths = [named if named[:1] == "/" else f"{start}/{named}" for start in starts]
    exact = [
        path.relative_to(root).as_posix() for path in (resolve_inside(root, one) for one in paths) if path
    ]
    tails = [_split(tail)[0] for tail in iter_tails(f"{named}/image")]
    below = [posixpath.normpath(f"{start}/{tail}") for tail in tails for start in starts]
    listed = dict.fromkeys("" if path == "." else path for path in (*exact, *below))
    return tuple(path for path in listed if finder.has_folder(path))


def _find_listed(folders: Iterable[str], name: str, finder: FileFinder) -> int | None:
    """Return the position of the image of that name, from the first of the folders that has it."""
    if not has_suffix(name, IMAGE_SUFFIXES):
        return None
    positions = (finder.find(folder, name) for folder in folders)
    return next((position for position in positions if position is not None), None)


def _split(relative: str) -> tuple[str, str]:
    folder, _, name = relative.rpartition("/")
    return folder, name
