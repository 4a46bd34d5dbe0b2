"""The JSON file of one split as COCO has it, written in parts; what an entry says is its exporter's.

Images are written as they come, entries of annotations to a file without a name that is put behind them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Any, Final

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, ClassDefinition, LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.plugins.exporters.files import Folders, JsonList, iter_known, number_edges

_INFO: Final = b"written by mlwf; ids are numbered anew, those of categories in the order of the classes"


@dataclass(slots=True)
class Document:
    """A JSON file while it is written."""

    file: IO[bytes]
    spool: IO[bytes]  # holds the entries until all images are written
    category_ids: dict[str, int]
    images: JsonList = field(init=False)
    entries: JsonList = field(init=False)

    def __post_init__(self) -> None:
        self.images, self.entries = JsonList(self.file), JsonList(self.spool)

    def add_image(self, item: Item) -> int:
        """Append an image; return its id."""
        image_id = self.images.count + 1
        size = {"width": item.width_px, "height": item.height_px}
        self.images.add({"id": image_id, "file_name": item.key, **size})
        return image_id

    def iter_known(self, item: Item, problems: list[Problem]) -> Iterator[tuple[int, AnnotatedObject]]:
        """Yield the objects of declared classes behind the ids of these; the others are reported."""
        return iter_known(item, self.category_ids, problems)

    def finish(self) -> None:
        """Write what is left."""
        self.file.write(b'\n],\n"annotations": [')
        self.spool.seek(0)
        shutil.copyfileobj(self.spool, self.file, 1 << 20)
        self.file.write(b"\n]}\n")


def open_document(
    stack: ExitStack, folders: Folders, kind: str, split: Split, schema: LabelSchema, **facts: Any
) -> Document:
    """Begin annotations/KIND_SPLIT.json; the stack closes it. `facts` are told of every category."""
    path = folders.make("annotations") / f"{name_document(kind, split)}.json"
    file = stack.enter_context(path.open("xb"))
    spool = stack.enter_context(TemporaryFile(dir=folders.root))  # noqa: SIM115 - the stack closes it
    categories = [{**_describe_class(number, c), **facts} for number, c in enumerate(schema.classes, start=1)]
    head = msgspec.json.encode(categories)
    file.write(b'{"info": {"description": "' + _INFO + b'"},\n"categories": ' + head + b',\n"images": [')
    return Document(file, spool, {c.name: number for number, c in enumerate(schema.classes, start=1)})


def name_document(kind: str, split: Split) -> str:
    """Return what the file of a split is called, without its suffix."""
    return f"{kind}_{'default' if split is Split.NONE else split.value}"


def describe_box(box: Bounds) -> list[float]:
    """Return a box as left, top, width and height."""
    return [box.left, box.top, box.width_px, box.height_px]


def _describe_class(number: int, definition: ClassDefinition) -> dict[str, Any]:
    described: dict[str, Any] = {"id": number, "name": definition.name, "supercategory": ""}
    if len(definition.color) == 7:
        described["color"] = list(bytes.fromhex(definition.color[1:]))
    if definition.nodes:
        described["keypoints"] = list(definition.nodes)
        described["skeleton"] = number_edges(definition)
    return described
