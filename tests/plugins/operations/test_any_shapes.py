"""Every operation takes every kind of shape, and leaves nothing outside of its image or its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import given, note, settings

from mlwf_tui.entities.annotation import AnnotatedObject, GeometryKind, LabelSchema
from mlwf_tui.entities.item import Item
from mlwf_tui.errors import InvalidInput
from mlwf_tui.params import build_params
from mlwf_tui.protocols.operations import SourceItem
from mlwf_tui.registry import Registry
from tests.contracts.test_operations import NEEDED
from tests.operating import follow
from tests.shapes import SCHEMA, draw_items

NAMES: Final = Registry().list_names("operations")
PARAMS: Final[Mapping[str, Mapping[str, Any]]] = {
    **NEEDED,
    "anonymize": {"classes": ("car",)},
    "convert_shapes": {"to": "mask"},
    "drop_classes": {"classes": ("person",)},
    "filter": {"where": "any(area > 10 or confidence < 0.5) or tag(night) or custom(x) != 3"},
    "prepare": {"task": "semantic", "background": "ground"},
    "rename_classes": {"names": ("car=person",)},
    "sample": {"fraction": 0.5},
    "tag": {"tag": "checked", "where": "area > 100", "target": "objects"},
}
_MAY_STICK_OUT: Final = (GeometryKind.ORIENTED_BOX, GeometryKind.KEYPOINTS)  # four corners stay four


@settings(deadline=None, max_examples=5)
@given(items=draw_items())
def test_results_are_sound_whatever_the_shapes(items: list[SourceItem]) -> None:
    for name in NAMES:
        note(name)
        operation, params = Registry().get_operation(name), PARAMS.get(name, {})
        schema = operation.transform_schema(SCHEMA, build_params(operation.params_type, params))
        try:
            results = follow(name, items, schema=SCHEMA, **params)
        except InvalidInput as error:  # nothing in train, or too few items: said in words
            assert error.hint, name
            continue
        for made in results:
            for labelled in made.item.annotation.objects:
                check_object(labelled, made.item, schema)


def check_object(labelled: AnnotatedObject, item: Item, schema: LabelSchema) -> None:
    geometry = labelled.geometry
    allowed = {definition.name: definition.geometry for definition in schema.classes}
    assert allowed[labelled.class_name] in (None, geometry.kind)
    assert geometry.points
    left, top, right, bottom = geometry.bounds
    if geometry.kind not in _MAY_STICK_OUT:
        assert 0 <= left <= right <= item.width_px, geometry
        assert 0 <= top <= bottom <= item.height_px, geometry
    if geometry.kind is GeometryKind.MASK:
        assert sum(geometry.runs) == (right - left) * (bottom - top)
