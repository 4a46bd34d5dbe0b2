"""merge: several projects in one, with one list of classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.annotation import ClassDefinition, LabelSchema, TagDefinition
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.names import suggest_name
from mlwf_tui.errors import InvalidInput, InvalidParameter
from mlwf_tui.params import param
from mlwf_tui.plugins.operations.classes import rename_objects, rename_schema
from mlwf_tui.plugins.operations.moving import add_ending
from mlwf_tui.plugins.operations.names import parse_pairs
from mlwf_tui.protocols.operations import PlannedItem, SourceItem


@dataclass(frozen=True, slots=True)
class MergeParams:
    classes: tuple[str, ...] = param((), "old=new, or PROJECT/old=new for the class of one project alone")
    clash: str = param(
        "widen",
        "a class of one name and two kinds of shape: allow any shape, keep them as two, or refuse",
        choices=("widen", "separate", "refuse"),
    )
    datasets: str = param(
        "project", "put each project's datasets below its name, or keep them", choices=("project", "keep")
    )
    same_name: str = param(
        "rename",
        "items of one name in one dataset: rename one, keep the first by project, or refuse",
        choices=("rename", "first", "refuse"),
    )


class Merge:
    """The items of all sources, under one list of classes."""

    name = "merge"
    summary = "join projects, mapping classes and settling what clashes"
    group = "merging"
    version = 1
    is_random = False
    params_type: type[Any] = MergeParams

    def join_schemas(self, schemas: Mapping[str, LabelSchema], params: MergeParams) -> LabelSchema:
        """Return the classes and tags of all projects.

        Raises:
            InvalidParameter: a class that is mapped does not exist.
            InvalidInput: definitions clash, and are to be refused.
        """
        _check_mapping(schemas, params)
        joined = LabelSchema()
        for project, schema in sorted(schemas.items()):
            mapped = rename_schema(schema, _map_classes(project, params))
            joined = _join(joined, mapped, project, params)
        return joined

    def plan(
        self, items: Sequence[SourceItem], schema: LabelSchema, params: MergeParams, *, seed: int
    ) -> Iterator[PlannedItem]:
        """Yield all items; raises InvalidInput where two have one name and that is to be refused."""
        places: dict[str, list[tuple[str, int]]] = {}
        if params.datasets == "keep":
            for position, source in enumerate(items):
                places.setdefault(_find_key(source), []).append((source.project, position))
        clashing = {key: sorted(found) for key, found in places.items() if len(found) > 1}
        if clashing and params.same_name == "refuse":
            key, found = min(clashing.items())
            raise InvalidInput(
                f"{key} is in {' and in '.join(project for project, _ in found)}.",
                hint="Merge with -p same_name=rename, or with -p datasets=project.",
            )
        taken = set(places)
        names = set(schema.class_names)
        for position, source in enumerate(items):
            item = self._place(source, params, clashing, position, taken)
            if item is not None:
                yield PlannedItem(_map_item(item, source.project, names, params), position)

    def _place(
        self,
        source: SourceItem,
        params: MergeParams,
        clashing: Mapping[str, list[tuple[str, int]]],
        position: int,
        taken: set[str],
    ) -> Item | None:
        """Return an item in its dataset and under a free name, None where another one of it stays."""
        if params.datasets == "project":
            return source.item
        key = _find_key(source)
        dataset = key.rpartition("/")[0]
        item = source.item if dataset == source.item.dataset else replace(source.item, dataset=dataset)
        if key not in clashing or clashing[key][0][1] == position:
            return item
        return None if params.same_name == "first" else add_ending(item, f"_{source.project}", taken)

    def transform_schema(self, schema: LabelSchema, params: MergeParams) -> LabelSchema:
        """Return the joined schema as it is."""
        return schema


def _find_key(source: SourceItem) -> str:
    """Return an item's key in its own project."""
    return source.origin.key if source.origin is not None else source.item.key


