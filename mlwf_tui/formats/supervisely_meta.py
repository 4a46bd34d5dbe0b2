"""A label schema as Supervisely's meta.json, and back; annotations are not here.

A definition is written in the format's own terms. Where reading these would not give it back (a tag
without a colour, keypoints without a skeleton), all of it stands beside them under a key of ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import msgspec

from mlwf_tui.entities.annotation import ClassDefinition, GeometryKind, LabelSchema, TagDefinition
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely_shapes import KINDS, SHAPES

MAX_META_BYTES: Final = 16 << 20

_ANY_SHAPE = "any"
_VALUE_TYPES: Final = {
    "none": "none", "text": "any_string", "number": "any_number", "choice": "oneof_string",
}  # fmt: skip
_OUR_VALUE_TYPES: Final = {theirs: ours for ours, theirs in _VALUE_TYPES.items()}
_TARGETS: Final = {"items": "imagesOnly", "objects": "objectsOnly"}
_OUR_TARGETS: Final = {theirs: ours for ours, theirs in _TARGETS.items()}
_NO_COLOR = "#808080"  # which the format asks for where a tag has none
_COLOR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_TAG_COLOR = re.compile(r"#[0-9a-fA-F]{6}")  # Supervisely's tools refuse a meta with another
_TEMPLATE_PX = 100  # the radius of the circle that the nodes of a template stand on
_BOM = b"\xef\xbb\xbf"

Definition = TypeVar("Definition", ClassDefinition, TagDefinition)


class OwnClass(msgspec.Struct, omit_defaults=True):
    """A class as our model has it; `is_implied` where it was written only for Supervisely's tools."""

    is_implied: bool = False
    color: str = "#808080"
    geometry: GeometryKind | None = None
    nodes: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()


class OwnTag(msgspec.Struct, omit_defaults=True):
    """A tag as our model has it, likewise."""

    is_implied: bool = False
    value_type: Literal["none", "text", "number", "choice"] = "none"
    values: tuple[str, ...] = ()
    color: str = ""
    target: Literal["items", "objects", "any"] = "any"


class ClassJson(msgspec.Struct):
    title: str
    shape: str | None = None
    color: str | None = None
    geometry_config: object = None
    mlwf: OwnClass | None = None


class TagMetaJson(msgspec.Struct):
    name: str
    value_type: str | None = None
    values: object = None
    color: str | None = None
    applicable_type: str | None = None
    mlwf: OwnTag | None = None


class MetaJson(msgspec.Struct):
    classes: list[ClassJson]
    tags: list[TagMetaJson | str] | None = None


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(MetaJson)


def encode_meta(schema: LabelSchema, shown: LabelSchema | None = None) -> bytes:
    """Return the meta.json of a label schema, one class or tag a line, in the schema's order.

    Supervisely's tools see the definitions of `shown`, which has one for each of the schema's; reading
    the file here gives the schema.

    Raises:
        InvalidInput: a tag's value type is unknown, or a name is no Unicode.
    """
    shown = schema if shown is None else shown
    classes = {definition.name: definition for definition in schema.classes}
    tags = {definition.name: definition for definition in schema.tags}
    try:
        return b'{\n  "classes": %b,\n  "tags": %b,\n  "projectType": "images"\n}\n' % (
            _join([_write_class(definition, classes.get(definition.name)) for definition in shown.classes]),
            _join([_write_tag(definition, tags.get(definition.name)) for definition in shown.tags]),
        )
    except UnicodeEncodeError as error:
        raise InvalidInput(f"The label schema cannot be written: {error}.", hint="Rename it.") from error


def decode_meta(data: bytes) -> LabelSchema:
    """Return the label schema of a meta.json.

    A shape that our model lacks allows any; a value type that it lacks, such as a date, is a text.

    Raises:
        InvalidInput: it is no such file, or names something twice. The message follows its name.
    """
    meta = _decode(data)
    tags = [TagMetaJson(row) if isinstance(row, str) else row for row in meta.tags or []]
    _check_unique([row.title for row in meta.classes], "class")
    _check_unique([row.name for row in tags], "tag")
    return LabelSchema(
        tuple(_read_class(row) for row in meta.classes if not (row.mlwf and row.mlwf.is_implied)),
        tuple(_read_tag(row) for row in tags if not (row.mlwf and row.mlwf.is_implied)),
    )


def decode_node_names(data: bytes) -> dict[str, dict[str, str]]:
    """Return, by class, what its template calls the nodes that annotations name by other ids.

    Raises:
        InvalidInput: as `decode_meta`.
    """
    named = {row.title: _read_nodes(row.geometry_config) for row in _decode(data).classes}
    return {
        title: nodes for title, nodes in named.items() if any(name != node for node, name in nodes.items())
    }


def list_unknown_shapes(data: bytes) -> dict[str, str]:
    """Return the shapes that our model lacks by the classes that are of them, which are read as of any.

    Raises:
        InvalidInput: as `decode_meta`.
    """
    return {
        row.title: row.shape
        for row in _decode(data).classes
        if row.mlwf is None and row.shape and row.shape != _ANY_SHAPE and row.shape not in KINDS
    }


