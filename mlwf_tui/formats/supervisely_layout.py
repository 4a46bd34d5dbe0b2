"""Where Supervisely's folder layout puts an item's files; a path is all it makes."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from mlwf_tui.entities.item import MAX_NAME_BYTES

META_NAME: Final = "meta.json"

_ANNOTATION_SUFFIX = ".json"
_HIDDEN = "has a hidden name, which is passed over where folders are read"


def place_image(dataset: str, name: str) -> str:
    """Return the path of an image from the project's folder; nested datasets lie in `datasets`."""
    return f"{_place_dataset(dataset)}/img/{name}"


def place_annotation(dataset: str, name: str) -> str:
    """Return the path of an image's annotation from the project's folder."""
    return f"{_place_dataset(dataset)}/ann/{name}{_ANNOTATION_SUFFIX}"


class Place(NamedTuple):
    """What a path of the layout is: the image or the annotation of an item."""

    dataset: str
    name: str
    is_image: bool


def find_place(path: str) -> Place | None:
    """Return what a path from the project's folder is; None for what is no item's file."""
    parts = path.split("/")
    if len(parts) < 3 or parts[-2] not in ("img", "ann"):
        return None
    datasets, between = parts[:-2:2], parts[1:-2:2]
    if len(parts) % 2 == 0 or any(part != "datasets" for part in between):
        return None
    name, is_image = parts[-1], parts[-2] == "img"
    if not is_image:
        if not name.endswith(_ANNOTATION_SUFFIX):
            return None
        name = name.removesuffix(_ANNOTATION_SUFFIX)
    return Place("/".join(datasets), name, is_image)


def find_sibling(folder: str) -> str:
    """Return the folder of a dataset's annotations for that of its images, and back; "" for any other."""
    above, _, name = folder.rpartition("/")
    sibling = {"img": "ann", "ann": "img"}.get(name)
    return f"{above}/{sibling}" if above and sibling else ""


def find_place_fault(dataset: str, name: str) -> str:
    """Return why an item has no place in the layout, in words that follow its key, mostly nothing."""
    if len(name.encode()) + len(_ANNOTATION_SUFFIX) > MAX_NAME_BYTES:
        return f"has a name so long that no file system takes it with {_ANNOTATION_SUFFIX}"
    return _HIDDEN if _is_hidden(name) else _find_dataset_fault(dataset)


@lru_cache(maxsize=1024)  # a million items have few datasets
def _find_dataset_fault(dataset: str) -> str:
    if any(map(_is_hidden, dataset.split("/"))):
        return _HIDDEN
    if dataset.partition("/")[0] == META_NAME:
        return f"lies in a dataset that is called {META_NAME}, like the label schema's file"
    return ""


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"


@lru_cache(maxsize=1024)
def _place_dataset(dataset: str) -> str:
    return dataset.replace("/", "/datasets/")
