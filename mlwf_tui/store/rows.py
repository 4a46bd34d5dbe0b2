"""Items and label schemas as rows of MessagePack, and back with every value checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    ClassDefinition,
    Geometry,
    GeometryKind,
    LabelSchema,
    Point,
    Tag,
    TagDefinition,
    Visibility,
)
from mlwf_tui.entities.boxes import Boxes
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Origin, Split, check_dataset, check_name
from mlwf_tui.errors import CorruptData, InvalidInput
from mlwf_tui.store.format import DIGEST_BYTES

T = TypeVar("T")
Digest32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Count = Annotated[int, msgspec.Meta(ge=0)]

_NONE: tuple[()] = ()
_RECTANGLE = GeometryKind.RECTANGLE.value  # encoded in half the time of a member
_EXACT_INTEGERS = 1 << 53  # up to here a float holds every integer
_THOUSANDTHS = 3  # decimals
_FAR = 1e12  # below it, a float holds every thousandth


class TagRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    name: str
    value: str | float | None


class GeometryRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    # Tuples: of most shapes all but the points are empty, and an empty tuple is not made anew.
    kind: GeometryKind
    points: tuple[float, ...]  # x, y, x, y, …
    holes: tuple[tuple[float, ...], ...]
    runs: tuple[int, ...]
    names: tuple[str, ...]
    decimals: Literal[0, 3] = 0  # 3: points and holes are in thousandths of a pixel
    visibility: tuple[Visibility, ...] = ()  # as many as points, or none


class ObjectRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    class_name: str
    geometry: GeometryRow
    confidence: float | None = None
    author: str = ""
    tags: tuple[TagRow, ...] = ()
    custom: dict[str, bool | str | float] = {}  # in the order of its keys


class OriginRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    blob: Digest32
    key: str
    manifest: Digest32


class ItemRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    dataset: str
    name: str
    blob: Digest32
    size_bytes: Count
    width_px: Count
    height_px: Count
    split: Split
    tags: tuple[TagRow, ...]
    objects: tuple[ObjectRow, ...]
    custom: dict[str, bool | str | float] = {}  # in the order of its keys
    origins: tuple[OriginRow, ...] = ()

    @property
    def key(self) -> str:
        """The key of the item."""
        return f"{self.dataset}/{self.name}"


class KeyRow(msgspec.Struct, array_like=True, gc=False):
    """The head of an ItemRow: what is behind it is skipped, not decoded."""

    dataset: str
    name: str


class ClassRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    name: str
    color: str
    geometry: GeometryKind | None
    nodes: list[str] = []
    edges: list[tuple[str, str]] = []


class TagDefinitionRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    name: str
    value_type: str
    values: list[str] = []
    color: str = ""
    target: Literal["items", "objects", "any"] = "any"


class SchemaRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    classes: list[ClassRow]
    tags: list[TagDefinitionRow]


_encoder = msgspec.msgpack.Encoder()
_item_decoder = msgspec.msgpack.Decoder(ItemRow)


def encode_item(item: Item, boxes: Boxes | None = None) -> bytes:
    """Return the row of an item; equal items give equal bytes, be their objects their own or `boxes`.

    Raises:
        InvalidInput: a name, a size, a text or a number that no manifest may hold.
    """
    _check_dataset(item.dataset)
    check_name(item.name, "item name")
    try:
        blob = bytes.fromhex(item.blob)
        if len(blob) != DIGEST_BYTES or min(item.size_bytes, item.width_px, item.height_px) < 0:
            raise ValueError("a digest or a size is impossible")
        row: list[object] = [
            item.dataset,
            item.name,
            blob,
            item.size_bytes,
            item.width_px,
            item.height_px,
            item.split,
            _from_tags(item.annotation.tags),
            [_from_object(annotated) for annotated in item.annotation.objects]
            if boxes is None
            else _from_boxes(boxes),
        ]
        if item.annotation.custom or item.origins:
            row.append(_from_custom(item.annotation.custom))
        if item.origins:
            row.append([_from_origin(origin) for origin in item.origins])
        return _encoder.encode(row)
    except (ValueError, OverflowError) as error:  # not finite, too large, or a lone surrogate
        raise InvalidInput(
            f"The item {item.key} cannot be stored: {error}.", hint="Mend its annotation."
        ) from error


def decode_item(row: bytes | msgspec.Raw) -> Item:
    """Return the item of a row.

    Raises:
        CorruptData: as `decode_row`.
    """
    return to_item(decode_row(row))


def decode_row(row: bytes | msgspec.Raw) -> ItemRow:
    """Return a row with its values checked, which costs half of what an item does.

    Raises:
        CorruptData: it is no such row, or its name is not one path component.
    """
    decoded = decode(_item_decoder, row)
    check_key(decoded.dataset, decoded.name)
    return decoded


def check_key(dataset: str, name: str) -> None:
    """See to it that dataset and name are good ones.

    Raises:
        CorruptData: one of them is not, which no manifest of ours has.
    """
    try:
        _check_dataset(dataset)
        check_name(name, "item name")
    except InvalidInput as error:
        raise CorruptData(f"The manifest holds a bad name. {error.message}") from error


def to_item(row: ItemRow) -> Item:
    """Return the item of a decoded row.

    Raises:
        CorruptData: it holds a point without its y, or not a visibility for each point.
    """
    objects = tuple([_to_object(one) for one in row.objects])
    return Item(
        dataset=row.dataset,
        name=row.name,
        blob=Digest(row.blob.hex()),
        size_bytes=row.size_bytes,
        width_px=row.width_px,
        height_px=row.height_px,
        split=row.split,
        annotation=Annotation(objects, _to_tags(row.tags), row.custom),
        origins=tuple([_to_origin(origin) for origin in row.origins]) if row.origins else (),
    )


def to_schema_row(schema: LabelSchema) -> SchemaRow:
    """Return the row of a label schema; the order of its classes is kept.

    Raises:
        InvalidInput: a class joins nodes that it does not have, or a tag is for something unknown.
    """
    row = SchemaRow(
        [
            ClassRow(c.name, c.color, c.geometry, list(c.nodes), [(a, b) for a, b in c.edges])
            for c in schema.classes
        ],
        [
            TagDefinitionRow(t.name, t.value_type, list(t.values), t.color, _check_target(t))
            for t in schema.tags
        ],
    )
    fault = _find_schema_fault(row)
    if fault:
        raise InvalidInput(f"The label schema cannot be stored: {fault}.", hint="Mend the class.")
    return row


def from_schema_row(row: SchemaRow) -> LabelSchema:
    """Return the label schema of a row.

    Raises:
        CorruptData: a class joins nodes that it does not have.
    """
    fault = _find_schema_fault(row)
    if fault:
        raise CorruptData(f"The manifest's label schema is damaged: {fault}.")
    return LabelSchema(
        tuple(
            ClassDefinition(c.name, c.color, c.geometry, tuple(c.nodes), tuple(c.edges)) for c in row.classes
        ),
        tuple(TagDefinition(t.name, t.value_type, tuple(t.values), t.color, t.target) for t in row.tags),
    )


def shorten_schema(row: SchemaRow) -> tuple[object, object]:
    """Return the values of a schema's row to encode: defaults at the end of a class or tag are left out."""
    return (
        [_cut_defaults((c.name, c.color, c.geometry), (c.nodes, c.edges), ([], [])) for c in row.classes],
        [
            _cut_defaults((t.name, t.value_type), (t.values, t.color, t.target), ([], "", "any"))
            for t in row.tags
        ],
    )


