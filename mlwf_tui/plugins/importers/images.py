"""Imports plain folders of images: sub-folders become datasets, top folders named like splits splits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import Keys, Report, count_images, find_place, has_images, iter_images
from mlwf_tui.protocols import Detection, ImportedItem


class ImagesImporter:
    """The last resort: images without annotations."""

    name = "images"
    summary = "folders of images without annotations"

    def detect(self, root: Path) -> Detection | None:
        """Return faint confidence wherever there is an image at all."""
        if not has_images(root):
            return None
        return Detection(0.1, f"the folder holds {count_images(root)}")

    def list_classes(self, root: Path) -> tuple[str, ...]:
        """Return nothing: the format declares no classes."""
        return ()

    def iter_items(self, root: Path, report: Report) -> Iterator[ImportedItem]:
        """Yield every image in path order.

        Raises:
            InvalidInput: there is none.
        """
        if not has_images(root):
            raise InvalidInput(f"There are no images in {root}.", hint="Give the folder that holds them.")
        keys = Keys()
        for image in iter_images(root, report):
            place = keys.place(image.name, find_place(image, ()))
            if place is None:
                report(Problem(image.relative, "has the name of another image of its dataset"))
                continue
            yield ImportedItem(path=image.path, dataset=place.dataset, name=image.name, split=place.split)
