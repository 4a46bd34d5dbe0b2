"""Writes Supervisely's project folders: meta.json, and img/ and ann/ for each dataset; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from mlwf_tui.entities.abilities import EVERYTHING
from mlwf_tui.entities.annotation import (
    Annotation,
    ClassDefinition,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
)
from mlwf_tui.entities.run import Problem
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely import encode_annotation, encode_meta
from mlwf_tui.formats.supervisely_layout import META_NAME, find_place_fault, place_annotation, place_image
from mlwf_tui.formats.supervisely_shapes import name_nodes
from mlwf_tui.protocols.exporters import ExportedItem, ExportSummary
from mlwf_tui.protocols.observer import Observer


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
        usage = _Usage(schema)
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
                _write(folder / annotation, encode_annotation(item, usage.skeletons), made)
                usage.add(item.annotation)
                files[image] = item.key
        if not files:
            raise InvalidInput("There is no item to write.", hint="Import some, or choose another version.")
        (folder / META_NAME).write_bytes(encode_meta(schema, usage.complete()))
        return ExportSummary(files=files, problems=tuple(problems))


class _Usage:
    """What annotations use of a label schema, and beyond it.

    Supervisely's tools refuse a file with a class, a tag or a node that meta.json does not define, or with
    an object of another shape than its class has.
    """

    def __init__(self, schema: LabelSchema) -> None:
        self.schema = schema
        self.skeletons = {definition.name: definition.nodes for definition in schema.classes}
        self._kinds: dict[str, set[GeometryKind]] = {}
        self._nodes: dict[str, dict[str, None]] = {}
        self._tags: dict[str, set[type]] = {}

    def add(self, annotation: Annotation) -> None:
        """Note the classes, shapes, nodes and tags of an item."""
        self._add_tags(annotation.tags)
        for labelled in annotation.objects:
            name, geometry = labelled.class_name, labelled.geometry
            self._kinds.setdefault(name, set()).add(geometry.kind)
            if geometry.kind is GeometryKind.KEYPOINTS:
                nodes = name_nodes(geometry, self.skeletons.get(name, ()))
                self._nodes.setdefault(name, {}).update(dict.fromkeys(nodes))
            self._add_tags(labelled.tags)

    def complete(self) -> LabelSchema:
        """Return the schema as Supervisely's tools have to see it."""
        classes = {definition.name: definition for definition in self.schema.classes}
        classes |= {name: ClassDefinition(name) for name in self._kinds if name not in classes}
        known = {definition.name for definition in self.schema.tags}
        implied = [_imply_tag(name, types) for name, types in self._tags.items() if name not in known]
        return LabelSchema(tuple(map(self._complete_class, classes.values())), (*self.schema.tags, *implied))

    def _add_tags(self, tags: Iterable[Tag]) -> None:
        for tag in tags:
            self._tags.setdefault(tag.name, set()).add(type(tag.value))

    def _complete_class(self, definition: ClassDefinition) -> ClassDefinition:
        kinds = self._kinds.get(definition.name, set())
        if kinds - {definition.geometry}:
            definition = replace(definition, geometry=None)
        nodes = dict.fromkeys((*definition.nodes, *self._nodes.get(definition.name, ())))
        return replace(definition, nodes=tuple(nodes)) if nodes else definition


def _imply_tag(name: str, types: set[type]) -> TagDefinition:
    if str in types:
        return TagDefinition(name, "text")
    return TagDefinition(name, "number" if types & {int, float} else "none")


def _write(path: Path, data: bytes, made: set[Path]) -> None:
    _make_parent(path, made)
    path.write_bytes(data)


def _make_parent(path: Path, made: set[Path]) -> None:
    if path.parent not in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        made.add(path.parent)
