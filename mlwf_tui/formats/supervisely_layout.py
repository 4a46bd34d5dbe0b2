"""Where Supervisely's folder layout puts an item's files; a path is all it makes."""

from __future__ import annotations

from typing import Final

from mlwf_tui.entities.item import MAX_NAME_BYTES

META_NAME: Final = "meta.json"

_ANNOTATION_SUFFIX = ".json"


def place_image(dataset: str, name: str) -> str:
    """Return the path of an image from the project's folder; nested datasets lie in `datasets`."""
    return f"{_place_dataset(dataset)}/img/{name}"


def place_annotation(dataset: str, name: str) -> str:
    """Return the path of an image's annotation from the project's folder."""
    return f"{_place_dataset(dataset)}/ann/{name}{_ANNOTATION_SUFFIX}"


def find_place_fault(dataset: str, name: str) -> str:
    """Return why an item has no place in the layout, in words that follow its key, mostly nothing."""
    if len(name.encode()) + len(_ANNOTATION_SUFFIX) > MAX_NAME_BYTES:
        return f"has a name so long that no file system takes it with {_ANNOTATION_SUFFIX}"
    if dataset.partition("/")[0] == META_NAME:
        return f"lies in a dataset that is called {META_NAME}, like the label schema's file"
    return ""


def _place_dataset(dataset: str) -> str:
    return dataset.replace("/", "/datasets/")
