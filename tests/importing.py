"""Reads a folder with one importer, as the import verb does: listing, items, their annotation files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import probe_image
from mlwf_tui.protocols.importers import Importer
from mlwf_tui.workflow.importing.scan import scan_folder


@dataclass(frozen=True)
class ReadItem:
    """One item with all that its folder says of it; `annotation` None where it says nothing."""

    path: Path
    dataset: str
    name: str
    split: Split
    annotation: Annotation | None
    objects: tuple[AnnotatedObject, ...] = field(default=())


def read_folder(importer: Importer, root: Path) -> tuple[list[ReadItem], list[Problem]]:
    """Return the items of a folder in order, and every problem; an item whose file is bad is left out."""
    folder = scan_folder(root)
    problems: list[Problem] = []
    items: list[ReadItem] = []
    key = msgspec.msgpack.decode(msgspec.msgpack.encode(importer.read_key(folder)), strict=False)
    for item in importer.iter_items(folder, problems.append):
        annotation, split = item.annotation, item.split
        try:
            if item.source is not None:
                facts = probe_image(item.image.path.read_bytes())
                size = facts.width_px, facts.height_px
                described = importer.read_annotation(item.source, key, *size, problems.append)
                if parse := getattr(importer, "parse_annotation", None):
                    content = item.source.path.read_bytes()
                    assert parse(content, key, *size, lambda reason: None) == described
                found = described.annotation
                annotation = found if isinstance(found, Annotation) else found.to_annotation()
                split = item.split if described.split is None else described.split
        except InvalidInput as error:
            problems.append(Problem(item.source.relative if item.source else "", error.message))
            continue
        objects = annotation.objects if annotation else ()
        items.append(ReadItem(item.image.path, item.dataset, item.name, split, annotation, objects))
    return items, problems