def _cut_defaults(
    head: tuple[object, ...], rest: tuple[object, ...], defaults: tuple[object, ...]
) -> tuple[object, ...]:
    kept = len(rest)
    while kept and rest[kept - 1] == defaults[kept - 1]:
        kept -= 1
    return head + rest[:kept]


def _check_target(definition: TagDefinition) -> Literal["items", "objects", "any"]:
    match definition.target:
        case "items" | "objects" | "any":
            return definition.target
        case _:
            raise InvalidInput(
                f"The tag {definition.name} is for {definition.target!r}, which is unknown.",
                hint="It may be items, objects or any.",
            )


def _find_schema_fault(row: SchemaRow) -> str:
    for definition in row.classes:
        nodes = set(definition.nodes)
        for edge in definition.edges:
            missing = [node for node in edge if node not in nodes]
            if missing:
                return f"the class {definition.name} joins {missing[0]!r}, which is none of its nodes"
    return ""


def decode(decoder: msgspec.msgpack.Decoder[T], encoded: bytes | msgspec.Raw) -> T:
    """Return what `decoder` makes of the bytes.

    Raises:
        CorruptData: they are not of its type.
    """
    try:
        return decoder.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptData(f"The manifest cannot be decoded: {error}.") from error


_check_dataset = lru_cache(maxsize=1024)(check_dataset)  # a million items have few datasets


def _from_origin(origin: Origin) -> tuple[object, ...]:
    blob, manifest = bytes.fromhex(origin.blob), bytes.fromhex(origin.manifest)
    if len(blob) != DIGEST_BYTES or len(manifest) != DIGEST_BYTES:
        raise ValueError("a digest of its origin is impossible")
    return blob, origin.key, manifest


def _to_origin(row: OriginRow) -> Origin:
    return Origin(Digest(row.blob.hex()), row.key, Digest(row.manifest.hex()))


def _from_object(annotated: AnnotatedObject) -> tuple[object, ...]:
    """Return the values of an ObjectRow; a tuple of them encodes the same and costs half to make."""
    shape, confidence, custom = _from_geometry(annotated.geometry), annotated.confidence, annotated.custom
    if confidence is None and not (annotated.author or annotated.tags or custom):
        return annotated.class_name, shape  # most are shapes and nothing else
    return (
        annotated.class_name,
        shape,
        None if confidence is None else _shorten(confidence),
        annotated.author,
        _from_tags(annotated.tags),
        _from_custom(custom),
    )


