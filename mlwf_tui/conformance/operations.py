"""What every operation must do, as checks that its own tests can run.

    from mlwf_tui.conformance import OPERATION_CHECKS, OperationCase

    @pytest.mark.parametrize("check", OPERATION_CHECKS)
    def test_my_operation_keeps_the_contract(check):
        check(OperationCase.of("my_operation", strength=3))

Each check raises an AssertionError that says what is not kept. The items are small pictures with boxes, a
polygon and a mask of the classes `cat` and `dog`, in two datasets and all kinds of splits.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any, Final, NamedTuple, Self, cast

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import (
    AnnotatedObject,
    Annotation,
    Geometry,
    GeometryKind,
    LabelSchema,
    Tag,
    TagDefinition,
    define_classes,
)
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split, check_dataset, check_name
from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.probe import probe_image
from mlwf_tui.params import build_params, describe_params
from mlwf_tui.protocols.operations import Draft, ImageOperation, Operation, PlannedItem, SourceItem
from mlwf_tui.registry import Registry

WIDTH_PX: Final = 64
HEIGHT_PX: Final = 48
AUTHOR: Final = "ada"  # of the polygon, whose every field is set

_encoder = msgspec.msgpack.Encoder()
_draft_decoder = msgspec.msgpack.Decoder(Draft)


class Made(NamedTuple):
    """One result; `image` is None, and `source` the item, where the pixels are those of a source."""

    item: Item
    image: bytes | None
    source: Item | None


class OperationCase(msgspec.Struct, frozen=True):
    """An operation with its parameters, and what it is tried on."""

    operation: Operation
    params: Any
    items: tuple[SourceItem, ...]
    schema: LabelSchema

    @classmethod
    def of(cls, name: str, /, **params: Any) -> Self:
        """Return the case of a registered operation, with these parameters and else its defaults.

        Raises:
            NotFound: no entry point has that name.
            InvalidParameter: a parameter does not fit.
        """
        operation = Registry().get_operation(name)
        return cls(operation, build_params(operation.params_type, params), make_items(), make_schema())

    def plan(self, *, seed: int = 0, items: Sequence[SourceItem] | None = None) -> list[PlannedItem | Draft]:
        """Return what the operation plans for the items, or for these."""
        chosen = self.items if items is None else items
        return list(self.operation.plan(chosen, self.schema, self.params, seed=seed))

    def follow(self, *, seed: int = 0, items: Sequence[SourceItem] | None = None) -> list[Made]:
        """Return all results, made in this process."""
        chosen = self.items if items is None else items
        return list(self._iter_made(self.plan(seed=seed, items=chosen), chosen))

    def make(self, draft: Draft, items: Sequence[SourceItem]) -> Made | None:
        """Return what a draft becomes, as another process makes it that was sent the draft."""
        sent = _draft_decoder.decode(_encoder.encode(draft))
        sources = [items[position] for position in draft.sources]
        made = cast(ImageOperation, self.operation).make(sent, sources, self.params)
        if made is None:
            return None
        return Made(replace(made.item, size_bytes=len(made.image)), made.image, None)

    def _iter_made(self, plan: Sequence[PlannedItem | Draft], items: Sequence[SourceItem]) -> Iterator[Made]:
        for planned in plan:
            if isinstance(planned, PlannedItem):
                yield Made(planned.item, None, items[planned.source].item)
            else:
                made = self.make(planned, items)
                if made is not None:
                    yield made


def check_declaration(case: OperationCase) -> None:
    """Name, summary, group, version and parameters are told; the parameters are a frozen dataclass."""
    operation = case.operation
    _expect(
        Registry().get_operation(operation.name).name == operation.name, "its name is not its entry point"
    )
    _expect(bool(operation.summary and operation.group), "it has no summary, or no group")
    _expect(operation.version >= 1, "its version is below 1")
    _expect(operation.params_type.__dataclass_params__.frozen, "its parameters are no frozen dataclass")
    _expect(all(spec.help for spec in describe_params(operation.params_type)), "a parameter has no help")
    has_defaults = (f.default is not dataclasses.MISSING for f in dataclasses.fields(operation.params_type))
    _expect(all(has_defaults), "a parameter has no default")


def check_determinism(case: OperationCase) -> None:
    """The same seed gives the same results, to the last byte."""
    _expect(case.plan(seed=7) == case.plan(seed=7), "the same seed plans different results")
    _expect(case.follow(seed=7) == case.follow(seed=7), "the same seed makes different results")
    if not getattr(case.operation, "is_random", True):
        _expect(case.follow(seed=1) == case.follow(seed=2), "its seed decides something: is_random is wrong")


def check_order_independence(case: OperationCase) -> None:
    """What comes out does not depend on the order in which the items stand."""
    there = {made.item.key: made for made in case.follow(seed=3)}
    back = {made.item.key: made for made in case.follow(seed=3, items=case.items[::-1])}
    _expect(there == back, "items in another order give other results")


def check_purity_of_make(case: OperationCase) -> None:
    """A draft becomes the same wherever and whenever it is made, also after it was sent to a process."""
    drafts = [planned for planned in case.plan(seed=5) if isinstance(planned, Draft)]
    before = [source.item for source in case.items]
    there = [case.make(draft, case.items) for draft in drafts]
    back = [case.make(draft, case.items) for draft in reversed(drafts)]
    _expect(there == back[::-1], "drafts made in another order become others")
    _expect(before == [source.item for source in case.items], "it changes the items that it is given")
    for draft, made in zip(drafts, there, strict=True):
        _expect(0 <= draft.seed < 1 << 63, f"the seed {draft.seed} does not fit")
        _expect(all(0 <= at < len(case.items) for at in draft.sources), "a draft names no item of the plan")
        if made is not None:
            named = (made.item.dataset, made.item.name)
            _expect(named == (draft.dataset, draft.name), f"{draft.name} is called {made.item.key} when made")


def check_names(case: OperationCase) -> None:
    """Keys are unique, and good names everywhere."""
    keys = [made.item.key for made in case.follow()]
    _expect(len(keys) == len(set(keys)), f"two results have one key: {sorted(keys)}")
    for made in case.follow():
        check_dataset(made.item.dataset)
        check_name(made.item.name, "item name")


def check_images(case: OperationCase) -> None:
    """A new image is of the size and kind that its item says; one that was kept is its source's."""
    for made in case.follow():
        item = made.item
        if made.image is not None:
            facts = probe_image(made.image)
            size = (facts.width_px, facts.height_px)
            _expect(size == (item.width_px, item.height_px), f"{item.key} is {size}")
            kind = "png" if item.name.lower().endswith(".png") else "jpeg"
            _expect(facts.format == kind, f"{item.key} is a {facts.format} image")
        elif made.source is not None:
            kept = (item.blob, item.size_bytes, item.width_px, item.height_px)
            source = made.source
            is_same = kept == (source.blob, source.size_bytes, source.width_px, source.height_px)
            _expect(is_same, f"{item.key} has other pixels than its source, without a draft")


