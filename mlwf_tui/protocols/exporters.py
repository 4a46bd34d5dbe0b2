"""The contract of exporters: items, written as folders that other programs read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from mlwf_tui.entities.abilities import Abilities
from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.run import Problem
from mlwf_tui.protocols.observer import Observer


class ExportedItem(msgspec.Struct, frozen=True):
    """One item to write, with a way to its bytes.

    `link_image` makes the image at a path without copying it, and says whether it could.
    """

    item: Item
    read_image: Callable[[], bytes]
    link_image: Callable[[Path], bool] | None = None

    def place_image(self, path: Path) -> None:
        """Put the image file at `path`, byte by byte as it was imported; its folder is there."""
        if self.link_image is None or not self.link_image(path):
            path.write_bytes(self.read_image())


class ExportSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What an exporter wrote. `files` maps each image's path inside the folder to its item key.

    `renamed_count` counts the items whose file could not have the name that the format's rule gives it.
    """

    files: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    renamed_count: int = 0


class Exporter(Protocol):
    """Writes items to an empty folder in one dataset format.

    `abilities` is declared, so that what a format cannot hold is told before it is written: the items
    that `write` is given are converted to what it says, and hold nothing else.
    """

    name: str
    summary: str
    abilities: Abilities

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items below `folder`, which exists and is empty; nothing outside of it.

        Progress is told by whoever hands the items out; cancelling is looked for at each item. Images
        are placed as they are and never encoded again. Memory must not grow with the items, but for
        their names.

        Raises:
            InvalidInput: there are no items.
        """


@runtime_checkable
class RenamingExporter(Exporter, Protocol):
    """An exporter whose items cannot all have the name that the format's rule gives them."""

    def count_renamed(self, items: Iterable[Item]) -> int:
        """Return what `renamed_count` will be of the items that `write` is given; no image is read."""
