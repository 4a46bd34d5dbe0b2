"""Imports COCO's panoptic and stuff: JSON with segments, and a PNG whose colours are their ids.

`annotations/panoptic_train2017.json` beside the folder `panoptic_train2017/` of PNGs, images elsewhere.
Each segment is a mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from struct import Struct
from typing import Any, Final

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, ClassDefinition, LabelSchema, Tag
from mlwf_tui.entities.folder import FileFinder, FolderListing, FoundFile
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.json_faults import tell_json_fault
from mlwf_tui.plugins.importers.coco import find_place_of, find_split, has_split
from mlwf_tui.plugins.importers.coco_documents import (
    MAX_JSON_BYTES,
    CategoryEntry,
    convert_categories,
    define_category,
    read_head,
)
from mlwf_tui.plugins.importers.files import (
    Keys,
    Report,
    check_bare_name,
    has_images,
    ignore_problem,
    iter_fitting,
    iter_numbered,
    make_unread,
    read_bytes,
    report_faults,
    show_path,
)
from mlwf_tui.plugins.importers.image_index import ImageIndex, ImageNotFound
from mlwf_tui.plugins.importers.tallies import Tally
from mlwf_tui.protocols.importers import Description, Detection, ImportedItem

_LOOKED_AT: Final = 20
_SEGMENT: Final = Struct("<II")  # id; twice the place of the class's name, and one for a crowd
_BAD: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what iter_items reports
_SUFFIXES: Final = IMAGE_SUFFIXES | {".json"}


class _Segment(msgspec.Struct):
    id: int
    category_id: int
    iscrowd: bool | int = 0


class _Owner(msgspec.Struct):
    image_id: int | str


class _Entry(_Owner):
    file_name: str
    segments_info: list[msgspec.Raw] = []


class _Image(msgspec.Struct):
    id: int | str
    file_name: str


class _Document(msgspec.Struct):
    annotations: list[msgspec.Raw]
    images: list[msgspec.Raw] = []
    categories: list[msgspec.Raw] = []


class PanopticImporter:
    """Masks of the segments of COCO's panoptic PNGs."""

    name = "coco_panoptic"
    summary = "COCO panoptic and stuff: JSON with segments and a PNG of their ids for each image"

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return high confidence where a JSON file tells segments, and there are images."""
        sources = _choose_sources(folder)
        if not sources or not has_images(folder):
            return None
        return Detection(0.92, f"{sources[0].relative} has panoptic segments")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the categories of all files, by their id, with their colours."""
        found: dict[str, ClassDefinition] = {}
        for source in _choose_sources(folder):
            with suppress(InvalidInput):  # iter_items reports it
                categories = convert_categories(source, _decode(source).categories, ignore_problem)
                for id in sorted(categories):
                    found.setdefault(categories[id].name, define_category(categories[id], len(found)))
        return LabelSchema(tuple(found.values()))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield the images that are described in path order, each with the PNG of its segments.

        Raises:
            InvalidInput: there is no panoptic JSON.
        """
        report_faults(folder, _SUFFIXES, report)
        sources = _choose_sources(folder)
        if not sources:
            raise InvalidInput(
                f"There is no panoptic JSON in {folder.root}.", hint="Name another format with --format."
            )
        finder = FileFinder(folder)
        maps = _find_maps(folder, finder)
        pairs = _pair(folder, finder, maps, sources, report)
        keys = Keys()
        map_positions = set(maps.values())
        for position, image in iter_numbered(folder, IMAGE_SUFFIXES):
            if position in map_positions:
                continue
            if position not in pairs:
                report(Problem(image.relative, "is described by no panoptic JSON"))
                continue
            map_position, source = pairs[position]
            place = find_place_of(image, find_split(source))
            if item := keys.make_item(image, place, report, source=finder.get(map_position)):
                yield item

    def read_key(self, folder: FolderListing) -> dict[str, Any]:
        """Return the names of the classes, and for each PNG its segments, packed: a million take 10 MB."""
        names: dict[str, int] = {}
        segments: dict[str, bytes] = {}
        for source in _choose_sources(folder):
            with suppress(InvalidInput):  # iter_items reports it
                document = _decode(source)
                categories = convert_categories(source, document.categories, ignore_problem)
                for raw in document.annotations:
                    with suppress(*_BAD):
                        entry = msgspec.json.decode(raw, type=_Entry)
                        path = f"{_find_folder(source)}/{entry.file_name}"
                        segments[path] = _pack_segments(entry, categories, names)
        return {"names": list(names), "segments": segments}

    def read_annotation(
        self, source: FoundFile, key: Mapping[str, Any], width_px: int, height_px: int, report: Report
    ) -> Description:
        """Return a mask for each segment of a PNG.

        Raises:
            InvalidInput: it is no PNG of the image's size.
        """
        from mlwf_tui.plugins.importers.label_maps import decode_map, iter_masks, pack_colors  # numpy

        packed = key["segments"].get("/".join(source.relative.split("/")[-2:]), b"")
        segments = dict(_SEGMENT.iter_unpack(packed))
        numbers = pack_colors(decode_map(read_bytes(source.location), (width_px, height_px)))
        objects, seen = [], set()
        for number, geometry in iter_masks(numbers):
            if number in segments:
                place, is_crowd = divmod(segments[number], 2)
                tags = (Tag("iscrowd"),) if is_crowd else ()
                objects.append(AnnotatedObject(key["names"][place], geometry, tags=tags))
                seen.add(number)
            elif number:
                report(Problem(source.relative, f"has pixels of segment {number}, which is not described"))
        for number in segments.keys() - seen:
            report(Problem(source.relative, f"has no pixel of segment {number}"))
        return Description(Annotation(tuple(objects)))


def _choose_sources(folder: FolderListing) -> list[FoundFile]:
    """Return the files that are named so, and of the first ones those that begin with segments."""
    named = list(iter_fitting(folder, {".json"}, lambda page: "panoptic" in page.names))
    first = islice((file for _, file in iter_numbered(folder, {".json"})), _LOOKED_AT)
    looked = [file for file in first if b'"segments_info"' in read_head(file.path)]
    return list(dict.fromkeys([*(file for file in named if "panoptic" in file.name), *looked]))


def _find_folder(source: FoundFile) -> str:
    """Return the name of the folder of a JSON file's PNGs, which is that of the file."""
    return source.stem