def check_objects(case: OperationCase) -> None:
    """Objects lie inside of their image, and have an area."""
    for seed in range(5):
        for made in case.follow(seed=seed):
            item = made.item
            for labelled in item.annotation.objects:
                left, top, right, bottom = labelled.geometry.bounds
                is_inside = 0 <= left <= right <= item.width_px and 0 <= top <= bottom <= item.height_px
                _expect(is_inside, f"{item.key} has an object outside: {labelled.geometry.bounds}")
                is_flat = labelled.geometry.kind in (GeometryKind.POINT, GeometryKind.KEYPOINTS)
                is_flat |= labelled.geometry.kind is GeometryKind.POLYLINE
                _expect(is_flat or (left < right and top < bottom), f"{item.key} has an object of no area")


def check_schema(case: OperationCase) -> None:
    """Classes and tags of the results are in the schema of the results."""
    schema = case.operation.transform_schema(case.schema, case.params)
    tags = {definition.name for definition in schema.tags}
    for made in case.follow():
        annotation = made.item.annotation
        for labelled in annotation.objects:
            is_known = labelled.class_name in schema.class_names
            _expect(is_known, f"the class {labelled.class_name} of {made.item.key} is not in the schema")
        carried = [*annotation.tags, *[tag for labelled in annotation.objects for tag in labelled.tags]]
        for tag in carried:
            _expect(tag.name in tags, f"the tag {tag.name} of {made.item.key} is not in the schema")


