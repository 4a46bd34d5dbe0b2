"""Imports whatever else datumaro reads: its items and annotations as ours, its images by their paths.

`datumaro:NAME` names one of its formats; `datumaro` lets it detect one. The library takes seconds to load, so
it is imported in calls alone, and asked for a format only where no importer of ours is sure. It is kept
inside of the folder (datumaro_guard.py); formats that run code, or hold no image files, are refused by name.
"""

from __future__ import annotations

import logging
import os.path
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.folder import FileFinder, FolderListing
from mlwf_tui.entities.item import IMAGE_SUFFIXES, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput, MlwfError, NotFound
from mlwf_tui.plugins.importers.datumaro_guard import staying_inside
from mlwf_tui.plugins.importers.datumaro_objects import centre_box, define_classes_of, turn_item
from mlwf_tui.plugins.importers.files import (
    SPLIT_WORDS,
    Report,
    has_images,
    iter_numbered,
    read_bytes,
    report_faults,
    show_path,
)
from mlwf_tui.plugins.importers.tables import OfManyImages, Table
from mlwf_tui.plugins.importers.xml_documents import check_declarations
from mlwf_tui.protocols.importers import Detection, ImportedItem

LAYOUT: Final = frozenset({"images", "jpegimages", "img"})

_PICKLE: Final = "unpickles what the folder holds, which can run code"
_EMBEDDED: Final = "holds its images inside of other files, and ours are stored as they are"
_NO_IMAGES: Final = "is not about image files"
_NATIVE: Final = "is read by libraries in C that cannot be kept inside of the folder"
DENIED: Final = {
    "cifar": _PICKLE, "brats_numpy": _PICKLE, "mpii_json": _PICKLE,
    "arrow": _EMBEDDED, "datumaro_binary": _EMBEDDED, "image_zip": _EMBEDDED, "mnist": _EMBEDDED,
    "mnist_csv": _EMBEDDED, "tf_detection_api": _EMBEDDED, "roboflow_tfrecord": _EMBEDDED,
    "brats": _NO_IMAGES, "kinetics": _NO_IMAGES, "kitti3d": _NO_IMAGES, "kitti_raw": _NO_IMAGES,
    "sly_pointcloud": _NO_IMAGES, "tabular": _NO_IMAGES, "video_frames": _NO_IMAGES,
    "video_keyframes": _NO_IMAGES, "ava": _NO_IMAGES,
    "nyu_depth_v2": _NATIVE, "mpii": _NATIVE,
}  # fmt: skip
"""Formats of datumaro that are not read, and why."""
_CENTRED: Final = frozenset({"roboflow_create_ml"})
"""Formats whose boxes stand around x and y, which datumaro takes for their left upper corner."""
_PLAIN: Final = frozenset({"image_dir", "imagenet", "imagenet_with_subset_dirs"})  # any folder of images fits
_MAX_XML_BYTES: Final = 1 << 30
_MOST_FILES: Final = 30_000
_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class DatumaroFormatsImporter(OfManyImages):
    """One of datumaro's formats; `variant` empty lets it detect which."""

    summary = "whatever else datumaro reads; datumaro:NAME names its format"
    is_costly = True

    def __init__(self, variant: str = "") -> None:
        self.name = f"datumaro:{variant}" if variant else "datumaro"
        self._variant = variant
        self._loaded: tuple[Path, Any] | None = None  # the last folder and its dataset: schema and items ask

    def choose(self, variant: str) -> DatumaroFormatsImporter:
        """Return the importer of one format; whether datumaro knows it shows when it is used.

        Raises:
            NotFound: the format is denied, or cannot be a name.
        """
        if variant in DENIED:
            raise NotFound(
                f"datumaro's format {variant!r} {DENIED[variant]}.", hint="Export it as another one."
            )
        if not variant.replace("_", "").isalnum():
            raise NotFound(f"{show_path(variant)!r} is no format.", hint="Such as datumaro:mapillary_vistas.")
        return DatumaroFormatsImporter(variant)

    def detect(self, folder: FolderListing) -> Detection | None:
        """Return what datumaro detects, where anything lies beside the images that it could read.

        Each of its formats looks through the whole folder by itself, which takes half a minute for a
        hundred thousand files: it is asked of smaller ones alone, or by `--format datumaro:NAME`.
        """
        is_asked = bool(self._variant) or _count_files(folder) <= _MOST_FILES
        if not is_asked or not has_images(folder) or not _has_annotations(folder):
            return None
        try:
            found = [self._variant] if self._variant else _call(folder, _detect)
        except InvalidInput as error:
            logger.info("datumaro detects nothing in %s: %s", folder.root, error.message)
            return None
        if not found:
            return None
        return Detection(0.4, f"datumaro detects {' or '.join(found)}", f"datumaro:{found[0]}")

    def read_schema(self, folder: FolderListing) -> LabelSchema:
        """Return the labels of the dataset in their order.

        Raises:
            InvalidInput: datumaro cannot read the folder.
        """
        dataset = self._load(folder)
        return _call(folder, lambda root: LabelSchema(define_classes_of(dataset.categories())))

    def iter_items(self, folder: FolderListing, report: Report) -> Iterator[ImportedItem]:
        """Yield the images that datumaro names, in path order.

        Raises:
            InvalidInput: datumaro cannot read the folder, or names no image of it.
        """
        report_faults(folder, IMAGE_SUFFIXES, report)
        dataset, table = self._load(folder), Table.of(folder)
        _call(folder, lambda root: _enter_all(dataset, table, report))
        self._loaded = None
        if not table.entries:
            raise InvalidInput(
                f"datumaro names no image file of {folder.root}.", hint="Name another format with --format."
            )
        known = {table.finder.get(position).relative for position in table.entries}
        yield from table.iter_items(LAYOUT, report, is_image=lambda image: image.relative in known)

    def _load(self, folder: FolderListing) -> Any:
        if self._loaded is None or self._loaded[0] != folder.root:
            for _, file in iter_numbered(folder, {".xml"}):
                try:
                    check_declarations(read_bytes(file.location, _MAX_XML_BYTES))
                except InvalidInput as error:
                    raise InvalidInput(f"{file.relative} {error.message}.", hint="Mend it.") from error
            found = [self._variant] if self._variant else _call(folder, _detect)
            if not found:
                raise InvalidInput(
                    f"datumaro detects no format in {folder.root}.", hint="Name one: datumaro:NAME."
                )
            self._loaded = folder.root, _call(folder, lambda root: _import(root, found[0]))
        return self._loaded[1]