def _check_mapping(schemas: Mapping[str, LabelSchema], params: MergeParams) -> None:
    known = {name for schema in schemas.values() for name in schema.class_names}
    known |= {f"{project}/{name}" for project, schema in schemas.items() for name in schema.class_names}
    for old in parse_pairs(params.classes, "classes", "old=new") if params.classes else ():
        if old not in known:
            raise InvalidParameter(f"There is no class {old!r}.", hint=suggest_name(old, sorted(known)))


@lru_cache(maxsize=64)  # asked for every item
def _map_classes(project: str, params: MergeParams) -> Mapping[str, str]:
    """Return the new names of a project's classes; what is said of it alone goes before."""
    pairs = parse_pairs(params.classes, "classes", "old=new") if params.classes else {}
    own = {
        old.removeprefix(f"{project}/"): new for old, new in pairs.items() if old.startswith(f"{project}/")
    }
    return {**pairs, **own}


def _join(joined: LabelSchema, schema: LabelSchema, project: str, params: MergeParams) -> LabelSchema:
    """Return a schema with that of another project behind it."""
    classes = {definition.name: definition for definition in joined.classes}
    for definition in schema.classes:
        known = classes.get(definition.name)
        if known is None:
            classes[definition.name] = definition
        elif (known.geometry, known.nodes) != (definition.geometry, definition.nodes):
            _settle(classes, known, definition, project, params)
    return LabelSchema(tuple(classes.values()), _join_tags(joined, schema, params))


def _settle(
    classes: dict[str, ClassDefinition],
    known: ClassDefinition,
    other: ClassDefinition,
    project: str,
    params: MergeParams,
) -> None:
    match params.clash:
        case "refuse":
            raise InvalidInput(
                f"The class {other.name!r} {_describe(other, known)} in {project},"
                f" and {_describe(known, other)} elsewhere.",
                hint="Merge with -p clash=widen or separate, or map one: -p classes=PROJECT/old=new.",
            )
        case "separate":
            name = _name_apart(other.name, project)
            classes[name] = replace(other, name=name)
        case _:
            nodes = known.nodes or other.nodes
            edges = known.edges or other.edges
            classes[known.name] = replace(known, geometry=None, nodes=nodes, edges=edges)


def _describe(definition: ClassDefinition, other: ClassDefinition) -> str:
    """Return what of a class differs from another one of its name."""
    if definition.geometry != other.geometry:
        return f"is of shape {definition.geometry}" if definition.geometry else "is of any shape"
    nodes = definition.nodes
    if not nodes:
        return "names no keypoints"
    if len(nodes) != len(other.nodes):
        return f"names {len(nodes)} keypoint{'s' * (len(nodes) != 1)}"
    at = next(at for at, node in enumerate(nodes) if node != other.nodes[at])
    return f"names {nodes[at]!r} as keypoint {at + 1}"


def _name_apart(name: str, project: str) -> str:
    return f"{name} ({project})"


def _join_tags(joined: LabelSchema, schema: LabelSchema, params: MergeParams) -> tuple[TagDefinition, ...]:
    """Return the tags of both; where they clash a tag takes texts, and any target."""
    tags = {definition.name: definition for definition in joined.tags}
    for other in schema.tags:
        known = tags.setdefault(other.name, other)
        kind = known.value_type if known.value_type == other.value_type else "text"
        if kind != known.value_type and params.clash == "refuse":
            raise InvalidInput(
                f"The tag {other.name!r} has the value types {known.value_type} and {other.value_type}.",
                hint="Merge with -p clash=widen.",
            )
        values = tuple(dict.fromkeys((*known.values, *other.values))) if kind == "choice" else ()
        target = known.target if known.target == other.target else "any"
        tags[other.name] = replace(known, value_type=kind, values=values, target=target)
    return tuple(tags.values())


def _map_item(item: Item, project: str, names: set[str], params: MergeParams) -> Item:
    """Return an item with its classes under their names in the joined schema."""
    mapping = dict(_map_classes(project, params))
    for name in {labelled.class_name for labelled in item.annotation.objects}:
        apart = _name_apart(mapping.get(name, name), project)
        if apart in names:
            mapping[name] = apart
    if not any(labelled.class_name in mapping for labelled in item.annotation.objects):
        return item
    return replace(item, annotation=replace(item.annotation, objects=rename_objects(item, mapping)))
