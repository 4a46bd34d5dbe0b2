"""Takes images in for an import: checks each, stores it, and says what became of it; not a verb."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation
from mlwf_tui.entities.item import Item, Split, check_dataset, check_name
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import ImageFacts, probe_image
from mlwf_tui.protocols import ImportedItem
from mlwf_tui.store.writer import StoreWriter
from mlwf_tui.workflow.refs import with_dataset

DEFAULT_DATASET = "main"
MAX_IMAGE_BYTES = 1 << 30


@dataclass(slots=True)
class Intake:
    """What has been read so far. `known` holds the project's items before the import, by key."""

    root: Path
    dataset: str  # that all items go below; "" for the format's own, or the default
    known: dict[str, Item]
    changes: dict[str, Item | None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    class_names: dict[str, None] = field(default_factory=dict)  # in the order they appear
    problems: list[Problem] = field(default_factory=list)
    unchanged: int = 0

    def take(self, imported: ImportedItem, writer: StoreWriter) -> None:
        """Store one image and note its item, or the reason why it is left out."""
        try:
            dataset = with_dataset(imported.dataset, self.dataset) or DEFAULT_DATASET
            key = f"{check_dataset(dataset)}/{check_name(imported.name, 'file name')}"
            data, facts = _read_image(imported.path)
        except InvalidInput as error:
            self._report(imported, error.message)
            return
        if key in self.seen:
            self._report(imported, f"is a second item named {key}")
            return
        item = Item(
            dataset=dataset,
            name=imported.name,
            blob=writer.put(data),
            size_bytes=len(data),
            width_px=facts.width_px,
            height_px=facts.height_px,
            split=imported.split,
            annotation=self._check_annotation(imported, facts),
        )
        self._note(item, has_annotation=imported.annotation is not None)

    def _note(self, item: Item, *, has_annotation: bool) -> None:
        """Note an item; what the files do not say (split, annotation) stays as it is in the project."""
        self.seen.add(item.key)
        before = self.known.get(item.key)
        if before is not None and item.split is Split.NONE:
            item = replace(item, split=before.split)
        if before is not None and not has_annotation:
            item = replace(item, annotation=before.annotation)
        for labelled in item.annotation.objects:
            self.class_names[labelled.class_name] = None
        if item == before:
            self.unchanged += 1
        else:
            self.changes[item.key] = item

    def _check_annotation(self, imported: ImportedItem, facts: ImageFacts) -> Annotation:
        """Return the annotation without objects that lie wholly outside of the real image."""

        def is_inside(labelled: AnnotatedObject) -> bool:
            bounds = labelled.geometry.bounds
            is_in = bounds.left < facts.width_px and bounds.top < facts.height_px
            is_in = is_in and bounds.right > 0 and bounds.bottom > 0
            if not is_in:
                size = f"{facts.width_px}×{facts.height_px}"
                self._report(imported, f"an object ({labelled.class_name}) lies outside of the {size} image")
            return is_in

        annotation = imported.annotation or Annotation()
        return replace(annotation, objects=tuple(filter(is_inside, annotation.objects)))

    def _report(self, imported: ImportedItem, reason: str) -> None:
        self.problems.append(Problem(os.path.relpath(imported.path, self.root), reason))


def _read_image(path: Path) -> tuple[bytes, ImageFacts]:
    """Return an image file's bytes and facts; raise InvalidInput with what is wrong with it."""
    try:
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise InvalidInput("is larger than 1 GiB")
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}") from error
    return data, probe_image(data)