def _from_boxes(boxes: Boxes) -> list[tuple[object, ...]]:
    """Return what `_from_object` does of each object that a box is; a call for each would double the time."""
    return [
        (class_name, (_RECTANGLE, corners, _NONE, _NONE, _NONE, _THOUSANDTHS))
        if corners[0] % 1000 or corners[1] % 1000 or corners[2] % 1000 or corners[3] % 1000
        else (class_name, (_RECTANGLE, [edge // 1000 for edge in corners], _NONE, _NONE, _NONE))
        for class_name, corners in zip(boxes.class_names, boxes.corners, strict=True)
    ]


def _from_geometry(geometry: Geometry) -> tuple[object, ...]:
    """Return the values of a GeometryRow: in thousandths where that is exact, and not all are whole.

    To a compressor the float 2.345 is eight bytes of noise, the integer 2345 is two or three.
    """
    kind, points, holes = geometry.kind, geometry.points, geometry.holes
    runs, names = geometry.runs, geometry.names
    seen = _from_visibility(geometry) if geometry.visibility else _NONE
    if len(points) == 2 and not holes:  # most are rectangles: as below, at a third of its cost
        (left, top), (right, bottom) = points
        if -_FAR < left < _FAR and -_FAR < top < _FAR and -_FAR < right < _FAR and -_FAR < bottom < _FAR:
            a, b, c, d = round(left * 1000), round(top * 1000), round(right * 1000), round(bottom * 1000)
            is_exact = a / 1000 == left and b / 1000 == top and c / 1000 == right and d / 1000 == bottom
            if is_exact and (a % 1000 or b % 1000 or c % 1000 or d % 1000):
                return kind, (a, b, c, d), _NONE, runs, names, _THOUSANDTHS, *seen
    rings = [[value for point in ring for value in point] for ring in (points, *holes)]
    flat = [value for ring in rings for value in ring]
    if not all(map(isfinite, flat)):
        raise ValueError("a coordinate is not finite")
    if any(value % 1 for value in flat) and all(map(_is_thousandths, flat)):
        scaled = [[round(value * 1000) for value in ring] for ring in rings]
        return kind, scaled[0], scaled[1:], runs, names, _THOUSANDTHS, *seen
    short = [[_shorten(value) for value in ring] for ring in rings]
    return (kind, short[0], short[1:], runs, names, *((0, *seen) if seen else ()))


def _from_visibility(geometry: Geometry) -> tuple[object, ...]:
    """Return what is written of it: nothing where all points are visible, which is what nothing means."""
    if len(geometry.visibility) != len(geometry.points):
        raise ValueError("a shape has not a visibility for each of its points")
    return _NONE if set(geometry.visibility) == {Visibility.VISIBLE} else (geometry.visibility,)


def _is_thousandths(value: float) -> bool:
    """Say whether a number is exactly that of some thousandths, and they make it again."""
    return -_FAR < value < _FAR and round(value * 1000) / 1000 == value


def _to_object(row: ObjectRow) -> AnnotatedObject:
    shape = row.geometry
    points: Sequence[float] = shape.points
    holes: Iterable[Sequence[float]] = shape.holes
    if shape.decimals:
        points = _from_thousandths(points)
        holes = map(_from_thousandths, holes) if holes else ()
    geometry = Geometry(
        shape.kind, _pair(points), tuple(map(_pair, holes)) if holes else (), shape.runs, shape.names
    )
    if shape.visibility:
        geometry = replace(geometry, visibility=_to_visibility(shape))
    return AnnotatedObject(
        row.class_name, geometry, row.confidence, row.author, _to_tags(row.tags), row.custom
    )


def _to_visibility(shape: GeometryRow) -> tuple[Visibility, ...]:
    if 2 * len(shape.visibility) != len(shape.points):
        raise CorruptData("The manifest holds a shape without a visibility for each of its points.")
    return shape.visibility


def _from_thousandths(values: Iterable[float]) -> list[float]:
    return [value / 1000 for value in values]


def _from_tags(tags: Iterable[Tag]) -> list[TagRow]:
    return [TagRow(t.name, None if t.value is None else _from_value(t.value)) for t in tags]


def _to_tags(rows: Iterable[TagRow]) -> tuple[Tag, ...]:
    return tuple([Tag(row.name, row.value) for row in rows]) if rows else ()


def _from_custom(custom: Mapping[str, str | float | bool]) -> dict[str, str | float | bool]:
    return {key: _from_value(custom[key]) for key in sorted(custom)}


def _from_value(value: str | float | bool) -> str | float | bool:
    return value if isinstance(value, str | bool) else _shorten(value)


def _pair(values: Sequence[float]) -> tuple[Point, ...]:
    if len(values) == 4:  # most shapes are rectangles
        left, top, right, bottom = values
        return (left, top), (right, bottom)
    if len(values) % 2:
        raise CorruptData("The manifest holds a point without its y.")
    coordinates = iter(values)
    return tuple(zip(coordinates, coordinates, strict=True))


def _shorten(value: float) -> float:
    """Return an integral value as an int: shorter, and 3 and 3.0 become the same bytes."""
    whole = int(value)  # raises for what is not finite
    if whole == value and -_EXACT_INTEGERS < whole < _EXACT_INTEGERS:
        return whole
    return float(value)