def _find_maps(folder: FolderListing, finder: FileFinder) -> dict[str, int]:
    """Return the positions of the PNGs by the last folder and name."""
    names = {_find_folder(source) for source in _choose_sources(folder)}
    return {
        f"{page.folder.rpartition('/')[2]}/{name}": page.start + index
        for page in folder.pages
        if page.folder.rpartition("/")[2] in names
        for index, name in page.list_ending({".png"})
    }


def _decode(source: FoundFile) -> _Document:
    content = read_bytes(source.location, MAX_JSON_BYTES)
    try:
        return msgspec.json.decode(content, type=_Document)
    except _BAD as error:
        raise InvalidInput(f"is not panoptic JSON: {tell_json_fault(error, content)}") from error


def _pack_segments(entry: _Entry, categories: Mapping[int, CategoryEntry], names: dict[str, int]) -> bytes:
    """Return the good segments of a PNG, packed; names that are new get the next places."""
    packed = []
    for raw in entry.segments_info:
        with suppress(*_BAD):
            segment = msgspec.json.decode(raw, type=_Segment)
            if segment.category_id in categories and 0 < segment.id < 1 << 24:
                place = names.setdefault(categories[segment.category_id].name, len(names))
                packed.append(_SEGMENT.pack(segment.id, place * 2 + bool(segment.iscrowd)))
    return b"".join(packed)


def _pair(
    folder: FolderListing,
    finder: FileFinder,
    maps: Mapping[str, int],
    sources: list[FoundFile],
    report: Report,
) -> dict[int, tuple[int, FoundFile]]:
    """Return for an image's position that of its PNG, with the JSON file that says so.

    Raises:
        InvalidInput: no JSON file could be read.
    """
    index, pairs, faults = ImageIndex(folder, finder), {}, list[Problem]()
    for source in sources:
        try:
            document = _decode(source)
        except InvalidInput as error:
            faults.append(Problem(source.relative, error.message))
            report(faults[-1])
            continue
        convert_categories(source, document.categories, report)  # for what is wrong with them
        names = dict(_iter_names(document.images))
        images, annotations = Tally(source, "image"), Tally(source, "annotation")
        for number, raw in enumerate(document.annotations, start=1):
            try:
                image, of_map = _match(raw, names, source, index, maps)
                if image in pairs:
                    raise InvalidInput(f"describes an image a second time: {finder.get(image).relative}")
                pairs[image] = (of_map, source)
            except ImageNotFound as error:
                images.add_alike(error.name, error.message, error.of_many)
            except InvalidInput as error:
                annotations.add(_name_entry(raw, number), error.message)
        images.report(report)
        annotations.report(report)
    index.report_guesses(report)
    if len(faults) == len(sources):
        raise make_unread("panoptic JSON", folder.root, faults)
    return pairs


def _iter_names(images: list[msgspec.Raw]) -> Iterator[tuple[Any, str]]:
    for raw in images:
        with suppress(*_BAD):
            image = msgspec.json.decode(raw, type=_Image)
            yield image.id, image.file_name


def _name_entry(raw: msgspec.Raw, number: int) -> str:
    """Return what an entry is called in problems: by its image's id, else by its place in the list."""
    try:
        return f"of image {show_path(str(msgspec.json.decode(raw, type=_Owner).image_id))}"
    except _BAD:
        return f"at place {number}"


def _match(
    raw: msgspec.Raw,
    names: Mapping[Any, str],
    source: FoundFile,
    index: ImageIndex,
    maps: Mapping[str, int],
) -> tuple[int, int]:
    try:
        entry = msgspec.json.decode(raw, type=_Entry)
    except _BAD as error:
        raise InvalidInput(f"is not as COCO has it: {error}") from error
    if entry.image_id not in names:
        raise InvalidInput("belongs to an image that is not described")
    of_map = maps.get(f"{_find_folder(source)}/{check_bare_name(entry.file_name)}")
    if of_map is None:
        raise InvalidInput(f"has no PNG: {show_path(entry.file_name)} is missing")
    split = find_split(source)
    found = index.find(
        source, names[entry.image_id], lambda image: has_split(image, split) and not _is_map(image)
    )
    return found, of_map


def _is_map(image: FoundFile) -> bool:
    return "panoptic" in image.folder