def _count_files(folder: FolderListing) -> int:
    return sum(page.end - page.start for page in folder.pages)


def _has_annotations(folder: FolderListing) -> bool:
    return any(len(page.list_ending(IMAGE_SUFFIXES)) < page.end - page.start for page in folder.pages)


def _call(folder: FolderListing, work: Callable[[str], _T]) -> _T:
    """Do something with datumaro inside of the folder.

    Raises:
        InvalidInput: it failed, in whatever way.
    """
    import datumaro  # noqa: F401 - seconds, and outside of the guard: it looks at the machine

    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # it says to stderr what the problems say here
    try:
        with warnings.catch_warnings(), staying_inside(folder.root):
            warnings.simplefilter("ignore")  # about its own next versions
            return work(str(folder.root))
    except MlwfError:
        raise
    except Exception as error:  # noqa: BLE001 - a stranger's files may bring anything out of it
        reason = show_path(f"{type(error).__name__}: {error}"[:300])
        raise InvalidInput(
            f"datumaro cannot read {folder.root}: {reason}", hint="Name another format with --format."
        ) from error
    finally:
        logging.disable(level)


def _detect(root: str) -> list[str]:
    """Return the formats that datumaro holds most likely, without those that are denied or fit any folder."""
    from datumaro.components.environment import Environment
    from datumaro.components.format_detection import detect_dataset_format

    importers = Environment().importers
    asked = [
        (name, importers[name].detect)
        for name in sorted(importers)
        if name not in DENIED and name not in _PLAIN
    ]
    return sorted(str(found.name) for found in detect_dataset_format(asked, root))


def _import(root: str, name: str) -> Any:
    from datumaro.components.dataset import Dataset
    from datumaro.components.environment import Environment

    environment = Environment()
    if name not in environment.importers:
        known = ", ".join(sorted(set(environment.importers) - set(DENIED)))
        raise InvalidInput(f"datumaro has no format {name!r}.", hint=f"It has: {known}.")
    return Dataset.import_from(root, name, env=environment)


def _enter_all(dataset: Any, table: Table, report: Report) -> None:
    """Enter what the items say of the images that they name by their paths."""
    classes = define_classes_of(dataset.categories())
    root = str(table.folder.root)
    for item in dataset:
        title = show_path(f"{item.subset}/{item.id}")
        path = getattr(item.media, "path", None)
        position = _find(table.finder, root, path) if isinstance(path, str) else None
        if position is None:
            report(Problem(title, "its image is missing"))
        elif position in table.entries:
            report(Problem(title, f"describes {table.finder.get(position).relative} a second time"))
        else:
            source = table.finder.get(position)
            entry = table.enter(position, source, SPLIT_WORDS.get(str(item.subset).lower(), Split.NONE))
            if dataset.format in _CENTRED:
                item = item.wrap(annotations=[centre_box(box) for box in item.annotations])
            annotation = turn_item(item, classes, source.relative, report)
            entry.objects, entry.tags = list(annotation.objects), list(annotation.tags)
            entry.custom = dict(annotation.custom)


def _find(finder: FileFinder, root: str, path: str) -> int | None:
    """Return the position of the file at an absolute path, or None where it is not in the listing."""
    relative = os.path.relpath(os.path.normpath(Path(root, path)), root)
    folder, _, name = relative.rpartition("/")
    return finder.find(folder, name)