def _decode(data: bytes) -> MetaJson:
    if len(data) > MAX_META_BYTES:
        raise InvalidInput(f"is larger than {MAX_META_BYTES >> 20} MiB")
    try:
        return _decoder.decode(data.removeprefix(_BOM))
    except msgspec.ValidationError as error:
        raise InvalidInput(f"is not the meta of a project: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidInput("is nested too deeply") from error


def _join(lines: Sequence[bytes]) -> bytes:
    return b"[\n    %b\n  ]" % b",\n    ".join(lines) if lines else b"[]"


def _write(members: Mapping[str, object]) -> bytes:
    """Return an object in one line, with a space behind each comma and colon of its own."""
    return b"{%b}" % b", ".join([b"%b: %b" % (_encode(k), _encode(v)) for k, v in members.items()])


# --- classes -------------------------------------------------------------------------------------


def _write_class(shown: ClassDefinition, definition: ClassDefinition | None) -> bytes:
    members: dict[str, object] = {
        "title": shown.name,
        "shape": SHAPES[shown.geometry] if shown.geometry else _ANY_SHAPE,
        "color": shown.color if _COLOR.fullmatch(shown.color) else _NO_COLOR,
    }
    if shown.nodes and shown.geometry in (None, GeometryKind.KEYPOINTS):
        members["geometry_config"] = _make_template(shown)
    own = _find_own(members, definition, ClassJson, _read_class, OwnClass)
    return _write(members if own is None else {**members, "mlwf": own})


def _find_own(
    members: Mapping[str, object],
    definition: Definition | None,
    row_type: type[Any],
    read: Callable[[Any], Definition],
    own_type: type[Any],
) -> object:
    """Return what has to stand beside the format's own members, or None where they say it all."""
    if definition is None:
        return own_type(is_implied=True)
    if read(msgspec.convert(msgspec.to_builtins(members), row_type)) == definition:
        return None
    fields = {name: getattr(definition, name) for name in own_type.__struct_fields__ if name != "is_implied"}
    return own_type(**fields)


def _make_template(definition: ClassDefinition) -> object:
    """Return a template whose nodes stand on a circle: where they are drawn is not in our model."""
    nodes = {}
    for index, name in enumerate(definition.nodes):
        turn = 2 * math.pi * index / len(definition.nodes)
        place = [round(_TEMPLATE_PX * (1 + math.sin(turn))), round(_TEMPLATE_PX * (1 - math.cos(turn)))]
        nodes[name] = {"label": name, "loc": place, "color": "#0000FF"}
    edges = [{"src": start, "dst": end, "color": "#00FF00"} for start, end in definition.edges]
    return {"nodes": nodes, "edges": edges}


def _read_class(row: ClassJson) -> ClassDefinition:
    own = row.mlwf
    if own is not None:
        edges = tuple(edge for edge in own.edges if set(edge) <= set(own.nodes))
        return ClassDefinition(row.title, own.color, own.geometry, own.nodes, edges)
    color = row.color if row.color and _COLOR.fullmatch(row.color) else ClassDefinition(row.title).color
    named = _read_nodes(row.geometry_config)
    edges = tuple(_iter_edges(row.geometry_config, named))
    return ClassDefinition(row.title, color, KINDS.get(row.shape or _ANY_SHAPE), tuple(named.values()), edges)


def _read_nodes(template: object) -> dict[str, str]:
    """Return the names of a template's nodes by their ids, which are the names where labels cannot be."""
    nodes = template.get("nodes") if isinstance(template, dict) else None
    if not isinstance(nodes, dict):
        return {}
    labels = [node.get("label") if isinstance(node, dict) else None for node in nodes.values()]
    names = [label for label in labels if isinstance(label, str) and label]
    if len(set(names)) < len(nodes):
        return {node: node for node in nodes}
    return dict(zip(nodes, names, strict=True))


def _iter_edges(template: object, named: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    edges = template.get("edges") if isinstance(template, dict) else None
    for edge in edges if isinstance(edges, list) else ():
        ends = (edge.get("src"), edge.get("dst")) if isinstance(edge, dict) else ()
        known = [named[end] for end in ends if isinstance(end, str) and end in named]
        if len(known) == 2:
            yield known[0], known[1]


# --- tags ----------------------------------------------------------------------------------------


def _write_tag(shown: TagDefinition, definition: TagDefinition | None) -> bytes:
    value_type = _VALUE_TYPES.get(shown.value_type)
    if value_type is None:
        raise InvalidInput(
            f"The tag {shown.name} has values of an unknown type, {shown.value_type!r}.",
            hint=f"It may be {', '.join(_VALUE_TYPES)}.",
        )
    members: dict[str, object] = {
        "name": shown.name,
        "value_type": value_type,
        "color": shown.color if _TAG_COLOR.fullmatch(shown.color) else _NO_COLOR,
    }
    if shown.value_type == "choice":
        members["values"] = list(shown.values)
    if shown.target in _TARGETS:
        members["applicable_type"] = _TARGETS[shown.target]
    own = _find_own(members, definition, TagMetaJson, _read_tag, OwnTag)
    return _write(members if own is None else {**members, "mlwf": own})


def _read_tag(row: TagMetaJson) -> TagDefinition:
    own = row.mlwf
    if own is not None:
        return TagDefinition(row.name, own.value_type, own.values, own.color, own.target)
    value_type = _OUR_VALUE_TYPES.get(row.value_type or "none", "text")
    found = row.values if value_type == "choice" and isinstance(row.values, list) else ()
    values = tuple(value for value in found if isinstance(value, str))
    has_color = row.color and row.color != _NO_COLOR and _TAG_COLOR.fullmatch(row.color)
    target = _OUR_TARGETS.get(row.applicable_type or "", "any")
    return TagDefinition(row.name, value_type, values, (row.color or "") if has_color else "", target)


def _check_unique(names: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInput(f"defines the {what} {name[:40]!r} twice")
        seen.add(name)
