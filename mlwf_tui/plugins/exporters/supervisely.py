"""Writes Supervisely's project folders: meta.json, and img/ and ann/ for each dataset; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlwf_tui.entities.abilities import EVERYTHING
from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely import encode_annotation, encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place_fault, place_annotation, place_image
from mlwf_tui.protocols import ExportedItem, ExportSummary, Observer


class SuperviselyExporter:
    """Every item with its whole annotation; splits go to a key of ours, see docs/format.md."""

    name = "supervisely"
    summary = "Supervisely: meta.json, img/ and ann/ for each dataset; keeps all there is"
    abilities = EVERYTHING

    def write(
        self, items: Iterable[ExportedItem], schema: LabelSchema, folder: Path, observer: Observer
    ) -> ExportSummary:
        """Write all items; one that has no place in the layout is reported. meta.json comes last.

        Raises:
            InvalidInput: there are no items, or an annotation that JSON cannot hold.
        """
        files: dict[str, str] = {}
        problems: list[Problem] = []
        made: set[Path] = set()
        for exported in items:
            observer.check_cancelled()
            item = exported.item
            fault = find_place_fault(item.dataset, item.name)
            if fault:
                problems.append(Problem(item.key, fault))
            else:
                image = place_image(item.dataset, item.name)
                _make_parent(folder / image, made)
                exported.place_image(folder / image)
                annotation = place_annotation(item.dataset, item.name)
                _write(folder / annotation, encode_annotation(item), made)
                files[image] = item.key
        if not files:
            raise InvalidInput("There is no item to write.", hint="Import some, or choose another version.")
        (folder / META_NAME).write_bytes(encode_meta(schema))
        return ExportSummary(files=files, problems=tuple(problems))


def _write(path: Path, data: bytes, made: set[Path]) -> None:
    _make_parent(path, made)
    path.write_bytes(data)


def _make_parent(path: Path, made: set[Path]) -> None:
    if path.parent not in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        made.add(path.parent)
