"""Tells what an import passes over: images of other kinds, annotations of other formats; not a verb."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from mlwf_tui.entities.folder import FolderListing, FoundFile, Page, show_path
from mlwf_tui.entities.item import IMAGE_SUFFIXES
from mlwf_tui.entities.run import Problem
from mlwf_tui.protocols.importers import Importer

_OTHER_IMAGES: Final = frozenset(
    (
        *(".heic", ".heif", ".avif", ".jfif", ".jpe", ".jp2", ".jxl", ".mpo", ".dng", ".tga"),
        *(".ppm", ".pgm", ".pbm", ".pnm"),
    )
)
_JPEGS: Final = (".jfif", ".jpe")  # by another name
_TEXT: Final = ".txt"
_ANNOTATIONS: Final = frozenset({".json", ".jsonl", ".csv", ".xml", _TEXT})
_SAY_NOTHING_OF_IMAGES: Final = (
    *("readme", "license", "licence", "copying", "notice", "citation", "changelog", "requirements"),
    *("package", "tsconfig", "settings", "config", "dataset-metadata", "dataset_info", "croissant"),
)
"""How the names of files begin, in lower case, that are no annotations."""
_OF_MAPS: Final = ".aux.xml"  # GDAL writes it beside a TIFF
_SAY_ANNOTATION: Final = ("annot", "bbox")  # in the names of texts; others are mostly lists and notes
_HEAD_BYTES: Final = 64 << 10


class _Kind(NamedTuple):
    """A format that is not read, known by what stands in the head of a file."""

    name: str
    words: tuple[bytes, ...]
    advice: str


_EXPORT: Final = "export them as COCO, VOC or YOLO instead"
_KINDS: Final = (
    _Kind("VIA's JSON", (b'"regions"', b'"filename"'), "export them from VIA as COCO instead"),
    _Kind("VIA's CSV", (b"region_shape_attributes",), "export them from VIA as COCO instead"),
    _Kind("TensorFlow's CSV", (b"filename,width,height,class,xmin",), _EXPORT),
    _Kind("CreateML's JSON", (b'"annotations"', b'"coordinates"'), _EXPORT),
    _Kind("Label Studio's JSON", (b'"annotations"', b'"data"', b'"id"'), _EXPORT),
    _Kind(
        "a list of COCO results",
        (b'"image_id"', b'"category_id"'),
        "put them into a COCO file, beside its images and categories",
    ),
)
_ADVICE: Final = "mlwf import --help names the formats that are read"


def find_unread(listing: FolderListing, importer: Importer, *, is_named: bool) -> tuple[Problem, ...]:
    """Return what an import passes over, each kind of it counted in one problem.

    Images of other kinds are left out. Annotation files are told where the importer reads none, unless a
    person has named it; that is doubtful, since the images are taken.
    """
    images = find_other_images(listing)
    annotations = () if is_named else find_unread_annotations(listing, importer)
    return (*annotations, images) if images else annotations


def find_unread_annotations(listing: FolderListing, importer: Importer) -> tuple[Problem, ...]:
    """Return the files that look like annotations, counted by suffix; none of an importer that reads some."""
    if getattr(importer, "has_annotations", True):
        return ()
    firsts, counts = dict[str, FoundFile](), Counter[str]()
    for page in listing.pages:
        for index, name, suffix in _iter_annotations(page):
            if suffix not in firsts:
                firsts[suffix] = page.make_file(str(listing.root), name, index)
            counts[suffix] += 1
    return tuple(
        Problem(show_path(file.relative), _describe_annotations(file, suffix, counts[suffix]), is_taken=True)
        for suffix, file in firsts.items()
    )


def find_other_images(listing: FolderListing) -> Problem | None:
    """Return the images of kinds that are not read, counted in one problem, None where there is none."""
    first, counts = "", Counter[str]()
    for page in listing.pages:
        for _, name in page.list_ending(_OTHER_IMAGES):
            first = first or f"{page.folder}/{name}".lstrip("/")
            counts[_get_suffix(name)] += 1
    return Problem(show_path(first), _describe_images(counts)) if first else None


def _describe_images(counts: Counter[str]) -> str:
    kinds, count = ", ".join(counts), counts.total()
    what = f"is one of {count:,} images of kinds that are" if count > 1 else "is an image of a kind that is"
    jpegs = [suffix for suffix in counts if suffix in _JPEGS]
    ways = [f"rename {' and '.join(jpegs)} to .jpg"] if jpegs else []
    if len(jpegs) < len(counts):
        ways.append(f"convert {'the others' if jpegs else 'them' if count > 1 else 'it'} to JPEG or PNG")
    return f"{what} not read ({kinds}): {', '.join(ways)}"


def _describe_annotations(first: FoundFile, suffix: str, count: int) -> str:
    kind = _find_kind(first)
    what = f"{kind.name}, which is not read" if kind else "annotations and is not read"
    more = f", nor {'is' if count == 2 else 'are'} {count - 1:,} more {suffix} file{'s' * (count > 2)}"
    return f"looks like {what}{more * (count > 1)}: {kind.advice if kind else _ADVICE}"


def _find_kind(file: FoundFile) -> _Kind | None:
    try:
        with file.path.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
    except OSError:
        return None
    return next((kind for kind in _KINDS if all(word in head for word in kind.words)), None)


def _iter_annotations(page: Page) -> Iterator[tuple[int, str, str]]:
    """Yield place, name and suffix of a page's files that look like annotations."""
    found = page.list_ending(_ANNOTATIONS)
    stems: set[str] | None = None  # of the images beside texts
    for index, name in found:
        stem, _, _ = name.rpartition(".")
        suffix, lower = _get_suffix(name), name.lower()
        if lower.startswith(_SAY_NOTHING_OF_IMAGES) or lower.endswith(_OF_MAPS):
            continue
        if suffix == _TEXT and not any(word in lower for word in _SAY_ANNOTATION):
            if stems is None:
                stems = {image.rpartition(".")[0] for _, image in page.list_ending(IMAGE_SUFFIXES)}
            if stem not in stems:
                continue
        yield index, name, suffix


def _get_suffix(name: str) -> str:
    return name[name.rfind(".") :].lower()
