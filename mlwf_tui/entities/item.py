"""Items: one image with its place, size, split and annotation, and the rules its names obey."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final

import msgspec

from mlwf_tui.entities.annotation import Annotation
from mlwf_tui.entities.ids import Digest, is_id
from mlwf_tui.errors import InvalidParameter

MAX_NAME_BYTES = 255  # what every Linux file system takes, so that a checkout can always be written

_UNSEEN: Final = re.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Without the joiners, which Persian and some emoji are written with."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"})
"""What the names of image files end with, in lower case."""


class Split(StrEnum):
    """The part of a data set that an item is used for."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    NONE = "none"


SPLIT_WORDS: Final = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "val": Split.VAL,
    "valid": Split.VAL,
    "validation": Split.VAL,
    "test": Split.TEST,
    "testing": Split.TEST,
}
"""What folders are called, in lower case, that are a split rather than a dataset."""


class Origin(msgspec.Struct, frozen=True):
    """The imported image that an item's pixels were first made from, however many steps ago."""

    blob: Digest
    key: str
    manifest: Digest  # of the version that the first step read


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One image of a project state.

    `origins` is empty where the pixels are those that were imported; a mosaic has several.
    """

    dataset: str
    name: str
    blob: Digest
    size_bytes: int
    width_px: int
    height_px: int
    split: Split = Split.NONE
    annotation: Annotation = Annotation()
    origins: tuple[Origin, ...] = ()

    @property
    def roots(self) -> tuple[Digest, ...]:
        """The imported images that its pixels show: items that share one are siblings."""
        return tuple([origin.blob for origin in self.origins]) or (self.blob,)

    @property
    def key(self) -> str:
        """`dataset/name`: unique in a project state, and the order of its manifest."""
        return f"{self.dataset}/{self.name}"


def check_name(name: str, what: str) -> str:
    """Return `name` if it can be one path component anywhere, else raise.

    Raises:
        InvalidParameter: empty, `.`, `..`, too long, not UTF-8, with a slash, backslash or control character.
    """
    reason = _find_name_fault(name)
    if reason:
        raise InvalidParameter(f"The {what} {name!r} {reason}.", hint=f"Choose another {what}.")
    return name


def check_own_name(name: str, what: str) -> str:
    """Return `name` if a project, model or report can be told by it: a good name, and no id of another.

    Raises:
        InvalidParameter: as `check_name`, or it has the form of an id, or a character that nobody sees.
    """
    if is_id(name):
        raise InvalidParameter(
            f"The {what} {name!r} has the form of an id, which would name something else.",
            hint="Add another letter to it.",
        )
    if _UNSEEN.search(name):
        raise InvalidParameter(
            f"The {what} {name!r} has a character that is not seen, or turns the direction of writing:"
            " it would look like another name.",
            hint="Write it without.",
        )
    return check_name(name, what)


def check_text(text: str, what: str) -> str:
    """Return a message or description if a terminal can show it as it is.

    Raises:
        InvalidParameter: it holds an escape or another control character; line breaks and tabs are fine. Or
            a Python program gave something else than a text.
    """
    if not isinstance(text, str):
        raise InvalidParameter(f"The {what} {text!r} is no text.", hint="Give it as a text.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text if character not in "\n\t"):
        raise InvalidParameter(f"The {what} holds a control character.", hint="Write it without.")
    return text


def check_dataset(dataset: str) -> str:
    """Return `dataset` if each of its `/`-separated parts is a good name, else raise InvalidParameter."""
    for part in dataset.split("/"):
        check_name(part, "dataset name")
    return dataset


def displace(dataset: str, split: Split) -> str:
    """Return the dataset of an image whose own has another of its name: below its split, "" without one."""
    return f"{split}/{dataset}".rstrip("/") if split is not Split.NONE else ""


def is_below(dataset: str, other: str) -> bool:
    """Say whether a dataset is another one, or lies in it at any depth."""
    return f"{dataset}/".startswith(f"{other}/")


def _find_name_fault(name: str) -> str:
    if not name:
        return "is empty"
    if name in (".", ".."):
        return "points to a folder"
    if "/" in name or "\\" in name:
        return "holds a path separator"
    # isprintable is 7 times faster and says no to all of these, and to a few harmless ones.
    if not name.isprintable():
        categories = set(map(unicodedata.category, name))
        if "Cs" in categories:  # as Python has bytes that are no UTF-8
            return "is not UTF-8"
        if "Cc" in categories:
            return "holds a control character"
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return ""
