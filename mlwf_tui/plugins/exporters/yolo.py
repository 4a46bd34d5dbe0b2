"""Writes Ultralytics YOLO folders: images/SPLIT, labels/SPLIT and data.yaml; boxes only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final

import yaml
from PIL import Image

from mlwf_tui.entities.annotation import Bounds, GeometryKind, LabelSchema
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols import ExportedItem, ExportSummary, Observer

SPLITS: Final = (Split.TRAIN, Split.VAL, Split.TEST)

_READ_BY_ULTRALYTICS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_WITH_AREA = frozenset(
    {GeometryKind.RECTANGLE, GeometryKind.POLYGON, GeometryKind.MASK, GeometryKind.ORIENTED_BOX}
)
_MAX_STEM_BYTES = 200  # leaves room for a digest and a suffix in 255


class YoloExporter:
    """The folder that the ultralytics trainer reads; polygons and masks go out as their bounds."""

    name = "yolo"
    summary = "Ultralytics YOLO: images, text labels with boxes, and data.yaml"

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write the items that have a split; those without, and shapes without area, are reported.

        Every split has its folders and its line in data.yaml, since Ultralytics asks for them.

        Raises:
            InvalidInput: no item has a split.
        """
        writer = _Writer(folder, {name: index for index, name in enumerate(schema.class_names)})
        for split in SPLITS:
            (folder / "images" / split).mkdir(parents=True)
            (folder / "labels" / split).mkdir(parents=True)
        for step, exported in enumerate(items, start=1):
            observer.check_cancelled()
            writer.write_item(exported)
            observer.progress(step, None, exported.item.name)
        if not writer.files:
            raise InvalidInput(
                "No item has a split, so there is nothing to train or measure on.",
                hint="Give each item one with `mlwf transform split PROJECT --to PROJECT`.",
            )
        _write_config(folder, schema.class_names)
        return ExportSummary(files=writer.files, problems=tuple(writer.problems))


@dataclass(slots=True)
class _Writer:
    """Writes item by item and remembers which names are taken."""

    folder: Path
    class_index: dict[str, int]
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _taken: set[tuple[Split, str]] = field(default_factory=set)

    def write_item(self, exported: ExportedItem) -> None:
        item = exported.item
        if item.split is Split.NONE:
            self.problems.append(Problem(item.key, "has no split and was left out"))
            return
        data, suffix = _make_readable(exported.read_image(), Path(item.name).suffix.lower())
        stem = self._find_stem(item)
        image = f"images/{item.split}/{stem}{suffix}"
        (self.folder / image).write_bytes(data)
        label = self.folder / "labels" / item.split / f"{stem}.txt"
        label.write_text("".join(f"{line}\n" for line in self._format_objects(item)), "utf-8")
        self.files[image] = item.key

    def _find_stem(self, item: Item) -> str:
        """Return a name made from the key that no other item of the split has, whatever its suffix."""
        parts = (*item.dataset.split("/"), Path(item.name).stem)
        stem = "__".join(parts)
        if stem.startswith("."):  # which Ultralytics would pass over
            stem = f"_{stem[1:]}"
        is_taken = (item.split, stem.casefold()) in self._taken
        if is_taken or len(stem.encode()) > _MAX_STEM_BYTES:
            short = stem.encode()[:_MAX_STEM_BYTES].decode(errors="ignore")
            stem = f"{short}_{hashlib.sha256(item.key.encode()).hexdigest()[:12]}"
        self._taken.add((item.split, stem.casefold()))
        return stem

    def _format_objects(self, item: Item) -> list[str]:
        lines = []
        for number, labelled in enumerate(item.annotation.objects, start=1):
            title = f"object {number} ({labelled.class_name})"
            index = self.class_index.get(labelled.class_name)
            box = _clip(labelled.geometry.bounds, item.width_px, item.height_px)
            if index is None:
                self.problems.append(Problem(item.key, f"{title} has a class that the project lacks"))
            elif labelled.geometry.kind not in _WITH_AREA:
                self.problems.append(Problem(item.key, f"{title} is a {labelled.geometry.kind}, not a box"))
            elif box.width_px <= 0 or box.height_px <= 0:
                self.problems.append(Problem(item.key, f"{title} has no area inside of the image"))
            else:
                lines.append(f"{index} {_format_box(box, item.width_px, item.height_px)}")
        return lines


def _make_readable(data: bytes, suffix: str) -> tuple[bytes, str]:
    """Return bytes and suffix that Ultralytics reads: as they are, or the first frame as PNG."""
    found = _find_suffix(data)
    if found:
        return data, suffix if suffix in _READ_BY_ULTRALYTICS else found
    file = BytesIO()
    with Image.open(BytesIO(data)) as image:
        image.convert("RGB").save(file, "png")
    return file.getvalue(), ".png"


def _find_suffix(data: bytes) -> str:
    """Return the suffix that fits the bytes, empty for what Ultralytics does not read."""
    if data.startswith(b"\xff\xd8"):
        return ".jpg"
    if data.startswith(b"\x89PNG"):
        return ".png"
    if data.startswith(b"BM"):
        return ".bmp"
    if data.startswith((b"II", b"MM")):
        return ".tif"
    return ".webp" if data[8:12] == b"WEBP" else ""


def _clip(bounds: Bounds, width_px: int, height_px: int) -> Bounds:
    return Bounds(
        max(bounds.left, 0), max(bounds.top, 0), min(bounds.right, width_px), min(bounds.bottom, height_px)
    )


def _format_box(box: Bounds, width_px: int, height_px: int) -> str:
    """Return centre and size, normalised; eight decimals keep a thousandth of a pixel at any size."""
    values = (
        (box.left + box.right) / 2 / width_px,
        (box.top + box.bottom) / 2 / height_px,
        box.width_px / width_px,
        box.height_px / height_px,
    )
    return " ".join(f"{value:.8f}" for value in values)


def _write_config(folder: Path, class_names: Sequence[str]) -> None:
    """Write data.yaml; names are quoted, so that a class called 0 or no stays a text.

    Without `path` the splits are below the file's own folder, so that the folder may be moved.
    """
    content = {
        **{split.value: f"images/{split}" for split in SPLITS},
        "names": {index: _Quoted(name) for index, name in enumerate(class_names)},
    }
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    (folder / "data.yaml").write_text(text, "utf-8")


class _Quoted(str):
    """A text that YAML is to write in quotes."""


class _Dumper(yaml.SafeDumper):
    """A dumper that knows `_Quoted`."""


def _represent_quoted(dumper: yaml.SafeDumper, text: _Quoted) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Dumper.add_representer(_Quoted, _represent_quoted)
