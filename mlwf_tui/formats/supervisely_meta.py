"""A label schema as Supervisely's meta.json, and back; annotations are not here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from mlwf_tui.entities.annotation import ClassDefinition, LabelSchema, TagDefinition
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely_shapes import KINDS, SHAPES

MAX_META_BYTES: Final = 16 << 20

_ANY_SHAPE = "any"
_VALUE_TYPES: Final = {"none": "none", "text": "any_string", "number": "any_number"}
_OUR_VALUE_TYPES: Final = {theirs: ours for ours, theirs in _VALUE_TYPES.items()}
_TAG_COLOR = "#808080"  # which the format asks for and our tags do not have
_COLOR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_BOM = b"\xef\xbb\xbf"


class ClassJson(msgspec.Struct):
    title: str
    shape: str | None = None
    color: str | None = None


class TagMetaJson(msgspec.Struct):
    name: str
    value_type: str | None = None


class MetaJson(msgspec.Struct):
    classes: list[ClassJson]
    tags: list[TagMetaJson] | None = None


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(MetaJson)


def encode_meta(schema: LabelSchema) -> bytes:
    """Return the meta.json of a label schema, one class or tag a line, in the schema's order.

    Raises:
        InvalidInput: a tag's value type is unknown, or a name is no Unicode.
    """
    try:
        return b'{\n  "classes": %b,\n  "tags": %b,\n  "projectType": "images"\n}\n' % (
            _join([_write_class(definition) for definition in schema.classes]),
            _join([_write_tag(definition) for definition in schema.tags]),
        )
    except UnicodeEncodeError as error:
        raise InvalidInput(f"The label schema cannot be written: {error}.", hint="Rename it.") from error


def decode_meta(data: bytes) -> LabelSchema:
    """Return the label schema of a meta.json.

    A shape that our model lacks allows any; a value type that it lacks, such as one of several texts
    or a date, is a text.

    Raises:
        InvalidInput: it is no such file, or names something twice. The message follows its name.
    """
    if len(data) > MAX_META_BYTES:
        raise InvalidInput(f"is larger than {MAX_META_BYTES >> 20} MiB")
    try:
        meta = _decoder.decode(data.removeprefix(_BOM))
    except msgspec.ValidationError as error:
        raise InvalidInput(f"is not the meta of a project: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidInput("is nested too deeply") from error
    tags = meta.tags or []
    _check_unique([row.title for row in meta.classes], "class")
    _check_unique([row.name for row in tags], "tag")
    return LabelSchema(tuple(_read_class(row) for row in meta.classes), tuple(_read_tag(row) for row in tags))


def _join(lines: Sequence[bytes]) -> bytes:
    return b"[\n    %b\n  ]" % b",\n    ".join(lines) if lines else b"[]"


def _write_class(definition: ClassDefinition) -> bytes:
    shape = SHAPES[definition.geometry] if definition.geometry else _ANY_SHAPE
    return b'{"title": %b, "shape": "%b", "color": %b}' % (
        _encode(definition.name),
        shape.encode(),
        _encode(definition.color),
    )


def _write_tag(definition: TagDefinition) -> bytes:
    value_type = _VALUE_TYPES.get(definition.value_type)
    if value_type is None:
        raise InvalidInput(
            f"The tag {definition.name} has values of an unknown type, {definition.value_type!r}.",
            hint=f"It may be {', '.join(_VALUE_TYPES)}.",
        )
    return b'{"name": %b, "value_type": "%b", "color": "%b"}' % (
        _encode(definition.name),
        value_type.encode(),
        _TAG_COLOR.encode(),
    )


def _read_class(row: ClassJson) -> ClassDefinition:
    geometry = KINDS.get(row.shape or _ANY_SHAPE)
    if row.color and _COLOR.fullmatch(row.color):
        return ClassDefinition(row.title, row.color, geometry)
    return ClassDefinition(row.title, geometry=geometry)


def _read_tag(row: TagMetaJson) -> TagDefinition:
    return TagDefinition(row.name, _OUR_VALUE_TYPES.get(row.value_type or "none", "text"))


def _check_unique(names: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInput(f"defines the {what} {name[:40]!r} twice")
        seen.add(name)
