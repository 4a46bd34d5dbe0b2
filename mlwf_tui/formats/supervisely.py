"""Annotations in Supervisely's JSON format for images: what a checkout holds, and sync reads back.

`supervisely_shapes.py` has the shapes of objects, `supervisely_extras.py` what is said besides shapes and
tags, `supervisely_meta.py` the label schema. All that our model knows goes to the format's own place where
it has one; the rest goes to keys of ours, which Supervisely's tools pass over: `split` of an item,
`confidence` of an object, `corners` of an oriented box, and `geometry` of a shape that the format cannot
hold. docs/format.md lists them. Reading gives back what was written, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Final, TypeVar

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Tag
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.json_faults import tell_json_fault
from mlwf_tui.formats.supervisely_extras import (
    DESCRIPTION,
    PLACES,
    Custom,
    Value,
    read_custom,
    read_place,
    shorten,
    split_description,
    write_custom,
    write_extras,
    write_value,
)
from mlwf_tui.formats.supervisely_meta import decode_meta as decode_meta
from mlwf_tui.formats.supervisely_meta import encode_meta as encode_meta
from mlwf_tui.formats.supervisely_shapes import MaskBudget, ShapeJson, read_shape, write_shape

MAX_ANNOTATION_BYTES: Final = 64 << 20
MAX_PROBLEMS: Final = 100  # of one file; what comes after is counted

_BOM = b"\xef\xbb\xbf"
_NO_NODES: Final[Mapping[str, Mapping[str, str]]] = {}
_NO_SKELETONS: Final[Mapping[str, Sequence[str]]] = {}
_SPLITS: Final = {split.value: split for split in Split}
_encode = msgspec.json.Encoder().encode

T = TypeVar("T")
Side = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class DecodedAnnotation(msgspec.Struct, frozen=True, kw_only=True):
    """What an annotation file says. `problems` names what of it was left out, for a person.

    It is whole where no object, no tag and no split was left out, whatever else was.
    """

    annotation: Annotation
    width_px: int
    height_px: int
    split: Split | None  # None where the file says nothing, or nothing known
    problems: tuple[str, ...]
    is_whole: bool


class SizeJson(msgspec.Struct, gc=False):
    height: Side
    width: Side


class TagJson(msgspec.Struct, gc=False):
    name: str
    value: str | float | None = None


class ObjectJson(ShapeJson, gc=False, rename="camel", kw_only=True):
    class_title: str
    tags: list[TagJson | str] | None = None
    confidence: Share | None = None
    labeler_login: str | None = None
    custom_data: object = None
    description: object = None
    created_at: object = None
    updated_at: object = None
    instance: object = None
    id: object = None
    nn_created: object = None
    nn_updated: object = None


class AnnotationJson(msgspec.Struct, gc=False):
    size: SizeJson
    objects: list[msgspec.Raw]  # each read by itself, so that a bad one does not spoil the others
    tags: list[msgspec.Raw] | None = None
    split: object = None
    description: object = None
    customBigData: object = None  # noqa: N815 - its name; Supervisely's tools keep this one
    customData: object = None  # noqa: N815


_annotation_decoder = msgspec.json.Decoder(AnnotationJson)
_object_decoder = msgspec.json.Decoder(ObjectJson)
_tag_decoder = msgspec.json.Decoder(TagJson | str)


# --- writing -------------------------------------------------------------------------------------


def encode_annotation(item: Item, skeletons: Mapping[str, Sequence[str]] = _NO_SKELETONS) -> bytes:
    """Return an item's annotation file, one object a line; equal items give equal bytes.

    Put together by hand: msgspec itself writes one long line, or a line for every number. (Equal is
    what the store holds equal: it knows no sign of zero.) Keypoints without names are written under those
    that `skeletons` have for their class, since Supervisely knows only nodes of its template.

    Raises:
        InvalidInput: it has a number that is not finite, or a text that is no Unicode.
    """
    annotation = item.annotation
    try:
        objects = frame_objects([_write_object(labelled, skeletons) for labelled in annotation.objects])
        size = item.width_px, item.height_px
        return write_document(*size, item.split, annotation.tags, annotation.custom, objects)
    except (ValueError, OverflowError, TypeError) as error:
        raise InvalidInput(
            f"The annotation of {item.key} cannot be written: {error}.", hint="Mend the annotation."
        ) from error


def write_document(
    width_px: int, height_px: int, split: Split, tags: Iterable[Tag], custom: Custom, objects: bytes
) -> bytes:
    """Return an annotation file around what was written of its objects.

    Raises:
        ValueError: as `write_extras`.
    """
    description, rest = split_description(custom) if custom else ("", custom)
    return (
        b'{\n  "description": %b,\n  "tags": %b,\n  "size": {"height": %d, "width": %d},\n'
        b'  "split": "%b",\n%b  "objects": %b\n}\n'
        % (
            _encode(description),
            write_tags(tags),
            height_px,
            width_px,
            split.encode(),
            b'  "customBigData": %b,\n' % write_custom(rest) if rest else b"",
            objects,
        )
    )


def frame_objects(lines: Iterable[bytes]) -> bytes:
    """Return the list of the objects that were written one by one."""
    joined = b",\n    ".join(lines)
    return b"[\n    %b\n  ]" % joined if joined else b"[]"


def _write_object(labelled: AnnotatedObject, skeletons: Mapping[str, Sequence[str]]) -> bytes:
    return b'{"classTitle": %b, %b, "tags": %b%b}' % (
        _encode(labelled.class_name),
        write_shape(labelled.geometry, skeletons.get(labelled.class_name, ())),
        write_tags(labelled.tags) if labelled.tags else b"[]",
        write_extras(labelled.confidence, labelled.author, labelled.custom),
    )


def write_tags(tags: Iterable[Tag]) -> bytes:
    """Return tags as they stand in a file and in an object.

    Raises:
        ValueError: as `write_extras`.
    """
    return b"[%b]" % b", ".join([_write_tag(tag) for tag in tags])


def _write_tag(tag: Tag) -> bytes:
    if tag.value is None:
        return b'{"name": %b}' % _encode(tag.name)
    return b'{"name": %b, "value": %b}' % (_encode(tag.name), write_value(tag.value))


# --- reading -------------------------------------------------------------------------------------


def decode_annotation(data: bytes, nodes: Mapping[str, Mapping[str, str]] = _NO_NODES) -> DecodedAnnotation:
    """Return what an annotation file says; objects and tags that cannot be read become problems.

    `nodes` has, by class, what its template calls the nodes that objects name by their ids.

    Raises:
        InvalidInput: it is no annotation at all. The message follows the file's name: "is not JSON".
    """
    document = _decode_document(data)
    problems: list[str] = []
    objects, tags = _read_objects(document, nodes, problems), _read_tags(document, problems)
    annotation = Annotation(objects, tags, _read_item_custom(document, problems))
    split = _read_split(document, problems)
    counts = len(objects), len(tags), split is None
    return DecodedAnnotation(
        annotation=annotation,
        width_px=document.size.width,
        height_px=document.size.height,
        split=split,
        problems=_cut(problems),
        is_whole=counts == (len(document.objects), len(document.tags or ()), document.split is None),
    )


def _decode_document(data: bytes) -> AnnotationJson:
    if len(data) > MAX_ANNOTATION_BYTES:
        raise InvalidInput(f"is larger than {MAX_ANNOTATION_BYTES >> 20} MiB")
    content = data.removeprefix(_BOM)
    try:
        return _annotation_decoder.decode(content)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"is not an annotation: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"is not JSON: {tell_json_fault(error, content)}") from error
    except RecursionError as error:
        raise InvalidInput("is nested too deeply") from error


def _read_objects(
    document: AnnotationJson, nodes: Mapping[str, Mapping[str, str]], problems: list[str]
) -> tuple[AnnotatedObject, ...]:
    budget = MaskBudget()
    objects = []
    for number, row in _decode_each(_object_decoder, document.objects, "object", problems):
        try:
            labelled, notes = _read_object(row, budget, nodes)
        except InvalidInput as error:
            notes = (error.message,)
        else:
            objects.append(labelled)
        if notes:
            title = f"object {number} ({shorten(row.class_title)})"
            problems.extend([f"{title} {note}" for note in notes])
    return tuple(objects)


def _read_tags(document: AnnotationJson, problems: list[str]) -> tuple[Tag, ...]:
    rows = _decode_each(_tag_decoder, document.tags or (), "tag", problems)
    return tuple([_to_tag(row) for _, row in rows])


def _decode_each(
    decoder: msgspec.json.Decoder[T], raws: Iterable[msgspec.Raw], what: str, problems: list[str]
) -> Iterator[tuple[int, T]]:
    """Yield what can be read, numbered from 1; the rest is told."""
    for number, raw in enumerate(raws, start=1):
        try:
            yield number, decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            problems.append(f"{what} {number} cannot be read: {error}")


def _read_object(
    row: ObjectJson, budget: MaskBudget, nodes: Mapping[str, Mapping[str, str]]
) -> tuple[AnnotatedObject, Sequence[str]]:
    """Return an object, and what is to be said about it.

    Raises:
        InvalidInput: its shape cannot be used; the message follows the object's name.
    """
    geometry, note = read_shape(row, budget, nodes.get(row.class_title))
    notes = [note] if note else []
    custom = _read_object_custom(row, notes)
    tags = tuple([_to_tag(tag) for tag in row.tags]) if row.tags else ()
    author = row.labeler_login or ""
    return AnnotatedObject(row.class_title, geometry, row.confidence, author, tags, custom), notes


def _read_object_custom(row: ObjectJson, notes: list[str]) -> dict[str, Value]:
    custom = read_custom(row.custom_data, notes) if row.custom_data else {}
    placed = (
        row.description, row.created_at, row.updated_at, row.instance, row.id, row.nn_created, row.nn_updated,
    )  # fmt: skip
    if any(placed):  # few have one
        for key, value in zip(PLACES, placed, strict=True):
            read_place(key, value, custom, notes)
    return custom


def _read_item_custom(document: AnnotationJson, problems: list[str]) -> dict[str, Value]:
    notes: list[str] = []
    custom = read_custom(document.customBigData, notes, name="customBigData")
    custom |= read_custom(document.customData, notes)
    read_place(DESCRIPTION, document.description, custom, notes)
    problems += [f"the image {note}" for note in notes]
    return custom


def _to_tag(found: TagJson | str) -> Tag:
    return Tag(found) if isinstance(found, str) else Tag(found.name, found.value)


def _read_split(document: AnnotationJson, problems: list[str]) -> Split | None:
    if document.split is None:
        return None
    found = _SPLITS.get(document.split) if isinstance(document.split, str) else None
    if found is None:
        problems.append(f"the split is {shorten(str(document.split))}, which is none of {', '.join(Split)}")
    return found


def _cut(problems: list[str]) -> tuple[str, ...]:
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    return (*problems[:MAX_PROBLEMS], f"and {len(problems) - MAX_PROBLEMS} more")
