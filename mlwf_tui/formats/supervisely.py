"""Annotations in Supervisely's JSON format for images: what a checkout holds, and sync reads back.

`supervisely_shapes.py` has the shapes of objects, `supervisely_meta.py` the label schema. All that our
model knows goes to the format's own place where it has one; the rest goes to keys of ours, which
Supervisely's tools pass over: `split` of an item, `confidence` of an object, `corners` of an oriented
box, and `geometry` of a shape that the format cannot hold. docs/format.md lists them.

Reading gives back what was written, to the last bit. Of what Supervisely itself writes, ids, times and
the rest that our model has no place for are passed over; texts and values are named as problems.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Final, TypeVar

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Tag
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely_meta import decode_meta as decode_meta
from mlwf_tui.formats.supervisely_meta import encode_meta as encode_meta
from mlwf_tui.formats.supervisely_shapes import MaskBudget, ShapeJson, read_shape, write_shape

MAX_ANNOTATION_BYTES: Final = 64 << 20
MAX_PROBLEMS: Final = 100  # of one file; what comes after is counted

_LARGEST_INTEGER = int(sys.float_info.max)
_BOM = b"\xef\xbb\xbf"
_SPLITS: Final = {split.value: split for split in Split}
_encode = msgspec.json.Encoder().encode

T = TypeVar("T")
Side = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class DecodedAnnotation(msgspec.Struct, frozen=True, kw_only=True):
    """What an annotation file says. `problems` names what of it was left out, for a person."""

    annotation: Annotation
    width_px: int
    height_px: int
    split: Split | None  # None where the file says nothing, or nothing known
    problems: tuple[str, ...]


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


class AnnotationJson(msgspec.Struct, gc=False):
    size: SizeJson
    objects: list[msgspec.Raw]  # each read by itself, so that a bad one does not spoil the others
    tags: list[msgspec.Raw] | None = None
    split: object = None
    description: object = None


_annotation_decoder = msgspec.json.Decoder(AnnotationJson)
_object_decoder = msgspec.json.Decoder(ObjectJson)
_tag_decoder = msgspec.json.Decoder(TagJson | str)


# --- writing -------------------------------------------------------------------------------------


def encode_annotation(item: Item) -> bytes:
    """Return an item's annotation file, one object a line; equal items give equal bytes.

    Put together by hand: msgspec itself writes one long line, or a line for every number. (Equal is
    what the store holds equal: it knows no sign of zero.)

    Raises:
        InvalidInput: it has a number that is not finite, or a text that is no Unicode.
    """
    annotation = item.annotation
    try:
        objects = _write_objects(annotation.objects)
        return write_document(item.width_px, item.height_px, item.split, annotation.tags, objects)
    except (ValueError, OverflowError, TypeError) as error:
        raise InvalidInput(
            f"The annotation of {item.key} cannot be written: {error}.", hint="Mend the annotation."
        ) from error


def write_document(width_px: int, height_px: int, split: Split, tags: Iterable[Tag], objects: bytes) -> bytes:
    """Return an annotation file around what was written of its objects."""
    return (
        b'{\n  "description": "",\n  "tags": %b,\n  "size": {"height": %d, "width": %d},\n'
        b'  "split": "%b",\n  "objects": %b\n}\n'
        % (write_tags(tags), height_px, width_px, split.encode(), objects)
    )


def frame_objects(lines: Iterable[bytes]) -> bytes:
    """Return the list of the objects that were written one by one."""
    joined = b",\n    ".join(lines)
    return b"[\n    %b\n  ]" % joined if joined else b"[]"


def _write_objects(objects: Iterable[AnnotatedObject]) -> bytes:
    return frame_objects([_write_object(labelled) for labelled in objects])


def _write_object(labelled: AnnotatedObject) -> bytes:
    extras = write_extras(labelled.confidence, labelled.author, labelled.custom)
    return b'{"classTitle": %b, %b, "tags": %b%b}' % (
        _encode(labelled.class_name),
        write_shape(labelled.geometry),
        write_tags(labelled.tags) if labelled.tags else b"[]",
        extras,
    )


def write_extras(confidence: float | None, author: str, custom: Mapping[str, str | float | bool]) -> bytes:
    """Return the members that end an object, each with a comma before it; most objects have none.

    Raises:
        ValueError: a number that is not finite, or a text that is no Unicode.
    """
    extras = b""
    if confidence is not None:
        extras += b', "confidence": ' + _write_number(confidence)
    if author:
        extras += b', "labelerLogin": ' + _encode(author)
    if custom:
        extras += b', "customData": ' + _write_custom(custom)
    return extras


def write_tags(tags: Iterable[Tag]) -> bytes:
    """Return tags as they stand in a file and in an object.

    Raises:
        ValueError: as `write_extras`.
    """
    return b"[%b]" % b", ".join([_write_tag(tag) for tag in tags])


def _write_tag(tag: Tag) -> bytes:
    if tag.value is None:
        return b'{"name": %b}' % _encode(tag.name)
    return b'{"name": %b, "value": %b}' % (_encode(tag.name), _write_value(tag.value))


def _write_custom(custom: Mapping[str, str | float | bool]) -> bytes:
    return b"{%b}" % b", ".join([b"%b: %b" % (_encode(k), _write_value(custom[k])) for k in sorted(custom)])


def _write_value(value: str | float | bool) -> bytes:
    return _encode(value) if isinstance(value, str | bool) else _write_number(value)


def _write_number(value: float) -> bytes:
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    return _encode(value).removesuffix(b".0")


# --- reading -------------------------------------------------------------------------------------


def decode_annotation(data: bytes) -> DecodedAnnotation:
    """Return what an annotation file says; objects and tags that cannot be read become problems.

    Raises:
        InvalidInput: it is no annotation at all. The message follows the file's name: "is not JSON".
    """
    document = _decode_document(data)
    problems: list[str] = []
    return DecodedAnnotation(
        annotation=Annotation(_read_objects(document, problems), _read_tags(document, problems)),
        width_px=document.size.width,
        height_px=document.size.height,
        split=_read_split(document, problems),
        problems=_cut(problems),
    )


def _decode_document(data: bytes) -> AnnotationJson:
    if len(data) > MAX_ANNOTATION_BYTES:
        raise InvalidInput(f"is larger than {MAX_ANNOTATION_BYTES >> 20} MiB")
    try:
        return _annotation_decoder.decode(data.removeprefix(_BOM))
    except msgspec.ValidationError as error:
        raise InvalidInput(f"is not an annotation: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidInput("is nested too deeply") from error


def _read_objects(document: AnnotationJson, problems: list[str]) -> tuple[AnnotatedObject, ...]:
    budget = MaskBudget()
    objects = []
    for number, row in _decode_each(_object_decoder, document.objects, "object", problems):
        try:
            labelled, notes = _read_object(row, budget)
        except InvalidInput as error:
            notes = (error.message,)
        else:
            objects.append(labelled)
        if notes:
            title = f"object {number} ({_shorten(row.class_title)})"
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


def _read_object(row: ObjectJson, budget: MaskBudget) -> tuple[AnnotatedObject, Sequence[str]]:
    """Return an object, and what is to be said about it.

    Raises:
        InvalidInput: its shape cannot be used; the message follows the object's name.
    """
    geometry, note = read_shape(row, budget)
    notes = [note] if note else []
    if row.description:
        notes.append("has a description, which is not kept")
    custom = _read_custom(row.custom_data, notes) if row.custom_data else {}
    tags = tuple([_to_tag(tag) for tag in row.tags]) if row.tags else ()
    author = row.labeler_login or ""
    return AnnotatedObject(row.class_title, geometry, row.confidence, author, tags, custom), notes


def _read_custom(found: object, notes: list[str]) -> dict[str, str | float | bool]:
    custom: dict[str, str | float | bool] = {}
    if not isinstance(found, dict):
        notes.append("has customData that is not an object, which is not kept")
        return custom
    for key, value in found.items():
        if isinstance(value, str | bool | float):
            custom[key] = value
        elif isinstance(value, int) and abs(value) <= _LARGEST_INTEGER:
            custom[key] = float(value)
        else:
            notes.append(f"has customData {_shorten(key)}, which is no text, number or boolean and not kept")
    return custom


def _to_tag(found: TagJson | str) -> Tag:
    return Tag(found) if isinstance(found, str) else Tag(found.name, found.value)


def _read_split(document: AnnotationJson, problems: list[str]) -> Split | None:
    if document.description:
        problems.append("the description is not kept")
    if document.split is None:
        return None
    found = _SPLITS.get(document.split) if isinstance(document.split, str) else None
    if found is None:
        problems.append(f"the split is {_shorten(str(document.split))}, which is none of {', '.join(Split)}")
    return found


def _shorten(text: str) -> str:
    """Return a text of somebody else's as a problem can show it."""
    return text if len(text) <= 40 and text.isprintable() else f"{text[:40]!r}…"


def _cut(problems: list[str]) -> tuple[str, ...]:
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    return (*problems[:MAX_PROBLEMS], f"and {len(problems) - MAX_PROBLEMS} more")