def check_provenance(case: OperationCase) -> None:
    """An object keeps its author, confidence, tags and custom values, and an item its split.

    Of the sample's objects the one by ada has them all: whatever object is hers afterwards has them still.
    """
    for made in case.follow():
        for labelled in made.item.annotation.objects:
            if labelled.author == AUTHOR:
                _expect(labelled.confidence is not None, "an object has lost its confidence")
                _expect(set(_POLYGON.tags) <= set(labelled.tags), "an object has lost its tags")
                kept = _POLYGON.custom.items() <= labelled.custom.items()
                _expect(kept, "an object has lost its custom values")
        if made.source is not None:
            _expect(made.item.origins == made.source.origins, "an item has lost its origins")


def check_nothing(case: OperationCase) -> None:
    """No items give no results, or are refused in words."""
    try:
        _expect(case.follow(items=()) == [], "there are results of nothing")
    except InvalidInput:
        return


OPERATION_CHECKS: tuple[Callable[[OperationCase], None], ...] = (
    check_declaration,
    check_determinism,
    check_order_independence,
    check_purity_of_make,
    check_names,
    check_images,
    check_objects,
    check_schema,
    check_provenance,
    check_nothing,
)


# --- what operations are tried on ----------------------------------------------------------------

_POLYGON = AnnotatedObject(
    "cat",
    Geometry(GeometryKind.POLYGON, ((10.0, 10.0), (40.0, 12.0), (25.0, 40.0))),
    confidence=0.75,
    author=AUTHOR,
    tags=(Tag("blurred"),),
    custom={"truncated": True},
)
_MASK = AnnotatedObject("dog", Geometry(GeometryKind.MASK, ((20.0, 10.0), (24.0, 14.0)), runs=(1, 6, 2, 7)))


def make_schema() -> LabelSchema:
    """Return the classes and tags of the items."""
    return LabelSchema(define_classes(("cat", "dog"), geometry=None), (TagDefinition("blurred"),))


def make_items() -> tuple[SourceItem, ...]:
    """Return the items, in key order."""
    return (
        _make_item("main", "a.jpg", Split.TRAIN, (_box("cat", 4, 5, 30, 30), _box("dog", 10, 20, 50, 48))),
        _make_item("main", "b.png", Split.TRAIN, (_box("dog", 1, 2, 40, 44), _POLYGON, _MASK)),
        _make_item("main", "d.bmp", Split.NONE, (_box("cat", 0, 0, 64, 48),)),
        _make_item("other", "c.jpg", Split.VAL, ()),
    )


def _box(class_name: str, left: float, top: float, right: float, bottom: float) -> AnnotatedObject:
    return AnnotatedObject(class_name, Geometry.rectangle(left, top, right, bottom))


def _make_item(dataset: str, name: str, split: Split, objects: tuple[AnnotatedObject, ...]) -> SourceItem:
    data = _draw(name, objects)
    item = Item(
        dataset=dataset,
        name=name,
        blob=Digest(hashlib.sha256(data).hexdigest()),
        size_bytes=len(data),
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        split=split,
        annotation=Annotation(objects),
    )
    return SourceItem(item, lambda: data)


def _draw(name: str, objects: Sequence[AnnotatedObject]) -> bytes:
    """Return noise that its name decides, with each object's bounds painted white."""
    from PIL import Image, ImageDraw

    noise = hashlib.shake_128(name.encode()).digest(WIDTH_PX * HEIGHT_PX * 3)
    image = Image.frombytes("RGB", (WIDTH_PX, HEIGHT_PX), noise).point(lambda value: value // 2)
    pen = ImageDraw.Draw(image)
    for labelled in objects:
        left, top, right, bottom = labelled.geometry.bounds
        pen.rectangle((left, top, right - 1, bottom - 1), fill="white")
    file = BytesIO()
    kind = {"jpg": "JPEG", "png": "PNG", "bmp": "BMP"}[name.rpartition(".")[2]]
    image.save(file, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return file.getvalue()


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise AssertionError(otherwise)
