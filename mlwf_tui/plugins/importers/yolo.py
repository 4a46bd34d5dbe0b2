"""Imports YOLO folders: a text file of normalised boxes or polygons for each image.

Classes and splits come from an Ultralytics `data.yaml`; without one, `images/`, `labels/` and
`classes.txt` do. Boxes turn into pixels by each image's own size.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    GeometryKind,
    LabelSchema,
    define_classes,
)
from mlwf_tui.entities.boxes import Boxes
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    SOME,
    Keys,
    Place,
    Report,
    check_class_name,
    count_images,
    find_place,
    has_images,
    has_suffix,
    iter_numbered,
    name_some,
    read_bytes,
    read_lines,
    report_faults,
    resolve_inside,
    show_path,
    split_lines,
)
from mlwf_tui.protocols import Description, Detection, ImportedItem

LAYOUT: Final = frozenset({"images", "obj_train_data"})

_SUFFIXES: Final = IMAGE_SUFFIXES | {".txt"}
_SPLITS: Final = (Split.NONE, Split.TRAIN, Split.VAL, Split.TEST)
_SPLIT_KEYS = (("train", Split.TRAIN), ("val", Split.VAL), ("test", Split.TEST))
_OTHER_KEYS = {"val": "validation"}
_CLASS_FILES = ("classes.txt", "labels/classes.txt", "obj.names")
_NOT_LABELS = frozenset({"classes.txt", "readme.txt", "requirements.txt"})
_floor = math.floor
_LOWEST, _HIGHEST = -0.01, 1.01  # a normalised coordinate may leave 0-1 a little through rounding
_Share = Annotated[float, msgspec.Meta(ge=_LOWEST, le=_HIGHEST)]
_boxes_decoder = msgspec.json.Decoder(list[tuple[float, _Share, _Share, _Share, _Share]])


class YoloImporter:
    """Boxes and polygons of YOLO text files, as Ultralytics reads them."""

    name = "yolo"
    summary = "YOLO: a text file for each image, classes and splits in data.yaml or classes.txt"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence for a data.yaml, less for images/ beside labels/ alone."""
        if not has_images(folder):
            return None
        config, images = _find_config(folder.root), count_images(folder)
        if config is not None:
            return Detection(0.95, f"{config.name} names classes and splits, there are {images}")
        if _find_class_file(folder.root) is not None:
            return Detection(0.85, f"there are classes.txt and {images}")
        if any(path.is_dir() for path in (folder.root / "labels", *folder.root.glob("*/labels"))):
            return Detection(0.6, f"labels stands beside {images}")
        return None

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the classes of data.yaml or classes.txt by their index.

        Raises:
            InvalidInput: nothing says what the classes are called.
        """
        names = _read_config(folder.root).class_names
        in_order = tuple(dict.fromkeys(names[index] for index in sorted(names)))
        return LabelSchema(define_classes(in_order, geometry=None))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield the images of every split in path order; one without a label file has no objects.

        Raises:
            InvalidInput: nothing says what the classes are called.
        """
        config = _read_config(folder.root)
        report_faults(folder, _SUFFIXES, report)
        finder = FileFinder(folder)
        splits = _choose_splits(folder, config, finder, report)
        labels = _Labels(folder, finder)
        keys = Keys()
        for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
            source = labels.find(image)
            place = find_place(image, LAYOUT)
            if splits is not None:
                if not splits[position]:
                    continue
                place = Place(place.dataset, _SPLITS[splits[position]])
            name = image.name
            placed = keys.place(name, place)
            if placed is None:
                report(Problem(image.relative, "has the name of another image of its dataset"))
                continue
            yield ImportedItem(
                image=image,
                dataset=placed.dataset,
                name=name,
                split=placed.split,
                source=source,
                annotation=None if source else Annotation(),
            )
        labels.report_orphans(report)

    def read_key(self, folder: FolderListing) -> dict[int, str]:
        """Return the class names by index.

        Raises:
            InvalidInput: nothing says what the classes are called.
        """
        return dict(_read_config(folder.root).class_names)

    def read_annotation(
        self, source: FoundFile, key: Mapping[int, str], width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return the objects of a label file in pixels; lines that cannot be used are reported.

        Raises:
            InvalidInput: the file is not text.
        """
        content = read_bytes(source.location)
        boxes = _read_plain_boxes(content, key, width_px, height_px)
        if boxes is not None:
            return Description(boxes)
        objects = []
        for number, line in enumerate(split_lines(content), start=1):
            try:
                if words := line.split():
                    objects.append(_read_line(words, key, width_px, height_px))
            except InvalidInput as error:
                report(Problem(source.relative, f"line {number} {error.message}"))
        return Description(Annotation(tuple(objects)))


# --- classes and splits --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Config:
    """What data.yaml says; `entries` is empty where there is none and the folders tell the splits."""

    class_names: Mapping[int, str]
    entries: Mapping[Split, tuple[str, ...]]
    file_name: str
    base: Path


def _find_config(root: Path) -> Path | None:
    """Return the YAML file that has `names` and a split, `data.yaml` before others."""
    found = sorted((*root.glob("*.yaml"), *root.glob("*.yml")), key=lambda path: (path.stem != "data", path))
    for path in found:
        if resolve_inside(root, path.name) is None or not path.is_file():
            continue
        try:
            content = _load_yaml(path)
        except InvalidInput:
            if path.stem == "data":
                return path  # reading it for the import says what is wrong with it
            continue
        if "names" in content and ("train" in content or "val" in content or "test" in content):
            return path
    return None


def _load_yaml(path: Path) -> Mapping[str, Any]:
    import yaml  # 15 ms that a hand, which reads labels alone, can do without

    try:
        content = yaml.safe_load(read_bytes(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput(f"{path.name} is not readable YAML.", hint="Mend it, or move it away.") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{path.name} holds no keys.", hint="It should have names, train and val.")
    return content


def _find_class_file(root: Path) -> Path | None:
    candidates = (resolve_inside(root, name) for name in _CLASS_FILES)
    return next((path for path in candidates if path is not None and path.is_file()), None)


def _read_config(root: Path) -> _Config:
    path = _find_config(root)
    if path is not None:
        content = _load_yaml(path)
        entries = {
            split: _list_entries(path.name, key, value)
            for key, split in _SPLIT_KEYS
            if (value := content.get(key) or content.get(_OTHER_KEYS.get(key, key)))
        }
        base = _find_base(root, content.get("path"))
        return _Config(_read_names(path.name, content.get("names")), entries, path.name, base)
    classes = _find_class_file(root)
    if classes is None:
        raise InvalidInput(
            f"There is neither a data.yaml nor a classes.txt in {root}, so the classes have no names.",
            hint="Add classes.txt with one class name a line.",
        )
    names = [line for line in read_lines(classes) if line]
    return _Config(_read_names(classes.name, names), {}, classes.name, root.resolve())


def _find_base(root: Path, path: object) -> Path:
    """Return the folder that entries start from: `path` where it is inside of the root, else the root."""
    base = resolve_inside(root, path) if isinstance(path, str) else None
    return base if base is not None and base.is_dir() else root.resolve()


def _list_entries(file_name: str, key: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) and entry for entry in values):
        raise InvalidInput(f"{key} in {file_name} is neither a path nor a list of paths.", hint="Mend it.")
    return tuple(values)


def _read_names(file_name: str, value: object) -> Mapping[int, str]:
    """Return class names by index, from a list or a mapping."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else [])
    try:
        names = {int(index): check_class_name(_to_text(name)) for index, name in pairs}
    except (ValueError, TypeError) as error:
        reason = f"names in {file_name} is not a list of names, or of indices with names"
        raise InvalidInput(f"{reason}.", hint="Mend it.") from error
    except InvalidInput as error:
        raise InvalidInput(f"A name in {file_name} {error.message}.", hint="Mend it.") from error
    if not names:
        raise InvalidInput(f"{file_name} names no classes.", hint="Give each class a name under names:.")
    return names


def _to_text(name: object) -> str:
    if not isinstance(name, str | int | float):
        raise TypeError(name)  # a nested list may be written out without end
    return str(name)


# --- images --------------------------------------------------------------------------------------


def _choose_splits(
    folder: FolderListing, config: _Config, finder: FileFinder, report: Report
) -> bytearray | None:
    """Return for each position of the listing the place of its image's split in _SPLITS, 0 where none is.

    An image that two splits name keeps the first. None where the folders tell the splits.
    """
    if not config.entries:
        return None
    splits = bytearray(folder.count)  # a byte for each file: a million are no burden
    for split, entries in config.entries.items():
        code, twice = _SPLITS.index(split), array("q")
        for entry in entries:
            for position in _expand(folder, config, split, entry, finder, report):
                if splits[position] in (0, code):
                    splits[position] = code
                else:
                    twice.append(position)
        if twice:
            named = f"{len(twice)} images that another split has already: {_name_some(finder, twice)}"
            report(Problem(config.file_name, f"{split} names {named}"))
    unlisted = array("q", (at for at in _iter_positions(folder, "") if not splits[at]))
    if unlisted:
        named = f"{len(unlisted)} images: {_name_some(finder, unlisted)}"
        report(Problem(config.file_name, f"names no split for {named}"))
    return splits


def _name_some(finder: FileFinder, positions: array[int]) -> str:
    return name_some([finder.get(position).relative for position in positions[:SOME]], len(positions))


def _iter_positions(folder: FolderListing, base: str) -> Iterator[int]:
    """Yield the positions of the images below a folder, which ends with a slash, or is empty for the root."""
    for page in folder.pages:
        if f"{page.folder}/".startswith(base):
            for index, _ in page.list_ending(IMAGE_SUFFIXES):
                yield page.start + index


def _expand(
    folder: FolderListing, config: _Config, split: Split, entry: str, finder: FileFinder, report: Report
) -> Iterable[int]:
    """Return the positions of the images that a split's entry names: a folder or a list file."""
    root = folder.root
    target = _resolve_entry(root, config.base, entry)
    if target is None:
        report(Problem(config.file_name, f"{split} points to {show_path(entry)!r}, outside of the folder"))
        return ()
    if not target.exists():
        report(Problem(config.file_name, f"{split} points to {show_path(entry)!r}, which is not there"))
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


# --- labels --------------------------------------------------------------------------------------


class _Labels:
    """Finds the label files of images, and knows in the end which belong to none."""

    def __init__(self, folder: FolderListing, finder: FileFinder) -> None:
        self._listing = folder
        self._finder = finder
        self._used = bytearray(folder.count)  # by position

    def find(self, image: FoundFile) -> FoundFile | None:
        """Return an image's label file: below labels/ for images/, else beside it."""
        folder, _, name = image.relative.rpartition("/")
        label = f"{name.rpartition('.')[0]}.txt"
        for candidate in _list_label_folders(folder):
            position = self._finder.find(candidate, label)
            if position is not None:
                self._used[position] = True
                return self._finder.get(position)
        return None

    def report_orphans(self, report: Report) -> None:
        """Report the label files that were not found for any image."""
        for page in self._listing.pages:
            if "labels" not in page.folder.split("/") or 0 not in self._used[page.start : page.end]:
                continue
            for index, name in page.list_ending({".txt"}):
                if not self._used[page.start + index] and name.lower() not in _NOT_LABELS:
                    report(Problem(f"{page.folder}/{name}", "has no image"))


@lru_cache(maxsize=1024)  # a million images lie in few folders
def _list_label_folders(folder: str) -> tuple[str, ...]:
    """Return the folders that may hold the labels of the images in one."""
    parts = folder.split("/")
    if "images" not in parts:
        return (folder,)
    last = len(parts) - 1 - parts[::-1].index("images")
    return "/".join((*parts[:last], "labels", *parts[last + 1 :])), folder


def _read_plain_boxes(
    content: bytes, class_names: Mapping[int, str], width_px: int, height_px: int
) -> Boxes | None:
    """Return what a file says that holds good boxes and nothing else, as most do; else None.

    The lines are read as JSON, which takes a quarter of the time of looking at them one by one.
    """
    if b"," in content or b"]" in content:  # would change what the JSON means
        return None
    try:
        rows = _boxes_decoder.decode(
            b"[[" + content.strip().replace(b"\n", b"],[").replace(b" ", b",") + b"]]"
        )
    except msgspec.DecodeError:
        return None
    names, corners = [], []
    for index, x, y, width, height in rows:
        class_name = class_names.get(index)  # type: ignore[call-overload]  # 2.0 finds 2
        # As `_to_pixels`, whose four calls would take as long as all the rest.
        left = _floor((x - width / 2) * width_px * 1000 + 0.5)
        top = _floor((y - height / 2) * height_px * 1000 + 0.5)
        right = _floor((x + width / 2) * width_px * 1000 + 0.5)
        bottom = _floor((y + height / 2) * height_px * 1000 + 0.5)
        if class_name is None or right <= left or bottom <= top:
            return None
        names.append(class_name)
        corners.append((left, top, right, bottom))
    return Boxes(tuple(names), tuple(corners))


def _read_line(
    words: Sequence[str], class_names: Mapping[int, str], width_px: int, height_px: int
) -> AnnotatedObject:
    try:
        index, *numbers = map(float, words)
    except ValueError as error:
        raise InvalidInput("holds something that is not a number") from error
    class_name = class_names.get(index)  # type: ignore[call-overload]  # 2.0 finds 2
    if class_name is None:
        raise InvalidInput(_find_fault(words[0], index, numbers))
    if len(numbers) == 4:  # nearly always
        return AnnotatedObject(class_name, _to_rectangle(words, numbers, width_px, height_px))
    if len(numbers) == 5:  # as saved predictions have it
        confidence = numbers.pop()
        if not _LOWEST <= confidence <= _HIGHEST:
            raise InvalidInput(_find_fault(words[0], index, [confidence]))
        box = _to_rectangle(words, numbers, width_px, height_px)
        return AnnotatedObject(class_name, box, min(max(confidence, 0.0), 1.0))
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        if not all(_LOWEST <= number <= _HIGHEST for number in numbers):
            raise InvalidInput(_find_fault(words[0], index, numbers))
        points = zip(numbers[::2], numbers[1::2], strict=True)
        pixels = tuple([(_to_pixels(x, width_px), _to_pixels(y, height_px)) for x, y in points])
        return AnnotatedObject(class_name, Geometry(GeometryKind.POLYGON, pixels))
    raise InvalidInput(f"has {len(words)} numbers, which make neither a box nor a polygon")


def _find_fault(word: str, index: float, numbers: Sequence[float]) -> str:
    if not all(map(math.isfinite, (index, *numbers))):
        return "holds a number that is not finite"
    if all(_LOWEST <= number <= _HIGHEST for number in numbers):
        return f"has class {word}, which has no name"
    return "has coordinates that are not between 0 and 1"


def _to_rectangle(words: Sequence[str], numbers: Sequence[float], width_px: int, height_px: int) -> Geometry:
    """Return a rectangle in pixels from a normalised centre and size."""
    x, y, width, height = numbers
    # Numbers that are not finite are in no range, so this finds them too.
    if not (
        _LOWEST <= x <= _HIGHEST
        and _LOWEST <= y <= _HIGHEST
        and _LOWEST <= width <= _HIGHEST
        and _LOWEST <= height <= _HIGHEST
    ):
        raise InvalidInput(_find_fault(words[0], 0, numbers))
    left, right = _to_pixels(x - width / 2, width_px), _to_pixels(x + width / 2, width_px)
    top, bottom = _to_pixels(y - height / 2, height_px), _to_pixels(y + height / 2, height_px)
    if right <= left:
        raise InvalidInput(f"has a box without area: left {left:g}, right {right:g}")
    if bottom <= top:
        raise InvalidInput(f"has a box without area: top {top:g}, bottom {bottom:g}")
    return Geometry(GeometryKind.RECTANGLE, ((left, top), (right, bottom)))


def _to_pixels(share: float, side_px: int) -> float:
    """Undo the six decimals of the file, to a thousandth: whole pixels come back as whole pixels.

    The same as `round(…, 3)` but for ties, at a tenth of its cost.
    """
    return _floor(share * side_px * 1000 + 0.5) / 1000
