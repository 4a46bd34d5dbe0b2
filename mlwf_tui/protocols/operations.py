"""The contract of operations: they plan what becomes of items, and make pictures later."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item, Origin


class SourceItem(msgspec.Struct, frozen=True):
    """One item that an operation may read; the pixels are read only when asked for.

    With several sources the item's dataset begins with its project's name; `origin.key` is its key
    there, and `origin.manifest` the version's.
    """

    item: Item
    read_image: Callable[[], bytes]
    origin: Origin | None = None
    project: str = ""


class PlannedItem(msgspec.Struct, frozen=True):
    """A result whose pixels are those of the source at position `source`; it is finished.

    `problem` says, after its name, why an image that the plan had to look at could not be used: the item
    is kept, told and counted.
    """

    item: Item
    source: int
    problem: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A result whose pixels are still to be made, by any process and in any order.

    `seed` is this draft's own (see `draw_seed`), 0 to 2^63 - 1. `arguments` is what else `make` needs to
    know, such as the number of a tile: None, or of texts, numbers, booleans, lists and mappings, as
    MessagePack has them; tuples arrive as lists.
    """

    sources: tuple[int, ...]  # positions in the items that `plan` was given; first what it takes the place of
    dataset: str
    name: str
    seed: int
    arguments: Any = None


class ResultItem(msgspec.Struct, frozen=True, kw_only=True):
    """What `make` returns: an item under its draft's dataset and name, and its image as a file.

    The caller stores the image and fills in blob, size in bytes and origins.
    """

    item: Item
    image: bytes


class Operation(Protocol):
    """Makes items from items: an augmentation, a split, a filter. Deterministic given its seed.

    What comes out must not depend on the order in which items stand. An operation whose `plan` looks at
    pixels has a true `reads_pixels`; one that draws nothing at random a false `is_random`. One that
    joins projects in its own way has `join_schemas(schemas, params)`, which is given their schemas by
    name and returns the schema that `plan` and `transform_schema` are given; else the first to define a
    class or tag is followed.
    """

    name: str
    summary: str
    group: str  # where it is listed: pixels, annotations, selection, splits, merging
    version: int  # raised when the same parameters would give another output; part of the recipe
    params_type: type[Any]  # a frozen dataclass; see params.py for how a field declares its bounds

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: Any, *, seed: int
    ) -> Iterator[PlannedItem | Draft]:
        """Yield what the results will be, lazily and in the order of the sources; nothing is made yet.

        `items` may be gone through several times, and each time they are read again: what is kept of
        them should be small. Reading one by its position costs more.

        Raises:
            InvalidInput: the parameters do not fit these items.
        """

    def transform_schema(self, schema: LabelSchema, params: Any) -> LabelSchema:
        """Return the label schema of the results.

        Raises:
            InvalidParameter: it has not what the parameters name.
        """


class ImageOperation(Operation, Protocol):
    """An operation that yields drafts."""

    def make(self, draft: Draft, sources: Sequence[SourceItem], params: Any) -> ResultItem | None:
        """Return what a draft becomes, or None where nothing of it is left.

        `sources` are the items that the draft names, in its order. A pure function of its arguments,
        called in several processes at once, in any order, and again after a kill.

        Raises:
            InvalidInput: an image that cannot be used: it is told and counted, and the others are made.
        """


def draw_seed(seed: int, key: str, copy: int = 0) -> int:
    """Return the seed of a draft: of a transform's seed, its source's key and a number, of nothing else."""
    digest = hashlib.sha256(f"{seed}\n{key}\n{copy}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
